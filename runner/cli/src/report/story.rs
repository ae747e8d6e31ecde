//! What an event means to a person: one line, and what belongs below it.
//!
//! This file decides the words. It must not know where they are shown nor in which colours, and it never prints a value:
//! events hold secrets only as withheld, but people are spared the rest as well.

use runbook_engine::event::{EndPart, EndStatus, Event, Finding, ParkReason, Person, StopReason, Word};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;

/// An event in words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// The step it is about; `None` for the run.
    pub(crate) step: Option<StepPath>,
    /// What it means.
    pub(crate) tone: Tone,
    /// One line.
    pub(crate) words: String,
    /// What belongs to it, one line each.
    pub(crate) details: Vec<String>,
}

/// What a line means, for its symbol and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something is done.
    Good,
    /// Something failed.
    Bad,
    /// A person has to look.
    Doubtful,
    /// Something did not happen, and need not.
    Skipped,
    /// Something begins or goes on: where a live block shows it, it is not told as a line.
    Going,
    /// What is told of a step before or after says as much: only the full list of events has it.
    Minor,
    /// Worth knowing.
    Plain,
}

impl Told {
    /// The first line of the words is told of the step, the others belong to it.
    fn of(step: &StepPath, tone: Tone, words: impl Into<String>) -> Self {
        let words = words.into();
        let (first, rest) = words.split_once('\n').unwrap_or((&words, ""));
        let details = rest.lines().map(str::to_owned).collect();
        Self { step: Some(step.clone()), tone, words: first.to_owned(), details }
    }

    fn run(tone: Tone, words: impl Into<String>) -> Self {
        Self { step: None, tone, words: words.into(), details: Vec::new() }
    }

    fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// The event in words.
pub(crate) fn told(event: &Event, time: Timestamp) -> Told {
    match event {
        Event::RunCreated(created) => {
            let runbook = &created.plan.runbook;
            Told::run(
                Tone::Plain,
                format!("run {} of {} {} made by {}", created.run, runbook.name, runbook.version, name(&created.by)),
            )
        }
        Event::RunHeld { by, pid, version, warnings, .. } => {
            Told::run(Tone::Plain, format!("taken up by {} (process {pid}, runbook {version})", name(by)))
                .details(warnings.iter().cloned())
        }
        Event::PlanChanged(changed) => {
            let runbook = &changed.plan.runbook;
            Told::run(Tone::Plain, format!("goes on by an edited {} {}", runbook.name, runbook.version))
        }
        Event::ConnectionIdentified { connection, identity } => {
            Told::run(Tone::Plain, format!("{connection}: {identity}"))
        }
        Event::BodyOpened { step, .. } => Told::of(step, Tone::Going, "opened"),
        Event::EndReached { step, part, .. } => {
            let words = match part {
                EndPart::WhenFailed => "it failed: the steps of `when-failed` begin",
                EndPart::Finally => "its steps are over: those of `finally` begin",
            };
            match step {
                Some(step) => Told::of(step, Tone::Going, words),
                None => Told::run(Tone::Plain, words),
            }
        }
        Event::ItemsListed { step, items } => {
            Told::of(step, Tone::Going, listed(items.iter().map(|item| item.key.as_str())))
        }
        Event::StepSkipped { step, reason, failure } => {
            let tone = if failure.is_some() { Tone::Doubtful } else { Tone::Skipped };
            Told::of(step, tone, format!("skipped: {reason}")).details(failure.iter().flat_map(failure_details))
        }
        Event::StepBegun { step, .. } => Told::of(step, Tone::Going, "begins"),
        Event::StepVerified { step, sentences } if sentences.is_empty() => {
            Told::of(step, Tone::Plain, "verified: it is as it was left")
        }
        Event::StepVerified { step, sentences } => {
            Told::of(step, Tone::Doubtful, "is not as it was left").details(sentences.iter().cloned())
        }
        Event::StepAdjusting { step } => Told::of(step, Tone::Going, "is adjusted"),
        Event::StepProbed { step, finding, .. } => found(step, finding),
        Event::StepStarted { step, attempt: 1, .. } => Told::of(step, Tone::Minor, "starts"),
        Event::StepStarted { step, attempt, .. } => Told::of(step, Tone::Going, format!("starts, try {attempt}")),
        Event::StepGoing { step, observed, .. } => {
            Told::of(step, Tone::Going, observed.as_deref().unwrap_or("goes on outside"))
        }
        Event::StepLooked { step, look, observed, failure, .. } => {
            let seen = match (observed, failure) {
                (Some(observed), _) => observed.clone(),
                (None, Some(failure)) => failure.to_string(),
                (None, None) => "not yet".to_owned(),
            };
            Told::of(step, Tone::Going, format!("{seen} (look {look})"))
        }
        Event::AttemptFailed { step, attempt, failure, retry_at } => {
            let words = failed_try(*attempt, &classed(failure));
            match retry_at {
                Some(at) => Told::of(step, Tone::Going, format!("{words}; again in {}", span(at.since(time)))),
                // What becomes of the step is told next.
                None => Told::of(step, Tone::Minor, words),
            }
        }
        Event::StepInDoubt { step, failure, .. } => {
            Told::of(step, Tone::Going, format!("the answer was lost: {failure}")).details(failure_details(failure))
        }
        Event::StepSucceeded { step, origin, accepted, warnings, .. } => {
            Told::of(step, Tone::Good, succeeded(*origin, accepted.as_ref()))
                .details(warnings.iter().map(|warning| format!("warning: {warning}")))
        }
        Event::StepKept { step } => Told::of(step, Tone::Good, "stays as it is: it would do the same again"),
        Event::StepFailed { step, failure } => {
            Told::of(step, Tone::Bad, sentences(failure)).details(failure_details(failure))
        }
        Event::StepParked { step, reason, message } => Told::of(step, Tone::Doubtful, waits(*reason, message)),
        Event::StepReopened { step, reason, .. } => Told::of(step, Tone::Going, format!("open again: {reason}")),
        Event::WordGiven { step, word, by, .. } => {
            let tone = if *word == Word::Reject { Tone::Bad } else { Tone::Plain };
            Told::of(step, tone, format!("{} by {}", said(*word), name(by)))
        }
        Event::CancelAsked { by, .. } => Told::run(Tone::Plain, format!("cancelled by {}", name(by))),
        Event::RunStopping { reason } => Told::run(Tone::Plain, stopping(*reason)),
        Event::RunEnded { status, because, .. } => {
            let tone = match status {
                EndStatus::Succeeded => Tone::Good,
                EndStatus::Failed => Tone::Bad,
                EndStatus::Parked | EndStatus::TimedOut => Tone::Doubtful,
                EndStatus::Cancelled | EndStatus::Interrupted | EndStatus::Undone => Tone::Plain,
            };
            let told = Told::run(tone, ended(*status));
            match because {
                Some(because) => {
                    let step = because.step.as_ref().map(|step| format!("{step}  ")).unwrap_or_default();
                    told.details([format!("{step}{}", hanging(&because.failure))])
                }
                None => told,
            }
        }
    }
}

fn found(step: &StepPath, finding: &Finding) -> Told {
    match finding {
        Finding::Absent => Told::of(step, Tone::Minor, "is not there yet"),
        Finding::Matching => Told::of(step, Tone::Minor, "is there, and as wanted"),
        Finding::Different { sentences } => {
            Told::of(step, Tone::Doubtful, "is there, and not as wanted").details(sentences.iter().cloned())
        }
    }
}

fn succeeded(origin: Origin, accepted: Option<&Failure>) -> String {
    let words = match origin {
        Origin::Created => "created",
        Origin::Changed => "changed",
        Origin::Adopted => "was there already",
        Origin::Unchanged => "done",
    };
    accepted.map_or_else(|| words.to_owned(), |failure| format!("{words} ({failure} counts as an answer)"))
}

/// What a parked step waits for; `message` is what the engine, or the author, says of it.
pub(crate) fn waits(reason: ParkReason, message: &str) -> String {
    match reason {
        ParkReason::Approval => format!("waits for an approval: {message}"),
        ParkReason::Doubt => format!("nobody knows whether it happened: {message}"),
        ParkReason::Credentials => format!("a login is needed: {message}"),
        ParkReason::Deadline => format!("its time is up: {message}"),
    }
}

/// A word in the past tense.
pub(crate) fn said(word: Word) -> &'static str {
    match word {
        Word::Approve => "approved",
        Word::Reject => "rejected",
        Word::Done => "resolved as done",
        Word::Retry => "resolved as to be done again",
    }
}

fn stopping(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Failed => "a step failed: nothing new starts, what runs may finish",
        StopReason::Interrupted => {
            "Ctrl-C: nothing new starts, calls in flight end and are recorded; Ctrl-C again stops now"
        }
        StopReason::Terminated => {
            "SIGTERM or a closed terminal: nothing new starts, calls in flight end and are recorded"
        }
        StopReason::Cancelled => "cancelled: nothing new starts, calls in flight end",
        StopReason::Parked => "a step waits: nothing new starts, calls in flight end",
        StopReason::Refused => "the other end of a connection is another one than before: nothing new starts",
    }
}

