//! `aws-call`: any operation of any AWS service; also the source `aws-call` of a `wait-for`.
//!
//! This file decides how an operation becomes a step: what is judged at planning, how pages are joined, what an answer to
//! a removal of something gone means, and what a waiter makes of a look. It must not know any operation by name (the models
//! do) nor how a call is sent.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use runbook_aws::{Operation, Service, Waiter, WaiterState, catalog};
use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::connection::{AwsConnection, Connection};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::value::{Map, Value};

use crate::arguments::{self, Judge, entries_mut, invalid, value_of, value_of_mut};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::ports::{Aws, AwsAnswer, AwsCall, Outside};

/// The kind.
#[derive(Debug)]
pub struct AwsCallKind;

const NAME: &str = "aws-call";
const KEYS: [&str; 5] = ["service", "operation", "params", "paginate", "effect"];
/// Set for the `waiter:` of a `wait-for`; nobody writes it into an `aws-call` itself.
const WAITER: &str = "waiter";

static PARAMETERS: [Parameter; 5] = [
    Parameter::new("service", Takes::Text, "the service, such as `ec2` or `elbv2`").required().fixed(),
    // A wait with a `waiter` does without.
    Parameter::new("operation", Takes::Text, "the operation as in the service's API reference, such as `DescribeVpcs`")
        .fixed(),
    Parameter::new("params", Takes::Map, "what the operation takes; entries that are null are left out"),
    Parameter::new("paginate", Takes::OneOf(&["all"]), "`all` joins the pages into one answer").fixed(),
    Parameter::new(
        "effect",
        Takes::OneOf(&["reads", "converges", "one-shot"]),
        "what repeating it does, where the service's model says it wrong",
    )
    .fixed(),
];

impl Kind for AwsCallKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "calls an operation of an AWS service"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let place = question.place;
        let looks = place == Place::Look;
        let mut judge = Judge::new(NAME, question.diagnostics);
        let known: Vec<&str> = KEYS.into_iter().chain(looks.then_some(WAITER)).collect();
        if !judge.keys(arguments, &known, &[]) {
            return Planned::unknown(Reaches::Aws);
        }
        let has_waiter = value_of(arguments, WAITER).is_some();
        judge.require(arguments, "service", "write the service's name, such as `ec2`");
        if !has_waiter {
            judge.require(arguments, "operation", "write the operation's name, such as `DescribeVpcs`");
        }
        let own_effect = judge.choice(arguments, "effect", &["reads", "converges", "one-shot"]);
        let pages = judge.choice(arguments, "paginate", &["all"]).is_some();
        let Some(service) = service(&mut judge, arguments) else { return Planned::unknown(Reaches::Aws) };
        if has_waiter {
            waiter(&mut judge, arguments, &service);
        }
        let Some(operation) = operation(&mut judge, arguments, &service) else { return Planned::unknown(Reaches::Aws) };

        if let Some(why) = operation.not_carried_out() {
            complain_of(&mut judge, arguments, "operation", code::KIND_LATER, why, "call it with the AWS CLI for now");
        }
        if pages && operation.paginator().is_none() {
            let message = format!("`{}` answers in one piece", operation.name());
            let span = value_of(arguments, "paginate").map_or(arguments.span, |value| value.span);
            judge.warn(code::KIND_TOGETHER, span, message, "leave `paginate` out");
        }
        let (effect, token) = match own_effect.as_deref().and_then(Effect::named) {
            Some(effect) => (effect, operation.effect().1 && effect == Effect::Converges),
            None => operation.effect(),
        };
        if looks && effect != Effect::Reads {
            let message = format!("`{}` changes things and cannot look", operation.name());
            let help = "look with an operation that reads, or say `effect: reads` if this one does";
            complain_of(&mut judge, arguments, "operation", code::KIND_PLACE, message, help);
        }
        params(arguments, &operation, question);
        Planned {
            effect,
            token,
            result: operation.output_shape(),
            must_match: operation.must_match(),
            ..Planned::unknown(Reaches::Aws)
        }
    }
}

fn complain_of(
    judge: &mut Judge<'_>,
    arguments: &Argument,
    key: &str,
    code: &'static str,
    message: String,
    help: &str,
) {
    let span = value_of(arguments, key).map_or(arguments.span, |value| value.span);
    judge.complain(code, span, message, help);
}

