//! The plan: every step, in order, with templates frozen in. What the engine executes, and nothing else.
//!
//! This file decides what a plan holds and what enters a step's identity. It must not make plans (`language` does)
//! nor carry them out (`engine` does). A plan is JSON in the journal; fields are only ever added.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::argument::{Argument, Expression};
use crate::digest::Digest;
use crate::duration::Duration;
use crate::input::InputDeclaration;
use crate::kind::{Effect, Reaches};
use crate::source::Place;

/// The format of plans that this version writes.
pub const FORMAT: u32 = 1;

/// A runbook ready to be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The format of this plan.
    pub format: u32,
    /// What it is a plan of.
    pub runbook: RunbookIdentity,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free words for finding runs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How many steps act at the same time.
    pub concurrency: u32,
    /// The steps.
    pub body: Body,
    /// The texts of all templates the steps reach, by path relative to `templates/`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub templates: IndexMap<String, String>,
}

impl Plan {
    /// The digest of the whole plan, places of expressions included.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Which runbook, which version, which bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunbookIdentity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its title; the name if it has none.
    pub title: String,
    /// The digest of the bytes a run rests on: the file, every file it uses, the templates these reach.
    pub digest: Digest,
}

/// A list of steps with the scope they see: a runbook, or the inside of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Body {
    /// The file it was written in, for errors at run time.
    pub file: String,
    /// The runbook's name; `None` inside a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// True for the inside of a group: it sees the inputs, connections and steps around it besides its own steps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_scope: bool,
    /// The declared inputs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub inputs: IndexMap<String, InputDeclaration>,
    /// The declared connections: maps whose form is judged when they are evaluated.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub connections: IndexMap<String, Argument>,
    /// The steps, in the order written.
    pub steps: Vec<Step>,
    /// What the runbook gives back.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub outputs: IndexMap<String, Argument>,
    /// Steps to run after a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when_failed: Vec<Step>,
    /// Steps to run at every end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its id, unique in its file.
    pub id: String,
    /// Where it was written.
    pub place: Place,
    /// One line for people: text with `inputs` and `item` in scope. The id if the author wrote none.
    pub title: Argument,
    /// The ids of the steps of the same body (or of a body around it) whose end it waits for: those written, the implicit
    /// predecessor, and all it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// False skips the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Argument>,
    /// True if `when` mentions `item`, `key` or `index` and is asked per item.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub when_per_item: bool,
    /// Once per item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Its connection, where it says one or inherits the default: a name, or a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Argument>,
    /// When it is tried again. `defaults:` of the runbook are already in it.
    pub retry: Retry,
    /// How long it may take: a duration, or an expression that yields one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Argument>,
    /// Failure classes and codes that count as an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
    /// What the answer must fulfil.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
    /// What is kept. `None`: the whole result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<IndexMap<String, Argument>>,
    /// Outputs that are secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// Whether the effect is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Steps that bring what is there into shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjust: Vec<Self>,
    /// A look before a finished step is trusted on a resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// How it is taken back.
    #[serde(default)]
    pub undo: Undo,
    /// What a failure of it means for the run.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What it does.
    pub action: Action,
    /// The digest of what it does: kind and version, arguments, connection, `when`, `for-each`, `check`, `probe`, `outputs`
    /// and the templates it uses; not title, `needs`, `timeout`, `retry`.
    pub definition: Digest,
    /// With `for-each`, what one item does: the same without the list, and without a `when` that is asked before it. An item
    /// that stays in a list which was edited is still the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_definition: Option<Digest>,
}

impl Step {
    /// Is this the digest of what it does, or of what it does for one item?
    #[must_use]
    pub fn is_defined_by(&self, definition: &Digest) -> bool {
        self.definition == *definition || self.item_definition.as_ref() == Some(definition)
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// A call of a kind that acts.
    Call(Call),
    /// Looks again and again until something holds.
    Wait(Box<Wait>),
    /// Gives names to values; its entries are the step's outputs.
    Set {
        /// The entries.
        values: IndexMap<String, Argument>,
    },
    /// Judges values.
    Assert {
        /// What must hold.
        checks: Vec<Check>,
    },
    /// Parks the run until a person says so.
    Approve {
        /// What the person is asked.
        message: Argument,
    },
    /// Runs a nested runbook, or what a kind expands to.
    Run(Box<Nested>),
    /// Runs several steps under one id.
    Group {
        /// The steps.
        body: Box<Body>,
    },
}

/// A call of a kind that acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// The kind.
    pub kind: String,
    /// Its version when the plan was made.
    pub version: u32,
    /// Its arguments.
    pub arguments: Argument,
    /// What repeating it does.
    pub effect: Effect,
    /// Does that rest on a token? See [`crate::kind::Planned::token`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token: bool,
    /// Does it give the same answer again? See [`crate::kind::Planned::keeps`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps: bool,
    /// What it reaches.
    pub reaches: Reaches,
    /// Its own connection where it names one; otherwise the step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Argument>,
    /// The further connections it names, by the argument that names them ([`crate::kind::Takes::Connection`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, Argument>,
}

