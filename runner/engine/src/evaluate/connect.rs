//! Which door a call goes through.
//!
//! This file decides what a name or a map under `connection:` and `connections:` stands for: the forms, inheritance from
//! a group, `with-connections`, the default `aws`. It must not open any door.

use std::collections::BTreeMap;

use runbook_model::connection::{AwsConnection, Connection};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Reaches;
use runbook_model::plan::{Action, Call};
use runbook_model::value::{Map, Value};

use super::{Evaluated, Hindrance, Moment, Need, Sight, Standpoint, View};
use crate::state::node::NodeId;

/// The connection that needs no declaration.
const DEFAULT: &str = "aws";

/// How often one connection may lead to another; more is a circle.
const DEEPEST: u8 = 16;

impl Sight<'_> {
    /// The connection of a call that a step makes; `None` if it reaches nothing through one.
    pub(crate) fn connection(self, id: NodeId, call: &Call) -> Evaluated<Option<Connection>> {
        if call.reaches == Reaches::Nothing {
            return Ok(None);
        }
        let view = self.of(id);
        if let Some(own) = call.connection.as_ref().or(self.state.step(id).connection.as_ref()) {
            return view.definition(own).map(Some);
        }
        // A group hands its connection down.
        let mut body = self.state.node(id).body;
        while let Some(owner) = self.state.body(body).owner {
            if !matches!(self.state.step(owner).action, Action::Group { .. }) {
                break;
            }
            if let Some(written) = &self.state.step(owner).connection {
                return self.of(owner).definition(written).map(Some);
            }
            body = self.state.node(owner).body;
        }
        match call.reaches {
            Reaches::Kubernetes => {
                Err(invalid(format!("step `{}` reaches Kubernetes and names no connection", self.state.node(id).path)))
            }
            Reaches::Aws | Reaches::Nothing => view.named(DEFAULT).map(Some),
        }
    }

    /// The connections that a call names in its arguments.
    pub(crate) fn further_connections(self, id: NodeId, call: &Call) -> Evaluated<BTreeMap<String, Connection>> {
        let view = self.of(id);
        call.connections.iter().map(|(key, written)| Ok((key.clone(), view.definition(written)?))).collect()
    }

    /// The connections that the runbook around a step declares, as far as they can be told now.
    pub(crate) fn declared_connections(self, id: NodeId) -> Vec<Connection> {
        let view = self.of(id);
        let body = self.state.runbook_around(view.at.body);
        let declared = self.state.outline.body(self.state.body(body).layout).connections.keys();
        declared.map(String::as_str).chain([DEFAULT]).filter_map(|name| view.named(name).ok()).collect()
    }
}

