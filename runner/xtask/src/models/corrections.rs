//! What botocore and the services' documentation know and the models do not say.
//!
//! This file decides, service by service and each with its reason, which marks are added to a model
//! (`runbook_aws::definition` documents them) and where a model is put right. A correction that finds nothing to correct
//! stops the packing: the service has changed.

use serde_json::{Value, json};

use super::traits::entries;

/// Text that holds JSON, by the shapes or members that hold it. `input`: maps are taken, answers stay text because they may
/// be YAML or anything else. `both`: answers are decoded too.
struct JsonText {
    service: &'static str,
    mark: &'static str,
    shapes: &'static [&'static str],
    members: &'static [&'static str],
}

const JSON_TEXTS: [JsonText; 17] = [
    JsonText {
        service: "cloudformation",
        mark: "both",
        shapes: &["StackPolicyBody", "StackPolicyDuringUpdateBody"],
        members: &[],
    },
    // Templates may be YAML.
    JsonText { service: "cloudformation", mark: "input", shapes: &["TemplateBody"], members: &[] },
    JsonText { service: "ec2", mark: "both", shapes: &[], members: &["PolicyDocument"] },
    JsonText {
        service: "ecr",
        mark: "both",
        shapes: &[
            "LifecyclePolicyText",
            "LifecyclePolicyTextForRepositoryCreationTemplate",
            "RegistryPolicyText",
            "RepositoryPolicyText",
        ],
        members: &[],
    },
    JsonText { service: "eks", mark: "both", shapes: &[], members: &["policy", "configurationSchema"] },
    // An add-on's values may be YAML.
    JsonText { service: "eks", mark: "input", shapes: &[], members: &["configurationValues"] },
    JsonText { service: "elbv2", mark: "both", shapes: &["Policy"], members: &[] },
    // Answers of IAM are percent-encoded as well; decoding sees that.
    JsonText { service: "iam", mark: "both", shapes: &["policyDocumentType"], members: &[] },
    JsonText { service: "kms", mark: "both", shapes: &["PolicyType"], members: &[] },
    JsonText {
        service: "logs",
        mark: "both",
        shapes: &[
            "AccessPolicy",
            "AccountPolicyDocument",
            "DataProtectionPolicyDocument",
            "DeliveryDestinationPolicy",
            "PolicyDocument",
        ],
        members: &[],
    },
    JsonText { service: "route53", mark: "both", shapes: &["TrafficPolicyDocument"], members: &[] },
    JsonText { service: "s3", mark: "both", shapes: &["Policy"], members: &[] },
    JsonText {
        service: "s3control",
        mark: "both",
        shapes: &["ObjectLambdaPolicy", "Policy", "PolicyDocument"],
        members: &[],
    },
    // What is kept in a secret is its owner's business, but most of them are JSON.
    JsonText { service: "secretsmanager", mark: "input", shapes: &["SecretStringType"], members: &[] },
    JsonText { service: "secretsmanager", mark: "both", shapes: &["NonEmptyResourcePolicyType"], members: &[] },
    // Documents of Systems Manager may be YAML.
    JsonText { service: "ssm", mark: "input", shapes: &["DocumentContent", "ParameterPolicies"], members: &[] },
    JsonText { service: "ssm", mark: "both", shapes: &["Policy"], members: &[] },
];

/// The session policies of STS are only ever sent.
const STS_POLICIES: JsonText = JsonText {
    service: "sts",
    mark: "input",
    shapes: &["sessionPolicyDocumentType", "unrestrictedSessionPolicyDocumentType"],
    members: &[],
};

