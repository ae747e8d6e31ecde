//! The syntax of expressions and templates as the checker and the guard see it.
//!
//! This file decides what is known of an expression before it has a value: its tree, with the byte range of every
//! part. It must not evaluate anything, and nobody outside this folder sees minijinja's own tree, which is not stable.

mod lowered;
mod template;
mod tokens;

use std::ops::Range;

use runbook_model::value::Value;

pub use template::{Bound, ParsedTemplate, Reach, parse_template};

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The tree.
    pub root: Expr,
}

/// A part of an expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its bytes in the source; brackets that only group are not part of it.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ExprKind,
}

/// What a part of an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A name of the scope.
    Name(String),
    /// `base.name`.
    Member {
        /// What it is read from.
        base: Box<Expr>,
        /// The name.
        name: String,
        /// The bytes of the name.
        at: Range<usize>,
    },
    /// `base[index]`.
    Item {
        /// What it is read from.
        base: Box<Expr>,
        /// Which one.
        index: Box<Expr>,
    },
    /// `base[from:to:step]`.
    Slice {
        /// What it is cut from.
        base: Box<Expr>,
        /// The parts that are written.
        bounds: Vec<Expr>,
    },
    /// A literal: text, number, boolean, none.
    Constant(Value),
    /// `base | name(arguments)`; without a base in `{% filter %}`.
    Filter {
        /// What is filtered.
        base: Option<Box<Expr>>,
        /// The name.
        name: String,
        /// The bytes of the name.
        at: Range<usize>,
        /// The arguments.
        arguments: Vec<Given>,
    },
    /// `base is name(arguments)`.
    Test {
        /// What is tested.
        base: Box<Expr>,
        /// The name.
        name: String,
        /// The bytes of the name.
        at: Range<usize>,
        /// The arguments.
        arguments: Vec<Given>,
    },
    /// `name(arguments)`.
    Call {
        /// The name.
        name: String,
        /// The bytes of the name.
        at: Range<usize>,
        /// The arguments.
        arguments: Vec<Given>,
    },
    /// `base.name(arguments)`.
    Method {
        /// What it is called on.
        base: Box<Expr>,
        /// The name.
        name: String,
        /// The bytes of the name.
        at: Range<usize>,
        /// The arguments.
        arguments: Vec<Given>,
    },
    /// Something else that is called, such as the result of a call.
    Apply {
        /// What is called.
        base: Box<Expr>,
        /// The arguments.
        arguments: Vec<Given>,
    },
    /// `[a, b]` or `(a, b)`.
    List(Vec<Expr>),
    /// `{a: b}`.
    Map(Vec<(Expr, Expr)>),
    /// `a if test else b`; without `else` it may have no value.
    Choice {
        /// What decides.
        test: Box<Expr>,
        /// The value if it is true.
        then: Box<Expr>,
        /// The value if it is false.
        otherwise: Option<Box<Expr>>,
    },
    /// `a and b`, `a or b`: the value is one of the operands.
    Either(Box<Expr>, Box<Expr>),
    /// Comparisons and `not`: the value is true or false.
    Judgement(Vec<Expr>),
    /// `a ~ b`: the value is text.
    Concatenation(Box<Expr>, Box<Expr>),
    /// Arithmetic, and `+` of lists and texts.
    Arithmetic(Vec<Expr>),
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub enum Given {
    /// By place.
    Placed(Expr),
    /// By name.
    Named(String, Expr),
    /// `*list` or `**map`.
    Spread(Expr),
}

impl Given {
    /// The expression.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        match self {
            Self::Placed(expr) | Self::Named(_, expr) | Self::Spread(expr) => expr,
        }
    }
}

/// What is wrong with the syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the source.
    pub range: Range<usize>,
    /// One clause.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Parses the inside of `${{ … }}`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(source: &str) -> Result<Parsed, Problem> {
    let root = lowered::expression(source)?;
    match root.fault(false) {
        Some(problem) => Err(problem),
        None => Ok(Parsed { root }),
    }
}

impl Expr {
    /// What is refused although it can be parsed: reserved names, and an `if` without `else`, which may have no value.
    /// `printed` allows the latter as the whole expression.
    fn fault(&self, printed: bool) -> Option<Problem> {
        let mut found = None;
        self.walk(&mut |part| {
            let problem = match &part.kind {
                ExprKind::Choice { otherwise: None, .. } if !(printed && std::ptr::eq(part, self)) => Problem {
                    range: part.range.clone(),
                    message: "this `if` has no `else`, so it may have no value".into(),
                    help: Some("write `… if … else none`".into()),
                },
                ExprKind::Name(name) | ExprKind::Call { name, .. } if name.starts_with("__") => Problem {
                    range: part.range.clone(),
                    message: "names that begin with `__` are reserved".into(),
                    help: None,
                },
                _ => return,
            };
            found.get_or_insert(problem);
        });
        found
    }

    /// Calls `visit` on this part and every part inside it, outermost first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        self.children(&mut |child| child.walk(visit));
    }

    /// Calls `visit` on the direct parts, in order of writing.
    pub fn children<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match &self.kind {
            ExprKind::Name(_) | ExprKind::Constant(_) => {}
            ExprKind::Member { base, .. } => visit(base),
            ExprKind::Item { base, index } => {
                visit(base);
                visit(index);
            }
            ExprKind::Slice { base, bounds } => {
                visit(base);
                bounds.iter().for_each(visit);
            }
            ExprKind::Filter { base, arguments, .. } => {
                if let Some(base) = base {
                    visit(base);
                }
                arguments.iter().for_each(|argument| visit(argument.expr()));
            }
            ExprKind::Test { base, arguments, .. }
            | ExprKind::Method { base, arguments, .. }
            | ExprKind::Apply { base, arguments } => {
                visit(base);
                arguments.iter().for_each(|argument| visit(argument.expr()));
            }
            ExprKind::Call { arguments, .. } => arguments.iter().for_each(|argument| visit(argument.expr())),
            ExprKind::List(items) | ExprKind::Judgement(items) | ExprKind::Arithmetic(items) => {
                items.iter().for_each(visit);
            }
            ExprKind::Map(entries) => {
                for (key, value) in entries {
                    visit(key);
                    visit(value);
                }
            }
            ExprKind::Choice { test, then, otherwise } => {
                visit(then);
                visit(test);
                if let Some(otherwise) = otherwise {
                    visit(otherwise);
                }
            }
            ExprKind::Either(left, right) | ExprKind::Concatenation(left, right) => {
                visit(left);
                visit(right);
            }
        }
    }

    /// The direct part that may be missing without an error: what stands under `default`, `is defined`, `is undefined`.
    #[must_use]
    pub fn forgiven(&self) -> Option<&Self> {
        match &self.kind {
            ExprKind::Filter { base: Some(base), name, .. } if matches!(name.as_str(), "default" | "d") => Some(base),
            ExprKind::Test { base, name, .. } if matches!(name.as_str(), "defined" | "undefined") => Some(base),
            _ => None,
        }
    }

    /// The text, if it is a literal text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Constant(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

/// The literal texts that `| jmespath("…")` is given in an expression, with their ranges.
pub fn queries<'a>(root: &'a Expr, visit: &mut dyn FnMut(&'a str, &Range<usize>)) {
    root.walk(&mut |expr| {
        if let ExprKind::Filter { name, arguments, .. } = &expr.kind
            && name == "jmespath"
            && let Some(Given::Placed(query)) = arguments.first()
            && let Some(text) = query.as_text()
        {
            visit(text, &query.range);
        }
    });
}
