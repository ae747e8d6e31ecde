//! What becomes of questions to an API server that answers well, badly or not at all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use aws_credential_types::Credentials;
use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;
use runbook_steps::ports::{Apply, ApplyRefused, Kubernetes as _, ObjectName, Resource, Selection, Watched};
use serde_json::{Value as Json, json};

use super::RealKubernetes;
use crate::aws::RealAws;
use crate::aws::session::Session;
use crate::loopback::{Loopback, Reply, nobody};

/// A kubeconfig with one user and one cluster.
fn kubeconfig(folder: &Path, server: &str, user: &Json) -> Connection {
    let path = folder.join("config");
    let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "loopback", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "loopback", "user": "me", "namespace": "shop"}}]});
    std::fs::write(&path, text.to_string()).unwrap();
    Connection::Kubeconfig { path: Some(path.to_str().unwrap().to_owned()), contexts: Vec::new() }
}

struct Bench {
    server: Loopback,
    kubernetes: RealKubernetes,
    connection: Connection,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::with_user(replies, &json!({"token": "static-token"})).await
    }

    async fn with_user(replies: impl IntoIterator<Item = Reply>, user: &Json) -> Self {
        let server = Loopback::replying(replies).await;
        let folder = tempfile::tempdir().unwrap();
        let connection = kubeconfig(folder.path(), &server.url, user);
        let kubernetes = RealKubernetes::new(Arc::new(RealAws::new()));
        Self { server, kubernetes, connection, _folder: folder }
    }

    async fn get(&self) -> Result<Value, Failure> {
        let object = ObjectName { resource: config_maps(), namespace: None, name: "a".into() };
        self.kubernetes.get(&self.connection, &object).await
    }

    async fn apply(&self) -> Result<Vec<String>, ApplyRefused> {
        let object = ObjectName { resource: config_maps(), namespace: Some("other".into()), name: "a".into() };
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}).into();
        let apply = Apply { object, manifest, manager: "runbook/demo/a[b]".into(), force: true };
        Ok(self.kubernetes.apply(&self.connection, &apply).await?.warnings)
    }

    async fn watch(&self, patience: u64) -> Result<Watched, Failure> {
        let all =
            Selection { resource: config_maps(), namespace: None, name: Some("a".into()), labels: None, fields: None };
        self.kubernetes.watch(&self.connection, &all, "7", Duration::from_millis(patience)).await
    }

    fn lines(&self) -> Vec<String> {
        self.server.asked().into_iter().map(|asked| asked.line).collect()
    }
}

fn config_maps() -> Resource {
    Resource { api_version: "v1".into(), kind: "ConfigMap".into(), plural: "configmaps".into(), namespaced: true }
}

fn object() -> Reply {
    Reply::json(200, &json!({"kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": "7"}}))
}

fn status(code: u16, reason: &str) -> Reply {
    Reply::json(
        code,
        &json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "because", "code": code}),
    )
}

#[tokio::test]
async fn objects_are_asked_for_with_the_users_token_in_the_contexts_namespace() {
    let bench = Bench::new([object()]).await;
    assert_eq!(bench.get().await.unwrap().get("kind"), Some(&Value::from("ConfigMap")));
    let asked = &bench.server.asked()[0];
    assert_eq!(asked.line, "GET /api/v1/namespaces/shop/configmaps/a");
    assert_eq!(asked.header("authorization"), Some("Bearer static-token"));
    assert!(asked.header("user-agent").unwrap().starts_with("runbook/"));
}

