//! Kubeconfig files: which are read, which context is taken, what its user becomes.
//!
//! This file decides the choice of a context and the client made of it. It must not write the files, and no error of it
//! quotes them: they hold keys.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use hyper_util::client::legacy::connect::proxy::Tunnel;
use kube::client::{AuthError, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::failure::{Failure, FailureClass};
use tower::{BoxError, ServiceBuilder, ServiceExt as _};

use super::program::{self, SignedUser};
use crate::http::{Connector, cause};

/// A chosen context.
#[derive(Debug)]
pub(super) struct Chosen {
    /// How its cluster is reached.
    pub(super) config: Config,
    /// The user, if it is one whose tokens are signed here.
    pub(super) user: Option<SignedUser>,
    /// The name of its cluster.
    pub(super) cluster: String,
}

/// Reads the files and chooses a context: the first of `contexts` that exists, or the current one if none is named.
///
/// # Errors
/// `missing` if there is no such file or context; `invalid` if a file is unusable.
pub(super) async fn choose(path: Option<&str>, contexts: &[String]) -> Result<Chosen, Failure> {
    let paths = match path {
        Some(path) => vec![expanded(path)],
        None => default_paths(),
    };
    let kubeconfig = read(&paths)?;
    let context = context(&kubeconfig, contexts, &paths)?;
    let cluster = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref())
        .map(|context| context.cluster.clone())
        .unwrap_or_default();
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let explicit_proxy = kubeconfig
        .clusters
        .iter()
        .find(|named| named.name == cluster)
        .and_then(|named| named.cluster.as_ref())
        .and_then(|cluster| cluster.proxy_url.clone());
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| {
        invalid(format!("the context `{context}` of {} cannot be used: {}", shown(&paths), told(&error)))
    })?;
    // What the environment names is for the connector to see, which knows NO_PROXY.
    config.proxy_url = match explicit_proxy.filter(|proxy| !proxy.is_empty()) {
        Some(proxy) => {
            Some(proxy.parse().map_err(|_| invalid(format!("the `proxy-url` of the cluster `{cluster}` is no URL")))?)
        }
        None => None,
    };
    let user = config.auth_info.exec.as_ref().and_then(program::recognise);
    if user.is_some() {
        config.auth_info.exec = None;
    }
    Ok(Chosen { config, user, cluster })
}

/// `KUBECONFIG` may name several files; without it there is one in the home folder.
pub(crate) fn default_paths() -> Vec<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = named
        .map(|value| std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if paths.is_empty() { vec![expanded("~/.kube/config")] } else { paths }
}

/// A leading `~` is the home folder.
pub(crate) fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Files that are not there are passed over, as kubectl does; the first to name something wins.
pub(super) fn read(paths: &[PathBuf]) -> Result<Kubeconfig, Failure> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let unusable = |error: KubeconfigError| {
            invalid(format!("the kubeconfig `{}` cannot be read: {}", path.display(), told(&error)))
        };
        let next = Kubeconfig::read_from(path).map_err(unusable)?;
        merged = Some(match merged {
            Some(before) => before.merge(next).map_err(unusable)?,
            None => next,
        });
    }
    merged.ok_or_else(|| {
        Failure::new(FailureClass::Missing, format!("there is no kubeconfig: {} does not exist", shown(paths)))
            .help("name an existing file in the connection's `kubeconfig`, or in KUBECONFIG")
    })
}

fn context(kubeconfig: &Kubeconfig, wanted: &[String], paths: &[PathBuf]) -> Result<String, Failure> {
    let known: Vec<&str> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
    let file = shown(paths);
    if wanted.is_empty() {
        return match kubeconfig.current_context.as_deref().filter(|context| !context.is_empty()) {
            Some(context) if known.contains(&context) => Ok(context.to_owned()),
            Some(context) => Err(missing(format!("the current context `{context}` is not in {file}"))
                .help("choose another one with `kubectl config use-context`, or name a `context` in the connection")),
            None => Err(missing(format!("{file} has no current context"))
                .help("name a `context` in the connection, or choose one with `kubectl config use-context`")),
        };
    }
    if let Some(found) = wanted.iter().find(|context| known.contains(&context.as_str())) {
        return Ok(found.clone());
    }
    let quoted: Vec<String> = wanted.iter().map(|context| format!("`{context}`")).collect();
    let failure = missing(format!("{file} has no context {}", quoted.join(" or ")));
    let near = wanted.iter().find_map(|context| did_you_mean(context, known.iter().copied()));
    Err(match near {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("list the contexts with `kubectl config get-contexts`"),
    })
}

/// Makes the client of a configuration. Blocks while a user's program runs.
///
/// # Errors
/// Why the user has no credentials, or the certificates cannot be used.
pub(super) fn client(config: &Config) -> Result<Client, Failure> {
    match config.proxy_url.clone() {
        None => stacked(config, Connector::new()),
        Some(proxy) if proxy.scheme_str() == Some("http") => stacked(config, Tunnel::new(proxy, Connector::direct())),
        Some(proxy) => {
            let scheme = proxy.scheme_str().unwrap_or("none").to_owned();
            Err(invalid(format!(
                "the cluster's `proxy-url` has the scheme `{scheme}`, and only `http` proxies are known"
            )))
        }
    }
}

