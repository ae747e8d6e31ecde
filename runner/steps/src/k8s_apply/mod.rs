//! `k8s-apply`: server-side apply of objects, in the order that works, until they are ready if that is wanted.
//!
//! This file decides the arguments of the kind and how a call of it begins and goes on. What is done to one object stands
//! in `single.rs`, the way through all of them in `course.rs`. It must not know how a server is reached.

mod archive;
mod course;
pub(crate) mod inline;
mod single;
#[cfg(test)]
mod tests;
mod ticket;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Effect, Kind, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::Value;

use self::course::Course;
use self::ticket::Ticket;
use crate::arguments::{Judge, rendered, value_of};
use crate::contract::{Invocation, Pending, Progress, StepKind};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct K8sApply;

const NAME: &str = "k8s-apply";
const KEYS: [&str; 9] =
    ["objects", "template", "values", "archive", "patches", "namespace", "conflicts", "must-exist", "wait"];

static PARAMETERS: [Parameter; 9] = [
    Parameter::new("objects", Takes::Anything, "the manifests: a list, or one"),
    Parameter::new(
        "template",
        Takes::Text,
        "a file under `templates/` that renders to manifests; instead of `objects`",
    )
    .fixed(),
    Parameter::new("values", Takes::Map, "what the template sees"),
    Parameter::new(
        "archive",
        Takes::Map,
        "`{from, digest, under}`: a packed folder of manifests; instead of `objects`",
    ),
    Parameter::new(
        "patches",
        Takes::List,
        "`{apiVersion, kind, name, merge}` each: merged into objects of the archive",
    ),
    Parameter::new("namespace", Takes::Text, "for objects that name none"),
    Parameter::new(
        "conflicts",
        Takes::OneOf(&["fail", "take"]),
        "what becomes of fields that others manage; `fail` by default",
    ),
    Parameter::new("must-exist", Takes::Flag, "an absent object is `missing` and not made"),
    Parameter::new("wait", Takes::OneOf(&["ready", "none"]), "whether the step ends when the objects are ready"),
];

impl Kind for K8sApply {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "applies Kubernetes objects (server-side apply)"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if question.place == Place::Look {
            let help = "look with `k8s-get`";
            judge.complain(code::KIND_PLACE, arguments.span, format!("`{NAME}` changes things and cannot look"), help);
        }
        if judge.keys(arguments, &KEYS, &[]) {
            judge.text(arguments, "namespace");
            judge.choice(arguments, "conflicts", &["fail", "take"]);
            judge.choice(arguments, "wait", &["ready", "none"]);
            judge.boolean(arguments, "must-exist");
            objects(&mut judge, arguments);
        }
        Planned {
            effect: Effect::Converges,
            result: Shape::List(Box::new(Shape::Any)),
            ..Planned::unknown(Reaches::Kubernetes)
        }
    }
}

/// Brings what is to be applied under the one key `objects`.
fn objects(judge: &mut Judge<'_>, arguments: &mut Argument) {
    let span_of = |key| value_of(arguments, key).map(|value| value.span);
    let (objects, template, values) = (span_of("objects"), span_of("template"), span_of("values"));
    let (archive, patches) = (span_of("archive"), span_of("patches"));
    archive::judge(judge, arguments);
    if let (Some(_), Some(span)) = (objects.or(template), archive) {
        let help = "leave one of them out, or make two steps";
        let message = "`archive` and `objects` or `template` exclude each other".into();
        judge.complain(code::KIND_TOGETHER, span, message, help);
    }
    if let (Some(span), None) = (patches, archive) {
        let help = "add `archive:`, or write what is wanted into the objects themselves";
        judge.complain(code::KIND_TOGETHER, span, "`patches` are there and no `archive`".into(), help);
    }
    match (objects, template) {
        (Some(_), Some(span)) => {
            let help = "leave one of them out, or make two steps";
            judge.complain(code::KIND_TOGETHER, span, "`objects` and `template` exclude each other".into(), help);
        }
        (None, None) if archive.is_none() => {
            judge.require(
                arguments,
                "objects",
                "write `objects:` with a list of objects, or `template:` with a file below `templates/`",
            );
        }
        _ => {}
    }
    if let (Some(span), None) = (values, template) {
        let help = "add `template:`, or leave `values:` out";
        judge.complain(code::KIND_TOGETHER, span, "`values` are there and no `template`".into(), help);
    }
    if objects.is_some() {
        if let Some(list) = crate::arguments::value_of_mut(arguments, "objects") {
            inline::judge(judge, list);
        }
    } else if let Some(span) = template {
        rendered(judge, arguments, span);
    }
}

impl StepKind for K8sApply {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { Course::new(invocation, outside).await?.go_on(Ticket::default()).await })
    }

    fn poll<'a>(
        &'a self,
        invocation: &'a Invocation,
        ticket: &'a Value,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { Course::new(invocation, outside).await?.go_on(Ticket::read(ticket)?).await })
    }
}
