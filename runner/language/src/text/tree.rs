//! From YAML to the spanned tree of arguments.
//!
//! This file decides where expressions stand in a document, keeps their places, and turns what the YAML reader found into
//! complaints. It must not know which keys a runbook has.

use std::ops::Range;
use std::sync::Arc;

use runbook_model::argument::{Argument, Entry, Expression, Node, Origin, Part};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::source::{Source, SourceId, Sources, Span};
use runbook_template::yaml::{self, Complaint, Fault, Kind, Limits, Pair, Scalar, Style};

use super::split::{Segment, Unclosed, split, unescaped};

/// Reads one text.
pub(crate) struct Reader<'s> {
    source: &'s Source,
    id: SourceId,
    diagnostics: &'s mut Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(sources: &'s Sources, id: SourceId, diagnostics: &'s mut Vec<Diagnostic>) -> Self {
        Self { source: sources.get(id), id, diagnostics }
    }

    /// The one document of the text; `None` if there is none or it is not YAML.
    pub(crate) fn document(mut self) -> Option<Argument> {
        let reading = yaml::read(&self.source.text, &Limits::default());
        let mut broken = false;
        for complaint in &reading.complaints {
            broken |= matches!(
                complaint.fault,
                Fault::Syntax(_)
                    | Fault::Tab
                    | Fault::ColonInPlain
                    | Fault::TooDeep
                    | Fault::TooManyAliases
                    | Fault::TooManyFaults
            );
            let diagnostic = self.told(complaint);
            self.diagnostics.push(diagnostic);
        }
        if let Some(second) = reading.documents.get(1) {
            let diagnostic = Diagnostic::error(
                code::YAML_DOCUMENTS,
                self.line_of(&second.range),
                "the file holds a second document",
            )
            .help("keep one runbook per file; several files can use each other with `runbook:`");
            self.diagnostics.push(diagnostic);
        }
        match reading.documents.into_iter().next() {
            // Half a document would only bring complaints about what is missing.
            _ if broken => None,
            Some(document) => Some(self.argument(document)),
            None => {
                let diagnostic = Diagnostic::error(code::YAML_EMPTY, self.span(&(0..0)), "the file is empty")
                    .help("write `apiVersion: runbook/v1`, `name`, `version` and `steps`");
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn span(&self, range: &Range<usize>) -> Span {
        Span { source: self.id, ..Span::default() }.part(range)
    }

    /// A range cut at the end of its first line.
    fn line_of(&self, range: &Range<usize>) -> Span {
        let text = &self.source.text[range.clone()];
        let end = range.start + text.find('\n').unwrap_or(text.len());
        self.span(&(range.start..end))
    }

    fn argument(&mut self, node: yaml::Node) -> Argument {
        let span = self.span(&node.range);
        let node = match node.kind {
            Kind::Scalar(scalar) => self.scalar(scalar, &node.range),
            Kind::List(items) => Node::List(items.into_iter().map(|item| self.argument(item)).collect()),
            Kind::Map(pairs) => Node::Map(pairs.into_iter().map(|pair| self.entry(pair)).collect()),
        };
        Argument { node, span }
    }

    fn entry(&mut self, pair: Pair) -> Entry {
        let key_span = self.span(&pair.key_range);
        if pair.key.contains("${{") && !pair.key.contains("$${{") {
            self.diagnostics.push(
                Diagnostic::error(code::EXPRESSION_KEY, key_span, "an expression cannot be a key")
                    .help("make the map with an expression: `${{ {name: value} }}`"),
            );
        }
        Entry { key: pair.key.replace("$${{", "${{"), key_span, value: self.argument(pair.value) }
    }

    fn scalar(&mut self, scalar: Scalar, range: &Range<usize>) -> Node {
        if !scalar.text.contains("${{") {
            if scalar.style == Style::Plain
                && let Some(value) = yaml::resolved(&scalar.text)
            {
                return Node::Plain { value, text: scalar.text };
            }
            self.look_for_lost_dollar(&scalar.text, range);
            return Node::Text(scalar.text);
        }
        let segments = match split(&scalar.text) {
            Ok(segments) => segments,
            Err(unclosed) => {
                self.unclosed(&scalar, range, unclosed);
                // An empty expression may stand anywhere and is not complained about again.
                let origin = Origin { scalar: self.span(range), bytes: None };
                return Node::Expression(Expression { source: String::new(), line: 0, column: 0, origin });
            }
        };
        if segments.iter().all(|segment| matches!(segment, Segment::Text(_))) {
            return Node::Text(unescaped(&scalar.text));
        }
        let places = yaml::byte_map(&self.source.text, range, scalar.style, &scalar.text);
        let mut parts: Vec<Part> = segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Text(text) => Part::Text(unescaped(&scalar.text[text])),
                Segment::Expression { inner, outer } => {
                    Part::Expression(self.expression(&scalar.text, inner, &outer, places.as_deref(), range))
                }
            })
            .collect();
        match (parts.len(), parts.pop()) {
            (1, Some(Part::Expression(expression))) => Node::Expression(expression),
            (_, Some(last)) => {
                parts.push(last);
                Node::Mixed(parts)
            }
            (_, None) => Node::Text(String::new()),
        }
    }

    fn expression(
        &mut self,
        text: &str,
        inner: Range<usize>,
        outer: &Range<usize>,
        places: Option<&[u32]>,
        scalar: &Range<usize>,
    ) -> Expression {
        let written = &text[inner.clone()];
        let source = written.trim();
        let start = inner.start + (written.len() - written.trim_start().len());
        let span = self.span(scalar);
        if source.is_empty() {
            let at = places.map_or(span, |places| {
                let (from, to) = (places[outer.start] as usize, places[outer.end - 1] as usize + 1);
                self.span(&(from..to))
            });
            self.diagnostics.push(
                Diagnostic::error(code::EXPRESSION_EMPTY, at, "nothing stands between `${{` and `}}`")
                    .help("write an expression, or `$${{` for a literal `${{`"),
            );
        }
        let bytes = places.map(|places| Arc::from(&places[start..=start + source.len()]));
        let first = places.map_or(span.start, |places| places[start]);
        let (line, column) = self.source.line_column(first);
        Expression { source: source.to_owned(), line, column, origin: Origin { scalar: span, bytes } }
    }

    /// `{{ inputs.x }}` without its dollar is text, which is hardly ever meant.
    fn look_for_lost_dollar(&mut self, text: &str, range: &Range<usize>) {
        let names = ["inputs.", "steps.", "connections.", "item", "key", "result", "run."];
        let Some(inside) = text.split_once("{{").map(|(_, inside)| inside.trim_start()) else { return };
        if names.iter().any(|name| inside.starts_with(name)) {
            let diagnostic =
                Diagnostic::warning(code::NO_DOLLAR, self.line_of(range), "this is text, not an expression")
                    .help("write `${{ … }}`");
            self.diagnostics.push(diagnostic);
        }
    }

    fn unclosed(&mut self, scalar: &Scalar, range: &Range<usize>, unclosed: Unclosed) {
        let places = yaml::byte_map(&self.source.text, range, scalar.style, &scalar.text);
        let span = match &places {
            Some(places) => {
                let at = places[unclosed.0] as usize;
                self.span(&(at..at + 3))
            }
            None => self.line_of(range),
        };
        let behind = self.source.text[range.end..].trim_start_matches([' ', '\t']);
        let cut = scalar.style == Style::Plain && behind.starts_with('#');
        let diagnostic = Diagnostic::error(code::EXPRESSION_OPEN, span, "this `${{` is never closed").help(if cut {
            "` #` begins a comment: put the whole value in quotes"
        } else {
            "close it with `}}`, or write `$${{` for a literal `${{`"
        });
        self.diagnostics.push(diagnostic);
    }

    fn told(&self, complaint: &Complaint) -> Diagnostic {
        let span = self.line_of(&complaint.range);
        let message = complaint.fault.to_string();
        let error = |code| Diagnostic::error(code, span, message.clone());
        match &complaint.fault {
            Fault::Syntax(_) => {
                let diagnostic = error(code::YAML_SYNTAX);
                if self.open_expression_before(complaint.range.start) {
                    diagnostic.help("put the value in quotes, or behind `>-` on lines of its own")
                } else if message.contains("indent") {
                    diagnostic.help("indent it like the lines beside it; what stands behind it was not read")
                } else {
                    diagnostic.help("correct it; what stands behind it was not read")
                }
            }
            Fault::Tab => error(code::YAML_TAB).help("indent with blanks"),
            Fault::ColonInPlain => {
                error(code::YAML_COLON).help(if self.open_expression_before(complaint.range.start) {
                    "put the expression in quotes, or behind `>-` on lines of its own"
                } else {
                    "put the value in quotes; if a key was meant, put it on a line of its own"
                })
            }
            Fault::Tag(_) => error(code::YAML_TAG).help("leave it out; quotes make text of anything"),
            Fault::DoubleKey { first, .. } => {
                error(code::YAML_DOUBLE_KEY).help("keep one of them").related(self.span(first), "it stood here first")
            }
            Fault::MergeKey => error(code::YAML_MERGE)
                .help("write the keys out, or reuse a whole value with `*alias`; `\"<<\"` is a plain key"),
            Fault::KeyNotText => match self.in_braces(&complaint.range) {
                Some(span) => {
                    Diagnostic::error(code::YAML_KEY, span, message).help("for an expression write `${{ … }}`")
                }
                None => error(code::YAML_KEY).help("write a key of one word, or put it in quotes"),
            },
            Fault::EmptyKey => error(code::YAML_KEY).help("write the key before the `:`"),
            Fault::UnknownAnchor(_) => error(code::YAML_ANCHOR)
                .help("an anchor stands before its aliases and not around them; for a literal `*` use quotes"),
            Fault::TooDeep => error(code::TOO_DEEP).help("at most 64 lists and maps may stand inside each other"),
            Fault::TooManyAliases => {
                error(code::TOO_MANY_ALIASES).help("aliases may add at most 10,000 nodes or 4 MiB of text to a file")
            }
            Fault::TooManyFaults => error(code::TOO_MANY_COMPLAINTS).help("correct those above first"),
        }
    }

    /// The place of `{{ … }}`, which YAML takes for a map that is a key, by the range of its inner map.
    fn in_braces(&self, inner: &Range<usize>) -> Option<Span> {
        let text = self.source.text.as_str();
        let start = text[..inner.start].ends_with('{').then(|| inner.start - 1)?;
        let end = inner.end + usize::from(text[inner.end..].starts_with('}'));
        text[inner.clone()].starts_with('{').then(|| self.span(&(start..end)))
    }

    /// Does a `${{` stand open before this place on its line, or does the place lie in its braces?
    fn open_expression_before(&self, at: usize) -> bool {
        let text = self.source.text.as_str();
        let before = text.get(..at + 2).or_else(|| text.get(..at)).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.rfind("${{").is_some_and(|open| !line[open..].contains("}}"))
    }
}

