//! The real outside: AWS sessions, Kubernetes clients, files.
//!
//! This crate decides how the ports of `runbook_steps` reach what is really there: how requests are signed and sent, which
//! credentials they carry, what a failure on the way means for an effect. It must not know kinds, plans or journals, and it
//! never tries anything twice.

mod archives;
mod aws;
mod certificates;
mod eks;
mod files;
mod http;
mod kubernetes;
#[cfg(test)]
mod loopback;
mod network;
mod programs;

use std::sync::Arc;

use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::failure::Failure;
use runbook_steps::archives::Archives;
use runbook_steps::certificates::Certificates;
use runbook_steps::contract::Pending;
use runbook_steps::files::Files;
use runbook_steps::network::Network;
use runbook_steps::ports::{Aws, Kubernetes, Outside};
use runbook_steps::programs::Programs;

pub use self::kubernetes::{KubeconfigContext, KubeconfigUser};

use self::archives::RealArchives;
use self::aws::RealAws;
use self::certificates::RealCertificates;
use self::files::RealFiles;
use self::http::Http;
use self::kubernetes::RealKubernetes;
use self::network::RealNetwork;
use self::programs::RealPrograms;

/// Everything outside, as it really is. Clients and credentials are kept per connection; make one for a process.
///
/// AWS is configured as all its tools are (`AWS_*`, the configuration files), Kubernetes by `KUBECONFIG` where a connection
/// names no file. Needs a tokio runtime with timers and I/O.
pub struct Connections {
    aws: Arc<RealAws>,
    kubernetes: RealKubernetes,
    archives: RealArchives,
    files: RealFiles,
    programs: RealPrograms,
    network: RealNetwork,
}

impl Connections {
    /// Opens nothing yet.
    #[must_use]
    pub fn new() -> Self {
        // There is one provider in this program. Said here, no library has to guess which; a second call is told that it
        // came late, and nothing follows from that.
        let _already_said = rustls::crypto::ring::default_provider().install_default();
        let aws = Arc::new(RealAws::new());
        let http = Arc::new(Http::new());
        Self {
            kubernetes: RealKubernetes::new(Arc::clone(&aws)),
            archives: RealArchives::new(Arc::clone(&http)),
            network: RealNetwork::new(http),
            files: RealFiles::default(),
            programs: RealPrograms::new(false),
            aws,
        }
    }

    /// The same, with programs allowed or not; not, unless somebody says so.
    #[must_use]
    pub fn with_programs(self, allowed: bool) -> Self {
        Self { programs: RealPrograms::new(allowed), ..self }
    }

    /// How many seconds the clock of this machine is ahead of that of AWS, if a call through the connection was answered.
    #[must_use]
    pub fn clock_ahead(&self, connection: &AwsConnection) -> Option<i64> {
        self.aws.ahead(connection)
    }

    /// The contexts of the kubeconfig that the environment names, and how their users prove who they are. Nothing is run.
    ///
    /// # Errors
    /// `missing` if there is no file; `invalid` if one cannot be read.
    pub fn contexts(&self) -> Result<Vec<KubeconfigContext>, Failure> {
        kubernetes::contexts()
    }

    /// A token for an EKS cluster as an `ExecCredential`, which kubectl reads from the standard output of a program.
    /// `exec_info` is the environment's `KUBERNETES_EXEC_INFO`. The JSON holds the token: it is for printing there only.
    ///
    /// # Errors
    /// `expired-credentials` with the command that helps; `invalid` for a version of the form that nobody speaks any more.
    pub async fn exec_credential(
        &self,
        connection: &AwsConnection,
        cluster: &str,
        exec_info: Option<&str>,
    ) -> Result<serde_json::Value, Failure> {
        let token = eks::token::sign(&self.aws, connection, cluster).await?;
        eks::credential::written(&token, exec_info)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

impl Outside for Connections {
    fn aws(&self) -> &dyn Aws {
        &*self.aws
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        &self.kubernetes
    }

    fn certificates(&self) -> &dyn Certificates {
        &RealCertificates
    }

    fn archives(&self) -> &dyn Archives {
        &self.archives
    }

    fn network(&self) -> &dyn Network {
        &self.network
    }

    fn files(&self) -> &dyn Files {
        &self.files
    }

    fn programs(&self) -> &dyn Programs {
        &self.programs
    }

    fn identify<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match connection {
                Connection::Aws(aws) => self.aws.identify(aws).await,
                cluster => self.kubernetes.identify(cluster).await,
            }
        })
    }
}
