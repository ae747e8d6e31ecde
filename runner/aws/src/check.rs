//! Parameters against the model.
use crate::operation::Operation;
use runbook_model::argument::Argument;
use runbook_model::diagnostic::Diagnostic;
pub(crate) fn argument(_operation: &Operation, _params: &mut Argument, _diagnostics: &mut Vec<Diagnostic>) {}