#[tokio::test]
async fn an_apply_is_one_patch() {
    let warning = object().with("warning", "299 - \"old\"");
    let bench = Bench::new([warning, status(409, "Conflict")]).await;
    assert_eq!(bench.apply().await.unwrap(), ["old"]);
    let asked = &bench.server.asked()[0];
    assert_eq!(
        asked.line,
        "PATCH /api/v1/namespaces/other/configmaps/a?fieldManager=runbook%2Fdemo%2Fa%5Bb%5D&force=true"
    );
    assert_eq!(asked.header("content-type"), Some("application/apply-patch+yaml"));
    assert_eq!(asked.body, r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#);
    assert_eq!(bench.apply().await.unwrap_err().failure.class, FailureClass::Conflict);
}

#[tokio::test]
async fn refusals_are_classed_and_never_tried_again() {
    for (reply, class) in [
        (status(401, "Unauthorized"), FailureClass::Denied),
        (status(403, "Forbidden"), FailureClass::Denied),
        (status(404, "NotFound"), FailureClass::Missing),
        (status(429, "TooManyRequests").with("retry-after", "3"), FailureClass::Throttled),
        (status(500, "InternalError"), FailureClass::Unavailable),
        (status(503, "ServiceUnavailable"), FailureClass::Unavailable),
    ] {
        let bench = Bench::new([reply.clone(), object()]).await;
        let failure = bench.get().await.unwrap_err();
        assert_eq!(failure.class, class, "{reply:?}");
        assert_eq!(failure.retry_after.is_some(), class == FailureClass::Throttled);
        assert_eq!(bench.lines().len(), 1, "{reply:?}");
    }
}

#[tokio::test]
async fn only_a_change_that_may_have_arrived_is_in_doubt() {
    let bench = Bench::new([Reply::Close, Reply::Close, Reply::BreakOff("{".into())]).await;
    let read = bench.get().await.unwrap_err();
    assert_eq!((read.class, read.in_doubt), (FailureClass::Unavailable, false));
    for _ in 0..2 {
        let lost = bench.apply().await.unwrap_err().failure;
        assert_eq!((lost.class, lost.in_doubt), (FailureClass::Unavailable, true), "{lost}");
    }
    let folder = tempfile::tempdir().unwrap();
    let away = Bench { connection: kubeconfig(folder.path(), &nobody().await, &json!({})), ..Bench::new([]).await };
    let unsent = away.apply().await.unwrap_err().failure;
    assert_eq!((unsent.class, unsent.in_doubt), (FailureClass::Unavailable, false));
    assert!(unsent.message.starts_with("there is no connection to the API server http://127.0.0.1:"), "{unsent}");
}

#[tokio::test]
async fn discovery_remembers_what_is_served_and_not_what_is_not() {
    let listed = |kinds: &[&str]| {
        let resources: Vec<Json> = kinds
            .iter()
            .flat_map(|kind| {
                let plural = format!("{}s", kind.to_lowercase());
                [
                    json!({"name": plural, "kind": kind, "namespaced": true}),
                    json!({"name": plural + "/status", "kind": kind}),
                ]
            })
            .collect();
        Reply::json(200, &json!({"kind": "APIResourceList", "resources": resources}))
    };
    let bench = Bench::new([listed(&["Thing"]), listed(&["Thing", "Other"]), status(404, "NotFound")]).await;
    let discover =
        |api_version: &'static str, kind: &'static str| bench.kubernetes.discover(&bench.connection, api_version, kind);
    assert_eq!(discover("x.io/v1", "Thing").await.unwrap().plural, "things");
    assert_eq!(discover("x.io/v1", "Thing").await.unwrap().plural, "things");
    assert!(discover("x.io/v1", "Other").await.is_ok(), "what came later is found");
    let failure = discover("y.io/v1", "Thing").await.unwrap_err();
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (FailureClass::Missing, "the cluster does not serve `y.io/v1`")
    );
    assert_eq!(bench.lines(), ["GET /apis/x.io/v1", "GET /apis/x.io/v1", "GET /apis/y.io/v1"]);
}

#[tokio::test]
async fn a_kind_that_is_nearly_right_is_suggested() {
    let list = json!({"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": true}]});
    let bench = Bench::new([Reply::json(200, &list)]).await;
    let failure = bench.kubernetes.discover(&bench.connection, "apps/v1", "Deploymnt").await.unwrap_err();
    assert_eq!(failure.help.as_deref(), Some("did you mean `Deployment`?"));
}

fn event(of: &str, version: &str) -> String {
    json!({"type": of, "object": {"metadata": {"resourceVersion": version}}}).to_string() + "\n"
}

#[tokio::test]
async fn a_watch_ends_with_the_first_change() {
    let modified = event("MODIFIED", "8");
    let (first, second) = modified.split_at(20);
    let bench = Bench::new([Reply::Stream(vec![event("BOOKMARK", "8"), first.to_owned(), second.to_owned()])]).await;
    assert_eq!(bench.watch(50_000).await.unwrap(), Watched::Changed);
    assert_eq!(
        bench.lines(),
        [
            "GET /api/v1/configmaps?fieldSelector=metadata.name%3Da&watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=49"
        ]
    );
}