/// The service, whose own name then stands in the arguments.
fn service(judge: &mut Judge<'_>, arguments: &mut Argument) -> Option<Arc<Service>> {
    let name = literal(judge, arguments, "service")?;
    match catalog().service(&name) {
        Ok(service) => {
            value_of_mut(arguments, "service")?.node = Node::Text(service.name().to_owned());
            Some(service)
        }
        Err(unknown) => {
            complain_of(judge, arguments, "service", code::AWS_SERVICE, unknown.to_string(), &unknown.help());
            None
        }
    }
}

fn operation(judge: &mut Judge<'_>, arguments: &mut Argument, service: &Arc<Service>) -> Option<Operation> {
    let name = literal(judge, arguments, "operation")?;
    match service.operation(&name) {
        Ok(operation) => Some(operation),
        Err(unknown) => {
            let help = unknown.help().unwrap_or_else(|| {
                let example = service.operations().next().unwrap_or_default();
                format!("write the name as the service's API reference does, such as `{example}`")
            });
            complain_of(judge, arguments, "operation", code::AWS_OPERATION, unknown.to_string(), &help);
            None
        }
    }
}

/// A waiter looks with its own operation, which may be left out.
fn waiter(judge: &mut Judge<'_>, arguments: &mut Argument, service: &Arc<Service>) {
    let Some(name) = literal(judge, arguments, WAITER) else { return };
    let waiter = match service.waiter(&name) {
        Ok(waiter) => waiter,
        Err(unknown) => {
            return complain_of(judge, arguments, WAITER, code::AWS_WAITER, unknown.to_string(), &unknown.help());
        }
    };
    match value_of(arguments, "operation").map(Argument::as_text) {
        None => {
            let entry = Entry {
                key: "operation".into(),
                key_span: arguments.span,
                value: Argument { node: Node::Text(waiter.operation().to_owned()), span: arguments.span },
            };
            entries_mut(arguments).into_iter().for_each(|entries| entries.push(entry.clone()));
        }
        Some(Some(written)) if written != waiter.operation() => {
            let message = format!("the waiter `{}` looks with `{}`", waiter.name(), waiter.operation());
            let help = "leave `operation` out, or write that one";
            complain_of(judge, arguments, "operation", code::KIND_TOGETHER, message, help);
        }
        Some(_) => {}
    }
}

/// Text that has to be known before anything runs, for the model is chosen by it.
fn literal(judge: &mut Judge<'_>, arguments: &mut Argument, key: &str) -> Option<String> {
    let value = value_of(arguments, key)?;
    if matches!(value.node, Node::Expression(_) | Node::Mixed(_)) {
        let help =
            "write the name itself: what a call takes and gives is checked against its model before anything runs";
        complain_of(judge, arguments, key, code::KIND_VALUE, format!("`{key}` is an expression"), help);
        return None;
    }
    judge.text(arguments, key)
}

fn params(arguments: &mut Argument, operation: &Operation, question: &mut Question<'_>) {
    let span = arguments.span;
    let Some(entries) = entries_mut(arguments) else { return };
    // A call without parameters is judged like one with none of them, for some may be required.
    entries.retain(|entry| entry.key != "params" || !entry.value.is_null());
    if !entries.iter().any(|entry| entry.key == "params") {
        let value = Argument { node: Node::Map(Vec::new()), span };
        entries.push(Entry { key: "params".into(), key_span: span, value });
    }
    if let Some(params) = value_of_mut(arguments, "params") {
        operation.check(params, question.diagnostics);
    }
}

impl StepKind for AwsCallKind {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { Call::new(invocation, outside)?.carry_out().await.map(Progress::Done) })
    }
}

/// One call, with everything it needs.
struct Call<'a> {
    aws: &'a dyn Aws,
    connection: &'a AwsConnection,
    operation: Operation,
    effect: Effect,
    params: Value,
    /// Those in the parameters: an answer may repeat them where its model knows of no secret.
    secrets: KnownSecrets,
    all_pages: bool,
    waiter: Option<Waiter>,
}

