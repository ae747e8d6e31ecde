//! `archive`: looks whether an archive is there and holds what is meant, before anything rests on it.
//!
//! This file decides the arguments of the kind and what it answers. It must not know how archives are opened, nor what their
//! files are for.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::digest::Digest;
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Origin, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::archives::verified;
use crate::arguments::{self, Judge, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct Archive;

const NAME: &str = "archive";
const KEYS: [&str; 2] = ["from", "digest"];

static PARAMETERS: [Parameter; 2] = [
    Parameter::new("from", Takes::Text, "a file's path, or a URL").required(),
    Parameter::new("digest", Takes::Text, "what it must hold: `sha256:` and 64 hexadecimal digits").required(),
];

impl Kind for Archive {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "looks whether an archive holds what is meant"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if judge.keys(arguments, &KEYS, &[]) {
            for parameter in &PARAMETERS {
                judge.require(arguments, parameter.name, &format!("write {}", parameter.about));
                judge.text(arguments, parameter.name);
            }
            judge_digest(&mut judge, arguments);
        }
        let result = Shape::structure(NAME, [("digest", Shape::Text), ("files", Shape::List(Box::new(Shape::Text)))]);
        Planned { result, ..Planned::unknown(Reaches::Nothing) }
    }
}

/// Judges the `digest` of an archive, if it is literal.
pub(crate) fn judge_digest(judge: &mut Judge<'_>, arguments: &Argument) {
    if let Some(digest) = value_of(arguments, "digest")
        && let Some(text) = digest.as_text()
        && let Err(error) = text.parse::<Digest>()
    {
        let help =
            "unpack the archive and take what `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` says";
        judge.complain(code::KIND_VALUE, digest.span, error.to_string(), help);
    }
}

impl StepKind for Archive {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let text = |key| arguments::required_text(&invocation.arguments, key);
            let wanted = text("digest")?;
            let files = verified(text("from")?, wanted, outside).await?;
            let files = files.into_iter().map(|file| Value::from(file.path)).collect();
            let output =
                Map::from_iter([("digest".to_owned(), Value::from(wanted)), ("files".to_owned(), Value::List(files))]);
            Ok(Progress::Done(Answer {
                output: Value::Map(output),
                origin: Some(Origin::Unchanged),
                ..Answer::default()
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::failure::FailureClass;
    use runbook_model::kind::Place;
    use serde_json::json;

    use super::*;
    use crate::archives::{PackedFile, content_digest};
    use crate::test_server::{TestServer, answer, invocation};
    use crate::written::planned;

    #[test]
    fn what_is_meant_is_listed_and_all_else_refused() {
        let server = TestServer::new();
        let files = vec![PackedFile { path: "crds/a.yaml".into(), bytes: b"a".to_vec() }];
        let digest = content_digest(&files).to_string();
        *server.packed.lock().unwrap() = files;
        let look = |digest: &str| {
            let arguments = json!({"from": "https://x/crds.tar.gz", "digest": digest});
            answer(&Archive, &invocation(arguments.into()), &server)
        };
        assert_eq!(look(&digest).unwrap().output.exposed(), json!({"digest": digest, "files": ["crds/a.yaml"]}));
        let refused = look(&Digest::of(b"").to_string()).unwrap_err();
        assert_eq!(refused.class, FailureClass::Invalid);
        assert!(refused.message.starts_with("the archive `https://x/crds.tar.gz` holds another content than wanted"));
        assert!(look("md5:1").unwrap_err().message.contains("the digest wanted of the archive"));
    }

    #[test]
    fn mistakes_are_told_at_planning() {
        let told = |arguments| planned(&Archive, Place::Step, arguments).2.join("\n");
        assert_eq!(told(json!({"from": "x", "digest": Digest::of(b"").to_string()})), "");
        assert!(told(json!({"from": "x"})).contains("`archive` needs `digest`"));
        assert!(told(json!({"from": "x", "digest": "md5:1"})).contains("is not a digest"));
    }
}
