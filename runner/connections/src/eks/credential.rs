//! Tokens in the form in which kubectl takes them from a program (`ExecCredential`).
//!
//! This file decides that form and its versions. It must not make tokens, nor print.

use jiff::Timestamp;
use runbook_model::failure::{Failure, FailureClass};
use serde_json::{Value as Json, json};

use super::token::Token;

/// The versions of the form; the first is answered where nobody asks for one, for every kubectl in use knows it.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1"];

/// The credential as JSON. `exec_info` is the environment's `KUBERNETES_EXEC_INFO`, in which kubectl says the version it
/// wants.
///
/// # Errors
/// `invalid` if that cannot be read or asks for a version that does not exist any more.
pub(crate) fn written(token: &Token, exec_info: Option<&str>) -> Result<Json, Failure> {
    let expires = Timestamp::try_from(token.expires).unwrap_or(Timestamp::MAX);
    Ok(json!({
        "kind": "ExecCredential",
        "apiVersion": version(exec_info)?,
        "spec": {},
        "status": {"expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "token": token.text},
    }))
}

fn version(exec_info: Option<&str>) -> Result<String, Failure> {
    let Some(text) = exec_info.filter(|text| !text.trim().is_empty()) else { return Ok(VERSIONS[0].to_owned()) };
    let invalid = |message: String| Failure::new(FailureClass::Invalid, message);
    let info: Json =
        serde_json::from_str(text).map_err(|error| invalid(format!("KUBERNETES_EXEC_INFO is not JSON: {error}")))?;
    match info["apiVersion"].as_str() {
        Some(version) if VERSIONS.contains(&version) => Ok(version.to_owned()),
        Some(version) => Err(invalid(format!("kubectl asks for an exec credential of `{version}`"))
            .help(format!("write `{}` into the user's `exec.apiVersion` in the kubeconfig", VERSIONS[0]))),
        None => Err(invalid("KUBERNETES_EXEC_INFO has no `apiVersion`".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn token() -> Token {
        Token {
            text: "k8s-aws-v1.x".into(),
            expires: SystemTime::UNIX_EPOCH + Duration::from_millis(1_772_601_607_900),
        }
    }

    #[test]
    fn the_version_that_is_asked_for_is_answered() {
        let info = |version: &str| {
            format!(r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/{version}"}}"#)
        };
        for (asked, answered) in [(None, "v1beta1"), (Some("v1"), "v1"), (Some("v1beta1"), "v1beta1")] {
            let credential = written(&token(), asked.map(info).as_deref()).unwrap();
            assert_eq!(credential["apiVersion"], format!("client.authentication.k8s.io/{answered}"));
        }
        assert!(written(&token(), Some(&info("v1alpha1"))).unwrap_err().help.unwrap().contains("v1beta1"));
        assert!(written(&token(), Some("{")).is_err());
    }

    #[test]
    fn the_credential_is_what_kubectl_reads() {
        assert_eq!(
            written(&token(), None).unwrap(),
            json!({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1", "spec": {},
                   "status": {"expirationTimestamp": "2026-03-04T05:20:07Z", "token": "k8s-aws-v1.x"}})
        );
    }
}
