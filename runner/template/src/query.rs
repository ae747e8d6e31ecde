//! JMESPath: what queries are allowed and what they yield.
//!
//! This file decides the bounds of a query and how its errors read. It must not know expressions or templates.

use jmespath::ast::Ast;
use runbook_model::value::Value;
use serde_json::Value as Json;

/// The longest query, in bytes.
const MOST_BYTES: usize = 4096;
/// The most brackets inside each other, and the most operators. Queries are read and carried out by recursion, which
/// these keep within any thread's stack.
const MOST_BRACKETS: usize = 50;
const MOST_OPERATORS: usize = 400;

/// A query that can be asked.
pub struct Query(jmespath::Expression<'static>);

/// Why a query cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidQuery {
    /// One clause.
    pub message: String,
    /// The byte of the query it is about.
    pub at: usize,
}

impl Query {
    /// Compiles a query.
    ///
    /// # Errors
    /// What is wrong with its syntax, or that it is too large.
    pub fn compile(text: &str) -> Result<Self, InvalidQuery> {
        if let Some(message) = oversized(text) {
            return Err(InvalidQuery { message, at: 0 });
        }
        let compiled = jmespath::compile(&with_quotes(text)).map_err(|error| {
            let message = match &error.reason {
                jmespath::ErrorReason::Parse(reason) => reason.clone(),
                jmespath::ErrorReason::Runtime(reason) => reason.to_string(),
            };
            InvalidQuery { message: readable(&message), at: error.offset.min(text.len()) }
        })?;
        if let Some(name) = unknown_function(compiled.as_ast()) {
            let at = text.find(&name).unwrap_or(0);
            return Err(InvalidQuery { message: format!("there is no function `{name}`"), at });
        }
        Ok(Self(compiled))
    }

    /// The first place where a `!` covers less than it seems to: `!a.b` means `(!a).b`.
    #[must_use]
    pub fn misleading_not(&self) -> bool {
        let mut found = false;
        walk(self.0.as_ast(), &mut |node| {
            if let Ast::Subexpr { lhs, .. } = node
                && matches!(lhs.as_ref(), Ast::Not { .. })
            {
                found = true;
            }
        });
        found
    }

    /// What the query yields on JSON.
    ///
    /// # Errors
    /// A function of the query was given something it does not take. The message may quote the data.
    pub(crate) fn search(&self, data: Json) -> Result<Value, String> {
        let data = jmespath::Variable::try_from(data).map_err(|error| error.reason.to_string())?;
        let found = self.0.search(data).map_err(|error| readable(&error.reason.to_string()))?;
        let json = serde_json::to_value(found.as_ref()).map_err(|error| error.to_string())?;
        Ok(json.into())
    }
}

