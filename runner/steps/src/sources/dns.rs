//! `dns`: looks a name up.
//!
//! This file decides what of the answer is told. It must not know who answers.

use runbook_model::argument::Argument;
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Parameter, Planned, Question, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use super::limit;
use crate::arguments;
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct Dns;

static PARAMETERS: [Parameter; 1] = [Parameter::new("name", Takes::Text, "the name").required()];

impl Kind for Dns {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "looks a name up"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let result = Shape::structure("dns", [("addresses", Shape::List(Box::new(Shape::Text)))]);
        super::planned(self.name(), &PARAMETERS, arguments, question, result)
    }
}

impl StepKind for Dns {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let name = arguments::required_text(&invocation.arguments, "name")?;
            let addresses = outside.network().dns(name, limit(invocation)).await?;
            let addresses = addresses.into_iter().map(|address| Value::from(address.to_string())).collect();
            let output = Value::Map(Map::from_iter([("addresses".to_owned(), Value::List(addresses))]));
            Ok(Progress::Done(Answer { output, ..Answer::default() }))
        })
    }
}
