//! Answers of the REST protocols: status, headers, body.
//!
//! This file decides where in an answer a member is looked for. Bodies are read in [`super::json`] and [`super::xml`].

use runbook_model::value::{Map, Value};

use super::{json, structure, text, xml};
use crate::definition::{Kind, Location};
use crate::http::Response;
use crate::member::Member;
use crate::timestamp::Format;

/// What bodies are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Json,
    Xml,
}

/// The output of an answer.
///
/// # Errors
/// The body is not what the protocol says.
pub(super) fn output(member: Member<'_>, response: &Response<'_>, form: Body) -> Result<Value, String> {
    let document = |member: Member<'_>| match form {
        Body::Json => json::document(member, response.body),
        Body::Xml => xml::body(member, response.body),
    };
    let payload = member.payload();
    let whole = if payload.is_none() { document(member)? } else { Value::Null };
    structure(member, |name, part| {
        Ok(match part.location() {
            Some(Location::StatusCode) => Some(i64::from(response.status).into()),
            Some(Location::Headers) => Some(prefixed(part, response)),
            Some(Location::Header) => {
                response.header(part.wire_name().unwrap_or(name)).map(|found| header(part, found))
            }
            _ => match payload {
                Some((payload, _)) if payload == name => raw_or(part, response.body, document)?,
                Some(_) => None,
                // Sensitive members are marked again around this; a secret stays one.
                None => whole.get(name).cloned(),
            },
        })
    })
}

/// A body that is one member: bytes and text as they are, an empty one absent.
fn raw_or(
    member: Member<'_>,
    body: &[u8],
    document: impl Fn(Member<'_>) -> Result<Value, String>,
) -> Result<Option<Value>, String> {
    Ok(match member.kind() {
        Kind::Blob => Some(text::base64(body)),
        kind if kind.is_text() => Some(text::words(member, &String::from_utf8_lossy(body))),
        Kind::Structure if body.is_empty() && (member.is_document() || member.shape.union) => None,
        _ => Some(document(member)?),
    })
}

/// All headers whose names begin so, without that beginning.
fn prefixed(member: Member<'_>, response: &Response<'_>) -> Value {
    let prefix = member.wire_name().unwrap_or_default().to_ascii_lowercase();
    let begins = |name: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(&prefix));
    let found = response.headers.iter().filter(|(name, _)| begins(name));
    Value::Map(found.map(|(name, value)| (name[prefix.len()..].to_owned(), value.as_str().into())).collect::<Map>())
}

fn header(member: Member<'_>, found: &str) -> Value {
    if member.is_json_value() {
        return text::json_header(found);
    }
    if member.kind() != Kind::List {
        return text::scalar(member, found);
    }
    let item = member.item();
    let are_dates =
        item.kind() == Kind::Timestamp && Format::named(item.timestamp_format(), Format::Rfc822) == Format::Rfc822;
    let parts = if are_dates { dates(found) } else { listed(found) };
    Value::List(parts.iter().map(|part| text::scalar(item, part)).collect())
}

/// `Mon, 16 Dec 2019 23:48:18 GMT, Tue, …`: every second comma ends one.
fn dates(header: &str) -> Vec<String> {
    let halves: Vec<&str> = header.split(',').collect();
    halves.chunks(2).map(|date| date.join(",").trim().to_owned()).collect()
}

/// `a, "b,c", d`: commas in quotes do not count, a backslash in quotes takes the next character as it is.
fn listed(header: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = header.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted || part.trim().is_empty() => quoted = !quoted,
            '\\' if quoted => part.extend(letters.next()),
            ',' if !quoted => parts.push(std::mem::take(&mut part).trim().to_owned()),
            other => part.push(other),
        }
    }
    parts.push(part.trim().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_headers_keep_quoted_commas() {
        assert_eq!(listed(r#"a, "b,c", "say \"x\"", d"#), ["a", "b,c", "say \"x\"", "d"]);
        assert_eq!(dates("Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 23:48:18 GMT").len(), 2);
    }
}
