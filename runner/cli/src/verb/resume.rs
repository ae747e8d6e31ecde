//! `runbook resume`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use indexmap::IndexMap;
use runbook_driver::Run;
use runbook_engine::Engine;
use runbook_engine::event::{ParkReason, PlanChanged};
use runbook_engine::view::{RunStatus, StepView};
use runbook_journal::{HoldError, SqliteStore};
use runbook_model::duration::Duration;
use runbook_model::id::RunId;
use runbook_model::input::InputDeclaration;
use runbook_model::path::StepPath;
use runbook_model::value::Map;
use serde::Serialize;

use crate::arguments::Global;
use crate::carrying::{self, Taken};
use crate::document::Document;
use crate::exit::Exit;
use crate::inputs::InputOptions;
use crate::output::{Data, Form, OutputOption};
use crate::portrait::portrait;
use crate::recording::{self, Recording};
use crate::report::story::span;
use crate::stop::Stop;
use crate::{completion, edited, person, runs, state, talk, terminal, trace, word};

/// What to do about an input that is to have another value.
const ANOTHER_VALUE: &str = "what is done rests on it: `--with FILE` takes the runbook and the new value together and shows first \
                             what runs again; without it only secret inputs are given, as they were";

/// Go on with a run
///
/// Finished steps are not run again. Failed steps are, and whatever never ran. A step whose outcome is unknown is looked at before
/// anything is repeated. The files of the runbook are those the run was made from: editing them changes nothing, unless the
/// run is told to go on by them with `--with`.
#[derive(Args)]
#[command(after_long_help = "Examples:\n  runbook resume\n  runbook resume eks-k --plan\n  \
                             runbook resume eks-karmada-7k3m9q --from cluster\n  \
                             runbook resume eks-karmada-7k3m9q --extend 30m\n  \
                             runbook resume eks-karmada-7k3m9q --with eks-karmada.yaml --plan")]
pub(crate) struct Resume {
    /// The run; without it the only unfinished one
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: Option<String>,
    /// Only tell what would become of each step
    #[arg(long)]
    plan: bool,
    /// Run this step, and what depends on it, again
    #[arg(long, value_name = "STEP", add = ArgValueCandidates::new(completion::step_paths))]
    from: Option<String>,
    /// How much time a step gets whose deadline has passed, instead of its whole timeout
    #[arg(long, value_name = "DURATION")]
    extend: Option<Duration>,
    /// Go on by this edited runbook: what is done and unchanged stays, what changed runs again
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    #[command(flatten)]
    inputs: InputOptions,
    #[command(flatten)]
    output: OutputOption,
}

/// `resume --plan` as scripts read it.
#[derive(Serialize)]
struct Prospect {
    run: RunId,
    steps: Vec<Prospective>,
    /// With `--with`: what was carried out and is no part of the plan any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<Removed>,
}

#[derive(Serialize)]
struct Removed {
    path: String,
    reason: String,
}

#[derive(Serialize)]
struct Prospective {
    path: StepPath,
    decision: &'static str,
    reason: String,
}

