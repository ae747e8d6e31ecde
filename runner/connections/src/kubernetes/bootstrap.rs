//! A Karmada control plane that is known by nothing but its address, a bootstrap token and the hash of its authority.
//!
//! This file decides when such a server is believed, and with which certificate it is called from then on: the one that
//! Karmada's controllers sign for whoever registers members. The certificate and its key stay in memory. It must not know
//! what is asked of Karmada afterwards, and no error of it quotes the token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use http::{Method, Uri};
use kube::Config;
use kube::config::{AuthInfo, Kubeconfig};
use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;
use runbook_steps::certificates::{Algorithm, Certificates as _, Pair, Request, Subject};
use runbook_steps::kubernetes::object::Object;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value as Json, json};
use sha2::Sha256;
use x509_cert::der::{Decode as _, Encode as _};

use super::cluster::{Cluster, Question};
use crate::certificates::RealCertificates;

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/// Whom Karmada signs certificates for that may prepare a member's registration.
const USER: &str = "system:karmada:agent:rbac-generator";
const GROUP: &str = "system:karmada:agents";
/// How long the certificate is good for: longer than registering takes, and no longer than a day's work.
const VALID_SECONDS: u32 = 4 * 3600;
/// How often is looked, a second apart, for the signature of a token that was just made, and for the certificate.
const SIGNATURE_LOOKS: u32 = 10;
const CERTIFICATE_LOOKS: u32 = 25;
const BETWEEN: Duration = Duration::from_secs(1);

/// What is known of the server beforehand.
pub(super) struct Word<'a> {
    endpoint: &'a str,
    id: &'a str,
    secret: &'a str,
    authority: Digest,
}

impl<'a> Word<'a> {
    /// Reads what a connection says.
    ///
    /// # Errors
    /// `invalid` for what is no URL, token or hash.
    pub(super) fn new(endpoint: &'a str, token: &'a str, ca_cert_hash: &str) -> Result<Self, Failure> {
        let part = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let Some((id, secret)) = token.split_once('.').filter(|(id, secret)| part(id, 6) && part(secret, 16)) else {
            return Err(invalid("`token` is no bootstrap token: six letters or digits, a point, sixteen more".into()));
        };
        let authority = ca_cert_hash.parse().map_err(|error| invalid(format!("`ca-cert-hash`: {error}")))?;
        Ok(Self { endpoint, id, secret, authority })
    }

    /// Finds the server, believes it or not, and gets a certificate from it.
    ///
    /// # Errors
    /// `denied` if the server does not prove that it is meant or does not take the token, `unavailable` if it does not
    /// answer or nobody signs.
    pub(super) async fn config(&self) -> Result<Config, Failure> {
        let url: Uri = self.endpoint.parse().map_err(|_| self.no_url())?;
        // The token is sent there.
        if url.scheme_str() != Some("https") {
            return Err(self.no_url());
        }
        let mut stranger = Config::new(url.clone());
        // Nothing is told to it yet; what it answers is believed for its signature.
        stranger.accept_invalid_certs = true;
        let authority = self.authority(&client(stranger).await?).await?;
        let mut known = Config::new(url);
        known.root_cert = Some(authority);
        known.auth_info.token = Some(format!("{}.{}", self.id, self.secret).into());
        let (name, pair) = certificate(&client(known.clone()).await?).await?;
        let key = pair.key.as_ref().map(|key| STANDARD.encode(key.expose()).into());
        known.auth_info = AuthInfo {
            client_certificate_data: Some(STANDARD.encode(&pair.certificate)),
            client_key_data: key,
            ..AuthInfo::default()
        };
        // Who asks with the token may not delete. Karmada takes old requests away by itself; failing here fails nothing.
        let delete = Question { method: Method::DELETE, path: format!("{REQUESTS}/{name}"), content: None };
        drop(client(known.clone()).await?.ask(delete).await);
        Ok(known)
    }

    /// The certificates by which the server is known, out of what it tells everybody.
    async fn authority(&self, stranger: &Cluster) -> Result<Vec<Vec<u8>>, Failure> {
        let mut looks = 1;
        loop {
            let told =
                stranger.ask(Question::read(CLUSTER_INFO.into())).await.map_err(|refused| refused.failure)?.object;
            if let Some(signature) = Object(&told).text(&["data", &format!("jws-kubeconfig-{}", self.id)]) {
                return self.believed(&told, signature);
            }
            if looks == SIGNATURE_LOOKS {
                let (endpoint, id) = (self.endpoint, self.id);
                let message = format!("Karmada at {endpoint} signs nothing with the token `{id}`");
                let help =
                    "it has run out, was taken away, or is another Karmada's: `karmada-token` makes one and lists them";
                return Err(Failure::new(FailureClass::Denied, message).help(help));
            }
            looks += 1;
            tokio::time::sleep(BETWEEN).await;
        }
    }

