//! Asking the kinds: every call is shown to its kind, every nested runbook is read.
//!
//! This file decides what is asked of a kind and complains of what no kind can know: looks that change things, kinds this
//! version does not carry out. It must not know what kinds take.

use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::{Effect, Kind, Place, Question};
use runbook_model::source::SourceId;

use super::library::Library;
use super::nested;
use crate::written::{Action, Call, Runbook, Step, Undo, Uses};

/// Asks about every call of a runbook.
pub(super) fn ask(library: &Library<'_>, source: SourceId, runbook: &mut Runbook) {
    let asking = Asking { library, source };
    asking.all(&mut runbook.steps, true);
    asking.all(&mut runbook.when_failed, true);
    asking.all(&mut runbook.finally, true);
}

struct Asking<'a> {
    library: &'a Library<'a>,
    source: SourceId,
}

impl Asking<'_> {
    /// `runs`: do these steps belong to the run itself? Those of `undo` are kept for later.
    fn all(&self, steps: &mut [Step], runs: bool) {
        steps.iter_mut().for_each(|step| self.step(step, runs));
    }

    fn step(&self, step: &mut Step, runs: bool) {
        match &mut step.action {
            Some(Action::Call(call)) => self.call(call, Place::Step, runs),
            Some(Action::Wait(wait)) => self.call(&mut wait.source, Place::Look, runs),
            Some(Action::Group(steps)) => self.all(steps, runs),
            Some(Action::Uses(uses)) => {
                self.expands(uses);
                nested::load(self.library, self.source, uses);
            }
            Some(Action::Set(_) | Action::Assert(_) | Action::Approve(_)) | None => {}
        }
        if let Some(probe) = &mut step.probe {
            self.call(&mut probe.call, Place::Look, runs);
        }
        if let Some(verify) = &mut step.verify {
            self.call(&mut verify.call, Place::Look, runs);
        }
        self.all(&mut step.adjust, runs);
        if let Undo::Steps(steps) = &mut step.undo {
            self.all(steps, false);
        }
    }

    fn call(&self, call: &mut Call, place: Place, runs: bool) {
        let name = &call.kind.value;
        let Some(kind) = self.library.kinds.get(name) else {
            let message = format!("there is no step kind `{name}`");
            let help = "`runbook kinds` lists those that there are";
            self.library.complain(Diagnostic::error(code::KIND_UNKNOWN, call.kind.span, message).help(help));
            return;
        };
        if call.arguments.is_null() {
            // `karmada-token:` with nothing behind it.
            call.arguments = Argument { node: Node::Map(Vec::new()), span: call.kind.span };
        }
        let mut found = Vec::new();
        let planned = kind.plan(&mut call.arguments, &mut Question { place, diagnostics: &mut found });
        let told = found.iter().any(|diagnostic| diagnostic.code == code::KIND_PLACE);
        for diagnostic in found {
            self.library.complain(diagnostic);
        }
        if place == Place::Look && planned.effect != Effect::Reads && !told {
            let message = format!("this `{name}` changes something, but a look must only read");
            let help = "look with a call that reads, such as one that begins with Describe, Get or List";
            self.library.complain(Diagnostic::error(code::KIND_PLACE, call.kind.span, message).help(help));
        }
        call.later = kind.not_carried_out().is_some();
        self.later(kind, call, runs);
        call.parameters = kind.parameters();
        (call.planned, call.version) = (Some(planned), kind.version());
    }

    /// A kind that expands may know what goes together; each argument by itself is judged by the inputs of its runbook.
    fn expands(&self, uses: &Uses) {
        let Some(kind) = self.library.kinds.get(&uses.kind.value).filter(|_| uses.path.is_none()) else { return };
        let mut arguments = Argument { node: Node::Map(uses.with.clone()), span: uses.kind.span };
        let mut found = Vec::new();
        let _planned = kind.plan(&mut arguments, &mut Question { place: Place::Step, diagnostics: &mut found });
        found.into_iter().for_each(|diagnostic| self.library.complain(diagnostic));
    }

    fn later(&self, kind: &dyn Kind, call: &Call, runs: bool) {
        let Some(why) = kind.not_carried_out() else { return };
        let (message, help) = why.split_once(": ").unwrap_or((why, "leave the step out"));
        let told = |diagnostic: Diagnostic| diagnostic.help(help);
        let span = call.kind.span;
        self.library.complain(told(Diagnostic::warning(code::KIND_LATER, span, message)));
        if runs {
            self.library.later.borrow_mut().push(told(Diagnostic::error(code::KIND_LATER, span, message)));
        }
    }
}
