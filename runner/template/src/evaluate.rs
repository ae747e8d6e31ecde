//! Evaluation: expressions and written arguments become values.
//!
//! This file decides what an expression yields, how its errors find their place, and that what was computed from a
//! secret is one. It must not know steps, runs or YAML documents.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::{Environment, ErrorKind, Value as Engine};
use runbook_model::argument::{Argument, Expression, Node, Part};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::value::{Map, Value};

use crate::environment::{self, Undefined};
use crate::guard::Guarded;
use crate::scope::Scope;
use crate::syntax::{self, ExprKind};
use crate::trouble::Trouble;
use crate::view::{self, Reads};

/// Evaluates expressions over the templates of one plan.
pub struct Evaluator {
    pub(crate) environment: Environment<'static>,
    pub(crate) templates: IndexMap<String, Template>,
}

/// A template that can be rendered, or why it cannot.
pub(crate) struct Template {
    source: String,
    guarded: Result<Guarded, Trouble>,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("templates", &self.templates.keys()).finish_non_exhaustive()
    }
}

impl Evaluator {
    /// An evaluator that knows these templates: path relative to `templates/`, and text. A template with a fault is an
    /// error where it is used.
    #[must_use]
    pub fn new(templates: &IndexMap<String, String>) -> Self {
        let mut environment = environment::environment();
        let templates = templates
            .iter()
            .map(|(path, source)| {
                let guarded = guarded_template(path, source).and_then(|guarded| {
                    environment
                        .add_template_owned(path.clone(), guarded.text.clone())
                        .map_err(|error| Trouble { file: Some(path.clone()), ..environment::words(&error) })?;
                    Ok(guarded)
                });
                (path.clone(), Template { source: source.clone(), guarded })
            })
            .collect();
        Self { environment, templates }
    }

