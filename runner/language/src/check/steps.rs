//! Steps: each one's keys checked where they stand, and frozen.
//!
//! This file decides what is in scope for each key of a step, and puts the plan's step together. It must not know what
//! shapes or names are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::duration::Duration;
use runbook_model::failure::FailureClass;
use runbook_model::kind::{Effect, Reaches};
use runbook_model::plan::{
    Action, Body, Call as PlanCall, Check as PlanCheck, ForEach, Probe as PlanProbe, Step as PlanStep,
    Undo as PlanUndo, Verify as PlanVerify,
};
use runbook_model::source::Span;

use super::needs::{self, Needs};
use super::sight::{self, Item, Known, Level, Notes, Role, Sight};
use super::unit::Unit;
use super::{connections, digests, each, nested, numbers, waits, yields};
use crate::written::{self, Call, Check, RetryKeys, Spanned, Step, Undo, meant};

/// How long absence has to hold before a one-shot in doubt is repeated.
const SETTLE: Duration = Duration::from_secs(15);

/// Checks the steps of a level and freezes them. Also the steps further out that they wait for: how many levels beyond
/// this one's parent, and the id.
pub(super) fn frozen(unit: &Unit<'_>, level: &Level<'_>) -> (Vec<PlanStep>, Vec<(usize, String)>) {
    doubles(unit, level.steps);
    if level.role == Role::Run && level.parent.is_none() {
        beside_ends(unit, level.steps);
    }
    let mut all = Vec::with_capacity(level.steps.len());
    let mut own = Vec::with_capacity(level.steps.len());
    let mut outer = Vec::new();
    for (at, step) in level.steps.iter().enumerate() {
        let (frozen, needs) = one(unit, level, at, step);
        outer.extend(needs.outer);
        own.push(needs.own);
        all.push(frozen);
    }
    let notes = RefCell::default();
    needs::judge(&unit.sight(level, &notes), level, &own);
    for (step, needs) in all.iter_mut().zip(&own) {
        step.needs = needs.iter().map(|at| level.steps[*at].id.value.clone()).collect();
    }
    // Steps in `undo` and the like may have no ids; their plan needs some.
    let mut names: BTreeSet<String> = level.steps.iter().map(|step| step.id.value.clone()).collect();
    for at in 0..all.len() {
        if all[at].id.is_empty() {
            let name = (1..).map(|n| format!("step_{n}")).find(|name| !names.contains(name)).unwrap_or_default();
            names.insert(name.clone());
            rename(&mut all, at, &name);
        }
    }
    (all, outer)
}

/// Gives a step without an id one; whoever waits for it learns it.
fn rename(steps: &mut [PlanStep], at: usize, name: &str) {
    name.clone_into(&mut steps[at].id);
    if steps[at].title.as_text() == Some("") {
        steps[at].title = Argument::new(Node::Text(steps[at].action.kind().to_owned()));
    }
    if let Some(next) = steps.get_mut(at + 1) {
        next.needs.iter_mut().filter(|need| need.is_empty()).for_each(|need| name.clone_into(need));
    }
}

/// The failures that count as an answer: those the author names, and what the kind says of itself.
fn accepted(step: &Step) -> Vec<String> {
    let mut accepted: Vec<String> = step.accept.iter().map(|name| name.value.clone()).collect();
    let missing = FailureClass::Missing.as_str();
    if let Some(written::Action::Call(call)) = &step.action
        && call.planned.as_ref().is_some_and(|planned| planned.absent_is_fine)
        && !accepted.iter().any(|name| name == missing)
    {
        accepted.push(missing.to_owned());
    }
    accepted
}

/// Complains of ids that are taken: `finally/x` and `when_failed/x` are paths of the steps of a runbook's end.
fn beside_ends(unit: &Unit<'_>, steps: &[Step]) {
    let ends =
        [("when_failed", "when-failed", &unit.runbook.when_failed), ("finally", "finally", &unit.runbook.finally)];
    for (id, key, end) in ends.into_iter().filter(|(.., end)| !end.is_empty()) {
        for step in steps.iter().filter(|step| step.id.value == id) {
            let message = format!("the id `{id}` is taken: the steps of `{key}` stand below it in reports");
            let diagnostic =
                Diagnostic::error(code::NAME_TWICE, step.id.span, message).help("give this step another one");
            unit.library.complain(match end.first() {
                Some(first) => diagnostic.related(first.span, "they are here"),
                None => diagnostic,
            });
        }
    }
}

