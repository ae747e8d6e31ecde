//! What planning needs to know of a step kind.
//!
//! This file decides the questions that the checker asks every kind. It must not know any kind: they live in `steps`,
//! and the command line hands them to `language` as a [`Kinds`].

use crate::argument::Argument;
use crate::diagnostic::Diagnostic;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// What repeating a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing changes; repeat freely.
    Reads,
    /// Repeating with the same token or name ends in the same state.
    Converges,
    /// Repeating may do it twice.
    OneShot,
}

impl Effect {
    /// The name that authors write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Converges => "converges",
            Self::OneShot => "one-shot",
        }
    }

    /// The effect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Reads, Self::Converges, Self::OneShot].into_iter().find(|effect| effect.as_str() == name)
    }
}

/// Through what a kind reaches the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reaches {
    /// Nothing, or not through a connection.
    Nothing,
    /// AWS; without a `connection` it is `aws`.
    Aws,
    /// A Kubernetes API; without a `connection` it is an error of the checker.
    Kubernetes,
}

/// Where in a step a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is what the step does.
    Step,
    /// It only looks: in `probe`, `verify` or as the source of a `wait-for`.
    Look,
}

/// What a kind is asked with when a runbook is checked.
#[derive(Debug)]
pub struct Question<'a> {
    /// Where the call stands.
    pub place: Place,
    /// Complaints go here; a kind that complains still answers as well as it can.
    pub diagnostics: &'a mut Vec<Diagnostic>,
}

/// One argument of a kind, for lists of kinds and for editors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Has every call to give it?
    pub required: bool,
    /// Has it to be known before anything runs, so that it cannot hold an expression?
    pub fixed: bool,
    /// Is it shown to everybody, so that it may not hold a secret?
    pub shown: bool,
    /// One clause for people.
    pub about: &'static str,
}

/// What an argument takes. An expression may stand wherever the argument is not fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Anything, or what cannot be said in these words.
    Anything,
    /// Text.
    Text,
    /// A whole number.
    Count,
    /// True or false.
    Flag,
    /// A duration such as `90s`.
    Duration,
    /// A list of anything.
    List,
    /// A map.
    Map,
    /// One text of these.
    OneOf(&'static [&'static str]),
    /// A connection besides the step's own: a name, or a map. It is judged, resolved and identified as that is, and the
    /// kind finds it beside its arguments, not among them.
    Connection(Reaches),
}

impl Parameter {
    /// An argument that may be left out and may hold an expression.
    #[must_use]
    pub const fn new(name: &'static str, takes: Takes, about: &'static str) -> Self {
        Self { name, takes, required: false, fixed: false, shown: false, about }
    }

    /// As one that every call has to give.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// As one that may not hold a secret.
    #[must_use]
    pub const fn shown(self) -> Self {
        Self { shown: true, ..self }
    }

    /// As one that cannot hold an expression.
    #[must_use]
    pub const fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }
}

/// What a kind says of one call.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What repeating it does.
    pub effect: Effect,
    /// Does the effect rest on a token that the engine gives? Then a repetition is harmless only while tokens live (an hour).
    pub token: bool,
    /// Does it keep what it gives, so that the same call gives the same answer again and changes nothing? Then secrets that
    /// the journal withheld are had again by calling it once more, although it is no call that only reads.
    pub keeps: bool,
    /// Does it succeed when what it is about is absent, also with all that it lived in? Then `missing` is an answer, even of
    /// its connection.
    pub absent_is_fine: bool,
    /// What it reaches through its connection.
    pub reaches: Reaches,
    /// What its answer looks like.
    pub result: Shape,
    /// A probe of this call must say `matches`: it makes something that may already exist as something else.
    pub must_match: bool,
}

impl Planned {
    /// An answer of which nothing is known, from a call that reads nothing outside. What a kind says when it cannot say more.
    #[must_use]
    pub fn unknown(reaches: Reaches) -> Self {
        Self {
            effect: Effect::Reads,
            token: false,
            keeps: false,
            absent_is_fine: false,
            reaches,
            result: Shape::Any,
            must_match: false,
        }
    }
}

/// A step kind as planning sees it.
pub trait Kind: Send + Sync {
    /// The key that authors write, such as `aws-call`.
    fn name(&self) -> &'static str;

    /// Rises when the same arguments come to mean something else; part of the definition digest.
    fn version(&self) -> u32;

    /// One line for lists of kinds.
    fn summary(&self) -> &'static str;

    /// Checks the arguments and rewrites them into the form the kind wants to be called with: source text where a string is
    /// wanted, text for maps where the service wants JSON. Expressions stay expressions; only literals can be judged.
    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned;

    /// What it takes, in the order in which people should read it; nothing if that cannot be said yet. A kind that expands
    /// says it by the inputs of its runbook.
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    /// The sentence that says why this version cannot carry it out, if it cannot.
    fn not_carried_out(&self) -> Option<&'static str> {
        None
    }

    /// The runbook this kind stands for, if it expands: its arguments are that runbook's inputs.
    fn expansion(&self) -> Option<Expansion> {
        None
    }
}

/// A runbook that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// The name of its file, for diagnostics and plans.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Its templates: path relative to `templates/`, and text.
    pub templates: &'static [(&'static str, &'static str)],
}

/// All kinds there are, in the order of their names.
pub trait Kinds: Send + Sync {
    /// The kind of that name.
    fn get(&self, name: &str) -> Option<&dyn Kind>;

    /// All names.
    fn names(&self) -> Vec<&'static str>;
}

/// How a success came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It was not there; this run made it.
    Created,
    /// It was there; this run changed it.
    Changed,
    /// It was there as wanted, found by a probe.
    Adopted,
    /// Nothing changed: it only read, or the call found nothing to do.
    Unchanged,
}
