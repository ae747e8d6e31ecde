//! Inputs: their types, and whether a value fits.
//!
//! This file decides what a declared type takes. It must not know where a value came from, and it must not read the home
//! folder: the `~` of a path is expanded by who knows it.

mod base;
mod wanted;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::argument::{Argument, Node};
use crate::duration::Duration;
use crate::record::Recorded;
use crate::value::{Map, Value};
pub use base::BaseType;
use wanted::brief;

/// A declared input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputDeclaration {
    /// What it takes.
    #[serde(flatten)]
    pub kind: InputType,
    /// What it is when nobody gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Recorded>,
    /// May it be left out? Then it is null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Is its value a secret?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Recorded>,
}

/// A type with what narrows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InputType {
    /// The type.
    #[serde(rename = "type")]
    pub base: BaseType,
    /// The only values it takes.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Recorded>,
    /// A regular expression that text has to match somewhere (`^` and `$` for all of it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The least number; of a duration its milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number; of a duration its milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The fewest characters, items or entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// The most characters, items or entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// The type of list items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<InputDeclaration>>,
    /// The named entries of a map; others are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<IndexMap<String, InputDeclaration>>,
    /// The type of the entries of a map with free keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Box<InputDeclaration>>,
}

/// What does not fit, and where inside the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The way from the input to the part: keys and indices, outermost first.
    pub at: Vec<String>,
    /// One clause, without the value of a secret.
    pub message: String,
}

impl Misfit {
    /// The part as people write it: `members[0].name`.
    #[must_use]
    pub fn path(&self, input: &str) -> String {
        self.at.iter().fold(input.to_owned(), |mut path, part| {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                path.push('[');
                path.push_str(part);
                path.push(']');
            } else {
                path.push('.');
                path.push_str(part);
            }
            path
        })
    }
}

impl InputDeclaration {
    /// A declaration of anything, for places where an author declared nothing.
    #[must_use]
    pub fn any() -> Self {
        Self {
            kind: InputType::default(),
            default: None,
            optional: true,
            secret: false,
            description: None,
            example: None,
        }
    }

    /// Must somebody give it?
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.default.is_none() && !self.optional
    }

    /// Is its value a secret, or may a part of it be one?
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        let inside = |declaration: &Option<Box<Self>>| declaration.as_ref().is_some_and(|inner| inner.holds_secret());
        let properties = self.kind.properties.iter().flat_map(|properties| properties.values());
        self.secret
            || inside(&self.kind.items)
            || inside(&self.kind.values)
            || properties.into_iter().any(Self::holds_secret)
    }

    /// Fits a value to this declaration: fills defaults, reads text where numbers or booleans are wanted, marks secrets.
    /// `None` and null are the same: no value.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn fit(&self, value: Option<&Value>) -> Result<Value, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let fitted = self.fit_at(value, &mut Vec::new(), &mut misfits);
        if misfits.is_empty() { Ok(fitted) } else { Err(misfits) }
    }

    fn fit_at(&self, value: Option<&Value>, at: &mut Vec<String>, misfits: &mut Vec<Misfit>) -> Value {
        let given = value.filter(|v| !v.is_null());
        let fitted = match (given, &self.default) {
            (Some(value), _) => {
                let secret = matches!(value, Value::Secret(_));
                let fitted = self.kind.fit_at(value.peeled(), self.secret || secret, at, misfits);
                if secret { fitted.into_secret() } else { fitted }
            }
            (None, Some(default)) => self.kind.fit_at(&default.0, self.secret, at, misfits),
            (None, None) => {
                if !self.optional {
                    misfits.push(Misfit { at: at.clone(), message: "has no value".into() });
                }
                Value::Null
            }
        };
        if self.secret { fitted.into_secret() } else { fitted }
    }

    /// Rewrites the literals of an argument for this type: the source text of plain scalars where text is wanted.
    pub fn adopt(&self, argument: &mut Argument) {
        self.kind.adopt(argument);
    }

    /// The declaration of a part, by keys and indices as in [`Misfit::at`], and how many of them lead to it: where nothing
    /// is declared, it is that of what is around.
    #[must_use]
    pub fn part(&self, at: &[String]) -> (&Self, usize) {
        let mut found = self;
        for (depth, key) in at.iter().enumerate() {
            let kind = &found.kind;
            let property = kind.properties.as_ref().and_then(|properties| properties.get(key));
            match property.or(kind.values.as_deref()).or(kind.items.as_deref()) {
                Some(part) => found = part,
                None => return (found, depth),
            }
        }
        (found, at.len())
    }
}

