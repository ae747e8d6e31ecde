//! `k8s-release`: lets objects go that are being deleted and that nobody is left to finish.
//!
//! This file decides which objects are let go: only those whose deletion was asked for already. It must not know who was to
//! finish them.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::Value;

use crate::arguments::{Judge, required_text, text};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::kubernetes::object::Object;
use crate::ports::{Kubernetes, ObjectName, Outside, Selection};

/// The kind.
#[derive(Debug)]
pub struct K8sRelease;

const NAME: &str = "k8s-release";
const KEYS: [&str; 5] = ["apiVersion", "kind", "name", "selector", "namespace"];

static PARAMETERS: [Parameter; 5] = [
    Parameter::new("apiVersion", Takes::Text, "group and version, such as `apps/v1`").required(),
    Parameter::new("kind", Takes::Text, "the kind, such as `Deployment`").required(),
    Parameter::new("name", Takes::Text, "one object; otherwise all of the namespace"),
    Parameter::new("selector", Takes::Text, "those with these labels, as `kubectl -l` takes them"),
    Parameter::new("namespace", Takes::Text, "their namespace; otherwise all"),
];

impl Kind for K8sRelease {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "lets objects go whose deletion nobody finishes"
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
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "apiVersion", "write group and version, such as `apps/v1`");
            judge.require(arguments, "kind", "write the kind, such as `Deployment`");
            for key in KEYS {
                judge.text(arguments, key);
            }
        }
        let result = Shape::List(Box::new(Shape::Text));
        Planned { effect: Effect::Converges, result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for K8sRelease {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { release(invocation, outside.kubernetes()).await.map(Progress::Done) })
    }
}

async fn release(invocation: &Invocation, kubernetes: &dyn Kubernetes) -> Result<Answer, Failure> {
    let (arguments, connection) = (&invocation.arguments, invocation.connection()?);
    let resource = kubernetes
        .discover(connection, required_text(arguments, "apiVersion")?, required_text(arguments, "kind")?)
        .await?;
    let part = |key: &str| text(arguments, key).map(|text| text.map(str::to_owned));
    let namespace = part("namespace")?.filter(|_| resource.namespaced);
    let selection = Selection { resource, namespace, name: part("name")?, labels: part("selector")?, fields: None };
    let mut released = Vec::new();
    for found in kubernetes.list(connection, &selection).await?.items {
        let view = Object(&found);
        let wanted = selection.name.as_deref().is_none_or(|name| view.name() == name);
        let held = !view.items(&["metadata", "finalizers"]).is_empty();
        if !wanted || !held || view.at(&["metadata", "deletionTimestamp"]).is_none() {
            continue;
        }
        let object = ObjectName {
            resource: selection.resource.clone(),
            namespace: view.namespace().map(str::to_owned),
            name: view.name().to_owned(),
        };
        match kubernetes.release(connection, &object).await {
            Ok(()) => released.push(Value::from(object.label())),
            Err(failure) if failure.class == FailureClass::Missing => {}
            Err(failure) => return Err(failure),
        }
    }
    let origin = if released.is_empty() { Origin::Unchanged } else { Origin::Changed };
    Ok(Answer { output: Value::List(released), origin: Some(origin), ..Answer::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::test_server::{TestServer, answer, invocation};

    #[test]
    fn only_what_is_being_deleted_is_let_go() {
        let server = TestServer::new();
        let map = |name: &str, more: Json| {
            let mut metadata = json!({"name": name, "namespace": "n"});
            metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            server.put_again(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
        };
        let deleted = "2026-01-01T00:00:00Z";
        map("alive", json!({"finalizers": ["x"]}));
        map("free", json!({"deletionTimestamp": deleted}));
        map("held", json!({"deletionTimestamp": deleted, "finalizers": ["x"]}));
        let call = invocation(json!({"apiVersion": "v1", "kind": "ConfigMap", "namespace": "n"}).into());
        let done = answer(&K8sRelease, &call, &server).unwrap();
        assert_eq!((done.output.exposed(), done.origin), (json!(["ConfigMap n/held"]), Some(Origin::Changed)));
        let there = |name: &str| server.object("ConfigMap", Some("n"), name).is_some();
        assert_eq!([there("alive"), there("free"), there("held")], [true, true, false]);
        assert_eq!(answer(&K8sRelease, &call, &server).unwrap().origin, Some(Origin::Unchanged));
    }
}