fn ended(status: EndStatus) -> &'static str {
    match status {
        EndStatus::Succeeded => "succeeded",
        EndStatus::Failed => "failed",
        EndStatus::Parked => "parked: a person has to act",
        EndStatus::TimedOut => "timed out",
        EndStatus::Cancelled => "cancelled",
        EndStatus::Interrupted => "interrupted",
        EndStatus::Undone => "taken back",
    }
}

/// `ann@laptop`.
pub(crate) fn name(person: &Person) -> String {
    format!("{}@{}", person.user, person.host)
}

/// A try that failed, in words. Before the first one there are the looks of a probe, which say themselves that they were looks.
pub(crate) fn failed_try(attempt: u32, why: &str) -> String {
    if attempt == 0 { why.to_owned() } else { format!("try {attempt} failed: {why}") }
}

/// A failure with its class in front: the class is what retries and `accept` go by. Checks that were false together have a
/// sentence each, one a line.
pub(crate) fn sentences(failure: &Failure) -> String {
    format!("{}: {failure}", failure.class)
}

/// The same with every line but the first indented, so that they are seen to belong to it.
pub(crate) fn hanging(failure: &Failure) -> String {
    sentences(failure).replace('\n', "\n    ")
}

/// The same on one line.
pub(crate) fn classed(failure: &Failure) -> String {
    in_line(&sentences(failure))
}

/// The lines of a text one after the other.
pub(crate) fn in_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What helps against a failure, and under which id the service knows it.
pub(crate) fn failure_details(failure: &Failure) -> Vec<String> {
    let help = failure.help.iter().map(|help| format!("help: {help}"));
    let request = failure.request_id.iter().map(|id| format!("request id: {id}"));
    help.chain(request).collect()
}

/// The first of the names, and how many there are.
fn listed<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> String {
    /// As many as a person reads at a glance.
    const NAMED: usize = 5;
    let count = keys.len();
    let words = if count == 1 { "1 item".to_owned() } else { format!("{count} items") };
    let named: Vec<&str> = keys.take(NAMED).collect();
    let more = if count > NAMED { ", …" } else { "" };
    if named.is_empty() { words } else { format!("{words}: {}{more}", named.join(", ")) }
}

/// A duration as people say it, with two units at most: `0.4s`, `41s`, `8m40s`, `1h05m`, `3d4h`.
pub(crate) fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = millis / 1000;
    match seconds {
        0 if millis == 0 => "0s".to_owned(),
        0 => format!("0.{}s", (millis / 100).max(1)),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::failure::FailureClass;

    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let words = |millis| span(Duration::from_millis(millis));
        assert_eq!(
            [0, 40, 450, 1_000, 59_999, 60_000, 520_000, 3_900_000, 273_600_000].map(words),
            ["0s", "0.1s", "0.4s", "1s", "59s", "1m00s", "8m40s", "1h05m", "3d4h"]
        );
    }

    #[test]
    fn a_warning_says_that_it_is_one() {
        let succeeded = serde_json::json!({"step-succeeded": {"step": "a", "generation": 1, "origin": "unchanged",
            "outputs": {}, "warnings": ["it is old"]}});
        let told = told(&serde_json::from_value(succeeded).unwrap(), Timestamp::from_millis(0));
        assert_eq!((told.words.as_str(), told.details), ("done", vec!["warning: it is old".to_owned()]));
    }

    #[test]
    fn a_failure_says_its_class_its_code_what_helps_and_its_id() {
        let mut failure = Failure::new(FailureClass::Denied, "not authorized").code("AccessDenied").help("ask for it");
        failure.request_id = Some("r-1".into());
        let told = told(&Event::StepFailed { step: StepPath::root("vpc"), failure }, Timestamp::default());
        assert_eq!(told.words, "denied: AccessDenied: not authorized");
        assert_eq!(told.details, ["help: ask for it", "request id: r-1"]);
        assert_eq!(told.tone, Tone::Bad);
    }

    #[test]
    fn sentences_stand_one_a_line_where_there_is_room_and_in_a_row_elsewhere() {
        let failure = Failure::new(FailureClass::CheckFailed, "it is old\nit is small").help("buy another");
        let told =
            told(&Event::StepFailed { step: StepPath::root("a"), failure: failure.clone() }, Timestamp::default());
        assert_eq!(told.words, "check-failed: it is old");
        assert_eq!(told.details, ["it is small", "help: buy another"]);
        assert_eq!(hanging(&failure), "check-failed: it is old\n    it is small");
        assert_eq!(classed(&failure), "check-failed: it is old; it is small");
    }

    #[test]
    fn many_items_are_counted_and_few_are_named() {
        assert_eq!(listed(["a", "b"].into_iter()), "2 items: a, b");
        assert_eq!(listed(["a", "b", "c", "d", "e", "f"].into_iter()), "6 items: a, b, c, d, e, …");
        assert_eq!(listed([].into_iter()), "0 items");
    }
}
