//! What an expression can see: names, each with a value or with something that is asked when it is read.
//!
//! This file decides how names are layered. It must not know which names exist where: that is the engine's and the
//! checker's.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value as Engine;
use minijinja::value::{Enumerator, Object};
use runbook_model::value::{Map, Value};

use crate::view::{self, Reads};

/// Members that are made when they are asked for, such as the outputs of steps.
pub trait Lookup: Send + Sync {
    /// The member of that name; `None` if there is none.
    fn get(&self, name: &str) -> Option<Shared>;

    /// The names of all members.
    fn names(&self) -> Vec<String>;
}

/// A value that many evaluations look at without copying it: a whole one, or an entry of a map.
#[derive(Clone)]
pub struct Shared {
    root: Arc<Value>,
    entry: Option<usize>,
}

impl Shared {
    /// The entry of that name; `None` if there is none, or if this is no map (a secret one would lose its mark).
    #[must_use]
    pub fn entry(map: &Arc<Value>, name: &str) -> Option<Self> {
        let Value::Map(entries) = map.as_ref() else { return None };
        Some(Self { root: map.clone(), entry: Some(entries.get_index_of(name)?) })
    }

    fn value(&self) -> &Value {
        match (self.entry, self.root.as_ref()) {
            (Some(at), Value::Map(map)) => map.get_index(at).map_or(&Value::Null, |(_, value)| value),
            (_, whole) => whole,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value().type_name())
    }
}

impl From<Arc<Value>> for Shared {
    fn from(root: Arc<Value>) -> Self {
        Self { root, entry: None }
    }
}

impl From<Value> for Shared {
    fn from(value: Value) -> Self {
        Arc::new(value).into()
    }
}

/// What a name of the scope stands for.
pub enum Name {
    /// A value.
    Value(Value),
    /// Members that are asked for.
    Lookup(Arc<dyn Lookup>),
}

#[derive(Clone)]
pub(crate) enum Held {
    Value(Arc<Value>),
    Lookup(Arc<dyn Lookup>),
}

/// The names an expression can see. A clone shares all values, so a layer (`item` over a body) costs little.
#[derive(Clone, Default)]
pub struct Scope {
    names: IndexMap<String, Held>,
}

impl fmt::Debug for Scope {
    /// Names only: values may be large or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names.keys()).finish()
    }
}

impl Scope {
    /// A scope without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a name a meaning, in place of an earlier one.
    pub fn insert(&mut self, name: impl Into<String>, meaning: Name) {
        let held = match meaning {
            Name::Value(value) => Held::Value(Arc::new(value)),
            Name::Lookup(lookup) => Held::Lookup(lookup),
        };
        self.names.insert(name.into(), held);
    }

    /// This scope with one more name.
    #[must_use]
    pub fn with(&self, name: impl Into<String>, value: Value) -> Self {
        let mut layered = self.clone();
        layered.insert(name, Name::Value(value));
        layered
    }

    /// The root of an evaluation.
    pub(crate) fn root(&self, reads: Arc<Reads>) -> Engine {
        Engine::from_object(Root { scope: self.clone(), reads, depth: 0 })
    }
}

/// The scope of one evaluation as minijinja sees it.
pub(crate) struct Root {
    scope: Scope,
    pub(crate) reads: Arc<Reads>,
    /// How many templates deep this evaluation stands.
    pub(crate) depth: usize,
}

impl Root {
    /// The same evaluation inside a template that it renders.
    pub(crate) fn deeper(&self) -> Self {
        Self { scope: Scope::new(), reads: self.reads.clone(), depth: self.depth + 1 }
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scope.fmt(f)
    }
}

/// Under this name, which no author can write, functions find the evaluation they run in.
pub(crate) const ROOT: &str = "\0root";

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Engine) -> Option<Engine> {
        let name = key.as_str()?;
        if name == ROOT {
            return Some(Engine::from_dyn_object(self.clone()));
        }
        Some(match self.scope.names.get(name)? {
            Held::Value(value) => view::seen(value.clone(), name, &self.reads),
            Held::Lookup(lookup) => Engine::from_object(LookupView {
                lookup: lookup.clone(),
                name: name.to_owned(),
                reads: self.reads.clone(),
            }),
        })
    }
}

/// A [`Lookup`] as minijinja sees it.
pub(crate) struct LookupView {
    lookup: Arc<dyn Lookup>,
    name: String,
    reads: Arc<Reads>,
}

impl fmt::Debug for LookupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl LookupView {
    /// All members, when the whole is passed on.
    pub(crate) fn value(&self) -> Value {
        let names = self.lookup.names();
        Value::Map(
            names
                .into_iter()
                .filter_map(|name| Some((name.clone(), self.lookup.get(&name)?.value().clone())))
                .collect::<Map>(),
        )
    }
}

impl Object for LookupView {
    fn get_value(self: &Arc<Self>, key: &Engine) -> Option<Engine> {
        let key = key.as_str()?;
        let Shared { root, entry } = self.lookup.get(key)?;
        Some(match entry {
            Some(at) => view::entry(root, at, &self.name, &self.reads),
            None => view::seen(root, &format!("{}.{key}", self.name), &self.reads),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lookup.names().into_iter().map(Engine::from).collect())
    }
}
