//! `k8s-get`: reads one Kubernetes object, or lists them; also the source `k8s` of a `wait-for`.
//!
//! This file decides what is read, what a look answers and from where the next look watches on. It must not change
//! anything, nor know how a server is reached.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::connection::Connection;
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::arguments::{self, Judge, value_of};
use crate::contract::{Answer, Invocation, Look, Pending, Progress, StepKind};
use crate::kubernetes::object::Object;
use crate::kubernetes::readiness::{Readiness, judge};
use crate::kubernetes::{rollout, secrecy};
use crate::ports::{Kubernetes, ObjectName, Outside, Selection};

/// The kind.
#[derive(Debug)]
pub struct K8sGet;

const NAME: &str = "k8s-get";
const KEYS: [&str; 5] = ["apiVersion", "kind", "name", "selector", "namespace"];
static PARAMETERS: [Parameter; 5] = [
    Parameter::new("apiVersion", Takes::Text, "group and version, such as `apps/v1`").required(),
    Parameter::new("kind", Takes::Text, "any kind the cluster serves, such as `Deployment`").required(),
    Parameter::new("name", Takes::Text, "one object; without it a list, which may be empty"),
    Parameter::new("selector", Takes::Text, "a label selector as `kubectl -l` takes it; not together with `name`"),
    Parameter::new(
        "namespace",
        Takes::Text,
        "of one object the connection's own by default; a list without it is one over all",
    ),
];
/// Set for `until: ready`; nobody writes it into a `k8s-get` itself.
const READY: &str = "ready";

impl Kind for K8sGet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "reads one Kubernetes object, or lists objects"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let looks = question.place == Place::Look;
        let mut judge = Judge::new(NAME, question.diagnostics);
        let known: Vec<&str> = KEYS.into_iter().chain(looks.then_some(READY)).collect();
        if judge.keys(arguments, &known, &[]) {
            judge.require(
                arguments,
                "apiVersion",
                "write group and version, such as `apps/v1`, or `v1` for core kinds",
            );
            judge.require(arguments, "kind", "write the kind, such as `Deployment`");
            for key in KEYS {
                judge.text(arguments, key);
            }
            if let (Some(_), Some(selector)) = (value_of(arguments, "name"), value_of(arguments, "selector")) {
                let help = "leave one of them out: a name asks for one object, a selector for a list";
                judge.complain(
                    code::KIND_TOGETHER,
                    selector.span,
                    "`name` and `selector` exclude each other".into(),
                    help,
                );
            }
            if looks {
                judge.boolean(arguments, READY);
            }
        }
        let result = match value_of(arguments, "name") {
            Some(_) => Shape::Any,
            None => Shape::List(Box::new(Shape::Any)),
        };
        Planned { result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for K8sGet {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { read(invocation, outside.kubernetes()).await.map(Progress::Done) })
    }
}

async fn read(invocation: &Invocation, kubernetes: &dyn Kubernetes) -> Result<Answer, Failure> {
    let connection = invocation.connection()?;
    let arguments = &invocation.arguments;
    let (api_version, kind) =
        (arguments::required_text(arguments, "apiVersion")?, arguments::required_text(arguments, "kind")?);
    let resource = kubernetes.discover(connection, api_version, kind).await?;
    let namespace = arguments::text(arguments, "namespace")?.filter(|_| resource.namespaced).map(str::to_owned);
    let name = arguments::text(arguments, "name")?.map(str::to_owned);
    let labels = arguments::text(arguments, "selector")?.map(str::to_owned);
    if let Some("") = name.as_deref() {
        return Err(arguments::invalid("`name` is empty".into()));
    }
    let selection = Selection { resource, namespace, name, labels, fields: None };

    let watchable = match &invocation.look {
        Some(look) => wait_for_change(kubernetes, connection, &selection, look).await,
        None => false,
    };
    let (found, mark) = match &selection.name {
        Some(name) => {
            let object = ObjectName {
                resource: selection.resource.clone(),
                namespace: selection.namespace.clone(),
                name: name.clone(),
            };
            let found = kubernetes.get(connection, &object).await?;
            let mark = mark(Object(&found).resource_version(), Object(&found).namespace());
            (found, mark)
        }
        None => {
            let listing = kubernetes.list(connection, &selection).await?;
            let mark = mark(Some(&listing.version), None);
            (Value::List(listing.items), mark)
        }
    };
    let mut blocks = None;
    let output = if arguments::flag(arguments, READY) {
        judged(kubernetes, connection, &selection, found).await
    } else {
        if invocation.look.is_some() {
            blocks = blocking(kubernetes, connection, &found).await;
        }
        shown(found)
    };
    let mark = mark.filter(|_| watchable);
    Ok(Answer { output, origin: Some(Origin::Unchanged), mark, blocks, ..Answer::default() })
}