impl InputType {
    fn adopt(&self, argument: &mut Argument) {
        match &mut argument.node {
            Node::Plain { value, text } if self.base.is_text() && !value.is_null() => {
                argument.node = Node::Text(std::mem::take(text));
            }
            Node::List(items) => {
                if let Some(declaration) = &self.items {
                    items.iter_mut().for_each(|item| declaration.adopt(item));
                }
            }
            Node::Map(entries) => {
                for entry in entries {
                    let declaration =
                        self.properties.as_ref().and_then(|p| p.get(&entry.key)).or(self.values.as_deref());
                    if let Some(declaration) = declaration {
                        declaration.adopt(&mut entry.value);
                    }
                }
            }
            _ => {}
        }
    }

    /// Fits a value that is there.
    fn fit_at(&self, value: &Value, secret: bool, at: &mut Vec<String>, misfits: &mut Vec<Misfit>) -> Value {
        let mut say = |at: &[String], message: String| misfits.push(Misfit { at: at.to_vec(), message });
        let shown = |value: &Value| {
            if secret || value.holds_secret() { "the secret value".to_owned() } else { format!("`{}`", brief(value)) }
        };
        let wrong = |value: &Value| match value {
            Value::String(text) if text.is_empty() && !secret => format!("`\"\"` is empty, not {}", self.wanted()),
            value => format!("{} is {}, not {}", shown(value), value.type_name(), self.wanted()),
        };
        let fitted = match (self.base, value) {
            (_, Value::Unavailable(_))
            | (BaseType::Any, _)
            | (BaseType::String | BaseType::Path, Value::String(_))
            | (BaseType::Boolean, Value::Bool(_))
            | (BaseType::Number, Value::Number(_)) => value.clone(),
            (BaseType::String | BaseType::Path, Value::Number(_) | Value::Bool(_)) => {
                Value::String(value.exposed().to_string())
            }
            // The text stays what was typed: it may stand in an argument or be compared with one.
            (BaseType::Duration, Value::String(text)) if text.parse::<Duration>().is_ok() => value.clone(),
            (BaseType::Duration, Value::String(_)) => {
                say(at, format!("{} is not a duration such as `90s` or `1h30m`", shown(value)));
                return Value::Null;
            }
            (BaseType::Integer, Value::Number(n)) if n.is_i64() || n.is_u64() => value.clone(),
            (BaseType::Integer, Value::Number(n)) if n.as_f64().is_some_and(is_whole) => {
                #[expect(clippy::cast_possible_truncation, reason = "is_whole keeps it within 53 bits")]
                let whole = n.as_f64().unwrap_or_default() as i64;
                whole.into()
            }
            (BaseType::Integer, Value::String(text)) if text.parse::<i64>().is_ok() => {
                text.parse::<i64>().unwrap_or_default().into()
            }
            (BaseType::Number, Value::String(text)) if number(text).is_some() => {
                number(text).map_or(Value::Null, Value::Number)
            }
            // The spellings of YAML's core schema, for text comes from command lines and environments too.
            (BaseType::Boolean, Value::String(text)) if matches!(text.as_str(), "true" | "True" | "TRUE") => {
                true.into()
            }
            (BaseType::Boolean, Value::String(text)) if matches!(text.as_str(), "false" | "False" | "FALSE") => {
                false.into()
            }
            (BaseType::List, Value::List(items)) => {
                let mut fitted = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    at.push(i.to_string());
                    fitted.push(match &self.items {
                        Some(declaration) => declaration.fit_at(Some(item), at, misfits),
                        None => item.clone(),
                    });
                    at.pop();
                }
                Value::List(fitted)
            }
            (BaseType::Map, Value::Map(map)) => self.fit_map(map, at, misfits),
            _ => {
                say(at, wrong(value));
                return Value::Null;
            }
        };
        self.narrow(&fitted, &shown(&fitted), at, misfits);
        fitted
    }

    fn fit_map(&self, map: &Map, at: &mut Vec<String>, misfits: &mut Vec<Misfit>) -> Value {
        let mut fitted = Map::new();
        if let Some(properties) = &self.properties {
            for (name, declaration) in properties {
                at.push(name.clone());
                fitted.insert(name.clone(), declaration.fit_at(map.get(name), at, misfits));
                at.pop();
            }
        }
        for (name, value) in map {
            if fitted.contains_key(name) {
                continue;
            }
            at.push(name.clone());
            match (&self.values, &self.properties) {
                (Some(declaration), _) => {
                    fitted.insert(name.clone(), declaration.fit_at(Some(value), at, misfits));
                }
                (None, None) => {
                    fitted.insert(name.clone(), value.clone());
                }
                (None, Some(properties)) => {
                    let near = crate::diagnostic::did_you_mean(name, properties.keys().map(String::as_str));
                    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    misfits.push(Misfit { at: at.clone(), message: format!("is not a known property{hint}") });
                }
            }
            at.pop();
        }
        Value::Map(fitted)
    }

    /// What narrows the type: enum, pattern, bounds, lengths.
    fn narrow(&self, value: &Value, shown: &str, at: &[String], misfits: &mut Vec<Misfit>) {
        let mut say = |message: String| misfits.push(Misfit { at: at.to_vec(), message });
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| self.same(&choice.0, value)) {
            let choices: Vec<String> = self.choices.iter().map(|c| format!("`{}`", brief(&c.0))).collect();
            say(format!("{shown} is not one of {}", choices.join(", ")));
        }
        if let (Some(pattern), Some(text)) = (&self.pattern, value.as_str())
            && !regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
        {
            say(format!("{shown} does not match the pattern `{pattern}`"));
        }
        if let Some(n) = self.measure(value) {
            if let Some(min) = self.min.filter(|min| n < *min) {
                say(format!("{shown} is less than {}", self.bound(min)));
            }
            if let Some(max) = self.max.filter(|max| n > *max) {
                say(format!("{shown} is more than {}", self.bound(max)));
            }
        }
        let (length, unit) = match value {
            Value::String(text) => (text.chars().count(), "characters"),
            Value::List(items) => (items.len(), "items"),
            Value::Map(map) => (map.len(), "entries"),
            _ => return,
        };
        let length = length as u64;
        if self.min_length.is_some_and(|min| length < min) {
            say(format!("has {length} {unit}, at least {} are wanted", self.min_length.unwrap_or_default()));
        }
        if self.max_length.is_some_and(|max| length > max) {
            say(format!("has {length} {unit}, at most {} are allowed", self.max_length.unwrap_or_default()));
        }
    }

    /// What `min` and `max` bound: a number, or the milliseconds of a duration.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "durations of people have less than 53 bits of milliseconds")]
    pub fn measure(&self, value: &Value) -> Option<f64> {
        match (self.base, value) {
            (BaseType::Duration, Value::String(text)) => text.parse().ok().map(|of: Duration| of.as_millis() as f64),
            (BaseType::Duration, _) => None,
            (_, Value::Number(n)) => n.as_f64(),
            _ => None,
        }
    }

    /// Is a value this choice? A duration is however it is written.
    fn same(&self, choice: &Value, value: &Value) -> bool {
        match self.base {
            BaseType::Duration => self.measure(choice) == self.measure(value),
            _ => choice == value,
        }
    }
}