    /// The value of a written argument: every expression in it evaluated. Entries that are null are kept.
    ///
    /// # Errors
    /// The first expression that has no value.
    pub fn argument(&self, argument: &Argument, scope: &Scope) -> Result<Value, Trouble> {
        Ok(match &argument.node {
            Node::Plain { value, .. } => value.clone(),
            Node::Text(text) => Value::String(text.clone()),
            Node::Expression(expression) => self.expression(expression, scope)?,
            Node::Mixed(parts) => self.mixed(parts, scope)?,
            Node::List(items) => {
                Value::List(items.iter().map(|item| self.argument(item, scope)).collect::<Result<_, _>>()?)
            }
            Node::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| Ok((entry.key.clone(), self.argument(&entry.value, scope)?)))
                    .collect::<Result<Map, Trouble>>()?,
            ),
            Node::Rendered { template, values } => self.manifest(template, &self.argument(values, scope)?)?,
        })
    }

    /// The typed value of one expression.
    ///
    /// # Errors
    /// Why it has none.
    pub fn expression(&self, expression: &Expression, scope: &Scope) -> Result<Value, Trouble> {
        let source = expression.source.as_str();
        self.evaluate(source, scope).map_err(|fault| {
            let (line, column) = place(expression, fault.range.map_or(0, |range| range.start));
            fault.trouble.at(line, column)
        })
    }

    /// An argument as text for people: text as it is, nothing for null, lists and maps as JSON.
    ///
    /// # Errors
    /// The first expression that has no value.
    pub fn text(&self, argument: &Argument, scope: &Scope) -> Result<Value, Trouble> {
        let value = self.argument(argument, scope)?;
        let secret = value.holds_secret();
        let text = Value::String(printed(&value));
        Ok(if secret { text.into_secret() } else { text })
    }

    /// Whether an argument counts as true: not null, zero, or empty. The text `false` is an error, for it would count as
    /// true.
    ///
    /// # Errors
    /// The expression has no value, or one that cannot be meant.
    pub fn truth(&self, argument: &Argument, scope: &Scope) -> Result<bool, Trouble> {
        let value = self.argument(argument, scope)?;
        Ok(match value.peeled() {
            Value::Null | Value::Unavailable(_) => false,
            Value::Bool(b) => *b,
            Value::Number(n) => n.as_f64() != Some(0.0),
            Value::String(text) if text.eq_ignore_ascii_case("false") => {
                let (line, column) = match &argument.node {
                    Node::Expression(expression) => (expression.line, expression.column),
                    _ => (0, 0),
                };
                return Err(Trouble::new("the condition is the text `false`, which would count as true")
                    .help("compare it: `… == \"true\"`")
                    .at(line, column));
            }
            Value::String(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Secret(_) => true,
        })
    }

    /// Text around expressions. It is secret if one of them is.
    fn mixed(&self, parts: &[Part], scope: &Scope) -> Result<Value, Trouble> {
        let mut text = String::new();
        let mut secret = false;
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression(expression) => {
                    let value = self.expression(expression, scope)?;
                    secret |= value.holds_secret();
                    text.push_str(&printed(&value));
                }
            }
        }
        let text = Value::String(text);
        Ok(if secret { text.into_secret() } else { text })
    }

    fn evaluate(&self, source: &str, scope: &Scope) -> Result<Value, Fault> {
        let parsed = syntax::parse(source).map_err(|problem| Fault {
            trouble: Box::new(Trouble { help: problem.help, ..Trouble::new(problem.message) }),
            range: Some(problem.range),
        })?;
        let guarded = Guarded::new(source, [&parsed.root]);
        let reads = Arc::new(Reads::default());
        let engine = self
            .environment
            .compile_expression(&guarded.text)
            .and_then(|compiled| compiled.eval(scope.root(reads.clone())))
            .map_err(|error| self.fault(&error, Some((source, &guarded)), scope, &reads))?;
        let value = kept(&engine, &reads)?;
        Ok(if reads.secret() { value.into_secret() } else { value })
    }

    /// A template's own text and how it was rewritten.
    pub(crate) fn original(&self, name: &str) -> Option<(&str, &Guarded)> {
        let template = self.templates.get(name)?;
        Some((template.source.as_str(), template.guarded.as_ref().ok()?))
    }

    /// What minijinja's error means, and where.
    pub(crate) fn fault(
        &self,
        error: &minijinja::Error,
        expression: Option<(&str, &Guarded)>,
        scope: &Scope,
        reads: &Reads,
    ) -> Fault {
        let error = innermost(error);
        if let Some(unavailable) = reads.unavailable() {
            let trouble = Trouble::new(format!("`{}` is not to be had now", unavailable.1));
            let trouble = Box::new(Trouble { unavailable: Some(unavailable), ..trouble });
            return Fault { trouble, range: None };
        }
        let template = error.name().and_then(|name| Some((name, self.templates.get(name)?)));
        let (source, guarded) = match (&template, expression) {
            (Some((_, Template { source, guarded: Ok(guarded) })), _) => (source.as_str(), Some(guarded)),
            (None, Some((source, guarded))) => (source, Some(guarded)),
            _ => ("", None),
        };
        let undefined = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Undefined>());
        let range = match undefined {
            Some(undefined) => Some(undefined.start..undefined.end),
            None => error.range().zip(guarded).map(|(range, guarded)| guarded.original(range)),
        };
        let mut trouble = match undefined {
            Some(undefined) => {
                let scope = template.is_none().then_some(scope);
                self.missing(source, undefined, scope)
            }
            None if error.kind() == ErrorKind::TemplateNotFound => self.no_template(error),
            // The details may quote what was read.
            None if reads.secret() && quotes_values(error.kind()) => {
                Trouble::new(format!("{}; the details are withheld, for a secret was read", error.kind()))
            }
            None => environment::words(error),
        };
        match template {
            None => Fault { trouble: Box::new(trouble), range },
            Some((name, _)) => {
                trouble.file = Some(name.to_owned());
                let at = range.clone().map_or(0, |range| range.start);
                (trouble.line, trouble.column) = line_column(source, at);
                Fault { trouble: Box::new(trouble), range: None }
            }
        }
    }

    fn no_template(&self, error: &minijinja::Error) -> Trouble {
        let message = error.detail().unwrap_or("the template does not exist").replace('"', "`");
        let name = message.split('`').nth(1).unwrap_or_default();
        let broken = self.templates.get(name).and_then(|template| template.guarded.as_ref().err());
        match broken {
            Some(trouble) => trouble.clone(),
            None => {
                let near = did_you_mean(name, self.templates.keys().map(String::as_str));
                let trouble = Trouble::new(message.clone());
                match near {
                    Some(near) => trouble.help(format!("did you mean `{near}`?")),
                    None => trouble,
                }
            }
        }
    }

    /// A read that found nothing, with what was there instead.
    fn missing(&self, source: &str, undefined: &Undefined, scope: Option<&Scope>) -> Trouble {
        let text = source.get(undefined.start..undefined.end).unwrap_or_default();
        let shown = shortened(text);
        if undefined.inside {
            return Trouble::new(format!("an item of `{shown}` is undefined"))
                .help("give `map` a `default=`, or leave such items out with `selectattr`");
        }
        let Ok(parsed) = syntax::parse(text) else { return Trouble::new(format!("`{shown}` is undefined")) };
        let (base, name) = match &parsed.root.kind {
            ExprKind::Filter { .. } => {
                return Trouble::new(format!("`{shown}` is undefined, for there is nothing to take it from"))
                    .help("add `| default(…)` for that case");
            }
            ExprKind::Member { base, name, .. } => (base, name.as_str()),
            ExprKind::Item { base, index } => match index.as_text() {
                Some(name) => (base, name),
                None => return Trouble::new(format!("`{shown}` is undefined")),
            },
            _ => return Trouble::new(format!("`{shown}` is undefined")),
        };
        let trouble = Trouble::new(format!("`{shown}` is undefined"));
        let reads = Arc::new(Reads::default());
        let held = scope.and_then(|scope| {
            let guarded = Guarded::new(text, [base.as_ref()]);
            let before = &guarded.text[..guarded.text.len() - (text.len() - base.range.end)];
            self.environment.compile_expression(before).ok()?.eval(scope.root(reads.clone())).ok()
        });
        let null = held.as_ref().is_some_and(Engine::is_none);
        let members = held.and_then(|held| {
            Some(held.try_iter().ok()?.filter_map(|key| key.as_str().map(str::to_owned)).collect::<Vec<_>>())
        });
        match members {
            _ if reads.secret() => trouble,
            _ if null => {
                let whole = shortened(text.get(base.range.clone()).unwrap_or_default());
                trouble.help(format!("`{whole}` is null: ask for that first, or add `| default(…)`"))
            }
            None => trouble,
            Some(members) => match did_you_mean(name, members.iter().map(String::as_str)) {
                Some(near) => trouble.help(format!("did you mean `{near}`?")),
                None if members.is_empty() => trouble.help("there is nothing in it"),
                None => trouble.help(format!("there is {}", listed(&members))),
            },
        }
    }
}

