//! The declared inputs.
//!
//! This file decides which restrictions go with which type, and that defaults and examples fit. It must not know what an
//! input is used for.

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Entry};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::input::{BaseType, InputDeclaration, InputType, Misfit};
use runbook_model::record::Recorded;
use runbook_model::source::Span;

use super::keys::{Keys, Sink, literal_wanted, not_one_of, wrong_value};
use super::runbook::identifier;

const KEYS: [&str; 15] = [
    "type",
    "default",
    "optional",
    "enum",
    "pattern",
    "min",
    "max",
    "min-length",
    "max-length",
    "secret",
    "description",
    "example",
    "items",
    "properties",
    "values",
];

/// The declarations under `inputs:`.
pub(super) fn read(entries: &[Entry], sink: &mut Sink) -> IndexMap<String, (Span, InputDeclaration)> {
    let mut inputs = IndexMap::new();
    for entry in entries {
        identifier(&entry.key, entry.key_span, "an input", sink);
        // One that cannot be read takes anything, so that nothing follows from it.
        let declaration = declaration(&entry.value, sink).unwrap_or_else(InputDeclaration::any);
        inputs.insert(entry.key.clone(), (entry.key_span, declaration));
    }
    inputs
}

fn declaration(argument: &Argument, sink: &mut Sink) -> Option<InputDeclaration> {
    if let Some(text) = argument.as_text() {
        let named = BaseType::named(text).map_or("string", BaseType::as_str);
        let help = format!("write a map, such as `{{type: {named}}}`");
        sink.push(Diagnostic::error(code::TYPE_WRONG, argument.span, "an input is text, not a map").help(help));
        return None;
    }
    let keys = Keys::of(argument, "an input", &KEYS, sink)?;
    let names: Vec<&str> = BaseType::ALL.iter().map(|base| base.as_str()).collect();
    let base = keys.require("type", "write the type, such as `type: string`", sink);
    let base = base.and_then(|_| keys.text("type", sink)).and_then(|name| {
        let base = BaseType::named(&name.value);
        if base.is_none() {
            sink.push(not_one_of(&name, "type", &names));
        }
        base
    });
    let known = base.is_some();
    let base = base.unwrap_or_default();
    if known {
        fitting_keys(keys, base, sink);
    }
    let boxed = |key: &str, sink: &mut Sink| keys.get(key).and_then(|of| declaration(of, sink)).map(Box::new);
    let mut kind = InputType {
        base,
        choices: Vec::new(),
        pattern: pattern(keys, sink),
        min: bound(keys, "min", base, sink),
        max: bound(keys, "max", base, sink),
        min_length: length(keys, "min-length", sink),
        max_length: length(keys, "max-length", sink),
        items: boxed("items", sink),
        properties: keys.map("properties", sink).map(|entries| {
            entries
                .iter()
                .map(|entry| {
                    let declaration = declaration(&entry.value, sink).unwrap_or_else(InputDeclaration::any);
                    (entry.key.clone(), declaration)
                })
                .collect()
        }),
        values: boxed("values", sink),
    };
    ordered(keys, "min", kind.min, "max", kind.max, sink);
    #[expect(clippy::cast_precision_loss, reason = "only compared, and lengths are small")]
    let lengths = (kind.min_length.map(|n| n as f64), kind.max_length.map(|n| n as f64));
    ordered(keys, "min-length", lengths.0, "max-length", lengths.1, sink);
    kind.choices = choices(keys, &kind, sink);

    let secret = keys.flag("secret", sink).unwrap_or(false);
    let mut declaration = InputDeclaration {
        kind,
        default: None,
        optional: keys.flag("optional", sink).unwrap_or(false),
        secret,
        description: keys.text("description", sink).map(|text| text.value),
        example: None,
    };
    let default = fitted(keys, "default", code::DEFAULT_UNFIT, &declaration, sink);
    let example = fitted(keys, "example", code::EXAMPLE_UNFIT, &declaration, sink);
    if let (true, Some(default)) = (secret, keys.get("default")) {
        let message = "the default of a secret input stands in the file for everybody to read";
        let diagnostic = Diagnostic::warning(code::SECRET_DEFAULT, default.span, message)
            .help("leave the default out and give the value when the runbook is run");
        sink.push(diagnostic);
    }
    (declaration.default, declaration.example) = (default, example);
    Some(declaration)
}

/// Complains about restrictions that the type does not have.
fn fitting_keys(keys: Keys<'_>, base: BaseType, sink: &mut Sink) {
    use BaseType::{Any, Boolean, Duration, Integer, List, Map, Number, Path, String};
    for entry in keys.entries() {
        let types: &[BaseType] = match entry.key.as_str() {
            "pattern" => &[String, Path],
            "min" | "max" => &[Integer, Number, Duration],
            "min-length" | "max-length" => &[String, Path, List, Map],
            "items" => &[List],
            "properties" | "values" => &[Map],
            "enum" => &[String, Integer, Number, Boolean, Duration, Path, Any],
            _ => continue,
        };
        if !types.contains(&base) {
            let wanted: Vec<_> = types.iter().map(|base| format!("`{}`", base.as_str())).collect();
            let message = format!("an input of type `{}` has no `{}`", base.as_str(), entry.key);
            let help = format!("`{}` goes with {}", entry.key, wanted.join(", "));
            sink.push(Diagnostic::error(code::TYPE_KEYS, entry.key_span, message).help(help));
        }
    }
}

