//! An API server in memory, for the tests of kinds: objects, server-side apply with field managers, watches that are told
//! in advance what happens meanwhile.
//!
//! It decides nothing that the tests are about; a field is a path of map keys, and lists are one field.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::{RunId, Token};
use runbook_model::path::StepPath;
use runbook_model::value::{Map, Value};
use serde_json::{Value as Json, json};

use crate::archives::{Archives, PackedFile};
use crate::certificates::Certificates;
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::files::Files;
use crate::kubernetes::object::Object;
use crate::network::{HttpAnswer, HttpQuestion, Network};
use crate::pki::workshop::Workshop;
use crate::ports::{
    Access, Applied, Apply, ApplyRefused, Aws, Create, Delete, FieldConflict, Kubernetes, Listing, ObjectName, Outside,
    Resource, Selection, Watched,
};
use crate::programs::Programs;

type Key = (String, Option<String>, String);
type Event = Box<dyn FnOnce(&TestServer) -> Result<Watched, Failure> + Send>;

/// The server.
#[derive(Default)]
pub(crate) struct TestServer {
    state: Mutex<State>,
    events: Mutex<Vec<Event>>,
    refusals: Mutex<VecDeque<Failure>>,
    /// Are reads and applies answered only after others were heard?
    pub(crate) slow: AtomicBool,
    /// Where keys and certificates come from.
    pub(crate) workshop: Workshop,
    /// The files of the only archive there is.
    pub(crate) packed: Mutex<Vec<PackedFile>>,
    /// The only page there is in the net, where every port is open and every name has the same addresses.
    pub(crate) page: Mutex<String>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    owners: BTreeMap<Key, BTreeMap<String, Vec<String>>>,
    served: Vec<Resource>,
    version: i64,
    log: Vec<String>,
}

const KINDS: [(&str, &str, &str, bool); 11] = [
    ("v1", "Event", "events", true),
    ("v1", "Service", "services", true),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("v1", "Namespace", "namespaces", false),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Pod", "pods", true),
    ("v1", "Node", "nodes", false),
    ("apps/v1", "Deployment", "deployments", true),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
];

impl TestServer {
    pub(crate) fn new() -> Self {
        let server = Self::default();
        server.state.lock().unwrap().served = KINDS
            .map(|(api_version, kind, plural, namespaced)| Resource {
                api_version: api_version.into(),
                kind: kind.into(),
                plural: plural.into(),
                namespaced,
            })
            .into();
        server
    }

    pub(crate) fn serve(&self, resource: Resource) {
        self.state.lock().unwrap().served.push(resource);
    }

    /// Puts an object there as `manager` would.
    pub(crate) fn put(&self, manager: &str, object: Json) {
        let object = Value::from(object);
        let view = Object(&object);
        let mut state = self.state.lock().unwrap();
        let resource = state.resource(view.api_version(), view.kind()).expect("the kind is served");
        let name = ObjectName { namespace: view.namespace().map(str::to_owned), name: view.name().into(), resource };
        state.apply(&Apply { object: name, manifest: object.clone(), manager: manager.into(), force: true }).unwrap();
    }

    /// Puts an object there as it is, whatever was there before.
    pub(crate) fn put_again(&self, object: Json) {
        let object = Value::from(object);
        let view = Object(&object);
        let mut state = self.state.lock().unwrap();
        let resource = state.resource(view.api_version(), view.kind()).expect("the kind is served");
        let key = (resource.plural, view.namespace().map(str::to_owned), view.name().to_owned());
        state.objects.insert(key, object);
    }

    /// What happens during the next watch.
    pub(crate) fn meanwhile(&self, event: impl FnOnce(&Self) -> Result<Watched, Failure> + Send + 'static) {
        self.events.lock().unwrap().push(Box::new(event));
    }

    /// What the next creation or deletion is answered.
    pub(crate) fn refuse(&self, failure: Failure) {
        self.refusals.lock().unwrap().push_back(failure);
    }

    /// Takes an object away as if nothing had kept it.
    pub(crate) fn remove(&self, kind: &str, namespace: Option<&str>, name: &str) {
        let mut state = self.state.lock().unwrap();
        let plural = state.served.iter().find(|resource| resource.kind == kind).expect("is served").plural.clone();
        state.objects.remove(&(plural, namespace.map(str::to_owned), name.to_owned()));
    }

