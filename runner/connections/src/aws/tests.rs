//! What becomes of a call when the wire, the service or the clock does not do its part.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use runbook_model::connection::{AwsConnection, Identity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use runbook_steps::ports::{Aws as _, AwsAnswer, AwsCall};
use serde_json::json;

use super::RealAws;
use super::session::Session;
use crate::loopback::{Loopback, Reply, nobody};

fn connection(endpoint: &str) -> AwsConnection {
    AwsConnection { endpoint: Some(endpoint.to_owned()), region: Some("eu-west-1".into()), ..AwsConnection::default() }
}

fn aws(endpoint: &str, limit: Duration) -> RealAws {
    let connection = connection(endpoint);
    let credentials = Credentials::new("AKID", "the-secret-key", Some("the-session-token".into()), None, "test");
    RealAws { limit, ..RealAws::with_session(&connection, Session::fixed(&connection, credentials)) }
}

async fn list_clusters(endpoint: &str) -> Result<AwsAnswer, Failure> {
    let call = AwsCall { service: "eks".into(), operation: "ListClusters".into(), params: Value::Map(Map::new()) };
    aws(endpoint, Duration::from_millis(300)).call(&connection(endpoint), call).await
}

fn clusters() -> Reply {
    Reply::json(200, &json!({"clusters": ["a"]})).with("x-amzn-RequestId", "r-1")
}

fn refusal(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"message": "because"})).with("x-amzn-ErrorType", code)
}

#[tokio::test]
async fn a_call_is_signed_and_its_answer_decoded() {
    let server = Loopback::replying([clusters()]).await;
    let answer = list_clusters(&server.url).await.unwrap();
    assert_eq!(answer.output.get("clusters"), Some(&Value::from(json!(["a"]))));
    assert_eq!(answer.request_id.as_deref(), Some("r-1"));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "GET /clusters");
    assert_eq!(asked.header("user-agent"), Some(concat!("runbook/", env!("CARGO_PKG_VERSION"))));
    let authorization = asked.header("authorization").unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") && authorization.contains("/eu-west-1/eks/")
    );
    assert_eq!(asked.header("x-amz-security-token"), Some("the-session-token"));
}

#[tokio::test]
async fn the_length_of_an_object_is_told_without_the_object() {
    let said = Reply::Say(200, vec![("etag", "\"e\"".into())], "x".repeat(1_234));
    let server = Loopback::replying([said.clone(), said]).await;
    let aws = aws(&server.url, Duration::from_millis(300));
    // Twice over one connection, which a body that nobody takes would upset.
    for _ in 0..2 {
        let params = Value::from(json!({"Bucket": "b", "Key": "k"}));
        let call = AwsCall { service: "s3".into(), operation: "HeadObject".into(), params };
        let answer = aws.call(&connection(&server.url), call).await.unwrap();
        assert_eq!(answer.output.get("ContentLength"), Some(&Value::from(1_234_i64)));
    }
    assert_eq!(server.asked()[0].line, "HEAD /b/k");
}

#[tokio::test]
async fn only_what_may_have_arrived_is_in_doubt() {
    for (reply, class, in_doubt) in [
        (Reply::Close, FailureClass::Unavailable, true),
        (Reply::BreakOff("{\"clusters\":".into()), FailureClass::Unavailable, true),
        (Reply::Silence, FailureClass::Timeout, true),
        (refusal(500, "ServerException"), FailureClass::Unavailable, false),
        (refusal(503, "ServiceUnavailableException"), FailureClass::Unavailable, false),
        (refusal(429, "TooManyRequestsException"), FailureClass::Throttled, false),
        (refusal(400, "ThrottlingException"), FailureClass::Throttled, false),
        (refusal(403, "AccessDeniedException"), FailureClass::Denied, false),
        (refusal(404, "ResourceNotFoundException"), FailureClass::Missing, false),
    ] {
        let server = Loopback::replying([reply.clone()]).await;
        let failure = list_clusters(&server.url).await.unwrap_err();
        assert_eq!((failure.class, failure.in_doubt), (class, in_doubt), "{reply:?}: {failure}");
        assert_eq!(server.asked().len(), 1, "{reply:?}");
    }
    let failure = list_clusters(&nobody().await).await.unwrap_err();
    assert_eq!((failure.class, failure.in_doubt), (FailureClass::Unavailable, false));
    assert!(failure.message.contains("there is no connection to 127.0.0.1:"), "{failure}");
    let failure = list_clusters("http://no-such-host.invalid").await.unwrap_err();
    assert_eq!((failure.class, failure.in_doubt), (FailureClass::Unavailable, false), "{failure}");
}

