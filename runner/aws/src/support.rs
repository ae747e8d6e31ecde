//! What this version cannot call, said by name.
//!
//! This file decides the sentences. Everything else in the crate may assume that a call is one of those it can make.

use runbook_model::failure::{Failure, FailureClass};

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

    use serde_json::json;

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