/// Holds a look back until something has changed since the last one. Whatever goes wrong with the watch, the look goes on
/// and reads: it says what there is, and if reading fails too, why. False if the next look had better not watch.
async fn wait_for_change(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    selection: &Selection,
    look: &Look,
) -> bool {
    let Some(since) = look.mark.as_ref().and_then(|mark| Object(mark).text(&["version"])) else { return true };
    if look.patience.as_millis() == 0 {
        return true;
    }
    let mut selection = selection.clone();
    if selection.name.is_some() {
        // A watch without a namespace would be one over all of them; the object told its own at the last look.
        let known = look.mark.as_ref().and_then(|mark| Object(mark).text(&["namespace"]));
        selection.namespace = known.map(str::to_owned).or(selection.namespace);
    }
    kubernetes.watch(connection, &selection, since, look.patience).await.is_ok()
}

fn mark(version: Option<&str>, namespace: Option<&str>) -> Option<Value> {
    let text = |text: &str| Value::from(text);
    let entries =
        [("version", version.filter(|version| !version.is_empty())?), ("namespace", namespace.unwrap_or_default())];
    Some(Value::Map(
        entries
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), text(value)))
            .collect(),
    ))
}

fn shown(found: Value) -> Value {
    match found {
        Value::List(items) => Value::List(items.into_iter().map(secrecy::shown).collect()),
        one => secrecy::shown(one),
    }
}

/// What keeps the first object that is not ready, whatever the author waits for.
async fn blocking(kubernetes: &dyn Kubernetes, connection: &Connection, found: &Value) -> Option<String> {
    let objects = found.as_list().unwrap_or(std::slice::from_ref(found));
    let first = objects.iter().find(|object| judge(Object(object)) != Readiness::Ready)?;
    match rollout::look(kubernetes, connection, first).await {
        Readiness::Ready => None,
        Readiness::Waiting(words) | Readiness::Failed(words) => Some(format!("{}: {words}", Object(first).label())),
    }
}

/// The answer of a source that judges by itself: `{state, observed, result}`.
async fn judged(kubernetes: &dyn Kubernetes, connection: &Connection, selection: &Selection, found: Value) -> Value {
    let one = std::slice::from_ref(&found);
    let objects = if selection.name.is_some() { one } else { found.as_list().unwrap_or_default() };
    let (mut failed, mut waiting) = (Vec::new(), Vec::new());
    for object in objects {
        let label = Object(object).label();
        // Only of the first it is told what keeps it; to ask about all of them would take too many questions.
        let judged = match judge(Object(object)) {
            Readiness::Waiting(words) if !waiting.is_empty() => Readiness::Waiting(words),
            _ => rollout::look(kubernetes, connection, object).await,
        };
        match judged {
            Readiness::Ready => {}
            Readiness::Waiting(words) => waiting.push(format!("{label}: {words}")),
            Readiness::Failed(words) => failed.push(format!("{label} failed: {words}")),
        }
    }
    let ready = objects.len() - failed.len() - waiting.len();
    let (state, observed) = if let Some(first) = failed.first() {
        ("failure", first.clone())
    } else if let Some(first) = waiting.first() {
        (
            "retry",
            if objects.len() > 1 { format!("{ready} of {} ready; {first}", objects.len()) } else { first.clone() },
        )
    } else if objects.is_empty() {
        ("retry", format!("there is no {} yet", selection.resource.kind))
    } else if objects.len() > 1 {
        ("success", format!("all {ready} are ready"))
    } else {
        ("success", "ready".to_owned())
    };
    Value::Map(Map::from_iter([
        ("state".to_owned(), Value::from(state)),
        ("observed".to_owned(), Value::from(observed)),
        ("result".to_owned(), shown(found)),
    ]))
}

#[cfg(test)]
mod tests {
    use runbook_model::duration::Duration;
    use runbook_model::failure::FailureClass;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::ports::Watched;
    use crate::test_server::{TestServer, answer, invocation};

