//! Edits of a kubeconfig's text, span by span.
//!
//! This file decides how a value is written where another one stood, or where nothing stood: in the quotes, the indentation,
//! the brackets and the line ends of what is around it. Bytes that no edit names stay as they are. It must not know what
//! the values mean.

use std::ops::Range;

use runbook_model::failure::Failure;
use runbook_template::yaml::{self, Kind, Node, Pair, Style};
use serde_json::{Value as Json, json};

use super::tree::{entry, is_anchored, is_copy, is_flow, is_null, place, unusable};

/// A text and what shall become of it.
pub(crate) struct Text<'t> {
    path: &'t str,
    text: &'t str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'t> Text<'t> {
    pub(crate) fn new(path: &'t str, text: &'t str) -> Self {
        Self { path, text, edits: Vec::new() }
    }

    /// The text after the edits; `None` if there are none.
    pub(crate) fn edited(mut self) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        // Of two edits at one place the one that came first stands first.
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut edited = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, new) in &self.edits {
            edited.push_str(&self.text[at..range.start]);
            edited.push_str(new);
            at = range.end;
        }
        edited.push_str(&self.text[at..]);
        Some(edited)
    }

    /// Writes another text where a scalar stands, quoted as that was if it was.
    ///
    /// # Errors
    /// `invalid` if the scalar has an anchor, or is more than one line of text.
    pub(crate) fn replace_scalar(&mut self, node: &Node, new: &str) -> Result<(), Failure> {
        self.own(node)?;
        let written = match &node.kind {
            Kind::Scalar(scalar) => match scalar.style {
                Style::Plain => block(&new.into(), 0),
                Style::Single => format!("'{}'", new.replace('\'', "''")),
                Style::Double => Json::from(new).to_string(),
                Style::Literal | Style::Folded => return Err(self.refuse(node, "a block of text")),
            },
            Kind::List(_) | Kind::Map(_) => return Err(self.refuse(node, "no text")),
        };
        self.edits.push((node.range.clone(), written));
        Ok(())
    }

    /// Writes a text behind a key of the root, which may be there or not.
    ///
    /// # Errors
    /// As [`Text::replace_scalar`].
    pub(crate) fn set(&mut self, root: &Node, key: &str, new: &str) -> Result<(), Failure> {
        match entry(root, key) {
            None => self.add_entry(root, key, &new.into()),
            Some(pair) if pair.value.range.is_empty() => {
                self.insert_behind(pair, &block(&new.into(), 0));
                Ok(())
            }
            Some(pair) => self.replace_scalar(&pair.value, new),
        }
    }

    /// Writes another value where one stands.
    ///
    /// # Errors
    /// `invalid` if what stands there has an anchor.
    pub(crate) fn replace(&mut self, node: &Node, new: &Json) -> Result<(), Failure> {
        self.own(node)?;
        let flow = is_flow(self.text, node);
        let written = if flow { new.to_string() } else { self.block(new, self.column(node.range.start)) };
        self.edits.push((node.range.clone(), written));
        Ok(())
    }

    /// What an anchor names is not edited: other places would change with it.
    fn own(&self, node: &Node) -> Result<(), Failure> {
        if is_anchored(self.text, node) { Err(self.refuse(node, "an anchor")) } else { Ok(()) }
    }

    /// Writes right behind the colon of a key.
    fn insert_behind(&mut self, pair: &Pair, written: &str) {
        let colon = pair.key_range.end + self.text[pair.key_range.end..].find(':').map_or(0, |colon| colon + 1);
        self.edits.push((colon..colon, format!(" {written}")));
    }

    /// Adds an item at the end of the list behind a key of the root, or the key with such a list.
    ///
    /// # Errors
    /// `invalid` if something else stands there.
    pub(crate) fn add_item(&mut self, root: &Node, key: &str, item: &Json) -> Result<(), Failure> {
        let Some(pair) = entry(root, key) else { return self.add_entry(root, key, &json!([item])) };
        let list = &pair.value;
        self.own(list)?;
        if is_null(list) {
            if list.range.is_empty() {
                self.insert_behind(pair, &format!("[{item}]"));
            } else {
                self.edits.push((list.range.clone(), format!("[{item}]")));
            }
            return Ok(());
        }
        match &list.kind {
            Kind::List(items) if is_flow(self.text, list) => {
                let (at, comma) = items.last().map_or((list.range.start + 1, ""), |last| (last.range.end, ", "));
                self.edits.push((at..at, format!("{comma}{item}")));
            }
            Kind::List(items) => {
                let column = self.column(items.first().map_or(list.range.start, |first| self.dash(first)));
                let item = self.block(item, column + 2);
                self.add_lines(list.range.end, &format!("{}- {item}", " ".repeat(column)));
            }
            _ => return Err(self.refuse(list, &format!("`{key}` that is no list"))),
        }
        Ok(())
    }

    /// Adds an entry to the root.
    ///
    /// # Errors
    /// `invalid` if the root is no map.
    pub(crate) fn add_entry(&mut self, root: &Node, key: &str, value: &Json) -> Result<(), Failure> {
        let Kind::Map(pairs) = &root.kind else { return Err(self.refuse(root, "no map")) };
        if is_flow(self.text, root) {
            let at = pairs.last().map_or(root.range.start + 1, |last| last.value.range.end);
            let first = pairs.is_empty() && !self.edits.iter().any(|(range, _)| range.start == at);
            let comma = if first { "" } else { ", " };
            self.edits.push((at..at, format!("{comma}{}: {value}", Json::from(key))));
        } else {
            let column = self.column(root.range.start);
            let entry = self.block(&json!({key: value}), column);
            self.add_lines(root.range.end, &format!("{}{entry}", " ".repeat(column)));
        }
        Ok(())
    }

    /// Takes an item out of the list behind a key of the root.
    ///
    /// # Errors
    /// `invalid` if the list is none of its own.
    pub(crate) fn remove_item(&mut self, root: &Node, key: &str, item: &Node) -> Result<(), Failure> {
        let Some(pair) = entry(root, key) else { return Ok(()) };
        let list = &pair.value;
        self.own(list)?;
        self.own(item)?;
        let Kind::List(items) = &list.kind else {
            return Err(self.refuse(list, &format!("`{key}` that is no list")));
        };
        if is_copy(list, item) {
            return Err(self.refuse(list, "an alias"));
        }
        let Some(at) = items.iter().position(|other| other.range == item.range) else { return Ok(()) };
        if is_flow(self.text, list) {
            let (before, after) = (at.checked_sub(1).map(|before| &items[before]), items.get(at + 1));
            let range = match (before, after) {
                (_, Some(after)) => item.range.start..after.range.start,
                (Some(before), None) => before.range.end..item.range.end,
                (None, None) => item.range.clone(),
            };
            self.edits.push((range, String::new()));
            return Ok(());
        }
        let start = self.line_start(self.dash(item));
        let end = self.line_end(item.range.end);
        let end = end + self.text[end..].find('\n').map_or(0, |newline| newline + 1);
        if items.len() == 1 {
            // A list without items is written in brackets, right behind the colon.
            self.insert_behind(pair, "[]");
        }
        self.edits.push((start..end, String::new()));
        Ok(())
    }

    /// Adds whole lines behind the line in which a part ends.
    fn add_lines(&mut self, end: usize, lines: &str) {
        let at = self.line_end(end);
        let breaks = self.line_break();
        self.edits.push((at..at, format!("{breaks}{lines}")));
    }

    /// Where the line ends in which a part ends. The text of a block scalar reaches over its last line break.
    fn line_end(&self, end: usize) -> usize {
        let end = self.text[..end].trim_end_matches(['\n', '\r', ' ']).len();
        let line = end + self.text[end..].find('\n').unwrap_or(self.text.len() - end);
        if self.text[..line].ends_with('\r') { line - 1 } else { line }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Where the `-` of an item of a block list stands.
    fn dash(&self, item: &Node) -> usize {
        self.text[..item.range.start].rfind('-').unwrap_or(item.range.start)
    }

    fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// A value as a block whose first line stands at a column already.
    fn block(&self, value: &Json, column: usize) -> String {
        block(value, column).replace('\n', self.line_break())
    }

    fn refuse(&self, node: &Node, what: &str) -> Failure {
        let (line, column) = place(self.text, node.range.start);
        unusable(self.path, &format!("at line {line}, column {column} stands {what}"))
    }
}

/// A value as block YAML, its first line without indentation.
pub(crate) fn block(value: &Json, column: usize) -> String {
    let indentation = format!("\n{}", " ".repeat(column));
    yaml::write(&value.clone().into()).replace('\n', &indentation)
}