#[tokio::test]
async fn a_watch_without_changes_ends_with_the_patience() {
    let bench = Bench::new([Reply::Stream(vec![event("BOOKMARK", "8")]), Reply::Silence]).await;
    assert_eq!(bench.watch(50).await.unwrap(), Watched::Quiet);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_closed_goes_on_from_where_it_was() {
    let closed = |events: String| Reply::Say(200, Vec::new(), events);
    let bench = Bench::new([closed(event("BOOKMARK", "9")), closed(String::new()), closed(event("ADDED", "10"))]).await;
    assert_eq!(bench.watch(50_000).await.unwrap(), Watched::Changed);
    let from: Vec<bool> = bench.lines().iter().map(|line| line.contains("resourceVersion=9")).collect();
    assert_eq!(from, [false, true, true]);
}

#[tokio::test]
async fn a_forgotten_version_is_expired_however_it_is_said() {
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}});
    for reply in [status(410, "Expired"), status(410, "Gone"), Reply::Stream(vec![gone.to_string() + "\n"])] {
        assert_eq!(Bench::new([reply]).await.watch(50_000).await.unwrap(), Watched::Expired);
    }
    let denied = Bench::new([status(403, "Forbidden")]).await.watch(50_000).await.unwrap_err();
    assert_eq!(denied.class, FailureClass::Denied);
}

#[tokio::test]
async fn a_cluster_is_who_its_kube_system_is() {
    let namespace = Reply::json(200, &json!({"metadata": {"name": "kube-system", "uid": "u-1"}}));
    let bench = Bench::new([namespace, status(403, "Forbidden"), status(403, "Forbidden")]).await;
    let identity = bench.kubernetes.identify(&bench.connection).await.unwrap();
    let server = bench.server.url.clone();
    assert_eq!(identity, Identity::Kubernetes { uid: "u-1".into(), server, cluster: Some("loopback".into()) });
    let (one, two) =
        (bench.kubernetes.identify(&bench.connection).await, bench.kubernetes.identify(&bench.connection).await);
    let Identity::Kubernetes { uid, .. } = one.unwrap() else { panic!("is a cluster") };
    assert!(uid.starts_with("sha256:"), "who may not read it is told the address");
    assert!(two.unwrap().is_same_as(&Identity::Kubernetes { uid, server: String::new(), cluster: None }));
}

#[cfg(unix)]
#[tokio::test]
async fn other_programs_are_run_and_what_they_print_is_not_told() {
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "from-program"}});
    let user = |script: &str| json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script], "interactiveMode": "Never"}});
    let bench = Bench::with_user([object()], &user(&format!("echo '{credential}'"))).await;
    bench.get().await.unwrap();
    assert_eq!(bench.server.asked()[0].header("authorization"), Some("Bearer from-program"));

    for script in ["echo the-secret; exit 3", "echo the-secret"] {
        let failure = Bench::with_user([], &user(script)).await.get().await.unwrap_err();
        assert_eq!(failure.class, FailureClass::ExpiredCredentials, "{failure}");
        assert!(!format!("{failure:?}").contains("the-secret"));
    }
    let absent =
        Bench::with_user([], &json!({"exec": {"apiVersion": "x", "command": "no-such-program"}})).await.get().await;
    assert!(absent.unwrap_err().message.contains("cannot be run"));
}

/// AWS and the cluster behind one address: EKS describes a cluster that is the same server.
async fn eks(
    describe: impl Fn(&str) -> Reply + Send + Sync + 'static,
    cluster: Reply,
    sts: Reply,
) -> (Loopback, RealKubernetes, Connection) {
    let server = Loopback::answering(move |asked| match asked.line.split_whitespace().collect::<Vec<_>>()[..] {
        ["GET", path] if path.starts_with("/clusters/") => describe(asked.header("host").unwrap()),
        ["POST", "/"] => sts.clone(),
        _ => cluster.clone(),
    })
    .await;
    let through = AwsConnection {
        endpoint: Some(server.url.clone()),
        region: Some("eu-west-1".into()),
        ..AwsConnection::default()
    };
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let aws = RealAws::with_session(&through, Session::fixed(&through, credentials));
    (server, RealKubernetes::new(Arc::new(aws)), Connection::Eks { cluster: "parent".into(), aws: through })
}

