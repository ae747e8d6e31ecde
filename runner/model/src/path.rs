//! Paths of steps: `id`, `id[key]`, `outer/inner`, combined as `join[ekseucl01]/wait`.
//!
//! This file decides how a step instance is named in journals, reports and arguments. It must not know plans.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::is_identifier;

/// One part of a path: a step's id and, inside a `for-each`, the key of the item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The id of the step.
    pub id: String,
    /// The key of the item; `None` for a step that is not repeated, or for the loop as a whole.
    pub key: Option<String>,
}

/// The path of a step instance, outermost first; never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepPath(Vec<Segment>);

impl StepPath {
    /// The path of a step of the outermost runbook.
    #[must_use]
    pub fn root(id: &str) -> Self {
        Self(vec![Segment { id: id.to_owned(), key: None }])
    }

    /// The path of the step `id` inside this one.
    #[must_use]
    pub fn child(&self, id: &str) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment { id: id.to_owned(), key: None });
        Self(segments)
    }

    /// The path of the item `key` of this loop.
    #[must_use]
    pub fn item(&self, key: &str) -> Self {
        let mut segments = self.0.clone();
        if let Some(last) = segments.last_mut() {
            last.key = Some(key.to_owned());
        }
        Self(segments)
    }

    /// The path of the loop this item belongs to; the path itself if it is no item.
    #[must_use]
    pub fn whole(&self) -> Self {
        let mut segments = self.0.clone();
        if let Some(last) = segments.last_mut() {
            last.key = None;
        }
        Self(segments)
    }

    /// The path of the step around this one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        (self.0.len() > 1).then(|| Self(self.0[..self.0.len() - 1].to_vec()))
    }

    /// The parts, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The innermost part.
    #[must_use]
    pub fn last(&self) -> &Segment {
        self.0.last().expect("a path is never empty")
    }

    /// True if `self` is `other` or lies inside it; an item lies inside its loop.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let n = other.0.len();
        if self.0.len() < n || self.0[..n - 1] != other.0[..n - 1] {
            return false;
        }
        let (mine, theirs) = (&self.0[n - 1], &other.0[n - 1]);
        mine.id == theirs.id && (theirs.key.is_none() || mine.key == theirs.key)
    }
}

/// Characters that would end a key early, or a line of a report.
fn must_escape(c: char) -> bool {
    matches!(c, '%' | '[' | ']' | '/') || c.is_control()
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            f.write_str(&segment.id)?;
            if let Some(key) = &segment.key {
                f.write_str("[")?;
                for c in key.chars() {
                    if must_escape(c) {
                        let mut utf8 = [0; 4];
                        for byte in c.encode_utf8(&mut utf8).bytes() {
                            write!(f, "%{byte:02X}")?;
                        }
                    } else {
                        write!(f, "{c}")?;
                    }
                }
                f.write_str("]")?;
            }
        }
        Ok(())
    }
}

impl From<StepPath> for String {
    fn from(path: StepPath) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for StepPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl FromStr for StepPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let invalid = || InvalidPath(text.to_owned());
        let mut segments = Vec::new();
        for part in text.split('/') {
            let (id, key) = match part.split_once('[') {
                None => (part, None),
                Some((id, rest)) => {
                    let raw = rest.strip_suffix(']').ok_or_else(invalid)?;
                    (id, Some(unescape(raw).ok_or_else(invalid)?))
                }
            };
            if !is_identifier(id) {
                return Err(invalid());
            }
            segments.push(Segment { id: id.to_owned(), key });
        }
        Ok(Self(segments))
    }
}

fn unescape(raw: &str) -> Option<String> {
    if raw.contains(['[', ']']) {
        return None;
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Text that is no path of a step.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the path of a step such as `vpc`, `join[ekseucl01]` or `join[ekseucl01]/wait`")]
pub struct InvalidPath(String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_key_reads_back(key in "\\PC{0,12}|[\\x00-\\x7f]{0,12}") {
            let path = StepPath::root("join").item(&key).child("wait");
            prop_assert_eq!(path.to_string().parse::<StepPath>().unwrap(), path);
        }
    }

    #[test]
    fn simple_paths_look_as_people_expect() {
        let path = StepPath::root("join").item("ekseucl01").child("wait");
        assert_eq!(path.to_string(), "join[ekseucl01]/wait");
        assert_eq!(path.parent().unwrap().whole().to_string(), "join");
        assert!(path.is_within(&StepPath::root("join")));
        assert!(path.is_within(&StepPath::root("join").item("ekseucl01")));
        assert!(!path.is_within(&StepPath::root("join").item("other")));
        for text in ["", "a//b", "A", "a[b", "a]b", "a[b]c"] {
            assert!(text.parse::<StepPath>().is_err(), "{text}");
        }
    }
}
