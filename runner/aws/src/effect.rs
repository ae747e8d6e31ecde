//! What repeating an operation does.
//!
//! | says so | effect |
//! | --- | --- |
//! | the list of exceptions below | as listed |
//! | a name that begins with a reading verb, Smithy's `readonly`, an HTTP GET or HEAD | reads |
//! | a name that begins with Delete, Detach, Disassociate; Smithy's `idempotent`; an HTTP PUT or DELETE | converges |
//! | an idempotency token among its parameters | converges, while the token lives |
//! | nothing | one-shot |
//!
//! An author may correct it (`effect:`). This file must not know any parameter of any operation.

use runbook_model::kind::Effect;

use crate::operation::Operation;
use crate::service::Protocol;

/// Verbs with which the names of reading operations begin.
const READING: [&str; 13] = [
    "BatchCheck",
    "BatchDescribe",
    "BatchGet",
    "Decode",
    "Describe",
    "Estimate",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Search",
    "Simulate",
];

/// Verbs of operations that are done when nothing is left: `missing` is as good as success.
const REMOVING: [&str; 3] = ["Delete", "Detach", "Disassociate"];

/// Verbs of operations that make something.
const MAKING: [&str; 4] = ["Create", "Run", "Restore", "Allocate"];

/// Operations that the rules would get wrong: service, operation, effect, and why.
const EXCEPTIONS: [(&str, &str, Effect, &str); 11] = [
    ("secretsmanager", "GetRandomPassword", Effect::OneShot, "every answer is another password"),
    ("sts", "GetSessionToken", Effect::OneShot, "every answer is another set of credentials"),
    ("sts", "GetFederationToken", Effect::OneShot, "every answer is another set of credentials"),
    ("sts", "GetDelegatedAccessToken", Effect::OneShot, "the token that is traded in is used up"),
    ("kms", "GetParametersForImport", Effect::OneShot, "every answer is another wrapping key and import token"),
    ("ssm", "GetAccessToken", Effect::OneShot, "every answer is another set of credentials"),
    ("kms", "Decrypt", Effect::Reads, "it computes, and keeps nothing"),
    ("kms", "Verify", Effect::Reads, "it computes, and keeps nothing"),
    ("kms", "VerifyMac", Effect::Reads, "it computes, and keeps nothing"),
    ("cloudformation", "ValidateTemplate", Effect::Reads, "it looks at the template it is given"),
    ("secretsmanager", "ValidateResourcePolicy", Effect::Reads, "it looks at the policy it is given"),
];

/// The effect of an operation, and whether it rests on the idempotency token.
pub(crate) fn of(operation: &Operation) -> (Effect, bool) {
    let (service, name) = (operation.service().name(), operation.name());
    let exception = EXCEPTIONS.iter().find(|(of, exception, ..)| *of == service && *exception == name);
    exception.map_or_else(|| by_rules(operation), |(_, _, effect, _)| (*effect, false))
}

fn by_rules(operation: &Operation) -> (Effect, bool) {
    let (name, definition) = (operation.name(), operation.definition());
    let has_method = |methods: &[&str]| {
        matches!(operation.service().protocol(), Some(Protocol::RestJson | Protocol::RestXml))
            && methods.contains(&definition.http.method.as_str())
    };
    let has_token =
        || operation.input().is_some_and(|input| input.members().any(|(_, member)| member.reference.idempotency_token));
    if begins_with(name, &READING) || definition.readonly || has_method(&["GET", "HEAD"]) {
        (Effect::Reads, false)
    } else if removes(name) || definition.idempotent || has_method(&["PUT", "DELETE"]) {
        (Effect::Converges, false)
    } else if has_token() {
        (Effect::Converges, true)
    } else {
        (Effect::OneShot, false)
    }
}

pub(crate) fn must_match(name: &str) -> bool {
    begins_with(name, &MAKING)
}

pub(crate) fn removes(name: &str) -> bool {
    begins_with(name, &REMOVING)
}

/// Does a name begin with one of the verbs, as a whole word? `GetRole` does, `Getaway` would not.
fn begins_with(name: &str, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| {
        name.strip_prefix(verb)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|next: char| !next.is_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::catalog;

    fn effect(service: &str, operation: &str) -> (Effect, bool) {
        catalog().service(service).unwrap().operation(operation).unwrap().effect()
    }

    #[test]
    fn names_methods_and_tokens_tell_the_effect() {
        use Effect::{Converges, OneShot, Reads};
        for (service, operation, told) in [
            ("ec2", "DescribeVpcs", (Reads, false)),
            ("s3", "HeadBucket", (Reads, false)),
            ("s3", "SelectObjectContent", (OneShot, false)),
            ("iam", "SimulatePrincipalPolicy", (Reads, false)),
            ("secretsmanager", "GetRandomPassword", (OneShot, false)),
            ("eks", "CreateCluster", (Converges, true)),
            ("eks", "DeleteCluster", (Converges, false)),
            ("ec2", "DetachVolume", (Converges, false)),
            ("s3", "PutBucketPolicy", (Converges, false)),
            ("ec2", "RunInstances", (Converges, true)),
            ("ec2", "CreateTags", (OneShot, false)),
            ("iam", "CreateRole", (OneShot, false)),
        ] {
            assert_eq!(effect(service, operation), told, "{service} {operation}");
        }
    }

    #[test]
    fn every_exception_is_one() {
        for (service, name, effect, _) in EXCEPTIONS {
            let operation = catalog().service(service).unwrap().operation(name).unwrap();
            assert_ne!(by_rules(&operation).0, effect, "{service} {name}");
            assert_eq!(of(&operation), (effect, false), "{service} {name}");
        }
    }

    #[test]
    fn verbs_are_whole_words() {
        assert!(must_match("CreateCluster") && must_match("RunInstances") && must_match("AllocateAddress"));
        assert!(!must_match("Runtime") && !must_match("PutItem"));
        assert!(removes("DisassociateRouteTable") && !removes("DeletedThings"));
    }
}
