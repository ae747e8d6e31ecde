//! What is known of an expression's value, and what is wrong with the expression.
//!
//! This file decides how shapes go through the syntax: reads, lists, conditions, filters. It must not know where names come
//! from (`reads`) nor which templates exist (`templates`).

use std::ops::Range;
use std::sync::Arc;

use runbook_model::argument::{Argument, Expression, Node, Part};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::shape::{Member, Shape, Structure};
use runbook_model::source::Span;
use runbook_model::value::Value;
use runbook_template::names;
use runbook_template::query::Query;
use runbook_template::syntax::{Expr, ExprKind, Given};

use super::shapes;
use super::sight::{Known, Sight};
use crate::written::meant;

/// Functions that authors of other tools look for, and that this language cannot have.
const NOT_REPEATABLE: &[&str] =
    &["now", "utcnow", "today", "timestamp", "env", "getenv", "lookup", "random", "uuid", "uuid4"];

/// One expression and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Inference<'a> {
    pub(super) sight: Sight<'a>,
    pub(super) at: Place<'a>,
}

/// The text an expression stands in.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In a runbook.
    Written(&'a Expression),
    /// In a template, whose own names are these.
    Template { source: Span, names: &'a [String] },
}

impl<'a> Sight<'a> {
    /// What is known of a written argument, all its expressions checked.
    pub(crate) fn argument(&self, argument: &Argument) -> Known {
        match &argument.node {
            Node::Plain { .. } | Node::Text(_) => shapes::of_scalar(argument).into(),
            Node::Expression(expression) => self.expression(expression),
            Node::Mixed(parts) => {
                let mut known = Known::from(Shape::Text);
                for part in parts {
                    if let Part::Expression(expression) = part {
                        known.sensitive |= self.expression(expression).sensitive;
                    }
                }
                known
            }
            Node::List(items) => {
                let items: Vec<Known> = items.iter().map(|item| self.argument(item)).collect();
                let sensitive = items.iter().any(|item| item.sensitive);
                let item = shapes::common(items.into_iter().map(|item| item.shape));
                Known { shape: Shape::List(Box::new(item)), sensitive }
            }
            Node::Map(entries) => {
                let members = entries
                    .iter()
                    .map(|entry| {
                        let known = self.argument(&entry.value);
                        (entry.key.clone(), Member { shape: known.shape, sensitive: known.sensitive })
                    })
                    .collect();
                Shape::Structure(Arc::new(Structure { name: "this map".into(), members })).into()
            }
            Node::Rendered { template, values } => {
                let known = self.argument(values);
                self.rendered(template, argument.span, values);
                Known { shape: Shape::Any, sensitive: known.sensitive }
            }
        }
    }

    /// What is known of an expression.
    pub(crate) fn expression(&self, expression: &Expression) -> Known {
        // One that is empty was complained about when it was read.
        if expression.source.is_empty() {
            return Known::default();
        }
        match self.unit.library.parsed(&expression.source).as_ref() {
            Ok(parsed) => Inference { sight: *self, at: Place::Written(expression) }.known(&parsed.root),
            Err(problem) => {
                let problem = problem.clone();
                let diagnostic =
                    Diagnostic::error(code::EXPRESSION_SYNTAX, expression.span(&problem.range), problem.message);
                self.complain(match problem.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic.help("write one minijinja expression, such as `inputs.name | lower`"),
                });
                Known::default()
            }
        }
    }

    pub(super) fn complain(&self, diagnostic: Diagnostic) {
        if self.notes.is_some() {
            self.unit.library.complain(diagnostic);
        }
    }
}