/// A trouble and the bytes of the expression it is about.
pub(crate) struct Fault {
    pub(crate) trouble: Box<Trouble>,
    range: Option<Range<usize>>,
}

/// The result of an evaluation as a value.
fn kept(engine: &Engine, reads: &Reads) -> Result<Value, Fault> {
    let fault = |trouble| Fault { trouble: Box::new(trouble), range: None };
    let value = view::kept(engine).map_err(|error| fault(Trouble::new(error.to_string())))?;
    match value.unavailable() {
        None => Ok(value),
        Some(why) => {
            let name = reads.unavailable().map_or_else(|| "a part of the value".to_owned(), |(_, name)| name);
            let trouble = Trouble::new("a part of the value is not to be had now");
            Err(fault(Trouble { unavailable: Some((why, name)), ..trouble }))
        }
    }
}

fn guarded_template(path: &str, source: &str) -> Result<Guarded, Trouble> {
    let parsed = syntax::parse_template(source).map_err(|problem| {
        let (line, column) = line_column(source, problem.range.start);
        Trouble { file: Some(path.to_owned()), line, column, help: problem.help, ..Trouble::new(problem.message) }
    })?;
    Ok(Guarded::template(source, &parsed))
}

/// The error at the root of an include's or block's error.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut error = error;
    while let Some(inner) = std::error::Error::source(error).and_then(|source| source.downcast_ref()) {
        error = inner;
    }
    error
}

/// Errors of these kinds name only what stands in the source.
fn quotes_values(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::OutOfFuel
    )
}

/// A value as it is printed into text.
fn printed(value: &Value) -> String {
    match value.peeled() {
        Value::Null | Value::Unavailable(_) => String::new(),
        Value::String(text) => text.clone(),
        other => other.exposed().to_string(),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() > 80 { text.chars().take(77).chain("…".chars()).collect() } else { text.to_owned() }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(8);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// The place of a byte of an expression. Where it was folded from several lines this is the place in the folded text,
/// for a plan keeps only where it begins.
fn place(expression: &Expression, at: usize) -> (u32, u32) {
    let (line, column) = line_column(&expression.source, at);
    if line == 1 { (expression.line, expression.column + column - 1) } else { (expression.line + line - 1, column) }
}

/// Line and column of a byte, from 1, the column in characters.
pub(crate) fn line_column(source: &str, at: usize) -> (u32, u32) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}
