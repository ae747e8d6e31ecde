//! AWS for real: one operation, one signed request, one decoded answer.
//!
//! This file decides the way of a call through session, model, signature and wire, and what a call without an answer is
//! called. It must not know any operation's shapes: `runbook_aws` encodes and decodes.

pub(crate) mod clock;
mod credentials;
pub(crate) mod session;
pub(crate) mod signing;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use runbook_aws::http::{Request, Response, Signing};
use runbook_aws::{Operation, catalog};
use runbook_model::connection::{AwsConnection, Identity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use runbook_steps::contract::Pending;
use runbook_steps::ports::{Aws, AwsAnswer, AwsCall};
use tokio::sync::OnceCell;

use self::session::Session;
use self::turns::Turns;
use crate::http::{Http, NoAnswer, Received};

/// How long one request may take, its answer included; under the minute that a step's call may take.
const LIMIT: Duration = Duration::from_secs(50);

/// With these codes a service refuses a signature, and its date may be why.
const REFUSED_DATE: [&str; 6] = [
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Who asks, for the service's logs.
pub(crate) const USER_AGENT: &str = concat!("runbook/", env!("CARGO_PKG_VERSION"));

/// The port.
pub(crate) struct RealAws {
    http: Arc<Http>,
    limit: Duration,
    turns: Turns,
    /// One session per connection, made at its first use.
    sessions: Mutex<HashMap<AwsConnection, Arc<OnceCell<Session>>>>,
}

impl RealAws {
    pub(crate) fn new() -> Self {
        Self { http: Arc::new(Http::new()), limit: LIMIT, turns: Turns::default(), sessions: Mutex::default() }
    }

    #[cfg(test)]
    pub(crate) fn with_session(connection: &AwsConnection, session: Session) -> Self {
        let sessions = HashMap::from([(connection.clone(), Arc::new(OnceCell::from(session)))]);
        Self { sessions: Mutex::new(sessions), ..Self::new() }
    }

    /// The session of a connection, from which every call and every token of it is signed.
    pub(crate) async fn session(&self, connection: &AwsConnection) -> Result<SessionHandle, Failure> {
        let cell = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(sessions.entry(connection.clone()).or_default())
        };
        cell.get_or_try_init(|| Session::open(connection, &self.http)).await?;
        Ok(SessionHandle(cell))
    }

    /// How many seconds this machine is ahead of the clock of AWS, if the connection has had an answer.
    pub(crate) fn ahead(&self, connection: &AwsConnection) -> Option<i64> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(connection)?.get()?.clock.ahead()
    }

    /// Calls an operation of the models.
    pub(crate) async fn invoke(
        &self,
        connection: &AwsConnection,
        operation: &Operation,
        params: &Value,
    ) -> Result<AwsAnswer, Failure> {
        let session = self.session(connection).await?;
        let endpoint = operation.endpoint(&session.endpoint_parameters(operation.service().id()), params)?;
        let request = operation.encode(params, &endpoint)?;
        match self.exchange(&session, operation, &request).await {
            Err(failure) => Err(session.explain(failure).await),
            answer => answer,
        }
    }

    async fn exchange(
        &self,
        session: &Session,
        operation: &Operation,
        request: &Request,
    ) -> Result<AwsAnswer, Failure> {
        let decoded = |received: &Received| {
            let response = Response { status: received.status, headers: &received.headers, body: &received.body };
            let answer = operation.decode(request, &response)?;
            Ok(AwsAnswer { output: answer.output, request_id: answer.request_id })
        };
        let received = self.send(session, operation, request).await?;
        let outcome = decoded(&received);
        // A request that the service refused for its date never took effect, so that sending it with the right date is
        // not a second try.
        let for_its_date = |failure: &Failure| failure.code.as_deref().is_some_and(|code| REFUSED_DATE.contains(&code));
        if outcome.as_ref().err().is_some_and(for_its_date) && session.clock.is_corrected_by(received.header("date")) {
            return decoded(&self.send(session, operation, request).await?);
        }
        outcome
    }

    async fn send(&self, session: &Session, operation: &Operation, request: &Request) -> Result<Received, Failure> {
        // Before it is signed: a signature has a date.
        let _turn = self.turns.take(&request.url).await;
        let wire = self.signed(session, request).await?;
        let host = wire.uri().authority().map_or("the service", |authority| authority.as_str()).to_owned();
        tracing::debug!(service = operation.service().name(), operation = operation.name(), host, "calling AWS");
        let received = self.http.send(wire, self.limit).await;
        session.clock.compare(received.as_ref().ok().and_then(|received| received.header("date")));
        received.map_err(|no_answer| request.redact(unanswered(operation, &host, &no_answer)))
    }

    async fn signed(&self, session: &Session, request: &Request) -> Result<http::Request<Full<Bytes>>, Failure> {
        let extra = match &request.signing {
            Signing::None => Vec::new(),
            Signing::V4 { .. } => {
                let credentials = session.credentials().await?;
                signing::headers(request, &credentials, session.clock.now()).map_err(|why| unsendable(&why))?
            }
        };
        let mut wire = http::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, value) in request.headers.iter().chain(&extra) {
            wire = wire.header(name, value);
        }
        wire = wire.header(http::header::USER_AGENT, USER_AGENT);
        wire.body(Full::new(Bytes::from(request.body.clone()))).map_err(|error| unsendable(&error.to_string()))
    }

    /// Who is at the other end.
    pub(crate) async fn identify(&self, connection: &AwsConnection) -> Result<Identity, Failure> {
        let session = self.session(connection).await?;
        // An endpoint of one's own answers without; but then nobody knows which region was met.
        let Some(region) = session.region() else {
            return Err(Failure::new(FailureClass::Invalid, "no AWS region is configured")
                .help("say it in `AWS_REGION`, in the connection's `region`, or with `aws configure set region …`"));
        };
        let caller = self.call_by_name(connection, "sts", "GetCallerIdentity", Value::Map(Map::new())).await?.output;
        let text = |name: &str| caller.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let principal = text("Arn");
        Ok(Identity::Aws {
            account: text("Account"),
            partition: principal.split(':').nth(1).unwrap_or("aws").to_owned(),
            region: region.to_owned(),
            principal,
        })
    }

    pub(crate) async fn call_by_name(
        &self,
        connection: &AwsConnection,
        service: &str,
        operation: &str,
        params: Value,
    ) -> Result<AwsAnswer, Failure> {
        let unknown = |why: String| Failure::new(FailureClass::Invalid, why);
        let service = catalog().service(service).map_err(|error| unknown(error.to_string()))?;
        let operation = service.operation(operation).map_err(|error| unknown(error.to_string()))?;
        self.invoke(connection, &operation, &params).await
    }
}