    /// Lets others go first, once.
    async fn others_first(&self) {
        let mut waited = !self.slow.load(Ordering::Relaxed);
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// What was asked, in order.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    /// The name and the only object of a kind.
    pub(crate) fn only(&self, kind: &str) -> (String, Json) {
        let state = self.state.lock().unwrap();
        let mut found = state.objects.iter().filter(|(_, object)| Object(object).kind() == kind);
        let ((_, _, name), object) = found.next().expect("there is one");
        assert!(found.next().is_none(), "there is one only");
        (name.clone(), object.exposed())
    }

    pub(crate) fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Json> {
        let state = self.state.lock().unwrap();
        let plural = state.served.iter().find(|resource| resource.kind == kind)?.plural.clone();
        state.objects.get(&(plural, namespace.map(str::to_owned), name.to_owned())).map(Value::exposed)
    }
}

impl State {
    fn resource(&self, api_version: &str, kind: &str) -> Option<Resource> {
        self.served.iter().find(|known| known.api_version == api_version && known.kind == kind).cloned()
    }

    fn key(name: &ObjectName) -> Key {
        let namespace =
            name.resource.namespaced.then(|| name.namespace.clone().unwrap_or_else(|| "default".to_owned()));
        (name.resource.plural.clone(), namespace, name.name.clone())
    }

    fn apply(&mut self, apply: &Apply) -> Result<Value, Box<ApplyRefused>> {
        let key = Self::key(&apply.object);
        let mut fields = Vec::new();
        leaves(&apply.manifest, String::new(), &mut fields);
        let was = self.objects.get(&key).cloned();
        let wanted_uid = Object(&apply.manifest).text(&["metadata", "uid"]).is_some();
        if wanted_uid && was.is_none() {
            return Err(Box::new(Failure::new(FailureClass::Conflict, "uid mismatch").into()));
        }
        let owners = self.owners.entry(key.clone()).or_default();
        let mut conflicts = Vec::new();
        for (field, value) in &fields {
            for (manager, owned) in owners.iter_mut().filter(|(manager, _)| **manager != apply.manager) {
                let differs = was.as_ref().and_then(|was| leaf(was, field)) != Some(value);
                if owned.contains(field) && differs {
                    if apply.force {
                        owned.retain(|owned| owned != field);
                    } else {
                        conflicts.push(FieldConflict { field: field.clone(), manager: manager.clone() });
                    }
                }
            }
        }
        if !conflicts.is_empty() {
            let failure = Failure::new(FailureClass::Conflict, "apply failed with conflicts").code("Conflict");
            return Err(Box::new(ApplyRefused { failure, conflicts }));
        }
        owners.insert(apply.manager.clone(), fields.into_iter().map(|(field, _)| field).collect());
        let mut is = was.clone().unwrap_or_else(|| Value::Map(Map::new()));
        merge(&mut is, apply.manifest.exposed_value());
        if was.as_ref() != Some(&is) {
            self.version += 1;
            let (namespace, version) = (key.1.clone(), self.version.to_string());
            let generation =
                was.as_ref().and_then(|was| Object(was).number(&["metadata", "generation"])).unwrap_or(0) + 1;
            merge(&mut is, json!({"metadata": {"resourceVersion": version, "generation": generation, "uid": format!("uid-{}", key.2)}}).into());
            if let Some(namespace) = namespace {
                merge(&mut is, json!({"metadata": {"namespace": namespace}}).into());
            }
            self.objects.insert(key, is.clone());
        }
        Ok(is)
    }
}

fn not_found(object: &ObjectName) -> Failure {
    Failure::new(FailureClass::Missing, format!("{} not found", object.name)).code("NotFound")
}

fn leaves<'a>(value: &'a Value, path: String, into: &mut Vec<(String, &'a Value)>) {
    match value.peeled() {
        Value::Map(map) => map.iter().for_each(|(key, value)| leaves(value, format!("{path}.{key}"), into)),
        _ if ["apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid"].contains(&&path[1..]) => {}
        value => into.push((path, value)),
    }
}

fn leaf<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    field[1..].split('.').try_fold(object, |value, key| value.get(key))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Map(into), Value::Map(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_default(), value);
            }
        }
        (into, from) => *into = from,
    }
}

