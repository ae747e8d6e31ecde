//! Requests and answers as data: what is sent, how it is to be signed, what came back.
//!
//! This file decides what crosses the border between the model and whoever moves bytes (`connections`, `rehearsal`).
//! It must not know any HTTP library, and nothing in it shows a secret in `Debug`.

use std::fmt;

use runbook_model::failure::Failure;
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::value::Value;

/// A request, ready to be signed and sent. `Debug` shows the method and the host, nothing of the parameters.
#[derive(Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The whole URL: scheme, host with its prefix, encoded path and query.
    pub url: String,
    /// Headers by name; `host`, `content-length`, `user-agent` and those of the signature are not among them.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How it is signed.
    pub signing: Signing,
    /// The secrets that went into it.
    pub(crate) secrets: KnownSecrets,
}

impl Request {
    /// A failure of this request without the secrets that were sent: services quote parameters in their messages.
    /// For failures that did not come from [`crate::operation::Operation::decode`], which does this by itself.
    #[must_use]
    pub fn redact(&self, failure: Failure) -> Failure {
        self.secrets.redact_failure(failure)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        write!(f, "{} {origin}/… ({} bytes)", self.method, self.body.len())
    }
}

/// How a request proves who sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// Not at all.
    #[default]
    None,
    /// AWS Signature Version 4, in the `authorization` header.
    V4 {
        /// The service's name in the signature's scope, such as `elasticloadbalancing`.
        name: String,
        /// The region in the signature's scope; `us-east-1` for most global services.
        region: String,
        /// True for all but S3: the path is normalized and encoded a second time in the canonical request.
        encode_path_again: bool,
        /// What of the body is signed.
        payload: Payload,
    },
}

/// What of the body enters a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Its SHA-256, in the canonical request only.
    Signed,
    /// Its SHA-256, which the service also wants as the header `x-amz-content-sha256`.
    SignedWithHeader,
    /// Nothing: `UNSIGNED-PAYLOAD`, also as the header `x-amz-content-sha256`.
    Unsigned,
}

/// An answer as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The headers, in any case of letters.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A success, decoded.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The output with the API's own member names. Members the model knows are always there: null when left out, lists and
    /// maps empty. Sensitive members are secret.
    pub output: Value,
    /// The id under which the service remembers the call.
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use runbook_model::failure::FailureClass;
    use serde_json::json;

    use super::*;

    fn request(secret: &Value) -> Request {
        Request {
            method: "POST".into(),
            url: "https://rds.eu-west-1.amazonaws.com/path?password=hunter2hunter2".into(),
            headers: vec![("x-password".into(), "hunter2hunter2".into())],
            body: b"MasterUserPassword=hunter2hunter2".to_vec(),
            signing: Signing::None,
            secrets: KnownSecrets::default().and_all_of(secret),
        }
    }

    #[test]
    fn debug_shows_where_a_request_goes_and_nothing_of_it() {
        let shown = format!("{:?}", request(&Value::Null));
        assert_eq!(shown, "POST https://rds.eu-west-1.amazonaws.com/… (33 bytes)");
    }

    #[test]
    fn a_service_that_quotes_a_secret_is_not_believed() {
        let secret = Value::from(json!({"user": "ann", "both": ["hunter2hunter2", "hunter2"]})).into_secret();
        let failure = Failure::new(FailureClass::Invalid, "value 'hunter2hunter2' of user ann is too weak, hunter2");
        let told = request(&secret).redact(failure).message;
        assert_eq!(told, "value '(secret)' of user ann is too weak, (secret)");
    }
}
