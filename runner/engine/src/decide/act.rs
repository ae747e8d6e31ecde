//! Calling: the intent before the effect, what the answer makes of it, and what is done about doubt.
//!
//! This file decides about steps that call a kind. Whether something in doubt is repeated is not decided here but in the
//! resume table (`crate::resume`). It must not know any kind.

use runbook_model::answer::{Answer, Progress};
use runbook_model::connection::Connection;
use runbook_model::digest::Digest;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::Token;
use runbook_model::kind::{Effect, Origin};
use runbook_model::plan::{self, Step};
use runbook_model::value::Value;

use super::{Decider, record};
use crate::command::{Call, Command, Purpose};
use crate::evaluate::{Evaluated, Hindrance, Moment, Need, Standpoint, rereading};
use crate::event::{Event, ParkReason};
use crate::resume::{self, Checkpoint, Decision, Known, Standing};
use crate::state::node::{Mark, Node, NodeId};

/// How long a call may take: under a minute, because long waits are timers.
const CALL_LIMIT: Duration = Duration::from_secs(55);

/// A deadline that comes first cuts a call short, but lets it this much more time: one that changes something, because a
/// lost reply costs more than a late one; one that reads, because a watch holds its answer back until the deadline.
const LEAST_LIMIT: Duration = Duration::from_secs(20);
const LEAST_READING: Duration = Duration::from_secs(5);

/// What is asked about goes on is asked about at least every so often.
const LONGEST_POLL_PAUSE: Duration = Duration::from_secs(10);

/// What the resume table has to know about a step, besides how it stands.
pub(crate) fn checkpoint(node: &Node, step: &Step, now: runbook_model::time::Timestamp, blocked: bool) -> Checkpoint {
    let (effect, token) = match &step.action {
        plan::Action::Call(call) => (call.effect, call.token),
        _ => (Effect::Reads, false),
    };
    let intent = node.work.intent.as_ref();
    Checkpoint {
        known: match node.work.mark {
            Mark::Untouched | Mark::Refused => Known::Nothing,
            Mark::Started | Mark::Doubt => Known::Doubt,
            Mark::Answered => Known::Answered,
            Mark::Going => Known::Going,
        },
        effect,
        token_expired: token
            && intent.is_some_and(|intent| {
                // A call that is defined otherwise, or made anew, gets a token of its own, which does not meet what the old one
                // did.
                resume::token_expired(intent.token_since, now)
                    || intent.generation != node.work.generation
                    || !step.is_defined_by(&intent.definition)
            }),
        probe: step.probe.is_some(),
        unchanged: intent.is_none_or(|intent| step.is_defined_by(&intent.definition)),
        blocked,
    }
}

