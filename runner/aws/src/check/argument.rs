//! What an author wrote, against the model; and its rewriting into the form the API wants.
//!
//! This file decides what becomes of literals: where text is wanted, the source text of a plain scalar; where the API wants
//! JSON text, the text of a literal map or list. Expressions are left alone.

use std::borrow::Cow;

use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::diagnostic::Diagnostic;
use runbook_model::source::Span;
use runbook_model::value::Value;

use super::{Pair, Tree, View, walk};
use crate::definition::Kind;
use crate::member::Member;
use crate::operation::Operation;
use crate::support;

/// Checks and rewrites the parameters of a call.
pub(crate) fn argument(operation: &Operation, params: &mut Argument, diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.extend(walk(operation, params));
    diagnostics.extend(support::complaints(operation, params));
    if let Some(input) = operation.input() {
        rewrite(input, params);
    }
}

impl Tree for Argument {
    const COMPUTED: bool = false;

    fn view<'a>(&'a self) -> View<'a, Self> {
        match &self.node {
            Node::Plain { value, text } => match value {
                Value::Null => View::Null,
                Value::Bool(_) => View::Boolean,
                Value::Number(number) => View::Number(number),
                _ => View::Text(Cow::Borrowed(text)),
            },
            Node::Text(text) => View::Text(Cow::Borrowed(text)),
            Node::Expression(_) | Node::Rendered { .. } => View::Unknown,
            Node::Mixed(_) => View::SomeText,
            Node::List(items) => View::List(items),
            Node::Map(entries) => {
                let pair =
                    |entry: &'a Entry| Pair { key: &entry.key, key_span: Some(entry.key_span), value: &entry.value };
                View::Map(entries.iter().map(pair).collect())
            }
        }
    }

    fn span(&self) -> Option<Span> {
        Some(self.span)
    }

    fn is_secret(&self) -> bool {
        false
    }
}

fn rewrite(member: Member<'_>, argument: &mut Argument) {
    if member.is_document() || member.is_json_value() {
        return plain_json(argument);
    }
    match (member.kind(), &mut argument.node) {
        (Kind::Structure, Node::Map(entries)) => {
            for entry in entries {
                if let Some(part) = member.get(&entry.key) {
                    rewrite(part, &mut entry.value);
                }
            }
        }
        (Kind::List, Node::List(items)) => items.iter_mut().for_each(|item| rewrite(member.item(), item)),
        (Kind::Map, Node::Map(entries)) => {
            entries.iter_mut().for_each(|entry| rewrite(member.value(), &mut entry.value));
        }
        (kind, Node::Plain { value, text }) if kind.is_text() && !value.is_null() => {
            argument.node = Node::Text(std::mem::take(text));
        }
        (kind, Node::List(_) | Node::Map(_)) if kind.is_text() && member.json_text().is_some() => {
            plain_json(argument);
            if let Some(value) = argument.literal() {
                argument.node = Node::Text(value.exposed().to_string());
            }
        }
        _ => {}
    }
}

