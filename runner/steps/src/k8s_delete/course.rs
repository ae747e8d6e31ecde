//! The way through all objects of a deletion.
//!
//! This file decides when an object counts as gone, what keeps it, and what is remembered of it. It must not know how the
//! objects were named.

use runbook_model::connection::Connection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::value::{Map, Value};

use super::absent_is_none;
use crate::arguments;
use crate::contract::{Answer, Invocation, Progress};
use crate::kubernetes::object::Object;
use crate::kubernetes::secrecy;
use crate::ports::{Delete, Kubernetes, ObjectName, Resource};

/// How many objects one call deletes, so that it stays well under a minute over a slow line.
const OBJECTS_PER_CALL: usize = 40;

/// How much is remembered of what was deleted; beyond it, only which objects they were.
const MOST_REMEMBERED: usize = 128 << 10;

/// What a server writes into objects by itself.
const SERVERS_OWN: [&str; 5] = ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"];

/// The objects of a deletion, in the order of deleting, as a journal keeps them between two calls.
#[derive(Debug)]
pub(super) struct Ticket {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    object: ObjectName,
    uid: String,
    former: Value,
    asked: bool,
    gone: bool,
}

impl Ticket {
    /// Of what was found.
    pub(super) fn of(found: Vec<(ObjectName, Value)>) -> Self {
        let targets = found.into_iter().map(|(object, found)| Target {
            object,
            uid: Object(&found).text(&["metadata", "uid"]).unwrap_or_default().to_owned(),
            former: former(found),
            asked: false,
            gone: false,
        });
        let mut targets: Vec<Target> = targets.collect();
        let size: usize = targets.iter().map(|target| target.former.redacted().to_string().len()).sum();
        if size > MOST_REMEMBERED {
            targets.iter_mut().for_each(|target| target.former = Value::Null);
        }
        Self { targets }
    }

    /// For the journal.
    fn written(&self) -> Value {
        let targets = self.targets.iter().map(|target| {
            let mut entry = identity(&target.object);
            entry.insert("plural".into(), Value::from(target.object.resource.plural.as_str()));
            entry.insert("namespaced".into(), Value::from(target.object.resource.namespaced));
            entry.insert("uid".into(), Value::from(target.uid.as_str()));
            entry.insert("asked".into(), Value::from(target.asked));
            entry.insert("gone".into(), Value::from(target.gone));
            entry.insert("former".into(), target.former.clone());
            Value::Map(entry)
        });
        Value::Map(Map::from_iter([("targets".to_owned(), Value::List(targets.collect()))]))
    }

    /// From the journal.
    ///
    /// # Errors
    /// `unknown` if this is no ticket of this kind.
    pub(super) fn read(ticket: &Value) -> Result<Self, Failure> {
        let targets = Object(ticket).items(&["targets"]).iter().map(|entry| {
            let entry = Object(entry);
            let text = |key: &str| entry.text(&[key]).map(str::to_owned);
            let flag = |key: &str| entry.at(&[key]).and_then(Value::as_bool);
            let resource = Resource {
                api_version: text("apiVersion")?,
                kind: text("kind")?,
                plural: text("plural")?,
                namespaced: flag("namespaced")?,
            };
            Some(Target {
                object: ObjectName { resource, namespace: text("namespace"), name: text("name")? },
                uid: text("uid")?,
                former: entry.at(&["former"]).cloned().unwrap_or_default(),
                asked: flag("asked")?,
                gone: flag("gone")?,
            })
        });
        let targets = targets.collect::<Option<_>>().ok_or_else(|| {
            Failure::new(FailureClass::Unknown, "the journal's note on how far the deletion had come cannot be read")
        })?;
        Ok(Self { targets })
    }
}

/// One call's view of the whole deletion.
pub(super) struct Course<'a> {
    kubernetes: &'a dyn Kubernetes,
    connection: &'a Connection,
    until_gone: bool,
}

