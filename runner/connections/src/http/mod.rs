//! HTTP: one request, one answer, never a second try.
//!
//! This file decides how long each part may take and, above all, whether a request that failed may have arrived: that
//! makes the difference between an effect that did not happen and one in doubt. It must not know what is sent.

mod connector;
mod smithy;
mod tls;

use std::error::Error as StdError;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::HttpsConnector;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub(crate) use self::connector::Connector;
pub(crate) use self::smithy::for_credentials;

/// How long a connection may take to stand, TLS included. A host that does not answer by then is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. A request on one that the other side closes in that moment is lost, and its effect in
/// doubt; servers close theirs after 20 seconds and more, so that this stays far away from it.
const IDLE: Duration = Duration::from_secs(5);

type Plain = Client<TimeoutConnector<Connector>, Full<Bytes>>;
type Secure = Client<TimeoutConnector<HttpsConnector<Connector>>, Full<Bytes>>;

/// A pool of connections.
pub(crate) struct Http {
    plain: Plain,
    /// Made when it is first needed: reading the machine's certificates takes longer than a call.
    secure: OnceLock<Result<Secure, String>>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Is the body only its beginning, because there was more than was wanted?
    pub(crate) is_cut: bool,
}

impl Received {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer. The words are a lower-case fragment without the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It never left: nothing can have happened.
    #[error("{0}")]
    NotSent(String),
    /// It never left, for the certificate of whoever took the connection is not believed.
    #[error("{0}")]
    Distrusted(String),
    /// It may have arrived.
    #[error("{0}")]
    Lost(String),
    /// It may have arrived, and there was no answer in time.
    #[error("no answer within {} seconds", .0.as_secs())]
    Late(Duration),
}

impl Http {
    pub(crate) fn new() -> Self {
        Self { plain: pool(Connector::new()), secure: OnceLock::new() }
    }

    /// One that trusts nobody but the owners of these certificates (PEM).
    ///
    /// # Errors
    /// Why they cannot be used.
    pub(crate) fn trusting(certificates: &str) -> Result<Self, String> {
        let secure = pool(tls::trusting(certificates, Connector::new())?);
        Ok(Self { secure: OnceLock::from(Ok(secure)), ..Self::new() })
    }

    /// Sends a request and reads the whole answer within `limit`.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, limit: Duration) -> Result<Received, NoAnswer> {
        self.exchange(request, limit, usize::MAX).await
    }

    /// Gets what stands at a URL, at most so many bytes of it, within `limit`.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub(crate) async fn get(&self, url: &Uri, limit: Duration, most: usize) -> Result<Received, NoAnswer> {
        let request = Request::get(url.clone()).header("user-agent", crate::aws::USER_AGENT).body(Full::default());
        self.exchange(request.map_err(|error| NoAnswer::NotSent(error.to_string()))?, limit, most).await
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limit: Duration,
        most: usize,
    ) -> Result<Received, NoAnswer> {
        let exchange = async {
            let response = if request.uri().scheme_str() == Some("https") {
                let secure = self.secure.get_or_init(|| Ok(pool(tls::connector(Connector::new())?)));
                secure.as_ref().map_err(|why| NoAnswer::NotSent(why.clone()))?.request(request).await
            } else {
                self.plain.request(request).await
            };
            let (parts, mut stream) = response.map_err(|error| no_answer(&error))?.into_parts();
            let mut body = Vec::new();
            while body.len() <= most
                && let Some(frame) = stream.frame().await
            {
                let frame =
                    frame.map_err(|error| NoAnswer::Lost(format!("the answer broke off: {}", cause(&error))))?;
                body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
            }
            let is_cut = body.len() > most;
            body.truncate(most);
            let headers = parts.headers.iter().map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            Ok(Received { status: parts.status.as_u16(), headers: headers.collect(), body: body.into(), is_cut })
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(NoAnswer::Late(limit)))
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

/// A pool of connections that a connector opens.
pub(crate) fn pool<C, B>(connector: C) -> Client<TimeoutConnector<C>, B>
where
    C: tower::Service<Uri> + Clone + Send + Sync + 'static,
    C::Response:
        hyper_util::client::legacy::connect::Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: http_body::Body + Send,
    B::Data: Send,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(Some(CONNECT));
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector)
}

/// What an error of a request means for it.
pub(crate) fn no_answer(error: &(dyn StdError + 'static)) -> NoAnswer {
    let why = cause(error);
    let (mut next, mut is_sent) = (Some(error), true);
    while let Some(error) = next {
        if is_about_a_certificate(error) {
            return NoAnswer::Distrusted(why);
        }
        if error
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
        {
            is_sent = false;
        }
        next = error.source();
    }
    if is_sent { NoAnswer::Lost(format!("the connection broke: {why}")) } else { NoAnswer::NotSent(why) }
}

/// TLS hands its refusals on inside errors of input and output, one in another, which do not name them as their source.
fn is_about_a_certificate(error: &(dyn StdError + 'static)) -> bool {
    let mut inside = error;
    while let Some(inner) = inside.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        inside = inner;
    }
    matches!(inside.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
}

/// The innermost reason, which is the one that says something.
pub(crate) fn cause(error: &(dyn StdError + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let words = inner.to_string();
    // What a timer says of itself tells nobody what was waited for.
    if words == "deadline has elapsed" {
        return "nobody took the connection in time".into();
    }
    let mut letters = words.chars();
    // "Connection refused" becomes a fragment; "TLS …" and the like stay.
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(words.chars().skip(1)).collect()
        }
        _ => words,
    }
}
