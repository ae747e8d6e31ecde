//! Where credentials, regions and endpoints come from: the environment and the files of the AWS tools.
//!
//! Each test starts this program again, with an environment of its own, for one call; a server on this machine plays all
//! services and tells which keys the call was signed with.

#[expect(dead_code, reason = "the crate's own tests use the rest of it")]
#[path = "../src/loopback.rs"]
mod loopback;

use std::path::PathBuf;
use std::process::Stdio;

use loopback::{Asked, Loopback, Reply};
use runbook_connections::Connections;
use runbook_model::connection::{AwsConnection, Connection};
use runbook_model::value::{Map, Value};
use runbook_steps::ports::{AwsCall, Outside as _};
use serde_json::{Value as Json, json};

const RESULT: &str = "RESULT ";

/// The other side of [`World::call`].
#[tokio::test]
#[ignore = "started by the other tests, in an environment of its own"]
#[expect(clippy::print_stdout, reason = "its output is how the other test hears of it")]
async fn child() {
    let wish: Json = serde_json::from_str(&std::env::var("WISH").unwrap()).unwrap();
    let map = Value::from(wish["connection"].clone());
    let aws = AwsConnection::default().overlaid(map.as_map().unwrap_or(&Map::new())).unwrap();
    let outside = Connections::new();
    let text = |key: &str| wish[key].as_str().unwrap_or_default().to_owned();
    let outcome = match wish["ask"].as_str().unwrap() {
        "call" => {
            let call =
                AwsCall { service: text("service"), operation: text("operation"), params: Value::Map(Map::new()) };
            outside.aws().call(&aws, call).await.map(|answer| answer.output.redacted())
        }
        "token" => outside.exec_credential(&aws, "parent", None).await,
        "cluster" => {
            let connection = Connection::Kubeconfig { path: None, contexts: Vec::new() };
            outside.identify(&connection).await.map(|identity| json!(identity))
        }
        other => panic!("unknown wish {other}"),
    };
    let told = match outcome {
        Ok(answer) => json!({"ok": answer}),
        Err(failure) => json!({"failure": failure}),
    };
    println!("{RESULT}{told}");
}

/// The services, and a home folder.
struct World {
    server: Loopback,
    home: tempfile::TempDir,
}

/// A place that is no secret, and one that must not be told.
const SECRET: &str = "the-secret-access-key";

fn keys(name: &str) -> Json {
    json!({"AccessKeyId": name, "SecretAccessKey": SECRET, "SessionToken": "t", "Token": "t", "Expiration": "2100-01-01T00:00:00Z", "Code": "Success"})
}

fn sts(operation: &str, key: &str) -> Reply {
    let body = format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>x:y</AssumedRoleId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser></{operation}Result></{operation}Response>"
    );
    Reply::Say(200, vec![("content-type", "text/xml".into())], body)
}

