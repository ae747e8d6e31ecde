//! The way through all objects of an apply.
//!
//! This file decides the order, what is applied at the same time, when a definition is awaited, when a call stops to be
//! asked again, and what the step answers in the end. It must not know how one object is applied.

use futures::future::join_all;
use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::value::Value;

use super::archive;
use super::single::{self, Manner};
use super::ticket::{Done, Ticket};
use crate::arguments;
use crate::contract::{Answer, Invocation, Progress};
use crate::kubernetes::field_manager;
use crate::kubernetes::manifest::{self, Manifest};
use crate::kubernetes::object::Object;
use crate::kubernetes::readiness::{Readiness, judge};
use crate::kubernetes::{rollout, secrecy};
use crate::ports::{Kubernetes, Outside, Selection, Watched};

/// How many objects one call applies. Each takes two requests; over a slow line (300 ms) that stays well under the minute
/// that a call may take.
const OBJECTS_PER_CALL: usize = 40;

/// How many objects are applied at the same time: one after another, Karmada's definitions alone took 12 s and more, for a
/// server works long on each. Many more at once would only stand in its queues.
const AT_THE_SAME_TIME: usize = 8;

/// How long a call holds on for a new definition; they are established within a second or two.
const DEFINITION_PATIENCE: Duration = Duration::from_secs(10);

/// How many changes of a new definition a call sits through.
const DEFINITION_CHANGES: usize = 4;

/// One call's view of the whole apply.
pub(super) struct Course<'a> {
    kubernetes: &'a dyn Kubernetes,
    connection: &'a Connection,
    manifests: Vec<Manifest>,
    order: Vec<usize>,
    manager: String,
    take: bool,
    must_exist: bool,
    until_ready: bool,
    secrets: KnownSecrets,
}

/// Why a call stops in the middle: words for people.
struct Pause(String);

impl<'a> Course<'a> {
    /// Reads the arguments, and the archive if they name one.
    ///
    /// # Errors
    /// `invalid` if an object is unusable; why the archive cannot be opened.
    pub(super) async fn new(invocation: &'a Invocation, outside: &'a dyn Outside) -> Result<Self, Failure> {
        let arguments = &invocation.arguments;
        let manifests = if arguments.get("archive").is_some_and(|archive| !archive.is_null()) {
            archive::manifests(arguments, outside).await?
        } else {
            let objects = arguments.get("objects").unwrap_or(&Value::Null);
            manifest::read(objects, arguments::text(arguments, "namespace")?)?
        };
        let secrets = manifests.iter().fold(KnownSecrets::of(arguments), |secrets, manifest| {
            let is_secret = manifest.fields.as_map().is_some_and(secrecy::is_secret);
            let data = secrecy::DATA.iter().filter_map(|member| manifest.fields.get(member).filter(|_| is_secret));
            data.fold(secrets, KnownSecrets::and_all_of)
        });
        Ok(Self {
            kubernetes: outside.kubernetes(),
            connection: invocation.connection()?,
            order: manifest::order(&manifests),
            manifests,
            manager: field_manager::name(&invocation.runbook, &invocation.path),
            take: arguments::text(arguments, "conflicts")? == Some("take"),
            must_exist: arguments::flag(arguments, "must-exist"),
            until_ready: arguments::text(arguments, "wait")? == Some("ready"),
            secrets,
        })
    }

    /// Goes on from where a ticket says, as far as one call may.
    ///
    /// # Errors
    /// The first object, in the order, that fails; what was applied before it or beside it stays.
    pub(super) async fn go_on(&self, mut ticket: Ticket) -> Result<Progress, Failure> {
        let paused = match self.apply_all(&mut ticket).await {
            Ok(None) if self.until_ready => self.await_all(&mut ticket).await,
            other => other,
        };
        match paused.map_err(|failure| self.secrets.redact_failure(failure))? {
            Some(Pause(observed)) => {
                let observed = Some(self.secrets.redact(&observed));
                Ok(Progress::Going { ticket: ticket.written(), observed })
            }
            None => Ok(Progress::Done(self.answer(ticket).await?)),
        }
    }

