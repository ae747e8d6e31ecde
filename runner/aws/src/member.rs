//! A member with its shape: what a reference and the shape behind it say together.
//!
//! This file decides which of the two counts (the reference's word wins). It must not know any protocol.

use crate::definition::{JsonText, Kind, Location, Namespace, Reference, Shape};
use crate::service::Service;

/// A reference and the shape it leads to. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) service: &'a Service,
    pub(crate) reference: &'a Reference,
    pub(crate) shape: &'a Shape,
}

impl<'a> Member<'a> {
    pub(crate) fn kind(&self) -> Kind {
        self.shape.kind
    }

    /// The name on the wire, if it is not the member's own.
    pub(crate) fn wire_name(&self) -> Option<&'a str> {
        self.reference.location_name.as_deref().or(self.shape.location_name.as_deref())
    }

    pub(crate) fn location(&self) -> Option<Location> {
        self.reference.location
    }

    pub(crate) fn is_flattened(&self) -> bool {
        self.reference.flattened || self.shape.flattened
    }

    pub(crate) fn timestamp_format(&self) -> Option<&'a str> {
        self.reference.timestamp_format.as_deref().or(self.shape.timestamp_format.as_deref())
    }

    pub(crate) fn namespace(&self) -> Option<&'a Namespace> {
        self.reference.xml_namespace.as_ref().or(self.shape.xml_namespace.as_ref())
    }

    pub(crate) fn choices(&self) -> &'a [String] {
        if self.reference.choices.is_empty() { &self.shape.choices } else { &self.reference.choices }
    }

    /// JSON of any form, carried as a header or as text.
    pub(crate) fn is_json_value(&self) -> bool {
        self.reference.jsonvalue || self.shape.jsonvalue
    }

    /// JSON of any form in a JSON body.
    pub(crate) fn is_document(&self) -> bool {
        self.shape.document
    }

    pub(crate) fn is_sensitive(&self) -> bool {
        self.reference.sensitive || self.shape.sensitive
    }

    pub(crate) fn is_event_stream(&self) -> bool {
        self.reference.eventstream || self.shape.eventstream
    }

    pub(crate) fn json_text(&self) -> Option<JsonText> {
        self.reference.json_text
    }

    /// What is wanted here, as people say it.
    pub(crate) fn wanted(&self) -> &'static str {
        if self.is_document() || self.is_json_value() {
            return "any value";
        }
        match self.kind() {
            Kind::Structure | Kind::Map => "a map",
            Kind::List => "a list",
            Kind::Boolean => "true or false",
            Kind::Blob => "base64 text",
            Kind::Timestamp => "a time such as `2026-11-22T10:00:00Z`",
            kind if kind.is_whole_number() => "a whole number",
            kind if kind.is_fraction() => "a number",
            _ => "text",
        }
    }

    /// The member of a structure by its name in the API.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        self.shape.members.get(name).map(|reference| self.service.member(reference))
    }

    /// The members of a structure with their names, in the model's order.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let service = self.service;
        self.shape.members.iter().map(move |(name, reference)| (name.as_str(), service.member(reference)))
    }

    /// The member that is the whole body, if the structure names one.
    pub(crate) fn payload(&self) -> Option<(&'a str, Self)> {
        let name = self.shape.payload.as_deref()?;
        Some((name, self.get(name)?))
    }

    /// What a list holds.
    pub(crate) fn item(&self) -> Self {
        self.service.part(self.shape.member.as_deref())
    }

    /// What the keys of a map are.
    pub(crate) fn key(&self) -> Self {
        self.service.part(self.shape.key.as_deref())
    }

    /// What the values of a map are.
    pub(crate) fn value(&self) -> Self {
        self.service.part(self.shape.value.as_deref())
    }
}
