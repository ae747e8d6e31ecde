//! What the test cloud is told and tells about calls: its log, and the faults it injects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A call as the test cloud logged it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Counts all calls from 1.
    pub seq: u64,
    /// When it arrived, in seconds since 1970.
    pub time: f64,
    /// The service as requests are signed for it, such as `elasticloadbalancing`.
    pub service: String,
    /// The operation, such as `DescribeVpcs`.
    pub operation: String,
    /// The region.
    pub region: String,
    /// The parameters as they were sent.
    pub params: Value,
    /// The HTTP status of the reply; `None` when none was sent (or not yet).
    pub status: Option<u16>,
    /// The idempotency token.
    pub client_token: Option<String>,
    /// Who signed.
    pub access_key_id: String,
    /// Who says to have called.
    pub user_agent: String,
    /// The kind of the fault that was injected.
    pub fault: Option<String>,
}

impl Call {
    /// True if a reply was sent and it was no error.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

/// How a call is spoilt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The service's own throttling error.
    #[default]
    Throttle,
    /// The error of `code`, `message` and `status`.
    Error,
    /// The connection is closed and nothing was done.
    DropBefore,
    /// It was done, and the connection is closed without a reply.
    DropAfter,
    /// Silence for `delay_ms`, then closed, and nothing was done.
    Timeout,
    /// Done after `delay_ms`.
    Slow,
}

/// A rule that spoils the calls it fits.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Fault {
    /// How.
    pub kind: FaultKind,
    /// The service; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Parameters that must have these values; names as in the log of calls, dotted paths reach inside.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub r#match: serde_json::Map<String, Value>,
    /// How often; `Some(0)` for ever, `None` once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The words of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The HTTP status of the error; by default the one of the service's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl Fault {
    /// A fault of the next call of one operation.
    #[must_use]
    pub fn of(kind: FaultKind, service: &str, operation: &str) -> Self {
        Self { kind, service: Some(service.into()), operation: Some(operation.into()), ..Self::default() }
    }

    /// Credentials that have expired, for every call until the faults are cleared.
    #[must_use]
    pub fn expired_credentials() -> Self {
        Self { kind: FaultKind::Error, code: Some("ExpiredToken".into()), times: Some(0), ..Self::default() }
    }
}