impl<'a> Course<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// `invalid` if there is no connection.
    pub(super) fn new(invocation: &'a Invocation, kubernetes: &'a dyn Kubernetes) -> Result<Self, Failure> {
        let until_gone = arguments::text(&invocation.arguments, "wait")? == Some("gone");
        Ok(Self { kubernetes, connection: invocation.connection()?, until_gone })
    }

    /// Goes on from where a ticket says, as far as one call may.
    ///
    /// # Errors
    /// The server's refusal of the first object that it does not delete; what was deleted before it stays so.
    pub(super) async fn go_on(&self, mut ticket: Ticket) -> Result<Progress, Failure> {
        for target in ticket.targets.iter_mut().filter(|target| !target.asked).take(OBJECTS_PER_CALL) {
            self.delete(target).await?;
        }
        let all = ticket.targets.len();
        let asked = ticket.targets.iter().filter(|target| target.asked).count();
        if asked < all {
            return Ok(going(&ticket, format!("{asked} of {all} objects deleted")));
        }
        let mut first = None;
        if self.until_gone {
            for target in ticket.targets.iter_mut().filter(|target| !target.gone).take(OBJECTS_PER_CALL) {
                let found = absent_is_none(self.kubernetes.get(self.connection, &target.object).await)?;
                match found.filter(|found| Object(found).text(&["metadata", "uid"]) == Some(&target.uid)) {
                    None => target.gone = true,
                    Some(found) => first = first.or(Some(keeps(Object(&found)))),
                }
            }
        }
        let gone = ticket.targets.iter().filter(|target| target.gone).count();
        match first {
            Some(first) if all == 1 => Ok(going(&ticket, first)),
            Some(first) => Ok(going(&ticket, format!("{gone} of {all} are gone; {first}"))),
            None if self.until_gone && gone < all => Ok(going(&ticket, format!("{gone} of {all} are gone"))),
            None => Ok(Progress::Done(answer(&ticket))),
        }
    }

    async fn delete(&self, target: &mut Target) -> Result<(), Failure> {
        let uid = Some(target.uid.clone()).filter(|uid| !uid.is_empty());
        let delete = Delete { object: target.object.clone(), uid, grace: None };
        target.asked = true;
        match self.kubernetes.delete(self.connection, &delete).await {
            Ok(()) => {}
            Err(failure) if failure.class == FailureClass::Missing => target.gone = true,
            // Perhaps another one of that name by now, which nobody wished to delete.
            Err(failure) if failure.class == FailureClass::Conflict => {
                let found = absent_is_none(self.kubernetes.get(self.connection, &target.object).await)?;
                if found.is_some_and(|found| Object(&found).text(&["metadata", "uid"]) == Some(&target.uid)) {
                    return Err(failure);
                }
                target.gone = true;
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

fn going(ticket: &Ticket, observed: String) -> Progress {
    Progress::Going { ticket: ticket.written(), observed: Some(observed) }
}

fn answer(ticket: &Ticket) -> Answer {
    let targets = ticket.targets.iter();
    let before = targets.clone().map(|target| {
        let mut entry = identity(&target.object);
        entry.insert("origin".into(), Value::from("deleted"));
        if !target.former.is_null() {
            entry.insert("former".into(), target.former.clone());
        }
        Value::Map(entry)
    });
    let before: Vec<Value> = before.collect();
    Answer {
        output: Value::List(targets.map(|target| Value::Map(identity(&target.object))).collect()),
        origin: Some(if before.is_empty() { Origin::Unchanged } else { Origin::Changed }),
        before: (!before.is_empty()).then_some(Value::List(before)),
        ..Answer::default()
    }
}

fn identity(object: &ObjectName) -> Map {
    Map::from_iter([
        ("apiVersion".to_owned(), Value::from(object.resource.api_version.as_str())),
        ("kind".to_owned(), Value::from(object.resource.kind.as_str())),
        ("namespace".to_owned(), object.namespace.as_deref().map_or(Value::Null, Value::from)),
        ("name".to_owned(), Value::from(object.name.as_str())),
    ])
}

/// The object as it could be applied again; never what a Secret holds.
fn former(object: Value) -> Value {
    let Value::Map(mut object) = object else { return Value::Null };
    object.shift_remove("status");
    if let Some(Value::Map(metadata)) = object.get_mut("metadata") {
        SERVERS_OWN.iter().for_each(|member| drop(metadata.shift_remove(*member)));
    }
    if secrecy::is_secret(&object) {
        secrecy::DATA.iter().for_each(|member| drop(object.shift_remove(*member)));
    }
    secrecy::shown(Value::Map(object))
}

/// What holds an object up that shall go.
fn keeps(object: Object<'_>) -> String {
    let label = object.label();
    let texts = |path: &[&str]| -> Vec<String> {
        object.items(path).iter().filter_map(Value::as_str).map(|text| format!("`{text}`")).collect()
    };
    // A namespace tells by itself what is left in it.
    let left = object.items(&["status", "conditions"]).iter().map(Object).filter(|condition| {
        let of_type = condition.text(&["type"]).unwrap_or_default();
        condition.text(&["status"]) == Some("True") && (of_type.ends_with("Remaining") || of_type.ends_with("Failure"))
    });
    let left: Vec<&str> = left.filter_map(|condition| condition.text(&["message"])).collect();
    if object.kind() == "Namespace" && !left.is_empty() {
        return format!("{label} is not empty: {}", left.join("; "));
    }
    let finalizers = texts(&["metadata", "finalizers"]);
    if !finalizers.is_empty() {
        return format!("{label} is held by the finalizer {}", finalizers.join(", "));
    }
    match object.number(&["metadata", "deletionGracePeriodSeconds"]) {
        Some(seconds) if seconds > 0 => format!("{label} has {seconds} s to end"),
        _ => format!("{label} is being deleted"),
    }
}
