//! The filters and functions that minijinja does not bring.
//!
//! This file decides what they take and yield. Filters that only move parts of values keep the marks of secrets; those
//! that make text of them note that a secret was read. It must not know clocks, files, the environment or randomness.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value as Engine};
use runbook_model::value::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::altered::altered;
use crate::query::Query;
use crate::scope::{ROOT, Root};
use crate::view::{self, Reads};
use crate::yaml;

/// Puts the filters into an environment.
pub(crate) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("jmespath", jmespath);
    environment.add_filter("to_json", to_json);
    environment.add_filter("from_json", from_json);
    environment.add_filter("to_yaml", to_yaml);
    environment.add_filter("from_yaml", from_yaml);
    environment.add_filter("b64encode", b64encode);
    environment.add_filter("b64decode", b64decode);
    environment.add_filter("sha256", sha256);
    environment.add_filter("merge", merge);
    environment.add_filter("to_tags", to_tags);
    environment.add_filter("from_tags", from_tags);
}

/// The evaluation a filter runs in.
pub(crate) fn root(state: &State<'_, '_>) -> Option<Arc<Root>> {
    state.lookup(ROOT)?.downcast_object::<Root>()
}

/// A value with its marks, on its way back into the evaluation.
struct Taken {
    value: Value,
    reads: Arc<Reads>,
}

impl Taken {
    fn from(state: &State<'_, '_>, given: &Engine) -> Result<Self, Error> {
        let value = view::kept(given).map_err(|error| refused(error.to_string()))?;
        let reads = match root(state) {
            Some(root) => root.reads.clone(),
            // A macro of an imported template has no way back to its evaluation, so marks would be lost.
            None if value.holds_secret() || value.unavailable().is_some() => {
                return Err(refused("this filter cannot be given secrets in a macro that was imported"));
            }
            None => Arc::default(),
        };
        if let Some(why) = value.unavailable() {
            reads.note_unavailable(why, "a part of the filtered value");
            return Err(refused("a part of the filtered value is not to be had now"));
        }
        Ok(Self { value, reads })
    }

    /// The value with every secret in it opened, which counts as reading them.
    fn opened(self) -> Value {
        if self.value.holds_secret() {
            self.reads.note_secret();
        }
        self.value.exposed_value()
    }

