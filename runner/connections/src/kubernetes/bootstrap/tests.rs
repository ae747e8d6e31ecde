//! Whom a bootstrap token makes believe, and how a certificate is asked for with one.
//!
//! What Karmada tells stands in `testdata/karmada-cluster-info.json`; its authority and hash were made with openssl, its
//! signature by an HMAC of another make.

use super::*;
use crate::loopback::{Loopback, Reply};

const ENDPOINT: &str = "https://karmada:32443";
const TOKEN: &str = "abcdef.0123456789abcdef";
const HASH: &str = "sha256:a275919396529446240444e972241da4807230cffafa74be571fcc339d82d523";
const OTHER_HASH: &str = "sha256:ecf3e27e773c1122a6b367c0eb55cf829e3bef71b427ae8ad5b25a597c1c2b14";

fn told() -> Json {
    serde_json::from_str(include_str!("../../../testdata/karmada-cluster-info.json")).unwrap()
}

fn believed(told: &Json, token: &str, hash: &str) -> Result<Vec<Vec<u8>>, String> {
    let signature = told["data"]["jws-kubeconfig-abcdef"].as_str().unwrap();
    let word = Word::new(ENDPOINT, token, hash).unwrap();
    word.believed(&told.clone().into(), signature).map_err(|failure| {
        assert_eq!(failure.class, FailureClass::Denied);
        assert!(!format!("{failure:?}").contains("0123456789"), "the token's secret is not told");
        failure.message
    })
}

#[test]
fn what_the_token_signs_and_the_hash_pins_is_believed() {
    let [der] = <[_; 1]>::try_from(believed(&told(), TOKEN, HASH).unwrap()).unwrap();
    let certificate = x509_cert::Certificate::from_der(&der).unwrap();
    assert_eq!(certificate.tbs_certificate().subject().to_string(), "CN=karmada");
}

#[test]
fn nobody_else_is() {
    let unsigned =
        "https://karmada:32443 is not the Karmada that is meant: what it tells is not signed with the token `abcdef`";
    assert_eq!(believed(&told(), "abcdef.0123456789abcdeg", HASH).unwrap_err(), unsigned);

    let changed = |change: fn(&mut String), key: &str| {
        let mut told = told();
        let mut text = told["data"][key].as_str().unwrap().to_owned();
        change(&mut text);
        told["data"][key] = text.into();
        believed(&told, TOKEN, HASH).unwrap_err()
    };
    let (text, signature) = ("kubeconfig", "jws-kubeconfig-abcdef");
    assert_eq!(changed(|text| *text = text.replace("10.0.0.1", "10.0.0.2"), text), unsigned);
    assert_eq!(changed(|text| *text = text.replace("..", "."), signature), unsigned);
    assert_eq!(changed(|text| text.truncate(text.len() - 4), signature), unsigned);
    // Signed by the same secret under the name of another token.
    let other = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"fedcba"}"#);
    assert!(!is_signed("x", &sign(&other, "x"), "abcdef", "0123456789abcdef"));
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"abcdef"}"#);
    assert!(!is_signed("x", &sign(&none, "x"), "abcdef", "0123456789abcdef"));

    assert_eq!(
        believed(&told(), TOKEN, OTHER_HASH).unwrap_err(),
        format!("https://karmada:32443 is not the Karmada that is meant: the hash of its authority is `{HASH}`")
    );
}

fn sign(header: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"0123456789abcdef").unwrap();
    mac.update(format!("{header}.{}", URL_SAFE_NO_PAD.encode(text)).as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn what_cannot_be_used_is_said_without_the_token() {
    for (endpoint, token, hash, words) in [
        (ENDPOINT, "abcdef", HASH, "`token` is no bootstrap token"),
        (ENDPOINT, "ABCDEF.0123456789abcdef", HASH, "`token` is no bootstrap token"),
        (ENDPOINT, TOKEN, "sha256:12", "`ca-cert-hash`: `sha256:12` is not a digest"),
        ("http://karmada", TOKEN, HASH, "the `endpoint` `http://karmada` is no address"),
        ("karmada:32443", TOKEN, HASH, "the `endpoint` `karmada:32443` is no address"),
    ] {
        let refused = match Word::new(endpoint, token, hash) {
            Ok(word) => word.config().await.map(drop).unwrap_err(),
            Err(refused) => refused,
        };
        assert!(refused.class == FailureClass::Invalid && refused.message.starts_with(words), "{refused:?}");
        assert!(!format!("{refused:?}").contains("0123456789"));
    }
}

/// Asks a server on this machine for a certificate, as who has the token.
async fn asked(server: &Loopback) -> Result<(String, Pair), Failure> {
    let mut config = Config::new(server.url.parse().unwrap());
    config.auth_info.token = Some(TOKEN.to_owned().into());
    certificate(&client(config).await.unwrap()).await
}

#[tokio::test]
async fn a_certificate_is_asked_for_with_the_token_and_awaited() {
    let signed = json!({"status": {"certificate": STANDARD.encode("the certificate")}});
    let server =
        Loopback::replying([Reply::json(201, &json!({})), Reply::json(200, &json!({})), Reply::json(200, &signed)])
            .await;
    let (name, pair) = asked(&server).await.unwrap();
    assert_eq!(pair.certificate, "the certificate");
    let asked = server.asked();
    assert_eq!(asked[0].line, format!("POST {REQUESTS}"));
    assert_eq!(asked[2].line, format!("GET {REQUESTS}/{name}"));
    assert_eq!(asked[0].header("authorization"), Some("Bearer abcdef.0123456789abcdef"));
    let request: Json = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(request["metadata"]["name"], name);
    assert_eq!(request["spec"]["signerName"], "kubernetes.io/kube-apiserver-client");
}

#[tokio::test]
async fn who_is_not_certified_is_told_why() {
    let status = json!({"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized", "code": 401});
    let refused = asked(&Loopback::replying([Reply::json(401, &status)]).await).await.unwrap_err();
    assert!(refused.class == FailureClass::Denied && refused.help.unwrap().contains("it has run out"));

    let denied = json!({"status": {"conditions": [{"type": "Denied", "status": "True", "message": "no"}]}});
    let server = Loopback::replying([Reply::json(201, &json!({})), Reply::json(200, &denied)]).await;
    let refused = asked(&server).await.unwrap_err();
    assert!(refused.message.ends_with(": no") && refused.class == FailureClass::Denied, "{refused:?}");
}

#[tokio::test]
async fn its_credentials_are_handed_to_nobody() {
    let config = Config::new("https://karmada:32443".parse().unwrap());
    let cluster = client(config).await.unwrap();
    let refused = cluster.access().unwrap_err();
    assert!(refused.message.contains("no credentials that may be handed on"));
}
