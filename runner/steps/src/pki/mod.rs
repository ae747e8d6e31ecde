//! `pki`: certificate authorities and certificates that a Secret keeps, made once and read back from there.
//!
//! This file decides the arguments of the kind, how the Secret is written, and what the step answers. What an author wishes
//! stands in `wishes.rs`; what becomes of a certificate that is there, in `keeping.rs`. It must not know how keys are made.

mod keeping;
#[cfg(test)]
mod tests;
mod wishes;
#[cfg(test)]
pub(crate) mod workshop;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::connection::Connection;
use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::{Member, Shape, Structure};
use runbook_model::value::{Map, Value};

use self::keeping::{Kept, Stock};
use self::wishes::Wishes;
use crate::arguments::Judge;
use crate::certificates::Algorithm;
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::kubernetes::field_manager;
use crate::kubernetes::object::Object;
use crate::ports::{Apply, Create, Kubernetes, ObjectName, Outside, Resource};

/// The kind.
#[derive(Debug)]
pub struct Pki;

const NAME: &str = "pki";

static PARAMETERS: [Parameter; 9] = [
    Parameter::new("secret", Takes::Text, "the name of the Secret that keeps them").required(),
    Parameter::new("namespace", Takes::Text, "its namespace; otherwise the connection's own"),
    Parameter::new("labels", Takes::Map, "labels of the Secret when it is made"),
    Parameter::new("authorities", Takes::Map, "name to `{common-name, valid-days}`").required(),
    Parameter::new(
        "certificates",
        Takes::Map,
        "name to `{authority, common-name, organizations, dns, ips, usages, valid-days}`",
    ),
    Parameter::new("key", Takes::OneOf(&Algorithm::NAMES), "the kind of new keys; `ecdsa-p256` by default"),
    Parameter::new("renew-before", Takes::Duration, "how long before their end certificates are made anew; `720h`"),
    Parameter::new("renew", Takes::Flag, "makes all certificates anew, with their keys; not the authorities"),
    Parameter::new("renew-authorities", Takes::Flag, "also the authorities' certificates, with their keys"),
];

impl Kind for Pki {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "keeps certificate authorities and certificates in a Secret"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        if question.place == Place::Look {
            let help = "look with `k8s-get` at its Secret";
            let message = format!("`{NAME}` changes things and cannot look");
            Judge::new(NAME, question.diagnostics).complain(code::KIND_PLACE, arguments.span, message, help);
        }
        wishes::judge(arguments, question.diagnostics);
        let text = |sensitive| Member { shape: Shape::Text, sensitive };
        let pair = Structure {
            name: "a pair".into(),
            members: [("certificate".into(), text(false)), ("key".into(), text(true))].into_iter().collect(),
        };
        let result = Shape::structure(
            "pki",
            [
                ("pairs", Shape::Map(Box::new(Shape::Structure(pair.into())))),
                ("digest", Shape::Text),
                ("expires", Shape::Map(Box::new(Shape::Text))),
            ],
        );
        Planned { effect: Effect::Converges, keeps: true, result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for Pki {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { keep(invocation, outside).await.map(Progress::Done) })
    }
}

async fn keep(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let wishes = Wishes::read(&invocation.arguments)?;
    let (kubernetes, connection) = (outside.kubernetes(), invocation.connection()?);
    let secret = ObjectName {
        resource: Resource {
            api_version: "v1".into(),
            kind: "Secret".into(),
            plural: "secrets".into(),
            namespaced: true,
        },
        namespace: wishes.namespace.clone(),
        name: wishes.secret.clone(),
    };
    let found = match kubernetes.get(connection, &secret).await {
        Ok(found) => Some(found),
        Err(failure) if failure.class == FailureClass::Missing => None,
        Err(failure) => return Err(failure),
    };
    let data = found.as_ref().map(data).transpose()?.unwrap_or_default();
    let stock = Stock { label: secret.label(), data: &data, certificates: outside.certificates() };
    let kept = stock.keep(&wishes).await?;
    let manager = field_manager::name(&invocation.runbook, &invocation.path);
    let origin = match &found {
        _ if kept.changed.is_empty() => Origin::Unchanged,
        None => {
            create(kubernetes, connection, &secret, &wishes, manager, &kept).await?;
            Origin::Created
        }
        Some(found) => {
            change(kubernetes, connection, &secret, found, manager, &data, &kept).await?;
            Origin::Changed
        }
    };
    let changed = origin != Origin::Unchanged;
    Ok(Answer {
        output: output(&kept),
        origin: Some(origin),
        before: changed.then(|| before(&secret, origin)),
        warnings: if origin == Origin::Changed { kept.changed } else { Vec::new() },
        ..Answer::default()
    })
}

type Data = BTreeMap<String, Vec<u8>>;