fn services(asked: &Asked) -> Reply {
    let has = |text: &str| asked.body.contains(text);
    let path = asked.line.split_whitespace().nth(1).unwrap_or_default();
    match path.split('?').next().unwrap_or_default() {
        "/" if has("Action=AssumeRoleWithWebIdentity") => sts("AssumeRoleWithWebIdentity", "AKIDWEB"),
        "/" if has("role%2Fdenied") => {
            let body =
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>";
            Reply::Say(403, vec![("content-type", "text/xml".into())], body.into())
        }
        "/" if has("Action=AssumeRole") => sts("AssumeRole", "AKIDROLE"),
        "/" if has("Action=DescribeLoadBalancers") => Reply::Say(
            200,
            vec![("content-type", "text/xml".into())],
            "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult/></DescribeLoadBalancersResponse>".into(),
        ),
        "/clusters" => Reply::json(200, &json!({"clusters": []})),
        "/container" => Reply::json(200, &keys("AKIDECS")),
        "/federation/credentials" => {
            let role = json!({"accessKeyId": "AKIDSSO", "secretAccessKey": SECRET, "sessionToken": "t", "expiration": 4_102_444_800_000_u64});
            Reply::json(200, &json!({"roleCredentials": role}))
        }
        "/latest/api/token" => {
            Reply::Say(200, vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".into())], "metadata-token".into())
        }
        "/latest/meta-data/iam/security-credentials-extended/" | "/latest/meta-data/iam/security-credentials/" => {
            Reply::Say(200, Vec::new(), "node-role".into())
        }
        "/latest/meta-data/iam/security-credentials-extended/node-role"
        | "/latest/meta-data/iam/security-credentials/node-role" => Reply::json(200, &keys("AKIDIMDS")),
        "/latest/meta-data/placement/region" => Reply::Say(200, Vec::new(), "ap-south-1".into()),
        "/api/v1/namespaces/kube-system" => Reply::json(200, &json!({"metadata": {"uid": "u-1"}})),
        _ => Reply::Close,
    }
}

impl World {
    async fn new() -> Self {
        Self { server: Loopback::answering(services).await, home: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text.replace("URL", &self.server.url)).unwrap();
        path
    }

    /// The same call in a process of its own, with this environment and nothing else.
    async fn ask(&self, wish: Json, environment: &[(&str, &str)]) -> Json {
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("WISH", wish.to_string())
            .envs(environment.iter().map(|(name, value)| (name, value.replace("URL", &self.server.url))))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(!told.contains(SECRET), "{told}");
        let result = told.lines().find_map(|line| line.split_once(RESULT)).map(|(_, result)| result);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_str(result.unwrap_or_else(|| panic!("no result: {told}{errors}"))).unwrap()
    }

    /// Lists clusters; gives the failure's class, message and help, or the key and region of the signature.
    async fn call(
        &self,
        connection: Json,
        environment: &[(&str, &str)],
    ) -> Result<(String, String), (String, String, String)> {
        let wish = json!({"ask": "call", "service": "eks", "operation": "ListClusters", "connection": connection});
        let mut all = vec![("AWS_ENDPOINT_URL", "URL")];
        all.extend(environment);
        let told = self.ask(wish, &all).await;
        if let Some(failure) = told.get("failure") {
            let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
            return Err((text("class"), text("message"), text("help")));
        }
        let asked = self.server.asked();
        let listed = asked.iter().rfind(|asked| asked.line.starts_with("GET /clusters")).unwrap();
        let scope = listed.header("authorization").unwrap().split_once("Credential=").unwrap().1;
        let mut parts = scope.split('/');
        Ok((parts.next().unwrap().to_owned(), parts.nth(1).unwrap().to_owned()))
    }
}

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_REGION", "eu-west-1")];

const FILES: &str = "
[default]
aws_access_key_id = AKIDFILE
aws_secret_access_key = the-secret-access-key
region = us-west-2

[profile work]
aws_access_key_id = AKIDWORK
aws_secret_access_key = the-secret-access-key
region = eu-north-1
services = local

[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = work
region = eu-south-1

[profile program]
credential_process = sh -c 'cat credentials.json'
region = eu-west-3

[profile sso]
sso_session = company
sso_account_id = 123456789012
sso_role_name = admin
region = eu-west-2

[profile sso-role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = sso
region = eu-west-2

[sso-session company]
sso_region = eu-west-1
sso_start_url = https://example.awsapps.com/start

[services local]
elastic_load_balancing_v2 =
  endpoint_url = URL
";

fn pair(key: &str, region: &str) -> Result<(String, String), (String, String, String)> {
    Ok((key.to_owned(), region.to_owned()))
}

#[tokio::test]
async fn keys_come_from_the_environment_then_from_the_files() {
    let world = World::new().await;
    assert_eq!(world.call(json!({}), &KEYS).await, pair("AKIDENV", "eu-west-1"));
    assert_eq!(world.call(json!({"region": "us-east-2"}), &KEYS).await, pair("AKIDENV", "us-east-2"));
    world.file(".aws/config", FILES);
    assert_eq!(world.call(json!({}), &[]).await, pair("AKIDFILE", "us-west-2"));
    assert_eq!(world.call(json!({}), &[("AWS_PROFILE", "work")]).await, pair("AKIDWORK", "eu-north-1"));
}

#[tokio::test]
async fn a_named_profile_wins_over_keys_in_the_environment() {
    let world = World::new().await;
    world.file(".aws/config", FILES);
    let environment = &KEYS[..2];
    assert_eq!(world.call(json!({"profile": "work"}), environment).await, pair("AKIDWORK", "eu-north-1"));
    let (class, message, _) =
        world.call(json!({"profile": "wrok", "region": "eu-west-1"}), environment).await.unwrap_err();
    assert_eq!((class.as_str(), message.as_str()), ("invalid", "the AWS configuration has no profile `wrok`"));
}

#[tokio::test]
async fn roles_are_assumed_as_profiles_and_connections_say() {
    let world = World::new().await;
    world.file(".aws/config", FILES);
    assert_eq!(world.call(json!({"profile": "role"}), &[]).await, pair("AKIDROLE", "eu-south-1"));
    let role = |name: &str| json!({"role": format!("arn:aws:iam::123456789012:role/{name}"), "external-id": "outside", "session-name": "me"});
    assert_eq!(world.call(role("r"), &KEYS).await, pair("AKIDROLE", "eu-west-1"));
    let asked = world.server.asked();
    let assumed = &asked.iter().rfind(|asked| asked.body.contains("Action=AssumeRole")).unwrap().body;
    assert!(assumed.contains("ExternalId=outside") && assumed.contains("RoleSessionName=me"), "{assumed}");
    let (class, message, _) = world.call(role("denied"), &KEYS).await.unwrap_err();
    assert_eq!(class, "denied", "{message}");
    assert!(message.contains("not you"), "{message}");
}

#[tokio::test]
async fn programs_tokens_containers_and_machines_give_credentials() {
    let world = World::new().await;
    let config = world.file(".aws/config", FILES);
    let answer = json!({"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": SECRET});
    let credentials = world.file("credentials.json", &answer.to_string());
    let text = std::fs::read_to_string(&config).unwrap().replace("credentials.json", credentials.to_str().unwrap());
    std::fs::write(&config, text).unwrap();
    assert_eq!(world.call(json!({"profile": "program"}), &[]).await, pair("AKIDPROGRAM", "eu-west-3"));
    std::fs::remove_file(&config).unwrap();

    let token = world.file("web-token", "web");
    let web = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        ("AWS_REGION", "eu-west-1"),
    ];
    assert_eq!(world.call(json!({}), &web).await, pair("AKIDWEB", "eu-west-1"));
    let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "URL/container"), ("AWS_REGION", "eu-west-1")];
    assert_eq!(world.call(json!({}), &container).await, pair("AKIDECS", "eu-west-1"));
    let machine = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "URL")];
    assert_eq!(world.call(json!({}), &machine).await, pair("AKIDIMDS", "ap-south-1"));
}

