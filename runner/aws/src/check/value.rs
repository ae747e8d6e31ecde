//! What a run computed, against the model; and its normal form.
//!
//! This file decides what encoders are given: a plain value without secrets, nulls and foreign types, in which text is text.

use std::borrow::Cow;

use runbook_model::diagnostic::{Diagnostic, Severity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::source::Span;
use runbook_model::value::{Map, Value};

use super::{Pair, Tree, View, walk};
use crate::definition::Kind;
use crate::member::Member;
use crate::operation::Operation;

/// Checks the parameters of a call.
///
/// # Errors
/// An `invalid` failure that names everything that does not fit.
pub(crate) fn value(operation: &Operation, params: &Value) -> Result<(), Failure> {
    let found: Vec<Diagnostic> =
        walk(operation, params).into_iter().filter(|found| found.severity == Severity::Error).collect();
    if found.is_empty() {
        return Ok(());
    }
    let told: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    let failure = Failure::new(
        FailureClass::Invalid,
        format!("the parameters of `{}` do not fit: {}", operation.name(), told.join("; ")),
    );
    Err(match found.into_iter().find_map(|found| found.help) {
        Some(help) => failure.help(help),
        None => failure,
    })
}

impl Tree for Value {
    const COMPUTED: bool = true;

    fn view(&self) -> View<'_, Self> {
        match self.peeled() {
            Self::Null => View::Null,
            Self::Bool(_) => View::Boolean,
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(Cow::Borrowed(text)),
            Self::List(items) => View::List(items),
            Self::Map(map) => View::Map(map.iter().map(|(key, value)| Pair { key, key_span: None, value }).collect()),
            other => View::Other(other.type_name()),
        }
    }

    fn span(&self) -> Option<Span> {
        None
    }

    fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

/// The normal form of parameters that fit: secrets opened (and learnt), nulls left out of maps, scalars as text where text
/// is wanted, maps as JSON text where the API wants that.
pub(crate) fn normal(member: Member<'_>, value: &Value, secrets: &mut KnownSecrets) -> Value {
    if matches!(value, Value::Secret(_)) || member.is_sensitive() {
        secrets.learn(value);
    }
    if member.is_document() || member.is_json_value() {
        return value.exposed_value();
    }
    match (member.kind(), value.peeled()) {
        (Kind::Structure, Value::Map(map)) => {
            let known = member.members().filter_map(|(name, part)| Some((name, part, map.get(name)?)));
            Value::Map(
                known
                    .filter(|(_, _, value)| !value.is_null())
                    .map(|(name, part, value)| (name.to_owned(), normal(part, value, secrets)))
                    .collect(),
            )
        }
        (Kind::List, Value::List(items)) => {
            Value::List(items.iter().map(|item| normal(member.item(), item, secrets)).collect())
        }
        (Kind::Map, Value::Map(map)) => Value::Map(
            map.iter().map(|(key, value)| (key.clone(), normal(member.value(), value, secrets))).collect::<Map>(),
        ),
        (kind, Value::String(text)) if kind.is_text() && member.reference.last_segment => {
            text.rsplit('/').next().unwrap_or_default().into()
        }
        (kind, scalar @ (Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_))) if kind.is_text() => {
            scalar.exposed().to_string().into()
        }
        (_, other) => other.exposed_value(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::catalog;

    fn operation(service: &str, operation: &str) -> Operation {
        catalog().service(service).unwrap().operation(operation).unwrap()
    }

    fn normal_of(operation: &Operation, params: &Value) -> serde_json::Value {
        normal(operation.input().unwrap(), params, &mut KnownSecrets::default()).exposed()
    }

    #[test]
    fn everything_that_does_not_fit_is_in_one_failure() {
        let create = operation("rds", "CreateDBInstance");
        let params = Value::from(json!({"DBInstanceIdentifier": "a", "AllocatedStorage": "20", "Engin": "postgres"}));
        let failure = value(&create, &params).unwrap_err();
        assert_eq!(failure.class, FailureClass::Invalid);
        assert_eq!(
            failure.message,
            "the parameters of `CreateDBInstance` do not fit: `AllocatedStorage` is text, not a whole number; \
             `CreateDBInstance` has no parameter `Engin`; `CreateDBInstance` needs the parameter `DBInstanceClass`; \
             `CreateDBInstance` needs the parameter `Engine`"
        );
    }

    #[test]
    fn a_secret_is_not_quoted_and_is_learnt() {
        let encrypt = operation("kms", "Encrypt");
        let secret = Value::from("hunter2 hunter2").into_secret();
        let params = Value::Map(Map::from_iter([("KeyId".to_owned(), "k".into()), ("Plaintext".to_owned(), secret)]));
        let failure = value(&encrypt, &params).unwrap_err();
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
        let mut secrets = KnownSecrets::default();
        normal(encrypt.input().unwrap(), &params, &mut secrets);
        assert_eq!(secrets.redact("said hunter2 hunter2"), "said (secret)");
    }

    #[test]
    fn nothing_inside_a_secret_is_told_names_included() {
        let create = operation("eks", "CreateNodegroup");
        let secret = Value::from(json!({"minSize": 1.5, "hunter2": 1})).into_secret();
        let mut params = Value::from(json!({"clusterName": "c", "nodegroupName": "n", "subnets": [], "nodeRole": "r"}));
        let Value::Map(map) = &mut params else { unreachable!("a map") };
        map.insert("scalingConfig".into(), secret);
        assert_eq!(
            value(&create, &params).unwrap_err().message,
            "the parameters of `CreateNodegroup` do not fit: `scalingConfig` is a secret number, not a whole number; \
             `scalingConfig` has a member that `CreateNodegroup` does not know"
        );
    }

    #[test]
    fn the_normal_form_has_no_nulls_and_text_where_text_is_wanted() {
        let put = operation("iam", "PutRolePolicy");
        let params = Value::from(json!({"RoleName": 7, "PolicyName": null, "PolicyDocument": {"Statement": []}}));
        assert_eq!(normal_of(&put, &params), json!({"RoleName": "7", "PolicyDocument": "{\"Statement\":[]}"}));
        let zone = operation("route53", "GetHostedZone");
        assert_eq!(normal_of(&zone, &Value::from(json!({"Id": "/hostedzone/Z1"}))), json!({"Id": "Z1"}));
    }

    #[test]
    fn an_idempotency_token_has_to_be_there_at_the_end() {
        let start = operation("ec2", "StartNetworkInsightsAnalysis");
        let params = Value::from(json!({"NetworkInsightsPathId": "nip-1"}));
        assert!(value(&start, &params).unwrap_err().message.contains("needs the parameter `ClientToken`"));
        assert_eq!(value(&start, &start.with_token(params, "token")), Ok(()));
    }
}
