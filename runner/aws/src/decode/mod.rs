//! Answers into data.
//!
//! This file decides what a success is and what its output looks like: every member the model knows is there, null when it
//! was left out, lists and maps empty; sensitive members are secret. What a protocol sends is read in the file of its form,
//! refusals in [`failure`]. It agrees with [`crate::result`]. It must not decide what a refusal means ([`crate::class`]).

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};

use crate::definition::Kind;
use crate::http::{Answer, Response};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Protocol;
use crate::support;

mod failure;
mod json;
mod rest;
mod text;
mod xml;

/// What an answer says.
pub(crate) fn answer(operation: &Operation, response: &Response<'_>) -> Result<Answer, Failure> {
    let protocol = support::refuse(operation)?;
    if response.status >= 300 || failure::hides_in_a_success(protocol, response) {
        return Err(failure::read(operation, protocol, response));
    }
    let output = match operation.output() {
        Some(output) => {
            body(operation, protocol, output, response).map_err(|why| unreadable(operation, response, &why))?
        }
        None => Value::Map(Map::new()),
    };
    Ok(Answer { output, request_id: request_id(protocol, response) })
}

fn body(
    operation: &Operation,
    protocol: Protocol,
    output: Member<'_>,
    response: &Response<'_>,
) -> Result<Value, String> {
    match protocol {
        Protocol::Json => json::document(output, response.body),
        Protocol::Query | Protocol::Ec2 => xml::result(operation, protocol, output, response.body),
        Protocol::RestJson => rest::output(output, response, rest::Body::Json),
        Protocol::RestXml => rest::output(output, response, rest::Body::Xml),
    }
}

/// The id of a success: in the headers, or in the body of the older protocols.
fn request_id(protocol: Protocol, response: &Response<'_>) -> Option<String> {
    failure::request_id(response).or_else(|| match protocol {
        Protocol::Query => xml::between(response.body, "<RequestId>", "</RequestId>"),
        Protocol::Ec2 => xml::between(response.body, "<requestId>", "</requestId>"),
        _ => None,
    })
}

/// The service has accepted the call, and nobody knows with what result.
fn unreadable(operation: &Operation, response: &Response<'_>, why: &str) -> Failure {
    let failure =
        Failure::new(FailureClass::Unknown, format!("the answer of `{}` cannot be read: {why}", operation.name()));
    let mut failure =
        failure.help("look whether something between here and AWS answers in its place, such as a proxy").doubtful();
    failure.request_id = failure::request_id(response);
    failure
}

/// A structure with all its members: `find` yields what was sent of one.
fn structure<E>(
    member: Member<'_>,
    mut find: impl FnMut(&str, Member<'_>) -> Result<Option<Value>, E>,
) -> Result<Value, E> {
    let mut map = Map::new();
    for (name, part) in member.members() {
        if part.is_event_stream() {
            continue;
        }
        let found = find(name, part)?.unwrap_or_else(|| absent(part));
        map.insert(name.to_owned(), if part.is_sensitive() { found.into_secret() } else { found });
    }
    Ok(Value::Map(map))
}

/// What stands for a member that was left out.
fn absent(member: Member<'_>) -> Value {
    match member.kind() {
        Kind::List => Value::List(Vec::new()),
        Kind::Map => Value::Map(Map::new()),
        _ => Value::Null,
    }
}

/// A value inside a list or a map, which may be sensitive as well.
fn marked(member: Member<'_>, value: Value) -> Value {
    if member.is_sensitive() { value.into_secret() } else { value }
}
