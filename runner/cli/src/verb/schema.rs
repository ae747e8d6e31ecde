//! `runbook schema`.

use clap::Args;
use runbook_aws::catalog;

use crate::exit::Exit;
use crate::output::Data;
use crate::schema;
use crate::stop::Stop;

/// Print the JSON Schema of runbooks, for editors
///
/// Editors with a YAML language server take it by the first line of a runbook, as the example shows. It holds all kinds of steps and all
/// AWS operations. With SERVICE and OPERATION, only what that operation takes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook schema > runbook-v1.json\n  runbook schema eks CreateCluster\n\n\
                             In a runbook:\n  # yaml-language-server: $schema=runbook-v1.json\n  apiVersion: runbook/v1")]
pub(crate) struct Schema {
    /// An AWS service, such as `eks`
    #[arg(requires = "operation")]
    service: Option<String>,
    /// An operation of it, such as `CreateCluster`
    operation: Option<String>,
}

impl Schema {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let mut data = Data::default();
        match (&self.service, &self.operation) {
            (Some(service), Some(operation)) => {
                let service = catalog()
                    .service(service)
                    .map_err(|unknown| Stop::usage(unknown.to_string()).help(unknown.help()))?;
                let operation = service
                    .operation(operation)
                    .map_err(|unknown| unknown.help().into_iter().fold(Stop::usage(unknown.to_string()), Stop::help))?;
                data.document(&schema::alone(&operation))?;
            }
            _ => data.text(schema::text())?,
        }
        Ok(Exit::Done)
    }
}