fn pattern(keys: Keys<'_>, sink: &mut Sink) -> Option<String> {
    let pattern = keys.text("pattern", sink)?;
    if let Err(error) = regex_lite::Regex::new(&pattern.value) {
        let message = format!("the pattern is no regular expression: {error}");
        let help = "write one like `^[a-z][a-z0-9-]*$`, in single quotes so that `\\` stays one";
        sink.push(Diagnostic::error(code::PATTERN_WRONG, pattern.span, message).help(help));
        return None;
    }
    Some(pattern.value)
}

fn bound(keys: Keys<'_>, key: &str, base: BaseType, sink: &mut Sink) -> Option<f64> {
    // Where the type has no bounds, that is the complaint.
    let wanted = match base {
        BaseType::Integer | BaseType::Number => "a number",
        BaseType::Duration => "a duration such as `90s`, `30m` or `1h30m`",
        _ => return None,
    };
    let argument = keys.get(key)?;
    let bound = argument.literal().and_then(|value| InputType { base, ..InputType::default() }.measure(&value));
    if bound.is_none() {
        wrong_value(argument, key, wanted, sink);
    }
    bound
}

fn length(keys: Keys<'_>, key: &str, sink: &mut Sink) -> Option<u64> {
    let argument = keys.get(key)?;
    let number = argument.literal().and_then(|value| value.as_i64()).and_then(|n| u64::try_from(n).ok());
    if number.is_none() {
        wrong_value(argument, key, "a whole number", sink);
    }
    number
}

fn ordered(keys: Keys<'_>, low: &str, min: Option<f64>, high: &str, max: Option<f64>, sink: &mut Sink) {
    if let (Some(min), Some(max), Some(argument)) = (min, max, keys.get(low))
        && min > max
    {
        let message = format!("`{low}` is above `{high}`, so no value fits");
        sink.push(
            Diagnostic::error(code::VALUE_WRONG, argument.span, message).help(format!("exchange `{low}` and `{high}`")),
        );
    }
}

fn choices(keys: Keys<'_>, kind: &InputType, sink: &mut Sink) -> Vec<Recorded> {
    let Some(items) = keys.list("enum", sink) else { return Vec::new() };
    let declaration = InputDeclaration { kind: kind.clone(), ..InputDeclaration::any() };
    let mut choices = Vec::new();
    for item in items {
        match literal(item, "enum", &declaration, sink) {
            Some(Ok(value)) => choices.push(Recorded(value)),
            Some(Err(misfits)) => {
                let message = format!("this choice {}", clause(&misfits[0]));
                sink.push(
                    Diagnostic::error(code::VALUE_WRONG, item.span, message).help("write values of the input's type"),
                );
            }
            None => {}
        }
    }
    choices
}

/// A literal as the declared type reads it.
fn literal(
    argument: &Argument,
    key: &str,
    declaration: &InputDeclaration,
    sink: &mut Sink,
) -> Option<Result<runbook_model::value::Value, Vec<Misfit>>> {
    let mut adopted = argument.clone();
    declaration.adopt(&mut adopted);
    match adopted.literal() {
        Some(value) => Some(declaration.fit(Some(&value)).map(|_| value)),
        None => {
            sink.push(literal_wanted(argument, key));
            None
        }
    }
}

fn fitted(
    keys: Keys<'_>,
    key: &'static str,
    code: &'static str,
    declaration: &InputDeclaration,
    sink: &mut Sink,
) -> Option<Recorded> {
    let argument = keys.get(key)?;
    match literal(argument, key, declaration, sink)? {
        Ok(value) => Some(Recorded(value)),
        Err(misfits) => {
            for misfit in misfits {
                let message = format!("the {key} does not fit: {}", clause(&misfit));
                let help = format!("write a value that the input itself would take as its {key}");
                sink.push(Diagnostic::error(code, place_of(argument, &misfit.at), message).help(help));
            }
            None
        }
    }
}

/// A misfit as one clause; the part is named where it is not the whole.
pub(crate) fn clause(misfit: &Misfit) -> String {
    let part = misfit.path("");
    match part.strip_prefix('.').unwrap_or(&part) {
        "" => misfit.message.clone(),
        part if misfit.message.starts_with('`') => format!("in `{part}`, {}", misfit.message),
        part => format!("`{part}` {}", misfit.message),
    }
}

/// The place of a part of a written value, as far as it is written.
pub(crate) fn place_of(argument: &Argument, at: &[String]) -> Span {
    let mut found = argument;
    for part in at {
        let inner = match (found.as_map(), found.as_list()) {
            (Some(_), _) => found.get(part),
            (_, Some(items)) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        match inner {
            Some(inner) => found = inner,
            None => break,
        }
    }
    found.span
}
