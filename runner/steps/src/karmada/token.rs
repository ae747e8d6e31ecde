//! `karmada-token`: tokens for members to register with, made and listed.
//!
//! This file decides what a bootstrap token is: a Secret that Kubernetes reads by the form of its name. It must not know
//! how random letters are drawn, nor who registers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::connection::Connection;
use runbook_model::digest::Digest;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Place, Planned, Question, Reaches, Takes};
use runbook_model::shape::{Member, Shape, Structure};
use runbook_model::value::{Map, Value};
use runbook_template::yaml;
use serde_json::json;

use crate::arguments::{Judge, invalid, text};
use crate::certificates::Pair;
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::kubernetes::field_manager;
use crate::kubernetes::object::Object;
use crate::ports::{Create, Kubernetes, ObjectName, Outside, Resource, Selection};

/// The kind.
#[derive(Debug)]
pub struct KarmadaToken;

const NAME: &str = "karmada-token";
const KEYS: [&str; 3] = ["ttl", "description", "list"];
/// The letters of a token, and how many of them name it and are its secret.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID: usize = 6;
const SECRET: usize = 16;
/// The group that Karmada lets ask for an agent's certificate.
const GROUP: &str = "system:bootstrappers:karmada:default-cluster-token";
const TTL: Duration = Duration::from_secs(24 * 3600);
/// Where Kubernetes keeps tokens, and what type they have.
const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";

static PARAMETERS: [Parameter; 3] = [
    Parameter::new("ttl", Takes::Duration, "how long the token is good for; `24h` by default"),
    Parameter::new("description", Takes::Text, "what it is for"),
    Parameter::new("list", Takes::Flag, "lists the tokens there are, without their secrets, and makes none").fixed(),
];

impl Kind for KarmadaToken {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "makes a token for a member to register with"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let looks = question.place == Place::Look;
        let mut judge = Judge::new(NAME, question.diagnostics);
        let mut lists = false;
        if judge.keys(arguments, &KEYS, &[]) {
            lists = judge.boolean(arguments, "list");
            judge.text(arguments, "ttl");
            judge.text(arguments, "description");
        }
        if looks && !lists {
            let message = format!("`{NAME}` changes things and cannot look");
            judge.complain(code::KIND_PLACE, arguments.span, message, "look with `list: true`");
        }
        if lists {
            return Planned::unknown(Reaches::Kubernetes);
        }
        let member = |name: &str, sensitive| (name.to_owned(), Member { shape: Shape::Text, sensitive });
        let open = ["id", "expires", "endpoint", "ca_cert_hash"].map(|name| member(name, false));
        let members = open.into_iter().chain([member("token", true)]).collect();
        let result = Shape::Structure(Structure { name: NAME.into(), members }.into());
        Planned { effect: Effect::Converges, keeps: true, result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for KarmadaToken {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let lists = crate::arguments::flag(&invocation.arguments, "list");
            let answer =
                if lists { list(invocation, outside.kubernetes()).await } else { make(invocation, outside).await };
            answer.map(Progress::Done)
        })
    }
}

/// Makes the token of this step. Its name follows from the step, so that a second call finds what the first one made.
async fn make(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let (kubernetes, certificates, connection) =
        (outside.kubernetes(), outside.certificates(), invocation.connection()?);
    let (endpoint, hash) = door(outside, connection).await?;
    let id = id(invocation.token.as_str());
    let object =
        ObjectName { resource: secrets(), namespace: Some(NAMESPACE.into()), name: format!("bootstrap-token-{id}") };
    let (found, origin) = match kubernetes.get(connection, &object).await {
        Ok(found) => (found, Origin::Unchanged),
        Err(failure) if failure.class == FailureClass::Missing => {
            let ttl = text(&invocation.arguments, "ttl")?.map(str::parse::<Duration>).transpose();
            let ttl = ttl.map_err(|error| invalid(format!("`ttl`: {error}")))?.unwrap_or(TTL);
            let description = text(&invocation.arguments, "description")?.unwrap_or("made by runbook");
            let encoded = |text: &str| STANDARD.encode(text);
            let mut manifest = Value::from(json!({
                "apiVersion": "v1", "kind": "Secret", "type": TYPE,
                "metadata": {"name": object.name, "namespace": NAMESPACE},
                "data": {"token-id": encoded(&id), "usage-bootstrap-signing": encoded("true"),
                    "usage-bootstrap-authentication": encoded("true"), "auth-extra-groups": encoded(GROUP),
                    "expiration": encoded(&certificates.now().plus(ttl).to_string()),
                    "description": encoded(description)}}));
            if let Value::Map(manifest) = &mut manifest
                && let Some(Value::Map(data)) = manifest.get_mut("data")
            {
                let secret = certificates.draw(LETTERS, SECRET)?;
                data.insert("token-secret".into(), Value::from(encoded(&secret)).into_secret());
            }
            let manager = field_manager::name(&invocation.runbook, &invocation.path);
            let create = Create { object: object.clone(), subresource: None, manifest, manager };
            (kubernetes.create(connection, &create).await?, Origin::Created)
        }
        Err(failure) => return Err(failure),
    };
    let part = |key: &str| decoded(&found, key);
    let Some(secret) = part("token-secret") else {
        let message = format!("{} holds no `token-secret`", object.label());
        return Err(Failure::new(FailureClass::Invalid, message).help("delete it, and run this again"));
    };
    let output = [
        ("token", Value::from(format!("{id}.{secret}")).into_secret()),
        ("id", Value::from(id.as_str())),
        ("expires", part("expiration").map_or(Value::Null, Value::from)),
        ("endpoint", Value::from(endpoint)),
        ("ca_cert_hash", Value::from(hash)),
    ];
    let output = output.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Answer { output: Value::Map(output), origin: Some(origin), ..Answer::default() })
}

