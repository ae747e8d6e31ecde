//! `k8s-drain`: empties a node: no new pods, and those that are there asked to leave.
//!
//! This file decides how a drain begins, goes on and ends. Which pods have to leave stands in `pods.rs`. It must not know how
//! a server is reached.
//!
//! A pod is asked by an eviction, which the server refuses while a disruption budget allows none; it is asked again with
//! every call. Nothing of the course is remembered but when it began: whatever happened meanwhile, the pods tell.

mod pods;
#[cfg(test)]
mod tests;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};

use self::pods::{Fate, fate, is_alone};
use crate::arguments::{self, Judge, invalid};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::kubernetes::field_manager;
use crate::kubernetes::object::Object;
use crate::ports::{Apply, Create, Delete, Kubernetes, ObjectName, Outside, Resource, Selection};

/// The kind.
#[derive(Debug)]
pub struct K8sDrain;

const NAME: &str = "k8s-drain";

/// How many pods one call asks to leave, so that it stays well under a minute over a slow line.
const PODS_PER_CALL: usize = 40;

/// How many pods are named of those that are still there.
const NAMED: usize = 3;

static PARAMETERS: [Parameter; 3] = [
    Parameter::new("node", Takes::Text, "the name of the node").required(),
    Parameter::new("grace", Takes::Duration, "how long pods get to end; otherwise what they say themselves"),
    Parameter::new(
        "force-after",
        Takes::Duration,
        "when to delete what still stays, against disruption budgets; otherwise never",
    ),
];

impl Kind for K8sDrain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "empties a node"
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
            judge.require(arguments, "node", "write the name of the node");
            judge.text(arguments, "node");
            for key in ["grace", "force-after"] {
                let written = judge.text(arguments, key).map(|text| text.parse::<Duration>());
                if let (Some(Err(error)), Some(value)) = (written, arguments.get(key)) {
                    judge.complain(code::KIND_VALUE, value.span, error.to_string(), "write a duration such as `90s`");
                }
            }
        }
        let text = || Shape::List(Box::new(Shape::Text));
        let result = Shape::structure(NAME, [("stayed", text()), ("alone", text())]);
        Planned { effect: Effect::Converges, result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for K8sDrain {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let drain = Drain::new(invocation, outside)?;
            let cordoned = drain.cordon().await?;
            let ticket = Ticket { cordoned, since: outside.certificates().now(), alone: Vec::new(), moved: false };
            drain.go_on(ticket).await
        })
    }

    fn poll<'a>(
        &'a self,
        invocation: &'a Invocation,
        ticket: &'a Value,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { Drain::new(invocation, outside)?.go_on(Ticket::read(ticket)?).await })
    }
}

/// What has to be known between two calls.
struct Ticket {
    /// Was the node closed to new pods before?
    cordoned: bool,
    since: Timestamp,
    /// Pods that nobody makes anew.
    alone: Vec<String>,
    /// Was any pod asked to leave?
    moved: bool,
}

impl Ticket {
    fn written(&self) -> Value {
        Value::Map(Map::from_iter([
            ("cordoned".to_owned(), Value::from(self.cordoned)),
            ("since".to_owned(), Value::from(self.since.to_string())),
            ("alone".to_owned(), texts(&self.alone)),
            ("moved".to_owned(), Value::from(self.moved)),
        ]))
    }

    fn read(ticket: &Value) -> Result<Self, Failure> {
        let flag = |key: &str| ticket.get(key).and_then(Value::as_bool);
        let since = Object(ticket).text(&["since"]).and_then(|since| since.parse().ok());
        let alone = Object(ticket).items(&["alone"]).iter().filter_map(Value::as_str).map(str::to_owned);
        match (flag("cordoned"), since, flag("moved")) {
            (Some(cordoned), Some(since), Some(moved)) => Ok(Self { cordoned, since, alone: alone.collect(), moved }),
            _ => Err(Failure::new(FailureClass::Unknown, "the journal's note on the drain cannot be read")),
        }
    }
}

/// One call's view of the drain.
struct Drain<'a> {
    kubernetes: &'a dyn Kubernetes,
    connection: &'a Connection,
    node: &'a str,
    manager: String,
    grace: Option<i64>,
    force_after: Option<Duration>,
    now: Timestamp,
}

impl<'a> Drain<'a> {
    fn new(invocation: &'a Invocation, outside: &'a dyn Outside) -> Result<Self, Failure> {
        let arguments = &invocation.arguments;
        let duration = |key: &str| {
            let text = arguments::text(arguments, key)?;
            text.map(|text| text.parse::<Duration>().map_err(|error| invalid(format!("`{key}`: {error}")))).transpose()
        };
        let seconds = |grace: Duration| i64::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        Ok(Self {
            kubernetes: outside.kubernetes(),
            connection: invocation.connection()?,
            node: arguments::required_text(arguments, "node")?,
            manager: field_manager::name(&invocation.runbook, &invocation.path),
            grace: duration("grace")?.map(seconds),
            force_after: duration("force-after")?,
            now: outside.certificates().now(),
        })
    }

