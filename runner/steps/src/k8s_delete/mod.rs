//! `k8s-delete`: takes Kubernetes objects away, and waits until they are gone if that is wanted.
//!
//! This file decides the arguments of the kind and which objects a call is about. What is done about them stands in
//! `course.rs`. It must not know how a server is reached.

mod course;
#[cfg(test)]
mod tests;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::connection::Connection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::Value;

use self::course::{Course, Ticket};
use crate::arguments::{self, Judge, invalid, rendered, value_of, value_of_mut};
use crate::contract::{Invocation, Pending, Progress, StepKind};
use crate::k8s_apply::inline;
use crate::kubernetes::manifest;
use crate::ports::{Kubernetes, ObjectName, Outside, Resource, Selection};

/// The kind.
#[derive(Debug)]
pub struct K8sDelete;

const NAME: &str = "k8s-delete";

static PARAMETERS: [Parameter; 9] = [
    Parameter::new("apiVersion", Takes::Text, "group and version, such as `apps/v1`"),
    Parameter::new("kind", Takes::Text, "the kind, such as `Deployment`"),
    Parameter::new("name", Takes::Text, "one object"),
    Parameter::new(
        "selector",
        Takes::Text,
        "all objects with these labels, as `kubectl -l` takes them; instead of `name`",
    ),
    Parameter::new("namespace", Takes::Text, "of the object, or of those that name none"),
    Parameter::new("objects", Takes::Anything, "a list of objects, of which kind and name count; instead of the above"),
    Parameter::new("template", Takes::Text, "a file under `templates/` that renders to such objects").fixed(),
    Parameter::new("values", Takes::Map, "what the template sees"),
    Parameter::new("wait", Takes::OneOf(&["gone", "none"]), "whether the step ends when the objects are gone").fixed(),
];

impl Kind for K8sDelete {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "deletes Kubernetes objects"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if question.place == Place::Look {
            let message = format!("`{NAME}` changes things and cannot look");
            judge.complain(code::KIND_PLACE, arguments.span, message, "look with `k8s-get`");
        }
        if judge.keys(arguments, &PARAMETERS.each_ref().map(|parameter| parameter.name), &[]) {
            for key in ["apiVersion", "kind", "name", "selector", "namespace"] {
                judge.text(arguments, key);
            }
            judge.choice(arguments, "wait", &["gone", "none"]);
            which(&mut judge, arguments);
        }
        Planned {
            effect: Effect::Converges,
            result: Shape::List(Box::new(Shape::Any)),
            absent_is_fine: true,
            ..Planned::unknown(Reaches::Kubernetes)
        }
    }
}

/// Judges that it is said which objects, and in one way only.
fn which(judge: &mut Judge<'_>, arguments: &mut Argument) {
    let span_of = |key| value_of(arguments, key).map(|value| value.span);
    let template = span_of("template");
    let listed = span_of("objects").or(template);
    if span_of("objects").is_some()
        && let Some(span) = template
    {
        let help = "leave one of them out, or make two steps";
        judge.complain(code::KIND_TOGETHER, span, "`objects` and `template` exclude each other".into(), help);
    }
    match (listed, ["kind", "name", "selector"].into_iter().find_map(span_of)) {
        (Some(_), Some(span)) => {
            let help = "name the objects in one of these ways";
            let message = "`objects` or `template` stand beside `kind`, `name` or `selector`".into();
            judge.complain(code::KIND_TOGETHER, span, message, help);
        }
        (None, _) => {
            judge.require(
                arguments,
                "apiVersion",
                "write group and version, such as `apps/v1`, or `v1` for core kinds",
            );
            judge.require(arguments, "kind", "write the kind, such as `Deployment`");
            match (span_of("name"), span_of("selector")) {
                (None, None) => {
                    judge.require(arguments, "name", "write `name` or `selector`: all of a kind are never deleted");
                }
                (Some(_), Some(span)) => {
                    let help = "leave one of them out: a name means one object, a selector all that fit";
                    judge.complain(code::KIND_TOGETHER, span, "`name` and `selector` exclude each other".into(), help);
                }
                _ => {}
            }
        }
        (Some(_), None) => {}
    }
    if let Some(span) = template {
        rendered(judge, arguments, span);
    } else if let Some(list) = value_of_mut(arguments, "objects") {
        inline::judge(judge, list);
    }
}

