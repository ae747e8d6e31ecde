//! The minijinja that expressions and templates run in: what is there, what is not, and how much work is allowed.
//!
//! This file decides the functions and bounds. Nothing in here tells a clock, a file, the environment or randomness,
//! and nothing prints the whole scope. It must not know where an expression stands.

use std::sync::Arc;

use minijinja::value::{Object, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value as Engine};

use crate::filters;
use crate::guard::{HOLD, READ};
use crate::scope::{ROOT, Root};
use crate::trouble::Trouble;
use crate::view;

/// The work of one evaluation: about so many instructions, or 64 times as many bytes made.
const FUEL: u64 = 1_000_000;
/// minijinja's own measure of nesting; keeps macros and includes within a thread's stack.
const RECURSION: usize = 200;
/// How many templates may be rendered inside each other by `template(…)`.
const MOST_TEMPLATES_DEEP: usize = 8;

/// A read that found nothing; travels inside minijinja's error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("undefined")]
pub(crate) struct Undefined {
    /// The bytes of the read in the source before it was rewritten.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Not the value itself but an item of it is undefined.
    pub(crate) inside: bool,
}

/// An environment without templates.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_auto_escape_callback(escaping);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.remove_global("debug");
    environment.add_function(READ, read);
    environment.add_function(HOLD, hold);
    environment.add_function("template", template);
    filters::add(&mut environment);
    environment
}

/// In YAML and JSON a printed value is the JSON of it, elsewhere its text.
fn escaping(name: &str) -> AutoEscape {
    let name = [".j2", ".jinja", ".jinja2"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    match name.rsplit_once('.') {
        Some((_, "yaml" | "yml" | "json")) => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

fn read(value: Engine, start: usize, end: usize, deep: u8) -> Result<Engine, Error> {
    let inside = deep == 1 && value.try_iter().is_ok_and(|mut items| items.any(|item| item.is_undefined()));
    if value.is_undefined() || inside {
        return Err(Error::new(ErrorKind::UndefinedError, "undefined").with_source(Undefined { start, end, inside }));
    }
    Ok(value)
}

/// So many parts of an assigned value are looked at for one instruction's worth of work.
const PARTS_A_STEP: usize = 64;

fn hold(state: &State<'_, '_>, value: Engine) -> Result<Engine, Error> {
    let parts = view::weigh(&value).map_err(|why| Error::new(ErrorKind::InvalidOperation, why.to_string()))?;
    state.consume_fuel((parts / PARTS_A_STEP) as u64)?;
    Ok(value)
}

/// The values a template was given, as the root of its evaluation.
struct Given {
    values: Engine,
    root: Arc<Root>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the values of a template")
    }
}

impl Object for Given {
    fn get_value(self: &Arc<Self>, key: &Engine) -> Option<Engine> {
        let name = key.as_str()?;
        if name == ROOT {
            return Some(Engine::from_dyn_object(self.root.clone()));
        }
        self.values.get_attr(name).ok().filter(|value| !value.is_undefined())
    }
}

fn template(state: &State<'_, '_>, name: &str, values: Option<Engine>) -> Result<String, Error> {
    let refused = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let Some(root) = filters::root(state) else {
        return Err(refused("`template` cannot be called in a macro that was imported".into()));
    };
    if root.depth >= MOST_TEMPLATES_DEEP {
        return Err(refused(format!("templates are rendered more than {MOST_TEMPLATES_DEEP} deep")));
    }
    let values = values.unwrap_or_else(|| Engine::from(()));
    if !values.is_none() && values.kind() != ValueKind::Map {
        return Err(refused(format!("the values of a template are a map, not {}", values.kind())));
    }
    let inner = Given { values, root: Arc::new(root.deeper()) };
    let rendered = state.get_template(name)?.render_captured(Engine::from_object(inner))?;
    // What the template cost is paid by who called it, so that calls cannot multiply the work that is allowed.
    let spent = rendered.state().fuel_levels().map_or(0, |(consumed, _)| consumed);
    state.consume_fuel(spent)?;
    Ok(rendered.into_output())
}

/// The names an author may use, for the checker and its suggestions.
pub mod names {
    /// Filters.
    pub const FILTERS: &[&str] = &[
        "abs",
        "attr",
        "b64decode",
        "b64encode",
        "batch",
        "bool",
        "capitalize",
        "chain",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "first",
        "float",
        "format",
        "from_json",
        "from_tags",
        "from_yaml",
        "groupby",
        "indent",
        "int",
        "items",
        "jmespath",
        "join",
        "last",
        "length",
        "lines",
        "list",
        "lower",
        "map",
        "max",
        "merge",
        "min",
        "pprint",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "safe",
        "select",
        "selectattr",
        "sha256",
        "slice",
        "sort",
        "split",
        "string",
        "sum",
        "title",
        "to_json",
        "to_tags",
        "to_yaml",
        "tojson",
        "trim",
        "unique",
        "upper",
        "urlencode",
        "zip",
    ];
    /// Tests.
    pub const TESTS: &[&str] = &[
        "boolean",
        "defined",
        "divisibleby",
        "endingwith",
        "eq",
        "equalto",
        "escaped",
        "even",
        "false",
        "filter",
        "float",
        "ge",
        "greaterthan",
        "gt",
        "in",
        "int",
        "integer",
        "iterable",
        "le",
        "lessthan",
        "lower",
        "lt",
        "mapping",
        "ne",
        "none",
        "number",
        "odd",
        "safe",
        "sameas",
        "sequence",
        "startingwith",
        "string",
        "test",
        "true",
        "undefined",
        "upper",
    ];
    /// Functions of expressions.
    pub const FUNCTIONS: &[&str] = &["dict", "range", "template"];
    /// Functions that only make sense in templates.
    pub const TEMPLATE_FUNCTIONS: &[&str] = &["caller", "loop", "namespace", "super"];
    /// Methods of text, lists and maps.
    pub const METHODS: &[&str] = &[
        "capitalize",
        "count",
        "endswith",
        "find",
        "format",
        "get",
        "isalnum",
        "isalpha",
        "isascii",
        "isdigit",
        "islower",
        "isnumeric",
        "isspace",
        "isupper",
        "items",
        "join",
        "keys",
        "lower",
        "lstrip",
        "replace",
        "rfind",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "title",
        "upper",
        "values",
    ];
}

/// minijinja's words for an error that is none of ours.
pub(crate) fn words(error: &Error) -> Trouble {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.kind() {
        ErrorKind::OutOfFuel => Trouble::new("this does more work than is allowed")
            .help("let fewer items go through it, or split it into steps"),
        _ => Trouble::new(detail),
    }
}
