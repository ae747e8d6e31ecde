//! Pages: what the next one is asked with, and how answers become one.
//!
//! This file decides how `paginators-1.json` is applied. It must not call anything.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use serde_json::Value as Json;

use crate::definition::{OneOrMore, Paginator as Definition};
use crate::jmespath::search;

/// How the pages of one operation are joined.
#[derive(Debug)]
pub struct Paginator(Definition);

impl Paginator {
    pub(crate) fn new(definition: Definition) -> Self {
        Self(definition)
    }

    /// The parameters of the next page, or `None` after the last one.
    ///
    /// # Errors
    /// `unknown`: the service gave the token it was asked with, and would go on doing so for ever.
    pub fn next(&self, params: &Value, answer: &Value) -> Result<Option<Value>, Failure> {
        let definition = &self.0;
        let more = definition.more_results.as_ref().map(|path| search(path, answer));
        if more.is_some_and(|more| more != Some(Json::Bool(true))) {
            return Ok(None);
        }
        let mut next: Map = params.as_map().cloned().unwrap_or_default();
        let (mut found, mut moved) = (false, false);
        for (input, output) in definition.input_token.all().iter().zip(definition.output_token.all()) {
            match search(output, answer).filter(|token| *token != Json::String(String::new())) {
                Some(token) => {
                    let token = Value::from(token);
                    // A token may be sensitive, like any member.
                    let secret = answer.get(output).is_some_and(Value::holds_secret);
                    let token = if secret { token.into_secret() } else { token };
                    found = true;
                    moved |= next.get(input).is_none_or(|before| before.exposed() != token.exposed());
                    next.insert(input.clone(), token);
                }
                None => {
                    next.shift_remove(input);
                }
            }
        }
        match (found, moved) {
            (false, _) => Ok(None),
            (true, true) => Ok(Some(Value::Map(next))),
            (true, false) => Err(Failure::new(
                FailureClass::Unknown,
                format!(
                    "the service answers the same page token again (`{}`)",
                    definition.input_token.all().join("`, `")
                ),
            )),
        }
    }

    /// Joins a further answer to the first: lists grow, numbers add up, page tokens are those of the latest.
    pub fn merge(&self, first: &mut Value, next: Value) {
        let Value::Map(mut next) = next else { return };
        for path in self.0.result_key.iter().flat_map(OneOrMore::all) {
            let keys: Vec<&str> = path.split('.').collect();
            if let (Some(into), Some(more)) = (at(first, &keys), take(&mut next, &keys)) {
                join(into, more);
            }
        }
        let Value::Map(first) = first else { return };
        for path in self.0.output_token.all().iter().chain(&self.0.more_results) {
            if let Some(token) = next.get(path) {
                first.insert(path.clone(), token.clone());
            }
        }
    }
}

fn at<'a>(value: &'a mut Value, keys: &[&str]) -> Option<&'a mut Value> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Map(map) => map.get_mut(*key),
        _ => None,
    })
}

fn take(map: &mut Map, keys: &[&str]) -> Option<Value> {
    let (last, way) = keys.split_last()?;
    let mut map = map;
    for key in way {
        match map.get_mut(*key) {
            Some(Value::Map(inner)) => map = inner,
            _ => return None,
        }
    }
    map.get_mut(*last).map(std::mem::take)
}

fn join(into: &mut Value, more: Value) {
    match (&mut *into, more) {
        (Value::List(items), Value::List(more)) => items.extend(more),
        (Value::Map(entries), Value::Map(more)) => entries.extend(more),
        (Value::Number(sum), Value::Number(more)) => {
            if let (Some(a), Some(b)) = (sum.as_i64(), more.as_i64()) {
                *sum = a.saturating_add(b).into();
            }
        }
        (Value::Null, more) => *into = more,
        // A whole list that is secret: both are opened, and the result is secret again.
        (Value::Secret(_), more) => {
            let mut opened = into.exposed_value();
            join(&mut opened, more.exposed_value());
            *into = opened.into_secret();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paginator(json: Json) -> Paginator {
        Paginator(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn tokens_lead_to_the_last_page_and_lists_grow() {
        let pages = paginator(
            json!({"input_token": "Marker", "output_token": "Marker", "result_key": ["Roles", "Size"], "more_results": "IsTruncated"}),
        );
        let params = Value::from(json!({"PathPrefix": "/"}));
        let mut first = Value::from(json!({"Roles": [1], "Size": 1, "Marker": "m", "IsTruncated": true}));
        let next = pages.next(&params, &first).unwrap().unwrap();
        assert_eq!(next, Value::from(json!({"PathPrefix": "/", "Marker": "m"})));
        let last = Value::from(json!({"Roles": [2, 3], "Size": 2, "Marker": null, "IsTruncated": false}));
        assert_eq!(pages.next(&next, &last).unwrap(), None);
        pages.merge(&mut first, last);
        assert_eq!(first, Value::from(json!({"Roles": [1, 2, 3], "Size": 3, "Marker": null, "IsTruncated": false})));
    }

    #[test]
    fn results_inside_structures_are_joined_and_several_tokens_carried() {
        let pages = paginator(
            json!({"input_token": ["A", "B"], "output_token": ["NextA", "NextB"], "result_key": "List.Items"}),
        );
        let mut first = Value::from(json!({"List": {"Items": ["x"]}, "NextA": "1", "NextB": null}));
        let next = pages.next(&Value::from(json!({"B": "old"})), &first).unwrap().unwrap();
        assert_eq!(next, Value::from(json!({"A": "1"})));
        pages.merge(&mut first, Value::from(json!({"List": {"Items": ["y"]}, "NextA": null, "NextB": null})));
        assert_eq!(first, Value::from(json!({"List": {"Items": ["x", "y"]}, "NextA": null, "NextB": null})));
    }

    #[test]
    fn a_token_that_does_not_move_is_a_failure_and_not_an_endless_loop() {
        let pages = paginator(json!({"input_token": "NextToken", "output_token": "NextToken", "result_key": "Items"}));
        let (params, answer) = (Value::from(json!({"NextToken": "t"})), Value::from(json!({"NextToken": "t"})));
        assert!(pages.next(&params, &answer).unwrap_err().message.contains("`NextToken`"));
        assert_eq!(pages.next(&params, &Value::from(json!({"NextToken": ""}))).unwrap(), None);
    }
}