    fn back(reads: &Arc<Reads>, value: Value) -> Engine {
        view::seen(Arc::new(value), "the filtered value", reads)
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// A value without marks as minijinja sees it.
fn made(value: Value) -> Engine {
    view::seen(Arc::new(value), "the filtered value", &Arc::default())
}

fn jmespath(state: &State<'_, '_>, value: &Engine, query: &str) -> Result<Engine, Error> {
    let query = Query::compile(query).map_err(|error| refused(format!("the query is wrong: {error}")))?;
    let Taken { value, reads } = Taken::from(state, value)?;
    let found = query.search(value.exposed());
    // Only what the secrets in it decide becomes secret.
    if value.holds_secret() && found != query.search(altered(&value).exposed()) {
        reads.note_secret();
    }
    found.map(made).map_err(|error| refused(format!("the query failed: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over")]
fn to_json(state: &State<'_, '_>, value: &Engine, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let json = Taken::from(state, value)?.opened().exposed();
    let text = match indent {
        None | Some(0) => serde_json::to_string(&json),
        Some(_) => serde_json::to_string_pretty(&json),
    };
    text.map_err(|error| refused(error.to_string()))
}

fn from_json(text: &Engine) -> Result<Engine, Error> {
    // An answer whose JSON was read already, such as a page of a web server or a policy document.
    if matches!(text.kind(), ValueKind::Map | ValueKind::Seq) {
        return Ok(text.clone());
    }
    let text = text_of(text, "from_json")?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("the text is not JSON: {error}")))?;
    Ok(made(json.into()))
}

fn to_yaml(state: &State<'_, '_>, value: &Engine) -> Result<String, Error> {
    Ok(yaml::write(&Taken::from(state, value)?.opened()))
}

fn from_yaml(text: &Engine) -> Result<Engine, Error> {
    let text = text_of(text, "from_yaml")?;
    let documents =
        yaml::documents(&text).map_err(|error| refused(format!("the text is not YAML: {}", error.message)))?;
    match <[Value; 1]>::try_from(documents) {
        Ok([document]) => Ok(made(document)),
        Err(documents) => Err(refused(format!("the text holds {} documents, not one", documents.len()))),
    }
}

fn b64encode(text: &Engine) -> Result<String, Error> {
    Ok(STANDARD.encode(text_of(text, "b64encode")?))
}

fn b64decode(text: &Engine) -> Result<String, Error> {
    let bytes = STANDARD
        .decode(text_of(text, "b64decode")?.trim())
        .map_err(|error| refused(format!("the text is not base64: {error}")))?;
    String::from_utf8(bytes).map_err(|_| refused("the decoded bytes are not UTF-8 text"))
}

fn sha256(text: &Engine) -> Result<String, Error> {
    Ok(Sha256::digest(text_of(text, "sha256")?).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text of text, numbers and booleans.
fn text_of(value: &Engine, filter: &str) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => Ok(value.to_string()),
        other => Err(refused(format!("`{filter}` takes text, not {other}"))),
    }
}

/// The entries of a map. The map itself may be one secret: then it was noted as read when it came in.
fn map_of(value: &Value, filter: &str) -> Result<Map, Error> {
    match value.peeled() {
        Value::Map(map) => Ok(map.clone()),
        Value::Null => Ok(Map::new()),
        other => Err(refused(format!("`{filter}` takes a map, not {}", other.type_name()))),
    }
}

fn merge(state: &State<'_, '_>, value: &Engine, over: &Engine) -> Result<Engine, Error> {
    let Taken { value, reads } = Taken::from(state, value)?;
    let over = Taken::from(state, over)?.value;
    let mut merged = map_of(&value, "merge")?;
    merged.extend(map_of(&over, "merge")?);
    Ok(Taken::back(&reads, Value::Map(merged)))
}

/// The names of key and value in a list of tags.
fn tag_names(names: &[Engine], filter: &str) -> Result<(String, String), Error> {
    match names {
        [] => Ok(("Key".into(), "Value".into())),
        [key, value] => match (key.as_str(), value.as_str()) {
            (Some(key), Some(value)) => Ok((key.to_owned(), value.to_owned())),
            _ => Err(refused(format!("`{filter}` takes two names"))),
        },
        _ => Err(refused(format!("`{filter}` takes no names or two, such as `{filter}(\"TagKey\", \"TagValue\")`"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over")]
fn to_tags(state: &State<'_, '_>, value: &Engine, names: Rest<Engine>) -> Result<Engine, Error> {
    let (key_name, value_name) = tag_names(&names, "to_tags")?;
    let Taken { value, reads } = Taken::from(state, value)?;
    let mut tags = Vec::new();
    for (key, value) in map_of(&value, "to_tags")? {
        let text = match value {
            Value::Null => continue,
            Value::Bool(_) | Value::Number(_) => Value::String(value.exposed().to_string()),
            Value::String(_) | Value::Secret(_) => value,
            other => return Err(refused(format!("the tag `{key}` is {}, not text", other.type_name()))),
        };
        tags.push(Value::Map(Map::from_iter([(key_name.clone(), Value::String(key)), (value_name.clone(), text)])));
    }
    Ok(Taken::back(&reads, Value::List(tags)))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over")]
fn from_tags(state: &State<'_, '_>, value: &Engine, names: Rest<Engine>) -> Result<Engine, Error> {
    let (key_name, value_name) = tag_names(&names, "from_tags")?;
    let Taken { value, reads } = Taken::from(state, value)?;
    let items = match value.peeled() {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        other => return Err(refused(format!("`from_tags` takes a list of tags, not {}", other.type_name()))),
    };
    let mut map = Map::new();
    for item in items {
        let (Some(key), Some(value)) = (item.get(&key_name).and_then(Value::as_str), item.get(&value_name)) else {
            return Err(refused(format!("a tag has no text `{key_name}` or no `{value_name}`")));
        };
        if matches!(item, Value::Secret(_)) {
            reads.note_secret();
        }
        map.insert(key.to_owned(), value.clone());
    }
    Ok(Taken::back(&reads, Value::Map(map)))
}
