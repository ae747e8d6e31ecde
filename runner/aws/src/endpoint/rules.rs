//! The endpoint rules language: parameters, conditions, trees, templates.
//!
//! This file decides how a rule set is read and walked. The functions that conditions call are in
//! [`super::functions`]. It must not know any service.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

use super::functions::{Function, attribute};

/// A service's `endpoint-rule-set-1.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct RuleSet {
    parameters: IndexMap<String, Parameter>,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameter {
    #[serde(default)]
    required: bool,
    #[serde(default)]
    default: Option<Json>,
    #[serde(default)]
    built_in: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Rule {
    Endpoint { conditions: Vec<Condition>, endpoint: EndpointRule },
    Error { conditions: Vec<Condition>, error: Expression },
    Tree { conditions: Vec<Condition>, rules: Vec<Self> },
}

#[derive(Debug, Deserialize)]
struct EndpointRule {
    url: Expression,
    #[serde(default)]
    properties: Json,
    #[serde(default)]
    headers: Json,
}

#[derive(Debug, Deserialize)]
struct Condition {
    #[serde(rename = "fn")]
    function: Function,
    argv: Vec<Expression>,
    #[serde(default)]
    assign: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expression {
    Template(String),
    Reference {
        #[serde(rename = "ref")]
        name: String,
    },
    Call {
        #[serde(rename = "fn")]
        function: Function,
        argv: Vec<Self>,
    },
    Literal(Json),
}

/// What the rules yield.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The URL.
    pub url: String,
    /// Free properties; `authSchemes` is one.
    pub properties: Json,
    /// Headers to send: a name and a list of values each.
    pub headers: Json,
}

/// The parameters and what conditions have assigned so far; the latest wins.
struct Scope(Vec<(String, Json)>);

impl Scope {
    fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl RuleSet {
    /// The parameters that a configuration gives: each with the name under which it is known to all services.
    pub(super) fn built_ins(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().filter_map(|(name, parameter)| Some((name.as_str(), parameter.built_in.as_deref()?)))
    }

    /// Walks the rules.
    ///
    /// # Errors
    /// The sentence of the rules that refuse these parameters, or what is wrong with the rules.
    pub(crate) fn resolve(&self, mut values: BTreeMap<&str, Json>) -> Result<Resolved, String> {
        let mut scope = Scope(Vec::new());
        for (name, parameter) in &self.parameters {
            match values.remove(name.as_str()).filter(|value| !value.is_null()).or_else(|| parameter.default.clone()) {
                Some(value) => scope.0.push((name.clone(), value)),
                None if parameter.required => return Err(format!("`{name}` is required")),
                None => {}
            }
        }
        walk(&self.rules, &mut scope)?.ok_or_else(|| "no rule fits".to_owned())
    }
}

fn walk(rules: &[Rule], scope: &mut Scope) -> Result<Option<Resolved>, String> {
    for rule in rules {
        let depth = scope.0.len();
        let (Rule::Endpoint { conditions, .. } | Rule::Error { conditions, .. } | Rule::Tree { conditions, .. }) = rule;
        if all_hold(conditions, scope)? {
            match rule {
                Rule::Endpoint { endpoint, .. } => {
                    return Ok(Some(Resolved {
                        url: text(&endpoint.url, scope)?,
                        properties: filled(&endpoint.properties, scope)?,
                        headers: filled(&endpoint.headers, scope)?,
                    }));
                }
                Rule::Error { error, .. } => return Err(text(error, scope)?),
                Rule::Tree { rules, .. } => {
                    if let Some(resolved) = walk(rules, scope)? {
                        return Ok(Some(resolved));
                    }
                }
            }
        }
        scope.0.truncate(depth);
    }
    Ok(None)
}

fn all_hold(conditions: &[Condition], scope: &mut Scope) -> Result<bool, String> {
    for condition in conditions {
        let value = call(condition.function, &condition.argv, scope)?;
        if matches!(value, Json::Null | Json::Bool(false)) {
            return Ok(false);
        }
        if let Some(name) = &condition.assign {
            scope.0.push((name.clone(), value));
        }
    }
    Ok(true)
}

fn call(function: Function, argv: &[Expression], scope: &Scope) -> Result<Json, String> {
    let arguments = argv.iter().map(|argument| value(argument, scope)).collect::<Result<Vec<_>, _>>()?;
    Ok(function.call(&arguments))
}

fn value(expression: &Expression, scope: &Scope) -> Result<Json, String> {
    match expression {
        Expression::Template(template) => fill(template, scope).map(Json::String),
        Expression::Reference { name } => Ok(scope.get(name).cloned().unwrap_or_default()),
        Expression::Call { function, argv } => call(*function, argv, scope),
        Expression::Literal(json) => Ok(json.clone()),
    }
}

fn text(expression: &Expression, scope: &Scope) -> Result<String, String> {
    match value(expression, scope)? {
        Json::String(text) => Ok(text),
        other => Err(format!("a rule yields `{other}` where text is wanted")),
    }
}

/// JSON with its templates filled, at every depth.
fn filled(json: &Json, scope: &Scope) -> Result<Json, String> {
    Ok(match json {
        Json::String(template) => Json::String(fill(template, scope)?),
        Json::Array(items) => Json::Array(items.iter().map(|item| filled(item, scope)).collect::<Result<_, _>>()?),
        Json::Object(map) => match (map.get("ref"), map.get("fn")) {
            (None, None) => Json::Object(
                map.iter().map(|(key, item)| Ok((key.clone(), filled(item, scope)?))).collect::<Result<_, String>>()?,
            ),
            _ => {
                let expression = serde_json::from_value(json.clone()).map_err(|error| error.to_string())?;
                value(&expression, scope)?
            }
        },
        other => other.clone(),
    })
}

/// `https://{Bucket}.{url#authority}` with names and their attributes replaced; `{{` and `}}` stand for themselves.
fn fill(template: &str, scope: &Scope) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            filled.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let end =
            brace.find('}').filter(|_| brace.starts_with('{')).ok_or_else(|| format!("`{template}` is no template"))?;
        let (name, path) = brace[1..end].split_once('#').unwrap_or((&brace[1..end], ""));
        let found = scope.get(name).map(|value| attribute(value, path)).unwrap_or_default();
        match found {
            Json::String(text) => filled.push_str(&text),
            Json::Null => return Err(format!("`{template}` needs `{name}`")),
            other => filled.push_str(&other.to_string()),
        }
        rest = &brace[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> RuleSet {
        serde_json::from_value(json!({
            "parameters": {"Region": {"builtIn": "AWS::Region", "type": "String"},
                           "Fips": {"required": true, "default": false, "type": "Boolean"},
                           "Name": {"type": "String"}},
            "rules": [
                {"type": "tree", "conditions": [{"fn": "booleanEquals", "argv": [{"ref": "Fips"}, true]}], "rules": [
                    {"type": "error", "conditions": [{"fn": "not", "argv": [{"fn": "isSet", "argv": [{"ref": "Region"}]}]}], "error": "FIPS needs a region"}]},
                {"type": "endpoint", "conditions": [{"fn": "aws.partition", "argv": [{"ref": "Region"}], "assign": "P"},
                                                    {"fn": "isSet", "argv": [{"ref": "Name"}]}],
                 "endpoint": {"url": "https://{Name}.{Region}.{P#dnsSuffix}/{{x}}", "properties": {"authSchemes": [{"signingRegion": "{Region}", "name": "sigv4"}]}}},
                {"type": "endpoint", "conditions": [{"fn": "isSet", "argv": [{"ref": "P"}]}], "endpoint": {"url": "https://leaked"}},
            ]}))
        .unwrap()
    }

    fn resolved(values: &[(&'static str, Json)]) -> Result<Resolved, String> {
        rules().resolve(values.iter().cloned().collect())
    }

    #[test]
    fn the_first_rule_that_fits_gives_the_endpoint() {
        let found = resolved(&[("Region", json!("eu-west-1")), ("Name", json!("b"))]).unwrap();
        assert_eq!(found.url, "https://b.eu-west-1.amazonaws.com/{x}");
        assert_eq!(found.properties, json!({"authSchemes": [{"signingRegion": "eu-west-1", "name": "sigv4"}]}));
    }

    #[test]
    fn what_a_rule_assigned_is_gone_when_it_does_not_fit() {
        assert_eq!(resolved(&[("Region", json!("eu-west-1"))]).unwrap_err(), "no rule fits");
    }

    #[test]
    fn an_error_rule_says_its_sentence_and_a_tree_without_an_end_is_left() {
        assert_eq!(resolved(&[("Fips", json!(true))]).unwrap_err(), "FIPS needs a region");
        let found = resolved(&[("Fips", json!(true)), ("Region", json!("cn-north-1")), ("Name", json!("b"))]).unwrap();
        assert_eq!(found.url, "https://b.cn-north-1.amazonaws.com.cn/{x}");
    }

    #[test]
    fn a_function_nobody_knows_is_refused_when_the_rules_are_read() {
        let json = json!({"parameters": {}, "rules": [{"type": "error", "conditions": [{"fn": "aws.weather", "argv": []}], "error": ""}]});
        assert!(serde_json::from_value::<RuleSet>(json).is_err());
    }
}