impl View<'_> {
    /// What `connections.NAME` shows.
    pub(super) fn connection_members(&self, name: &str) -> Evaluated<Value> {
        let connection = self.named(name)?;
        match self.sight.state.met.get(&connection.label()) {
            Some(met) => Ok(Value::Map(met.identity.members())),
            None => Err(Hindrance::Need(Need::Identity(Box::new(connection)))),
        }
    }

    /// What is written where a connection is wanted: a name, or a map.
    pub(super) fn definition(&self, written: &runbook_model::argument::Argument) -> Evaluated<Connection> {
        let value = self.value(written)?.without_nulls();
        self.form(&value)
    }

    fn form(&self, value: &Value) -> Evaluated<Connection> {
        match value {
            Value::String(name) => self.named(name),
            Value::Map(map) => self.map_form(map),
            Value::Secret(_) => {
                Err(invalid("the connection is a secret, and connections are named in every report".to_owned()))
            }
            other => Err(invalid(format!("a connection is a name or a map, not {}", other.type_name()))),
        }
    }

    fn named(&self, name: &str) -> Evaluated<Connection> {
        let state = self.sight.state;
        let body = state.body(state.runbook_around(self.at.body));
        if let Some(owner) = body.owner
            && let Action::Run(nested) = &state.step(owner).action
            && let Some(given) = nested.with_connections.get(name)
        {
            return self.deeper(Standpoint::of(state, owner))?.definition(given);
        }
        if let Some(declared) = state.outline.body(body.layout).connections.get(name) {
            return self.deeper(Standpoint { item: false, ..self.at })?.definition(declared);
        }
        if name == DEFAULT {
            return Ok(Connection::Aws(AwsConnection::default()));
        }
        Err(invalid(format!("there is no connection `{name}`")))
    }

    /// The same sight from where a connection is defined.
    fn deeper(&self, at: Standpoint) -> Evaluated<Self> {
        if self.depth >= DEEPEST {
            return Err(invalid("the connections lead in a circle".to_owned()));
        }
        let mut view = self.sight.view(at, Moment::Before);
        view.depth = self.depth + 1;
        Ok(view)
    }

    fn map_form(&self, map: &Map) -> Evaluated<Connection> {
        no_secrets(map)?;
        let text = |key: &str| match map.get(key) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(invalid(format!("`{key}` of a connection is {}, not text", value.type_name()))),
            },
        };
        if let Some(cluster) = text("eks")? {
            known(map, "eks", &["eks", "aws"])?;
            let aws = match map.get("aws") {
                Some(value) => self.form(value)?,
                None => self.named(DEFAULT)?,
            };
            let Connection::Aws(aws) = aws else {
                return Err(invalid(format!(
                    "`aws` of the connection to the EKS cluster `{cluster}` is not an AWS one"
                )));
            };
            return Ok(Connection::Eks { cluster, aws });
        }
        if let Some(base) = map.get("from") {
            let Connection::Aws(base) = self.form(base)? else {
                return Err(invalid("`from` of a connection is not an AWS one".to_owned()));
            };
            let mut changes = map.clone();
            changes.shift_remove("from");
            return base.overlaid(&changes).map(Connection::Aws).map_err(invalid);
        }
        if let Some(aws) = map.get("aws") {
            known(map, "aws", &["aws"])?;
            let Some(settings) = aws.as_map() else {
                return Err(invalid(format!("`aws` of a connection is {}, not a map", aws.type_name())));
            };
            return AwsConnection::default().overlaid(settings).map(Connection::Aws).map_err(invalid);
        }
        if map.contains_key("kubeconfig") || map.contains_key("context") {
            known(map, "kubeconfig", &["kubeconfig", "context"])?;
            let contexts = match map.get("context").map(Value::peeled) {
                None => Vec::new(),
                Some(Value::List(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(_) => text("context")?.into_iter().collect(),
            };
            return Ok(Connection::Kubeconfig { path: text("kubeconfig")?, contexts });
        }
        if let Some(host) = map.get("karmada") {
            known(map, "karmada", &["karmada", "namespace", "endpoint"])?;
            let namespace = text("namespace")?.unwrap_or_else(|| "karmada-system".to_owned());
            return Ok(Connection::Karmada {
                host: Box::new(self.form(host)?),
                namespace,
                endpoint: text("endpoint")?,
            });
        }
        if let Some(endpoint) = text("bootstrap")? {
            known(map, "bootstrap", &["bootstrap", "token", "ca-cert-hash"])?;
            let wanted = |key: &str| {
                text(key)?.ok_or_else(|| invalid(format!("a connection of the form `bootstrap` needs `{key}`")))
            };
            let (token, ca_cert_hash) = (wanted("token")?, wanted("ca-cert-hash")?);
            return Ok(Connection::Bootstrap { endpoint, token, ca_cert_hash });
        }
        let keys: Vec<String> = map.keys().map(|key| format!("`{key}`")).collect();
        let message = format!(
            "a connection with {} has no known form",
            if keys.is_empty() { "nothing".into() } else { keys.join(", ") }
        );
        Err(Failure::new(FailureClass::Invalid, message)
            .help("a connection is `{aws: …}`, `{eks: …}`, `{kubeconfig: …}`, `{karmada: …}`, `{bootstrap: …}` or `{from: …}`")
            .into())
    }
}

/// Connections are named in reports and journals, so that nothing of one that is shown may be a secret.
fn no_secrets(map: &Map) -> Evaluated<()> {
    let secret =
        |key: &str| invalid(format!("`{key}` of a connection is a secret, and connections are named in every report"));
    for (key, value) in map.iter().filter(|(key, _)| !["external-id", "token"].contains(&key.as_str())) {
        match value {
            Value::Map(inner) => no_secrets(inner)?,
            value if value.holds_secret() => return Err(secret(key)),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses keys that a form does not have.
fn known(map: &Map, form: &str, keys: &[&str]) -> Evaluated<()> {
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(invalid(format!("a connection of the form `{form}` has no `{key}`"))),
        None => Ok(()),
    }
}

fn invalid(message: String) -> Hindrance {
    Failure::new(FailureClass::Invalid, message).into()
}
