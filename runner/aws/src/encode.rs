//! Requests.
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::operation::Operation;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;
pub(crate) fn with_token(_operation: &Operation, params: Value, _token: &str) -> Value {
    params
}
pub(crate) fn request(_operation: &Operation, _params: &Value, _endpoint: &Endpoint) -> Result<Request, Failure> {
    Err(Failure::new(FailureClass::Unknown, "requests are not encoded yet"))
}
