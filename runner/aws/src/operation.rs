//! One operation: everything that can be asked of it.
//!
//! This file decides the face of the crate towards `steps` and `connections`; what stands behind each method is in a file
//! of its own. It must not know any operation by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use runbook_model::argument::Argument;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::failure::Failure;
use runbook_model::kind::Effect;
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::shape::Shape;
use runbook_model::value::Value;

use crate::definition;
use crate::endpoint::{self, Endpoint, EndpointParameters};
use crate::http::{Answer, Request, Response};
use crate::member::Member;
use crate::paginator::Paginator;
use crate::parameter::Parameter;
use crate::service::Service;
use crate::{check, decode, effect, encode, result, support};

/// An operation of a service.
#[derive(Clone)]
pub struct Operation {
    service: Arc<Service>,
    line: usize,
}

impl Operation {
    pub(crate) fn new(service: Arc<Service>, line: usize) -> Self {
        Self { service, line }
    }

    /// Its name, such as `CreateCluster`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.service.operation_name(self.line)
    }

    /// The service it belongs to.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The sentence that says why this version cannot call it, if it cannot (event streams, a signature it does not know, …).
    #[must_use]
    pub fn not_carried_out(&self) -> Option<String> {
        support::missing(self)
    }

    /// What repeating it does, and whether that rests on the idempotency token.
    #[must_use]
    pub fn effect(&self) -> (Effect, bool) {
        effect::of(self)
    }

    /// Must a probe of a step that calls this say `matches`? True for what makes something that may already exist as
    /// something else.
    #[must_use]
    pub fn must_match(&self) -> bool {
        effect::must_match(self.name())
    }

    /// Is what it could not find already as wanted? True for Delete, Detach and Disassociate, whose class `missing` means that
    /// nothing was left to do.
    #[must_use]
    pub fn removes(&self) -> bool {
        effect::removes(self.name())
    }

    /// Checks the parameters and rewrites them: source text where text is wanted, literal maps and lists into text where the
    /// API wants JSON text. Expressions are left alone.
    pub fn check(&self, params: &mut Argument, diagnostics: &mut Vec<Diagnostic>) {
        check::argument(self, params, diagnostics);
    }

    /// What the answer looks like; members are made when they are looked at.
    #[must_use]
    pub fn output_shape(&self) -> Shape {
        result::shape(self)
    }

    /// What it takes.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        Parameter::all(self)
    }

    /// The parameters with the idempotency token filled in, where the operation has one and the author gave none.
    #[must_use]
    pub fn with_token(&self, params: Value, token: &str) -> Value {
        encode::with_token(self, params, token)
    }

    /// Where a call with these parameters goes.
    ///
    /// # Errors
    /// An `invalid` failure: no region, a combination that does not exist, a parameter that cannot stand in a host.
    pub fn endpoint(&self, parameters: &EndpointParameters, params: &Value) -> Result<Endpoint, Failure> {
        endpoint::resolve(&self.service, parameters, self.endpoint_values(params))
            .map_err(|failure| KnownSecrets::of(params).redact_failure(failure))
    }

    /// The request of a call.
    ///
    /// # Errors
    /// An `invalid` failure that names every parameter that does not fit, or what this version cannot call.
    pub fn encode(&self, params: &Value, endpoint: &Endpoint) -> Result<Request, Failure> {
        encode::request(self, params, endpoint)
    }

    /// What an answer says: the output of a success, or the service's refusal with its class, code, message, request id and
    /// the time it asks to wait. Secrets of the request do not appear in the message.
    ///
    /// # Errors
    /// The service's refusal, or an answer that cannot be read (`unknown`, in doubt if it was a success by its status).
    pub fn decode(&self, request: &Request, response: &Response<'_>) -> Result<Answer, Failure> {
        decode::answer(self, response).map_err(|failure| request.redact(failure))
    }

    /// How its pages are joined, if it has pages.
    #[must_use]
    pub fn paginator(&self) -> Option<Paginator> {
        self.service.paginator(self.name()).map(Paginator::new)
    }

    pub(crate) fn definition(&self) -> &definition::Operation {
        self.service.operation_definition(self.line)
    }

    pub(crate) fn input(&self) -> Option<Member<'_>> {
        self.definition().input.as_ref().map(|reference| self.service.member(reference))
    }

    pub(crate) fn output(&self) -> Option<Member<'_>> {
        self.definition().output.as_ref().map(|reference| self.service.member(reference))
    }

    /// The authentication schemes its model names, the best first; none in test suites, where it is version 4.
    pub(crate) fn auth_schemes(&self) -> &[String] {
        self.definition().auth.as_ref().unwrap_or(&self.service.metadata().auth)
    }

    /// The endpoint parameters that the operation and its input give.
    fn endpoint_values(&self, params: &Value) -> BTreeMap<&str, serde_json::Value> {
        let definition = self.definition();
        let mut values: BTreeMap<&str, serde_json::Value> =
            definition.static_context_params.iter().map(|(name, fixed)| (name.as_str(), fixed.value.clone())).collect();
        for (name, taken) in &definition.operation_context_params {
            if let Some(value) = crate::jmespath::search(&taken.path, params) {
                values.insert(name, value);
            }
        }
        for (name, member) in self.input().into_iter().flat_map(|input| input.members()) {
            if let (Some(context), Some(value)) = (&member.reference.context_param, params.get(name)) {
                values.insert(&context.name, value.exposed());
            }
        }
        values
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service.name(), self.name())
    }
}
