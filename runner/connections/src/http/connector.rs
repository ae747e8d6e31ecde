//! Connections, through a proxy where the environment names one.
//!
//! This file decides which targets go through which proxy: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` as curl reads them, for
//! `https` only (a plain `http` endpoint is a stand-in on the same machine or network), and never for this machine itself.
//! It must not know TLS.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

static PROXIES: LazyLock<Matcher> = LazyLock::new(Matcher::from_env);

/// Opens TCP connections, or tunnels through proxies.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    looks_for_proxies: bool,
}

impl Connector {
    /// Goes through the environment's proxies.
    pub(crate) fn new() -> Self {
        Self { looks_for_proxies: true, ..Self::direct() }
    }

    /// Goes straight to the target.
    pub(crate) fn direct() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { tcp, looks_for_proxies: false }
    }

    fn proxy(&self, target: &Uri) -> Option<Intercept> {
        let concerned = self.looks_for_proxies && target.scheme_str() == Some("https") && !is_this_machine(target);
        concerned.then(|| PROXIES.intercept(target)).flatten()
    }
}

/// No proxy leads back here.
fn is_this_machine(target: &Uri) -> bool {
    let host = target.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.proxy(&target) else {
            let connecting = self.tcp.call(target);
            return Box::pin(async { Ok(connecting.await?) });
        };
        if proxy.uri().scheme_str() != Some("http") {
            let scheme = proxy.uri().scheme_str().unwrap_or_default().to_owned();
            return Box::pin(async move {
                Err(format!(
                    "the environment names a proxy with the scheme `{scheme}`, and only `http` proxies are known"
                )
                .into())
            });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        Box::pin(async move { Ok(tunnel.call(target).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for (url, here) in [
            ("https://localhost:1/x", true),
            ("https://127.0.0.2", true),
            ("https://[::1]:8443/", true),
            ("https://localhost.example", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().unwrap()), here, "{url}");
        }
    }
}
