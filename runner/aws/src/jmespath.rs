//! JMESPath over values: tokens of pages, states of waiters, endpoint parameters.
//!
//! This file decides how the models' expressions meet our values. It must not decide what the results mean.

use jmespath::{Variable, compile};
use runbook_model::value::Value;
use serde_json::Value as Json;

/// What an expression finds; `None` for nothing, and for an expression that does not compile (a test rules that out for the
/// models in the program). Secrets are opened: the result never leaves the crate but to be sent.
pub(crate) fn search(expression: &str, value: &Value) -> Option<Json> {
    let found = compile(expression).ok()?.search(Variable::try_from(value.exposed()).ok()?).ok()?;
    serde_json::to_value(&*found).ok().filter(|found| !found.is_null())
}

/// Does it compile?
///
/// # Errors
/// What is wrong with it.
#[cfg(test)]
pub(crate) fn verify(expression: &str) -> Result<(), String> {
    compile(expression).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::catalog;

    #[test]
    fn expressions_of_the_models_work_on_values() {
        let answer = Value::from(json!({"Contents": [{"Key": "a"}, {"Key": "b"}], "NextMarker": null}));
        assert_eq!(search("NextMarker || Contents[-1].Key", &answer), Some(json!("b")));
        assert_eq!(search("Missing", &answer), None);
        assert_eq!(search("Contents[].Key", &answer), Some(json!(["a", "b"])));
        assert_eq!(search("[0", &answer), None);
    }

    #[test]
    fn every_expression_in_the_models_compiles() {
        let mut seen = 0;
        for name in catalog().services() {
            for expression in catalog().service(name).unwrap().expressions() {
                verify(&expression).unwrap_or_else(|error| panic!("{name}: `{expression}`: {error}"));
                seen += 1;
            }
        }
        assert!(seen > 1000, "{seen} expressions in all models");
    }
}
