"""Who may do what: access entries and their policies, pod identity associations; and tags."""

import re

from .objects import EksError, Resource, merge, page, pick


class Access:
    """The operations on access entries, pod identity associations and tags."""

    def _entry_cluster(self, scope, p):
        cluster = self._cluster(scope, p["clusterName"])
        if cluster.body["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise EksError("InvalidRequest", "The cluster's authentication mode must be set to one of [API, "
                           "API_AND_CONFIG_MAP] to perform this operation.")
        return cluster

    def _entry(self, scope, p):
        self._entry_cluster(scope, p)
        return self._find(scope, p, "accessEntry", p["principalArn"])[1]

    def _add_entry(self, scope, cluster, p):
        arn, kind = p["principalArn"], p.get("type", "STANDARD")
        account, principal = arn.split(":", 5)[4:]
        session = f"arn:aws:sts::{account}:assumed-role/{principal.split('/')[-1]}/{{{{SessionName}}}}"
        facts = {"username": session if principal.startswith("role/") else arn, "kubernetesGroups": []}
        if kind == "EC2_LINUX":
            facts = {"username": "system:node:{{EC2PrivateDNSName}}", "kubernetesGroups": ["system:nodes"]}
        kind_path, _, name = principal.partition("/")
        path = f"access-entry/{cluster.name}/{kind_path}/{account}/{name}/{self._uuid()}"
        body = self._stamped({"clusterName": cluster.name, "principalArn": arn, "type": kind, "tags": {},
                              **facts, "accessEntryArn": scope.arn(path)})
        merge(body, pick(p, "kubernetesGroups", "tags", "username"))
        return self._add(cluster.tables["accessEntry"], Resource("accessEntry", arn, body))

    def create_access_entry(self, scope, p):
        self._entry_cluster(scope, p)
        cluster = self._parent(scope, p, "accessEntry", p["principalArn"],
                               "The specified access entry resource is already in use on this cluster.")
        for group in p.get("kubernetesGroups", ()):
            if group.startswith("system:"):
                raise EksError("InvalidParameter", f"The kubernetes group name {group} is invalid, it cannot "
                                                   "start with system:")
        self._check_principal(scope, p["principalArn"])
        return self._add_entry(scope, cluster, p)

    def describe_access_entry(self, scope, p):
        return self._entry(scope, p)

    def list_access_entries(self, scope, p):
        policy, entries = p.get("associatedPolicyArn"), self._entry_cluster(scope, p).tables["accessEntry"]
        return page(p, "accessEntries", [e.name for e in entries.values() if policy in (None, *e.policies)])

    def delete_access_entry(self, scope, p):
        self._remove(self._entry_cluster(scope, p).tables["accessEntry"], self._entry(scope, p))
        return {}

    def associate_access_policy(self, scope, p):
        entry, policy, where = self._entry(scope, p), p["policyArn"], p["accessScope"]
        if not re.match(r"arn:[^:]+:eks::aws:cluster-access-policy/Amazon\w+Policy$", policy):
            raise EksError("InvalidParameter", "The policyArn parameter format is not valid")
        if (where.get("type") == "namespace") != bool(where.get("namespaces")):
            raise EksError("InvalidParameter", "The accessScope is not valid")
        made = {"policyArn": policy, "accessScope": {"namespaces": [], **where}}
        made = self._stamped(made, "associatedAt")
        entry.policies[policy] = {**made, **pick(entry.policies.get(policy, {}), "associatedAt")}
        return {**pick(p, "clusterName", "principalArn"), "associatedAccessPolicy": entry.policies[policy]}

    def list_associated_access_policies(self, scope, p):
        policies = list(self._entry(scope, p).policies.values())
        return {**pick(p, "clusterName", "principalArn"), **page(p, "associatedAccessPolicies", policies)}

    def disassociate_access_policy(self, scope, p):
        if self._entry(scope, p).policies.pop(p["policyArn"], None) is None:
            raise EksError("ResourceNotFound", "The specified policyArn could not be found.")
        return {}

    # pod identity associations

    def _add_association(self, scope, cluster, p, owner=None):
        table, wanted = cluster.tables["association"], pick(p, "namespace", "serviceAccount")
        for other in table.values():
            if wanted == pick(other.body, *wanted):
                raise EksError("ResourceInUse", f"Association already exists: {other.name}")
        name = "a-" + "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=17))
        body = self._stamped({
            "clusterName": cluster.name, "associationId": name, "tags": {}, "disableSessionTags": False,
            "associationArn": scope.arn(f"podidentityassociation/{cluster.name}/{name}"),
            **({"ownerArn": owner} if owner else {})})
        merge(body, {k: v for k, v in p.items() if k != "clientRequestToken"})
        return self._add(table, Resource("association", name, body))

    def create_pod_identity_association(self, scope, p):
        cluster = self._cluster(scope, p["clusterName"], active=True)
        self._check_role(scope, p["roleArn"])
        return self._add_association(scope, cluster, p)

    def list_pod_identity_associations(self, scope, p):
        members = "clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn"
        wanted = pick(p, "namespace", "serviceAccount")
        found = self._cluster(scope, p["clusterName"]).tables["association"].values()
        return page(p, "associations", [pick(a.body, *members) for a in found
                                        if pick(a.body, *wanted) == wanted])

    def delete_pod_identity_association(self, scope, p):
        cluster, association = self._find(scope, p, "association", p["associationId"])
        self._remove(cluster.tables["association"], association)
        return association

    # tags

    def _tags(self, scope, p):
        own_arns = "arn", "nodegroupArn", "addonArn", "accessEntryArn", "associationArn"
        for cluster in scope.clusters.values():
            for item in [cluster, *cluster.children()]:
                if p["resourceArn"] in pick(item.body, *own_arns).values():
                    return item.body["tags"]
        raise EksError("NotFound", f"No resource found for ARN: {p['resourceArn']}")

    def tag_resource(self, scope, p):
        self._tags(scope, p).update(p["tags"])
        return {}

    def untag_resource(self, scope, p):
        for key in p["tagKeys"]:
            self._tags(scope, p).pop(key, None)
        return {}

    def list_tags_for_resource(self, scope, p):
        return {"tags": self._tags(scope, p)}
