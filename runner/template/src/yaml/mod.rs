//! YAML 1.2 as this project reads and writes it: a tree with places, and nothing that executes or surprises.
//!
//! This file decides what a document is made of and which limits hold. Tags, merge keys, keys that are not text and
//! double keys are complaints, not errors: reading goes on behind them. It must not know runbooks, expressions or codes
//! of diagnostics; `language` reads runbooks with it, this crate rendered manifests.

mod core_schema;
mod places;
mod reader;
mod values;
mod writer;

use std::ops::Range;

pub use core_schema::resolved;
pub use places::byte_map;
pub use reader::read;
pub use values::{NotYaml, documents, value};
pub use writer::write;

/// What hostile texts may cost at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lists and maps inside each other.
    pub depth: usize,
    /// Nodes that aliases may add.
    pub alias_nodes: usize,
    /// Bytes of text that aliases may add.
    pub alias_bytes: usize,
    /// Complaints after which reading stops.
    pub complaints: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, alias_nodes: 10_000, alias_bytes: 4 << 20, complaints: 1_000 }
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The documents that hold anything, as far as they could be read.
    pub documents: Vec<Node>,
    /// What is wrong, in the order found.
    pub complaints: Vec<Complaint>,
}

/// A node with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its bytes: of a scalar its text with quotes, of a list or map from its first child to its last.
    pub range: Range<usize>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written.
    Map(Vec<Pair>),
}

/// A scalar.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// What it says, escapes undone and lines folded; empty where nothing is written.
    pub text: String,
    /// How it is written.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes; only this one can be a number, a boolean or null.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// An entry of a map.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The key's source text.
    pub key: String,
    /// Its bytes.
    pub key_range: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What.
    pub fault: Fault,
    /// Where.
    pub range: Range<usize>,
}

/// What may be wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not YAML; nothing behind it was read. The words are a fragment.
    Syntax(String),
    /// A tab where only blanks may indent.
    Tab,
    /// A `: ` in a plain scalar.
    ColonInPlain,
    /// A tag such as `!!str`.
    Tag(String),
    /// A key that stands twice in a map.
    DoubleKey {
        /// The key.
        key: String,
        /// Where it stood first.
        first: Range<usize>,
    },
    /// `<<`.
    MergeKey,
    /// A key that is a list or a map.
    KeyNotText,
    /// A key without text.
    EmptyKey,
    /// An alias without its anchor before it.
    UnknownAnchor(String),
    /// Deeper than [`Limits::depth`]; nothing behind it was read.
    TooDeep,
    /// Aliases that add more than [`Limits::alias_nodes`] or [`Limits::alias_bytes`].
    TooManyAliases,
    /// More than [`Limits::complaints`]; nothing behind it was read.
    TooManyFaults,
}
