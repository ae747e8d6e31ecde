//! When two bodies, two outputs are the same; and how the suites write what we write otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

/// What a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Form,
    Json,
    Xml,
    Bytes,
}

/// Whether two bodies say the same: forms and JSON whatever their order, XML whatever its prefixes.
///
/// # Errors
/// Both bodies.
pub(crate) fn same_body(form: Body, got: &[u8], wanted: &[u8]) -> Result<(), String> {
    let (got_text, wanted_text) = (String::from_utf8_lossy(got), String::from_utf8_lossy(wanted));
    let json = |text: &str| serde_json::from_str::<Json>(text).ok();
    let xml = |text: &str| roxmltree::Document::parse(text).ok().map(|document| canonical(document.root_element()));
    let same = got == wanted
        || match form {
            Body::Form => fields(&got_text) == fields(&wanted_text),
            Body::Json => matches!((json(&got_text), json(&wanted_text)), (Some(a), Some(b)) if same_json(&a, &b)),
            Body::Xml => matches!((xml(&got_text), xml(&wanted_text)), (Some(a), Some(b)) if a == b),
            Body::Bytes => false,
        };
    let short = |text: &str| text.chars().take(600).collect::<String>();
    if same { Ok(()) } else { Err(format!("body {}\n    wanted {}", short(&got_text), short(&wanted_text))) }
}

/// The fields of a form in order, a space as `%20`.
fn fields(text: &str) -> Vec<String> {
    let mut fields: Vec<String> = text.split('&').map(|field| field.replace('+', "%20")).collect();
    fields.sort();
    fields
}

/// An element as data: names with namespaces, attributes sorted, children sorted where their order says nothing.
fn canonical(node: roxmltree::Node<'_, '_>) -> Json {
    let mut attributes: Vec<String> = node
        .attributes()
        .map(|a| format!("{}|{}={}", a.namespace().unwrap_or_default(), a.name(), a.value()))
        .collect();
    attributes.sort();
    let mut children: Vec<Json> = node.children().filter(roxmltree::Node::is_element).map(canonical).collect();
    // Stable: children of one name keep their order, which is that of a list.
    children.sort_by_key(|child| child[1].to_string());
    let text: String = node.children().filter(roxmltree::Node::is_text).filter_map(|text| text.text()).collect();
    let name = node.tag_name();
    json!([
        name.namespace().unwrap_or_default(),
        name.name(),
        attributes,
        children,
        if children.is_empty() { text } else { String::new() }
    ])
}

/// Equal JSON; numbers by value.
pub(crate) fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The shape behind a reference, with the reference's own traits over it.
fn shape(shapes: &Json, reference: &Json) -> Map<String, Json> {
    let mut shape = shapes[reference["shape"].as_str().unwrap_or_default()].as_object().cloned().unwrap_or_default();
    shape.extend(reference.as_object().cloned().unwrap_or_default());
    shape
}

/// Parameters of a suite as we take them: blobs, which suites write as text, in base64.
pub(crate) fn wire_params(shapes: &Json, reference: &Json, value: &Json) -> Json {
    let shape = shape(shapes, reference);
    let part = |key: &str| shape.get(key).cloned().unwrap_or_default();
    match (shape.get("type").and_then(Json::as_str), value) {
        (Some("structure"), Json::Object(map)) if !part("document").as_bool().unwrap_or(false) => map
            .iter()
            .map(|(name, value)| (name.clone(), wire_params(shapes, &part("members")[name], value)))
            .collect::<Map<_, _>>()
            .into(),
        (Some("list"), Json::Array(items)) => {
            items.iter().map(|item| wire_params(shapes, &part("member"), item)).collect()
        }
        (Some("map"), Json::Object(map)) => map
            .iter()
            .map(|(key, value)| (key.clone(), wire_params(shapes, &part("value"), value)))
            .collect::<Map<_, _>>()
            .into(),
        (Some("blob"), Json::String(text)) => STANDARD.encode(text).into(),
        _ => value.clone(),
    }
}

/// A result of a suite as we answer it: every member there, blobs in base64, times as RFC 3339.
pub(crate) fn filled(shapes: &Json, reference: &Json, value: &Json) -> Json {
    let shape = shape(shapes, reference);
    let part = |key: &str| shape.get(key).cloned().unwrap_or_default();
    match (shape.get("type").and_then(Json::as_str), value) {
        (Some("structure"), value) if part("document").as_bool().unwrap_or(false) => value.clone(),
        (Some("structure"), Json::Object(map)) => part("members")
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, member)| {
                let value = map.get(name).filter(|value| !value.is_null()).map(|value| filled(shapes, member, value));
                (name.clone(), value.unwrap_or_else(|| absent(shapes, member)))
            })
            .collect::<Map<_, _>>()
            .into(),
        (Some("list"), Json::Array(items)) => items.iter().map(|item| filled(shapes, &part("member"), item)).collect(),
        (Some("map"), Json::Object(map)) => map
            .iter()
            .map(|(key, value)| (key.clone(), filled(shapes, &part("value"), value)))
            .collect::<Map<_, _>>()
            .into(),
        (Some("blob"), Json::String(text)) => STANDARD.encode(text).into(),
        (Some("timestamp"), Json::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "times of the suites are of our time")]
            let millis = (number.as_f64().unwrap() * 1000.0).round() as i64;
            jiff::Timestamp::from_millisecond(millis).unwrap().to_string().into()
        }
        _ => value.clone(),
    }
}

fn absent(shapes: &Json, reference: &Json) -> Json {
    match shape(shapes, reference).get("type").and_then(Json::as_str) {
        Some("list") => json!([]),
        Some("map") => json!({}),
        _ => Json::Null,
    }
}