impl Resume {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        let trace = trace::start(global)?;
        let store = state::store()?;
        let id = self.chosen(&store)?;
        let recording = Recording::read(&store, &id)?;
        if self.plan {
            let (engine, _) = self.prospect(recording.engine, global)?;
            return self.tell_plan(&engine);
        }
        match recording.status() {
            RunStatus::Succeeded if self.from.is_none() && self.with.is_none() => return self.show(&recording),
            status @ (RunStatus::Cancelled | RunStatus::Undone) => {
                let message = format!("run {id} is {} and cannot go on", status.as_str());
                return Err(Stop::new(Exit::Refused, message).help("`runbook exec` makes a new run"));
            }
            _ => {}
        }
        let late = |step: &StepView| step.parked == Some(ParkReason::Deadline);
        if self.extend.is_some() && !recording.steps().iter().any(late) {
            talk::note("no deadline of this run has passed: `--extend` changes nothing");
        }
        let run = Run::hold(&store, &id, &person::holder()).map_err(|error| held(&id, error))?;
        let secrets = match &self.with {
            // The inputs of the edited plan hold them.
            Some(_) => IndexMap::new(),
            None => {
                let state = run.engine().state();
                self.secrets(&id, &state.plan().body.inputs, &state.withheld_inputs())?
            }
        };
        let secrets: Map = secrets.into_iter().collect();
        if self.with.is_none() && !run.engine().state().rests_on(&secrets) {
            return Err(Stop::usage("a secret input is not the one that the run was made with")
                .help(ANOTHER_VALUE)
                .resume(&id));
        }
        // Read again, because somebody else may have gone on with it before it was held.
        let (engine, changed) = self.prospect(Recording::read(&store, &id)?.engine, global)?;
        let from = self.first_step(&engine)?;
        if changed.is_some() {
            edited::agreed(&engine, &engine.resumption(from.as_ref(), person::now()), global)?;
        }
        let holding = runbook_engine::input::Holding {
            secrets,
            with: changed.map(Box::new),
            from,
            extend: self.extend,
            ..carrying::holding()
        };
        let history = recording::events(&store, &id)?.into_iter().map(|(_, stamped)| stamped).collect();
        let taken = Taken { id, run, history, first: None, holding };
        carrying::carry_out(taken, &store, global, self.output.form, &trace)
    }

    /// The run as it is, or as it would be by the edited runbook, and what that changes.
    fn prospect(&self, engine: Engine, global: &Global) -> Result<(Engine, Option<PlanChanged>), Stop> {
        let Some(file) = &self.with else { return Ok((engine, None)) };
        let Some(changed) = edited::read(file, &self.inputs, engine.state(), global, self.plan)? else {
            if !global.quiet {
                talk::note("the runbook and its inputs are what the run rests on already");
            }
            return Ok((engine, None));
        };
        let run = engine.state().run().clone();
        let engine = engine.edited(changed.clone(), person::now()).map_err(|error| {
            Stop::new(Exit::Refused, format!("the run does not take another plan: {error}")).resume(&run)
        })?;
        Ok((engine, Some(changed)))
    }

    /// The step that `--from` names.
    fn first_step(&self, engine: &Engine) -> Result<Option<StepPath>, Stop> {
        match &self.from {
            Some(typed) => Ok(Some(word::find(&engine.steps(false), typed)?.path.clone())),
            None => Ok(None),
        }
    }

    /// The run that is meant.
    fn chosen(&self, store: &SqliteStore) -> Result<RunId, Stop> {
        if let Some(typed) = &self.run {
            return runs::find(store, typed);
        }
        let (summaries, _) = runs::summaries(store)?;
        let mut unfinished = summaries.into_iter().filter(|summary| !summary.is_finished());
        match (unfinished.next(), unfinished.next()) {
            (Some(only), None) => Ok(only.run),
            (None, _) => Err(Stop::usage("there is no unfinished run").help("`runbook runs` lists all runs")),
            (Some(first), Some(second)) => {
                let newest = first.run.clone();
                let all = [first, second].into_iter().chain(unfinished);
                let stop = Stop::usage("there are several unfinished runs; name one of them");
                let line = |summary: &runs::Summary| {
                    let ago = span(person::now().since(summary.glance.started_at));
                    format!("{}  {}, made {ago} ago", summary.run, summary.status().as_str())
                };
                Err(all.fold(stop, |stop, summary| stop.detail(line(&summary))).resume(&newest))
            }
        }
    }

    /// The secret inputs, which no journal holds: given again, or asked for.
    fn secrets(
        &self,
        id: &RunId,
        declared: &IndexMap<String, InputDeclaration>,
        withheld: &[&str],
    ) -> Result<IndexMap<String, runbook_model::value::Value>, Stop> {
        if let Some(fixed) = self.inputs.names().find(|name| declared.contains_key(*name) && !withheld.contains(name)) {
            return Err(Stop::usage(format!("the input `{fixed}` of the run cannot be changed just so"))
                .help(ANOTHER_VALUE)
                .resume(id));
        }
        let wanted: IndexMap<String, InputDeclaration> = declared
            .iter()
            .filter(|(name, _)| withheld.contains(&name.as_str()))
            .map(|(name, declaration)| {
                (name.clone(), InputDeclaration { default: None, optional: false, ..declaration.clone() })
            })
            .collect();
        self.inputs.gather(&wanted, declared).map_err(|stop| stop.resume(id))
    }

    /// A run that has succeeded needs nothing more.
    fn show(&self, recording: &Recording) -> Result<Exit, Stop> {
        let mut data = Data::default();
        match self.output.form {
            Form::Human => data.text(portrait(recording, &[], person::now(), terminal::stdout_columns()))?,
            Form::Json => data.document(&Document::new(recording, &[]))?,
            // There are no new events.
            Form::Ndjson => {}
        }
        Ok(Exit::Done)
    }

    fn tell_plan(&self, engine: &Engine) -> Result<Exit, Stop> {
        let steps = engine.resumption(self.first_step(engine)?.as_ref(), person::now());
        let mut data = Data::default();
        match self.output.form {
            Form::Human => data.text(edited::told(engine, &steps, true))?,
            form => {
                let steps: Vec<Prospective> = steps
                    .into_iter()
                    .map(|step| Prospective { path: step.path, decision: step.decision.as_str(), reason: step.reason })
                    .collect();
                if form == Form::Json {
                    let removed = edited::removed(engine).into_iter().map(|(path, reason)| Removed { path, reason });
                    data.document(&Prospect { run: engine.state().run().clone(), steps, removed: removed.collect() })?;
                } else {
                    data.list(&steps, form)?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

fn held(id: &RunId, error: runbook_driver::Unopened) -> Stop {
    match error {
        runbook_driver::Unopened::Hold(HoldError::HeldBy(holder)) => {
            let who = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Stop::new(Exit::Held, format!("{who} holds run {id}"))
                .help("it goes on there; wait for its end, or stop that process, which records where it stands")
                .next(["runbook", "show", id.as_str()])
        }
        other => Stop::from(other).resume(id),
    }
}