#[tokio::test]
async fn a_login_serves_until_it_runs_out_and_then_its_command_is_told() {
    let world = World::new().await;
    world.file(".aws/config", FILES);
    // The name of the cache is the SHA-1 of the session's name.
    let cache = "71b21161ffa1e6516bcc072aaf5ef38cbe85b511";
    let login = |expires: &str| {
        let token = json!({"accessToken": "login-token", "expiresAt": expires, "region": "eu-west-1", "startUrl": "https://example.awsapps.com/start"});
        world.file(&format!(".aws/sso/cache/{cache}.json"), &token.to_string());
    };
    let (class, _, help) = world.call(json!({"profile": "sso"}), &[]).await.unwrap_err();
    assert_eq!((class.as_str(), help.as_str()), ("expired-credentials", "log in with `aws sso login --profile sso`"));
    login("2100-01-01T00:00:00Z");
    assert_eq!(world.call(json!({"profile": "sso"}), &[]).await, pair("AKIDSSO", "eu-west-2"));
    login("2020-01-01T00:00:00Z");
    for profile in ["sso", "sso-role"] {
        let (class, message, help) = world.call(json!({"profile": profile}), &[]).await.unwrap_err();
        assert_eq!(class, "expired-credentials", "{message}");
        assert_eq!(help, "log in with `aws sso login --profile sso`");
    }
}

