//! Tokens for EKS clusters: a presigned `GetCallerIdentity`, made without asking anybody.
//!
//! This file decides the form of a token (`k8s-aws-v1.` and the URL in base64), and how long one is used. The API server's
//! authenticator takes it for 15 minutes from its date, whatever the URL says of its expiry, as long as the credentials
//! that signed it live. It must not know who uses it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runbook_aws::catalog;
use runbook_model::connection::AwsConnection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use tokio::sync::Mutex;

use crate::aws::RealAws;
use crate::aws::signing::{Scope, presigned};

const PREFIX: &str = "k8s-aws-v1.";

/// The header that binds a token to one cluster; the authenticator adds it when it asks STS.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// What the URL says of its own expiry, as all tools write it. It is not the token's.
const URL_EXPIRY: Duration = Duration::from_secs(60);

/// For how long a token is used; one minute less than the authenticator takes it.
const LIFE: Duration = Duration::from_secs(14 * 60);

/// A token with less life than this is replaced.
const FRESH: Duration = Duration::from_secs(4 * 60);

/// Where nothing says a region, STS is asked in the one that every account has.
const REGION: &str = "us-east-1";

/// A token. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// When it should no longer be used.
    pub(crate) expires: SystemTime,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The tokens of one cluster, renewed as they age.
pub(crate) struct Tokens {
    aws: Arc<RealAws>,
    connection: AwsConnection,
    cluster: String,
    known: Mutex<Option<Token>>,
}

impl Tokens {
    pub(crate) fn new(aws: Arc<RealAws>, connection: AwsConnection, cluster: String) -> Self {
        Self { aws, connection, cluster, known: Mutex::default() }
    }

    /// A token that is good for some minutes more.
    ///
    /// # Errors
    /// Why there are no credentials to sign it with.
    pub(crate) async fn token(&self) -> Result<String, Failure> {
        let mut known = self.known.lock().await;
        let now = self.aws.session(&self.connection).await?.clock.now();
        if let Some(token) = known.as_ref().filter(|token| token.expires > now + FRESH) {
            return Ok(token.text.clone());
        }
        let token = sign(&self.aws, &self.connection, &self.cluster).await?;
        Ok(known.insert(token).text.clone())
    }

    /// A cluster refused the token. Tells whether that is because the credentials ran out: an authenticator cannot say so,
    /// STS can.
    pub(crate) async fn refused(&self) -> Option<Failure> {
        *self.known.lock().await = None;
        let params = Value::Map(Map::new());
        match self.aws.call_by_name(&self.connection, "sts", "GetCallerIdentity", params).await {
            Err(failure) if failure.class == FailureClass::ExpiredCredentials => Some(failure),
            _ => None,
        }
    }
}

/// Makes a token.
///
/// # Errors
/// Why there are no credentials to sign it with, or no endpoint of STS.
pub(crate) async fn sign(aws: &RealAws, connection: &AwsConnection, cluster: &str) -> Result<Token, Failure> {
    let session = aws.session(connection).await?;
    let unknown = |why: String| Failure::new(FailureClass::Unknown, why);
    let sts = catalog().service("sts").map_err(|error| unknown(error.to_string()))?;
    let operation = sts.operation("GetCallerIdentity").map_err(|error| unknown(error.to_string()))?;
    let mut parameters = session.endpoint_parameters(sts.id());
    let region = parameters.region.get_or_insert_with(|| REGION.to_owned()).clone();
    let endpoint = operation.endpoint(&parameters, &Value::Map(Map::new()))?;
    let credentials = session.credentials().await?;
    let now = session.clock.now();
    let text = text(&endpoint.url, &region, cluster, &credentials, now).map_err(unknown)?;
    let expires = [Some(now + LIFE), credentials.expiry()].into_iter().flatten().min().unwrap_or(now);
    Ok(Token { text, expires })
}

fn text(sts: &str, region: &str, cluster: &str, credentials: &Credentials, now: SystemTime) -> Result<String, String> {
    let url = format!("{}/?Action=GetCallerIdentity&Version=2011-06-15", sts.trim_end_matches('/'));
    let scope = Scope { name: "sts", region };
    let url = presigned(&url, &[(CLUSTER_HEADER, cluster)], scope, credentials, now, URL_EXPIRY)
        .map_err(|why| format!("the token for the cluster `{cluster}` cannot be signed: {why}"))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url)))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;
    use aws_smithy_types::date_time::Format;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        time: String,
        tokens: Vec<Vector>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        name: String,
        access_key: String,
        secret: String,
        cluster: String,
        token: String,
    }

    /// Tokens that botocore made at a fixed time; see `make_vectors.py` beside them.
    const VECTORS: &str = include_str!("../../../../tests/cluster/aws-side/token/testdata/vectors.json");

    fn query(url: &str, name: &str) -> Option<String> {
        let (_, query) = url.split_once('?')?;
        let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1;
        Some(percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned())
    }

    #[test]
    fn tokens_are_those_of_the_aws_cli() {
        let vectors: Vectors = serde_json::from_str(VECTORS).unwrap();
        let time = SystemTime::try_from(DateTime::from_str(&vectors.time, Format::DateTime).unwrap()).unwrap();
        let mut compared = 0;
        for vector in vectors.tokens {
            let url = String::from_utf8(URL_SAFE_NO_PAD.decode(&vector.token[PREFIX.len()..]).unwrap()).unwrap();
            let region = query(&url, "X-Amz-Credential").unwrap().split('/').nth(2).unwrap().to_owned();
            if query(&url, "X-Amz-Expires").unwrap() != "60" {
                continue;
            }
            let session = query(&url, "X-Amz-Security-Token");
            let credentials = Credentials::new(vector.access_key, vector.secret, session, None, "test");
            let endpoint = url.split("/?").next().unwrap();
            let made = text(endpoint, &region, &vector.cluster, &credentials, time).unwrap();
            assert_eq!(made, vector.token, "{}: {url}", vector.name);
            compared += 1;
        }
        assert_eq!(compared, 4);
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token { text: "k8s-aws-v1.secret".into(), expires: SystemTime::UNIX_EPOCH };
        assert!(!format!("{token:?}").contains("secret"));
    }
}
