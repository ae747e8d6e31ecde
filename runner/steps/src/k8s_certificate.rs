//! `k8s-certificate`: a client certificate that a cluster signs, kept with its key in a Secret of another one.
//!
//! This file decides when a certificate that is there is good enough, how a new one is asked for, and what is said while
//! nobody signs it. It must not know who approves requests, nor how keys are made.

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
use serde_json::json;

use crate::arguments::{Judge, required_text, text};
use crate::certificates::{Algorithm, Certificates, Pair, PrivateKey, Subject};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::kubernetes::field_manager;
use crate::kubernetes::object::Object;
use crate::ports::{Apply, Create, Delete, Kubernetes, ObjectName, Outside, Resource, Selection};

/// The kind.
#[derive(Debug)]
pub struct K8sCertificate;

const NAME: &str = "k8s-certificate";
const SIGNED_BY: &str = "signed-by";
const KEYS: [&str; 7] = ["secret", "namespace", SIGNED_BY, "signer", "ca", "common-name", "organization"];
/// A signer of Kubernetes itself, for clients of the API.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client";
/// How long a certificate is asked to be valid, and from when before its end it is made anew.
const VALID_SECONDS: i64 = 365 * 24 * 3600;
const RENEW_BEFORE: Duration = Duration::from_secs(60 * 24 * 3600);
/// How long a call waits for the signature; less than any call may take.
const PATIENCE: Duration = Duration::from_secs(30);

static PARAMETERS: [Parameter; 7] = [
    Parameter::new("secret", Takes::Text, "the name of the Secret that keeps certificate and key").required(),
    Parameter::new("namespace", Takes::Text, "its namespace; otherwise the connection's own"),
    Parameter::new(SIGNED_BY, Takes::Connection(Reaches::Kubernetes), "the cluster that signs").required(),
    Parameter::new("signer", Takes::Text, "the signer there; `kubernetes.io/kube-apiserver-client` by default"),
    Parameter::new("ca", Takes::Text, "that cluster's authority as PEM; a certificate of another one is made anew")
        .required(),
    Parameter::new("common-name", Takes::Text, "whom it is for; Kubernetes reads it as the user").required(),
    Parameter::new("organization", Takes::Text, "the user's group"),
];

impl Kind for K8sCertificate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "keeps a client certificate that a cluster signs in a Secret"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if question.place == Place::Look {
            let message = format!("`{NAME}` changes things and cannot look");
            judge.complain(code::KIND_PLACE, arguments.span, message, "look with `k8s-get` at its Secret");
        }
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "secret", "write the name of the Secret that keeps the certificate");
            judge.require(arguments, SIGNED_BY, "name the connection to the cluster that signs");
            judge.require(arguments, "ca", "give the authority of the cluster that signs, as PEM");
            judge.require(arguments, "common-name", "write whom it is for");
            for key in KEYS.into_iter().filter(|key| *key != SIGNED_BY) {
                judge.text(arguments, key);
            }
        }
        let member = |sensitive| Member { shape: Shape::Text, sensitive };
        let members = [
            ("certificate", member(false)),
            ("key", member(true)),
            ("digest", member(false)),
            ("expires", member(false)),
        ];
        let members = members.into_iter().map(|(name, member)| (name.to_owned(), member)).collect();
        let result = Shape::Structure(Structure { name: NAME.into(), members }.into());
        Planned { effect: Effect::Converges, keeps: true, result, ..Planned::unknown(Reaches::Kubernetes) }
    }
}

impl StepKind for K8sCertificate {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { keep(invocation, outside).await.map(Progress::Done) })
    }
}

async fn keep(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let arguments = &invocation.arguments;
    let (kubernetes, connection) = (outside.kubernetes(), invocation.connection()?);
    let secret = ObjectName {
        resource: resource("v1", "Secret", "secrets", true),
        namespace: text(arguments, "namespace")?.map(str::to_owned),
        name: required_text(arguments, "secret")?.to_owned(),
    };
    let subject = Subject {
        common_name: required_text(arguments, "common-name")?.to_owned(),
        organizations: text(arguments, "organization")?.map(str::to_owned).into_iter().collect(),
        client: true,
        ..Subject::default()
    };
    let ca = required_text(arguments, "ca")?;
    let found = match kubernetes.get(connection, &secret).await {
        Ok(found) => Some(found),
        Err(failure) if failure.class == FailureClass::Missing => None,
        Err(failure) => return Err(failure),
    };
    let kept = found.as_ref().and_then(pair).filter(|pair| is_good(outside.certificates(), pair, &subject, ca));
    let (pair, origin) = match kept {
        Some(pair) => (pair, Origin::Unchanged),
        None => {
            let pair = signed(invocation, outside, &subject).await?;
            let manager = field_manager::name(&invocation.runbook, &invocation.path);
            let apply = Apply { manifest: manifest(&secret, &pair), object: secret, manager, force: true };
            kubernetes.apply(connection, &apply).await.map_err(|refused| refused.failure)?;
            (pair, if found.is_none() { Origin::Created } else { Origin::Changed })
        }
    };
    let expires = outside.certificates().read(&pair, Some(ca))?.not_after;
    let key = pair.key.as_ref().map_or(Value::Null, |key| Value::from(key.expose()).into_secret());
    let output = Map::from_iter([
        ("expires".to_owned(), Value::from(expires.to_string())),
        ("digest".to_owned(), Value::from(Digest::of(pair.certificate.as_bytes()).hex())),
        ("certificate".to_owned(), Value::from(pair.certificate)),
        ("key".to_owned(), key),
    ]);
    Ok(Answer { output: Value::Map(output), origin: Some(origin), ..Answer::default() })
}

