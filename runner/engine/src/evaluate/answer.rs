//! Judging an answer and keeping what the author wants of it; listing a loop; what a body gives back.
//!
//! This file decides what checks say, which outputs are kept and how large they may be. It must not decide what a false
//! check means for the step.

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Node};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::plan::{Action, Check, Step};
use runbook_model::record;
use runbook_model::value::{Map, Unavailable, Value};

use super::{Evaluated, Hindrance, Moment, Sight, Standpoint, View};
use crate::event::Item;
use crate::state::node::NodeId;

/// The most that is kept of a step, in bytes of JSON; what is larger belongs into a file or a bucket, not into a journal.
const MOST_BYTES: usize = 256 * 1024;

/// The most items of a loop.
const MOST_ITEMS: usize = 10_000;

/// What checks say.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The sentences of those that fail the step.
    pub(crate) errors: Vec<String>,
    /// The sentences of those that only warn.
    pub(crate) warnings: Vec<String>,
}

impl View<'_> {
    /// Asks every check.
    pub(crate) fn checks(&self, checks: &[Check]) -> Evaluated<Verdict> {
        let mut verdict = Verdict::default();
        for check in checks {
            if self.truth(&check.that)? {
                continue;
            }
            let sentence = match &check.otherwise {
                Some(sentence) => self.text(sentence)?,
                None => format!("{} is false ({})", source(&check.that), check.place),
            };
            if check.warns { &mut verdict.warnings } else { &mut verdict.errors }.push(sentence);
        }
        Ok(verdict)
    }

    /// Judges an answer as its step has it: what is kept of it, as a map, and what people should read. A false check is a
    /// failure with the author's sentences, one a line.
    pub(crate) fn kept(&self, step: &Step, result: &Value) -> Evaluated<(Value, Vec<String>)> {
        let verdict = self.passed(&step.check)?;
        let (outputs, warnings) = self.outputs(step.outputs.as_ref(), result, &step.secret)?;
        Ok((outputs, [verdict, warnings].concat()))
    }

    /// Asks every check: what those say that only warn.
    pub(crate) fn passed(&self, checks: &[Check]) -> Evaluated<Vec<String>> {
        let verdict = self.checks(checks)?;
        if verdict.errors.is_empty() {
            return Ok(verdict.warnings);
        }
        Err(Failure::new(FailureClass::CheckFailed, verdict.errors.join("\n")).into())
    }

    /// What is kept of an answer, as a map, and what people should read about it.
    pub(crate) fn outputs(
        &self,
        outputs: Option<&IndexMap<String, Argument>>,
        result: &Value,
        secret: &[String],
    ) -> Evaluated<(Value, Vec<String>)> {
        let kept = match outputs {
            Some(outputs) => self.named_values(outputs, secret)?,
            None => Value::Map(Map::from_iter([("result".to_owned(), result.clone())])),
        };
        Ok(limited(kept))
    }

    /// Named values, those secret that are declared so.
    pub(crate) fn named_values(&self, values: &IndexMap<String, Argument>, secret: &[String]) -> Evaluated<Value> {
        let mut map = Map::new();
        for (name, argument) in values {
            let value = self.value(argument)?;
            map.insert(name.clone(), if secret.contains(name) { value.into_secret() } else { value });
        }
        Ok(Value::Map(map))
    }
}

/// Entries that are too large for a journal become unavailable; the largest goes first.
pub(crate) fn limited(kept: Value) -> (Value, Vec<String>) {
    let Value::Map(mut map) = kept else { return (kept, Vec::new()) };
    let mut sizes: Vec<(usize, usize)> = map.values().map(size).enumerate().map(|(at, size)| (size, at)).collect();
    let mut total: usize = sizes.iter().map(|(size, _)| size).sum();
    let mut warnings = Vec::new();
    sizes.sort_unstable();
    while total > MOST_BYTES
        && let Some((size, at)) = sizes.pop()
    {
        total -= size;
        if let Some((name, value)) = map.get_index_mut(at) {
            *value = Value::Unavailable(Unavailable::TooLarge);
            warnings.push(format!("`{name}` has {} KiB, more than the 256 KiB a journal keeps of a step", size / 1024));
        }
    }
    (Value::Map(map), warnings)
}

/// How many bytes of JSON a journal needs for a value.
fn size(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, &record::encode(value)) {
        Ok(()) => count.0,
        Err(_) => usize::MAX / 2,
    }
}

/// A condition as its author wrote it.
pub(crate) fn source(condition: &Argument) -> String {
    match &condition.node {
        Node::Expression(expression) => format!("`{}`", expression.source),
        Node::Plain { text, .. } => format!("`{text}`"),
        _ => "the condition".to_owned(),
    }
}