/// Complains of ids given twice.
fn doubles(unit: &Unit<'_>, steps: &[Step]) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for step in steps.iter().filter(|step| !step.id.value.is_empty()) {
        if let Some(first) = seen.get(step.id.value.as_str()) {
            let message = format!("the id `{}` is given twice", step.id.value);
            let diagnostic = Diagnostic::error(code::NAME_TWICE, step.id.span, message)
                .help("give this step another one")
                .related(*first, "it is given here first");
            unit.library.complain(diagnostic);
        } else {
            seen.insert(&step.id.value, step.id.span);
        }
    }
}

fn one(unit: &Unit<'_>, level: &Level<'_>, at: usize, step: &Step) -> (PlanStep, Needs) {
    let notes = RefCell::new(Notes::default());
    let outer = Sight { step: Some(step), item: level.item, ..unit.sight(level, &notes) };
    let own_item: Option<Item> = step.for_each.as_ref().map(|over| each::check(&outer, step, over));
    let sight = Sight { item: own_item.as_ref().or(level.item), ..outer };
    if let Some(title) = &step.title {
        Sight { title: true, ..sight }.argument(title);
    }
    let when_notes = RefCell::new(Notes::default());
    step.when.iter().for_each(|when| drop(sight.noting(&when_notes).argument(when)));
    let when_notes = when_notes.take();
    let when_per_item = step.for_each.is_some() && when_notes.item();
    notes.borrow_mut().add(when_notes);
    for argument in step.key.iter().filter(|_| step.for_each.is_some()).chain(&step.timeout) {
        sight.argument(argument);
    }
    let defaults = &unit.runbook.defaults;
    let acts = matches!(step.action, Some(written::Action::Call(_) | written::Action::Wait(_)));
    let inherited = step.connection.as_ref().or(level.connection);
    let (action, connection) = action(&sight, level, step, inherited, &notes);
    let judged = step.result();
    let judging = sight.judging(&judged);
    judges(&judging, step);
    let default_retry = defaults.retry.as_ref().filter(|_| acts);
    let retry = RetryKeys::settled(step.retry.as_ref(), default_retry);
    let title = step.title.clone().unwrap_or_else(|| Argument::new(Node::Text(step.id.value.clone())));
    let kept = match &step.action {
        // The outputs of a group are worked out inside it.
        Some(written::Action::Group(_)) => None,
        _ => step.outputs.as_deref().map(all),
    };
    let probe = step.probe.as_ref().map(|probe| probed(&sight, step, probe, connection.as_ref().or(inherited)));
    let verify = step.verify.as_ref().map(|verify| {
        let known = verify.call.result();
        check_all(&sight.judging(&known), &verify.check);
        PlanVerify {
            call: frozen_call(&sight, &verify.call, connection.as_ref().or(inherited)),
            check: checks(unit, &verify.check),
        }
    });
    let aside = |steps: &[Step], role: Role| -> (Vec<PlanStep>, Vec<(usize, String)>) {
        let index = sight::index(steps);
        let inner = Level {
            steps,
            index: &index,
            parent: Some(level),
            holder: Some(step),
            role,
            item: sight.item,
            connection: inherited,
        };
        frozen(unit, &inner)
    };
    let (adjust, adjust_needs) = aside(&step.adjust, Role::Adjust);
    let undo = match &step.undo {
        Undo::Unsaid => PlanUndo::Unsaid,
        Undo::Never(why) => PlanUndo::Never { why: why.clone() },
        // What an undo mentions is there when it runs; the step need not wait for it.
        Undo::Steps(steps) => PlanUndo::Steps { steps: aside(steps, Role::Undo).0 },
    };
    let mut frozen = PlanStep {
        id: step.id.value.clone(),
        place: unit.library.place(step.span),
        title,
        needs: Vec::new(),
        when: step.when.clone(),
        when_per_item,
        for_each: step.for_each.clone().map(|over| ForEach {
            over,
            key: step.key.clone(),
            concurrency: step.concurrency,
        }),
        connection,
        retry,
        timeout: step.timeout.clone().or_else(|| defaults.timeout.clone().filter(|_| acts)),
        accept: accepted(step),
        check: checks(unit, &step.check),
        outputs: kept,
        secret: step.secret.iter().map(|name| name.value.clone()).collect(),
        probe,
        adjust,
        verify,
        undo,
        on_failure: step.on_failure,
        action,
        definition: runbook_model::digest::Digest::of(b""),
        item_definition: None,
    };
    let mut needs = needs::written(&sight, level, at);
    let mut notes = notes.take();
    // Seen from here, the levels of `adjust` are one further in.
    notes.steps.extend(adjust_needs);
    for (depth, id) in &notes.steps {
        match (depth, level.index.get(id.as_str())) {
            (0, Some(place)) => drop(needs.own.insert(*place)),
            _ => needs.outer.push((*depth, id.clone())),
        }
    }
    needs.outer = needs.outer.into_iter().filter_map(|(depth, id)| Some((depth.checked_sub(1)?, id))).collect();
    (frozen.definition, frozen.item_definition) = digests::of(unit, &frozen, level.connection, &notes);
    (frozen, needs)
}