/// Shapes and members that grant access and whose model does not call them sensitive.
const SECRETS: [(&str, &[&str], &[&str]); 7] = [
    // May hold what an instance needs to log in somewhere; EC2's model calls the same text sensitive.
    ("autoscaling", &["XmlStringUserData"], &[]),
    // Base64 of `AWS:password`, valid for twelve hours.
    ("ecr", &[], &["authorizationToken"]),
    // The token of a licence.
    ("eks", &[], &["token"]),
    ("elbv2", &["AuthenticateOidcActionClientSecret"], &[]),
    // Opens a shell on an instance.
    ("ssm", &["TokenValue"], &[]),
    // Proves the ownership of an address range to EC2.
    ("ec2", &[], &["TokenValue"]),
    // The third part of temporary credentials.
    ("sts", &["tokenType"], &[]),
];

/// Puts a model right.
pub(super) fn apply(service: &str, model: &mut Value) -> Result<(), String> {
    name_auth_scheme(&mut model["metadata"]);
    for text in JSON_TEXTS.iter().chain([&STS_POLICIES]).filter(|text| text.service == service) {
        mark(model, text.shapes, text.members, "jsonText", &json!(text.mark))?;
    }
    for (_, shapes, members) in SECRETS.iter().filter(|(of, _, _)| *of == service) {
        mark(model, shapes, members, "sensitive", &json!(true))?;
    }
    match service {
        "rds" => refuse_source_regions(model),
        "route53" => shorten_ids(model),
        "s3" => {
            take_buckets_from_paths(model)?;
            let output = &mut model["shapes"]["GetBucketLocationOutput"];
            output["type"].as_str().ok_or("there is no `GetBucketLocationOutput`")?;
            // The root element of this answer is the location itself, where the model expects it inside another one.
            output["unwrapped"] = json!(true);
            Ok(())
        }
        "s3control" => take_accounts_from_hosts(model),
        _ => Ok(()),
    }
}

/// Older models say only the version of the signature; what is not version 4 (`v2`, `bearer`) is refused by that name.
fn name_auth_scheme(metadata: &mut Value) {
    let version = metadata.as_object_mut().and_then(|metadata| metadata.shift_remove("signatureVersion"));
    if metadata["auth"].is_null() {
        metadata["auth"] = match version.as_ref().and_then(Value::as_str) {
            Some("v4" | "s3v4" | "s3") | None => json!(["aws.auth#sigv4"]),
            Some(other) => json!([other]),
        };
    }
}

/// Adds a trait to every reference that leads to one of the shapes or is one of the members.
fn mark(model: &mut Value, shapes: &[&str], members: &[&str], key: &str, value: &Value) -> Result<(), String> {
    let mut unseen: Vec<&str> = shapes.iter().chain(members).copied().collect();
    let mut visit = |name: Option<&str>, reference: &mut Value| {
        let shape = reference["shape"].as_str().unwrap_or_default().to_owned();
        let is_meant = |found: &str, among: &[&str]| among.contains(&found);
        if is_meant(&shape, shapes) || name.is_some_and(|name| is_meant(name, members)) {
            unseen.retain(|meant| *meant != shape && Some(*meant) != name);
            reference[key] = value.clone();
        }
    };
    for (_, shape) in entries(&mut model["shapes"]) {
        for part in ["member", "key", "value"] {
            if let Some(reference) = shape.get_mut(part) {
                visit(None, reference);
            }
        }
        if let Some(map) = shape.get_mut("members") {
            for (name, reference) in entries(map) {
                visit(Some(name), reference);
            }
        }
    }
    if unseen.is_empty() { Ok(()) } else { Err(format!("nothing is called `{}` any more", unseen.join("` or `"))) }
}

/// Route 53 answers ids as `/hostedzone/Z1` and takes `Z1`; what is asked with may be what was answered.
fn shorten_ids(model: &mut Value) -> Result<(), String> {
    let inputs: Vec<String> = entries(&mut model["operations"])
        .filter_map(|(_, operation)| operation["input"]["shape"].as_str().map(str::to_owned))
        .collect();
    let mut changed = 0;
    for input in inputs {
        for (_, reference) in entries(&mut model["shapes"][&input]["members"]) {
            if matches!(reference["shape"].as_str(), Some("ResourceId" | "DelegationSetId" | "ChangeId")) {
                reference["lastSegment"] = json!(true);
                changed += 1;
            }
        }
    }
    if changed > 0 { Ok(()) } else { Err("no parameter is an id any more".into()) }
}

