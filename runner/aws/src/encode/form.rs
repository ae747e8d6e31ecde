//! Forms: the query protocol and EC2's own flavour of it.
//!
//! | | query | EC2 |
//! | --- | --- | --- |
//! | a name on the wire | `locationName` | `queryName`, else the same with a capital first letter |
//! | a list | `Name.member.1`, flattened `Name.1` | `Name.1` |
//! | an empty list | `Name=` | nothing |
//!
//! This file decides the names of form fields. It must not know any operation.

use runbook_model::value::{Map, Value};

use super::{Draft, text};
use crate::definition::Kind;
use crate::member::Member;
use crate::operation::Operation;
use crate::percent::encode;
use crate::timestamp::Format;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Query,
    Ec2,
}

pub(super) fn draft(operation: &Operation, params: &Map, flavour: Flavour) -> Draft {
    let version = operation.service().metadata().api_version.clone();
    let mut form = Form { flavour, fields: Vec::new() };
    form.fields.push(("Action".to_owned(), operation.name().to_owned()));
    form.fields.push(("Version".to_owned(), version));
    if let Some(input) = operation.input() {
        form.structure(input, params, "");
    }
    let fields: Vec<String> =
        form.fields.iter().map(|(name, value)| format!("{}={}", encode(name, ""), encode(value, ""))).collect();
    let mut draft = Draft { path: "/".to_owned(), body: fields.join("&").into_bytes(), ..Draft::default() };
    draft.header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    draft
}

struct Form {
    flavour: Flavour,
    fields: Vec<(String, String)>,
}

impl Form {
    fn structure(&mut self, member: Member<'_>, map: &Map, prefix: &str) {
        for (name, part) in member.members() {
            if let Some(value) = map.get(name) {
                let field = join(prefix, &self.name(part, name));
                self.value(part, value, &field);
            }
        }
    }

    fn value(&mut self, member: Member<'_>, value: &Value, field: &str) {
        match (member.kind(), value) {
            (_, Value::Null) => {}
            (Kind::Structure, Value::Map(map)) => self.structure(member, map, field),
            (Kind::List, Value::List(items)) => self.list(member, items, field),
            (Kind::Map, Value::Map(map)) => {
                let base = if member.is_flattened() { field.to_owned() } else { format!("{field}.entry") };
                for (number, (key, value)) in (1..).zip(map) {
                    let key_field = format!("{base}.{number}.{}", self.name(member.key(), "key"));
                    self.fields.push((key_field, key.clone()));
                    let value_field = format!("{base}.{number}.{}", self.name(member.value(), "value"));
                    self.value(member.value(), value, &value_field);
                }
            }
            _ => self.fields.push((field.to_owned(), text::scalar(member, value, Format::Iso8601))),
        }
    }

    fn list(&mut self, member: Member<'_>, items: &[Value], field: &str) {
        let item = member.item();
        let base = match (self.flavour, item.wire_name()) {
            (Flavour::Ec2, _) => field.to_owned(),
            (Flavour::Query, _) if items.is_empty() => {
                self.fields.push((field.to_owned(), String::new()));
                return;
            }
            (Flavour::Query, name) if !member.is_flattened() => format!("{field}.{}", name.unwrap_or("member")),
            // The items of a flattened list may have a name of their own; it stands in the place of the list's.
            (Flavour::Query, Some(name)) => join(field.rsplit_once('.').map_or("", |(parent, _)| parent), name),
            (Flavour::Query, None) => field.to_owned(),
        };
        for (number, value) in (1..).zip(items) {
            self.value(item, value, &format!("{base}.{number}"));
        }
    }

    fn name(&self, member: Member<'_>, own: &str) -> String {
        if self.flavour == Flavour::Query {
            return member.wire_name().unwrap_or(own).to_owned();
        }
        if let Some(name) = &member.reference.query_name {
            return name.clone();
        }
        let mut letters = member.wire_name().unwrap_or(own).chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
