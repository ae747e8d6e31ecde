//! XML bodies.
//!
//! This file decides how a value of the model is written as XML: members in the model's order, which some services insist on.
//! It must not know any operation.

use std::borrow::Cow;

use runbook_model::value::{Map, Value};

use super::text;
use crate::definition::{Kind, Namespace};
use crate::member::Member;
use crate::timestamp::Format;

/// A document whose root is this member.
pub(super) fn document(member: Member<'_>, value: &Value) -> Vec<u8> {
    let mut xml = String::new();
    element(member, value, member.wire_name().unwrap_or(&member.reference.shape), &mut xml);
    xml.into_bytes()
}

fn element(member: Member<'_>, value: &Value, name: &str, xml: &mut String) {
    match (member.kind(), value) {
        (_, Value::Null) => {}
        (Kind::Structure, Value::Map(map)) => structure(member, map, name, xml),
        (Kind::List, Value::List(items)) => {
            let item = member.item();
            if member.is_flattened() {
                items.iter().for_each(|value| element(item, value, name, xml));
            } else {
                open(name, &namespace(member), xml);
                items.iter().for_each(|value| element(item, value, item.wire_name().unwrap_or("member"), xml));
                close(name, xml);
            }
        }
        (Kind::Map, Value::Map(map)) => {
            let (key, part) = (member.key(), member.value());
            let entry = if member.is_flattened() { name } else { "entry" };
            if !member.is_flattened() {
                open(name, &namespace(member), xml);
            }
            for (found, value) in map {
                open(entry, "", xml);
                element(key, &found.as_str().into(), key.wire_name().unwrap_or("key"), xml);
                element(part, value, part.wire_name().unwrap_or("value"), xml);
                close(entry, xml);
            }
            if !member.is_flattened() {
                close(name, xml);
            }
        }
        _ => {
            open(name, &namespace(member), xml);
            escape(&text::scalar(member, value, Format::Iso8601), xml);
            close(name, xml);
        }
    }
}

fn structure(member: Member<'_>, map: &Map, name: &str, xml: &mut String) {
    let (mut attributes, mut inner) = (namespace(member), String::new());
    for (own, part) in member.members() {
        let Some(value) = map.get(own) else { continue };
        let wire = part.wire_name().unwrap_or(own);
        if part.reference.xml_attribute {
            attribute(wire, &text::scalar(part, value, Format::Iso8601), &mut attributes);
        } else {
            element(part, value, wire, &mut inner);
        }
    }
    open(name, &attributes, xml);
    xml.push_str(&inner);
    close(name, xml);
}

fn namespace(member: Member<'_>) -> String {
    let mut declared = String::new();
    match member.namespace() {
        Some(Namespace::Address(uri) | Namespace::Full { uri, prefix: None }) => attribute("xmlns", uri, &mut declared),
        Some(Namespace::Full { uri, prefix: Some(prefix) }) => {
            attribute(&format!("xmlns:{prefix}"), uri, &mut declared);
        }
        None => {}
    }
    declared
}

fn open(name: &str, attributes: &str, xml: &mut String) {
    xml.extend(["<", name, attributes, ">"]);
}

fn close(name: &str, xml: &mut String) {
    xml.extend(["</", name, ">"]);
}

fn attribute(name: &str, value: &str, xml: &mut String) {
    xml.extend([" ", name, "=\""]);
    for c in value.chars() {
        match c {
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#xA;"),
            '\t' => xml.push_str("&#x9;"),
            other => xml.push_str(&escaped(other)),
        }
    }
    xml.push('"');
}

fn escape(text: &str, xml: &mut String) {
    for c in text.chars() {
        xml.push_str(&escaped(c));
    }
}

/// What a parser would take for markup, or turn into a line feed.
fn escaped(c: char) -> Cow<'static, str> {
    match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '\r' => "&#xD;".into(),
        '\u{85}' => "&#x85;".into(),
        '\u{2028}' => "&#x2028;".into(),
        other => other.to_string().into(),
    }
}