fn is_whole(n: f64) -> bool {
    n.fract() == 0.0 && n.abs() < 9.0e15
}

fn number(text: &str) -> Option<serde_json::Number> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Number(n)) => Some(n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declaration(json: serde_json::Value) -> InputDeclaration {
        serde_json::from_value(json).unwrap()
    }

    fn fit(of: serde_json::Value, value: serde_json::Value) -> Result<serde_json::Value, Vec<String>> {
        declaration(of)
            .fit(Some(&value.into()))
            .map(|v| v.exposed())
            .map_err(|m| m.iter().map(|m| format!("{} {}", m.path("x"), m.message)).collect())
    }

    #[test]
    fn values_are_read_by_the_type() {
        assert_eq!(fit(json!({"type": "integer"}), json!("3")), Ok(json!(3)));
        assert_eq!(fit(json!({"type": "integer"}), json!(3.0)), Ok(json!(3)));
        assert_eq!(fit(json!({"type": "boolean"}), json!("true")), Ok(json!(true)));
        assert_eq!(fit(json!({"type": "boolean"}), json!("False")), Ok(json!(false)));
        assert_eq!(
            fit(json!({"type": "integer"}), json!("")),
            Err(vec!["x `\"\"` is empty, not a whole number".to_owned()])
        );
        assert_eq!(fit(json!({"type": "duration"}), json!("90s")), Ok(json!("90s")));
        assert_eq!(fit(json!({"type": "string"}), json!("012")), Ok(json!("012")));
        assert_eq!(
            fit(json!({"type": "integer"}), json!("three")),
            Err(vec!["x `three` is text, not a whole number".to_owned()])
        );
    }

    #[test]
    fn a_part_says_what_it_demands() {
        let list = declaration(json!({"type": "list", "min-length": 1, "items": {"type": "map", "properties": {
            "mode": {"type": "string", "enum": ["push", "pull"]}, "size": {"type": "integer", "min": 1, "max": 9}}}}));
        let demanded =
            |at: &[&str]| list.part(&at.iter().map(|&part| part.to_owned()).collect::<Vec<_>>()).0.kind.demanded();
        assert_eq!(demanded(&[]), "a list, at least 1 items");
        assert_eq!(demanded(&["0", "mode"]), "one of `push`, `pull`");
        assert_eq!(demanded(&["0", "size"]), "a whole number, at least 1, at most 9");
        assert_eq!(demanded(&["0", "sise"]), "a map of `mode`, `size`");
    }

    #[test]
    fn a_duration_is_compared_by_its_length_and_stays_as_it_was_typed() {
        let wait = json!({"type": "duration", "min": 60_000, "max": 3_600_000, "enum": ["90s", "1h"]});
        assert_eq!(fit(wait.clone(), json!("1m30s")), Ok(json!("1m30s")));
        assert_eq!(fit(wait.clone(), json!("60m")), Ok(json!("60m")));
        assert_eq!(fit(wait.clone(), json!("2m")), Err(vec!["x `2m` is not one of `90s`, `1h`".to_owned()]));
        let bounds = json!({"type": "duration", "min": 60_000, "max": 5_400_000});
        assert_eq!(fit(bounds.clone(), json!("59s")), Err(vec!["x `59s` is less than 1m".to_owned()]));
        assert_eq!(fit(bounds.clone(), json!("2h")), Err(vec!["x `2h` is more than 1h30m".to_owned()]));
        assert_eq!(declaration(bounds).kind.demanded(), "a duration, at least 1m, at most 1h30m");
    }

    #[test]
    fn every_misfit_is_told_with_its_place() {
        let members = json!({"type": "list", "items": {"type": "map", "properties": {
            "name": {"type": "string", "max-length": 3},
            "mode": {"type": "string", "enum": ["push", "pull"], "default": "push"}}}});
        assert_eq!(
            fit(members.clone(), json!([{"name": "abcd"}, {"mode": "x", "nam": 1}])),
            Err(vec![
                "x[0].name has 4 characters, at most 3 are allowed".to_owned(),
                "x[1].name has no value".to_owned(),
                "x[1].mode `x` is not one of `push`, `pull`".to_owned(),
                "x[1].nam is not a known property; did you mean `name`?".to_owned(),
            ])
        );
        assert_eq!(fit(members, json!([{"name": "a"}])), Ok(json!([{"name": "a", "mode": "push"}])));
    }

    #[test]
    fn a_secret_is_found_at_every_depth() {
        let member = json!({"type": "list", "items": {"type": "map", "properties": {
            "name": {"type": "string"}, "tokens": {"type": "map", "values": {"type": "string", "secret": true}}}}});
        assert!(declaration(member).holds_secret());
        assert!(!declaration(json!({"type": "list", "items": {"type": "string"}})).holds_secret());
    }

    #[test]
    fn a_secret_input_is_secret_and_never_quoted() {
        let token = declaration(json!({"type": "string", "secret": true, "min-length": 20, "pattern": "^x"}));
        let misfits = token.fit(Some(&"hunter2".into())).unwrap_err();
        assert!(misfits.iter().all(|m| !m.message.contains("hunter2")), "{misfits:?}");
        let open = declaration(json!({"type": "string", "secret": true}));
        assert_eq!(open.fit(Some(&"hunter2".into())).unwrap().redacted(), json!("(secret)"));
    }
}
