//! AWS: who this is there, in which region, whether the clocks agree, and whether the services that every run needs answer.
//!
//! This file decides what a failure of each look means. It must not call anything that changes something.

use std::time::Duration;

use runbook_connections::Connections;
use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use runbook_steps::ports::{AwsCall, Outside};
use tokio::time::timeout;

use super::Finding;
use crate::report::story::{classed, span};

/// How long a service may take to answer. Both are asked at the same time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Signatures are refused from five minutes on.
const TOO_FAR: u64 = 5 * 60;
/// From here on somebody should look at the clock.
const FAR: u64 = 60;

/// Asks AWS.
pub(super) async fn examine(connections: &Connections) -> Vec<Finding> {
    let default = AwsConnection::default();
    let connection = Connection::Aws(default.clone());
    let clusters = AwsCall {
        service: "eks".into(),
        operation: "ListClusters".into(),
        params: Value::Map(Map::from_iter([("maxResults".to_owned(), Value::from(1))])),
    };
    let (identity, eks) = tokio::join!(
        timeout(PATIENCE, connections.identify(&connection)),
        timeout(PATIENCE, connections.aws().call(&default, clusters)),
    );
    let late = |_| Failure::new(FailureClass::Timeout, format!("no answer within {} s", PATIENCE.as_secs()));
    let identity = identity.map_err(late).flatten();
    let eks = eks.map_err(late).flatten().map(|_| ());
    let mut findings = known(&identity);
    if let Some(ahead) = connections.clock_ahead(&default) {
        findings.push(clock(ahead));
    }
    if identity.is_ok() {
        findings.push(reached(&eks));
    }
    findings
}

fn known(identity: &Result<Identity, Failure>) -> Vec<Finding> {
    match identity {
        Ok(Identity::Aws { account, region, principal, .. }) => vec![
            Finding::ok("credentials", "AWS takes them"),
            Finding::ok("identity", format!("{principal} in account {account}")),
            Finding::ok("region", region),
        ],
        Ok(other) => vec![Finding::ok("identity", other.to_string())],
        Err(failure) => {
            let remedy = failure.help.clone();
            let (subject, otherwise) = match failure.class {
                FailureClass::Unavailable | FailureClass::Timeout => {
                    ("sts", "look at the network, `HTTPS_PROXY`, `NO_PROXY` and `AWS_CA_BUNDLE`")
                }
                FailureClass::Invalid => ("aws", "look at the AWS configuration: `AWS_*` and `~/.aws`"),
                _ => ("credentials", "log in to AWS, or set `AWS_PROFILE`"),
            };
            vec![Finding::fail(subject, classed(failure), remedy.unwrap_or_else(|| otherwise.to_owned()))]
        }
    }
}

/// `ahead` is in seconds; negative if the machine is behind.
fn clock(ahead: i64) -> Finding {
    let off = ahead.unsigned_abs();
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let words = format!("the clock of this machine is {} {direction} that of AWS", {
        span(runbook_model::duration::Duration::from_secs(off))
    });
    match off {
        TOO_FAR.. => Finding::warn(
            "clock",
            format!("{words}; requests are signed with AWS's time instead"),
            "set the clock, for other programs are refused: `timedatectl set-ntp true`",
        ),
        FAR.. => {
            Finding::warn("clock", words, "set the clock before AWS refuses signatures: `timedatectl set-ntp true`")
        }
        _ => Finding::ok("clock", "agrees with that of AWS"),
    }
}

fn reached(eks: &Result<(), Failure>) -> Finding {
    match eks {
        Ok(()) => Finding::ok("eks", "answers"),
        Err(failure) if matches!(failure.class, FailureClass::Unavailable | FailureClass::Timeout) => Finding::warn(
            "eks",
            classed(failure),
            "look at the network, `HTTPS_PROXY`, `NO_PROXY` and the VPC's endpoints; runbooks without EKS can run",
        ),
        Err(failure) => Finding::warn(
            "eks",
            format!("answers, and refuses eks:ListClusters: {}", classed(failure)),
            "allow what the runbook needs, if it needs EKS",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn clocks_that_are_minutes_off_are_told() {
        assert_eq!(clock(3).health, Health::Ok);
        let far = clock(-90);
        assert_eq!(far.health, Health::Warn);
        assert_eq!(far.words, "the clock of this machine is 1m30s behind that of AWS");
        assert!(clock(7200).words.contains("signed with AWS's time"));
    }

    #[test]
    fn a_failure_is_told_where_it_belongs_and_with_a_remedy() {
        let failed = |class| known(&Err(Failure::new(class, "no"))).remove(0);
        assert_eq!(failed(FailureClass::Unavailable).subject, "sts");
        assert_eq!(failed(FailureClass::ExpiredCredentials).subject, "credentials");
        let told = known(&Err(Failure::new(FailureClass::ExpiredCredentials, "ran out").help("aws sso login")));
        assert_eq!((told[0].health, told[0].remedy.as_deref()), (Health::Fail, Some("aws sso login")));
        assert_eq!(reached(&Err(Failure::new(FailureClass::Denied, "no"))).health, Health::Warn);
    }
}
