//! How far an apply has come, as a journal keeps it between two calls.
//!
//! This file decides the form of that record; fields are only ever added. It must not act on it.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::value::{Map, Value};

use crate::kubernetes::object::Object;
use crate::ports::{ObjectName, Resource};

/// The objects applied so far, in the order of applying.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    pub(super) done: Vec<Done>,
    /// What the server warned of.
    pub(super) warnings: Vec<String>,
}

/// One applied object.
#[derive(Debug)]
pub(super) struct Done {
    /// Which object.
    pub(super) object: ObjectName,
    /// How it came about.
    pub(super) origin: Origin,
    /// The former values of the fields that were set.
    pub(super) former: Option<Value>,
    /// Was it ready when it was last looked at?
    pub(super) ready: bool,
    /// The object as this call saw it last; not in the journal.
    pub(super) seen: Option<Value>,
}

const ORIGINS: [(Origin, &str); 3] =
    [(Origin::Created, "created"), (Origin::Changed, "changed"), (Origin::Unchanged, "unchanged")];

impl Ticket {
    /// For the journal.
    pub(super) fn written(&self) -> Value {
        let done = self.done.iter().map(|done| {
            let mut entry = done.identity();
            let resource = &done.object.resource;
            entry.insert("plural".into(), Value::from(resource.plural.as_str()));
            entry.insert("namespaced".into(), Value::from(resource.namespaced));
            entry.insert("ready".into(), Value::from(done.ready));
            entry.insert("former".into(), done.former.clone().unwrap_or_default());
            Value::Map(entry)
        });
        let warnings = self.warnings.iter().map(|warning| Value::from(warning.as_str()));
        Value::Map(Map::from_iter([
            ("done".to_owned(), Value::List(done.collect())),
            ("warnings".to_owned(), Value::List(warnings.collect())),
        ]))
    }

    /// From the journal.
    ///
    /// # Errors
    /// `unknown` if this is no ticket of this kind.
    pub(super) fn read(ticket: &Value) -> Result<Self, Failure> {
        let done = Object(ticket).items(&["done"]).iter().map(|entry| {
            let entry = Object(entry);
            let text = |key: &str| entry.text(&[key]).map(str::to_owned);
            let origin = ORIGINS.iter().find(|(_, name)| entry.text(&["origin"]) == Some(*name))?.0;
            let flag = |key: &str| entry.at(&[key]).and_then(Value::as_bool);
            let resource = Resource {
                api_version: text("apiVersion")?,
                kind: text("kind")?,
                plural: text("plural")?,
                namespaced: flag("namespaced")?,
            };
            Some(Done {
                object: ObjectName { resource, namespace: text("namespace"), name: text("name")? },
                origin,
                former: entry.at(&["former"]).cloned(),
                ready: flag("ready")?,
                seen: None,
            })
        });
        let done = done.collect::<Option<_>>().ok_or_else(|| {
            Failure::new(FailureClass::Unknown, "the journal's note on how far the apply had come cannot be read")
        })?;
        let warnings = Object(ticket).items(&["warnings"]).iter().filter_map(Value::as_str).map(str::to_owned);
        Ok(Self { done, warnings: warnings.collect() })
    }

    /// How the whole step came about.
    pub(super) fn origin(&self) -> Origin {
        let any = |origin| self.done.iter().any(|done| done.origin == origin);
        if any(Origin::Created) {
            Origin::Created
        } else if any(Origin::Changed) {
            Origin::Changed
        } else {
            Origin::Unchanged
        }
    }

    /// What an undo needs: which objects this step made, and what those it changed held before.
    pub(super) fn before(&self) -> Option<Value> {
        let touched = self.done.iter().filter(|done| done.origin != Origin::Unchanged).map(|done| {
            let mut entry = done.identity();
            if let Some(former) = &done.former {
                entry.insert("former".into(), former.clone());
            }
            Value::Map(entry)
        });
        let touched: Vec<Value> = touched.collect();
        (!touched.is_empty()).then_some(Value::List(touched))
    }
}

impl Done {
    fn identity(&self) -> Map {
        let origin = ORIGINS.iter().find(|(origin, _)| *origin == self.origin).map_or("unchanged", |(_, name)| *name);
        let namespace = self.object.namespace.as_deref().map_or(Value::Null, Value::from);
        Map::from_iter([
            ("apiVersion".to_owned(), Value::from(self.object.resource.api_version.as_str())),
            ("kind".to_owned(), Value::from(self.object.resource.kind.as_str())),
            ("namespace".to_owned(), namespace),
            ("name".to_owned(), Value::from(self.object.name.as_str())),
            ("origin".to_owned(), Value::from(origin)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::record::{decode, encode};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ticket_survives_the_journal() {
        let resource = Resource {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
        };
        let done = |namespace: Option<&str>, origin, former: Option<Value>| Done {
            object: ObjectName {
                resource: resource.clone(),
                namespace: namespace.map(str::to_owned),
                name: "web".into(),
            },
            origin,
            former,
            ready: true,
            seen: None,
        };
        let ticket = Ticket {
            done: vec![
                done(Some("shop"), Origin::Changed, Some(json!({"spec": {"replicas": 1}}).into())),
                done(None, Origin::Unchanged, None),
            ],
            warnings: vec!["old".into()],
        };
        let back = Ticket::read(&decode(encode(&ticket.written())).unwrap()).unwrap();
        assert_eq!(back.written(), ticket.written());
        assert_eq!(back.origin(), Origin::Changed);
        assert_eq!(
            back.before().unwrap().exposed(),
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web",
                    "origin": "changed", "former": {"spec": {"replicas": 1}}}])
        );
        assert!(Ticket::read(&json!({"done": [{"kind": "x"}]}).into()).is_err());
    }
}