/// A certificate authority, made for this test; nothing is encrypted with it.
const AUTHORITY: &str = include_str!("../../testdata/authority.pem");

fn active(host: &str) -> Reply {
    use base64::Engine as _;
    let authority = base64::engine::general_purpose::STANDARD.encode(AUTHORITY);
    Reply::json(
        200,
        &json!({"cluster": {"status": "ACTIVE", "endpoint": format!("http://{host}"), "certificateAuthority": {"data": authority}}}),
    )
}

fn ask<'a>(
    kubernetes: &'a RealKubernetes,
    connection: &'a Connection,
) -> impl Future<Output = Result<Identity, Failure>> + 'a {
    kubernetes.identify(connection)
}

#[tokio::test]
async fn an_eks_cluster_is_found_by_name_and_met_with_a_signed_token() {
    let namespace = Reply::json(200, &json!({"metadata": {"uid": "u-1"}}));
    let (server, kubernetes, connection) = eks(active, namespace, Reply::Close).await;
    let Identity::Kubernetes { uid, cluster, .. } = ask(&kubernetes, &connection).await.unwrap() else {
        panic!("is a cluster")
    };
    assert_eq!((uid.as_str(), cluster.as_deref()), ("u-1", Some("parent")));
    ask(&kubernetes, &connection).await.unwrap();
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines[0], "GET /clusters/parent");
    assert_eq!(lines.len(), 3, "a cluster is described once");
    let token = asked[1].header("authorization").unwrap();
    assert!(token.starts_with("Bearer k8s-aws-v1."));
    assert_eq!(asked[2].header("authorization"), Some(token), "a token is used while it is fresh");
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_missing_and_one_in_the_making_is_not_there_yet() {
    let missing = |_: &str| {
        Reply::json(404, &json!({"message": "No cluster found for name: parent."}))
            .with("x-amzn-errortype", "ResourceNotFoundException")
    };
    let (_server, kubernetes, connection) = eks(missing, Reply::Close, Reply::Close).await;
    assert_eq!(ask(&kubernetes, &connection).await.unwrap_err().class, FailureClass::Missing);

    let creating = |_: &str| Reply::json(200, &json!({"cluster": {"status": "CREATING"}}));
    let (_server, kubernetes, connection) = eks(creating, Reply::Close, Reply::Close).await;
    let failure = ask(&kubernetes, &connection).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unavailable);
    assert_eq!(failure.message, "the EKS cluster `parent` is CREATING and has no endpoint yet");
}

#[tokio::test]
async fn a_refused_token_is_a_matter_of_rights_or_of_expired_credentials() {
    let sts = |status: u16, code: &str| {
        let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>");
        Reply::Say(status, vec![("content-type", "text/xml".into())], body)
    };
    let who = Reply::Say(
        200,
        Vec::new(),
        "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>".into(),
    );
    for (sts, class) in [(sts(403, "ExpiredToken"), FailureClass::ExpiredCredentials), (who, FailureClass::Denied)] {
        let (_server, kubernetes, connection) = eks(active, status(401, "Unauthorized"), sts).await;
        let failure = ask(&kubernetes, &connection).await.unwrap_err();
        assert_eq!(failure.class, class, "{failure}");
        assert!(failure.help.is_some());
    }
}

#[tokio::test]
async fn what_cannot_be_a_cluster_says_so() {
    let kubernetes = RealKubernetes::new(Arc::new(RealAws::new()));
    let karmada = Connection::Karmada {
        host: Box::new(Connection::Aws(AwsConnection::default())),
        namespace: "karmada-system".into(),
        endpoint: None,
    };
    for (connection, words) in
        [(karmada, "not to a cluster"), (Connection::Aws(AwsConnection::default()), "not to a cluster")]
    {
        let failure = kubernetes.identify(&connection).await.unwrap_err();
        assert!(failure.class == FailureClass::Invalid && failure.message.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let bench = Bench::new([Reply::Silence]).await;
    tokio::time::pause();
    let waited = tokio::time::Instant::now();
    let failure = bench.get().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Timeout);
    assert!(waited.elapsed() >= StdDuration::from_secs(40));
}
