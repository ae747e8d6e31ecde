//! One AWS connection, opened: region, credentials, endpoints, time.
//!
//! This file decides what a connection's own words override and where the rest comes from: the environment and the AWS
//! configuration files, read by `aws-config` as every AWS tool reads them. It must not send calls.

use std::sync::Arc;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;
use runbook_aws::EndpointParameters;
use runbook_model::connection::AwsConnection;
use runbook_model::failure::{Failure, FailureClass};

use super::clock::Clock;
use super::credentials::Keychain;
use crate::http::{Http, for_credentials};

/// The name of a role's session where the connection gives none; CloudTrail shows it.
const SESSION_NAME: &str = "runbook";

/// An open connection.
pub(crate) struct Session {
    config: SdkConfig,
    keychain: Keychain,
    /// The connection's own URL.
    endpoint: Option<String>,
    pub(crate) clock: Clock,
}

impl Session {
    /// Reads the configuration. Credentials are looked for when they are first needed.
    ///
    /// # Errors
    /// A connection that cannot be right.
    pub(crate) async fn open(connection: &AwsConnection, http: &Arc<Http>) -> Result<Self, Failure> {
        let client = for_credentials(Arc::clone(http));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(client.clone())
            // The engine alone tries again; each try stands in the journal.
            .retry_config(RetryConfig::disabled());
        if let Some(region) = &connection.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &connection.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(profile) = &connection.profile {
            loader = loader.profile_name(profile);
        }
        let mut config = loader.load().await;
        if let Some(profile) = &connection.profile {
            // A profile that is named wins over keys in the environment, as `--profile` does for the AWS CLI.
            let provider_config = ProviderConfig::empty()
                .with_http_client(client)
                .with_region(config.region().cloned())
                .with_retry_config(RetryConfig::disabled());
            let provider =
                ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&provider_config).build();
            config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build();
        }
        let provider = match (&connection.role, config.credentials_provider()) {
            (_, None) => {
                return Err(Failure::new(FailureClass::Invalid, "the AWS configuration has no source of credentials"));
            }
            (None, Some(provider)) => provider,
            (Some(role), Some(_)) => {
                let mut role = AssumeRoleProvider::builder(role)
                    .session_name(connection.session_name.as_deref().unwrap_or(SESSION_NAME))
                    .configure(&config);
                if let Some(id) = &connection.external_id {
                    role = role.external_id(id);
                }
                SharedCredentialsProvider::new(role.build().await)
            }
        };
        Ok(Self {
            config,
            keychain: Keychain::new(provider, connection.profile.clone()),
            endpoint: connection.endpoint.clone(),
            clock: Clock::default(),
        })
    }

    /// A session that reads no configuration.
    #[cfg(test)]
    pub(crate) fn fixed(connection: &AwsConnection, credentials: aws_credential_types::Credentials) -> Self {
        let provider = SharedCredentialsProvider::new(credentials);
        Self {
            config: SdkConfig::builder().region(connection.region.clone().map(Region::new)).build(),
            keychain: Keychain::new(provider, None),
            endpoint: connection.endpoint.clone(),
            clock: Clock::default(),
        }
    }

    /// The region, if any is configured.
    pub(crate) fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// Credentials that are good now.
    ///
    /// # Errors
    /// `expired-credentials` with the command that helps, or why they could not be had.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Failure> {
        self.keychain.credentials(self.clock.now()).await
    }

    /// A service's failure with what this session knows about it.
    pub(crate) async fn explain(&self, failure: Failure) -> Failure {
        self.keychain.refused(failure).await
    }

    /// What the endpoint rules of a service (by its id, such as `Elastic Load Balancing v2`) are asked with.
    pub(crate) fn endpoint_parameters(&self, service_id: &str) -> EndpointParameters {
        EndpointParameters {
            region: self.region().map(str::to_owned),
            fips: self.config.use_fips().unwrap_or_default(),
            dual_stack: self.config.use_dual_stack().unwrap_or_default(),
            url: self.endpoint.clone().or_else(|| self.configured_endpoint(service_id)),
            ..EndpointParameters::default()
        }
    }

    /// `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, and the same in the profile. `aws-runtime` would look for
    /// `elastic-load-balancing-v2` in a profile's `services` section where the convention is `elastic_load_balancing_v2`;
    /// with the underscores already there it finds both.
    fn configured_endpoint(&self, service_id: &str) -> Option<String> {
        let id = service_id.replace(' ', "_");
        let key =
            ServiceConfigKey::builder().service_id(&id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
        self.config.service_config()?.load_config(key).filter(|url| !url.is_empty())
    }
}
