//! One cluster: its address, the client, and how a request is authorized.
//!
//! This file decides how a connection becomes a client, and what a request without an answer is called. It must not know what
//! is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected};
use kube::client::Body;
use kube::{Client, Config};
use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use runbook_steps::kubernetes::object::Object;
use runbook_steps::kubernetes::refusal;
use runbook_steps::ports::{Access, ApplyRefused};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::discovery::Known;
use super::{access, answer, bootstrap, karmada, kubeconfig};
use crate::aws::{RealAws, USER_AGENT as US};
use crate::eks::token::Tokens;
use crate::http::{NoAnswer, cause, no_answer};

/// How long one request may take, its answer included.
const LIMIT: Duration = Duration::from_secs(40);

/// A client for one cluster.
pub(super) struct Cluster {
    client: Client,
    server: String,
    /// The certificates of its authority; empty for those of the machine.
    authority: Vec<Vec<u8>>,
    default_namespace: String,
    name: Option<String>,
    access: Result<Access, Failure>,
    tokens: Option<Tokens>,
    out_of_reach: AtomicBool,
    /// What it was found to serve.
    pub(super) known: Known,
}

/// A request.
pub(super) struct Question {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    /// Type and bytes of the body.
    pub(super) content: Option<(&'static str, Vec<u8>)>,
}

impl Question {
    pub(super) fn read(path: String) -> Self {
        Self { method: Method::GET, path, content: None }
    }
}

/// An answer that is an object or a list.
pub(super) struct Answer {
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

impl Cluster {
    /// Finds a cluster and makes a client for it. Nothing is sent to the cluster yet, unless a bootstrap token is all that
    /// there is: then a certificate is asked for.
    ///
    /// # Errors
    /// `missing` if there is no such cluster or context, or why it cannot be used.
    pub(super) async fn open(connection: &Connection, aws: &Arc<RealAws>) -> Result<Self, Failure> {
        let invalid = |message: String| Failure::new(FailureClass::Invalid, message);
        match connection {
            Connection::Eks { cluster, aws: through } => {
                let config = eks(aws, through, cluster).await?;
                let tokens = Tokens::new(Arc::clone(aws), through.clone(), cluster.clone());
                let access = access::of(&config, Some((cluster, &pinned(aws, through).await?)));
                Self::new(config, access, Some(cluster.clone()), Some(tokens)).await
            }
            Connection::Kubeconfig { path, contexts } => {
                let chosen = kubeconfig::choose(path.as_deref(), contexts).await?;
                let signed = chosen.user.as_ref().map(|user| (user.cluster.as_str(), &user.aws));
                let access = access::of(&chosen.config, signed);
                let tokens = chosen.user.map(|user| Tokens::new(Arc::clone(aws), user.aws, user.cluster));
                Self::new(chosen.config, access, Some(chosen.cluster), tokens).await
            }
            Connection::Karmada { host, namespace, endpoint } => {
                let host = Box::pin(Self::open(host, aws)).await?;
                let config = karmada::config(&host, namespace, endpoint.as_deref()).await?;
                let access = access::of(&config, None);
                Self::new(config, access, Some(namespace.clone()), None).await
            }
            Connection::Bootstrap { endpoint, token, ca_cert_hash } => {
                let config = bootstrap::Word::new(endpoint, token, ca_cert_hash)?.config().await?;
                Self::new(config, Err(bootstrap::nothing_to_hand_on()), None, None).await
            }
            Connection::Aws(_) => {
                Err(invalid(format!("the connection is to AWS ({}), not to a cluster", connection.label()))
                    .help("name an `eks` or `kubeconfig` connection in the step's `connection`"))
            }
        }
    }

    /// A client for the cluster of a configuration.
    ///
    /// # Errors
    /// `invalid` if its certificates or credentials cannot be used.
    pub(super) async fn new(
        config: Config,
        access: Result<Access, Failure>,
        name: Option<String>,
        tokens: Option<Tokens>,
    ) -> Result<Self, Failure> {
        let server = config.cluster_url.to_string();
        let authority = config.root_cert.clone().unwrap_or_default();
        let default_namespace = config.default_namespace.clone();
        // A user's program runs while the client is made, and may take its time.
        let made = tokio::task::spawn_blocking(move || kubeconfig::client(&config)).await;
        let client = made.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()))??;
        Ok(Self {
            client,
            server: server.trim_end_matches('/').to_owned(),
            authority,
            default_namespace,
            name,
            access,
            tokens,
            out_of_reach: AtomicBool::new(false),
            known: Known::default(),
        })
    }