#[tokio::test]
async fn without_credentials_or_region_it_is_said_what_is_missing() {
    let world = World::new().await;
    let (class, message, help) = world.call(json!({"region": "eu-west-1"}), &[]).await.unwrap_err();
    assert_eq!((class.as_str(), message.as_str()), ("expired-credentials", "there are no AWS credentials"));
    assert!(help.contains("`aws sso login`"), "{help}");
    let wish = json!({"ask": "call", "service": "eks", "operation": "ListClusters", "connection": {}});
    let failure = &world.ask(wish, &KEYS[..2]).await["failure"];
    assert_eq!(
        (&failure["class"], &failure["help"]),
        (&json!("invalid"), &json!("say which `region` the connection is for"))
    );
}

#[tokio::test]
async fn endpoints_may_be_set_for_all_services_or_for_one() {
    let world = World::new().await;
    world.file(".aws/config", FILES);
    let wish = json!({"ask": "call", "service": "elbv2", "operation": "DescribeLoadBalancers", "connection": {}});
    let away = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let one = ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "URL");
    let of_profile = ("AWS_PROFILE", "work");
    for (environment, reaches) in
        [(vec![away, one], true), (vec![of_profile], true), (vec![away, of_profile], false), (vec![away], false)]
    {
        let told = world.ask(wish.clone(), &[KEYS.to_vec(), environment.clone()].concat()).await;
        assert_eq!(told.get("ok").is_some(), reaches, "{environment:?}: {told}");
    }
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used_for_aws_itself() {
    let world = World::new().await;
    let wish = json!({"ask": "call", "service": "eks", "operation": "ListClusters", "connection": {}});
    let told = world.ask(wish.clone(), &[&KEYS[..], &[("HTTPS_PROXY", "URL")]].concat()).await;
    assert_eq!(
        (&told["failure"]["class"], &told["failure"]["in_doubt"]),
        (&json!("unavailable"), &Json::Null),
        "{told}"
    );
    assert_eq!(world.server.asked()[0].line, "CONNECT eks.eu-west-1.amazonaws.com:443");
    let bundle = world.ask(wish, &[&KEYS[..], &[("AWS_CA_BUNDLE", "/no/such/file")]].concat()).await;
    assert!(bundle["failure"]["message"].as_str().unwrap().contains("AWS_CA_BUNDLE"), "{bundle}");
}

#[tokio::test]
async fn a_kubeconfig_user_of_the_aws_cli_needs_no_aws_cli() {
    let world = World::new().await;
    world.file(".aws/config", FILES);
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", "parent", "--region", "eu-west-1"],
        "env": [{"name": "AWS_PROFILE", "value": "work"}]}});
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "URL"}}], "users": [{"name": "u", "user": user}]});
    let path = world.file("kubeconfig", &kubeconfig.to_string());
    let both = format!("/no/such/file:{}", path.display());
    let told = world.ask(json!({"ask": "cluster"}), &[("KUBECONFIG", &both), ("PATH", "/nowhere")]).await;
    assert_eq!(told["ok"]["uid"], "u-1", "{told}");
    let asked = world.server.asked();
    let token = asked[0].header("authorization").unwrap().strip_prefix("Bearer k8s-aws-v1.").unwrap().to_owned();
    use base64::Engine as _;
    let url = String::from_utf8(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    assert!(url.starts_with("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity"), "{url}");
    assert!(url.contains("X-Amz-Credential=AKIDWORK%2F"), "{url}");
}

#[tokio::test]
async fn a_token_is_made_without_asking_anybody() {
    let world = World::new().await;
    let told = world.ask(json!({"ask": "token"}), &[&KEYS[..], &[("AWS_ENDPOINT_URL", "URL")]].concat()).await;
    assert!(told["ok"]["status"]["token"].as_str().unwrap().starts_with("k8s-aws-v1."), "{told}");
    assert!(world.server.asked().is_empty());
}
