//! What this version cannot call, said by name.
//!
//! This file decides the sentences. Everything else in the crate may assume that a call is one of those it can make.

use runbook_model::argument::{Argument, Entry};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::source::Span;
use runbook_model::value::Value;

use crate::endpoint::EndpointParameters;
use crate::operation::Operation;
use crate::service::Protocol;

/// The scheme of operations that anybody may call.
pub(crate) const NO_AUTH: &str = "smithy.api#noAuth";

/// The scheme of nearly all others.
const V4: &str = "aws.auth#sigv4";

/// The sentence that says why an operation cannot be called, if it cannot.
pub(crate) fn missing(operation: &Operation) -> Option<String> {
    let service = operation.service();
    let named = |what: &str| Some(format!("`{}` of `{}` {what}", operation.name(), service.name()));
    let streams = [operation.input(), operation.output()]
        .into_iter()
        .flatten()
        .any(|side| side.members().any(|(_, member)| member.is_event_stream()));
    if streams {
        return named("is a stream of events, which this version of `runbook` cannot read or write");
    }
    if service.protocol().is_none() {
        return named(&format!(
            "speaks the protocol `{}`, which this version of `runbook` does not",
            service.metadata().protocol
        ));
    }
    let schemes = operation.auth_schemes();
    if !schemes.is_empty() && !schemes.iter().any(|scheme| scheme == V4 || scheme == NO_AUTH) {
        return named(&format!("is signed with `{}`, which this version of `runbook` cannot", schemes.join("` or `")));
    }
    None
}

/// What this version cannot do of a call with these parameters, as far as literals tell.
pub(crate) fn complaints(operation: &Operation, params: &Argument) -> Vec<Diagnostic> {
    let unsigned =
        unsigned(operation, params).map(|(message, span)| Diagnostic::error(code::KIND_LATER, span, message));
    let alone = unaided(operation, params).map(|(message, span)| Diagnostic::warning(code::KIND_LATER, span, message));
    unsigned.into_iter().chain(alone).map(|found| found.help("call it with the AWS CLI for now")).collect()
}

/// The parameters may lead to where calls are signed in another way: a directory bucket, an access point of several regions.
fn unsigned(operation: &Operation, params: &Argument) -> Option<(String, Span)> {
    let service = operation.service();
    let written = params.as_map()?.iter();
    let known = written.filter_map(|entry| Some((entry.key.clone(), entry.value.literal()?))).collect();
    if !service.signs_by_rules() {
        return None;
    }
    // Which region it is does not change how calls are signed; what else is wrong with them is told when they are made.
    let parameters = EndpointParameters { region: Some("us-east-1".to_owned()), ..EndpointParameters::default() };
    let schemes = operation.endpoint(&parameters, &Value::Map(known)).ok()?.unknown_schemes()?;
    let (operation, service) = (operation.name(), service.name());
    let message = format!(
        "this `{operation}` of `{service}` goes where calls are signed with `{schemes}`, which this version of `runbook` cannot"
    );
    Some((message, params.span))
}

/// A copy across regions takes a URL that was signed beforehand, which the AWS CLI makes by itself.
fn unaided(operation: &Operation, params: &Argument) -> Option<(String, Span)> {
    let url = ["PresignedUrl", "PreSignedUrl"]
        .into_iter()
        .find(|name| operation.input().is_some_and(|input| input.get(name).is_some()) && params.get(name).is_none())?;
    let crosses = |entry: &&Entry| {
        let name_only = entry.value.as_text().is_some_and(|text| !text.starts_with("arn:"));
        entry.key == "SourceRegion" || entry.key.contains("Source") && !name_only
    };
    let source = params.as_map()?.iter().find(crosses)?;
    let message = format!(
        "a `{}` of something encrypted in another region needs `{url}`, which this version of `runbook` does not make",
        operation.name()
    );
    Some((message, source.key_span))
}

