//! The kinds that the language has and this version does not carry out.
//!
//! This file decides their names, what they reach and what they say when somebody wants them carried out: a runbook that
//! uses them can be written and checked, and nobody is surprised at run time. A kind that is carried out has a file of its own.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::kind::{Effect, Kind, Place, Planned, Question, Reaches};

use crate::arguments::Judge;

/// A kind to come.
#[derive(Debug)]
pub struct Later {
    name: &'static str,
    summary: &'static str,
    why: &'static str,
    effect: Effect,
    reaches: Reaches,
}

const fn step(name: &'static str, summary: &'static str, why: &'static str, effect: Effect, reaches: Reaches) -> Later {
    Later { name, summary, why, effect, reaches }
}

/// The kinds to come, in the order of their names.
pub static LATER: &[Later] = &[
    karmada(
        "karmada-register",
        "joins a member that pulls from Karmada",
        "this version does not carry out `karmada-register`: use `karmadactl register`",
    ),
    karmada(
        "karmada-unregister",
        "removes a member that pulls from Karmada",
        "this version does not carry out `karmada-unregister`: use `karmadactl unregister`",
    ),
];

const fn karmada(name: &'static str, summary: &'static str, why: &'static str) -> Later {
    step(name, summary, why, Effect::Converges, Reaches::Kubernetes)
}

impl Kind for Later {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        // What its arguments mean is decided by the version that carries it out, which will be 1.
        0
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        if question.place != Place::Step {
            let message = format!("`{}` changes things and cannot look", self.name);
            let help = "look with a kind that reads";
            Judge::new(self.name, question.diagnostics).complain(code::KIND_PLACE, arguments.span, message, help);
        }
        Planned { effect: self.effect, ..Planned::unknown(self.reaches) }
    }

    fn not_carried_out(&self) -> Option<&'static str> {
        Some(self.why)
    }
}
