//! The form in which a service's model is kept: sorted lines of a name, a tab and JSON, deflated.
//!
//! | line | holds |
//! | --- | --- |
//! | `metadata` | protocol, service id, signing name, … |
//! | `operation/CreateCluster` | one operation |
//! | `paginator/ListClusters` | how its pages are joined |
//! | `rules` | the endpoint rule set |
//! | `shape/Cluster` | one shape |
//! | `waiter/ClusterActive` | one waiter |
//!
//! A line is found by its name and parsed when it is reached, so opening a service costs its inflation and nothing else.
//! This file decides that form, both ways. It must not know what the JSON means ([`crate::definition`]) nor where models
//! come from (`cargo xtask models`).

use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use memchr::memchr;
use serde_json::Value;

/// A model in memory: its text and where the lines are.
pub(crate) struct Pack {
    text: String,
    lines: Vec<Line>,
}

struct Line {
    name: Range<usize>,
    json: Range<usize>,
}

impl Pack {
    /// Inflates a packed model.
    ///
    /// # Errors
    /// What is wrong with the bytes; those in the program are checked by a test.
    pub(crate) fn inflate(packed: &[u8]) -> Result<Self, String> {
        let (length, deflated) = packed.split_first_chunk().ok_or("a model has no length")?;
        let mut text = Vec::with_capacity(u32::from_le_bytes(*length) as usize);
        match Decompress::new(true).decompress_vec(deflated, &mut text, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) => Self::new(String::from_utf8(text).map_err(|error| error.to_string())?),
            Ok(status) => Err(format!("a model does not inflate: {status:?}")),
            Err(error) => Err(format!("a model does not inflate: {error}")),
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// A line without a tab, or lines that are not in order.
    pub(crate) fn new(text: String) -> Result<Self, String> {
        let mut lines: Vec<Line> = Vec::with_capacity(text.len() / 200);
        let mut start = 0;
        while start < text.len() {
            let rest = &text.as_bytes()[start..];
            let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &text[start..end];
            let Some(tab) = memchr(b'\t', line.as_bytes()) else {
                return Err(format!("a line of a model has no tab: `{line}`"));
            };
            let line = Line { name: start..start + tab, json: start + tab + 1..end };
            if lines.last().is_some_and(|last| text[last.name.clone()] >= text[line.name.clone()]) {
                return Err(format!("`{}` of a model is not in order", &text[line.name]));
            }
            lines.push(line);
            start = end + 1;
        }
        Ok(Self { text, lines })
    }

    /// The number of the line of that name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.lines.binary_search_by(|line| self.text[line.name.clone()].cmp(name)).ok()
    }

    /// The numbers of the lines whose names begin so.
    pub(crate) fn section(&self, prefix: &str) -> Range<usize> {
        let name = |line: &Line| &self.text[line.name.clone()];
        let start = self.lines.partition_point(|line| name(line) < prefix);
        let length = self.lines[start..].partition_point(|line| name(line).starts_with(prefix));
        start..start + length
    }

    /// The name of a line.
    pub(crate) fn name(&self, line: usize) -> &str {
        &self.text[self.lines[line].name.clone()]
    }

    /// The JSON of a line.
    pub(crate) fn json(&self, line: usize) -> &str {
        &self.text[self.lines[line].json.clone()]
    }
}

/// The text form of a model given as one JSON object: `metadata`, `operations`, `shapes`, and, if it has them,
/// `paginators`, `waiters` and `rules`.
#[must_use]
pub fn text(model: &Value) -> String {
    let mut lines = Vec::new();
    for (key, section) in
        [("operations", "operation"), ("shapes", "shape"), ("paginators", "paginator"), ("waiters", "waiter")]
    {
        for (name, json) in model[key].as_object().into_iter().flatten() {
            lines.push(format!("{section}/{name}\t{json}\n"));
        }
    }
    for key in ["metadata", "rules"] {
        if !model[key].is_null() {
            lines.push(format!("{key}\t{}\n", model[key]));
        }
    }
    // By name: a tab sorts before every character of a name.
    lines.sort();
    lines.concat()
}

/// Deflates a text form: its length in four bytes, the least first, and a zlib stream. The same text gives the same bytes.
///
/// # Panics
/// If the text is longer than 4 GiB.
#[must_use]
pub fn deflate(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a model is a few megabytes at most");
    let mut packed = length.to_le_bytes().to_vec();
    ZlibEncoder::new(text.as_bytes(), Compression::best())
        .read_to_end(&mut packed)
        .expect("reading from memory does not fail");
    packed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_read_back_line_by_line() {
        let model = json!({"metadata": {"protocol": "json"}, "shapes": {"B": {"type": "string"}, "A": {"type": "blob"}, "AB": {"type": "list"}},
            "operations": {"Do": {"http": {}}}, "waiters": {}});
        let pack = Pack::inflate(&deflate(&text(&model))).unwrap();
        let shapes: Vec<&str> = pack.section("shape/").map(|line| pack.name(line)).collect();
        assert_eq!(shapes, ["shape/A", "shape/AB", "shape/B"]);
        assert_eq!(pack.json(pack.find("shape/B").unwrap()), r#"{"type":"string"}"#);
        assert_eq!(pack.find("shape/C"), None);
        assert!(pack.section("waiter/").is_empty());
    }

    #[test]
    fn what_is_no_model_is_refused() {
        assert!(Pack::inflate(b"no").is_err());
        assert!(Pack::inflate(b"nothing").is_err());
        let packed = deflate("a\t1\n");
        assert!(Pack::inflate(&packed[..packed.len() - 3]).is_err());
        assert!(Pack::new("a\t1\nno tab\n".into()).is_err());
        assert!(Pack::new("b\t1\na\t2\n".into()).is_err());
    }
}