impl Sight<'_> {
    /// What a nested runbook or a group gives back.
    pub(crate) fn body_outputs(self, id: NodeId) -> Evaluated<Value> {
        let Some(body) = self.state.inner_body(id) else { return Ok(Value::Map(Map::new())) };
        let step = self.state.step(id);
        let declared = &self.state.outline.body(self.state.body(body).layout).outputs;
        let inside = Standpoint::inside(body);
        let given = self.view(inside, Moment::Before).named_values(declared, &[])?;
        let Some(outputs) = &step.outputs else {
            return Ok(secretly(given, &step.secret));
        };
        // A group's own outputs see the steps inside it; a nested runbook's see what it gave back.
        let at = if matches!(step.action, Action::Group { .. }) { inside } else { Standpoint::of(self.state, id) };
        let moment = Moment::Answer { result: &given, error: None, attempt: 1 };
        self.view(at, moment).named_values(outputs, &step.secret)
    }

    /// The inputs of a nested runbook, from what its caller gives, fitted to their types.
    pub(crate) fn inputs_for(self, id: NodeId) -> Evaluated<Value> {
        let Action::Run(nested) = &self.state.step(id).action else { return Ok(Value::Map(Map::new())) };
        let view = self.of(id);
        let mut given = Map::new();
        for (name, argument) in &nested.with {
            given.insert(name.clone(), view.value(argument)?);
        }
        let mut fitted = Map::new();
        let mut misfits: Vec<String> = Vec::new();
        for (name, declaration) in &nested.body.inputs {
            match declaration.fit(given.get(name)) {
                Ok(value) => {
                    fitted.insert(name.clone(), value);
                }
                Err(all) => misfits.extend(all.iter().map(|one| format!("{} {}", one.path(name), one.message))),
            }
        }
        if misfits.is_empty() {
            return Ok(Value::Map(fitted));
        }
        let message = format!("the inputs of `{}` do not fit: {}", nested.kind, misfits.join("; "));
        Err(Failure::new(FailureClass::Invalid, message).into())
    }

    /// The items of a `for-each`, with keys that are unique.
    pub(crate) fn list(self, id: NodeId) -> Evaluated<Vec<Item>> {
        let step = self.state.step(id);
        let Some(each) = &step.for_each else { return Ok(Vec::new()) };
        let over = self.of(id).value(&each.over)?;
        let secret = matches!(over, Value::Secret(_));
        let keep = |value: &Value| if secret { value.clone().into_secret() } else { value.clone() };
        let items: Vec<(Option<String>, Value)> = match over.peeled() {
            Value::Map(map) => map.iter().map(|(key, value)| (Some(key.clone()), keep(value))).collect(),
            Value::List(list) => list.iter().map(|value| (None, keep(value))).collect(),
            other => return Err(invalid(format!("`for-each` is {}, not a list or a map", other.type_name()))),
        };
        if items.len() > MOST_ITEMS {
            return Err(invalid(format!("`for-each` has {} items; at most {MOST_ITEMS} are allowed", items.len())));
        }
        let mut listed = Vec::with_capacity(items.len());
        let mut seen = IndexMap::new();
        for (index, (own_key, value)) in items.into_iter().enumerate() {
            let key = match (&each.key, own_key) {
                (Some(written), own_key) => self.item_key(id, written, index, own_key, &value)?,
                (None, Some(own_key)) => own_key,
                (None, None) => plain_key(&value, index)?,
            };
            if let Some(first) = seen.insert(key.clone(), index) {
                let message = format!("the items {first} and {index} of `for-each` have the same key `{key}`");
                return Err(Failure::new(FailureClass::Invalid, message)
                    .help("give every item a key of its own with `key:`")
                    .into());
            }
            listed.push(Item { key, value: value.into() });
        }
        Ok(listed)
    }

    fn item_key(
        self,
        id: NodeId,
        written: &Argument,
        index: usize,
        own_key: Option<String>,
        value: &Value,
    ) -> Evaluated<String> {
        let mut view = self.of(id);
        view.see_item(value.clone(), own_key, index);
        plain_key(&view.value(written)?, index)
    }
}

/// The text under which an item is known.
fn plain_key(value: &Value, index: usize) -> Evaluated<String> {
    let key = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Secret(_) => {
            let message = format!("the key of item {index} of `for-each` is a secret, and keys are shown everywhere");
            return Err(Failure::new(FailureClass::Invalid, message).help("name the items with `key:`").into());
        }
        other => {
            let message = format!("item {index} of `for-each` is {} and needs a key", other.type_name());
            return Err(Failure::new(FailureClass::Invalid, message)
                .help("name the items with `key:`, such as `key: ${{ item.name }}`")
                .into());
        }
    };
    if key.is_empty() {
        return Err(invalid(format!("the key of item {index} of `for-each` is empty")));
    }
    Ok(key)
}

fn secretly(map: Value, secret: &[String]) -> Value {
    let Value::Map(map) = map else { return map };
    let hide = |(name, value): (String, Value)| {
        let value = if secret.contains(&name) { value.into_secret() } else { value };
        (name, value)
    };
    Value::Map(map.into_iter().map(hide).collect())
}

fn invalid(message: String) -> Hindrance {
    Failure::new(FailureClass::Invalid, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_outputs_give_way_first() {
        let big = Value::from("x".repeat(200 * 1024));
        let bigger = Value::from("x".repeat(250 * 1024));
        let map = Map::from_iter([("a".to_owned(), big.clone()), ("b".to_owned(), bigger), ("c".to_owned(), 1.into())]);
        let (kept, warnings) = limited(Value::Map(map));
        assert_eq!(kept.get("a"), Some(&big));
        assert_eq!(kept.get("b"), Some(&Value::Unavailable(Unavailable::TooLarge)));
        assert_eq!(kept.get("c"), Some(&Value::from(1)));
        assert_eq!(warnings, ["`b` has 250 KiB, more than the 256 KiB a journal keeps of a step"]);
    }

    #[test]
    fn exactly_the_limit_is_kept() {
        let text = |bytes: usize| Value::Map(Map::from_iter([("a".to_owned(), Value::from("x".repeat(bytes - 2)))]));
        assert!(limited(text(MOST_BYTES)).1.is_empty());
        assert_eq!(limited(text(MOST_BYTES + 1)).1.len(), 1);
    }
}