#[tokio::test]
async fn a_gateway_that_gives_up_leaves_the_effect_in_doubt() {
    for status in [502, 504] {
        let gateway = Reply::Say(status, vec![("content-type", "text/html".into())], "<html>timeout</html>".into());
        let server = Loopback::replying([gateway]).await;
        let failure = list_clusters(&server.url).await.unwrap_err();
        assert_eq!((failure.class, failure.in_doubt), (FailureClass::Unavailable, true), "{status}: {failure}");
    }
}

#[tokio::test]
async fn expired_credentials_are_told_with_what_helps() {
    let server = Loopback::replying([refusal(403, "ExpiredTokenException")]).await;
    let failure = list_clusters(&server.url).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::ExpiredCredentials);
    assert!(failure.help.is_some());
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_the_answer() {
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let date = DateTime::from(tomorrow).fmt(Format::HttpDate).unwrap();
    let refused = refusal(403, "InvalidSignatureException").with("date", date);
    let server = Loopback::replying([refused.clone(), clusters(), refused]).await;
    list_clusters(&server.url).await.unwrap();
    let dates: Vec<String> =
        server.asked().iter().map(|asked| asked.header("x-amz-date").unwrap()[..8].to_owned()).collect();
    let day = |time: SystemTime| DateTime::from(time).fmt(Format::DateTime).unwrap()[..10].replace('-', "");
    assert_eq!(dates, [day(SystemTime::now()), day(tomorrow)]);
}

#[tokio::test]
async fn only_a_refused_signature_with_a_wrong_date_is_sent_again() {
    let date =
        |seconds: u64| DateTime::from(SystemTime::now() + Duration::from_secs(seconds)).fmt(Format::HttpDate).unwrap();
    for (status, code, ahead, class) in [
        (403, "InvalidSignatureException", 0, FailureClass::Denied),
        // It failed for another reason, perhaps after it took effect.
        (500, "ServerException", 86_400, FailureClass::Unavailable),
    ] {
        let server = Loopback::replying([refusal(status, code).with("date", date(ahead)), clusters()]).await;
        assert_eq!(list_clusters(&server.url).await.unwrap_err().class, class);
        assert_eq!(server.asked().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_identity_is_the_callers() {
    let body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
        <Arn>arn:aws-cn:sts::123456789012:assumed-role/r/s</Arn><UserId>u</UserId><Account>123456789012</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let server = Loopback::replying([Reply::Say(200, vec![("content-type", "text/xml".into())], body.into())]).await;
    let identity = aws(&server.url, Duration::from_secs(5)).identify(&connection(&server.url)).await.unwrap();
    let text = str::to_owned;
    assert_eq!(
        identity,
        Identity::Aws {
            account: text("123456789012"),
            partition: text("aws-cn"),
            region: text("eu-west-1"),
            principal: text("arn:aws-cn:sts::123456789012:assumed-role/r/s"),
        }
    );
    assert_eq!(server.asked()[0].body, "Action=GetCallerIdentity&Version=2011-06-15");
}

#[tokio::test]
async fn without_a_region_nobody_is_asked() {
    let server = Loopback::replying([clusters()]).await;
    let connection = AwsConnection { region: None, ..connection(&server.url) };
    let credentials = Credentials::new("AKID", "the-secret-key", None, None, "test");
    let aws = RealAws::with_session(&connection, Session::fixed(&connection, credentials));
    let failure = aws.identify(&connection).await.unwrap_err();
    assert_eq!((failure.class, failure.message.as_str()), (FailureClass::Invalid, "no AWS region is configured"));
    assert!(failure.help.is_some_and(|help| help.contains("AWS_REGION")) && server.asked().is_empty());
}

#[tokio::test]
async fn operations_without_a_signature_carry_none() {
    let server = Loopback::replying([Reply::Say(200, vec![], "<x/>".into())]).await;
    let params = json!({"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session", "WebIdentityToken": "a-token"});
    let call = AwsCall { service: "sts".into(), operation: "AssumeRoleWithWebIdentity".into(), params: params.into() };
    aws(&server.url, Duration::from_secs(5)).call(&connection(&server.url), call).await.unwrap();
    assert_eq!(server.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn nothing_that_is_said_shows_a_key() {
    let server = Loopback::replying([Reply::Close]).await;
    let failure = list_clusters(&server.url).await.unwrap_err();
    let told = format!("{failure:?}");
    assert!(!told.contains("the-secret-key") && !told.contains("the-session-token"));
}
