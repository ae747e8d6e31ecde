//! The same HTTP for the AWS crate that finds credentials.
//!
//! This file decides how its requests (to STS, IAM Identity Center, the metadata services) travel through [`Http`]. It must not
//! know what they ask.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::Response;
use http_body_util::Full;

use super::{Http, NoAnswer};

/// Unless the caller says otherwise; the metadata services do, for where there is none nothing answers.
const LIMIT: Duration = Duration::from_secs(20);

/// The client to hand to `aws-config`.
pub(crate) fn for_credentials(http: Arc<Http>) -> SharedHttpClient {
    http_client_fn(move |settings: &HttpConnectorSettings, _| {
        let limit = match (settings.connect_timeout(), settings.read_timeout()) {
            (Some(connect), Some(read)) => connect + read,
            (Some(_), None) => LIMIT,
            (None, Some(read)) => read,
            (None, None) => LIMIT,
        };
        SharedHttpConnector::new(ThroughHttp { http: Arc::clone(&http), limit: limit.min(LIMIT) })
    })
}

#[derive(Debug)]
struct ThroughHttp {
    http: Arc<Http>,
    limit: Duration,
}

impl HttpConnector for ThroughHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, limit) = (Arc::clone(&self.http), self.limit);
        HttpConnectorFuture::new(async move {
            let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
            let request = request.try_into_http1x().map_err(|error| user(error.into()))?;
            let (parts, body) = request.into_parts();
            // These requests are small and never streamed.
            let body = body.bytes().map(bytes::Bytes::copy_from_slice).ok_or_else(|| user("a streamed body".into()))?;
            let request = http::Request::from_parts(parts, Full::new(body));
            let received = http.send(request, limit).await.map_err(|no_answer| match no_answer {
                NoAnswer::NotSent(_) | NoAnswer::Distrusted(_) | NoAnswer::Lost(_) => {
                    ConnectorError::io(no_answer.into())
                }
                NoAnswer::Late(_) => ConnectorError::timeout(no_answer.into()),
            })?;
            let mut response = Response::builder().status(received.status);
            for (name, value) in &received.headers {
                response = response.header(name, value);
            }
            let response = response.body(SdkBody::from(received.body)).map_err(|error| user(error.into()))?;
            HttpResponse::try_from(response).map_err(|error| user(error.into()))
        })
    }
}
