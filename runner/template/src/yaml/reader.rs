//! From the parser's events to a tree.
//!
//! This file decides what is refused and how much work a hostile text can cause: every event is looked at once, the
//! tree is built on a stack of its own, and aliases are copied only within [`Limits`]. It must not know what a tree is for.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag, options};
use indexmap::IndexMap;

use super::{Complaint, Fault, Kind, Limits, Node, Pair, Reading, Scalar, Style};

/// Reads all documents of a text.
#[must_use]
pub fn read(source: &str, limits: &Limits) -> Reading {
    let mut options = options! {
        strict_indentation: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits.depth + 1,
        block_nesting_limit: limits.depth + 1,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(source, options);
    let mut reader = Reader {
        source,
        limits,
        reading: Reading::default(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        alias_nodes: 0,
        alias_bytes: 0,
    };
    while let Some(next) = parser.next_event() {
        let result = match next {
            Ok((event, span)) => reader.event(event, &span),
            Err(error) => {
                reader.syntax(&error);
                Err(Stop)
            }
        };
        if result.is_err() {
            // The parts that are still open are of use to nobody: half a map would be taken for a whole one.
            break;
        }
    }
    reader.reading
}

/// Nothing more is read.
struct Stop;

struct Reader<'s> {
    source: &'s str,
    limits: &'s Limits,
    reading: Reading,
    open: Vec<Open>,
    /// Finished anchored nodes with how many nodes and bytes they hold.
    anchors: BTreeMap<usize, (Node, usize, usize)>,
    alias_nodes: usize,
    alias_bytes: usize,
}

/// A list or map whose end has not come.
struct Open {
    anchor: usize,
    start: usize,
    end: usize,
    flow: bool,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { pairs: IndexMap<String, (Range<usize>, Node)>, key: Key },
}

/// What a map waits for.
enum Key {
    /// A key.
    Wanted,
    /// The value of this key.
    Given(String, Range<usize>),
    /// A value that is thrown away, for its key was refused.
    Refused,
}

impl Reader<'_> {
    fn complain(&mut self, fault: Fault, range: Range<usize>) -> Result<(), Stop> {
        if self.reading.complaints.len() >= self.limits.complaints {
            self.reading.complaints.push(Complaint { fault: Fault::TooManyFaults, range });
            return Err(Stop);
        }
        self.reading.complaints.push(Complaint { fault, range });
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let range = span.byte_range().unwrap_or(0..0);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), span)?;
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                // The parser says `~` where nothing is written.
                let text = if style == Style::Plain && range.is_empty() { String::new() } else { text.into_owned() };
                self.node(Node { kind: Kind::Scalar(Scalar { text, style }), range }, anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span)?;
                let flow = style == granit_parser::StructureStyle::Flow;
                self.start(anchor, range, flow, Inside::List(Vec::new()))
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag(tag.as_deref(), span)?;
                let flow = style == granit_parser::StructureStyle::Flow;
                self.start(anchor, range, flow, Inside::Map { pairs: IndexMap::new(), key: Key::Wanted })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&range),
            Event::Alias(anchor) => self.alias(anchor, range),
            Event::UnresolvedAlias(name) => {
                self.complain(Fault::UnknownAnchor(name.into_owned()), range.clone())?;
                self.node(nothing(range), 0)
            }
            _ => Ok(()),
        }
    }

    fn tag(&mut self, tag: Option<&Tag>, span: &Span) -> Result<(), Stop> {
        let Some(tag) = tag else { return Ok(()) };
        let range = span.tag_span().and_then(|span| span.byte_range()).or_else(|| span.byte_range()).unwrap_or(0..0);
        self.complain(Fault::Tag(tag.original()), range)
    }

    fn start(&mut self, anchor: usize, range: Range<usize>, flow: bool, inside: Inside) -> Result<(), Stop> {
        if self.open.len() >= self.limits.depth {
            self.complain(Fault::TooDeep, range)?;
            return Err(Stop);
        }
        self.open.push(Open { anchor, start: range.start, end: range.end, flow, inside });
        Ok(())
    }

    fn end(&mut self, range: &Range<usize>) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let end = if open.flow { range.end } else { open.end };
        let kind = match open.inside {
            Inside::List(items) => Kind::List(items),
            Inside::Map { pairs, .. } => {
                Kind::Map(pairs.into_iter().map(|(key, (key_range, value))| Pair { key, key_range, value }).collect())
            }
        };
        self.node(Node { kind, range: open.start..end.max(open.start) }, open.anchor)
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> Result<(), Stop> {
        let Some((node, nodes, bytes)) = self.anchors.get(&anchor) else {
            // The anchor of a node that holds this alias.
            let name = self.source.get(range.clone()).unwrap_or_default().trim_start_matches('*').to_owned();
            self.complain(Fault::UnknownAnchor(name), range.clone())?;
            return self.node(nothing(range), 0);
        };
        self.alias_nodes += nodes;
        self.alias_bytes += bytes;
        if self.alias_nodes > self.limits.alias_nodes || self.alias_bytes > self.limits.alias_bytes {
            self.complain(Fault::TooManyAliases, range)?;
            return Err(Stop);
        }
        let copy = node.clone();
        self.node(copy, 0)
    }

    /// A finished node goes where it belongs.
    fn node(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            let (nodes, bytes) = size(&node);
            self.anchors.insert(anchor, (node.clone(), nodes, bytes));
        }
        let Some(open) = self.open.last_mut() else {
            if !is_nothing(&node) {
                self.reading.documents.push(node);
            }
            return Ok(());
        };
        // Copies of anchored nodes stand elsewhere.
        if node.range.start >= open.start {
            open.end = open.end.max(node.range.end);
        }
        match &mut open.inside {
            Inside::List(items) => {
                items.push(node);
                Ok(())
            }
            Inside::Map { pairs, key } => match std::mem::replace(key, Key::Wanted) {
                Key::Refused => Ok(()),
                Key::Given(name, range) => {
                    pairs.insert(name, (range, node));
                    Ok(())
                }
                Key::Wanted => {
                    let fault = match &node.kind {
                        Kind::Scalar(scalar) if scalar.text.is_empty() => Some(Fault::EmptyKey),
                        Kind::Scalar(scalar) if scalar.text == "<<" && scalar.style == Style::Plain => {
                            Some(Fault::MergeKey)
                        }
                        Kind::Scalar(scalar) => pairs
                            .get(&scalar.text)
                            .map(|(first, _)| Fault::DoubleKey { key: scalar.text.clone(), first: first.clone() }),
                        Kind::List(_) | Kind::Map(_) => Some(Fault::KeyNotText),
                    };
                    *key = match (fault.is_none(), node.kind) {
                        (true, Kind::Scalar(scalar)) => Key::Given(scalar.text, node.range.clone()),
                        _ => Key::Refused,
                    };
                    fault.map_or(Ok(()), |fault| self.complain(fault, node.range))
                }
            },
        }
    }

    fn syntax(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.source.len());
        let (fault, range) = match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart => (Fault::Tab, self.tab_near(at)),
            ErrorKind::MappingValueNotAllowed => (Fault::ColonInPlain, self.character_at(at)),
            ErrorKind::RecursionLimitExceeded => (Fault::TooDeep, self.character_at(at)),
            kind => (Fault::Syntax(words(kind, error)), self.character_at(at)),
        };
        let _ = self.complain(fault, range);
    }

    /// The tab at an offset, or the last one before it on its line.
    fn tab_near(&self, at: usize) -> Range<usize> {
        if self.source[at..].starts_with('\t') {
            return at..at + 1;
        }
        let line = self.source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        self.source[line..at].rfind('\t').map_or_else(|| self.character_at(at), |tab| line + tab..line + tab + 1)
    }

    fn character_at(&self, at: usize) -> Range<usize> {
        let at = (0..=at).rev().find(|at| self.source.is_char_boundary(*at)).unwrap_or(0);
        at..at + self.source[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8)
    }
}