/// What the Secret holds, if that is a certificate with a key.
fn pair(secret: &Value) -> Option<Pair> {
    let part = |key: &str| {
        let bytes = STANDARD.decode(Object(secret).text(&["data", key])?).ok()?;
        String::from_utf8(bytes).ok()
    };
    Some(Pair { certificate: part("tls.crt")?, key: Some(PrivateKey::new(part("tls.key")?)) })
}

fn is_good(certificates: &dyn Certificates, pair: &Pair, subject: &Subject, ca: &str) -> bool {
    certificates.read(pair, Some(ca)).is_ok_and(|is| {
        is.fits_key
            && is.is_issued
            && is.subject.common_name == subject.common_name
            && is.subject.organizations == subject.organizations
            && is.not_after > certificates.now().plus(RENEW_BEFORE)
    })
}

/// Asks for a certificate with a new key, waits for it, and takes the request away again.
async fn signed(invocation: &Invocation, outside: &dyn Outside, subject: &Subject) -> Result<Pair, Failure> {
    let (kubernetes, certificates) = (outside.kubernetes(), outside.certificates());
    let signing = invocation.named_connection(SIGNED_BY)?;
    let asked = certificates.request(subject, Algorithm::EcdsaP256).await?;
    let digest = Digest::of(asked.pem.as_bytes()).hex();
    let request = ObjectName {
        resource: resource("certificates.k8s.io/v1", "CertificateSigningRequest", "certificatesigningrequests", false),
        namespace: None,
        name: format!("runbook-{}", digest.get(..16).unwrap_or(&digest)),
    };
    let manifest = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": request.name},
        "spec": {"request": STANDARD.encode(&asked.pem), "expirationSeconds": VALID_SECONDS,
            "signerName": text(&invocation.arguments, "signer")?.unwrap_or(SIGNER),
            "usages": ["digital signature", "key encipherment", "client auth"]}});
    let manager = field_manager::name(&invocation.runbook, &invocation.path);
    let create = Create { object: request.clone(), subresource: None, manifest: manifest.into(), manager };
    kubernetes.create(signing, &create).await?;
    let outcome = wait(kubernetes, certificates, signing, &request).await;
    // A cluster takes old requests away by itself; failing here fails nothing.
    let delete = Delete { object: request, uid: None, grace: None };
    drop(kubernetes.delete(signing, &delete).await);
    Ok(Pair { certificate: outcome?, key: Some(asked.key) })
}

async fn wait(
    kubernetes: &dyn Kubernetes,
    certificates: &dyn Certificates,
    signing: &Connection,
    request: &ObjectName,
) -> Result<String, Failure> {
    let selection = Selection {
        resource: request.resource.clone(),
        namespace: None,
        name: Some(request.name.clone()),
        labels: None,
        fields: None,
    };
    let end = certificates.now().plus(PATIENCE);
    let mut watching = true;
    loop {
        let found = kubernetes.get(signing, request).await?;
        let view = Object(&found);
        if let Some(encoded) = view.text(&["status", "certificate"]) {
            let certificate = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            return certificate.ok_or_else(|| {
                Failure::new(FailureClass::Unknown, format!("the certificate in {} is no PEM", request.label()))
            });
        }
        for verdict in ["Denied", "Failed"] {
            if let Some(condition) = view.condition(verdict) {
                let message = format!("{} was not signed: {}", request.label(), condition.why());
                return Err(Failure::new(FailureClass::Denied, message));
            }
        }
        let left = end.since(certificates.now());
        if !watching || left.as_millis() == 0 {
            let (what, help) = if view.condition("Approved").is_some() {
                ("approved, but not signed", "look at the logs of the cluster's kube-controller-manager, which signs")
            } else {
                ("not approved", "in Karmada its controller manager approves the requests of agents: look at its logs")
            };
            let message = format!("{} is {what} after {PATIENCE}", request.label());
            return Err(Failure::new(FailureClass::Unavailable, message).help(help));
        }
        // Where watching is not allowed it looks once more and gives up; the engine tries again.
        watching = match view.resource_version() {
            Some(version) => kubernetes.watch(signing, &selection, version, left).await.is_ok(),
            None => false,
        };
    }
}

