//! `http`: gets a page of a web server.
//!
//! This file decides what of the page is told. It must not judge its status: whoever waits does.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Parameter, Planned, Question, Takes};
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use super::limit;
use crate::arguments::{self, Judge, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::network::HttpQuestion;
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct Http;

static PARAMETERS: [Parameter; 2] = [
    Parameter::new("url", Takes::Text, "the whole URL, with `https://` or `http://`").required(),
    Parameter::new("ca", Takes::Text, "the certificates to trust, as PEM; otherwise those of the machine"),
];

impl Kind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "asks a web server"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let result = Shape::structure("http", [("status", Shape::Number), ("body", Shape::Any)]);
        let planned = super::planned(self.name(), &PARAMETERS, arguments, question, result);
        if let Some(url) = value_of(arguments, "url")
            && let Some(text) = url.as_text()
            && !["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
        {
            let help = "begin it with `https://` or `http://`";
            let message = format!("`{text}` is no URL of a web server");
            Judge::new(self.name(), question.diagnostics).complain(code::KIND_VALUE, url.span, message, help);
        }
        planned
    }
}

impl StepKind for Http {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let arguments = &invocation.arguments;
            let secrets = KnownSecrets::of(arguments);
            let question = HttpQuestion {
                url: arguments::required_text(arguments, "url")?.to_owned(),
                ca: arguments::text(arguments, "ca")?.map(str::to_owned),
                limit: limit(invocation),
            };
            let answer = outside.network().http(&question).await.map_err(|failure| secrets.redact_failure(failure))?;
            let output = Value::Map(Map::from_iter([
                ("status".to_owned(), Value::from(i64::from(answer.status))),
                ("body".to_owned(), secrets.mark(body(&answer.body))),
            ]));
            Ok(Progress::Done(Answer { output, ..Answer::default() }))
        })
    }
}

/// A JSON object or list is data; all else is text, a lone number too.
fn body(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(data) if data.is_object() || data.is_array() => data.into(),
        _ => Value::from(text.as_ref()),
    }
}