    fn node(name: &str, ready: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"group": "a"}},
               "status": {"conditions": [{"type": "Ready", "status": ready, "reason": "KubeletNotReady"}]}})
    }

    fn get(server: &TestServer, arguments: Json, look: Option<Look>) -> Result<Answer, Failure> {
        let mut invocation = invocation(arguments.into());
        invocation.look = look;
        answer(&K8sGet, &invocation, server)
    }

    fn look(mark: Option<Value>) -> Option<Look> {
        Some(Look { number: 2, patience: Duration::from_secs(50), mark })
    }

    #[test]
    fn one_object_or_a_list_that_may_be_empty() {
        let server = TestServer::new();
        let of = |more: Json| {
            let mut arguments = json!({"apiVersion": "v1", "kind": "Node"});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            get(&server, arguments, None)
        };
        assert_eq!(of(json!({})).unwrap().output, Value::List(vec![]));
        assert_eq!(of(json!({"name": "n"})).unwrap_err().class, FailureClass::Missing);
        server.put("kubelet", node("n", "True"));
        assert_eq!(of(json!({"name": "n"})).unwrap().output.exposed()["metadata"]["name"], "n");
        assert_eq!(of(json!({"selector": "group=a"})).unwrap().output.as_list().unwrap().len(), 1);
        assert_eq!(of(json!({"selector": "group=b"})).unwrap().output.as_list().unwrap().len(), 0);
        let unknown = get(&server, json!({"apiVersion": "v1", "kind": "Nude"}), None).unwrap_err();
        assert_eq!(unknown.class, FailureClass::Missing);
    }

    #[test]
    fn a_look_goes_on_from_the_last_one() {
        let server = TestServer::new();
        server.put("kubelet", node("n", "True"));
        let nodes = json!({"apiVersion": "v1", "kind": "Node"});
        let first = get(&server, nodes.clone(), look(None)).unwrap();
        assert_eq!(server.log(), ["list Node -"]);
        server.meanwhile(|server| {
            server.put("kubelet", node("m", "True"));
            Ok(Watched::Changed)
        });
        let second = get(&server, nodes.clone(), look(first.mark)).unwrap();
        assert_eq!(server.log(), ["watch Node in * since 1", "list Node -"]);
        assert_eq!(second.output.as_list().unwrap().len(), 2);
        let zero = Look { number: 3, patience: Duration::default(), mark: second.mark };
        get(&server, nodes, Some(zero)).unwrap();
        assert_eq!(server.log(), ["list Node -"]);
    }

    #[test]
    fn one_object_is_watched_in_its_own_namespace() {
        let server = TestServer::new();
        server.put("x", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
        let arguments = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "a"});
        let first = get(&server, arguments.clone(), look(None)).unwrap();
        get(&server, arguments, look(first.mark)).unwrap();
        assert_eq!(server.log()[1], "watch ConfigMap in default since 1");
    }

    #[test]
    fn whatever_happens_to_the_watch_the_look_reads() {
        for ending in [
            Ok(Watched::Expired),
            Ok(Watched::Quiet),
            Err(Failure::new(FailureClass::Denied, "may not watch")),
            Err(Failure::new(FailureClass::Unavailable, "connection lost")),
        ] {
            let server = TestServer::new();
            server.put("kubelet", node("n", "True"));
            let watchable = ending.is_ok();
            server.meanwhile(move |_| ending);
            let mark = Value::from(json!({"version": "1"}));
            let answer = get(&server, json!({"apiVersion": "v1", "kind": "Node"}), look(Some(mark))).unwrap();
            assert_eq!(answer.output.as_list().unwrap().len(), 1);
            assert_eq!(answer.mark.is_some(), watchable, "who may not watch is paced by a timer");
        }
    }

    #[test]
    fn ready_judges_every_object() {
        let server = TestServer::new();
        let judged = |name: Option<&str>| {
            let arguments = json!({"apiVersion": "v1", "kind": "Node", "name": name, "ready": true});
            let output = get(&server, arguments, look(None)).unwrap().output.exposed();
            (output["state"].as_str().unwrap().to_owned(), output["observed"].as_str().unwrap().to_owned())
        };
        let told = |state: &str, observed: &str| (state.to_owned(), observed.to_owned());
        assert_eq!(judged(None), told("retry", "there is no Node yet"));
        server.put("kubelet", node("m", "True"));
        server.put("kubelet", node("n", "False"));
        assert_eq!(judged(None), told("retry", "1 of 2 ready; Node n: not Ready: KubeletNotReady"));
        assert_eq!(judged(Some("n")), told("retry", "Node n: not Ready: KubeletNotReady"));
        server.put("kubelet", node("n", "True"));
        assert_eq!(judged(None), told("success", "all 2 are ready"));
        assert_eq!(judged(Some("n")), told("success", "ready"));
        server.put("x", json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted"}}));
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "ready": true});
        let output = get(&server, pod, look(None)).unwrap().output.exposed();
        assert_eq!(
            (output["state"].as_str(), output["result"]["metadata"]["name"].as_str()),
            (Some("failure"), Some("p"))
        );
    }

    #[test]
    fn a_look_says_what_blocks_and_a_reading_does_not() {
        let server = TestServer::new();
        server.put("kubelet", node("m", "True"));
        server.put("kubelet", node("n", "False"));
        let nodes = json!({"apiVersion": "v1", "kind": "Node"});
        let looked = get(&server, nodes.clone(), look(None)).unwrap();
        assert_eq!(looked.blocks.as_deref(), Some("Node n: not Ready: KubeletNotReady"));
        assert_eq!(get(&server, nodes.clone(), None).unwrap().blocks, None);
        server.put("kubelet", node("n", "True"));
        assert_eq!(get(&server, nodes, look(None)).unwrap().blocks, None);
    }

    #[test]
    fn data_of_secrets_is_secret() {
        let server = TestServer::new();
        server.put(
            "x",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "aHVudGVyMg=="}}),
        );
        for name in [Some("s"), None] {
            let answer = get(&server, json!({"apiVersion": "v1", "kind": "Secret", "name": name}), None).unwrap();
            assert!(!format!("{:?}", answer.output).contains("aHVudGVyMg=="));
        }
    }
}
