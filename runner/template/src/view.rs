//! Values of the model as values of minijinja, and back, with their marks.
//!
//! This file decides what an evaluation sees of a value and what it leaves behind when it looks at a secret. Maps and
//! lists are not copied: they are looked at through [`View`], which comes back as it was when it is passed on whole, so
//! that its marks survive. It must not know expressions.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value as Engine};
use runbook_model::value::{Map, Unavailable, Value};

use crate::scope::LookupView;

/// What one evaluation has read so far.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    secret: AtomicBool,
    unavailable: Mutex<Option<(Unavailable, String)>>,
}

impl Reads {
    /// Has a secret been read?
    pub(crate) fn secret(&self) -> bool {
        self.secret.load(Ordering::Relaxed)
    }

    /// The first value that was asked for and is not to be had.
    pub(crate) fn unavailable(&self) -> Option<(Unavailable, String)> {
        self.unavailable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_secret(&self) {
        self.secret.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_unavailable(&self, why: Unavailable, name: &str) {
        let mut noted = self.unavailable.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert_with(|| (why, name.to_owned()));
    }
}

/// A map or list inside a value.
pub(crate) struct View {
    root: Arc<Value>,
    /// The way from the root: positions, outermost first.
    way: Vec<usize>,
    /// What the root is called, for errors.
    name: Arc<str>,
    reads: Arc<Reads>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({})", self.name)
    }
}

impl View {
    /// The value that is looked at, with its marks.
    pub(crate) fn value(&self) -> &Value {
        self.way.iter().fold(self.root.as_ref(), |value, at| match value.peeled() {
            Value::Map(map) => map.get_index(*at).map_or(&Value::Null, |(_, value)| value),
            Value::List(items) => items.get(*at).unwrap_or(&Value::Null),
            _ => &Value::Null,
        })
    }

    fn child(&self, at: usize) -> Engine {
        let mut way = Vec::with_capacity(self.way.len() + 1);
        way.extend_from_slice(&self.way);
        way.push(at);
        Self { root: self.root.clone(), way, name: self.name.clone(), reads: self.reads.clone() }.seen()
    }

    /// This place as minijinja sees it.
    fn seen(self) -> Engine {
        let engine = match self.value() {
            Value::Secret(_) => {
                self.reads.note_secret();
                scalar(self.value().peeled())
            }
            Value::Unavailable(why) => {
                self.reads.note_unavailable(*why, &self.path());
                return Engine::from(Error::new(ErrorKind::InvalidOperation, "this value is not to be had now"));
            }
            plain => scalar(plain),
        };
        engine.unwrap_or_else(|| Engine::from_object(self))
    }

