//! `runbook exec`.

use std::path::PathBuf;

use clap::Args;
use indexmap::IndexMap;
use runbook_driver::{Run, Unopened};
use runbook_engine::event::RunCreated;
use runbook_journal::{CreateError, SqliteStore, StorageError};
use runbook_language::{Checked, check, plan};
use runbook_model::digest::{Digest, RunKey};
use runbook_model::id::RunId;
use runbook_model::plan::Plan;
use runbook_model::record::Recorded;
use runbook_model::value::{Map, Value};

use crate::arguments::Global;
use crate::carrying::{self, Taken};
use crate::complaints::draw;
use crate::exit::Exit;
use crate::files::Folder;
use crate::inputs::{InputOptions, assignment};
use crate::output::OutputOption;
use crate::report::story::span;
use crate::stop::Stop;
use crate::{consent, later, person, runs, state, trace};

/// Carry out a runbook
///
/// Checks it, asks for what is missing, and carries it out. Every step is recorded before and after its effect, so that `runbook
/// resume` goes on after whatever stops it. If there is an unfinished run of the same files with the same inputs, nothing runs.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  runbook exec eks-cluster.yaml -i vpc_name=prod\n  \
                             runbook exec eks-karmada.yaml --inputs prod.yaml -i 'members=[{name: eu, cluster: eu-1}]'\n  \
                             RUNBOOK_INPUT_TOKEN=… runbook exec rotate.yaml -o json")]
pub(crate) struct Exec {
    /// The runbook
    file: PathBuf,
    #[command(flatten)]
    inputs: InputOptions,
    /// Make another run although there is an unfinished one of the same
    #[arg(long)]
    new: bool,
    /// Let the runbook start programs
    #[arg(long)]
    allow_command: bool,
    /// A word for finding the run again
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = assignment)]
    labels: Vec<(String, String)>,
    #[command(flatten)]
    output: OutputOption,
    #[arg(long, hide = true)]
    rehearse: bool,
    #[arg(long, hide = true, num_args = 0..=1)]
    plan: Option<Option<PathBuf>>,
}

impl Exec {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        if self.rehearse {
            return Err(later::not_yet("exec --rehearse"));
        }
        if self.plan.is_some() {
            return Err(later::not_yet("exec --plan"));
        }
        let trace = trace::start(global)?;
        let kinds = runbook_steps::kinds();
        let folder = Folder::of(&self.file);
        let checked = check(&folder, folder.entry(), &kinds);
        if checked.has_errors() || !global.quiet {
            draw(&checked.diagnostics, &checked.sources);
        }
        if checked.has_errors() {
            return Err(Stop::told(Exit::Invalid));
        }
        let inputs = self.inputs.gather(&checked.inputs(), &checked.inputs())?;
        let plan = plan(&checked, &inputs).map_err(|diagnostics| {
            draw(&diagnostics, &checked.sources);
            Stop::told(Exit::Invalid)
        })?;
        consent::programs(&plan.body, self.allow_command)?;
        let store = state::store()?;
        if !self.new {
            refuse_beside(&store, &plan, &inputs).map_err(|stop| match stop.exit {
                Exit::Environment => stop.help(CHOOSE_A_FOLDER),
                _ => stop,
            })?;
        }
        let created = self.created(plan, checked, inputs)?;
        let id = created.run.clone();
        let (run, first) = Run::create(&store, created, &person::holder(), person::now()).map_err(unmade)?;
        let taken = Taken { id, run, history: Vec::new(), first: Some(first), holding: carrying::holding() };
        carrying::carry_out(taken, &store, global, self.output.form, &trace)
    }

    fn created(&self, plan: Plan, checked: Checked, inputs: IndexMap<String, Value>) -> Result<RunCreated, Stop> {
        let key = RunKey::new(random()?);
        let inputs = values(inputs);
        let mut labels = plan.labels.clone();
        labels.extend(self.labels.iter().cloned());
        Ok(RunCreated {
            run: RunId::new(&plan.runbook.name, u32::from_le_bytes(random()?)),
            plan_digest: plan.digest(),
            plan,
            package: checked.package,
            inputs_digest: Digest::of_value(&inputs, &key),
            inputs: Recorded(inputs),
            key,
            labels,
            allow_command: self.allow_command,
            by: person::person(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// What helps before there is a run.
const CHOOSE_A_FOLDER: &str = "nothing ran; choose a state folder that can be written with `RUNBOOK_STATE`";

/// A run that could not be made leaves nothing to go on with.
fn unmade(error: Unopened) -> Stop {
    let of_the_machine = matches!(error, Unopened::Create(CreateError::Storage(StorageError::Io { .. })));
    let stop = Stop::from(error);
    if of_the_machine { stop.help(CHOOSE_A_FOLDER) } else { stop }
}

fn values(inputs: IndexMap<String, Value>) -> Value {
    Value::Map(inputs.into_iter().collect::<Map>())
}

fn random<const N: usize>() -> Result<[u8; N], Stop> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Stop::environment(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// Refuses to run beside an unfinished run of the same files with the same inputs: whoever wants that has forgotten it.
fn refuse_beside(store: &SqliteStore, plan: &Plan, inputs: &IndexMap<String, Value>) -> Result<(), Stop> {
    let (summaries, _) = runs::summaries(store)?;
    let inputs = values(inputs.clone());
    let same = summaries.into_iter().find(|summary| {
        !summary.is_finished()
            && summary.glance.runbook.digest == plan.runbook.digest
            // Each run has a key of its own, under which secrets enter its digests.
            && runs::created(store, &summary.run)
                .is_ok_and(|created| created.inputs_digest == Digest::of_value(&inputs, &created.key))
    });
    let Some(summary) = same else { return Ok(()) };
    let ago = span(person::now().since(summary.glance.started_at));
    let status = summary.status();
    let held = summary.held_by.map(|holder| format!("; {holder} holds it")).unwrap_or_default();
    Err(Stop::new(Exit::Refused, "there is an unfinished run of the same files with the same inputs")
        .detail(format!("{}  {}, made {ago} ago{held}", summary.run, status.as_str()))
        .help("go on with it, or make another run with `--new`")
        .resume(&summary.run))
}