/// The query with quotes around the texts that stand bare between backticks. JMESPath wants JSON there; the AWS CLI and its
/// manuals write `[?State.Name==\`running\`]`. What begins like JSON that has quotes or brackets is left to complain.
fn with_quotes(query: &str) -> String {
    let mut whole = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(start) = rest.find(['\'', '"', '`']) {
        let mark = rest.as_bytes()[start];
        let Some(length) = closing(&rest[start + 1..], mark) else { break };
        let (inner, end) = (&rest[start + 1..start + 1 + length], start + length + 2);
        let text = inner.replace("\\`", "`");
        let bare = mark == b'`' && !text.trim_start().starts_with(['"', '[', '{']);
        if bare && serde_json::from_str::<Json>(&text).is_err() {
            whole.push_str(&rest[..=start]);
            whole.push_str(&Json::from(text.trim_start()).to_string().replace('`', "\\`"));
            whole.push('`');
        } else {
            whole.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    whole + rest
}

/// Where the text ends that this mark closes.
fn closing(text: &str, mark: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == mark && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn oversized(text: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut operators = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                operators += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'.' | b'!' | b'&' | b'|' | b'<' | b'>' | b'=' | b'*' => operators += 1,
            _ => {}
        }
    }
    if text.len() > MOST_BYTES {
        Some(format!("the query has {} bytes, at most {MOST_BYTES} are allowed", text.len()))
    } else if deepest > MOST_BRACKETS {
        Some(format!("the query nests {deepest} brackets, at most {MOST_BRACKETS} are allowed"))
    } else if operators > MOST_OPERATORS {
        Some(format!("the query has more than {MOST_OPERATORS} operators"))
    } else {
        None
    }
}

/// The library's words as a fragment.
fn readable(message: &str) -> String {
    let message = match message.trim().trim_end_matches('.').split_once(" -- found ") {
        Some((wanted, "Eof")) => format!("{wanted}, but the query ends"),
        Some((wanted, found)) => format!("{wanted}, not {found}"),
        None => message.trim().trim_end_matches('.').to_owned(),
    };
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn unknown_function(ast: &Ast) -> Option<String> {
    let mut found = None;
    walk(ast, &mut |node| {
        if let Ast::Function { name, .. } = node
            && jmespath::DEFAULT_RUNTIME.get_function(name).is_none()
        {
            found.get_or_insert_with(|| name.clone());
        }
    });
    found
}

fn walk(ast: &Ast, visit: &mut dyn FnMut(&Ast)) {
    visit(ast);
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => {
            walk(lhs, visit);
            walk(rhs, visit);
        }
        Ast::Condition { predicate, then, .. } => {
            walk(predicate, visit);
            walk(then, visit);
        }
        Ast::Expref { ast, .. } => walk(ast, visit),
        Ast::Flatten { node, .. } | Ast::Not { node, .. } | Ast::ObjectValues { node, .. } => walk(node, visit),
        Ast::Function { args, .. } => args.iter().for_each(|argument| walk(argument, visit)),
        Ast::MultiList { elements, .. } => elements.iter().for_each(|element| walk(element, visit)),
        Ast::MultiHash { elements, .. } => elements.iter().for_each(|element| walk(&element.value, visit)),
        Ast::Field { .. } | Ast::Identity { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_not_that_covers_less_than_it_seems_is_seen() {
        assert!(Query::compile("[?!a.b]").unwrap().misleading_not());
        assert!(!Query::compile("[?!(a.b)]").unwrap().misleading_not());
        assert!(!Query::compile("[?!a && b.c]").unwrap().misleading_not());
    }

    #[test]
    fn absent_levels_are_null() {
        let query = Query::compile("a.b.c").unwrap();
        assert_eq!(query.search(json!({"a": {}})), Ok(Value::Null));
        assert_eq!(query.search(json!({"a": {"b": {"c": 3}}})), Ok(3.into()));
    }

    #[test]
    fn a_text_may_stand_bare_between_backticks_as_the_aws_cli_takes_it() {
        let data = json!([{"n": "running", "v": 1}, {"n": "a `b` \"c\"", "v": 2}, {"n": "3", "v": 3}]);
        let finds = |query: &str| Query::compile(query).map(|query| query.search(data.clone()).unwrap().exposed());
        assert_eq!(finds("[?n==`running`].v | [0]"), Ok(json!(1)));
        assert_eq!(finds("[?n==` running`].v | [0]"), Ok(json!(1)));
        assert_eq!(finds(r#"[?n==`a \`b\` "c"`].v | [0]"#), Ok(json!(2)));
        // Quotes and JSON stay what they are.
        assert_eq!(finds("[?n==`\"running\"`].v | [0]"), Ok(json!(1)));
        assert_eq!(finds("[?v>`2`].v | [0]"), Ok(json!(3)));
        assert_eq!(finds("[?n=='3' && 'x`y' != \"n\"].v | [0]"), Ok(json!(3)));
        assert_eq!(finds("[?v==`true`]"), Ok(json!([])));
        for wrong in ["[?n==`[1, 2`]", "[?n==`{a}`]", "[?n==`\"x`]", "[?n==`x]"] {
            assert!(Query::compile(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn faults_are_told_and_hostile_queries_refused() {
        assert_eq!(
            Query::compile("lengt(@)").err().map(|error| error.to_string()),
            Some("there is no function `lengt`".into())
        );
        assert!(Query::compile("a[").is_err());
        assert!(Query::compile(&"(".repeat(2000)).is_err());
        assert!(Query::compile(&"!".repeat(2000)).is_err());
        assert!(Query::compile(&"a.".repeat(2000)).is_err());
        assert!(Query::compile(&format!("a{}", ".a".repeat(MOST_OPERATORS))).is_ok());
    }
}
