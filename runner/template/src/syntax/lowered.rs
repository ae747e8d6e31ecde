//! From minijinja's syntax tree to ours.
//!
//! This file decides the byte range of every part. minijinja's tree is not under semver, which is why its version is
//! pinned and why only this folder reads it. It must not judge what is written.

use std::ops::Range;

use minijinja::machinery::ast::{self, BinOpKind, CallArg, UnaryOpKind};
use minijinja::machinery::{Span, parse_expr};
use runbook_model::value::Value;

use super::tokens::Brackets;
use super::{Expr, ExprKind, Given, Problem};
use crate::view;

/// Parses an expression.
pub(super) fn expression(source: &str) -> Result<Expr, Problem> {
    let lowering = Lowering::new(source, true)?;
    let tree = parse_expr(source).map_err(|error| problem(source, &error))?;
    Ok(lowering.expr(&tree))
}

/// minijinja's syntax error with a range that can be underlined.
pub(super) fn problem(source: &str, error: &minijinja::Error) -> Problem {
    let message = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    let range = error.range().unwrap_or(0..source.len());
    // minijinja's range may end inside a character; at the end of the text only the last character is left to underline.
    let boundary = |at: usize| (at.min(source.len())..=source.len()).find(|at| source.is_char_boundary(*at));
    let start = (0..=range.start.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let range = if start == source.len() {
        let last = source.trim_end().char_indices().next_back();
        last.map_or(0..0, |(at, c)| at..at + c.len_utf8())
    } else {
        start..boundary(range.end.max(start + 1)).unwrap_or(source.len())
    };
    let help = source[range.clone()]
        .starts_with(|c: char| !c.is_ascii() && c.is_alphabetic())
        .then(|| "names in expressions are ASCII; read other keys as `map[\"größe\"]`".to_owned());
    Problem { range, message, help }
}

/// What is needed to lower the expressions of one source.
pub(super) struct Lowering<'s> {
    source: &'s str,
    brackets: Brackets,
}

impl<'s> Lowering<'s> {
    pub(super) fn new(source: &'s str, in_expression: bool) -> Result<Self, Problem> {
        Ok(Self { source, brackets: Brackets::of(source, in_expression)? })
    }