/// What the Secret holds. A value that is no base64 is a server's fault.
fn data(secret: &Value) -> Result<Data, Failure> {
    let entries = Object(secret).at(&["data"]).and_then(Value::as_map);
    let decoded = entries.into_iter().flatten().map(|(key, value)| {
        let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or_else(|| Failure::new(FailureClass::Unknown, format!("`{key}` is no base64")))?;
        Ok((key.clone(), bytes))
    });
    decoded.collect()
}

/// Made in one go and only if it is not there: of two runs at the same time one loses, and reads what the other made.
async fn create(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    secret: &ObjectName,
    wishes: &Wishes,
    manager: String,
    kept: &Kept,
) -> Result<(), Failure> {
    let mut manifest = manifest(secret, kept.data());
    if let Value::Map(manifest) = &mut manifest
        && let Some(Value::Map(metadata)) = manifest.get_mut("metadata")
        && !wishes.labels.is_empty()
    {
        metadata.insert("labels".into(), Value::Map(wishes.labels.clone()));
    }
    if let Value::Map(manifest) = &mut manifest {
        manifest.insert("type".into(), Value::from("Opaque"));
    }
    let create = Create { object: secret.clone(), subresource: None, manifest, manager };
    match kubernetes.create(connection, &create).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.class == FailureClass::Exists => {
            let message = format!("{} was made by somebody else in this moment", secret.label());
            Err(Failure::new(FailureClass::Conflict, message).code("AlreadyExists"))
        }
        Err(failure) => Err(failure),
    }
}

/// Only if nobody wrote it since it was read. All entries go along: what this step does not name stays.
async fn change(
    kubernetes: &dyn Kubernetes,
    connection: &Connection,
    secret: &ObjectName,
    found: &Value,
    manager: String,
    data: &Data,
    kept: &Kept,
) -> Result<(), Failure> {
    let mut data = data.clone();
    data.extend(kept.data());
    let mut manifest = manifest(secret, data);
    if let (Value::Map(manifest), Some(version)) = (&mut manifest, Object(found).resource_version())
        && let Some(Value::Map(metadata)) = manifest.get_mut("metadata")
    {
        metadata.insert("resourceVersion".into(), Value::from(version));
    }
    let apply = Apply { object: secret.clone(), manifest, manager, force: true };
    kubernetes.apply(connection, &apply).await.map(drop).map_err(|refused| refused.failure)
}

fn manifest(secret: &ObjectName, data: Data) -> Value {
    let text = |text: &str| Value::from(text);
    let mut metadata = Map::from_iter([("name".to_owned(), text(&secret.name))]);
    metadata.extend(secret.namespace.as_deref().map(|namespace| ("namespace".to_owned(), text(namespace))));
    let data = data.into_iter().map(|(key, bytes)| (key, Value::from(STANDARD.encode(bytes)).into_secret()));
    Value::Map(Map::from_iter([
        ("apiVersion".to_owned(), text("v1")),
        ("kind".to_owned(), text("Secret")),
        ("metadata".to_owned(), Value::Map(metadata)),
        ("data".to_owned(), Value::Map(data.collect())),
    ]))
}

/// As `k8s-apply` keeps it: which object, and whether it was made. What a Secret held is never kept.
fn before(secret: &ObjectName, origin: Origin) -> Value {
    let entry = [
        ("apiVersion", Value::from("v1")),
        ("kind", Value::from("Secret")),
        ("namespace", secret.namespace.as_deref().map_or(Value::Null, Value::from)),
        ("name", Value::from(secret.name.as_str())),
        ("origin", Value::from(if origin == Origin::Created { "created" } else { "changed" })),
    ];
    Value::List(vec![Value::Map(entry.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())])
}

fn output(kept: &Kept) -> Value {
    let (mut pairs, mut expires) = (Map::new(), Map::new());
    let mut lines = String::new();
    for (name, entry) in &kept.entries {
        let key = entry.pair.key.as_ref().map_or(Value::Null, |key| Value::from(key.expose()).into_secret());
        let pair = [("certificate".to_owned(), Value::from(entry.pair.certificate.as_str())), ("key".to_owned(), key)];
        pairs.insert(name.clone(), Value::Map(pair.into_iter().collect()));
        expires.insert(name.clone(), Value::from(entry.not_after.to_string()));
        // A certificate holds the public half of its key, so that another key gives another digest.
        let _written = writeln!(lines, "{}  {name}", Digest::of(entry.pair.certificate.as_bytes()).hex());
    }
    Value::Map(Map::from_iter([
        ("pairs".to_owned(), Value::Map(pairs)),
        ("digest".to_owned(), Value::from(Digest::of(lines.as_bytes()).hex())),
        ("expires".to_owned(), Value::Map(expires)),
    ]))
}
