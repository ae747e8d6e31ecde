//! Connections: through which door a step reaches the outside, and who was met there.
//!
//! This file decides the forms of a connection and what identifies its other end. It must not open any.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::{Map, Value};

/// A connection with every expression evaluated. Not written to journals; its [`Connection::label`] is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Connection {
    /// An AWS account and region.
    Aws(AwsConnection),
    /// An EKS cluster, found through AWS; nothing is written to disk.
    Eks {
        /// The name of the cluster in EKS.
        cluster: String,
        /// The account and region it is in.
        aws: AwsConnection,
    },
    /// A cluster of a kubeconfig.
    Kubeconfig {
        /// The file; `None` for what `KUBECONFIG` or the home folder says.
        path: Option<String>,
        /// Contexts to try; the first that exists is taken. Empty: the current one.
        contexts: Vec<String>,
    },
    /// A Karmada control plane, whose credentials are read from a Secret of its host cluster.
    Karmada {
        /// The host cluster.
        host: Box<Self>,
        /// Where Karmada lives in it.
        namespace: String,
        /// The address to use instead of the one in the Secret.
        endpoint: Option<String>,
    },
    /// A Karmada control plane, for whoever has nothing but a bootstrap token of it: members register with one.
    Bootstrap {
        /// The URL of its API.
        endpoint: String,
        /// The token; a secret, but for the six letters before the point.
        token: String,
        /// SHA-256 of the public key of its authority, as `sha256:` and hexadecimal digits.
        ca_cert_hash: String,
    },
}

/// What an AWS connection may say; what it leaves out comes from the AWS configuration's own chain.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AwsConnection {
    /// The region.
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The ARN of a role to assume.
    pub role: Option<String>,
    /// The external id that the role's trust asks for.
    pub external_id: Option<String>,
    /// The name of the assumed role's session.
    pub session_name: Option<String>,
    /// The URL that answers instead of AWS.
    pub endpoint: Option<String>,
}

impl AwsConnection {
    /// The keys an author may write.
    pub const KEYS: [&'static str; 6] = ["region", "profile", "role", "external-id", "session-name", "endpoint"];

    /// Reads the map behind `aws:`, from which nulls were left out. Keys it does not name keep the values of `self`.
    ///
    /// # Errors
    /// An unknown key, or a value that is not text.
    pub fn overlaid(mut self, map: &Map) -> Result<Self, String> {
        for (key, value) in map {
            let field = match key.as_str() {
                "region" => &mut self.region,
                "profile" => &mut self.profile,
                "role" => &mut self.role,
                "external-id" => &mut self.external_id,
                "session-name" => &mut self.session_name,
                "endpoint" => &mut self.endpoint,
                other => return Err(format!("an AWS connection has no `{other}`")),
            };
            let text = value.as_str().ok_or_else(|| format!("`{key}` is {}, not text", value.type_name()))?;
            *field = Some(text.to_owned());
        }
        Ok(self)
    }
}

impl Connection {
    /// How reports and journals name it; says nothing secret.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Aws(aws) => aws.label(),
            Self::Eks { cluster, aws } => format!("eks {cluster} ({})", aws.label()),
            Self::Kubeconfig { path, contexts } => {
                let file = path.as_deref().unwrap_or("the default file");
                match contexts.as_slice() {
                    [] => format!("kubeconfig {file}"),
                    some => format!("kubeconfig {file} ({})", some.join(" or ")),
                }
            }
            Self::Karmada { host, namespace, .. } => format!("karmada {namespace} on {}", host.label()),
            Self::Bootstrap { endpoint, token, .. } => {
                let id = token.split_once('.').map_or("", |(id, _)| id);
                format!("karmada at {endpoint} by token {id}")
            }
        }
    }

    /// The AWS connection itself, or the one an EKS cluster is found through.
    #[must_use]
    pub fn aws(&self) -> Option<&AwsConnection> {
        match self {
            Self::Aws(aws) | Self::Eks { aws, .. } => Some(aws),
            Self::Kubeconfig { .. } | Self::Karmada { .. } | Self::Bootstrap { .. } => None,
        }
    }
}

