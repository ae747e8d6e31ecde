//! What an expression can see from where it stands.
//!
//! This file decides the names of the language page's "Expressions": which inputs, steps, connections and items a step
//! sees, and what stands in for those of them that the journal withheld. It must not evaluate anything itself.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use runbook_model::failure::Failure;
use runbook_model::value::{Map, Value};
use runbook_template::{Lookup, Name, Scope, Shared};

use super::{Hindrance, Sight};
use crate::state::State;
use crate::state::node::{BodyId, Ending, NodeId, empty};
use crate::view::RunStatus;

/// From where something is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standpoint {
    /// The body whose inputs, connections and steps are seen.
    pub(crate) body: BodyId,
    /// The step; `None`: the body as a whole, which sees all its steps.
    pub(crate) step: Option<NodeId>,
    /// Is the item of the loop around it in sight?
    pub(crate) item: bool,
}

impl Standpoint {
    pub(crate) fn of(state: &State, id: NodeId) -> Self {
        Self { body: state.node(id).body, step: Some(id), item: true }
    }

    /// A body as a whole, for what it gives back.
    pub(crate) fn inside(body: BodyId) -> Self {
        Self { body, step: None, item: true }
    }

    /// The file that its expressions were written in.
    pub(crate) fn file<'a>(&self, state: &'a State) -> &'a str {
        &state.outline.body(state.body(self.body).layout).file
    }
}

/// What is known besides, at the moment of an evaluation.
#[derive(Clone, Copy)]
pub(crate) enum Moment<'a> {
    /// There is no answer yet.
    Before,
    /// There is one to judge.
    Answer {
        /// What came back; null after a failure.
        result: &'a Value,
        /// The failure.
        error: Option<&'a Failure>,
        /// The try or look.
        attempt: u32,
    },
}

/// What evaluations over a scope have read, as far as it may be missing.
#[derive(Default)]
pub(super) struct Seen {
    read: Arc<Mutex<Vec<String>>>,
    /// What keeps a withheld value away, by the name under which it is read (`steps.login`, `inputs.token`, `item`).
    withheld: Vec<(String, Hindrance)>,
}

const CONNECTIONS: &str = "connections.";

impl Seen {
    /// Forgets what was read before.
    pub(super) fn clear(&self) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn names(&self) -> Vec<String> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connections that were read and are not prepared yet.
    pub(super) fn unknown_connections(&self, prepared: &IndexMap<String, Arc<Value>>) -> Vec<String> {
        let names = self.names();
        let asked = names.iter().filter_map(|name| name.strip_prefix(CONNECTIONS));
        let mut unknown: Vec<String> = asked.filter(|name| !prepared.contains_key(*name)).map(str::to_owned).collect();
        unknown.dedup();
        unknown
    }

    /// What keeps the withheld value `name` away. Where only a part of a whole was withheld, nobody knows its name; then
    /// it is the first withheld one that was read.
    pub(super) fn withheld(&self, name: &str) -> Option<Hindrance> {
        let within =
            |whole: &str| name.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let read = self.names();
        let mut entries = self.withheld.iter();
        entries
            .clone()
            .find(|(whole, _)| within(whole))
            .or_else(|| entries.find(|(whole, _)| read.contains(whole)))
            .map(|(_, hindrance)| hindrance.clone())
    }

    /// A lookup whose reads are remembered.
    fn lookup(&self, prefix: &'static str, members: Members) -> Name {
        Name::Lookup(Arc::new(Watched { prefix, members, read: self.read.clone() }))
    }

    /// The scope with these connections in it.
    pub(super) fn with_connections(&self, scope: &Scope, prepared: &IndexMap<String, Arc<Value>>) -> Scope {
        let mut scope = scope.clone();
        scope.insert("connections", self.lookup(CONNECTIONS, Members::Entries(prepared.clone())));
        scope
    }
}

enum Members {
    /// The entries of a map.
    Map(Arc<Value>),
    Entries(IndexMap<String, Arc<Value>>),
}

/// Members whose reads are remembered.
struct Watched {
    prefix: &'static str,
    members: Members,
    read: Arc<Mutex<Vec<String>>>,
}

impl Lookup for Watched {
    fn get(&self, name: &str) -> Option<Shared> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}{name}", self.prefix));
        match &self.members {
            Members::Map(map) => Shared::entry(map, name),
            Members::Entries(entries) => entries.get(name).cloned().map(Shared::from),
        }
    }

    fn names(&self) -> Vec<String> {
        match &self.members {
            Members::Map(map) => map.as_map().into_iter().flat_map(Map::keys).cloned().collect(),
            Members::Entries(entries) => entries.keys().cloned().collect(),
        }
    }
}

/// All names that can be seen.
pub(super) fn build(sight: Sight<'_>, at: Standpoint, moment: Moment<'_>) -> (Scope, Seen) {
    let mut seen = Seen::default();
    let mut scope = Scope::new();
    let inputs = inputs(sight, at.body, &mut seen);
    scope.insert("inputs", seen.lookup("inputs.", Members::Map(inputs)));
    let steps = steps(sight, at, &mut seen);
    scope.insert("steps", seen.lookup("steps.", Members::Entries(steps)));
    scope.insert("connections", seen.lookup(CONNECTIONS, Members::Entries(IndexMap::new())));
    scope.insert("run", Name::Value(run(sight.state, at.body)));
    if at.item
        && let Some(item) = item_in_sight(sight.state, at)
    {
        insert_item(sight, item, &mut scope, &mut seen);
    }
    if let Moment::Answer { result, error, attempt } = moment {
        scope.insert("result", Name::Value(result.clone()));
        scope.insert("error", Name::Value(error_map(error)));
        scope.insert("attempt", Name::Value(i64::from(attempt).into()));
    }
    (scope, seen)
}