/// The name of the token of a step.
fn id(token: &str) -> String {
    let digest = Digest::of(token.as_bytes()).hex();
    let letters: Vec<char> = LETTERS.chars().collect();
    let pairs = digest.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes = pairs.filter_map(|pair| usize::from_str_radix(pair, 16).ok());
    bytes.filter_map(|byte| letters.get(byte % letters.len())).take(ID).collect()
}

/// Where members reach Karmada, and how its authority is pinned: what `cluster-info` tells everybody.
async fn door(outside: &dyn Outside, connection: &Connection) -> Result<(String, String), Failure> {
    let resource =
        Resource { api_version: "v1".into(), kind: "ConfigMap".into(), plural: "configmaps".into(), namespaced: true };
    let object = ObjectName { resource, namespace: Some("kube-public".into()), name: "cluster-info".into() };
    let found = outside.kubernetes().get(connection, &object).await.map_err(|failure| match failure.class {
        FailureClass::Missing => Failure { message: format!("{} is not there", object.label()), ..failure }
            .help("`karmada-init` makes it; does the connection lead to Karmada's own API?"),
        _ => failure,
    })?;
    let unusable = || Failure::new(FailureClass::Invalid, format!("{} holds no usable kubeconfig", object.label()));
    let text = Object(&found).text(&["data", "kubeconfig"]).ok_or_else(unusable)?;
    let documents = yaml::documents(text).map_err(|_| unusable())?;
    let cluster =
        documents.first().and_then(|config| Object(config).items(&["clusters"]).first()).ok_or_else(unusable)?;
    let part = |key: &str| Object(cluster).text(&["cluster", key]).ok_or_else(unusable);
    let server = part("server")?;
    let ca = STANDARD.decode(part("certificate-authority-data")?).map_err(|_| unusable())?;
    let certificate = String::from_utf8(ca).map_err(|_| unusable())?;
    let read = outside.certificates().read(&Pair { certificate, key: None }, None)?;
    let endpoint = server.strip_prefix("https://").unwrap_or(server).to_owned();
    Ok((endpoint, format!("sha256:{}", read.public_key.hex())))
}

async fn list(invocation: &Invocation, kubernetes: &dyn Kubernetes) -> Result<Answer, Failure> {
    let selection =
        Selection { resource: secrets(), namespace: Some(NAMESPACE.into()), name: None, labels: None, fields: None };
    let listing = kubernetes.list(invocation.connection()?, &selection).await?;
    let tokens = listing.items.iter().filter(|secret| Object(secret).text(&["type"]) == Some(TYPE)).map(|secret| {
        let part = |key: &str| decoded(secret, key).map_or(Value::Null, Value::from);
        let parts = [("id", part("token-id")), ("expires", part("expiration")), ("description", part("description"))];
        Value::Map(parts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    });
    let output = Map::from_iter([("tokens".to_owned(), Value::List(tokens.collect()))]);
    Ok(Answer { output: Value::Map(output), origin: Some(Origin::Unchanged), ..Answer::default() })
}

fn decoded(secret: &Value, key: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(Object(secret).text(&["data", key])?).ok()?).ok()
}

fn secrets() -> Resource {
    Resource { api_version: "v1".into(), kind: "Secret".into(), plural: "secrets".into(), namespaced: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::{TestServer, answer, invocation};

    const CA: &str = r#"{"cn": "ca", "o": [], "dns": [], "ips": [], "public": "half", "signed": "by x", "end": 1}"#;

    fn server() -> TestServer {
        let server = TestServer::new();
        let ca = STANDARD.encode(CA);
        let kubeconfig =
            format!("clusters:\n- cluster: {{server: 'https://k:32443', certificate-authority-data: {ca}}}\n");
        server.put(
            "karmada",
            json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": kubeconfig}}),
        );
        server
    }

    #[test]
    fn a_step_makes_one_token_however_often_it_is_called() {
        let server = server();
        let call = invocation(json!({"ttl": "1h"}).into());
        let made = answer(&KarmadaToken, &call, &server).unwrap();
        let part = |answer: &Answer, key: &str| answer.output.get(key).unwrap().exposed();
        let (token, id) = (part(&made, "token"), part(&made, "id"));
        let token = token.as_str().unwrap();
        let (before, behind) = token.split_once('.').unwrap();
        assert_eq!((before, behind.len(), before.len()), (id.as_str().unwrap(), SECRET, ID));
        assert!(token.chars().all(|letter| letter == '.' || LETTERS.contains(letter)), "{token}");
        assert!(matches!(made.output.get("token"), Some(Value::Secret(_))));
        assert_eq!(part(&made, "endpoint"), "k:32443");
        assert_eq!(part(&made, "expires"), "1970-01-01T01:00:00.000Z");
        assert_eq!(part(&made, "ca_cert_hash"), format!("sha256:{}", Digest::of(b"half").hex()));

        let again = answer(&KarmadaToken, &call, &server).unwrap();
        assert_eq!((made.origin, again.origin), (Some(Origin::Created), Some(Origin::Unchanged)));
        assert_eq!(made.output, again.output);
        let listed =
            answer(&KarmadaToken, &invocation(json!({"list": true}).into()), &server).unwrap().output.exposed();
        assert_eq!(
            listed["tokens"],
            json!([{"id": before, "expires": "1970-01-01T01:00:00.000Z", "description": "made by runbook"}])
        );
    }

    #[test]
    fn what_is_no_karmada_is_named() {
        let failure = answer(&KarmadaToken, &invocation(json!({}).into()), &TestServer::new()).unwrap_err();
        assert_eq!(failure.message, "ConfigMap kube-public/cluster-info is not there");
    }
}
