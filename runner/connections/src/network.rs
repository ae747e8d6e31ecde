//! The net as it is: web servers, ports, names.
//!
//! This file decides how each is asked and what no answer is called. It must not know what is waited for.
//!
//! Whoever asks here waits for something to come up, and a packet that is lost says no more than a refused connection: both
//! are `unavailable`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::contract::Pending;
use runbook_steps::network::{HttpAnswer, HttpQuestion, Network};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::http::Http;

/// What of a page is read.
const MOST_BYTES: usize = 256 << 10;

/// How system libraries say that a name server did not answer, as opposed to a name that does not exist.
const NOBODY_SAYS: [&str; 2] = ["Temporary failure", "Try again"];

/// The port.
pub(crate) struct RealNetwork {
    http: Arc<Http>,
}

impl RealNetwork {
    pub(crate) fn new(http: Arc<Http>) -> Self {
        Self { http }
    }
}

impl Network for RealNetwork {
    fn http<'a>(&'a self, question: &'a HttpQuestion) -> Pending<'a, Result<HttpAnswer, Failure>> {
        Box::pin(async move {
            let url: Uri = question.url.parse().map_err(|error| invalid(format!("`url` is no URL: {error}")))?;
            if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
                return Err(invalid("`url` is no URL that begins with `https://` or `http://` and a host".into()));
            }
            let own = question.ca.as_deref().map(Http::trusting).transpose();
            let own = own.map_err(|why| invalid(format!("`ca` cannot be used: {why}")))?;
            let http = own.as_ref().unwrap_or(&self.http);
            let answer = http.get(&url, question.limit.into(), MOST_BYTES).await.map_err(|why| {
                let host = url.authority().map_or("", |authority| authority.as_str());
                unavailable(format!("{host} does not answer: {why}"))
            })?;
            Ok(HttpAnswer { status: answer.status, body: answer.body.into() })
        })
    }

    fn tcp<'a>(&'a self, host: &'a str, port: u16, limit: Duration) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            match timeout(limit.into(), TcpStream::connect((bare(host), port))).await {
                Ok(Ok(_stream)) => Ok(()),
                Ok(Err(error)) => {
                    Err(unavailable(format!("port {port} of {host} takes no connection: {}", words(&error))))
                }
                Err(_) => Err(unavailable(format!("port {port} of {host} does not answer within {limit}"))),
            }
        })
    }

    fn dns<'a>(&'a self, name: &'a str, limit: Duration) -> Pending<'a, Result<Vec<IpAddr>, Failure>> {
        Box::pin(async move {
            let found = match timeout(limit.into(), lookup_host((bare(name), 0))).await {
                Err(_) => return Err(unavailable(format!("nobody says within {limit} what `{name}` is"))),
                Ok(Err(error)) if NOBODY_SAYS.iter().any(|words| error.to_string().contains(words)) => {
                    return Err(unavailable(format!("nobody says what `{name}` is: {}", words(&error))));
                }
                Ok(Err(error)) => {
                    let message = format!("`{name}` does not resolve: {}", words(&error));
                    return Err(Failure::new(FailureClass::Missing, message));
                }
                Ok(Ok(found)) => found,
            };
            let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            Ok(addresses)
        })
    }
}

/// An address of IPv6 as URLs write it is one all the same.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn words(error: &io::Error) -> String {
    crate::http::cause(error)
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}

fn unavailable(message: String) -> Failure {
    Failure::new(FailureClass::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::{Loopback, Reply, nobody};

    const LIMIT: Duration = Duration::from_secs(5);

    fn network() -> RealNetwork {
        RealNetwork::new(Arc::new(Http::new()))
    }

    async fn http(url: &str, ca: Option<&str>) -> Result<HttpAnswer, Failure> {
        let question = HttpQuestion { url: url.into(), ca: ca.map(str::to_owned), limit: Duration::from_millis(300) };
        network().http(&question).await
    }

    #[tokio::test]
    async fn every_status_is_an_answer_and_no_redirection_is_followed() {
        let server = Loopback::replying([
            Reply::Say(503, Vec::new(), "not yet".into()),
            Reply::Say(302, vec![("location", "/elsewhere".into())], String::new()),
            Reply::Say(200, Vec::new(), "x".repeat(MOST_BYTES + 9)),
            Reply::Silence,
        ])
        .await;
        let url = format!("{}/readyz?verbose", server.url);
        let first = http(&url, None).await.unwrap();
        assert_eq!((first.status, first.body.as_slice()), (503, &b"not yet"[..]));
        assert_eq!(http(&url, None).await.unwrap().status, 302);
        assert_eq!(http(&url, None).await.unwrap().body.len(), MOST_BYTES);
        assert_eq!(http(&url, None).await.unwrap_err().class, FailureClass::Unavailable, "late is not there");
        assert_eq!(server.asked()[0].line, "GET /readyz?verbose");
        assert_eq!(http(&nobody().await, None).await.unwrap_err().class, FailureClass::Unavailable);
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_said() {
        for (url, ca, words) in [
            ("no url", None, "`url` is no URL"),
            ("ftp://x/", None, "begins with"),
            ("/path", None, "begins with"),
            ("https://localhost:1", Some("nonsense"), "no certificate"),
        ] {
            let refused = http(url, ca).await.unwrap_err();
            assert_eq!(refused.class, FailureClass::Invalid);
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }

    #[tokio::test]
    async fn ports_and_names_of_this_machine() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        network().tcp("localhost", port, LIMIT).await.unwrap();
        drop(listener);
        assert_eq!(network().tcp("127.0.0.1", port, LIMIT).await.unwrap_err().class, FailureClass::Unavailable);
        let here = network().dns("localhost", LIMIT).await.unwrap();
        assert!(here.iter().all(IpAddr::is_loopback) && !here.is_empty());
        assert_eq!(network().dns("[::1]", LIMIT).await.unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
        let absent = network().dns("nobody.invalid", LIMIT).await.unwrap_err();
        assert!([FailureClass::Missing, FailureClass::Unavailable].contains(&absent.class), "{absent}");
    }
}
