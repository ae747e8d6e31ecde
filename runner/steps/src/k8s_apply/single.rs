//! One object applied.
//!
//! This file decides when fields that others hold are taken, when an absent object is not made, and how it is known
//! whether anything changed. It must not know the other objects of the step.

use runbook_model::connection::Connection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::value::Value;

use super::ticket::Done;
use crate::kubernetes::field_manager;
use crate::kubernetes::former::former;
use crate::kubernetes::manifest::Manifest;
use crate::kubernetes::object::Object;
use crate::ports::{Apply, ApplyRefused, FieldConflict, Kubernetes, ObjectName, Resource};

/// The most fields that a conflict names.
const FIELDS: usize = 5;

/// How objects are applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    /// The field manager.
    pub(super) manager: &'a str,
    /// Take fields that others hold?
    pub(super) take: bool,
    /// Refuse to make what is absent?
    pub(super) must_exist: bool,
}

/// Applies one manifest; also gives what the server warns of.
///
/// # Errors
/// `missing` if it has to exist and does not, `conflict` naming fields and who holds them, or the server's refusal.
pub(super) async fn apply(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    manifest: &Manifest,
    resource: Resource,
    manner: Manner<'_>,
) -> Result<(Done, Vec<String>), Failure> {
    let namespace = manifest.namespace.clone().filter(|_| resource.namespaced);
    let object = ObjectName { resource, namespace, name: manifest.name.clone() };
    let was = match kubernetes.get(connection, &object).await {
        Ok(object) => Some(object),
        Err(failure) if failure.class == FailureClass::Missing => None,
        Err(failure) => return Err(about(&object, failure)),
    };
    let mut fields = manifest.fields.clone();
    if manner.must_exist {
        let Some(was) = &was else {
            return Err(Failure::new(FailureClass::Missing, format!("{} does not exist", object.label()))
                .help("make it first, or leave `must-exist` out to have it made here"));
        };
        // With its uid the server itself refuses to make it anew if it goes away in this moment.
        set_uid(&mut fields, was);
    }
    let mut request = Apply { object, manifest: fields, manager: manner.manager.to_owned(), force: manner.take };
    let mut answer = kubernetes.apply(connection, &request).await;
    if let Err(refused) = &answer
        && !refused.conflicts.is_empty()
        && refused.conflicts.iter().all(|conflict| field_manager::is_ours(&conflict.manager))
    {
        request.force = true;
        answer = kubernetes.apply(connection, &request).await;
    }
    let applied = answer.map_err(|refused| explained(&request.object, refused))?;
    let origin = match &was {
        None => Origin::Created,
        Some(was) if is_same(was, &applied.object) => Origin::Unchanged,
        Some(_) => Origin::Changed,
    };
    let former = was.filter(|_| origin == Origin::Changed).map(|was| former(&manifest.fields, &was));
    let mut object = request.object;
    object.namespace = Object(&applied.object).namespace().map(str::to_owned).or(object.namespace);
    Ok((Done { object, origin, former, ready: false, seen: Some(applied.object) }, applied.warnings))
}

fn set_uid(fields: &mut Value, was: &Value) {
    if let (Value::Map(fields), Some(uid)) = (fields, Object(was).text(&["metadata", "uid"]))
        && let Some(Value::Map(metadata)) = fields.get_mut("metadata")
    {
        metadata.insert("uid".into(), Value::from(uid));
    }
}

/// Nothing changed but what a server writes by itself: a new owner of an equal field is no change, nor is a status that
/// a controller wrote in between.
fn is_same(was: &Value, is: &Value) -> bool {
    let version = |object| Object(object).resource_version();
    version(was) == version(is) || wanted_part(was) == wanted_part(is)
}

fn wanted_part(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Map(object) = &mut object {
        object.shift_remove("status");
        if let Some(Value::Map(metadata)) = object.get_mut("metadata") {
            for member in ["managedFields", "resourceVersion", "generation"] {
                metadata.shift_remove(member);
            }
        }
    }
    object
}

fn explained(object: &ObjectName, refused: ApplyRefused) -> Failure {
    let ApplyRefused { failure, conflicts } = refused;
    if conflicts.is_empty() {
        return about(object, failure);
    }
    let mut told: Vec<String> = conflicts
        .iter()
        .filter(|conflict| !field_manager::is_ours(&conflict.manager))
        .map(|FieldConflict { field, manager }| format!("`{field}` is held by `{manager}`"))
        .collect();
    let more = told.len().saturating_sub(FIELDS);
    told.truncate(FIELDS);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    let message = format!("{}: {}", object.label(), told.join(", "));
    // Whoever holds a field holds it until somebody gives in.
    Failure { lasting: true, message, code: Some("FieldManagerConflict".into()), ..failure }
        .help("leave these fields out, or say `conflicts: take` to hold them from now on")
}

/// The server's words, with the object's name in front where they do not name it.
fn about(object: &ObjectName, mut failure: Failure) -> Failure {
    if !failure.message.contains(&format!("\"{}\"", object.name)) {
        failure.message = format!("{}: {}", object.label(), failure.message);
    }
    failure
}