    async fn apply_all(&self, ticket: &mut Ticket) -> Result<Option<Pause>, Failure> {
        let manner = Manner { manager: &self.manager, take: self.take, must_exist: self.must_exist };
        let start = ticket.done.len();
        while let (done, Some(first)) = (ticket.done.len(), self.ahead(ticket.done.len()).next()) {
            let left = OBJECTS_PER_CALL - (done - start);
            if left == 0 {
                return Ok(Some(Pause(format!("{done} of {} objects applied", self.order.len()))));
            }
            let definition = self.order.iter().position(|place| first.is_defined_by(&self.manifests[*place]));
            if let Some(definition) = definition
                && let Some(pause) = self.await_definition(&mut ticket.done[definition]).await?
            {
                return Ok(Some(pause));
            }
            let discovered = self.kubernetes.discover(self.connection, &first.api_version, &first.kind).await;
            let resource = match discovered {
                // Established, and this server has not heard of it yet.
                Err(failure) if failure.class == FailureClass::Missing && definition.is_some() => {
                    return Ok(Some(Pause(format!("{} is not served yet", first.kind))));
                }
                other => other?,
            };
            // Of different kinds one may need another (a pod its account, a binding its role): their order is the author's.
            let alike = |other: &&Manifest| other.api_version == first.api_version && other.kind == first.kind;
            let together = self.ahead(done).take_while(alike).take(left.min(AT_THE_SAME_TIME));
            let applied = together
                .map(|manifest| single::apply(self.kubernetes, self.connection, manifest, resource.clone(), manner));
            // All of them come to their end, so that no request is given up half way when another one is refused.
            for applied in join_all(applied).await {
                let (done, warned) = applied?;
                ticket.warnings.extend(warned.iter().map(|warning| self.secrets.redact(warning)));
                ticket.done.push(done);
            }
        }
        Ok(None)
    }

    /// The manifests in the order, from a place of it on.
    fn ahead(&self, start: usize) -> impl Iterator<Item = &Manifest> {
        self.order.iter().skip(start).map(|place| &self.manifests[*place])
    }

    async fn await_definition(&self, done: &mut Done) -> Result<Option<Pause>, Failure> {
        if done.ready {
            return Ok(None);
        }
        let mut seen = match done.seen.take() {
            Some(seen) => seen,
            None => self.kubernetes.get(self.connection, &done.object).await?,
        };
        let selection = Selection {
            resource: done.object.resource.clone(),
            namespace: None,
            name: Some(done.object.name.clone()),
            labels: None,
            fields: None,
        };
        // Its status is written more than once on the way.
        for _ in 0..DEFINITION_CHANGES {
            if judge(Object(&seen)) == Readiness::Ready {
                break;
            }
            let since = Object(&seen).resource_version().unwrap_or_default();
            let watched = self.kubernetes.watch(self.connection, &selection, since, DEFINITION_PATIENCE).await;
            seen = self.kubernetes.get(self.connection, &done.object).await?;
            // Who may not watch is asked again instead.
            if !matches!(watched, Ok(Watched::Changed)) {
                break;
            }
        }
        let judged = judge(Object(&seen));
        let label = Object(&seen).label();
        done.seen = Some(seen);
        match judged {
            Readiness::Ready => {
                done.ready = true;
                Ok(None)
            }
            Readiness::Waiting(words) => Ok(Some(Pause(format!("{label}: {words}")))),
            Readiness::Failed(words) => Err(gave_up(&label, &words)),
        }
    }

    async fn await_all(&self, ticket: &mut Ticket) -> Result<Option<Pause>, Failure> {
        let mut first = None;
        for done in &mut ticket.done {
            if done.ready {
                continue;
            }
            let seen = match done.seen.take() {
                Some(seen) => seen,
                None => self.kubernetes.get(self.connection, &done.object).await?,
            };
            let label = Object(&seen).label();
            // Only of the first it is told what keeps it; to ask about all of them would take too many questions.
            let judged = match judge(Object(&seen)) {
                Readiness::Waiting(_) if first.is_some() => Readiness::Waiting(String::new()),
                _ => rollout::look(self.kubernetes, self.connection, &seen).await,
            };
            match judged {
                Readiness::Ready => done.ready = true,
                Readiness::Failed(words) => return Err(gave_up(&label, &words)),
                Readiness::Waiting(words) => first = first.or(Some(format!("{label}: {words}"))),
            }
            done.seen = Some(seen);
        }
        let ready = ticket.done.iter().filter(|done| done.ready).count();
        Ok(first.map(|first| match ticket.done.len() {
            1 => Pause(first),
            all => Pause(format!("{ready} of {all} ready; {first}")),
        }))
    }

    /// The objects in the order in which the author wrote them.
    async fn answer(&self, mut ticket: Ticket) -> Result<Answer, Failure> {
        let mut objects = vec![Value::Null; self.manifests.len()];
        for (place, done) in self.order.iter().zip(&mut ticket.done) {
            let object = match done.seen.take() {
                Some(seen) => seen,
                None => self.kubernetes.get(self.connection, &done.object).await?,
            };
            objects[*place] = self.secrets.mark(secrecy::shown(object));
        }
        Ok(Answer {
            output: Value::List(objects),
            origin: Some(ticket.origin()),
            before: ticket.before().map(|before| self.secrets.mark(before)),
            warnings: ticket.warnings,
            ..Answer::default()
        })
    }
}

/// Kubernetes itself says that waiting is in vain.
fn gave_up(label: &str, words: &str) -> Failure {
    Failure::new(FailureClass::Unknown, format!("{label} failed: {words}")).code("NotReady")
}