/// What an operation that cannot be called fails with.
pub(crate) fn refuse(operation: &Operation) -> Result<Protocol, Failure> {
    match (missing(operation), operation.service().protocol()) {
        (None, Some(protocol)) => Ok(protocol),
        (sentence, _) => Err(Failure::new(FailureClass::Invalid, sentence.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runbook_model::argument::Node;
    use serde_json::json;

    use super::*;
    use crate::catalog::catalog;
    use crate::pack;
    use crate::service::Service;

    #[test]
    fn protocols_and_signatures_nobody_knows_are_refused_by_name() {
        let refused = |protocol: &str, scheme: &str| {
            let model = json!({"metadata": {"protocols": [protocol], "protocol": protocol, "auth": [scheme]}, "operations": {"Do": {}}, "shapes": {}});
            let service = Arc::new(Service::from_text("new", pack::text(&model)).unwrap());
            service.operation("Do").unwrap().not_carried_out()
        };
        assert_eq!(refused("json", "aws.auth#sigv4"), None);
        assert!(refused("smoke", "aws.auth#sigv4").unwrap().starts_with("`Do` of `new` speaks the protocol `smoke`"));
        assert!(
            refused("json", "aws.auth#sigv4a").unwrap().starts_with("`Do` of `new` is signed with `aws.auth#sigv4a`")
        );
    }

    fn told(service: &str, operation: &str, params: &[(&str, &str)]) -> Vec<String> {
        let operation = catalog().service(service).unwrap().operation(operation).unwrap();
        let entry = |(key, value): &(&str, &str)| Entry {
            key: (*key).to_owned(),
            key_span: Span::default(),
            value: Argument::new(Node::Text((*value).to_owned())),
        };
        let params = Argument::new(Node::Map(params.iter().map(entry).collect()));
        complaints(&operation, &params).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn buckets_that_are_signed_for_in_another_way_are_known_by_their_names() {
        let put = |bucket: &str| told("s3", "PutObject", &[("Bucket", bucket), ("Key", "k")]);
        assert_eq!(put("plain"), [""; 0]);
        let express = put("mine--use1-az4--x-s3");
        assert!(
            express[0].ends_with("signed with `sigv4-s3express`, which this version of `runbook` cannot"),
            "{express:?}"
        );
        let several = put("arn:aws:s3::123456789012:accesspoint/abcdef.mrap");
        assert!(several[0].contains("`sigv4a`"), "{several:?}");
        assert_eq!(told("sts", "AssumeRole", &[("RoleArn", "arn:aws:iam::123456789012:role/r")]), [""; 0]);
    }

    #[test]
    fn copies_that_need_a_signed_url_are_warned_of() {
        let (copy, here) = (("SourceRegion", "eu-west-1"), ("SourceDBSnapshotIdentifier", "mine"));
        let sentence = "a `CopySnapshot` of something encrypted in another region needs `PresignedUrl`, which this version of `runbook` does not make";
        assert_eq!(told("ec2", "CopySnapshot", &[copy, ("SourceSnapshotId", "snap-1")]), [sentence]);
        assert_eq!(told("ec2", "CopySnapshot", &[copy, ("PresignedUrl", "https://x")]), [""; 0]);
        assert_eq!(told("rds", "CopyDBSnapshot", &[here]), [""; 0]);
        let there = ("SourceDBSnapshotIdentifier", "arn:aws:rds:eu-west-1:123456789012:snapshot:mine");
        assert_eq!(told("rds", "CopyDBSnapshot", &[there]).len(), 1);
        assert_eq!(told("rds", "CreateDBCluster", &[("Engine", "aurora-mysql")]), [""; 0]);
    }

    #[test]
    fn event_streams_are_refused_by_name() {
        let refused = |service: &str| -> Vec<String> {
            let service = catalog().service(service).unwrap();
            service
                .operations()
                .filter(|name| service.operation(name).unwrap().not_carried_out().is_some())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(refused("s3"), ["SelectObjectContent"]);
        assert_eq!(refused("logs"), ["GetLogObject", "StartLiveTail"]);
        assert_eq!(refused("ec2"), Vec::<String>::new());
    }
}