/// kube's own layers over our connections, without its retries: the engine alone tries again.
fn stacked<C>(config: &Config, connector: C) -> Result<Client, Failure>
where
    C: tower::Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response:
        hyper_util::client::legacy::connect::Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let https = config.rustls_https_connector_with_connector(connector).map_err(|error| {
        invalid(format!("the certificates of {} cannot be used: {}", config.cluster_url, cause(&error)))
    })?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(|error| credentials(&error))?)
        .layer(config.extra_headers_layer().map_err(|error| invalid(cause(&error)))?)
        .service(crate::http::pool(https).map_err(BoxError::from));
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// Why a user of a kubeconfig has no credentials. What its program printed is not told: it may be a token.
fn credentials(error: &kube::Error) -> Failure {
    let expired = |message: String| Failure::new(FailureClass::ExpiredCredentials, message);
    match error {
        kube::Error::Auth(AuthError::AuthExecStart(why)) => {
            invalid(format!("the program of the kubeconfig's user cannot be run: {why}"))
                .help("install the program that the user's `exec.command` names")
        }
        kube::Error::Auth(AuthError::AuthExecRun { cmd, out }) => {
            let program = cmd.split_whitespace().next().unwrap_or_default().trim_matches('"');
            expired(format!("`{program}`, the program of the kubeconfig's user, ended with {}", out.status))
                .help("run it by hand; most often a login has run out")
        }
        kube::Error::Auth(AuthError::ReadTokenFile(why, path)) => {
            expired(format!("the token file `{}` of the kubeconfig's user cannot be read: {why}", path.display()))
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            expired("what the program of the kubeconfig's user printed is no credential".into())
        }
        other => expired(format!("the kubeconfig's user has no credentials: {}", cause(other))),
    }
}

/// An error without the text around it, which may be a key.
fn told(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(parse) => match parse.location() {
            Some(location) => format!("it is no kubeconfig at line {}, column {}", location.line(), location.column()),
            None => "it is no kubeconfig".into(),
        },
        other => other.source().map_or_else(|| other.to_string(), |_| cause(other)),
    }
}

fn shown(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path: &PathBuf| format!("`{}`", Path::display(path))).collect();
    names.join(" and ")
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}

fn missing(message: String) -> Failure {
    Failure::new(FailureClass::Missing, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn config(contexts: &[&str], current: Option<&str>, user: &Json) -> Json {
        let context =
            |name: &&str| json!({"name": name, "context": {"cluster": format!("{name}-cluster"), "user": "me"}});
        let cluster = |name: &&str| json!({"name": format!("{name}-cluster"), "cluster": {"server": format!("https://{name}.example")}});
        json!({"apiVersion": "v1", "kind": "Config", "current-context": current, "users": [{"name": "me", "user": user}],
               "contexts": contexts.iter().map(context).collect::<Vec<_>>(), "clusters": contexts.iter().map(cluster).collect::<Vec<_>>()})
    }

    fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn chosen(config: &Json, contexts: &[&str]) -> Result<Chosen, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, "config", &config.to_string());
        let contexts: Vec<String> = contexts.iter().map(|&context| context.to_owned()).collect();
        choose(Some(&path), &contexts).await
    }

    #[tokio::test]
    async fn the_first_context_that_exists_is_taken() {
        let two = config(&["a", "b"], Some("a"), &json!({}));
        for (contexts, cluster) in [(&["x", "b", "a"][..], "b-cluster"), (&[], "a-cluster")] {
            assert_eq!(chosen(&two, contexts).await.unwrap().cluster, cluster);
        }
        let failure = chosen(&two, &["c", "bb"]).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Missing);
        assert!(failure.message.ends_with("has no context `c` or `bb`"), "{failure}");
        assert!(failure.help.unwrap().starts_with("did you mean"));
        for current in [None, Some("gone"), Some("")] {
            let failure = chosen(&config(&["a"], current, &json!({})), &[]).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Missing, "{current:?}");
        }
    }

    #[tokio::test]
    async fn a_user_who_asks_for_eks_tokens_is_signed_here() {
        let exec = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws",
            "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "parent"], "env": null}});
        let chosen = chosen(&config(&["a"], Some("a"), &exec), &[]).await.unwrap();
        assert_eq!(chosen.user.unwrap().cluster, "parent");
        assert!(chosen.config.auth_info.exec.is_none(), "no program is started");
    }

    #[test]
    fn of_several_files_the_first_to_name_something_wins() {
        let folder = tempfile::tempdir().unwrap();
        let first = written(&folder, "1", &config(&["a"], None, &json!({"token": "one"})).to_string());
        let second = written(&folder, "2", &config(&["a", "b"], Some("b"), &json!({"token": "two"})).to_string());
        let absent = folder.path().join("3");
        let merged = read(&[PathBuf::from(first), absent.clone(), PathBuf::from(second)]).unwrap();
        let names: Vec<&str> = merged.contexts.iter().map(|context| context.name.as_str()).collect();
        assert_eq!((names, merged.current_context.as_deref()), (vec!["a", "b"], Some("b")));
        assert_eq!(merged.auth_infos.len(), 1);
        assert_eq!(read(&[absent]).unwrap_err().class, FailureClass::Missing);
    }

    #[tokio::test]
    async fn an_unreadable_file_is_told_by_place_and_not_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let broken = "apiVersion: v1\nusers:\n- name: me\n  user: {token: the-secret\ncontexts: [\n";
        for text in [broken, "users: {token: the-secret}\n", "[the-secret]"] {
            let path = written(&folder, "config", text);
            let failure = choose(Some(&path), &[]).await.unwrap_err();
            assert_eq!(failure.class, FailureClass::Invalid);
            assert!(
                failure.message.contains("at line ") && !format!("{failure:?}").contains("the-secret"),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(expanded("~/.kube/config"), home.join(".kube/config"));
        assert_eq!(expanded("/a/~/b"), PathBuf::from("/a/~/b"));
    }
}
