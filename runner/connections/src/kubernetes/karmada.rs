//! A Karmada control plane, found through the cluster that hosts it.
//!
//! This file decides which Secret says how Karmada is reached from outside. It must not know what is asked of Karmada, and
//! no error of it quotes the Secret: it holds a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::kubernetes::object::Object;
use runbook_steps::ports::{ObjectName, Resource};

use super::cluster::{Cluster, Question};
use super::path;

/// The Secret that `karmada-init` writes, with the outside address in it.
const SECRET: &str = "karmada-admin-kubeconfig";
/// Its one key.
const KEY: &str = "kubeconfig";

/// Reads how the Karmada in a namespace of `host` is reached, under `endpoint` if one is given.
///
/// # Errors
/// `missing` without the Secret, `invalid` if it cannot be used; or the host's refusal.
pub(super) async fn config(host: &Cluster, namespace: &str, endpoint: Option<&str>) -> Result<Config, Failure> {
    let resource =
        Resource { api_version: "v1".into(), kind: "Secret".into(), plural: "secrets".into(), namespaced: true };
    let secret = ObjectName { resource, namespace: Some(namespace.to_owned()), name: SECRET.to_owned() };
    let read = host.ask(Question::read(path::object(&secret, host.default_namespace()))).await;
    let found = read.map_err(|refused| match refused.failure {
        failure if failure.class == FailureClass::Missing => Failure {
            message: format!("there is no Karmada in the namespace `{namespace}`: the Secret `{SECRET}` is not there"),
            ..failure
        }
        .help(
            "install it with `karmada-init`; one that something else installed is reached by a `kubeconfig` connection",
        ),
        failure => failure,
    })?;
    let unusable = |why: &str| {
        Failure::new(FailureClass::Invalid, format!("the Secret `{namespace}/{SECRET}` cannot be used: {why}"))
            .help("run `karmada-init` again, which writes it anew")
    };
    let text = Object(&found.object).text(&["data", KEY]).and_then(decoded);
    let text = text.ok_or_else(|| unusable(&format!("it holds no text under `{KEY}`")))?;
    let kubeconfig = Kubeconfig::from_yaml(&text).map_err(|_| unusable("it holds no kubeconfig"))?;
    let made = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = made.map_err(|_| unusable("its kubeconfig has no usable context"))?;
    // As for every cluster, the environment's proxy is for the connector to see.
    config.proxy_url = None;
    if let Some(endpoint) = endpoint {
        config.cluster_url = endpoint.parse().map_err(|error| {
            Failure::new(FailureClass::Invalid, format!("the `endpoint` `{endpoint}` is no address: {error}"))
                .help("write it as `https://HOST:PORT`")
        })?;
    }
    Ok(config)
}

fn decoded(encoded: &str) -> Option<String> {
    let bytes = STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runbook_model::connection::Connection;
    use runbook_steps::ports::Kubernetes as _;
    use serde_json::{Value as Json, json};

    use super::super::RealKubernetes;
    use super::*;
    use crate::aws::RealAws;
    use crate::loopback::{Loopback, Reply, nobody};

    fn kubeconfig(server: &str, token: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "karmada-apiserver",
            "clusters": [{"name": "karmada-apiserver", "cluster": {"server": server}}],
            "users": [{"name": "karmada-admin", "user": {"token": token}}],
            "contexts": [{"name": "karmada-apiserver", "context": {"cluster": "karmada-apiserver", "user": "karmada-admin"}}]})
    }

    fn secret(text: &str) -> Reply {
        Reply::json(200, &json!({"kind": "Secret", "data": {"kubeconfig": STANDARD.encode(text)}}))
    }

    /// Asks the Karmada behind a host for a Namespace.
    async fn ask(host: &Loopback, endpoint: Option<String>) -> Result<(), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, kubeconfig(&host.url, "host").to_string()).unwrap();
        let path = Some(path.to_str().unwrap().to_owned());
        let host = Box::new(Connection::Kubeconfig { path, contexts: Vec::new() });
        let connection = Connection::Karmada { host, namespace: "karmada-system".into(), endpoint };
        let resource = Resource {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            plural: "namespaces".into(),
            namespaced: false,
        };
        let object = ObjectName { resource, namespace: None, name: "a".into() };
        RealKubernetes::new(Arc::new(RealAws::new())).get(&connection, &object).await.map(drop)
    }

    #[tokio::test]
    async fn it_is_reached_as_the_secret_of_its_host_says() {
        let inner = Loopback::replying([Reply::json(200, &json!({})), Reply::json(200, &json!({}))]).await;
        let config = kubeconfig(&inner.url, "inner").to_string();
        let elsewhere = kubeconfig(&nobody().await, "inner").to_string();
        let host = Loopback::replying([secret(&config), secret(&elsewhere)]).await;
        ask(&host, None).await.unwrap();
        ask(&host, Some(inner.url.clone())).await.unwrap();
        assert_eq!(host.asked()[0].line, "GET /api/v1/namespaces/karmada-system/secrets/karmada-admin-kubeconfig");
        assert_eq!(host.asked()[0].header("authorization"), Some("Bearer host"));
        for asked in inner.asked() {
            assert_eq!(
                (asked.line.as_str(), asked.header("authorization")),
                ("GET /api/v1/namespaces/a", Some("Bearer inner"))
            );
        }
    }

    #[tokio::test]
    async fn without_its_secret_it_is_missing_and_a_broken_one_is_not_quoted() {
        let absent = Reply::json(404, &json!({"kind": "Status", "reason": "NotFound", "message": "no", "code": 404}));
        let broken = "users: {token: the-secret}";
        let host =
            Loopback::replying([absent, secret(broken), Reply::json(200, &json!({"data": {"kubeconfig": "!"}}))]).await;
        let failure = ask(&host, None).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Missing);
        assert!(failure.message.starts_with("there is no Karmada in the namespace `karmada-system`"), "{failure}");
        for _ in 0..2 {
            let failure = ask(&host, None).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Invalid);
            assert!(!format!("{failure:?}").contains("the-secret"), "{failure}");
        }
    }
}
