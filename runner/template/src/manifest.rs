//! Rendered manifests: a template becomes a list of YAML documents.
//!
//! This file decides which scalars of a manifest are secret: those that come out differently when the secrets are others.
//! If the other secrets change the shape, or break the template, all of it is secret. It must not know Kubernetes.

use std::sync::Arc;

use minijinja::OutputSpan;
use runbook_model::value::{Map, Value};

use crate::altered::altered;
use crate::evaluate::{Evaluator, Fault, line_column};
use crate::scope::{Name, Scope};
use crate::trouble::Trouble;
use crate::view::Reads;
use crate::yaml;

/// The largest text a template may render for a manifest.
const MOST_BYTES: usize = 4 << 20;

impl Evaluator {
    /// The documents of a rendered template, a list.
    pub(crate) fn manifest(&self, template: &str, values: &Value) -> Result<Value, Trouble> {
        let (documents, secret) = self.documents(template, values)?;
        if !secret {
            return Ok(Value::List(documents));
        }
        let documents = Value::List(documents);
        Ok(match self.documents(template, &altered(values)) {
            Ok((others, _)) => marked(documents, &Value::List(others)),
            Err(_) => documents.into_secret(),
        })
    }

    /// The documents, and whether a secret was read for them.
    fn documents(&self, template: &str, values: &Value) -> Result<(Vec<Value>, bool), Trouble> {
        let map = match values.peeled() {
            Value::Map(map) => map.clone(),
            Value::Null => Map::new(),
            other => {
                return Err(Trouble::new(format!("`values` is {}, not a map", other.type_name())));
            }
        };
        let whole = matches!(values, Value::Secret(_));
        let mut scope = Scope::new();
        for (name, value) in map {
            scope.insert(name, Name::Value(if whole { value.into_secret() } else { value }));
        }
        let reads = Arc::new(Reads::default());
        let (text, spans) = self
            .environment
            .get_template(template)
            .and_then(|found| found.render_with_spans(scope.root(reads.clone())))
            .map_err(|error| {
                let Fault { mut trouble, .. } = self.fault(&error, None, &scope, &reads);
                trouble.file.get_or_insert_with(|| template.to_owned());
                *trouble
            })?;
        let secret = reads.secret();
        if text.len() > MOST_BYTES {
            let message = format!("the rendered text has {} bytes, at most {MOST_BYTES} are allowed", text.len());
            return Err(Trouble { file: Some(template.to_owned()), ..Trouble::new(message) });
        }
        let documents = yaml::documents(&text).map_err(|error| {
            let words = if secret { "details are withheld, for a secret was read" } else { &error.message };
            let message = format!("the rendered text is not YAML: {words}");
            self.behind(template, &text, &spans, error.range.start, message)
        })?;
        Ok((documents, secret))
    }

    /// A trouble at the place of the template that rendered this byte.
    fn behind(&self, template: &str, text: &str, spans: &[OutputSpan], at: usize, message: String) -> Trouble {
        let line = text.get(..at).and_then(|before| before.rsplit('\n').next()).map_or(at, |line| at - line.len());
        let rest = text.get(line..).unwrap_or_default().lines().next().unwrap_or_default().trim();
        let mut trouble = Trouble { file: Some(template.to_owned()), ..Trouble::new(message) };
        let behind = spans.iter().rev().find(|span| span.output_range().start <= at);
        if let Some((span, source)) = behind.and_then(|span| Some((span, self.original(span.name())?))) {
            trouble.file = Some(span.name().to_owned());
            let mut from = source.1.original(span.source_range()).start;
            if span.kind() == minijinja::OutputSpanKind::Raw {
                from += at - span.output_range().start;
            }
            (trouble.line, trouble.column) = line_column(source.0, from.min(source.0.len()));
        }
        if !trouble.message.contains("withheld") && !rest.is_empty() && rest.chars().count() <= 120 {
            trouble.help = Some(format!("the rendered line is `{rest}`"));
        }
        trouble
    }
}

/// A value whose parts are secret where they differ from the other one.
fn marked(value: Value, other: &Value) -> Value {
    match (value, other) {
        (Value::List(items), Value::List(others)) if items.len() == others.len() => {
            Value::List(items.into_iter().zip(others).map(|(item, other)| marked(item, other)).collect())
        }
        (Value::Map(map), Value::Map(others)) if map.keys().eq(others.keys()) => Value::Map(
            map.into_iter().zip(others.values()).map(|((key, item), other)| (key, marked(item, other))).collect(),
        ),
        (value, other) if value == *other => value,
        (value, _) => value.into_secret(),
    }
}
