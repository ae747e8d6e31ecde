//! Complaints as workflow commands of GitHub Actions, which shows them beside the lines they are about.
//!
//! This file decides the form of a command and what has to be escaped in it. It must not know what is complained of.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// One command a line, from complaints as `lint -o json` gives them.
pub(crate) fn commands(complaints: &[Json]) -> String {
    complaints.iter().fold(String::new(), |mut out, complaint| {
        let text = |key: &str| complaint[key].as_str().unwrap_or_default();
        let number = |key: &str| complaint[key].as_u64().unwrap_or(1);
        let level = if text("severity") == "warning" { "warning" } else { "error" };
        let help = complaint["help"].as_str().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        // GitHub shows columns only where begin and end stand on one line.
        let (line, end_line) = (number("line"), number("end_line"));
        let columns = if line == end_line {
            format!(",col={},endColumn={}", number("column"), number("end_column"))
        } else {
            String::new()
        };
        let _infallible = writeln!(
            out,
            "::{level} file={},line={line},endLine={end_line}{columns},title={}::{}",
            property(text("file")),
            property(text("code")),
            data(&format!("{}{help}", text("message")))
        );
        out
    })
}

/// Text behind the second `::`. Nothing in it may end the line, for the next one would be a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text between the commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_in_a_complaint_can_become_a_command() {
        let complaint = json!({"code": "RB0203", "severity": "error", "file": "a,b:c.yaml", "line": 3, "column": 5,
            "end_line": 3, "end_column": 9, "message": "100%\n::set-env name=X::y\r", "help": "write: it"});
        assert_eq!(
            commands(&[complaint]),
            "::error file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=5,endColumn=9,title=RB0203::100%25%0A::set-env name=X::y%0D%0Ahelp: write: it\n"
        );
    }

    #[test]
    fn a_warning_over_lines_has_no_columns() {
        let complaint = json!({"code": "RB0801", "severity": "warning", "file": "a.yaml", "line": 3, "column": 5,
            "end_line": 4, "end_column": 9, "message": "m", "help": null});
        assert_eq!(commands(&[complaint]), "::warning file=a.yaml,line=3,endLine=4,title=RB0801::m\n");
    }
}
