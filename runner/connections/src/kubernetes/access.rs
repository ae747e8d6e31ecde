//! What somebody else needs to reach a cluster, in the words of a kubeconfig.
//!
//! This file decides what is handed on: of an EKS cluster no credentials but the program that makes them, of others the
//! credentials themselves, read from wherever their kubeconfig points to. It must not know where the words are written.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use runbook_model::connection::AwsConnection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;
use runbook_steps::ports::Access;
use serde_json::{Map, Value as Json, json};

/// The program that makes tokens for EKS clusters.
const PROGRAM: &str = "runbook";

/// How a cluster is reached that `config` reaches; with `eks` its users sign in through this program.
///
/// # Errors
/// `invalid` for a file that the user's kubeconfig points to and that cannot be read.
pub(super) fn of(config: &Config, eks: Option<(&str, &AwsConnection)>) -> Result<Access, Failure> {
    let user = match eks {
        Some((cluster, aws)) => json!({"exec": exec(cluster, aws)}),
        None => user(config)?,
    };
    Ok(Access { cluster: cluster(config).into(), user: Value::from(user).into_secret() })
}

fn cluster(config: &Config) -> Json {
    let mut cluster = Map::new();
    let server = config.cluster_url.to_string();
    cluster.insert("server".into(), server.trim_end_matches('/').into());
    if let Some(authority) = &config.root_cert {
        let pem: String = authority.iter().map(|der| pem(der)).collect();
        cluster.insert("certificate-authority-data".into(), STANDARD.encode(pem).into());
    }
    if config.accept_invalid_certs {
        cluster.insert("insecure-skip-tls-verify".into(), true.into());
    }
    if let Some(name) = &config.tls_server_name {
        cluster.insert("tls-server-name".into(), name.as_str().into());
    }
    if let Some(proxy) = &config.proxy_url {
        cluster.insert("proxy-url".into(), proxy.to_string().into());
    }
    Json::Object(cluster)
}

/// A certificate as files hold it, in lines of 64.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// `runbook eks-token`, asked for the cluster in the words that `runbook` itself understands when it reads them again.
fn exec(cluster: &str, aws: &AwsConnection) -> Json {
    let mut args = vec!["eks-token".to_owned(), cluster.to_owned()];
    let options = [
        ("--region", &aws.region),
        ("--profile", &aws.profile),
        ("--role-arn", &aws.role),
        ("--external-id", &aws.external_id),
    ];
    for (option, value) in options {
        if let Some(value) = value {
            args.extend([option.to_owned(), value.clone()]);
        }
    }
    let mut exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": PROGRAM,
        "args": args,
        "interactiveMode": "Never",
        "installHint": "kubectl signs in to EKS through the program runbook, which is not on the PATH",
    });
    if let Some(endpoint) = &aws.endpoint {
        exec["env"] = json!([{"name": "AWS_ENDPOINT_URL", "value": endpoint}]);
    }
    exec
}

/// The user of a kubeconfig, with the contents of files in the place of their paths.
fn user(config: &Config) -> Result<Json, Failure> {
    let unusable = |why: String| Failure::new(FailureClass::Invalid, why);
    let user = serde_json::to_value(&config.auth_info)
        .map_err(|error| unusable(format!("the user cannot be read: {error}")))?;
    let Json::Object(mut user) = user else { return Ok(json!({})) };
    user.retain(|_, value| !value.is_null());
    for (path_key, data_key, encoded) in [
        ("client-certificate", "client-certificate-data", true),
        ("client-key", "client-key-data", true),
        ("tokenFile", "token", false),
    ] {
        let Some(path) = user.remove(path_key) else { continue };
        if user.contains_key(data_key) {
            continue;
        }
        let path = path.as_str().unwrap_or_default().to_owned();
        let content = std::fs::read(Path::new(&path))
            .map_err(|error| unusable(format!("`{path}`, the user's `{path_key}`, cannot be read: {error}")))?;
        let text = if encoded { STANDARD.encode(content) } else { String::from_utf8_lossy(&content).trim().to_owned() };
        user.insert(data_key.into(), text.into());
    }
    Ok(Json::Object(user))
}