fn run(state: &State, body: BodyId) -> Value {
    let members = [
        ("id", state.run().as_str().to_owned()),
        ("name", state.plan().runbook.name.clone()),
        ("started_at", state.created_at().to_string()),
    ];
    let mut members: Map = members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    if let Some(ending) = ending_in_sight(state, body) {
        let because = ending.because.as_ref();
        members.insert("status".to_owned(), RunStatus::from(ending.status).as_str().into());
        members.insert("error".to_owned(), error_map(because.map(|because| &because.failure)));
    }
    Value::Map(members)
}

/// The end of a runbook that a body is, or stands in.
fn ending_in_sight(state: &State, body: BodyId) -> Option<&Ending> {
    let (owner, around) = state.surroundings(body)?;
    match owner {
        None => state.body(around).ends.iter().find(|ending| ending.body == body),
        Some(_) => ending_in_sight(state, around),
    }
}

/// `error` in expressions: always a map; null members without a failure.
fn error_map(error: Option<&Failure>) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    Value::Map(Map::from_iter([
        ("class".to_owned(), text(error.map(|failure| failure.class.as_str()))),
        ("code".to_owned(), text(error.and_then(|failure| failure.code.as_deref()))),
        ("message".to_owned(), text(error.map(|failure| failure.message.as_str()))),
    ]))
}

/// The inputs a body sees: of a group those around it.
fn inputs(sight: Sight<'_>, body: BodyId, seen: &mut Seen) -> Arc<Value> {
    let body = sight.state.runbook_around(body);
    let open = sight.state.body(body);
    if !open.withheld {
        return open.inputs.clone();
    }
    let (inputs, missing) = sight.recovered_inputs(body);
    seen.withheld.extend(missing.into_iter().map(|(name, why)| (format!("inputs.{name}"), why)));
    inputs
}

/// The outputs of the steps that are seen, by id.
fn steps(sight: Sight<'_>, at: Standpoint, seen: &mut Seen) -> IndexMap<String, Arc<Value>> {
    let state = sight.state;
    let mut values = IndexMap::new();
    let mut take = |id: NodeId, name: &str| {
        if values.contains_key(name) {
            return;
        }
        let (value, missing) = outputs(sight, id);
        seen.withheld.extend(missing.map(|why| (format!("steps.{name}"), why)));
        values.insert(name.to_owned(), value);
    };
    // From inside outwards: a group sees what is around it.
    let mut body = Some(at.body);
    let mut steps = Vec::from_iter(at.step);
    while let Some(current) = body {
        let open = state.body(current);
        let layout = state.outline.layout(open.layout);
        if steps.is_empty() {
            for (name, index) in &layout.index {
                take(open.nodes[*index as usize], name);
            }
        }
        for need in steps.iter().flat_map(|id| &state.step(*id).needs) {
            if let Some(index) = layout.index.get(need) {
                take(open.nodes[*index as usize], need);
            }
        }
        body = state.surroundings(current).map(|(owner, around)| {
            match owner {
                Some(owner) => steps.push(owner),
                // The end of a runbook sees all its steps.
                None => steps.clear(),
            }
            around
        });
    }
    values
}

/// What a step gave. One that did not run gave the empty map.
fn outputs(sight: Sight<'_>, id: NodeId) -> (Arc<Value>, Option<Hindrance>) {
    let node = sight.state.node(id);
    let Some(outputs) = node.outputs() else { return (empty(), None) };
    if !node.end.as_ref().is_some_and(|end| end.withheld) {
        return (outputs.clone(), None);
    }
    match sight.recovered_outputs(id) {
        Ok(value) => (Arc::new(value), None),
        Err(why) => (outputs.clone(), Some(why)),
    }
}

/// The item whose `item`, `key` and `index` are seen: the step's own, or that of the group around it.
fn item_in_sight(state: &State, at: Standpoint) -> Option<NodeId> {
    let mut at_step = at.step;
    let mut body = at.body;
    loop {
        if let Some(id) = at_step
            && state.node(id).item().is_some()
        {
            return Some(id);
        }
        (at_step, body) = state.surroundings(body)?;
    }
}

fn insert_item(sight: Sight<'_>, id: NodeId, scope: &mut Scope, seen: &mut Seen) {
    let Some(item) = sight.state.node(id).item() else { return };
    let mut value = item.value.as_ref().clone();
    if value.unavailable().is_some() {
        match sight.recovered_item(id) {
            Ok(again) => value = again,
            Err(why) => seen.withheld.push(("item".to_owned(), why)),
        }
    }
    scope.insert("item", Name::Value(value));
    scope.insert("key", Name::Value(item.key.as_str().into()));
    scope.insert("index", Name::Value(i64::from(item.position).into()));
}