/// In free JSON nothing says where text is wanted. A number that is not the author's text any more (`012345678901`, `1.30`,
/// `0x1F`) was never meant as one: account ids and versions stay what they are.
fn plain_json(argument: &mut Argument) {
    match &mut argument.node {
        Node::Plain { value: Value::Number(number), text } if number.to_string() != *text => {
            argument.node = Node::Text(std::mem::take(text));
        }
        Node::List(items) => items.iter_mut().for_each(plain_json),
        Node::Map(entries) => entries.iter_mut().for_each(|entry| plain_json(&mut entry.value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::argument::{Expression, Origin, Part};
    use runbook_model::code;
    use runbook_model::diagnostic::Severity;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::catalog::catalog;

    /// JSON as an author could have written it: `$…` is an expression, `~…` a plain scalar whose text is not its value.
    fn written(json: Json) -> Argument {
        let node = match json {
            Json::String(text) => match text.strip_prefix('$') {
                Some(source) => Node::Expression(Expression {
                    source: source.into(),
                    line: 1,
                    column: 1,
                    origin: Origin::default(),
                }),
                None => match text.strip_prefix('~') {
                    Some(plain) => {
                        Node::Plain { value: Value::from(json!(plain.parse::<f64>().unwrap())), text: plain.into() }
                    }
                    None => Node::Text(text),
                },
            },
            Json::Array(items) => Node::List(items.into_iter().map(written).collect()),
            Json::Object(map) => Node::Map(
                map.into_iter()
                    .map(|(key, value)| Entry { key, key_span: Span::default(), value: written(value) })
                    .collect(),
            ),
            plain => Node::Plain { text: plain.to_string(), value: plain.into() },
        };
        Argument::new(node)
    }

    fn checked(service: &str, operation: &str, params: Json) -> (Argument, Vec<Diagnostic>) {
        let operation = catalog().service(service).unwrap().operation(operation).unwrap();
        let (mut params, mut found) = (written(params), Vec::new());
        operation.check(&mut params, &mut found);
        (params, found)
    }

    fn told(service: &str, operation: &str, params: Json) -> Vec<String> {
        let (_, found) = checked(service, operation, params);
        let help = |d: &Diagnostic| d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        found.iter().map(|d| format!("{} {}{}", d.code, d.message, help(d))).collect()
    }

    #[test]
    fn what_fits_is_silent() {
        assert_eq!(
            told(
                "eks",
                "CreateCluster",
                json!({"name": "a", "roleArn": "$steps.role.arn", "resourcesVpcConfig": {"subnetIds": ["$steps.a.id"], "endpointPublicAccess": true},
                       "tags": "$inputs.tags", "kubernetesNetworkConfig": null, "version": "~1.30"})
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn misspelt_missing_and_mistyped_parameters_are_told_at_once() {
        assert_eq!(
            told(
                "eks",
                "CreateCluster",
                json!({"nam": "a", "roleArn": ["x"], "resourcesVpcConfig": {"subnetId": ["x"], "endpointPublicAccess": "yes", "subnetIds": "x"}})
            ),
            [
                "RB0603 `CreateCluster` has no parameter `nam` (did you mean `name`?)",
                "RB0605 `roleArn` is a list, not text (write one text)",
                "RB0603 `resourcesVpcConfig` of `CreateCluster` has no member `subnetId` (did you mean `subnetIds`?)",
                "RB0605 `resourcesVpcConfig.endpointPublicAccess` is text, not true or false (write `true` or `false`)",
                "RB0605 `resourcesVpcConfig.subnetIds` is text, not a list (put it into brackets: `[…]`)",
                "RB0604 `CreateCluster` needs the parameter `name` (add `name`: text)",
            ]
        );
        assert_eq!(
            told("sts", "GetCallerIdentity", json!({"x": 1})),
            ["RB0603 `GetCallerIdentity` has no parameter `x` (it takes none; leave it out)"]
        );
    }

    #[test]
    fn unknown_values_only_warn_and_least_sizes_are_errors() {
        let (_, found) = checked(
            "eks",
            "CreateNodegroup",
            json!({"clusterName": "c", "nodegroupName": "n", "subnets": [], "nodeRole": "r", "capacityType": "SPOTT", "scalingConfig": {"minSize": -1}}),
        );
        let seen: Vec<_> = found.iter().map(|d| (d.code, d.severity, d.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                (
                    code::AWS_CHOICE,
                    Severity::Warning,
                    "`capacityType` is `SPOTT`, which the service's model does not know"
                ),
                (code::AWS_LEAST, Severity::Error, "`scalingConfig.minSize` is `-1`, at least `0` is wanted"),
            ]
        );
        assert_eq!(
            told("iam", "GetRole", json!({"RoleName": ""})),
            ["RB0608 `RoleName` has 0 characters, at least 1 are wanted (give at least 1 characters)"]
        );
    }

    #[test]
    fn a_union_takes_one_member() {
        let filter = |filter: Json| {
            told("acm", "SearchCertificates", json!({"FilterStatement": {"Filter": {"X509AttributeFilter": filter}}}))
        };
        assert_eq!(filter(json!({"SerialNumber": "ab"})), Vec::<String>::new());
        assert_eq!(filter(json!({"SerialNumber": "$a", "KeyUsage": "$b"})), Vec::<String>::new());
        let subject = "RB0607 `FilterStatement.Filter.X509AttributeFilter` takes exactly one member, not";
        assert!(filter(json!({}))[0].starts_with(&format!("{subject} 0")));
        assert!(
            filter(json!({"SerialNumber": "ab", "KeyAlgorithm": "RSA_2048"}))[0].starts_with(&format!("{subject} 2"))
        );
    }

    #[test]
    fn bytes_and_times_are_looked_at() {
        assert_eq!(
            told("kms", "Encrypt", json!({"KeyId": "k", "Plaintext": "not base64!"})),
            [
                "RB0605 `Plaintext` is text that is not base64 (bytes are written as base64; in an expression, `| b64encode` makes it)"
            ]
        );
        assert_eq!(
            told(
                "pricing",
                "ListPriceLists",
                json!({"ServiceCode": "s", "EffectiveDate": "soon", "CurrencyCode": "USD"})
            ),
            [
                "RB0605 `EffectiveDate` is text, not a time such as `2026-11-22T10:00:00Z` (times are written as in RFC 3339, or as seconds since 1970)"
            ]
        );
    }

    #[test]
    fn source_text_stays_where_text_is_wanted() {
        let (params, found) = checked(
            "ec2",
            "CreateTags",
            json!({"Resources": ["a"], "Tags": [{"Key": "k", "Value": "~1.30"}, {"Key": "x", "Value": true}], "DryRun": true}),
        );
        assert_eq!(found, []);
        assert_eq!(
            params.literal().unwrap().exposed(),
            json!({"Resources": ["a"], "Tags": [{"Key": "k", "Value": "1.30"}, {"Key": "x", "Value": "true"}], "DryRun": true})
        );
    }

    #[test]
    fn a_policy_written_as_a_map_becomes_its_text() {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Condition": {"StringEquals": {"aws:SourceAccount": "~012345678901"}}}]});
        let (params, found) =
            checked("iam", "PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": policy}));
        assert_eq!(found, []);
        assert_eq!(
            params.get("PolicyDocument").unwrap().as_text(),
            Some(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Condition":{"StringEquals":{"aws:SourceAccount":"012345678901"}}}]}"#
            )
        );
    }

    #[test]
    fn a_policy_with_expressions_stays_a_map_with_its_texts() {
        let policy = json!({"Statement": [{"Resource": "$steps.x.arn", "Id": "~012345678901"}]});
        let (params, found) =
            checked("iam", "PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": policy}));
        assert_eq!(found, []);
        let statement = &params.get("PolicyDocument").unwrap().get("Statement").unwrap().as_list().unwrap()[0];
        assert!(matches!(&statement.get("Id").unwrap().node, Node::Text(text) if text == "012345678901"));
        assert!(matches!(statement.get("Resource").unwrap().node, Node::Expression(_)));
    }

    #[test]
    fn text_around_expressions_is_text_and_nothing_else() {
        let operation = catalog().service("ec2").unwrap().operation("DescribeVpcs").unwrap();
        let mixed = || Argument::new(Node::Mixed(vec![Part::Text("a".into())]));
        let entry = |key: &str, value| Entry { key: key.into(), key_span: Span::default(), value };
        let ids = Argument::new(Node::List(vec![mixed()]));
        let mut params = Argument::new(Node::Map(vec![entry("VpcIds", ids), entry("MaxResults", mixed())]));
        let mut found = Vec::new();
        operation.check(&mut params, &mut found);
        let told: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(told, ["`MaxResults` is text, not a whole number"]);
    }
}