    fn believed(&self, told: &Value, signature: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let endpoint = self.endpoint;
        let stranger = |why: String| {
            Failure::new(FailureClass::Denied, format!("{endpoint} is not the Karmada that is meant: {why}")).help(
                "compare `endpoint`, `token` and `ca-cert-hash` with what `karmada-token` gave; somebody may stand between",
            )
        };
        let text = Object(told).text(&["data", "kubeconfig"]).unwrap_or_default();
        if !is_signed(text, signature, self.id, self.secret) {
            return Err(stranger(format!("what it tells is not signed with the token `{}`", self.id)));
        }
        let certificates = authorities(text).ok_or_else(|| stranger("it names no certificate authority".into()))?;
        let hash = |der: &Vec<u8>| {
            let certificate = x509_cert::Certificate::from_der(der).ok()?;
            Some(Digest::of(&certificate.tbs_certificate().subject_public_key_info().to_der().ok()?))
        };
        let fitting: Vec<_> = certificates.iter().filter(|der| hash(der) == Some(self.authority)).cloned().collect();
        if fitting.is_empty() {
            let found: Vec<String> = certificates.iter().filter_map(hash).map(|hash| format!("`{hash}`")).collect();
            return Err(stranger(format!("the hash of its authority is {}", found.join(", "))));
        }
        Ok(fitting)
    }

    fn no_url(&self) -> Failure {
        invalid(format!("the `endpoint` `{}` is no address", self.endpoint)).help("write it as `https://HOST:PORT`")
    }
}

/// Is that the JWS over the text (RFC 7515, detached, HMAC with SHA-256), made with this token?
fn is_signed(text: &str, signature: &str, id: &str, secret: &str) -> bool {
    let Some((header, signature)) = signature.split_once("..") else { return false };
    let said = URL_SAFE_NO_PAD.decode(header).ok().and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok());
    let (Some(said), Ok(signature)) = (said, URL_SAFE_NO_PAD.decode(signature)) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(format!("{header}.{}", URL_SAFE_NO_PAD.encode(text)).as_bytes());
    said["alg"] == "HS256" && said["kid"] == id && mac.verify_slice(&signature).is_ok()
}

/// The certificates (DER) of the only cluster of a kubeconfig.
fn authorities(kubeconfig: &str) -> Option<Vec<Vec<u8>>> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).ok()?;
    let [only] = kubeconfig.clusters.as_slice() else { return None };
    let pem = STANDARD.decode(only.cluster.as_ref()?.certificate_authority_data.as_ref()?).ok()?;
    CertificateDer::pem_slice_iter(&pem).map(|found| found.map(|der| der.to_vec()).ok()).collect()
}

/// Asks for the certificate of whoever registers members; also gives the name of the request.
async fn certificate(karmada: &Cluster) -> Result<(String, Pair), Failure> {
    let subject =
        Subject { common_name: USER.into(), organizations: vec![GROUP.into()], client: true, ..Subject::default() };
    let Request { pem, key } = RealCertificates.request(&subject, Algorithm::EcdsaP256).await?;
    let digest = Digest::of(pem.as_bytes()).hex();
    let name = format!("runbook-register-{}", digest.get(..16).unwrap_or(&digest));
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": STANDARD.encode(&pem), "signerName": "kubernetes.io/kube-apiserver-client",
            "expirationSeconds": VALID_SECONDS, "usages": ["digital signature", "key encipherment", "client auth"]}});
    let content = Some(("application/json", request.to_string().into_bytes()));
    let asked = karmada.ask(Question { method: Method::POST, path: REQUESTS.into(), content }).await;
    asked.map_err(|refused| match refused.failure {
        failure if failure.class == FailureClass::Denied => failure
            .help("Karmada does not take the token: it has run out, or is none for members; `karmada-token` makes one"),
        failure => failure,
    })?;
    for _ in 0..CERTIFICATE_LOOKS {
        let read = karmada.ask(Question::read(format!("{REQUESTS}/{name}"))).await;
        let found = read.map_err(|refused| refused.failure)?.object;
        let view = Object(&found);
        if let Some(encoded) = view.text(&["status", "certificate"]) {
            let pem = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let certificate =
                pem.ok_or_else(|| invalid(format!("the certificate in the request `{name}` is no PEM")))?;
            return Ok((name, Pair { certificate, key: Some(key) }));
        }
        if let Some(condition) = view.condition("Denied").or_else(|| view.condition("Failed")) {
            let message = format!("Karmada does not sign the request `{name}`: {}", condition.why());
            return Err(Failure::new(FailureClass::Denied, message));
        }
        tokio::time::sleep(BETWEEN).await;
    }
    let message = format!("nobody signed the request `{name}` within {CERTIFICATE_LOOKS} seconds");
    Err(Failure::new(FailureClass::Unavailable, message).help(
        "look at the logs of karmada-controller-manager, which approves, and of kube-controller-manager, which signs",
    ))
}

async fn client(config: Config) -> Result<Cluster, Failure> {
    Cluster::new(config, Err(nothing_to_hand_on()), None, None).await
}

/// What is said to who wants the credentials of such a connection.
pub(super) fn nothing_to_hand_on() -> Failure {
    invalid("a connection by bootstrap token has no credentials that may be handed on".into())
        .help("use a connection to Karmada with credentials of its own")
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}

#[cfg(test)]
mod tests;
