//! Credentials: how long they are used, and what is said when there are none.
//!
//! This file decides when credentials are fetched anew, which class a failure to get them has, and which command helps. It must
//! not know the sources: `aws-config` asks them in their usual order.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::failure::{Failure, FailureClass};
use tokio::sync::Mutex;

/// Credentials with less life than this are replaced, while there is still time to say so if that fails.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// Credentials with less life than this may run out on the way.
const USABLE: Duration = Duration::from_secs(15);

/// The credentials of one connection.
pub(crate) struct Keychain {
    provider: SharedCredentialsProvider,
    /// The profile that the connection names.
    profile: Option<String>,
    known: Mutex<Option<Credentials>>,
}

impl Keychain {
    pub(crate) fn new(provider: SharedCredentialsProvider, profile: Option<String>) -> Self {
        Self { provider, profile, known: Mutex::default() }
    }

    /// Credentials that are good at `now`.
    pub(crate) async fn credentials(&self, now: SystemTime) -> Result<Credentials, Failure> {
        let mut known = self.known.lock().await;
        let lives =
            |credentials: &Credentials, least: Duration| credentials.expiry().is_none_or(|end| end > now + least);
        if let Some(credentials) = known.as_ref().filter(|credentials| lives(credentials, FRESH)) {
            return Ok(credentials.clone());
        }
        match self.provider.provide_credentials().await {
            Ok(credentials) => {
                tracing::debug!(expiry = ?credentials.expiry(), "got AWS credentials");
                *known = Some(credentials.clone());
                Ok(credentials)
            }
            Err(error) => match known.as_ref().filter(|credentials| lives(credentials, USABLE)) {
                Some(credentials) => Ok(credentials.clone()),
                None => Err(self.explain(unavailable(&error)).await),
            },
        }
    }

    /// A failure with the command that helps, if it is about credentials that ran out; those are not used again.
    pub(crate) async fn refused(&self, failure: Failure) -> Failure {
        if failure.class != FailureClass::ExpiredCredentials {
            return failure;
        }
        *self.known.lock().await = None;
        self.explain(failure).await
    }

    /// What a person does to have credentials again. A profile that does not exist is another matter.
    async fn explain(&self, failure: Failure) -> Failure {
        if failure.class != FailureClass::ExpiredCredentials {
            return failure;
        }
        let environment = Env::real();
        if self.profile.is_none() && environment.get("AWS_ACCESS_KEY_ID").is_ok() {
            return failure.help("put fresh keys into AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
        }
        let (files, profile) = (EnvConfigFiles::default(), self.profile.clone().map(Into::into));
        let Ok(profiles) = aws_config::profile::load(&Fs::real(), &environment, &files, profile).await else {
            return failure.help("mend the AWS configuration files");
        };
        let selected = profiles.selected_profile();
        if selected != "default" && profiles.get_profile(selected).is_none() {
            let failure =
                Failure::new(FailureClass::Invalid, format!("the AWS configuration has no profile `{selected}`"));
            return match did_you_mean(selected, profiles.profiles()) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("list the profiles with `aws configure list-profiles`"),
            };
        }
        failure.help(remedy(&profiles))
    }
}

/// The command that helps, by what the selected profile says of its source.
fn remedy(profiles: &ProfileSet) -> String {
    let mut name = profiles.selected_profile();
    // A profile may borrow its keys from another one; the login is that one's. Eight is more than anybody chains.
    for _ in 0..8 {
        let Some(profile) = profiles.get_profile(name) else { break };
        if profile.get("sso_session").or(profile.get("sso_start_url")).is_some() {
            return format!("log in with `aws sso login --profile {name}`");
        }
        if profile.get("login_session").is_some() {
            return format!(
                "log in with `aws login --profile {name}`, and put the keys that `aws configure export-credentials --profile \
                 {name}` prints into the environment"
            );
        }
        if profile.get("credential_process").is_some() {
            return format!("renew what the `credential_process` of the profile `{name}` gives");
        }
        match profile.get("source_profile") {
            Some(source) if source != name => name = source,
            _ => break,
        }
    }
    "log in to AWS (such as with `aws sso login`), or name a profile in AWS_PROFILE or in the connection's `profile`"
        .into()
}