impl StepKind for K8sDelete {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let (kubernetes, connection) = (outside.kubernetes(), invocation.connection()?);
            let targets = targets(kubernetes, connection, &invocation.arguments).await?;
            Course::new(invocation, kubernetes)?.go_on(Ticket::of(targets)).await
        })
    }

    fn poll<'a>(
        &'a self,
        invocation: &'a Invocation,
        ticket: &'a Value,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { Course::new(invocation, outside.kubernetes())?.go_on(Ticket::read(ticket)?).await })
    }
}

/// The objects that are there, with what they are now; the last to be applied comes first.
async fn targets(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    arguments: &Value,
) -> Result<Vec<(ObjectName, Value)>, Failure> {
    let namespace = arguments::text(arguments, "namespace")?;
    let mut found = Vec::new();
    if let Some(objects) = arguments.get("objects").filter(|objects| !objects.is_null()) {
        let manifests = manifest::read(objects, namespace)?;
        for place in manifest::order(&manifests).into_iter().rev() {
            let manifest = &manifests[place];
            let Some(resource) = served(kubernetes, connection, &manifest.api_version, &manifest.kind).await? else {
                continue;
            };
            let namespace = manifest.namespace.clone().filter(|_| resource.namespaced);
            let object = ObjectName { resource, namespace, name: manifest.name.clone() };
            found.extend(there(kubernetes, connection, object).await?);
        }
        return Ok(found);
    }
    let (api_version, kind) =
        (arguments::required_text(arguments, "apiVersion")?, arguments::required_text(arguments, "kind")?);
    let (name, labels) = (arguments::text(arguments, "name")?, arguments::text(arguments, "selector")?);
    // An expression that gives nothing must not become a wish to delete everything.
    if name.or(labels).is_none_or(|text| text.trim().is_empty()) {
        return Err(invalid("neither `name` nor `selector` has a value".into())
            .help("all of a kind are never deleted; say which objects are meant"));
    }
    let Some(resource) = served(kubernetes, connection, api_version, kind).await? else { return Ok(found) };
    let namespace = namespace.map(str::to_owned).filter(|_| resource.namespaced);
    match (name, labels) {
        (Some(name), _) => {
            let object = ObjectName { resource, namespace, name: name.to_owned() };
            found.extend(there(kubernetes, connection, object).await?);
        }
        (None, labels) => {
            if resource.namespaced && namespace.is_none() {
                return Err(invalid("`selector` without `namespace` would delete in every namespace".into())
                    .help("add `namespace:`, and a step for each further one"));
            }
            let selection = Selection {
                resource: resource.clone(),
                namespace,
                name: None,
                labels: labels.map(str::to_owned),
                fields: None,
            };
            for item in kubernetes.list(connection, &selection).await?.items {
                let view = crate::kubernetes::object::Object(&item);
                let object = ObjectName {
                    resource: resource.clone(),
                    namespace: view.namespace().map(str::to_owned),
                    name: view.name().to_owned(),
                };
                found.push((object, item));
            }
        }
    }
    Ok(found)
}

/// How a kind is served; nothing if it is not, for then there are no objects of it.
async fn served(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    api_version: &str,
    kind: &str,
) -> Result<Option<Resource>, Failure> {
    absent_is_none(kubernetes.discover(connection, api_version, kind).await)
}

async fn there(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    object: ObjectName,
) -> Result<Option<(ObjectName, Value)>, Failure> {
    Ok(absent_is_none(kubernetes.get(connection, &object).await)?.map(|found| (object, found)))
}

fn absent_is_none<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.class == FailureClass::Missing => Ok(None),
        Err(failure) => Err(failure),
    }
}
