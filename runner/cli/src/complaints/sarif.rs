//! Complaints as SARIF 2.1.0, which code scanning services read.
//!
//! This file decides the shape of the log. It must not know what is complained of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook_model::code;
use serde_json::{Value as Json, json};

/// The log of one check, from complaints as `lint -o json` gives them.
pub(crate) fn log(complaints: &[Json]) -> Json {
    let text = |complaint: &Json, key: &str| complaint[key].as_str().unwrap_or_default().to_owned();
    let codes: BTreeMap<String, usize> = {
        let mut codes: Vec<String> = complaints.iter().map(|complaint| text(complaint, "code")).collect();
        codes.sort();
        codes.dedup();
        codes.into_iter().enumerate().map(|(at, code)| (code, at)).collect()
    };
    let rules: Vec<Json> = codes
        .keys()
        .map(|code| {
            let title = code::ALL.iter().find(|(known, _)| known == code).map_or("", |(_, title)| title);
            json!({
                "id": code,
                "shortDescription": {"text": title},
                "helpUri": format!("{}/blob/main/docs/diagnostics/{code}.md", env!("CARGO_PKG_REPOSITORY")),
            })
        })
        .collect();
    let result = |complaint: &Json| {
        let code = text(complaint, "code");
        let help = complaint["help"].as_str().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let level = if complaint["severity"] == "warning" { "warning" } else { "error" };
        json!({
            "ruleId": code,
            "ruleIndex": codes[&code],
            "level": level,
            "message": {"text": format!("{}{help}", text(complaint, "message"))},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(&text(complaint, "file"))},
                "region": {
                    "startLine": complaint["line"],
                    "startColumn": complaint["column"],
                    "endLine": complaint["end_line"],
                    "endColumn": complaint["end_column"],
                },
            }}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "runbook",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": complaints.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A path as a reference of RFC 3986: relative as it was given, or with the scheme `file`.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    // A colon in the first part of a relative reference would end a scheme.
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => {
                let _infallible = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("a b/größe:1.yaml"), "a%20b/gr%C3%B6%C3%9Fe%3A1.yaml");
        assert_eq!(uri("/tmp/x.yaml"), "file:///tmp/x.yaml");
    }

    #[test]
    fn every_code_is_a_rule_once_and_results_name_it() {
        let complaint = |code: &str| {
            json!({"code": code, "severity": "error", "file": "a.yaml", "line": 1, "column": 1,
                   "end_line": 1, "end_column": 2, "message": "m", "help": "h"})
        };
        let log = log(&[complaint("RB0301"), complaint("RB0203"), complaint("RB0301")]);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }
}