/// Why there are no credentials.
fn unavailable(error: &CredentialsError) -> Failure {
    let words = chain(error);
    let has = |codes: &[&str]| codes.iter().any(|code| words.contains(code));
    let class = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            return Failure::new(FailureClass::ExpiredCredentials, "there are no AWS credentials");
        }
        CredentialsError::ProviderTimedOut(_) => FailureClass::Timeout,
        CredentialsError::InvalidConfiguration(_) => FailureClass::Invalid,
        _ if has(&[
            "xpired",
            "InvalidGrant",
            "UnauthorizedException",
            "InvalidClientTokenId",
            "cached token",
            "No such file",
        ]) =>
        {
            FailureClass::ExpiredCredentials
        }
        _ if has(&["AccessDenied", "Forbidden"]) => FailureClass::Denied,
        _ if has(&["dispatch failure", "timeout", "io error"]) => FailureClass::Unavailable,
        _ => FailureClass::ExpiredCredentials,
    };
    Failure::new(class, format!("no AWS credentials could be had: {words}"))
}

/// All reasons from the outermost to the innermost, each once.
fn chain(error: &dyn StdError) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !words.last().is_some_and(|last| last.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::{ProvideCredentials, future};

    use super::*;

    #[derive(Debug, Default)]
    struct Source {
        asked: AtomicUsize,
        fails: bool,
        lives: Duration,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let nth = self.asked.fetch_add(1, Ordering::Relaxed);
            let expiry = SystemTime::UNIX_EPOCH + self.lives;
            future::ProvideCredentials::ready(if self.fails && nth > 0 {
                Err(CredentialsError::provider_error("the SSO token has expired and cannot be refreshed"))
            } else {
                Ok(Credentials::new(format!("key-{nth}"), "secret", None, Some(expiry), "test"))
            })
        }
    }

    fn keychain(fails: bool, lives: u64) -> (Arc<Source>, Keychain) {
        let source = Arc::new(Source { fails, lives: Duration::from_secs(lives), ..Source::default() });
        let provider = SharedCredentialsProvider::from(Arc::clone(&source) as Arc<dyn ProvideCredentials>);
        (source, Keychain::new(provider, None))
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn credentials_are_kept_while_they_are_fresh() {
        let (source, keychain) = keychain(false, 3600);
        for now in [0, 3000, 3299] {
            assert_eq!(keychain.credentials(at(now)).await.unwrap().access_key_id(), "key-0");
        }
        assert_eq!(keychain.credentials(at(3301)).await.unwrap().access_key_id(), "key-1");
        assert_eq!(source.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn old_credentials_serve_to_their_end_when_there_are_no_new_ones() {
        let (_, keychain) = keychain(true, 3600);
        keychain.credentials(at(0)).await.unwrap();
        assert_eq!(keychain.credentials(at(3500)).await.unwrap().access_key_id(), "key-0");
        let failure = keychain.credentials(at(3590)).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::ExpiredCredentials);
        assert!(failure.message.contains("the SSO token has expired") && failure.help.is_some());
    }

    #[tokio::test]
    async fn refused_credentials_are_not_used_again() {
        let (_, keychain) = keychain(false, 3600);
        keychain.credentials(at(0)).await.unwrap();
        let other = keychain.refused(Failure::new(FailureClass::Denied, "no")).await;
        assert_eq!(other.help, None);
        assert_eq!(keychain.credentials(at(0)).await.unwrap().access_key_id(), "key-0");
        let expired = keychain.refused(Failure::new(FailureClass::ExpiredCredentials, "the token has expired")).await;
        assert!(expired.help.is_some());
        assert_eq!(keychain.credentials(at(0)).await.unwrap().access_key_id(), "key-1");
    }

    #[test]
    fn failures_to_get_credentials_are_classed() {
        let class = |error: CredentialsError| unavailable(&error).class;
        assert_eq!(class(CredentialsError::not_loaded("nothing")), FailureClass::ExpiredCredentials);
        assert_eq!(class(CredentialsError::invalid_configuration("no such profile")), FailureClass::Invalid);
        assert_eq!(class(CredentialsError::provider_timed_out(Duration::from_secs(1))), FailureClass::Timeout);
        assert_eq!(
            class(CredentialsError::provider_error("AccessDenied: not allowed to assume")),
            FailureClass::Denied
        );
        assert_eq!(class(CredentialsError::provider_error("dispatch failure: io error")), FailureClass::Unavailable);
    }
}