/// The tree of a text that holds no expressions: a file of inputs, or one given as YAML. `${{` is text in it.
pub(crate) fn literal(sources: &Sources, id: SourceId) -> Result<Argument, Box<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let reader = Reader::new(sources, id, &mut diagnostics);
    let reading = yaml::read(&reader.source.text, &Limits::default());
    if let Some(complaint) = reading.complaints.first() {
        return Err(Box::new(reader.told(complaint)));
    }
    match reading.documents.first() {
        Some(document) => Ok(reader.plain(document)),
        None => Ok(Argument { node: Node::default(), span: reader.span(&(0..0)) }),
    }
}

impl Reader<'_> {
    fn plain(&self, node: &yaml::Node) -> Argument {
        let span = self.span(&node.range);
        let node = match &node.kind {
            Kind::Scalar(scalar) => match yaml::resolved(&scalar.text).filter(|_| scalar.style == Style::Plain) {
                Some(value) => Node::Plain { value, text: scalar.text.clone() },
                None => Node::Text(scalar.text.clone()),
            },
            Kind::List(items) => Node::List(items.iter().map(|item| self.plain(item)).collect()),
            Kind::Map(pairs) => Node::Map(
                pairs
                    .iter()
                    .map(|pair| Entry {
                        key: pair.key.clone(),
                        key_span: self.span(&pair.key_range),
                        value: self.plain(&pair.value),
                    })
                    .collect(),
            ),
        };
        Argument { node, span }
    }
}
