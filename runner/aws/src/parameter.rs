//! What an operation takes, for people: names, types, what is required, which values are known.
//!
//! This file decides what is told of a parameter. It must not check any.

use std::sync::Arc;

use crate::definition::{Kind, Reference};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Service;

/// One parameter of an operation, or one part of one.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the API.
    pub name: String,
    /// Must it be given?
    pub required: bool,
    /// Does the tool fill it in?
    pub is_token: bool,
    /// Does the model call it deprecated?
    pub deprecated: bool,
    service: Arc<Service>,
    reference: Reference,
}

impl Parameter {
    pub(crate) fn all(operation: &Operation) -> Vec<Self> {
        operation.input().map(|input| members(operation.service(), input)).unwrap_or_default()
    }

    fn new(service: &Arc<Service>, name: &str, member: Member<'_>, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            required,
            is_token: member.reference.idempotency_token,
            deprecated: member.reference.deprecated,
            service: Arc::clone(service),
            reference: member.reference.clone(),
        }
    }

    fn member(&self) -> Member<'_> {
        self.service.member(&self.reference)
    }

    /// What is wanted, as people say it: `text`, `a list`, …
    #[must_use]
    pub fn wanted(&self) -> &'static str {
        self.member().wanted()
    }

    /// The values that the model knows; empty for anything. Services learn new ones before their models do.
    #[must_use]
    pub fn choices(&self) -> &[String] {
        let reference = &self.reference;
        if reference.choices.is_empty() { &self.service.member(reference).shape.choices } else { &reference.choices }
    }

    /// Is it a secret?
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.member().is_sensitive()
    }

    /// The members of a structure; of a list or a map, what it holds, under the name `[]` or `{}`.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let member = self.member();
        match member.kind() {
            Kind::Structure if !member.is_document() => members(&self.service, member),
            Kind::List => vec![Self::new(&self.service, "[]", member.item(), false)],
            Kind::Map => vec![Self::new(&self.service, "{}", member.value(), false)],
            _ => Vec::new(),
        }
    }
}

fn members(service: &Arc<Service>, structure: Member<'_>) -> Vec<Parameter> {
    let required = &structure.shape.required;
    structure
        .members()
        .map(|(name, member)| Parameter::new(service, name, member, required.iter().any(|r| r == name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::catalog;

    #[test]
    fn a_call_is_told_from_the_outside_in() {
        let all = catalog().service("eks").unwrap().operation("CreateNodegroup").unwrap().parameters();
        let find = |all: &[Parameter], name: &str| all.iter().find(|p| p.name == name).cloned().unwrap();
        let subnets = find(&all, "subnets");
        assert!(subnets.required);
        assert_eq!((subnets.wanted(), subnets.parts()[0].wanted()), ("a list", "text"));
        assert!(find(&all, "clientRequestToken").is_token);
        assert!(find(&all, "amiType").choices().contains(&"AL2023_x86_64_STANDARD".to_owned()));
        let scaling = find(&all, "scalingConfig");
        assert_eq!(find(&scaling.parts(), "minSize").wanted(), "a whole number");
    }
}
