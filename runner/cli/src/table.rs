//! Rows of text in columns, and which values are read more easily that way.
//!
//! This file decides the layout. It must not know what the rows are about.

use serde_json::Value as Json;

use crate::talk::dim;
use crate::text::{padded, printable, width};

/// A cell wider than this makes a table harder to read than JSON.
const WIDEST: usize = 60;

/// The rows as lines, their columns aligned. A column whose cells below the first are all numbers is flush right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<usize> =
        (0..columns).map(|at| cells(at).map(|cell| width(cell)).max().unwrap_or_default()).collect();
    let is_number = |cell: &String| cell.parse::<f64>().is_ok();
    let right: Vec<bool> = (0..columns).map(|at| rows.len() > 1 && cells(at).skip(1).all(is_number)).collect();
    let cell = |(at, cell): (usize, &String)| {
        if right[at] { format!("{}{cell}", " ".repeat(widths[at] - width(cell))) } else { padded(cell, widths[at]) }
    };
    let line = |row: &Vec<String>| row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
    rows.iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// The lines of a named value: a list of flat maps is a table below the name, everything else stands on one line behind it.
pub(crate) fn entry(name: &str, value: &Json) -> Vec<String> {
    let Some(rows) = rows(value) else { return vec![format!("{name}: {}", one_line(value))] };
    let mut lines = aligned(&rows).into_iter();
    let head = lines.next().map(|head| format!("  {}", dim(head)));
    std::iter::once(format!("{name}:")).chain(head).chain(lines.map(|line| format!("  {line}"))).collect()
}

/// A value on one line: text as it is, everything else as JSON.
pub(crate) fn one_line(value: &Json) -> String {
    match value {
        Json::String(text) => printable(text).into_owned(),
        other => printable(&other.to_string()).into_owned(),
    }
}

/// A list of flat maps as rows below their keys.
fn rows(value: &Json) -> Option<Vec<Vec<String>>> {
    let maps: Vec<_> = value.as_array()?.iter().map(Json::as_object).collect::<Option<_>>()?;
    let mut keys: Vec<&String> = Vec::new();
    for key in maps.iter().flat_map(|map| map.keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let cell = |value: Option<&Json>| match value {
        None | Some(Json::Null) => Some(String::new()),
        Some(Json::Array(_) | Json::Object(_)) => None,
        Some(flat) => Some(one_line(flat)).filter(|cell| width(cell) <= WIDEST),
    };
    let head = keys.iter().map(|key| printable(key).into_owned()).collect();
    let below = maps.iter().map(|map| keys.iter().map(|key| cell(map.get(*key))).collect::<Option<_>>());
    let rows = std::iter::once(Some(head)).chain(below).collect::<Option<Vec<_>>>()?;
    (!keys.is_empty()).then_some(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(value: &Json) -> String {
        anstream::adapter::strip_str(&entry("costs", value).join("\n")).to_string()
    }

    #[test]
    fn a_list_of_flat_maps_is_a_table_with_numbers_flush_right() {
        let value = json!([
            {"item": "名前", "usd": 73.0, "note": null},
            {"item": "volume", "usd": 7.25, "zone": "a\u{1b}"},
        ]);
        let expected = "costs:\n  item     usd  note  zone\n  名前    73.0\n  volume  7.25        a\\u{1b}";
        assert_eq!(plain(&value), expected);
    }

    #[test]
    fn everything_else_stands_on_one_line() {
        for value in [
            json!([]),
            json!([{}]),
            json!([1, {"a": 1}]),
            json!([{"a": [1]}]),
            json!([{"a": "x".repeat(WIDEST + 1)}]),
            json!({"a": 1}),
        ] {
            assert_eq!(plain(&value), format!("costs: {value}"));
        }
        assert_eq!(plain(&json!("two\nlines")), "costs: two lines");
    }
}