    /// Where this is, as an author would write it.
    fn path(&self) -> String {
        let mut path = self.name.to_string();
        let mut value = self.root.as_ref();
        for at in &self.way {
            match value.peeled() {
                Value::Map(map) => {
                    let Some((key, inner)) = map.get_index(*at) else { break };
                    path.push('.');
                    path.push_str(key);
                    value = inner;
                }
                Value::List(items) => {
                    let Some(inner) = items.get(*at) else { break };
                    path.push('[');
                    path.push_str(&at.to_string());
                    path.push(']');
                    value = inner;
                }
                _ => break,
            }
        }
        path
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.value().peeled() {
            Value::List(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Engine) -> Option<Engine> {
        let at = match self.value().peeled() {
            Value::Map(map) => map.get_index_of(key.as_str()?)?,
            Value::List(items) => key.as_usize().filter(|at| *at < items.len())?,
            _ => return None,
        };
        Some(self.child(at))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.value().peeled() {
            Value::Map(map) => Enumerator::Values(map.keys().map(Engine::from).collect()),
            Value::List(items) => Enumerator::Seq(items.len()),
            _ => Enumerator::Empty,
        }
    }

    /// Asked for at every condition, so the keys are not listed for it.
    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.value().peeled() {
            Value::Map(map) => Some(map.len()),
            Value::List(items) => Some(items.len()),
            _ => None,
        }
    }
}

/// A value as minijinja sees it; `name` is what errors call it.
pub(crate) fn seen(value: Arc<Value>, name: &str, reads: &Arc<Reads>) -> Engine {
    View { root: value, way: Vec::new(), name: name.into(), reads: reads.clone() }.seen()
}

/// The same of an entry of a map; `name` is what errors call the map.
pub(crate) fn entry(map: Arc<Value>, at: usize, name: &str, reads: &Arc<Reads>) -> Engine {
    View { root: map, way: vec![at], name: name.into(), reads: reads.clone() }.seen()
}

/// A value that is neither map nor list.
fn scalar(value: &Value) -> Option<Engine> {
    Some(match value {
        Value::Null => Engine::from(()),
        Value::Bool(b) => Engine::from(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Engine::from(n),
            (None, Some(n)) => Engine::from(n),
            (None, None) => Engine::from(n.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Engine::from(text.as_str()),
        Value::List(_) | Value::Map(_) | Value::Secret(_) | Value::Unavailable(_) => return None,
    })
}

/// Why a result is no value of the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoValue {
    #[error("a part of the value is undefined")]
    Undefined,
    #[error("{0} is not a value that can be kept")]
    Alien(&'static str),
    #[error("a number does not fit into 64 bits")]
    Number,
    #[error("a key of a map is {0}, not text")]
    Key(String),
    #[error("the value has more than {MOST_PARTS} parts or {} MiB of text", MOST_BYTES >> 20)]
    TooLarge,
    #[error("the value is nested more than {MOST_DEPTH} deep")]
    TooDeep,
    /// minijinja's own error, met while a lazy list was read.
    #[error("{0}")]
    Engine(String),
}

/// What one result may hold. Larger ones can only come from many mentions of a large value, or from a mistake.
const MOST_PARTS: usize = 1_000_000;
const MOST_BYTES: usize = 16 << 20;
/// Twice what a document may nest.
pub(crate) const MOST_DEPTH: usize = 128;

/// The value behind one of minijinja's, with the marks of everything that was passed on whole.
pub(crate) fn kept(value: &Engine) -> Result<Value, NoValue> {
    Keeping::default().keep(value, 0)
}

/// The value of a literal.
pub(crate) fn plain(value: &Engine) -> Option<Value> {
    kept(value).ok()
}

/// Refuses a value that is too large or nested too deep, before somebody walks through it on the stack. Answers with the
/// number of its parts.
pub(crate) fn weigh(value: &Engine) -> Result<usize, NoValue> {
    let mut keeping = Keeping::default();
    keeping.weigh(value, 0)?;
    Ok(keeping.parts)
}

#[derive(Default)]
struct Keeping {
    parts: usize,
    bytes: usize,
}

impl Keeping {
    fn count(&mut self, bytes: usize) -> Result<(), NoValue> {
        self.parts += 1;
        self.bytes += bytes;
        if self.parts > MOST_PARTS || self.bytes > MOST_BYTES { Err(NoValue::TooLarge) } else { Ok(()) }
    }

    /// Counts what is copied as it is.
    fn measure(&mut self, value: &Value, depth: usize) -> Result<(), NoValue> {
        if depth > MOST_DEPTH {
            return Err(NoValue::TooDeep);
        }
        match value.peeled() {
            Value::String(text) => self.count(text.len()),
            Value::List(items) => {
                self.count(0)?;
                items.iter().try_for_each(|item| self.measure(item, depth + 1))
            }
            Value::Map(map) => {
                self.count(0)?;
                map.iter().try_for_each(|(key, item)| {
                    self.bytes += key.len();
                    self.measure(item, depth + 1)
                })
            }
            _ => self.count(0),
        }
    }

    /// Counts what stays minijinja's own.
    fn weigh(&mut self, value: &Engine, depth: usize) -> Result<(), NoValue> {
        if depth > MOST_DEPTH {
            return Err(NoValue::TooDeep);
        }
        if let Some(view) = value.downcast_object_ref::<View>() {
            return self.measure(view.value(), depth);
        }
        self.count(value.as_str().map_or(0, str::len))?;
        let engine = |error: Error| NoValue::Engine(error.to_string());
        match value.kind() {
            // `list + [item]` is lazy: to walk through it at every append would cost far more than to append.
            ValueKind::Seq => value.try_iter().map_err(engine)?.try_for_each(|item| self.weigh(&item, depth + 1)),
            ValueKind::Map if value.downcast_object_ref::<LookupView>().is_none() => {
                value.try_iter().map_err(engine)?.try_for_each(|key| {
                    let item = value.get_item(&key).map_err(engine)?;
                    self.weigh(&item, depth + 1)
                })
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, value: &Engine, depth: usize) -> Result<Value, NoValue> {
        if depth > MOST_DEPTH {
            return Err(NoValue::TooDeep);
        }
        if let Some(view) = value.downcast_object_ref::<View>() {
            self.measure(view.value(), depth)?;
            return Ok(view.value().clone());
        }
        if let Some(lookup) = value.downcast_object_ref::<LookupView>() {
            let whole = lookup.value();
            self.measure(&whole, depth)?;
            return Ok(whole);
        }
        self.count(0)?;
        Ok(match value.kind() {
            ValueKind::Undefined => return Err(NoValue::Undefined),
            ValueKind::None => Value::Null,
            ValueKind::Bool => Value::Bool(value.is_true()),
            ValueKind::Number => Value::Number(number(value).ok_or(NoValue::Number)?),
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                self.count(text.len())?;
                Value::String(text.to_owned())
            }
            ValueKind::Bytes => return Err(NoValue::Alien("a sequence of bytes")),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter().map_err(|error| NoValue::Engine(error.to_string()))?;
                Value::List(items.map(|item| self.keep(&item, depth + 1)).collect::<Result<_, _>>()?)
            }
            ValueKind::Map => {
                let mut map = Map::new();
                for key in value.try_iter().map_err(|error| NoValue::Engine(error.to_string()))? {
                    let item = value.get_item(&key).map_err(|error| NoValue::Engine(error.to_string()))?;
                    let Some(text) = key.as_str() else { return Err(NoValue::Key(key.kind().to_string())) };
                    self.count(text.len())?;
                    map.insert(text.to_owned(), self.keep(&item, depth + 1)?);
                }
                Value::Map(map)
            }
            ValueKind::Invalid => {
                let error = value.try_iter().err();
                return Err(NoValue::Engine(error.map(|error| error.to_string()).unwrap_or_default()));
            }
            _ => return Err(NoValue::Alien("a function")),
        })
    }
}

fn number(value: &Engine) -> Option<serde_json::Number> {
    if !value.is_integer() {
        return serde_json::Number::from_f64(f64::try_from(value.clone()).ok()?);
    }
    match i64::try_from(value.clone()) {
        Ok(n) => Some(n.into()),
        Err(_) => u64::try_from(value.clone()).ok().map(Into::into),
    }
}