impl Decider<'_> {
    /// What a step that calls a kind does next.
    pub(super) fn call(self, id: NodeId, call: &plan::Call) -> Vec<Command> {
        if let Some(commands) = self.time_is_up(id) {
            return commands;
        }
        if let Some(commands) = self.still_stands(id, call) {
            return commands;
        }
        let (node, step) = (self.state.node(id), self.state.step(id));
        let late = self.state.deadline(id).is_some_and(|(deadline, _)| deadline <= self.now);
        if late && step.probe.is_some() && node.work.mark != Mark::Going {
            // A last look; nothing is begun any more.
            return self.or_need(id, self.probe(id));
        }
        let (decision, why) = resume::decision(Standing::Unfinished, checkpoint(node, step, self.now, false));
        match decision {
            Decision::Run => self.or_need(id, self.poll(id, call)),
            Decision::Probe => self.or_need(id, self.settle_doubt(id, call)),
            Decision::Ask => {
                let failure = node.work.failure.as_ref();
                let known = failure.map(|failure| format!(": {failure}")).unwrap_or_default();
                vec![self.park(id, ParkReason::Doubt, format!("{why}{known}"))]
            }
            // The table blocks and reuses only what is not under way.
            Decision::Rerun | Decision::Reuse | Decision::Blocked => {
                let commands = if self.looks_first(id) { self.probe(id) } else { self.start(id, call) };
                self.or_need(id, commands)
            }
        }
    }

    /// A call whose outcome stands if it would do the same again: it would, or something has to be known before that can be
    /// told. `None`: it does something else now.
    fn still_stands(self, id: NodeId, call: &plan::Call) -> Option<Vec<Command>> {
        let node = self.state.node(id);
        node.renewal.as_ref()?.outcome.as_ref()?;
        let intent = node.work.intent.as_ref()?;
        match self.prepare(id, call, Purpose::Act) {
            Ok(made) => {
                let same = Digest::of_value(&made.arguments, &self.state.run.key) == intent.arguments
                    && made.connection.as_ref().map(Connection::label) == intent.connection;
                same.then(|| vec![record(Event::StepKept { step: self.path(id) })])
            }
            Err(Hindrance::Need(need)) => Some(self.need(id, &need)),
            Err(Hindrance::Failure(_)) => None,
        }
    }

    /// Does the step look whether its effect is there before it acts?
    pub(super) fn looks_first(self, id: NodeId) -> bool {
        let work = &self.state.node(id).work;
        let seen = work.absent.is_some_and(|absent| absent.hold == self.state.holds);
        self.state.step(id).probe.is_some() && !seen && work.mark != Mark::Going
    }

    /// An effect in doubt that can be probed: it is repeated once it is known to be absent, a one-shot only once that has
    /// held for a while.
    fn settle_doubt(self, id: NodeId, call: &plan::Call) -> Evaluated<Vec<Command>> {
        let work = &self.state.node(id).work;
        let settle = self.state.step(id).probe.as_ref().map(|probe| probe.settle).unwrap_or_default();
        match work.absent.filter(|absent| absent.hold == self.state.holds) {
            Some(absent) if call.effect != Effect::OneShot || absent.last >= absent.since.plus(settle) => {
                self.start(id, call)
            }
            _ => self.probe(id),
        }
    }

    fn start(self, id: NodeId, call: &plan::Call) -> Evaluated<Vec<Command>> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        if call.effect != Effect::Reads
            && let Some(commands) = self.recognise(id)
        {
            return Ok(commands);
        }
        let mut made = self.prepare(id, call, Purpose::Act)?;
        let arguments = Digest::of_value(&made.arguments, &self.state.run.key);
        let was_another = node.work.intent.as_ref().is_some_and(|intent| intent.arguments != arguments);
        if was_another && call.token && step.probe.is_none() && matches!(node.work.mark, Mark::Doubt | Mark::Answered) {
            let message = "its effect may be there, and what it does now is something else".to_owned();
            return Ok(vec![self.park(id, ParkReason::Doubt, message)]);
        }
        let generation = self.generation(node, step, &arguments);
        made.token = Token::derive(self.state.run(), &node.path, generation);
        let started = Event::StepStarted {
            step: self.path(id),
            generation,
            attempt: node.work.attempts + 1,
            definition: node.item().and(step.item_definition).unwrap_or(step.definition),
            arguments,
            token: made.token.clone(),
            connection: made.connection.as_ref().map(Connection::label),
            deadline: self.state.deadline(id).map(|(deadline, _)| deadline),
            before: None,
        };
        Ok(vec![record(started), Command::Invoke(Box::new(made))])
    }

    /// The generation of the next intent. It rises when the call is another one or was refused, never because a reply was
    /// lost; a person's wish has raised it already.
    fn generation(self, node: &Node, step: &Step, arguments: &Digest) -> u32 {
        let work = &node.work;
        match &work.intent {
            Some(intent) if intent.generation == work.generation => {
                let another = !step.is_defined_by(&intent.definition) || intent.arguments != *arguments;
                work.generation + u32::from(another || work.mark == Mark::Refused)
            }
            _ => work.generation.max(1),
        }
    }

    fn poll(self, id: NodeId, call: &plan::Call) -> Evaluated<Vec<Command>> {
        let ticket = self.state.node(id).work.ticket.clone().unwrap_or_default();
        let made = self.prepare(id, call, Purpose::Poll { ticket })?;
        Ok(vec![Command::Invoke(Box::new(made))])
    }

    /// A call with everything evaluated, through a door at which this process knows who is there.
    pub(super) fn prepare(self, id: NodeId, call: &plan::Call, purpose: Purpose) -> Evaluated<Call> {
        let node = self.state.node(id);
        let connection = self.sight().connection(id, call)?;
        let connections = self.sight().further_connections(id, call)?;
        for connection in connection.iter().chain(connections.values()) {
            self.known_here(connection)?;
        }
        let arguments = self.sight().of(id).value(&call.arguments)?.without_nulls();
        let body = self.state.body(self.state.runbook_around(node.body));
        let runbook = self.state.outline.body(body.layout).name.as_ref();
        let least = if purpose.only_reads() || call.effect == Effect::Reads { LEAST_READING } else { LEAST_LIMIT };
        let limit = self.time_left(id).map_or(CALL_LIMIT, |left| CALL_LIMIT.min(longer(left, least)));
        Ok(Call {
            step: node.path.clone(),
            runbook: runbook.unwrap_or(&self.state.plan().runbook.name).clone(),
            kind: call.kind.clone(),
            purpose,
            arguments,
            connection,
            connections,
            token: Token::derive(self.state.run(), &node.path, node.work.generation.max(1)),
            limit,
        })
    }

    /// This holder must have met who is at the other end.
    fn known_here(self, connection: &Connection) -> Evaluated<()> {
        match self.state.met.get(&connection.label()) {
            Some(met) if met.hold == self.state.holds => Ok(()),
            _ => Err(Hindrance::Need(Need::Identity(Box::new(connection.clone())))),
        }
    }

    /// Before a resumed run changes anything, everybody its runbook knows is asked again who they are, so that another
    /// account is noticed before the first change and not after half of them.
    fn recognise(self, id: NodeId) -> Option<Vec<Command>> {
        if self.state.holds < 2 {
            return None;
        }
        let unmet = |connection: &Connection| {
            let label = connection.label();
            !self.process.unreachable.contains_key(&label)
                && self.state.met.get(&label).is_some_and(|met| met.hold < self.state.holds)
        };
        let connection = self.sight().declared_connections(id).into_iter().find(unmet)?;
        Some(vec![Command::Identify { connection, step: Some(self.path(id)), needed: false }])
    }

    pub(super) fn identify(self, id: NodeId, connection: &Connection) -> Command {
        Command::Identify { connection: connection.clone(), step: Some(self.path(id)), needed: true }
    }

    /// Reads again, for this step, what the journal withheld of another.
    pub(super) fn reread(self, id: NodeId, of: NodeId) -> Vec<Command> {
        let Some(call) = rereading(self.state.step(of)) else {
            let message = format!("step `{}` cannot be read again", self.state.node(of).path);
            return self.fail(id, Failure::new(FailureClass::Invalid, message));
        };
        match self.prepare(of, call, Purpose::Reread { of: self.path(of) }) {
            Ok(made) => vec![Command::Invoke(Box::new(Call { step: self.path(id), ..made }))],
            Err(Hindrance::Need(Need::Identity(connection))) => vec![self.identify(id, &connection)],
            // Each of them comes before the other in the plan, so this ends.
            Err(Hindrance::Need(Need::Reread(earlier))) => self.reread(id, earlier),
            Err(Hindrance::Failure(failure)) => self.fail(id, *failure),
        }
    }

    /// What the answer to the effect's own call, or to a question about it, means.
    pub(super) fn acted(
        self,
        id: NodeId,
        call: &plan::Call,
        purpose: &Purpose,
        answer: &Result<Progress, Failure>,
    ) -> Vec<Command> {
        match answer {
            Ok(Progress::Done(answer)) => self.or_need(id, self.answered(id, call, answer)),
            Ok(Progress::Going { ticket, observed }) => {
                let since = self.state.node(id).work.began_at.unwrap_or(self.now);
                let eighth = Duration::from_millis(self.now.since(since).as_millis() / 8);
                let pause = eighth.clamp(Duration::from_secs(1), LONGEST_POLL_PAUSE);
                vec![record(Event::StepGoing {
                    step: self.path(id),
                    ticket: ticket.clone().into(),
                    observed: observed.clone(),
                    next: self.now.plus(pause),
                })]
            }
            Err(failure) => self.refused(id, call, purpose, failure),
        }
    }

    fn answered(self, id: NodeId, call: &plan::Call, answer: &Answer) -> Evaluated<Vec<Command>> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let moment = Moment::Answer { result: &answer.output, error: None, attempt: node.work.attempts };
        let view = self.sight().view(Standpoint::of(self.state, id), moment);
        match view.kept(step, &answer.output) {
            Ok((outputs, warnings)) => {
                let origin = answer.origin.unwrap_or_else(|| origin(step, call));
                let mut event = self.done(id, origin, outputs, [answer.warnings.clone(), warnings].concat());
                if let Event::StepSucceeded { request_id, before, .. } = &mut event {
                    request_id.clone_from(&answer.request_id);
                    *before = answer.before.clone().map(Into::into);
                }
                Ok(vec![record(event)])
            }
            Err(Hindrance::Failure(failure)) => {
                // Whatever is wrong with the answer, the call did what it does.
                let failure =
                    Failure { class: FailureClass::CheckFailed, request_id: answer.request_id.clone(), ..*failure };
                Ok(self.failed_attempt(id, &failure))
            }
            Err(need) => Err(need),
        }
    }

    fn refused(self, id: NodeId, call: &plan::Call, purpose: &Purpose, failure: &Failure) -> Vec<Command> {
        let step = self.state.step(id);
        let acts = matches!(purpose, Purpose::Act);
        // A question whose answer was lost is asked again. One to which the kind does not know the answer any more leaves the
        // effect in doubt, like a lost reply to the call itself.
        let lost = acts || failure.class == FailureClass::Unknown;
        if failure.in_doubt && lost && call.effect != Effect::Reads {
            return self.doubt(id, call, failure);
        }
        if failure.is_one_of(&step.accept) {
            return self.or_need(id, self.accepted(id, failure));
        }
        if acts && failure.class == FailureClass::Exists && step.probe.is_some() {
            // Taken, perhaps by an earlier try of this very step: the probe tells.
            return vec![self.attempt_failed(id, failure.clone(), Some(self.now))];
        }
        self.failed_attempt(id, failure)
    }

    /// The reply was lost: what may be repeated is repeated after a pause, what can be probed is probed then.
    fn doubt(self, id: NodeId, call: &plan::Call, failure: &Failure) -> Vec<Command> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let asks = step.probe.is_none() && call.effect == Effect::OneShot;
        let retry_at = match self.next_try(id, failure) {
            _ if asks => None,
            None if step.probe.is_some() => Some(self.now),
            retry_at => retry_at,
        };
        let (step, attempt) = (self.path(id), node.work.attempts);
        let mut commands = vec![record(Event::StepInDoubt { step, attempt, failure: failure.clone(), retry_at })];
        if retry_at.is_none() && !asks {
            commands.extend(self.fail(id, failure.clone()));
        }
        commands
    }

    /// A failure that counts as an answer.
    pub(super) fn accepted(self, id: NodeId, failure: &Failure) -> Evaluated<Vec<Command>> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let attempt = node.work.attempts.max(node.work.looks + 1);
        let moment = Moment::Answer { result: &Value::Null, error: Some(failure), attempt };
        let view = self.sight().view(Standpoint::of(self.state, id), moment);
        let (outputs, warnings) = match view.kept(step, &Value::Null) {
            Err(Hindrance::Failure(unfit)) => {
                // The call failed, so that nothing is in doubt; the step fails over what the author makes of that.
                let mut commands = vec![self.attempt_failed(id, failure.clone(), None)];
                commands.extend(self.fail(id, *unfit));
                return Ok(commands);
            }
            kept => kept?,
        };
        let mut event = self.done(id, Origin::Unchanged, outputs, warnings);
        if let Event::StepSucceeded { accepted, request_id, .. } = &mut event {
            request_id.clone_from(&failure.request_id);
            *accepted = Some(failure.clone());
        }
        Ok(vec![record(event)])
    }
}

fn longer(left: Duration, by: Duration) -> Duration {
    Duration::from_millis(left.as_millis().saturating_add(by.as_millis()))
}

/// How a success came about of which the kind did not say it.
pub(super) fn origin(step: &Step, call: &plan::Call) -> Origin {
    match call.effect {
        Effect::Reads => Origin::Unchanged,
        Effect::Converges if !call.token && step.probe.is_none() => Origin::Changed,
        // It was not there before, as its probe saw, or the call is one that makes something new.
        Effect::Converges | Effect::OneShot => Origin::Created,
    }
}
