//! What is known of declared inputs and of what is written out.
//!
//! This file decides the shapes of types and literals. It must not know expressions.

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Node};
use runbook_model::input::{BaseType, InputDeclaration, InputType};
use runbook_model::shape::{Member, Shape, Structure};
use runbook_model::source::Span;
use runbook_model::value::Value;
use std::sync::Arc;

/// The name of the structure that `inputs` is.
pub(super) const INPUTS: &str = "inputs";

/// `inputs`.
pub(super) fn of_inputs(inputs: &IndexMap<String, (Span, InputDeclaration)>) -> Shape {
    let members = inputs.iter().map(|(name, (_, declaration))| (name.clone(), member(declaration))).collect();
    Shape::Structure(Arc::new(Structure { name: INPUTS.into(), members }))
}

fn member(declaration: &InputDeclaration) -> Member {
    Member { shape: of_type(&declaration.kind), sensitive: declaration.secret }
}

fn of_type(kind: &InputType) -> Shape {
    let inner = |declaration: &Option<Box<InputDeclaration>>| {
        Box::new(declaration.as_ref().map_or(Shape::Any, |declaration| of_type(&declaration.kind)))
    };
    match kind.base {
        BaseType::String | BaseType::Duration | BaseType::Path => Shape::Text,
        BaseType::Integer | BaseType::Number => Shape::Number,
        BaseType::Boolean => Shape::Boolean,
        BaseType::List => Shape::List(inner(&kind.items)),
        BaseType::Map => match (&kind.properties, &kind.values) {
            (Some(properties), None) => {
                let members = properties.iter().map(|(name, of)| (name.clone(), member(of))).collect();
                Shape::Structure(Arc::new(Structure { name: "this map".into(), members }))
            }
            (None, Some(_)) => Shape::Map(inner(&kind.values)),
            _ => Shape::Any,
        },
        BaseType::Any => Shape::Any,
    }
}

/// A scalar that is written out.
pub(super) fn of_scalar(argument: &Argument) -> Shape {
    match &argument.node {
        Node::Plain { value: Value::Bool(_), .. } => Shape::Boolean,
        Node::Plain { value: Value::Number(_), .. } => Shape::Number,
        Node::Text(_) | Node::Mixed(_) => Shape::Text,
        _ => Shape::Any,
    }
}

/// What all of them are, if they are all the same simple thing.
pub(super) fn common(shapes: impl IntoIterator<Item = Shape>) -> Shape {
    let mut shapes = shapes.into_iter();
    let first = shapes.next().unwrap_or_default();
    let same = |a: &Shape, b: &Shape| match (a, b) {
        (Shape::Text, Shape::Text) | (Shape::Number, Shape::Number) | (Shape::Boolean, Shape::Boolean) => true,
        (Shape::Structure(a), Shape::Structure(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    if shapes.all(|shape| same(&first, &shape)) && !matches!(first, Shape::Any) { first } else { Shape::Any }
}