/// What the step does, and the connection that the plan says of it.
fn action(
    sight: &Sight<'_>,
    level: &Level<'_>,
    step: &Step,
    inherited: Option<&Argument>,
    notes: &RefCell<Notes>,
) -> (Action, Option<Argument>) {
    let unit = sight.unit;
    match &step.action {
        None => {
            own_connection(sight, step);
            (Action::Set { values: IndexMap::new() }, step.connection.clone())
        }
        Some(written::Action::Call(call)) => {
            let frozen = bare(sight, call);
            // The types of Kubernetes objects are known to their API server only.
            if frozen.reaches == Reaches::Kubernetes {
                numbers::warn(sight, &call.arguments);
            }
            let (own, kind) = (step.connection.as_ref(), &call.kind);
            let connection = connections::of_call(sight, own, level.connection, frozen.reaches, kind.span, &kind.value);
            (Action::Call(frozen), connection.or_else(|| handed_down(level)))
        }
        Some(written::Action::Wait(wait)) => {
            own_connection(sight, step);
            let connection = step.connection.clone().or_else(|| handed_down(level));
            (Action::Wait(Box::new(waits::frozen(sight, step, wait, inherited))), connection)
        }
        Some(written::Action::Set(entries)) => {
            for entry in entries {
                sight.argument(&entry.value);
                numbers::warn(sight, &entry.value);
            }
            (Action::Set { values: all(entries) }, None)
        }
        Some(written::Action::Assert(all)) => {
            check_all(sight, all);
            (Action::Assert { checks: checks(unit, all) }, None)
        }
        Some(written::Action::Approve(message)) => {
            sight.argument(message);
            (Action::Approve { message: message.clone() }, None)
        }
        Some(written::Action::Uses(uses)) => {
            own_connection(sight, step);
            (Action::Run(Box::new(nested::frozen(sight, step, uses))), step.connection.clone())
        }
        Some(written::Action::Group(steps)) => {
            own_connection(sight, step);
            let index = sight::index(steps);
            let inner = Level {
                steps,
                index: &index,
                parent: Some(level),
                holder: Some(step),
                item: sight.item,
                connection: inherited,
                ..*level
            };
            let (frozen, outer) = frozen(unit, &inner);
            notes.borrow_mut().steps.extend(outer);
            let inside = Sight { level: &inner, ..*sight };
            let inner_notes = RefCell::new(Notes::default());
            let outputs = step.outputs.as_deref().unwrap_or_default();
            outputs.iter().for_each(|entry| drop(inside.noting(&inner_notes).argument(&entry.value)));
            let mut mentioned = inner_notes.take();
            mentioned.steps =
                mentioned.steps.into_iter().filter_map(|(depth, id)| Some((depth.checked_sub(1)?, id))).collect();
            notes.borrow_mut().add(mentioned);
            let body = Body {
                file: unit.library.place(step.span).file,
                shares_scope: true,
                steps: frozen,
                outputs: all(outputs),
                ..Body::default()
            };
            (Action::Group { body: Box::new(body) }, step.connection.clone())
        }
    }
}