    /// Where objects go that name no namespace.
    pub(super) fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// What somebody else needs to reach it.
    ///
    /// # Errors
    /// `invalid` for a file that its kubeconfig points to and that cannot be read.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        self.access.clone()
    }

    /// Could the last request not be sent?
    pub(super) fn is_out_of_reach(&self) -> bool {
        self.out_of_reach.load(Ordering::Relaxed)
    }

    /// Asks for an object or a list, or sends one.
    ///
    /// # Errors
    /// The server's refusal, or why there is no answer.
    pub(super) async fn ask(&self, question: Question) -> Result<Answer, ApplyRefused> {
        let changes = question.method != Method::GET;
        let exchange = async {
            let response = self.send(question).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| NoAnswer::Lost(cause(&error)))?.to_bytes();
            Ok::<_, Trouble>((parts, body))
        };
        let outcome = tokio::time::timeout(LIMIT, exchange).await.unwrap_or(Err(NoAnswer::Late(LIMIT).into()));
        let (parts, body) = outcome.map_err(|trouble| self.failure(trouble, changes))?;
        if !parts.status.is_success() {
            return Err(self.refused(&parts, &body).await);
        }
        let object: serde_json::Value = serde_json::from_slice(&body).map_err(|error| {
            let failure = Failure::new(
                FailureClass::Unknown,
                format!("{} answered something that is no JSON: {error}", self.server),
            );
            if changes { failure.doubtful() } else { failure }
        })?;
        Ok(Answer { object: object.into(), warnings: answer::warnings(&parts.headers) })
    }

    /// Asks for a stream of events, and gives its body.
    ///
    /// # Errors
    /// As [`Cluster::ask`].
    pub(super) async fn stream(&self, question: Question, limit: Duration) -> Result<Body, ApplyRefused> {
        let sent = tokio::time::timeout(limit, self.send(question)).await;
        let response =
            sent.unwrap_or(Err(NoAnswer::Late(limit).into())).map_err(|trouble| self.failure(trouble, false))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok(body);
        }
        let body = tokio::time::timeout(limit, body.collect()).await.ok().and_then(Result::ok);
        Err(self.refused(&parts, &body.map(Collected::to_bytes).unwrap_or_default()).await)
    }

    async fn send(&self, question: Question) -> Result<Response<Body>, Trouble> {
        let mut request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, US);
        if let Some(tokens) = &self.tokens {
            let token = tokens.token().await?;
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Failure::new(FailureClass::Unknown, "the token cannot be sent"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let (content_type, bytes) = question.content.map_or((None, Vec::new()), |(of, bytes)| (Some(of), bytes));
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Body::from(bytes))
            .map_err(|error| Failure::new(FailureClass::Invalid, format!("the request cannot be sent: {error}")))?;
        let outcome = self.client.send(request).await.map_err(|error| no_answer(&error));
        self.out_of_reach
            .store(matches!(outcome, Err(NoAnswer::NotSent(_) | NoAnswer::Distrusted(_))), Ordering::Relaxed);
        Ok(outcome?)
    }

    async fn refused(&self, parts: &http::response::Parts, body: &[u8]) -> ApplyRefused {
        if parts.status == StatusCode::UNAUTHORIZED
            && let Some(tokens) = &self.tokens
            && let Some(expired) = tokens.refused().await
        {
            return expired.into();
        }
        refusal::read(parts.status.as_u16(), body, answer::retry_after(&parts.headers))
    }

    fn failure(&self, trouble: Trouble, changes: bool) -> ApplyRefused {
        let no_answer = match trouble {
            Trouble::Before(failure) => return (*failure).into(),
            Trouble::NoAnswer(no_answer) => no_answer,
        };
        let server = &self.server;
        let failure = match &no_answer {
            NoAnswer::NotSent(why) => {
                return Failure::new(
                    FailureClass::Unavailable,
                    format!("there is no connection to the API server {server}: {why}"),
                )
                .help(
                    "check the network, the proxy settings and whether the cluster's endpoint is open to this machine",
                )
                .into();
            }
            NoAnswer::Distrusted(why) => {
                return Failure::new(
                    FailureClass::Invalid,
                    format!("the API server {server} is not the one that the connection trusts: {why}"),
                )
                .help(
                    "nothing was sent. The connection holds the certificate authority of another cluster, or the certificate has \
                     run out: get the cluster's kubeconfig anew, on EKS with `aws eks update-kubeconfig`",
                )
                .into();
            }
            NoAnswer::Lost(why) => {
                Failure::new(FailureClass::Unavailable, format!("no answer from the API server {server}: {why}"))
            }
            NoAnswer::Late(_) => {
                Failure::new(FailureClass::Timeout, format!("{no_answer} from the API server {server}"))
            }
        };
        if changes { failure.doubtful().into() } else { failure.into() }
    }

    /// Who this cluster is: the UID of `kube-system`, which lives as long as the cluster. Who may not read that is told the
    /// cluster by its address and certificate authority.
    ///
    /// # Errors
    /// As [`Cluster::ask`].
    pub(super) async fn identity(&self) -> Result<Identity, ApplyRefused> {
        let uid = match self.ask(Question::read("/api/v1/namespaces/kube-system".into())).await {
            Ok(answer) => Object(&answer.object).text(&["metadata", "uid"]).unwrap_or_default().to_owned(),
            Err(refused)
                if refused.failure.class == FailureClass::Denied
                    && refused.failure.code.as_deref() == Some("Forbidden") =>
            {
                let parts = [self.server.as_bytes(), &self.authority.concat()].concat();
                Digest::of(&parts).to_string()
            }
            Err(refused) => return Err(refused),
        };
        Ok(Identity::Kubernetes { uid, server: self.server.clone(), cluster: self.name.clone() })
    }
}