impl Aws for RealAws {
    fn call<'a>(&'a self, connection: &'a AwsConnection, call: AwsCall) -> Pending<'a, Result<AwsAnswer, Failure>> {
        Box::pin(async move { self.call_by_name(connection, &call.service, &call.operation, call.params).await })
    }
}

/// A session that is open.
pub(crate) struct SessionHandle(Arc<OnceCell<Session>>);

impl std::ops::Deref for SessionHandle {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.0.get().expect("a handle is only given for an open session")
    }
}

fn unsendable(why: &str) -> Failure {
    Failure::new(FailureClass::Invalid, format!("the request cannot be sent: {why}"))
}

/// A request without an answer, in doubt where it may have arrived.
fn unanswered(operation: &Operation, host: &str, no_answer: &NoAnswer) -> Failure {
    let what = operation.name();
    match no_answer {
        NoAnswer::NotSent(why) | NoAnswer::Distrusted(why) => Failure::new(
            FailureClass::Unavailable,
            format!("`{what}` could not be sent, for there is no connection to {host}: {why}"),
        )
        .help("check the network, the proxy settings and the connection's `region` and `endpoint`"),
        NoAnswer::Lost(why) => {
            Failure::new(FailureClass::Unavailable, format!("no answer to `{what}` from {host}: {why}")).doubtful()
        }
        NoAnswer::Late(_) => {
            Failure::new(FailureClass::Timeout, format!("`{what}` got {no_answer} from {host}")).doubtful()
        }
    }
}