impl<'a> Call<'a> {
    fn new(invocation: &'a Invocation, outside: &'a dyn Outside) -> Result<Self, Failure> {
        let arguments = &invocation.arguments;
        let connection = match invocation.connection()? {
            Connection::Aws(aws) => aws,
            other => {
                return Err(invalid(format!("the connection is to a cluster ({}), not to AWS", other.label()))
                    .help("name an `aws` connection in the step's `connection`"));
            }
        };
        let service =
            catalog().service(arguments::required_text(arguments, "service")?).map_err(not_in_this_version)?;
        let operation =
            service.operation(arguments::required_text(arguments, "operation")?).map_err(not_in_this_version)?;
        let waiter = match arguments::text(arguments, WAITER)? {
            Some(name) => Some(service.waiter(name).map_err(not_in_this_version)?),
            None => None,
        };
        let own_effect = arguments::text(arguments, "effect")?.and_then(Effect::named);
        let params = match arguments.get("params") {
            None | Some(Value::Null) => Value::Map(Map::new()),
            Some(params) if params.as_map().is_some() => params.clone().without_nulls(),
            Some(other) => return Err(invalid(format!("`params` is {}, not a map", other.type_name()))),
        };
        Ok(Self {
            aws: outside.aws(),
            connection,
            secrets: KnownSecrets::of(&params),
            params: operation.with_token(params, invocation.token.as_str()),
            effect: own_effect.unwrap_or_else(|| operation.effect().0),
            all_pages: arguments::text(arguments, "paginate")? == Some("all"),
            operation,
            waiter,
        })
    }

    async fn carry_out(&self) -> Result<Answer, Failure> {
        let outcome = self.pages().await;
        if let Some(waiter) = &self.waiter {
            return looked(waiter, outcome);
        }
        match outcome {
            Ok(AwsAnswer { output, request_id }) => {
                let origin = (self.effect == Effect::Reads).then_some(Origin::Unchanged);
                Ok(Answer { output, origin, request_id, ..Answer::default() })
            }
            // What was to go is gone.
            Err(failure) if failure.class == FailureClass::Missing && self.operation.removes() => {
                Ok(Answer { origin: Some(Origin::Unchanged), request_id: failure.request_id, ..Answer::default() })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn pages(&self) -> Result<AwsAnswer, Failure> {
        let mut all = self.page(self.params.clone()).await?;
        let Some(paginator) = self.operation.paginator().filter(|_| self.all_pages) else { return Ok(all) };
        let mut next = paginator.next(&self.params, &all.output)?;
        while let Some(params) = next {
            let page = self.page(params.clone()).await?;
            next = paginator.next(&params, &page.output)?;
            paginator.merge(&mut all.output, page.output);
            all.request_id = page.request_id;
        }
        Ok(all)
    }

    async fn page(&self, params: Value) -> Result<AwsAnswer, Failure> {
        let call = AwsCall {
            service: self.operation.service().name().to_owned(),
            operation: self.operation.name().to_owned(),
            params,
        };
        match self.aws.call(self.connection, call).await {
            Ok(answer) => Ok(AwsAnswer { output: self.secrets.mark(answer.output), ..answer }),
            // A read has no effect that could be in doubt.
            Err(failure) => Err(Failure { in_doubt: failure.in_doubt && self.effect != Effect::Reads, ..failure }),
        }
    }
}

/// Planning found the name; a plan made by another version of the program may hold one that this one does not know.
fn not_in_this_version(unknown: impl std::fmt::Display) -> Failure {
    invalid(unknown.to_string()).help("go on with the version of `runbook` that the run was begun with")
}

/// What a waiter makes of a look: `{state, observed, result}`.
fn looked(waiter: &Waiter, outcome: Result<AwsAnswer, Failure>) -> Result<Answer, Failure> {
    let Some(judgement) = waiter.judge(outcome.as_ref().map(|answer| &answer.output)) else {
        return Err(outcome
            .err()
            .unwrap_or_else(|| Failure::new(FailureClass::Unknown, "the waiter has no word on a success")));
    };
    let state = match judgement.state {
        WaiterState::Success => "success",
        WaiterState::Failure => "failure",
        WaiterState::Retry => "retry",
    };
    let (output, request_id) = match outcome {
        Ok(answer) => (answer.output, answer.request_id),
        Err(failure) => (Value::Null, failure.request_id),
    };
    let output = Value::Map(Map::from_iter([
        ("state".to_owned(), Value::from(state)),
        ("observed".to_owned(), judgement.saw.map_or(Value::Null, Value::String)),
        ("result".to_owned(), output),
    ]));
    Ok(Answer { output, origin: Some(Origin::Unchanged), request_id, ..Answer::default() })
}