/// The connection that steps of `undo` and `adjust` have from their step. Those of a group ask the group when they run,
/// for its connection may read the group's own item.
fn handed_down(level: &Level<'_>) -> Option<Argument> {
    level.connection.filter(|_| level.is(Role::Undo) || level.is(Role::Adjust)).cloned()
}

/// Checks the connection that a step names for what it does inside.
fn own_connection(sight: &Sight<'_>, step: &Step) {
    let Some(own) = &step.connection else { return };
    sight.argument(own);
    connections::form(sight, own);
    if let Some(notes) = sight.notes {
        connections::mention(sight, own, notes);
    }
}

/// The keys that judge the step's own answer.
fn judges(judging: &Sight<'_>, step: &Step) {
    if let Some(when) = step.retry.as_ref().and_then(|retry| retry.when.as_ref()) {
        judging.argument(when);
    }
    let default = judging.unit.runbook.defaults.retry.as_ref().and_then(|retry| retry.when.as_ref());
    if let (None, Some(when)) = (&step.retry, default) {
        judging.argument(when);
    }
    check_all(judging, &step.check);
    let outputs = step.outputs.as_deref().unwrap_or_default();
    match &step.action {
        Some(written::Action::Group(_)) => {}
        Some(written::Action::Uses(uses)) => {
            let nested = uses.loaded.as_ref().map(|loaded| yields::nested_result(&loaded.outputs)).unwrap_or_default();
            outputs.iter().for_each(|entry| drop(judging.judging(&nested).argument(&entry.value)));
        }
        _ => outputs.iter().for_each(|entry| {
            judging.argument(&entry.value);
            numbers::warn(judging, &entry.value);
        }),
    }
    let names: Vec<&str> = match &step.action {
        Some(written::Action::Set(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ if step.outputs.is_none() => vec!["result"],
        _ => outputs.iter().map(|entry| entry.key.as_str()).collect(),
    };
    for secret in &step.secret {
        if !names.contains(&secret.value.as_str()) {
            let message = format!("the step has no output `{}`", secret.value);
            let help = meant(&secret.value, names.iter().copied(), "name outputs of this step");
            judging.complain(Diagnostic::error(code::OUTPUT_UNKNOWN, secret.span, message).help(help));
        }
    }
    let errors = step.retry.iter().filter_map(|retry| retry.errors.as_ref()).flatten();
    step.accept.iter().chain(errors).for_each(|name| class(judging, name));
}

/// Complains of a class that does not exist. Codes of services have capitals, classes have none.
fn class(sight: &Sight<'_>, name: &Spanned<String>) {
    let is_code = name.value.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.');
    if is_code || FailureClass::named(&name.value).is_some() {
        return;
    }
    let classes = FailureClass::ALL.map(FailureClass::as_str);
    let message = format!("there is no class of failures `{}`", name.value);
    let help =
        meant(&name.value, classes, &format!("the classes are {}", classes.map(|c| format!("`{c}`")).join(", ")));
    sight.complain(Diagnostic::error(code::CLASS_UNKNOWN, name.span, message).help(help));
}

fn probed(sight: &Sight<'_>, step: &Step, probe: &written::Probe, inherited: Option<&Argument>) -> PlanProbe {
    let call = frozen_call(sight, &probe.call, inherited);
    let known: Known = probe.call.result();
    let judging = sight.judging(&known);
    probe.present_when.iter().for_each(|when| drop(judging.argument(when)));
    check_all(&judging, &probe.matches);
    // Without outputs of its own a probe works out those of the step, over its own answer.
    let outputs = probe.outputs.as_ref().or(step.outputs.as_ref());
    for entry in outputs.into_iter().flatten() {
        judging.argument(&entry.value);
    }
    outputs_agree(sight, step, probe);
    let must_match = match &step.action {
        Some(written::Action::Call(call)) => call.planned.as_ref().is_some_and(|planned| planned.must_match),
        _ => false,
    };
    if must_match && probe.matches.is_empty() {
        let message = "this probe does not say when what it finds is ours";
        let help = "add `matches:` with what tells it from somebody else's, or `matches: [{that: true}]` if the name alone does";
        sight.complain(Diagnostic::error(code::KEY_MISSING, probe.span, message).help(help));
    }
    PlanProbe {
        call,
        present_when: probe.present_when.clone(),
        matches: checks(sight.unit, &probe.matches),
        outputs: probe.outputs.as_deref().map(all),
        settle: probe.settle.unwrap_or(SETTLE),
    }
}

/// What was made and what was found must give the same outputs.
fn outputs_agree(sight: &Sight<'_>, step: &Step, probe: &written::Probe) {
    let Some(found) = &probe.outputs else { return };
    let Some(made) = &step.outputs else {
        let message = "the probe has outputs, the step itself has none";
        let help = "add `outputs:` to the step, so that it gives the same whether it made something or found it";
        sight.complain(Diagnostic::error(code::KEYS_TOGETHER, probe.span, message).help(help));
        return;
    };
    for output in made {
        if !found.iter().any(|other| other.key == output.key) {
            let message = format!("the probe does not give the output `{}`, which the step has", output.key);
            let help = format!("add `{}:` to the outputs of the probe", output.key);
            sight.complain(
                Diagnostic::error(code::KEY_MISSING, probe.span, message)
                    .help(help)
                    .related(output.key_span, "the step gives it here"),
            );
        }
    }
}

/// A look: its arguments and connection checked.
pub(super) fn frozen_call(sight: &Sight<'_>, call: &Call, inherited: Option<&Argument>) -> PlanCall {
    let frozen = bare(sight, call);
    let (own, kind) = (call.connection.as_ref(), &call.kind);
    let connection = connections::of_call(sight, own, inherited, frozen.reaches, kind.span, &kind.value);
    PlanCall { connection, ..frozen }
}

/// A call with its arguments checked and the connections taken out of them.
fn bare(sight: &Sight<'_>, call: &Call) -> PlanCall {
    sight.argument(&call.arguments);
    nothing_secret_shown(sight, call);
    let (arguments, connections) = connections::taken_out(sight, call);
    let planned = call.planned.as_ref();
    PlanCall {
        kind: call.kind.value.clone(),
        version: call.version,
        arguments,
        connections,
        effect: planned.map_or(Effect::Reads, |planned| planned.effect),
        token: planned.is_some_and(|planned| planned.token),
        keeps: planned.is_some_and(|planned| planned.keeps),
        reaches: planned.map_or(Reaches::Nothing, |planned| planned.reaches),
        connection: None,
    }
}

/// Complains of secrets in arguments that everybody can read.
fn nothing_secret_shown(sight: &Sight<'_>, call: &Call) {
    let quiet = Sight { notes: None, ..*sight };
    for parameter in call.parameters.iter().filter(|parameter| parameter.shown) {
        let Some(argument) = call.arguments.get(parameter.name) else { continue };
        let parts = argument.as_list().unwrap_or(std::slice::from_ref(argument));
        if let Some(part) = parts.iter().find(|part| quiet.argument(part).sensitive) {
            let (name, kind) = (parameter.name, &call.kind.value);
            let message = format!("a secret in `{name}` of `{kind}` can be read by everybody on the machine");
            let help = "give it to the program in a variable, under `env`";
            sight.complain(Diagnostic::error(code::SECRET_SHOWN, part.span, message).help(help));
        }
    }
}

fn check_all(sight: &Sight<'_>, checks: &[Check]) {
    for check in checks {
        sight.argument(&check.that);
        check.otherwise.iter().for_each(|otherwise| drop(sight.argument(otherwise)));
    }
}

fn checks(unit: &Unit<'_>, checks: &[Check]) -> Vec<PlanCheck> {
    checks
        .iter()
        .map(|check| PlanCheck {
            that: check.that.clone(),
            otherwise: check.otherwise.clone(),
            warns: check.warns,
            place: unit.library.place(check.span),
        })
        .collect()
}

fn all(entries: &[Entry]) -> IndexMap<String, Argument> {
    entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}
