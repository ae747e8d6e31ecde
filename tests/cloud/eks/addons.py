"""Add-ons."""

import catalogue

from .objects import EksError, Resource, merge, page, pick

NO_REPLICAS = {"code": "InsufficientNumberOfReplicas", "resourceIds": [], "message":
               "The add-on is unhealthy because it doesn't have the desired number of replicas."}


class Addons:
    """The operations on add-ons."""

    def describe_addon_versions(self, scope, p):
        infos = catalogue.addon_infos(p.get("addonName"), p.get("kubernetesVersion"))
        return page(p, "addons", [i for i in infos if all(i[member] in p.get(member + "s", [i[member]])
                                                          for member in ("type", "publisher", "owner"))])

    def create_addon(self, scope, p):
        name = p["addonName"]
        cluster = self._parent(scope, p, "addon", name, "Addon already exists.")
        if not catalogue.is_addon(name):
            raise EksError("InvalidParameter", f"Addon {name} specified is not supported")
        versions = catalogue.addon_versions(name, cluster.body["version"])
        self._check_addon(scope, p, versions)
        body = self._stamped({
            "addonName": name, "clusterName": cluster.name, "publisher": "eks", "status": None,
            "owner": catalogue.addon_owner(name), "addonVersion": versions[1], "tags": {},
            "addonArn": scope.arn(f"addon/{cluster.name}/{name}/{self._uuid()}"), "health": {"issues": []},
            "namespaceConfig": {"namespace": "kube-system"}})
        addon = Resource("addon", name, body)
        self._configure_addon(scope, cluster, addon, p)
        merge(body, pick(p, "namespaceConfig", "tags"))
        self._begin(self._add(cluster.tables["addon"], addon), "CREATING", "addon",
                    lambda: self._judge_addon(cluster, addon))
        return addon

    def _check_addon(self, scope, p, versions):
        if p.get("addonVersion", versions[0]) not in versions:
            raise EksError("InvalidParameter", "Addon version specified is not supported")
        roles = [a["roleArn"] for a in p.get("podIdentityAssociations", [])]
        for role in [*roles, *filter(None, [p.get("serviceAccountRoleArn")])]:
            self._check_role(scope, role)

    def _configure_addon(self, scope, cluster, addon, p):
        """Take over the settings of a request; its pod identities replace those of the add-on."""
        merge(addon.body, pick(p, "addonVersion", "serviceAccountRoleArn", "configurationValues"))
        if "podIdentityAssociations" not in p:
            return
        table, arn = cluster.tables["association"], addon.body["addonArn"]
        for owned in [a for a in table.values() if a.body.get("ownerArn") == arn]:
            self._remove(table, owned)
        made = [self._add_association(scope, cluster, {"namespace": "kube-system", **wanted}, arn)
                for wanted in p["podIdentityAssociations"]]
        addon.body["podIdentityAssociations"] = [a.body["associationArn"] for a in made]

    def _judge_addon(self, cluster, addon):
        """ACTIVE, or DEGRADED when its pods have no node to run on."""
        healthy = cluster.has_nodes() or addon.name not in catalogue.NEED_NODES
        addon.body["health"] = {"issues": [] if healthy else [NO_REPLICAS]}
        self._set_status(addon, "ACTIVE" if healthy else "DEGRADED")

    def _nodes_changed(self, cluster):
        for addon in cluster.tables["addon"].values():
            if cluster.has_nodes() and addon.status == "DEGRADED":
                self._begin(addon, "DEGRADED", "addon", lambda a=addon: self._judge_addon(cluster, a))
            elif not cluster.has_nodes() and addon.status == "ACTIVE":
                self._judge_addon(cluster, addon)

    def update_addon(self, scope, p):
        cluster, addon = self._find(scope, p, "addon", p["addonName"])
        versions = catalogue.addon_versions(addon.name, cluster.body["version"])
        self._check_addon(scope, p, [*versions, addon.body["addonVersion"]])
        return self._start_update(cluster, addon, "AddonUpdate", p,
                                  lambda: self._configure_addon(scope, cluster, addon, p),
                                  lambda: self._judge_addon(cluster, addon))

    def delete_addon(self, scope, p):
        cluster, addon = self._find(scope, p, "addon", p["addonName"])

        def gone():
            self._configure_addon(scope, cluster, addon, {"podIdentityAssociations": []})
            self._remove(cluster.tables["addon"], addon)
        if addon.status != "DELETING":
            self._begin(addon, "DELETING", "addon-delete", gone)
        return addon