/// Why a request has no answer.
enum Trouble {
    /// Something failed before it could be sent.
    Before(Box<Failure>),
    NoAnswer(NoAnswer),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Before(Box::new(failure))
    }
}

impl From<NoAnswer> for Trouble {
    fn from(no_answer: NoAnswer) -> Self {
        Self::NoAnswer(no_answer)
    }
}

/// A connection with the region it has today, for those who will use it in another environment.
async fn pinned(aws: &RealAws, connection: &AwsConnection) -> Result<AwsConnection, Failure> {
    let region = aws.session(connection).await?.region().map(str::to_owned);
    Ok(AwsConnection { region: connection.region.clone().or(region), ..connection.clone() })
}

/// Address and certificates of an EKS cluster, as EKS says them.
async fn eks(aws: &RealAws, connection: &AwsConnection, cluster: &str) -> Result<Config, Failure> {
    let params = Value::Map(Map::from_iter([("name".to_owned(), Value::from(cluster))]));
    let answer = aws.call_by_name(connection, "eks", "DescribeCluster", params).await?.output;
    let described = Object(&answer);
    let text = |path: &[&str]| described.text(path);
    let (Some(endpoint), Some(authority)) =
        (text(&["cluster", "endpoint"]), text(&["cluster", "certificateAuthority", "data"]))
    else {
        let status = text(&["cluster", "status"]).unwrap_or("without a status");
        let message = format!("the EKS cluster `{cluster}` is {status} and has no endpoint yet");
        return Err(Failure::new(FailureClass::Unavailable, message).help("wait until it is ACTIVE before using it"));
    };
    let unusable = |why: String| {
        Failure::new(FailureClass::Invalid, format!("what EKS says of the cluster `{cluster}` cannot be used: {why}"))
    };
    let mut config =
        Config::new(endpoint.parse().map_err(|error| unusable(format!("`{endpoint}` is no address: {error}")))?);
    let pem = STANDARD.decode(authority).map_err(|error| unusable(format!("its certificate authority: {error}")))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| unusable(format!("its certificate authority: {error}")))?;
    config.root_cert = Some(certificates.iter().map(|certificate| certificate.to_vec()).collect());
    Ok(config)
}