impl Kubernetes for TestServer {
    fn discover<'a>(
        &'a self,
        _: &'a Connection,
        api_version: &'a str,
        kind: &'a str,
    ) -> Pending<'a, Result<Resource, Failure>> {
        Box::pin(async move {
            let found = self.state.lock().unwrap().resource(api_version, kind);
            found.ok_or_else(|| Failure::new(FailureClass::Missing, format!("`{api_version}` has no kind `{kind}`")))
        })
    }

    fn get<'a>(&'a self, _: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let asked = format!("get {} {}", object.resource.kind, object.name);
            self.state.lock().unwrap().log.push(asked);
            self.others_first().await;
            let state = self.state.lock().unwrap();
            let found = state.objects.get(&State::key(object)).cloned();
            found.ok_or_else(|| not_found(object))
        })
    }

    fn list<'a>(&'a self, _: &'a Connection, selection: &'a Selection) -> Pending<'a, Result<Listing, Failure>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            let labels = selection.labels.as_deref().unwrap_or("-");
            state.log.push(format!("list {} {labels}", selection.resource.kind));
            let within =
                |namespace: &Option<String>| selection.namespace.is_none() || selection.namespace == *namespace;
            let items = state.objects.iter().filter(|((plural, namespace, _), object)| {
                let wanted = selection.labels.as_deref().and_then(|labels| labels.split_once('='));
                let labelled =
                    |(key, value): (&str, &str)| Object(object).text(&["metadata", "labels", key]) == Some(value);
                let on_node = selection.fields.as_deref().and_then(|fields| fields.strip_prefix("spec.nodeName="));
                let placed = on_node.is_none_or(|node| Object(object).text(&["spec", "nodeName"]) == Some(node));
                *plural == selection.resource.plural && within(namespace) && wanted.is_none_or(labelled) && placed
            });
            Ok(Listing { items: items.map(|(_, object)| object.clone()).collect(), version: state.version.to_string() })
        })
    }

    fn events<'a>(&'a self, _: &'a Connection, of: &'a ObjectName) -> Pending<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("events {} {}", of.resource.kind, of.name));
            let events = state.objects.iter().filter(|((plural, ..), event)| {
                plural == "events" && Object(event).text(&["involvedObject", "name"]) == Some(&of.name)
            });
            Ok(events.map(|(_, event)| event.clone()).collect())
        })
    }

    fn apply<'a>(&'a self, _: &'a Connection, apply: &'a Apply) -> Pending<'a, Result<Applied, ApplyRefused>> {
        Box::pin(async move {
            let force = if apply.force { " by force" } else { "" };
            let asked = format!("apply {} {}{force}", apply.object.resource.kind, apply.object.name);
            self.state.lock().unwrap().log.push(asked);
            self.others_first().await;
            let mut state = self.state.lock().unwrap();
            state.apply(apply).map(|object| Applied { object, warnings: Vec::new() }).map_err(|refused| *refused)
        })
    }

    fn create<'a>(&'a self, _: &'a Connection, create: &'a Create) -> Pending<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            let object = &create.object;
            let below = create.subresource.map(|name| format!("/{name}")).unwrap_or_default();
            state.log.push(format!("create {} {}{below}", object.resource.kind, object.name));
            if let Some(answer) = self.refusals.lock().unwrap().pop_front() {
                return Err(answer);
            }
            let key = State::key(object);
            if create.subresource == Some("eviction") {
                return state.objects.remove(&key).ok_or_else(|| not_found(object));
            }
            if state.objects.contains_key(&key) {
                return Err(Failure::new(FailureClass::Exists, "already exists").code("AlreadyExists"));
            }
            let apply = Apply {
                object: object.clone(),
                manifest: create.manifest.clone(),
                manager: create.manager.clone(),
                force: false,
            };
            state.apply(&apply).map_err(|refused| refused.failure)
        })
    }

    fn delete<'a>(&'a self, _: &'a Connection, delete: &'a Delete) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            let object = &delete.object;
            state.log.push(format!("delete {} {}", object.resource.kind, object.name));
            if let Some(answer) = self.refusals.lock().unwrap().pop_front() {
                return Err(answer);
            }
            let key = State::key(object);
            let found = state.objects.get_mut(&key).ok_or_else(|| not_found(object))?;
            if Object(found).items(&["metadata", "finalizers"]).is_empty() {
                state.objects.remove(&key);
            } else {
                merge(found, json!({"metadata": {"deletionTimestamp": "2026-11-22T10:00:00Z"}}).into());
            }
            Ok(())
        })
    }

    fn access<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Access, Failure>> {
        Box::pin(async move {
            let cluster = json!({"server": "https://one.example", "certificate-authority-data": "Q0E="});
            let user = Value::from(json!({"token": "the-secret"})).into_secret();
            Ok(Access { cluster: cluster.into(), user })
        })
    }

    fn release<'a>(&'a self, _: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<(), Failure>> {
        let mut state = self.state.lock().unwrap();
        state.log.push(format!("release {}", object.label()));
        // What is being deleted is gone as soon as nothing holds it.
        let found = state.objects.remove(&State::key(object));
        let outcome = found.map(drop).ok_or_else(|| Failure::new(FailureClass::Missing, "there is none"));
        Box::pin(async move { outcome })
    }

    fn watch<'a>(
        &'a self,
        _: &'a Connection,
        selection: &'a Selection,
        since: &'a str,
        _: Duration,
    ) -> Pending<'a, Result<Watched, Failure>> {
        Box::pin(async move {
            let place = selection.namespace.as_deref().unwrap_or("*");
            let asked = format!("watch {} in {place} since {since}", selection.resource.kind);
            self.state.lock().unwrap().log.push(asked);
            let mut events = self.events.lock().unwrap();
            if events.is_empty() {
                return Ok(Watched::Quiet);
            }
            let event = events.remove(0);
            drop(events);
            event(self)
        })
    }
}