impl Inference<'_> {
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        match self.at {
            Place::Written(expression) => expression.span(range),
            Place::Template { source, .. } => source.part(range),
        }
    }

    pub(super) fn error(&self, code: &'static str, range: &Range<usize>, message: String, help: impl Into<String>) {
        self.sight.complain(Diagnostic::error(code, self.span(range), message).help(help));
    }

    pub(super) fn known(&self, expr: &Expr) -> Known {
        match &expr.kind {
            ExprKind::Name(name) => self.name(name, &expr.range),
            ExprKind::Member { base, name, at } => self.read(expr, base, name, at),
            ExprKind::Item { base, index } => match index.as_text() {
                Some(name) => self.read(expr, base, name, &index.range),
                None => self.item(base, index),
            },
            ExprKind::Slice { base, bounds } => {
                bounds.iter().for_each(|bound| drop(self.known(bound)));
                self.known(base)
            }
            ExprKind::Constant(value) => constant(value).into(),
            ExprKind::Filter { base, name, at, arguments } => self.filter(base.as_deref(), name, at, arguments),
            ExprKind::Test { base, name, at, arguments } => {
                let known = self.known(base);
                self.arguments(arguments);
                self.exists(code::TEST_UNKNOWN, "test", name, names::TESTS, at);
                Known { shape: Shape::Boolean, ..known }
            }
            ExprKind::Call { name, at, arguments } => self.call(name, at, arguments),
            ExprKind::Method { base, name, at, arguments } => self.method(base, name, at, arguments),
            ExprKind::Apply { base, arguments } => {
                self.arguments(arguments);
                let known = self.known(base);
                Known { shape: Shape::Any, ..known }
            }
            ExprKind::List(items) => {
                let items: Vec<Known> = items.iter().map(|item| self.known(item)).collect();
                let sensitive = items.iter().any(|item| item.sensitive);
                let item = shapes::common(items.into_iter().map(|item| item.shape));
                Known { shape: Shape::List(Box::new(item)), sensitive }
            }
            ExprKind::Map(entries) => {
                let mut members = Some(Structure { name: "this map".into(), ..Structure::default() });
                let mut sensitive = false;
                for (key, value) in entries {
                    self.known(key);
                    let known = self.known(value);
                    sensitive |= known.sensitive;
                    match (key.as_text(), &mut members) {
                        (Some(key), Some(structure)) => {
                            structure
                                .members
                                .insert(key.to_owned(), Member { shape: known.shape, sensitive: known.sensitive });
                        }
                        _ => members = None,
                    }
                }
                let shape = members.map_or(Shape::Any, |structure| Shape::Structure(Arc::new(structure)));
                Known { shape, sensitive }
            }
            ExprKind::Choice { test, then, otherwise } => {
                let test = self.known(test);
                let then = self.known(then);
                let otherwise = otherwise.as_ref().map(|otherwise| (self.known(otherwise), otherwise));
                let sensitive =
                    test.sensitive || then.sensitive || otherwise.as_ref().is_some_and(|(known, _)| known.sensitive);
                let shape = match &otherwise {
                    Some((known, expr)) => either(then.shape, known.shape.clone(), expr),
                    None => Shape::Any,
                };
                Known { shape, sensitive }
            }
            ExprKind::Either(left, right) => {
                let (first, second) = (self.known(left), self.known(right));
                let sensitive = first.sensitive || second.sensitive;
                Known { shape: either(first.shape, second.shape, right), sensitive }
            }
            ExprKind::Judgement(parts) => self.all(parts, Shape::Boolean),
            ExprKind::Concatenation(left, right) => {
                let sensitive = self.known(left).sensitive | self.known(right).sensitive;
                Known { shape: Shape::Text, sensitive }
            }
            ExprKind::Arithmetic(parts) => {
                let parts: Vec<Known> = parts.iter().map(|part| self.known(part)).collect();
                let sensitive = parts.iter().any(|part| part.sensitive);
                let list = parts.iter().any(|part| matches!(part.shape, Shape::List(_)));
                Known { shape: if list { Shape::List(Box::default()) } else { Shape::Any }, sensitive }
            }
        }
    }

    fn all(&self, parts: &[Expr], shape: Shape) -> Known {
        let mut sensitive = false;
        for part in parts {
            sensitive |= self.known(part).sensitive;
        }
        Known { shape, sensitive }
    }

    fn arguments(&self, arguments: &[Given]) -> bool {
        arguments.iter().fold(false, |sensitive, argument| self.known(argument.expr()).sensitive | sensitive)
    }

    /// Complains if there is no such filter, test, function or method.
    fn exists(&self, code: &'static str, what: &str, name: &str, known: &[&'static str], at: &Range<usize>) -> bool {
        let exists = known.contains(&name);
        if !exists {
            let help = meant(name, known.iter().copied(), &format!("`runbook explain {code}` lists every {what}"));
            self.error(code, at, format!("there is no {what} `{name}`"), help);
        }
        exists
    }

    fn filter(&self, base: Option<&Expr>, name: &str, at: &Range<usize>, arguments: &[Given]) -> Known {
        let known = base.map(|base| self.known(base)).unwrap_or_default();
        let sensitive = known.sensitive | self.arguments(arguments);
        if !self.exists(code::FILTER_UNKNOWN, "filter", name, names::FILTERS, at) {
            return Known { shape: Shape::Any, sensitive };
        }
        if name == "jmespath" {
            self.query(arguments);
        }
        let items = match known.shape.resolved() {
            Shape::List(item) => Some(*item),
            _ => None,
        };
        let attribute = arguments.iter().find_map(|argument| match argument {
            Given::Named(given, expr) if given == "attribute" => Some(expr),
            Given::Placed(expr) if matches!(name, "selectattr" | "rejectattr") => Some(expr),
            _ => None,
        });
        let of_attribute = attribute.and_then(|expr| {
            let path = expr.as_text()?;
            let mut item = Known { shape: items.clone()?, sensitive: false };
            for part in path.split(['.', ',']).map(str::trim) {
                if part.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                item = self.member(&item, part, &expr.range);
            }
            Some(item)
        });
        let shape = match name {
            "first" | "last" | "min" | "max" => items.unwrap_or_default(),
            "map" => {
                let item = of_attribute.as_ref().map(|known| known.shape.clone()).unwrap_or_default();
                Shape::List(Box::new(item))
            }
            "selectattr" | "rejectattr" | "select" | "reject" | "sort" | "unique" | "reverse" | "list" => {
                Shape::List(Box::new(items.unwrap_or_default()))
            }
            "default" | "d" => known.shape,
            "length" | "count" | "abs" | "int" | "float" | "round" => Shape::Number,
            "bool" => Shape::Boolean,
            "join" | "lower" | "upper" | "title" | "capitalize" | "trim" | "string" | "replace" | "indent"
            | "to_json" | "tojson" | "to_yaml" | "b64encode" | "b64decode" | "sha256" | "urlencode" | "format" => {
                Shape::Text
            }
            "split" | "lines" => Shape::List(Box::new(Shape::Text)),
            "to_tags" | "batch" | "items" | "dictsort" | "zip" => Shape::List(Box::default()),
            _ => Shape::Any,
        };
        let sensitive = sensitive | of_attribute.is_some_and(|known| known.sensitive);
        Known { shape, sensitive }
    }

    /// A literal JMESPath query.
    fn query(&self, arguments: &[Given]) {
        let Some((text, range)) =
            arguments.first().and_then(|argument| Some((argument.expr().as_text()?, &argument.expr().range)))
        else {
            return;
        };
        match Query::compile(text) {
            Err(error) => {
                let help = "the syntax is that of jmespath.org; literal texts stand in single quotes or backticks";
                self.error(code::QUERY_WRONG, range, format!("the JMESPath query is wrong: {error}"), help);
            }
            Ok(query) if query.misleading_not() => {
                let message = "`!` covers only the name behind it: `!a.b` means `(!a).b`";
                self.sight
                    .complain(Diagnostic::warning(code::QUERY_NOT, self.span(range), message).help("write `!(a.b)`"));
            }
            Ok(_) => {}
        }
    }

    fn call(&self, name: &str, at: &Range<usize>, arguments: &[Given]) -> Known {
        let sensitive = self.arguments(arguments);
        let known: Vec<&'static str> = match self.at {
            Place::Written(_) => names::FUNCTIONS.to_vec(),
            Place::Template { names: own, .. } => {
                if own.iter().any(|bound| bound == name) {
                    return Known { shape: Shape::Any, sensitive };
                }
                [names::FUNCTIONS, names::TEMPLATE_FUNCTIONS].concat()
            }
        };
        if !known.contains(&name) && names::FILTERS.contains(&name) {
            let help = format!("`{name}` is a filter: write `value | {name}`");
            self.error(code::FUNCTION_UNKNOWN, at, format!("there is no function `{name}`"), help);
            return Known { shape: Shape::Any, sensitive };
        }
        if NOT_REPEATABLE.contains(&name) {
            let help = "expressions know no clock, environment, files or randomness, so that a resumed run computes the same; \
                        `run.started_at` is when the run began";
            self.error(code::FUNCTION_UNKNOWN, at, format!("there is no function `{name}`"), help);
            return Known { shape: Shape::Any, sensitive };
        }
        self.exists(code::FUNCTION_UNKNOWN, "function", name, &known, at);
        let shape = match name {
            "template" => {
                self.template_call(arguments, at);
                Shape::Text
            }
            "range" => Shape::List(Box::new(Shape::Number)),
            _ => Shape::Any,
        };
        Known { shape, sensitive }
    }

    fn method(&self, base: &Expr, name: &str, at: &Range<usize>, arguments: &[Given]) -> Known {
        let of = self.known(base);
        let sensitive = of.sensitive | self.arguments(arguments);
        // In a template it may be a macro of an imported one.
        if matches!(self.at, Place::Written(_))
            && !self.exists(code::METHOD_UNKNOWN, "method", name, names::METHODS, at)
        {
            return Known { shape: Shape::Any, sensitive };
        }
        let value = match of.shape.resolved() {
            Shape::Map(value) => *value,
            _ => Shape::Any,
        };
        let shape = match name {
            "values" => Shape::List(Box::new(value)),
            "get" => value,
            "keys" | "split" | "splitlines" => Shape::List(Box::new(Shape::Text)),
            "items" => Shape::List(Box::default()),
            "lower" | "upper" | "strip" | "lstrip" | "rstrip" | "replace" | "title" | "capitalize" | "join" => {
                Shape::Text
            }
            "startswith" | "endswith" => Shape::Boolean,
            _ => Shape::Any,
        };
        Known { shape, sensitive }
    }
}

fn constant(value: &Value) -> Shape {
    match value {
        Value::Bool(_) => Shape::Boolean,
        Value::Number(_) => Shape::Number,
        Value::String(_) => Shape::Text,
        Value::List(_) => Shape::List(Box::default()),
        _ => Shape::Any,
    }
}

/// The shape of one or the other; nothing and emptiness do not count.
fn either(first: Shape, second: Shape, other: &Expr) -> Shape {
    let empty = match &other.kind {
        ExprKind::Constant(value) => value.is_null(),
        ExprKind::List(items) => items.is_empty(),
        ExprKind::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if empty { first } else { shapes::common([first, second]) }
}
