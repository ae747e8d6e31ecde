//! `runbook doctor`.

use clap::Args;

use crate::doctor::{self, Finding, Health};
use crate::exit::Exit;
use crate::output::{Data, Form, OutputOption};
use crate::stop::Stop;
use crate::text::{in_rows, padded, printable};
use crate::{carrying, talk, terminal};

/// Find out whether this machine can carry out runbooks
///
/// Looks at the state folder, AWS credentials, identity, region and clock, the endpoints of AWS and the kubeconfig. Changes nothing but a
/// file in the state folder, which it removes, and takes half a minute at most. Ends with 8 if something has to be put right first.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  runbook doctor\n  AWS_PROFILE=prod runbook doctor -o json | jq '.[] | select(.health != \"ok\")'"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    output: OutputOption,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let findings = carrying::runtime()?.block_on(doctor::examine());
        let mut data = Data::default();
        match self.output.form {
            Form::Human => {
                let columns = terminal::stdout_columns();
                findings.iter().try_for_each(|finding| data.text(drawn(finding, columns)))?;
            }
            form => data.list(&findings, form)?,
        }
        let unusable = findings.iter().any(|finding| finding.health == Health::Fail);
        Ok(if unusable { Exit::Environment } else { Exit::Done })
    }
}

fn drawn(finding: &Finding, columns: Option<usize>) -> String {
    /// Where the words begin.
    const WORDS: usize = 18;
    let rows = |line: String| format!("{}\n", in_rows(&line, columns, WORDS));
    let mark = match finding.health {
        Health::Ok => talk::good("ok  "),
        Health::Warn => talk::doubtful("warn"),
        Health::Fail => talk::bad("fail"),
    };
    let help = |remedy: &String| rows(format!("{:WORDS$}{}: {}", "", talk::good("help"), printable(remedy)));
    let remedy = finding.remedy.as_ref().map(help);
    let subject = talk::bold(padded(finding.subject, 11));
    format!("{}{}", rows(format!("{mark}  {subject} {}", printable(&finding.words))), remedy.unwrap_or_default())
}