/// The endpoint rules of S3 put the bucket into the URL, so it must not stand in the path a second time.
fn take_buckets_from_paths(model: &mut Value) -> Result<(), String> {
    let mut changed = 0;
    for (_, operation) in entries(&mut model["operations"]) {
        let path = operation["http"]["requestUri"].as_str().unwrap_or_default();
        if let Some(rest) = path.strip_prefix("/{Bucket}") {
            let slash = if rest.starts_with('/') { "" } else { "/" };
            operation["http"]["requestUri"] = format!("{slash}{rest}").into();
            changed += 1;
        }
    }
    if changed > 0 { Ok(()) } else { Err("no path begins with the bucket any more".into()) }
}

/// The endpoint rules of S3 Control put the account into the host of the operations that say so.
fn take_accounts_from_hosts(model: &mut Value) -> Result<(), String> {
    let mut changed = 0;
    for (_, operation) in entries(&mut model["operations"]) {
        let by_rules = operation["staticContextParams"]["RequiresAccountId"]["value"] == true;
        if by_rules && operation["endpoint"]["hostPrefix"] == "{AccountId}." {
            operation.as_object_mut().and_then(|operation| operation.shift_remove("endpoint"));
            changed += 1;
        }
    }
    if changed > 0 { Ok(()) } else { Err("no host prefix is the account any more".into()) }
}

/// `SourceRegion` is no parameter of RDS: the SDKs make a URL from it that is signed for another region and send that.
/// `runbook` does not, and must not drop it silently either; the author may give `PreSignedUrl`.
fn refuse_source_regions(model: &mut Value) -> Result<(), String> {
    let mut removed = 0;
    for (_, shape) in entries(&mut model["shapes"]) {
        let is_sent = |members: &serde_json::Map<String, Value>| members.contains_key("PreSignedUrl");
        if let Some(members) =
            shape.get_mut("members").and_then(Value::as_object_mut).filter(|members| is_sent(members))
        {
            removed += usize::from(members.shift_remove("SourceRegion").is_some());
        }
    }
    if removed > 0 { Ok(()) } else { Err("no request has a `SourceRegion` any more".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_signature_keeps_its_name() {
        let scheme = |mut metadata: Value| {
            name_auth_scheme(&mut metadata);
            metadata
        };
        assert_eq!(scheme(json!({"signatureVersion": "v4"})), json!({"auth": ["aws.auth#sigv4"]}));
        assert_eq!(scheme(json!({"signatureVersion": "v2"})), json!({"auth": ["v2"]}));
        assert_eq!(scheme(json!({"signatureVersion": "v4", "auth": ["x"]})), json!({"auth": ["x"]}));
    }

    #[test]
    fn a_mark_lies_on_references_to_shapes_and_on_members() {
        let mut model = json!({"shapes": {
            "In": {"type": "structure", "members": {"a": {"shape": "Doc"}, "b": {"shape": "String"}, "c": {"shape": "String"}}},
            "Docs": {"type": "list", "member": {"shape": "Doc"}}}});
        mark(&mut model, &["Doc"], &["b"], "jsonText", &json!("both")).unwrap();
        assert_eq!(model["shapes"]["In"]["members"]["a"]["jsonText"], "both");
        assert_eq!(model["shapes"]["In"]["members"]["b"]["jsonText"], "both");
        assert_eq!(model["shapes"]["In"]["members"]["c"].get("jsonText"), None);
        assert_eq!(model["shapes"]["Docs"]["member"]["jsonText"], "both");
        assert!(mark(&mut model, &["Gone"], &[], "x", &json!(1)).unwrap_err().contains("`Gone`"));
    }
}