    /// The text that is lowered.
    pub(super) fn source(&self) -> &'s str {
        self.source
    }

    pub(super) fn expr(&self, expr: &ast::Expr<'_>) -> Expr {
        let own = bytes(expr.span());
        let (start, kind) = match expr {
            ast::Expr::Var(var) => (own.start, ExprKind::Name(var.id.to_owned())),
            ast::Expr::Const(constant) => (own.start, ExprKind::Constant(literal(&constant.value))),
            ast::Expr::GetAttr(read) => {
                let base = self.boxed(&read.expr);
                let at = own.end - read.name.len()..own.end;
                (base.range.start, ExprKind::Member { base, name: read.name.to_owned(), at })
            }
            ast::Expr::GetItem(read) => {
                let base = self.boxed(&read.expr);
                let index = self.boxed(&read.subscript_expr);
                (base.range.start, ExprKind::Item { base, index })
            }
            ast::Expr::Slice(cut) => {
                let base = self.boxed(&cut.expr);
                let bounds = [&cut.start, &cut.stop, &cut.step].into_iter().flatten().map(|e| self.expr(e)).collect();
                (base.range.start, ExprKind::Slice { base, bounds })
            }
            ast::Expr::Call(call) => return self.call(call, own),
            ast::Expr::Filter(filter) => {
                let base = filter.expr.as_ref().map(|base| self.boxed(base));
                let (name, at) = self.named(filter.name, own.start);
                let start = base.as_ref().map_or(own.start, |base| base.range.start);
                (start, ExprKind::Filter { base, name, at, arguments: self.arguments(&filter.args) })
            }
            ast::Expr::Test(test) => {
                let base = self.boxed(&test.expr);
                let (name, at) = self.named(test.name, own.start);
                (base.range.start, ExprKind::Test { base, name, at, arguments: self.arguments(&test.args) })
            }
            ast::Expr::List(list) => {
                (own.start, ExprKind::List(list.items.iter().map(|item| self.expr(item)).collect()))
            }
            ast::Expr::Tuple(tuple) => {
                (own.start, ExprKind::List(tuple.items.iter().map(|item| self.expr(item)).collect()))
            }
            ast::Expr::Map(map) => {
                let entries = map.keys.iter().zip(&map.values);
                (own.start, ExprKind::Map(entries.map(|(k, v)| (self.expr(k), self.expr(v))).collect()))
            }
            ast::Expr::IfExpr(choice) => {
                let then = self.boxed(&choice.true_expr);
                let test = self.boxed(&choice.test_expr);
                let otherwise = choice.false_expr.as_ref().map(|e| self.boxed(e));
                (then.range.start, ExprKind::Choice { test, then, otherwise })
            }
            ast::Expr::UnaryOp(op) => {
                let operand = self.expr(&op.expr);
                match op.op {
                    UnaryOpKind::Neg => (own.start, ExprKind::Arithmetic(vec![operand])),
                    // Also the tree of `a not in b` and `a is not b`, whose own range begins at some other token.
                    UnaryOpKind::Not => {
                        let before = self.source[own.start..].starts_with("not") && own.start < operand.range.start;
                        (if before { own.start } else { operand.range.start }, ExprKind::Judgement(vec![operand]))
                    }
                }
            }
            ast::Expr::BinOp(op) => {
                let (left, right) = (self.boxed(&op.left), self.boxed(&op.right));
                let start = left.range.start;
                let kind = match op.op {
                    BinOpKind::ScAnd | BinOpKind::ScOr => ExprKind::Either(left, right),
                    BinOpKind::Concat => ExprKind::Concatenation(left, right),
                    BinOpKind::Add
                    | BinOpKind::Sub
                    | BinOpKind::Mul
                    | BinOpKind::Div
                    | BinOpKind::FloorDiv
                    | BinOpKind::Rem
                    | BinOpKind::Pow => ExprKind::Arithmetic(vec![*left, *right]),
                    BinOpKind::Eq
                    | BinOpKind::Ne
                    | BinOpKind::Lt
                    | BinOpKind::Lte
                    | BinOpKind::Gt
                    | BinOpKind::Gte
                    | BinOpKind::In => ExprKind::Judgement(vec![*left, *right]),
                };
                (start, kind)
            }
            ast::Expr::Compare(compare) => {
                let operands: Vec<Expr> = std::iter::once(&compare.expr)
                    .chain(compare.ops.iter().map(|op| &op.expr))
                    .map(|operand| self.expr(operand))
                    .collect();
                (operands[0].range.start, ExprKind::Judgement(operands))
            }
        };
        self.placed(start, own.end, kind)
    }

    pub(super) fn call(&self, call: &ast::Call<'_>, own: Range<usize>) -> Expr {
        let arguments = self.arguments(&call.args);
        let (start, kind) = match &call.expr {
            ast::Expr::Var(var) => {
                let at = bytes(var.span());
                (at.start, ExprKind::Call { name: var.id.to_owned(), at, arguments })
            }
            ast::Expr::GetAttr(read) => {
                let base = self.boxed(&read.expr);
                let end = bytes(read.span()).end;
                let at = end - read.name.len()..end;
                (base.range.start, ExprKind::Method { base, name: read.name.to_owned(), at, arguments })
            }
            other => {
                let base = self.boxed(other);
                (base.range.start, ExprKind::Apply { base, arguments })
            }
        };
        self.placed(start, own.end, kind)
    }

    fn placed(&self, start: usize, end: usize, kind: ExprKind) -> Expr {
        let end = end.clamp(start, self.source.len());
        Expr { range: self.brackets.widened(start, end)..end, kind }
    }

    fn boxed(&self, expr: &ast::Expr<'_>) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn arguments(&self, given: &[CallArg<'_>]) -> Vec<Given> {
        given
            .iter()
            .map(|argument| match argument {
                CallArg::Pos(expr) => Given::Placed(self.expr(expr)),
                CallArg::Kwarg(name, expr) => Given::Named((*name).to_owned(), self.expr(expr)),
                CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => Given::Spread(self.expr(expr)),
            })
            .collect()
    }

    /// The name of a filter or test, which may be written with blanks around its dots.
    fn named(&self, name: &str, start: usize) -> (String, Range<usize>) {
        let end = (start + name.len()).min(self.source.len());
        (name.split_whitespace().collect(), start..end)
    }
}

/// A range of minijinja's as bytes.
pub(super) fn bytes(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// A literal; what JSON cannot say (a number beyond 64 bits) counts as null here, as only its shape is asked for.
fn literal(value: &minijinja::Value) -> Value {
    view::plain(value).unwrap_or_default()
}
