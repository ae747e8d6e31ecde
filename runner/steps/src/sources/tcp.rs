//! `tcp`: tries a port.
//!
//! This file decides what a port is. It must not send anything through it.

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Parameter, Planned, Question, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use super::limit;
use crate::arguments::{self, Judge, invalid, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct Tcp;

static PARAMETERS: [Parameter; 2] = [
    Parameter::new("host", Takes::Text, "the name or address").required(),
    Parameter::new("port", Takes::Count, "the port, from 1 to 65535").required(),
];

impl Kind for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "tries a port"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let result = Shape::structure("tcp", [("open", Shape::Boolean)]);
        let planned = super::planned(self.name(), &PARAMETERS, arguments, question, result);
        if let Some(port) = value_of(arguments, "port")
            && let Some(text) = port.as_text()
            && read(text).is_none()
        {
            let message = format!("`{text}` is no port");
            let help = "write a number from 1 to 65535";
            Judge::new(self.name(), question.diagnostics).complain(code::KIND_VALUE, port.span, message, help);
        }
        planned
    }
}

impl StepKind for Tcp {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let arguments = &invocation.arguments;
            let host = arguments::required_text(arguments, "host")?;
            // An expression may give a number, or its text.
            let port = match arguments.get("port") {
                Some(value) => value.as_i64().map(|number| number.to_string()).or(value.as_str().map(str::to_owned)),
                None => None,
            };
            let port = port.as_deref().and_then(read);
            let port = port.ok_or_else(|| invalid("`port` is no number from 1 to 65535".into()))?;
            outside.network().tcp(host, port, limit(invocation)).await?;
            let output = Value::Map(Map::from_iter([("open".to_owned(), Value::from(true))]));
            Ok(Progress::Done(Answer { output, ..Answer::default() }))
        })
    }
}

fn read(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}