fn nothing(range: Range<usize>) -> Node {
    Node { kind: Kind::Scalar(Scalar { text: String::new(), style: Style::Plain }), range }
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar(scalar) if scalar.text.is_empty() && scalar.style == Style::Plain)
}

/// How many nodes and bytes of text a tree holds. Trees are no deeper than [`Limits::depth`].
fn size(node: &Node) -> (usize, usize) {
    let add = |(nodes, bytes): (usize, usize), (more, longer): (usize, usize)| (nodes + more, bytes + longer);
    match &node.kind {
        Kind::Scalar(scalar) => (1, scalar.text.len()),
        Kind::List(items) => items.iter().map(size).fold((1, 0), add),
        Kind::Map(pairs) => pairs.iter().map(|pair| add(size(&pair.value), (0, pair.key.len()))).fold((1, 0), add),
    }
}

/// What the parser says, as a fragment.
fn words(kind: &ErrorKind, error: &ScanError) -> String {
    match kind {
        ErrorKind::UnclosedFlowCollection { open } => format!("the bracket `{open}` is never closed"),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            format!("the bracket `{open}` is closed by `{close}`")
        }
        ErrorKind::UnclosedQuotedScalar => "the quote is never closed".into(),
        ErrorKind::InvalidIndentation => "this line is indented in a way that fits nothing above it".into(),
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            format!("the control character `{}` cannot stand in YAML", character.escape_default())
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!("`{}` cannot begin a value without quotes", character.escape_default())
        }
        ErrorKind::ExpectedBlockMappingKey => "a key was expected here, at the indentation of the map".into(),
        ErrorKind::ExpectedBlockSequenceEntry => "a `-` was expected here, at the indentation of the list".into(),
        ErrorKind::ExpectedFlowMappingSeparator => "`,` or `}` was expected here".into(),
        ErrorKind::ExpectedFlowSequenceSeparator => "`,` or `]` was expected here".into(),
        ErrorKind::SimpleKeyExpected => "a `:` was expected behind this key".into(),
        ErrorKind::UnknownQuotedScalarEscape => "this escape is unknown in double quotes".into(),
        _ => error.info(),
    }
}
