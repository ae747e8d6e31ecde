//! What the kubeconfig of this environment holds, for people who want to know whether it can be used.
//!
//! This file decides how a user of it is told. It must not run a program, reach a cluster or tell a key.

use kube::config::AuthInfo;
use runbook_model::failure::Failure;

use super::kubeconfig;
use super::program;

/// A context and its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeconfigContext {
    /// Its name.
    pub name: String,
    /// Is it the current one?
    pub current: bool,
    /// How its user proves who it is.
    pub user: KubeconfigUser,
}

/// How a user of a kubeconfig proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeconfigUser {
    /// A certificate, a token or a password in the file, or in one that it names.
    Held,
    /// Its program asks for a token of EKS, which is signed in this process instead.
    Signed {
        /// The cluster.
        cluster: String,
    },
    /// A program is run for it.
    Program {
        /// Its name or path, as the file says it.
        command: String,
    },
    /// The context names no user that is in the file.
    Absent,
}

/// All contexts of the files that the environment names.
pub(crate) fn contexts() -> Result<Vec<KubeconfigContext>, Failure> {
    let kubeconfig = kubeconfig::read(&kubeconfig::default_paths())?;
    let user = |name: Option<&str>| {
        let named = kubeconfig.auth_infos.iter().find(|named| Some(named.name.as_str()) == name);
        named.and_then(|named| named.auth_info.as_ref()).map_or(KubeconfigUser::Absent, told)
    };
    Ok(kubeconfig
        .contexts
        .iter()
        .map(|named| KubeconfigContext {
            name: named.name.clone(),
            current: kubeconfig.current_context.as_deref() == Some(named.name.as_str()),
            user: user(named.context.as_ref().and_then(|context| context.user.as_deref())),
        })
        .collect())
}

fn told(user: &AuthInfo) -> KubeconfigUser {
    let Some(exec) = &user.exec else { return KubeconfigUser::Held };
    match program::recognise(exec) {
        Some(signed) => KubeconfigUser::Signed { cluster: signed.cluster },
        None => KubeconfigUser::Program { command: exec.command.clone().unwrap_or_default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> KubeconfigUser {
        told(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_user_is_told_without_its_keys() {
        assert_eq!(user(r#"{"token": "hunter2"}"#), KubeconfigUser::Held);
        let aws = r#"{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws",
            "args": ["eks", "get-token", "--cluster-name", "demo", "--region", "eu-west-1"]}}"#;
        assert_eq!(user(aws), KubeconfigUser::Signed { cluster: "demo".into() });
        let other = r#"{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/opt/login"}}"#;
        assert_eq!(user(other), KubeconfigUser::Program { command: "/opt/login".into() });
    }
}