/// A `wait-for`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wait {
    /// What is looked at.
    pub source: Call,
    /// When it is over.
    pub until: Until,
    /// When it is hopeless, first match wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fail_when: Vec<FailWhen>,
    /// What people are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<Argument>,
    /// The sentence when time is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Argument>,
    /// The longest pause between looks: a duration, or an expression that yields one.
    pub every: Argument,
    /// How long `until` has to hold without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable_for: Option<Argument>,
    /// Do `until`, `fail-when` or `observe` read `error`? Then they judge failed looks too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_error: bool,
}

/// When a wait is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Until {
    /// An expression over `result`, `error` and `attempt` is true.
    True {
        /// The expression.
        that: Argument,
    },
    /// The source itself says so: `until: ready`, or a service's named waiter. Its answers are
    /// `{state: success|failure|retry, observed: text or null, result: …}`.
    Source,
}

/// A reason to stop waiting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailWhen {
    /// The expression.
    pub when: Argument,
    /// What people read then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Argument>,
}

/// A nested runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Nested {
    /// `runbook`, or the kind that expands.
    pub kind: String,
    /// What its inputs get.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: IndexMap<String, Argument>,
    /// Which of its connections are replaced: a name of the caller's, or a map.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with_connections: IndexMap<String, Argument>,
    /// Its steps; shared, for a runbook may be used in many places.
    pub body: Arc<Body>,
}

/// A `for-each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForEach {
    /// The list or map.
    pub over: Argument,
    /// The name of an item, with `item` in scope; `None` if items are text or the value is a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Argument>,
    /// How many at the same time; `None`: as many as the run allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// When a step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retry {
    /// The most tries; `None`: no number (only with `for`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How long to go on trying, from the first try.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// The pause after the first try.
    pub delay: Duration,
    /// The longest pause.
    pub max_delay: Duration,
    /// By how much pauses grow.
    pub factor: f64,
    /// Are pauses varied (between half and all of their length)?
    pub jitter: bool,
    /// Classes and codes besides `throttled`, `unavailable` and `conflict`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Narrows what `errors` added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Argument>,
}

impl Default for Retry {
    /// 5 tries, from 1 s doubling to 30 s.
    fn default() -> Self {
        Self {
            attempts: Some(5),
            within: None,
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            factor: 2.0,
            jitter: true,
            errors: Vec::new(),
            when: None,
        }
    }
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The expression.
    pub that: Argument,
    /// What people read when it is false.
    #[serde(rename = "else", default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Argument>,
    /// Does it only warn?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warns: bool,
    /// Where it was written.
    pub place: Place,
}

/// A look that tells whether a step's effect is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// The look.
    pub call: Call,
    /// Is it there? `None`: the call succeeds; class `missing` means absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_when: Option<Argument>,
    /// Is it ours, and as wanted?
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Check>,
    /// The step's outputs over the probe's result; `None`: the step's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<IndexMap<String, Argument>>,
    /// How long absence has to hold before a one-shot in doubt is repeated.
    pub settle: Duration,
}

/// A look at a finished step before it is trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// The look.
    pub call: Call,
    /// What must still hold.
    pub check: Vec<Check>,
}

/// How a step is taken back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Undo {
    /// The author said nothing: the kind's own undo, if it has one.
    #[default]
    Unsaid,
    /// These steps, in order; none: nothing needs taking back.
    Steps {
        /// The steps.
        steps: Vec<Step>,
    },
    /// It cannot be taken back.
    Never {
        /// Why, for people.
        why: String,
    },
}

/// What a failure of a step means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing new starts.
    #[default]
    Stop,
    /// Steps that mention it are blocked, others go on; the run ends failed.
    Continue,
    /// It counts as skipped.
    Warn,
    /// The whole run is taken back.
    Undo,
}

impl Action {
    /// The name of the kind as authors write it.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Call(call) => &call.kind,
            Self::Wait(_) => "wait-for",
            Self::Set { .. } => "set",
            Self::Assert { .. } => "assert",
            Self::Approve { .. } => "approve",
            Self::Run(nested) => &nested.kind,
            Self::Group { .. } => "group",
        }
    }

    /// The steps inside, of a nested runbook or a group.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Run(nested) => Some(&nested.body),
            Self::Group { body } => Some(body),
            _ => None,
        }
    }
}

/// An expression an author wrote where only `true` or `false` makes sense is an [`Argument`] that is exactly one
/// [`Expression`], or a literal boolean; this reads the former.
#[must_use]
pub fn sole_expression(argument: &Argument) -> Option<&Expression> {
    match &argument.node {
        crate::argument::Node::Expression(expression) => Some(expression),
        _ => None,
    }
}