impl Archives for TestServer {
    fn open<'a>(&'a self, place: &'a str) -> Pending<'a, Result<Vec<PackedFile>, Failure>> {
        self.state.lock().unwrap().log.push(format!("open {place}"));
        Box::pin(async { Ok(self.packed.lock().unwrap().clone()) })
    }
}

impl Network for TestServer {
    fn http<'a>(&'a self, question: &'a HttpQuestion) -> Pending<'a, Result<HttpAnswer, Failure>> {
        let trusting = question.ca.as_ref().map(|ca| format!(" trusting {ca}")).unwrap_or_default();
        self.state.lock().unwrap().log.push(format!("get {}{trusting} within {}", question.url, question.limit));
        Box::pin(async { Ok(HttpAnswer { status: 200, body: self.page.lock().unwrap().clone().into_bytes() }) })
    }

    fn tcp<'a>(&'a self, host: &'a str, port: u16, _: Duration) -> Pending<'a, Result<(), Failure>> {
        self.state.lock().unwrap().log.push(format!("connect {host} {port}"));
        Box::pin(async { Ok(()) })
    }

    fn dns<'a>(&'a self, name: &'a str, _: Duration) -> Pending<'a, Result<Vec<IpAddr>, Failure>> {
        self.state.lock().unwrap().log.push(format!("resolve {name}"));
        Box::pin(async { Ok(vec![IpAddr::from([10, 0, 0, 1]), IpAddr::V6(Ipv6Addr::LOCALHOST)]) })
    }
}

impl Outside for TestServer {
    fn aws(&self) -> &dyn Aws {
        unimplemented!("these kinds do not call AWS")
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        self
    }

    fn certificates(&self) -> &dyn Certificates {
        &self.workshop
    }

    fn archives(&self) -> &dyn Archives {
        self
    }

    fn network(&self) -> &dyn Network {
        self
    }

    fn files(&self) -> &dyn Files {
        unimplemented!("nothing here edits files")
    }

    fn programs(&self) -> &dyn Programs {
        unimplemented!("nothing here runs programs")
    }

    fn identify<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        unimplemented!("kinds do not ask who they meet")
    }
}

/// A call of a step `apply` in the runbook `demo`.
pub(crate) fn invocation(arguments: Value) -> Invocation {
    let (run, path) = (RunId::new("demo", 7), StepPath::root("apply"));
    Invocation {
        token: Token::derive(&run, &path, 1),
        run,
        runbook: "demo".into(),
        path,
        arguments,
        connection: Some(Connection::Eks { cluster: "c".into(), aws: AwsConnection::default() }),
        connections: BTreeMap::new(),
        limit: Duration::from_secs(50),
        look: None,
    }
}

/// The outcome of a future that waits for nothing.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// The outcome of a future that waits for nothing but a slow server.
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return outcome;
        }
    }
}

/// Starts a kind and gives its answer.
pub(crate) fn answer(kind: &dyn StepKind, invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    match now(kind.start(invocation, outside))? {
        Progress::Done(answer) => Ok(answer),
        Progress::Going { observed, .. } => panic!("still going: {observed:?}"),
    }
}
