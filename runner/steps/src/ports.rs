//! The ports: what kinds may ask of the outside, as small traits.
//!
//! This file decides the borders that `connections` implements for real and `rehearsal` simulates. It must not know
//! any client library.

use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::failure::Failure;
use runbook_model::value::Value;

use crate::contract::Pending;

/// Everything outside, one port each.
pub trait Outside: Send + Sync {
    /// AWS.
    fn aws(&self) -> &dyn Aws;

    /// Who is at the other end of a connection.
    ///
    /// # Errors
    /// `missing` if the cluster does not exist, `expired-credentials`, `unavailable`, …
    fn identify<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Identity, Failure>>;
}

/// One call of one AWS operation; never retried here.
pub trait Aws: Send + Sync {
    /// Sends it and decodes the answer.
    ///
    /// # Errors
    /// The service's refusal, classed; or a failure of the way there.
    fn call<'a>(&'a self, connection: &'a AwsConnection, call: AwsCall) -> Pending<'a, Result<AwsAnswer, Failure>>;
}

/// What to call.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// The service as the models name it, such as `ec2`.
    pub service: String,
    /// The operation, such as `DescribeVpcs`.
    pub operation: String,
    /// The parameters, valid by the model, idempotency token filled in.
    pub params: Value,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct AwsAnswer {
    /// The output with the API's own member names; sensitive members are secret.
    pub output: Value,
    /// The request id.
    pub request_id: Option<String>,
}
