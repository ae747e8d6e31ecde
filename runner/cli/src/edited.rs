//! An edited runbook for a run that there is already: read, checked and planned, with the inputs that the run has.
//!
//! This file decides which value an input has then: one that is given now, else the one the run was made with; secrets, which
//! no journal holds, are given or asked for again. What becomes of the steps is the engine's to say.

use std::path::Path;

use indexmap::IndexMap;
use runbook_engine::event::PlanChanged;
use runbook_engine::view::Resumption;
use runbook_engine::{Engine, State};
use runbook_language::{check, plan};
use runbook_model::digest::Digest;
use runbook_model::input::InputDeclaration;
use runbook_model::kind::Origin;
use runbook_model::record::Recorded;
use runbook_model::value::{Map, Value};
use serde_json::{Map as Json, Value as J};

use crate::arguments::Global;
use crate::complaints::draw;
use crate::exit::Exit;
use crate::files::Folder;
use crate::inputs::InputOptions;
use crate::stop::Stop;
use crate::text::{padded, printable, width};
use crate::{consent, prompt, talk, terminal};

/// What the edited runbook in `file` changes; `None` if that is nothing. `looks` says that nothing will run: then nobody is
/// asked for the secrets of the run.
pub(crate) fn read(
    file: &Path,
    inputs: &InputOptions,
    state: &State,
    global: &Global,
    looks: bool,
) -> Result<Option<PlanChanged>, Stop> {
    let kinds = runbook_steps::kinds();
    let folder = Folder::of(file);
    let checked = check(&folder, folder.entry(), &kinds);
    if checked.has_errors() || !global.quiet {
        draw(&checked.diagnostics, &checked.sources);
    }
    if checked.has_errors() {
        return Err(Stop::told(Exit::Invalid).resume(state.run()));
    }
    let (name, of) = (checked.runbook().map(|runbook| runbook.name.clone()).unwrap_or_default(), state.plan());
    if name != of.runbook.name {
        let message =
            format!("`{}` is the runbook `{name}`, and the run is one of `{}`", file.display(), of.runbook.name);
        return Err(Stop::new(Exit::Refused, message)
            .help("a run goes on by an edited version of its own runbook; `runbook exec` makes a new run")
            .resume(state.run()));
    }
    let values = gathered(inputs, &checked.inputs(), state, looks)?;
    let plan = plan(&checked, &values).map_err(|diagnostics| {
        draw(&diagnostics, &checked.sources);
        Stop::told(Exit::Invalid).resume(state.run())
    })?;
    consent::programs(&plan.body, state.allows_command()).map_err(|stop| {
        stop.help("the run was made without `--allow-command`; a new run can be made with it").resume(state.run())
    })?;
    let values = Value::Map(values.into_iter().collect::<Map>());
    let inputs_digest =
        if values == *state.inputs() { *state.inputs_digest() } else { Digest::of_value(&values, state.key()) };
    let plan_digest = plan.digest();
    if plan_digest == *state.plan_digest() && inputs_digest == *state.inputs_digest() {
        return Ok(None);
    }
    let inputs = Recorded(values);
    Ok(Some(PlanChanged { plan, plan_digest, package: checked.package, inputs, inputs_digest }))
}

fn gathered(
    inputs: &InputOptions,
    declared: &IndexMap<String, InputDeclaration>,
    state: &State,
    looks: bool,
) -> Result<IndexMap<String, Value>, Stop> {
    let withheld = state.withheld_inputs();
    let mut declared = declared.clone();
    let mut kept = IndexMap::new();
    for name in &withheld {
        if looks && !inputs.names().any(|given| given == *name) {
            // Whoever only looks needs no secret.
            if declared.shift_remove(*name).is_some()
                && let Some(value) = state.inputs().get(name)
            {
                kept.insert((*name).to_owned(), value.clone());
            }
        } else if let Some(declaration) = declared.get_mut(*name) {
            // It had a value, and neither null nor the default is known to be that one.
            (declaration.default, declaration.optional) = (None, false);
        }
    }
    let plain = state
        .inputs()
        .as_map()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !withheld.contains(&name.as_str()) && !value.is_null() && !value.holds_secret());
    let had: Json<String, J> = plain.map(|(name, value)| (name.clone(), value.redacted())).collect();
    let before = (format!("the run {}", state.run()), J::Object(had).to_string().into_bytes());
    let mut values = inputs.gather_over(Some(before), &declared, &declared).map_err(|stop| stop.resume(state.run()))?;
    values.extend(kept);
    Ok(values)
}

/// What becomes of the steps, for people: what runs, and what is no part of the plan any more.
pub(crate) fn told(engine: &Engine, steps: &[Resumption], all: bool) -> String {
    let shown = |step: &&Resumption| all || step.decision.as_str() != "reuse";
    let removed: Vec<(String, String)> = removed(engine);
    let paths = steps
        .iter()
        .filter(shown)
        .map(|step| step.path.to_string())
        .chain(removed.iter().map(|(path, _)| path.clone()));
    let column = paths.map(|path| width(&path)).max().unwrap_or_default();
    let line = |path: &str, word: &str, why: &str| {
        format!("{}  {}  {}\n", padded(path, column), talk::bold(padded(word, 7)), printable(why))
    };
    let mut out = String::new();
    for step in steps.iter().filter(shown) {
        out.push_str(&line(&step.path.to_string(), step.decision.as_str(), &step.reason));
    }
    for (path, why) in &removed {
        out.push_str(&line(path, "removed", why));
    }
    let reused = steps.iter().filter(|step| !shown(step)).count();
    if reused > 0 {
        out.push_str(&talk::dim(format!("{reused} of {} are done and stay as they are", steps.len())));
        out.push('\n');
    }
    out
}

/// The steps that were carried out and are no part of the plan any more, and what that means.
pub(crate) fn removed(engine: &Engine) -> Vec<(String, String)> {
    let told = |removed: runbook_engine::view::Removed| {
        let why = match removed.origin {
            _ if removed.in_doubt => "it is not in the runbook any more, and nobody knows whether its effect is there",
            Some(Origin::Created | Origin::Changed) => "it is not in the runbook any more; what it made stays",
            _ => "it is not in the runbook any more",
        };
        (removed.path.to_string(), why.to_owned())
    };
    engine.removed().map(told).collect()
}

/// Shows what becomes of the steps, and asks where somebody can be asked. Elsewhere `--with` itself is the consent.
pub(crate) fn agreed(engine: &Engine, steps: &[Resumption], global: &Global) -> Result<(), Stop> {
    let asks = terminal::can_ask();
    if asks || !global.quiet {
        talk::say(&told(engine, steps, false));
    }
    if !asks {
        return Ok(());
    }
    let answer = prompt::ask("go on", Some("yes or no"), false)?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Stop::new(Exit::Refused, "nothing was changed")
        .help("the run is as it was, and goes on by its own plan without `--with`")
        .resume(engine.state().run()))
}