impl AwsConnection {
    fn label(&self) -> String {
        let parts: Vec<String> =
            [("profile", &self.profile), ("region", &self.region), ("role", &self.role), ("endpoint", &self.endpoint)]
                .into_iter()
                .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
                .collect();
        if parts.is_empty() { "aws".into() } else { format!("aws {}", parts.join(", ")) }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

impl fmt::Debug for AwsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

/// Who was met at the other end; journaled at the first use and compared on every resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Identity {
    /// An AWS account.
    Aws {
        /// The twelve digits.
        account: String,
        /// `aws`, `aws-cn`, `aws-us-gov`, …
        partition: String,
        /// The region that calls go to.
        region: String,
        /// The ARN of the caller. A session name at its end may change between processes.
        principal: String,
    },
    /// A Kubernetes cluster.
    Kubernetes {
        /// The UID of its namespace `kube-system`.
        uid: String,
        /// The address of its API server.
        server: String,
        /// The name of the cluster, as far as it has one.
        cluster: Option<String>,
    },
}

impl Identity {
    /// True if both are the same other end: an account, partition, region and principal without its session, or a cluster.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Aws { account, partition, region, principal },
                Self::Aws { account: a, partition: p, region: r, principal: who },
            ) => (account, partition, region) == (a, p, r) && without_session(principal) == without_session(who),
            (Self::Kubernetes { uid, .. }, Self::Kubernetes { uid: other, .. }) => uid == other,
            _ => false,
        }
    }

    /// What an expression may read as `connections.<name>.…`.
    #[must_use]
    pub fn members(&self) -> Map {
        let text = |text: &String| Value::String(text.clone());
        match self {
            Self::Aws { account, partition, region, principal } => Map::from_iter([
                ("account".to_owned(), text(account)),
                ("partition".to_owned(), text(partition)),
                ("region".to_owned(), text(region)),
                ("principal".to_owned(), text(principal)),
                ("cluster".to_owned(), Value::Null),
                ("server".to_owned(), Value::Null),
            ]),
            Self::Kubernetes { cluster, server, .. } => Map::from_iter([
                ("account".to_owned(), Value::Null),
                ("partition".to_owned(), Value::Null),
                ("region".to_owned(), Value::Null),
                ("principal".to_owned(), Value::Null),
                ("cluster".to_owned(), cluster.clone().map_or(Value::Null, Value::String)),
                ("server".to_owned(), text(server)),
            ]),
        }
    }
}

/// `arn:…:assumed-role/admin/ann` and `…/bob` are the same role in two sessions.
fn without_session(principal: &str) -> &str {
    match principal.split_once(":assumed-role/") {
        Some((head, tail)) => match tail.split_once('/') {
            Some((role, _)) => &principal[..head.len() + ":assumed-role/".len() + role.len()],
            None => principal,
        },
        None => principal,
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws { account, region, principal, .. } => write!(f, "account {account} in {region} as {principal}"),
            Self::Kubernetes { uid, server, cluster } => match cluster {
                Some(name) => write!(f, "cluster {name} at {server} (uid {uid})"),
                None => write!(f, "cluster at {server} (uid {uid})"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(principal: &str) -> Identity {
        Identity::Aws {
            account: "123456789012".into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            principal: principal.into(),
        }
    }

    #[test]
    fn sessions_of_one_role_are_the_same_caller() {
        let ann = aws("arn:aws:sts::123456789012:assumed-role/admin/ann");
        assert!(ann.is_same_as(&aws("arn:aws:sts::123456789012:assumed-role/admin/bob")));
        assert!(!ann.is_same_as(&aws("arn:aws:sts::123456789012:assumed-role/other/ann")));
        assert!(!aws("arn:aws:iam::123456789012:user/a").is_same_as(&aws("arn:aws:iam::123456789012:user/b")));
    }

    #[test]
    fn a_label_shows_what_was_said_and_nothing_secret() {
        let map = Map::from_iter([
            ("region".to_owned(), Value::from("eu-west-1")),
            ("external-id".to_owned(), Value::from("hush")),
        ]);
        let aws = AwsConnection::default().overlaid(&map).unwrap();
        let eks = Connection::Eks { cluster: "parent".into(), aws };
        assert_eq!(format!("{eks:?}"), "eks parent (aws region eu-west-1)");
        let bootstrap = Connection::Bootstrap {
            endpoint: "https://k:32443".into(),
            token: "abcdef.hush".into(),
            ca_cert_hash: "sha256:00".into(),
        };
        assert_eq!(format!("{bootstrap:?}"), "karmada at https://k:32443 by token abcdef");
        assert!(AwsConnection::default().overlaid(&Map::from_iter([("regio".to_owned(), "x".into())])).is_err());
    }
}