    fn node(&self) -> ObjectName {
        ObjectName { resource: resource("Node", "nodes", false), namespace: None, name: self.node.to_owned() }
    }

    /// Closes the node to new pods. Says whether it was closed.
    async fn cordon(&self) -> Result<bool, Failure> {
        let node = self.kubernetes.get(self.connection, &self.node()).await?;
        if Object(&node).at(&["spec", "unschedulable"]).and_then(Value::as_bool) == Some(true) {
            return Ok(true);
        }
        let manifest = serde_json::json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.node},
            "spec": {"unschedulable": true}});
        let apply =
            Apply { object: self.node(), manifest: manifest.into(), manager: self.manager.clone(), force: true };
        self.kubernetes.apply(self.connection, &apply).await.map_err(|refused| refused.failure)?;
        Ok(false)
    }

    async fn go_on(&self, mut ticket: Ticket) -> Result<Progress, Failure> {
        let selection = Selection {
            resource: resource("Pod", "pods", true),
            namespace: None,
            name: None,
            labels: None,
            fields: Some(format!("spec.nodeName={}", self.node)),
        };
        let pods = self.kubernetes.list(self.connection, &selection).await?.items;
        let of = |wanted: Fate| pods.iter().map(Object).filter(move |pod| fate(*pod) == wanted);
        let forced = self.force_after.is_some_and(|after| self.now.since(ticket.since) >= after);
        let mut held: Vec<String> = Vec::new();
        for pod in of(Fate::Leaves).take(PODS_PER_CALL) {
            if is_alone(pod) && !ticket.alone.contains(&pod.label()) {
                ticket.alone.push(pod.label());
            }
            match self.leave(pod, forced).await {
                Ok(()) => ticket.moved = true,
                // A disruption budget allows none now, or the server has too much to do: it is asked again.
                Err(failure) if failure.class == FailureClass::Throttled => {
                    held.push(format!("{}: {}", pod.label(), failure.message));
                }
                Err(failure) if failure.class == FailureClass::Missing => {}
                Err(failure) => {
                    return Err(Failure { message: format!("{}: {}", pod.label(), failure.message), ..failure });
                }
            }
        }
        let leaving: Vec<String> = of(Fate::Leaves).chain(of(Fate::Leaving)).map(Object::label).collect();
        if leaving.is_empty() {
            let stayed: Vec<String> = of(Fate::Stays).map(Object::label).collect();
            return Ok(Progress::Done(self.answer(&ticket, &stayed)));
        }
        let observed = match held.first() {
            Some(first) => format!("{} pods are left; {first}", leaving.len()),
            None => {
                let more = leaving.len().saturating_sub(NAMED);
                let named = leaving.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{} pods are left, which end: {named}{more}", leaving.len())
            }
        };
        Ok(Progress::Going { ticket: ticket.written(), observed: Some(observed) })
    }

    /// Asks a pod to leave; or takes it away, whatever budgets say.
    async fn leave(&self, pod: Object<'_>, forced: bool) -> Result<(), Failure> {
        let object = ObjectName {
            resource: resource("Pod", "pods", true),
            namespace: pod.namespace().map(str::to_owned),
            name: pod.name().to_owned(),
        };
        let uid = pod.text(&["metadata", "uid"]).map(str::to_owned);
        if forced {
            let delete = Delete { object, uid, grace: self.grace };
            return self.kubernetes.delete(self.connection, &delete).await;
        }
        let mut options = serde_json::json!({});
        if let Some(uid) = uid {
            options["preconditions"] = serde_json::json!({"uid": uid});
        }
        if let Some(grace) = self.grace {
            options["gracePeriodSeconds"] = grace.into();
        }
        let manifest = serde_json::json!({"apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": options,
            "metadata": {"name": object.name, "namespace": object.namespace}});
        let create =
            Create { object, subresource: Some("eviction"), manifest: manifest.into(), manager: self.manager.clone() };
        self.kubernetes.create(self.connection, &create).await.map(drop)
    }

    fn answer(&self, ticket: &Ticket, stayed: &[String]) -> Answer {
        let alone =
            ticket.alone.iter().map(|pod| format!("{pod} has no controller, and nobody makes it anew elsewhere"));
        let origin = if ticket.moved || !ticket.cordoned { Origin::Changed } else { Origin::Unchanged };
        let before = [("node", Value::from(self.node)), ("unschedulable", Value::from(ticket.cordoned))];
        let before = before.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Answer {
            output: Value::Map(Map::from_iter([
                ("stayed".to_owned(), texts(stayed)),
                ("alone".to_owned(), texts(&ticket.alone)),
            ])),
            origin: Some(origin),
            before: (origin == Origin::Changed).then_some(Value::Map(before)),
            warnings: alone.collect(),
            ..Answer::default()
        }
    }
}

fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}

fn resource(kind: &str, plural: &str, namespaced: bool) -> Resource {
    Resource { api_version: "v1".into(), kind: kind.into(), plural: plural.into(), namespaced }
}
