//! `runbook eks-token`.

use clap::Args;
use runbook_connections::Connections;
use runbook_model::connection::AwsConnection;

use crate::carrying;
use crate::exit::Exit;
use crate::output::Data;
use crate::report::story;
use crate::stop::Stop;

/// Print a token for an EKS cluster, for kubeconfigs
///
/// The token is signed on this machine with the AWS credentials of the environment, and printed as the ExecCredential that kubectl reads.
#[derive(Debug, Args)]
#[command(after_long_help = "In a kubeconfig:\n  users:\n  - name: parent\n    user:\n      exec:\n        \
                             apiVersion: client.authentication.k8s.io/v1\n        command: runbook\n        \
                             args: [eks-token, parent, --region, eu-west-1]\n        interactiveMode: Never")]
pub(crate) struct EksToken {
    /// The name of the cluster in EKS
    cluster: String,
    /// The region of the cluster
    #[arg(long)]
    region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long)]
    profile: Option<String>,
    /// A role to assume first
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// What the role's trust asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
}

impl EksToken {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let connection = AwsConnection {
            region: self.region,
            profile: self.profile,
            role: self.role_arn,
            external_id: self.external_id,
            ..AwsConnection::default()
        };
        let info = std::env::var("KUBERNETES_EXEC_INFO").ok();
        let connections = Connections::new();
        let credential =
            carrying::runtime()?.block_on(connections.exec_credential(&connection, &self.cluster, info.as_deref()));
        match credential {
            Ok(credential) => Data::default().line(&credential).map(|()| Exit::Done),
            Err(failure) => {
                let stop =
                    Stop::new(Exit::Failed, format!("no token for `{}`: {}", self.cluster, story::classed(&failure)));
                Err(failure.help.into_iter().fold(stop, Stop::help))
            }
        }
    }
}
