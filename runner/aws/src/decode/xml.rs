//! XML bodies of answers.
//!
//! This file decides how XML is read by the model: by local names, attributes included. A flattened list is several elements
//! beside each other, so what is read is always a slice of elements. What the model does not know is left out.

use std::convert::Infallible;

use indexmap::IndexMap;
use roxmltree::{Document, Node};
use runbook_model::value::{Map, Value};

use super::{marked, structure, text};
use crate::definition::{Kind, Location};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Protocol;

/// The result of a form's answer.
///
/// # Errors
/// It is not XML.
pub(super) fn result(
    operation: &Operation,
    protocol: Protocol,
    output: Member<'_>,
    body: &[u8],
) -> Result<Value, String> {
    let Some(xml) = utf8(body)? else { return Ok(members(output, None)) };
    let document = parse(xml)?;
    let root = document.root_element();
    let wrapper = output.reference.result_wrapper.clone();
    let wrapped = match (protocol, &wrapper) {
        (Protocol::Query, Some(name)) => child(root, name),
        (Protocol::Query, None) => child(root, &format!("{}Result", operation.name())).or(Some(root)),
        _ => Some(root),
    };
    Ok(members(output, wrapped))
}

/// A body as the member it is.
///
/// # Errors
/// It is not XML.
pub(super) fn body(member: Member<'_>, body: &[u8]) -> Result<Value, String> {
    let Some(xml) = utf8(body)? else { return Ok(members(member, None)) };
    let document = parse(xml)?;
    let root = document.root_element();
    Ok(if member.shape.unwrapped {
        let find = |_: &str, part: Member<'_>| {
            let found = Some(words(root)).filter(|words| !words.is_empty());
            Ok::<_, Infallible>(found.map(|words| text::scalar(part, &words)))
        };
        let Ok(read) = structure(member, find);
        read
    } else {
        value(member, &[root])
    })
}

/// The text between the last of two marks, without reading the whole document.
pub(super) fn between(body: &[u8], start: &str, end: &str) -> Option<String> {
    let (_, rest) = std::str::from_utf8(body).ok()?.rsplit_once(start)?;
    rest.split_once(end).map(|(text, _)| text.to_owned())
}

/// The text of a body; `None` for an empty one.
pub(super) fn utf8(body: &[u8]) -> Result<Option<&str>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

pub(super) fn parse(xml: &str) -> Result<Document<'_>, String> {
    Document::parse(xml).map_err(|error| format!("it is not XML ({error})"))
}

/// The first child of that local name.
pub(super) fn child<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The text directly inside an element.
pub(super) fn words(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

/// A structure from its element; `None` for one that was not sent at all.
pub(super) fn members(member: Member<'_>, element: Option<Node<'_, '_>>) -> Value {
    let mut by_name: IndexMap<&str, Vec<Node<'_, '_>>> = IndexMap::new();
    for child in element.iter().flat_map(Node::children).filter(Node::is_element) {
        by_name.entry(child.tag_name().name()).or_default().push(child);
    }
    let find = |name: &str, part: Member<'_>| {
        // Members of REST answers that travel in headers are read there.
        if matches!(part.location(), Some(Location::Header | Location::Headers | Location::StatusCode)) {
            return Ok::<_, Infallible>(None);
        }
        let wire = part.wire_name().unwrap_or(name);
        if part.reference.xml_attribute {
            let local = wire.rsplit(':').next().unwrap_or(wire);
            let found = element.and_then(|element| element.attributes().find(|a| a.name() == local));
            return Ok(found.map(|attribute| text::scalar(part, attribute.value())));
        }
        // The items of a flattened list may have a name of their own; not all services that say so keep to it.
        let flattened = part.kind() == Kind::List && part.is_flattened();
        let item = if flattened { part.item().wire_name().and_then(|name| by_name.get(name)) } else { None };
        Ok(item.or_else(|| by_name.get(wire)).map(|elements| value(part, elements)))
    };
    let Ok(read) = structure(member, find);
    read
}

fn value(member: Member<'_>, elements: &[Node<'_, '_>]) -> Value {
    // Callers have found at least one.
    let Some(first) = elements.first().copied() else { return Value::Null };
    match member.kind() {
        Kind::Structure => members(member, Some(first)),
        Kind::List => {
            let item = member.item();
            let items: Vec<Node<'_, '_>> = if member.is_flattened() { elements.to_vec() } else { inside(first) };
            Value::List(items.into_iter().map(|element| marked(item, value(item, &[element]))).collect())
        }
        Kind::Map => {
            let entries = if member.is_flattened() { elements.to_vec() } else { inside(first) };
            Value::Map(entries.into_iter().filter_map(|entry| pair(member, entry)).collect::<Map>())
        }
        _ => text::scalar(member, &words(first)),
    }
}

fn inside<'a, 'd>(node: Node<'a, 'd>) -> Vec<Node<'a, 'd>> {
    node.children().filter(Node::is_element).collect()
}

/// An entry of a map.
fn pair(member: Member<'_>, entry: Node<'_, '_>) -> Option<(String, Value)> {
    let (key, part) = (member.key(), member.value());
    let name = words(child(entry, key.wire_name().unwrap_or("key"))?);
    let found = child(entry, part.wire_name().unwrap_or("value"));
    Some((name, found.map_or(Value::Null, |element| marked(part, value(part, &[element])))))
}
