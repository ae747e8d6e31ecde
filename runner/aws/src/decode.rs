//! Answers.
use crate::http::{Answer, Response};
use crate::operation::Operation;
use runbook_model::failure::{Failure, FailureClass};
pub(crate) fn answer(_operation: &Operation, _response: &Response<'_>) -> Result<Answer, Failure> {
    Err(Failure::new(FailureClass::Unknown, "answers are not decoded yet"))
}