fn manifest(secret: &ObjectName, pair: &Pair) -> Value {
    let mut metadata = Map::from_iter([("name".to_owned(), Value::from(secret.name.as_str()))]);
    metadata.extend(secret.namespace.as_deref().map(|namespace| ("namespace".to_owned(), Value::from(namespace))));
    let key = pair.key.as_ref().map_or(String::new(), |key| STANDARD.encode(key.expose()));
    let data = Map::from_iter([
        ("tls.crt".to_owned(), Value::from(STANDARD.encode(&pair.certificate))),
        ("tls.key".to_owned(), Value::from(key).into_secret()),
    ]);
    Value::Map(Map::from_iter([
        ("apiVersion".to_owned(), Value::from("v1")),
        ("kind".to_owned(), Value::from("Secret")),
        ("metadata".to_owned(), Value::Map(metadata)),
        ("type".to_owned(), Value::from("kubernetes.io/tls")),
        ("data".to_owned(), Value::Map(data)),
    ]))
}

fn resource(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
    Resource { api_version: api_version.into(), kind: kind.into(), plural: plural.into(), namespaced }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use runbook_model::connection::AwsConnection;
    use serde_json::Value as Json;

    use super::*;
    use crate::ports::Watched;
    use crate::test_server::{TestServer, answer, invocation};

    const CA: &str = r#"{"public": "public half of ca"}"#;

    fn server() -> TestServer {
        let server = TestServer::new();
        server.serve(resource(
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            "certificatesigningrequests",
            false,
        ));
        server
    }

    fn keep(server: &TestServer) -> Result<Answer, Failure> {
        let arguments =
            json!({"secret": "agent", "namespace": "n", "ca": CA, "common-name": "user", "organization": "group"});
        let mut invocation = invocation(arguments.into());
        let signing = Connection::Eks { cluster: "signs".into(), aws: AwsConnection::default() };
        invocation.connections.insert(SIGNED_BY.into(), signing);
        answer(&K8sCertificate, &invocation, server)
    }

    /// The request, as whoever signs or refuses it leaves it.
    fn with_status(server: &TestServer, status: impl Fn(&str) -> Json) {
        let (name, mut request) = server.only("CertificateSigningRequest");
        assert!(name.starts_with("runbook-"), "{name}");
        let pem = STANDARD.decode(request["spec"]["request"].as_str().unwrap()).unwrap();
        request["status"] = status(std::str::from_utf8(&pem).unwrap());
        server.put_again(request);
    }

    fn sign(server: &TestServer) -> Result<Watched, Failure> {
        with_status(server, |pem| {
            let mut certificate: Json = serde_json::from_str(pem).unwrap();
            let more =
                json!({"dns": [], "ips": [], "client": true, "signed": "by ca", "end": 365_i64 * 24 * 3_600_000});
            certificate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"certificate": STANDARD.encode(certificate.to_string())})
        });
        Ok(Watched::Changed)
    }

    #[test]
    fn it_is_asked_for_once_and_kept() {
        let server = server();
        server.meanwhile(sign);
        let made = keep(&server).unwrap();
        assert_eq!(made.origin, Some(Origin::Created));
        assert!(made.output.get("key").is_some_and(|key| matches!(key, Value::Secret(_))));
        assert_eq!(made.output.get("expires").and_then(Value::as_str), Some("1971-01-01T00:00:00.000Z"));
        let again = keep(&server).unwrap();
        assert_eq!((again.origin, &again.output), (Some(Origin::Unchanged), &made.output));
        let secret = server.object("Secret", Some("n"), "agent").unwrap();
        assert_eq!(secret["type"], "kubernetes.io/tls");
        assert!(
            server.log().iter().any(|line| line.starts_with("delete CertificateSigningRequest")),
            "{:?}",
            server.log()
        );
    }

    #[test]
    fn one_that_runs_out_or_that_another_authority_signed_is_made_anew() {
        let server = server();
        server.meanwhile(sign);
        keep(&server).unwrap();
        server.workshop.clock.store(330 * 24 * 3_600_000, Ordering::Relaxed);
        server.meanwhile(sign);
        assert_eq!(keep(&server).unwrap().origin, Some(Origin::Changed));
    }

    #[test]
    fn nobody_signs() {
        for (status, class, words) in [
            (
                json!({"conditions": [{"type": "Denied", "status": "True", "message": "no"}]}),
                FailureClass::Denied,
                "was not signed: no",
            ),
            (
                json!({"conditions": [{"type": "Approved", "status": "True"}]}),
                FailureClass::Unavailable,
                "is approved, but not signed after 30s",
            ),
            (json!({}), FailureClass::Unavailable, "is not approved after 30s"),
        ] {
            let server = server();
            server.meanwhile(move |server| {
                with_status(server, |_| status.clone());
                server.workshop.clock.store(if class == FailureClass::Denied { 0 } else { 31_000 }, Ordering::Relaxed);
                Ok(Watched::Changed)
            });
            let failure = keep(&server).unwrap_err();
            assert!(failure.class == class && failure.message.contains(words), "{failure:?}");
            assert!(server.object("Secret", Some("n"), "agent").is_none());
        }
    }
}
