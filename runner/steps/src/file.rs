//! `file`: writes a file of this machine.
//!
//! This file decides the arguments and when nothing has to be done. It must not know how a file is replaced.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::arguments::{Judge, invalid, required_text, scalar, text, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::files::{Change, Edit, Judged, Original};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct File;

const NAME: &str = "file";
const KEYS: [&str; 3] = ["path", "content", "mode"];
static PARAMETERS: [Parameter; 3] = [
    Parameter::new("path", Takes::Text, "the file; folders above it are made").required(),
    Parameter::new("content", Takes::Text, "what is in it, as text; may be a secret").required(),
    Parameter::new("mode", Takes::Text, "its permissions as `chmod` takes them, such as `\"0644\"`"),
];

/// The permissions of a new file whose author says none: those of a file anybody makes, and of one that holds a secret.
const MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o600;

/// Permissions as octal digits.
fn mode(text: &str) -> Option<u32> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    digits.then(|| u32::from_str_radix(text, 8).ok()).flatten()
}

impl Kind for File {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "writes a file"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "path", "write where the file is, such as `~/.karmada/ca.crt`");
            judge.require(arguments, "content", "write what is in it; `content: \"\"` makes an empty file");
            for key in KEYS {
                let literal = judge.text(arguments, key);
                if let ("mode", Some(text), Some(value)) = (key, literal, value_of(arguments, key))
                    && mode(&text).is_none()
                {
                    let span = value.span;
                    let message = format!("`mode` cannot be `{text}`");
                    judge.complain(code::KIND_VALUE, span, message, "write three or four octal digits, such as `0644`");
                }
            }
        }
        let result = Shape::structure(NAME, [("path", Shape::Text)]);
        Planned { effect: Effect::Converges, result, ..Planned::unknown(Reaches::Nothing) }
    }
}

impl StepKind for File {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { write(invocation, outside).await.map(Progress::Done) })
    }
}

async fn write(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let arguments = &invocation.arguments;
    let path = required_text(arguments, "path")?.to_owned();
    let Some(content) = arguments.get("content").filter(|content| !content.is_null()) else {
        return Err(invalid("`content` has no value".into()).help("give `content` a value that is not null"));
    };
    let (content, secret) = (scalar("content", content)?.into_bytes(), content.holds_secret());
    let wanted = match text(arguments, "mode")? {
        None => None,
        Some(text) => Some(mode(text).ok_or_else(|| {
            invalid(format!("`mode` cannot be `{text}`")).help("write three or four octal digits, such as `0644`")
        })?),
    };
    let judge = move |originals: &[Original]| {
        let original = &originals[0];
        // An existing file keeps its permissions unless the author says some; a secret is never left open to others.
        let mode = wanted.or(match original.mode {
            Some(mode) if secret => Some(mode & SECRET_MODE),
            Some(_) => None,
            None => Some(if secret { SECRET_MODE } else { MODE }),
        });
        let same = original.content.as_ref() == Some(&content) && mode.is_none_or(|mode| original.mode == Some(mode));
        let changes = if same { Vec::new() } else { vec![Change { file: 0, content: content.clone(), mode }] };
        let was = original.mode.map_or(Value::Null, |mode| Value::from(format!("{mode:04o}")));
        let path = Value::from(original.path.as_str());
        Ok(Judged { changes, found: Value::Map(Map::from_iter([("mode".into(), was), ("path".into(), path)])) })
    };
    let edit = Edit { run: invocation.run.clone(), paths: vec![path], locks: false, judge: Box::new(judge) };
    let edited = outside.files().edit(edit).await?;
    let found = |key: &str| edited.found.get(key).cloned().unwrap_or_default();
    let existed = !found("mode").is_null();
    let backup = edited.backups.first().map_or(Value::Null, |path| Value::from(path.as_str()));
    let map = |entries: [(&str, Value); 3]| {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
    };
    Ok(Answer {
        output: Value::Map(Map::from_iter([("path".to_owned(), found("path"))])),
        origin: Some(match (edited.changed, existed) {
            (false, _) => Origin::Unchanged,
            (true, true) => Origin::Changed,
            (true, false) => Origin::Created,
        }),
        // Taking it back writes the backup over it, or removes it.
        before: edited.changed.then(|| map([("existed", existed.into()), ("mode", found("mode")), ("backup", backup)])),
        ..Answer::default()
    })
}

#[cfg(test)]
mod tests {
    use runbook_model::kind::Place;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::test_machine::TestMachine;
    use crate::test_server::{answer, invocation};
    use crate::written::planned;

    fn write(machine: &TestMachine, arguments: Json, secret: bool) -> Answer {
        let mut arguments: Value = arguments.into();
        if let (true, Value::Map(map)) = (secret, &mut arguments) {
            let content = map["content"].clone().into_secret();
            map.insert("content".into(), content);
        }
        answer(&File, &invocation(arguments), machine).unwrap()
    }

    #[test]
    fn a_file_is_made_changed_and_left_as_it_is() {
        let machine = TestMachine::default();
        let made = write(&machine, json!({"path": "/a", "content": "x"}), false);
        assert_eq!((made.origin, machine.file("/a")), (Some(Origin::Created), ("x".into(), 0o644)));
        assert_eq!(made.output.exposed(), json!({"path": "/a"}));
        assert_eq!(made.before.unwrap().exposed(), json!({"existed": false, "mode": null, "backup": null}));
        let same = write(&machine, json!({"path": "/a", "content": "x"}), false);
        assert_eq!((same.origin, same.before), (Some(Origin::Unchanged), None));
        let mode = write(&machine, json!({"path": "/a", "content": "x", "mode": "0600"}), false);
        assert_eq!((mode.origin, machine.file("/a")), (Some(Origin::Changed), ("x".into(), 0o600)));
        assert_eq!(mode.before.unwrap().exposed()["mode"], "0644");
        let changed = write(&machine, json!({"path": "/a", "content": ""}), false);
        assert_eq!((changed.origin, machine.file("/a")), (Some(Origin::Changed), (String::new(), 0o600)));
        assert!(changed.before.unwrap().exposed()["backup"].as_str().unwrap().ends_with(".bak"));
        write(&machine, json!({"path": "/a", "content": 30}), false);
        assert_eq!(machine.file("/a").0, "30", "a number is written as its digits");
    }

    #[test]
    fn a_secret_is_for_its_owner_only_and_is_told_nowhere() {
        let machine = TestMachine::with("/a", "old", 0o644);
        let answers = [
            write(&machine, json!({"path": "/a", "content": "hunter2"}), true),
            write(&machine, json!({"path": "/b", "content": "hunter2"}), true),
        ];
        assert_eq!((machine.file("/a").1, machine.file("/b").1), (0o600, 0o600));
        assert!(!format!("{answers:?}").contains("hunter2"));
        assert_eq!(write(&machine, json!({"path": "/a", "content": "hunter2"}), true).origin, Some(Origin::Unchanged));
    }

    #[test]
    fn a_mode_is_octal() {
        let told = |mode: Json| planned(&File, Place::Step, json!({"path": "a", "content": "b", "mode": mode})).2;
        assert!(told(json!("0644")).is_empty() && told(json!("755")).is_empty());
        for wrong in ["rw", "0888", "7", "07777"] {
            assert_eq!(told(json!(wrong)).len(), 1, "{wrong}");
        }
    }
}
