//! What a person has to allow before a runbook is carried out.
//!
//! This file decides whether a plan starts programs of this machine. It must not know what these programs are.

use runbook_model::plan::{Action, Body, Call, Step, Undo};

use crate::exit::Exit;
use crate::stop::Stop;

/// The kind that starts programs.
const COMMAND: &str = "command";

/// Refuses a plan that starts programs although nobody allowed that, before anything runs.
pub(crate) fn programs(body: &Body, allowed: bool) -> Result<(), Stop> {
    let mut starting = Vec::new();
    if !allowed {
        steps_of(body, &mut starting);
    }
    if starting.is_empty() {
        return Ok(());
    }
    let places = starting.iter().map(|step| format!("step `{}` ({})", step.id, step.place));
    let stop = Stop::new(Exit::Refused, "the runbook starts programs on this machine, and nobody allowed that");
    Err(places.fold(stop, Stop::detail).help("read what they do, then allow them with `--allow-command`; nothing ran"))
}

fn steps_of<'p>(body: &'p Body, starting: &mut Vec<&'p Step>) {
    for step in body.steps.iter().chain(&body.when_failed).chain(&body.finally) {
        look(step, starting);
    }
}

fn look<'p>(step: &'p Step, starting: &mut Vec<&'p Step>) {
    let own = match &step.action {
        Action::Call(call) => Some(call),
        Action::Wait(wait) => Some(&wait.source),
        _ => None,
    };
    let looks = step.probe.iter().map(|probe| &probe.call).chain(step.verify.iter().map(|verify| &verify.call));
    if own.into_iter().chain(looks).any(|call: &Call| call.kind == COMMAND) {
        starting.push(step);
    }
    if let Some(body) = step.action.body() {
        steps_of(body, starting);
    }
    let undo = match &step.undo {
        Undo::Steps { steps } => steps.as_slice(),
        Undo::Unsaid | Undo::Never { .. } => &[],
    };
    step.adjust.iter().chain(undo).for_each(|inner| look(inner, starting));
}
