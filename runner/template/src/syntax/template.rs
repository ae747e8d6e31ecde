//! What a template is made of: its expressions, the names it takes from outside, the other templates it reaches.
//!
//! This file decides which names a template binds itself (`for`, `set`, `macro`, …). It must not know which templates
//! exist or what names mean.

use std::ops::Range;

use minijinja::machinery::ast::{self, Expr as Tree, Stmt};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

use super::lowered::{Lowering, bytes, problem};
use super::{Expr, Problem};

/// A parsed template.
#[derive(Clone, Debug, Default)]
pub struct ParsedTemplate {
    /// Its expressions, in order of writing.
    pub expressions: Vec<Bound>,
    /// The templates it includes, imports or extends.
    pub reaches: Vec<Reach>,
    /// What it assigns by `set`: the bytes of each right-hand side.
    pub assigned: Vec<Range<usize>>,
}

/// An expression of a template with what the template binds around it.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The expression.
    pub expr: Expr,
    /// The names that the template itself gives a meaning there.
    pub names: Vec<String>,
    /// True for `{{ … }}`, where an `if` without `else` prints nothing.
    pub printed: bool,
    /// True if it is evaluated whenever the template is rendered: it stands in no branch, loop, macro or block.
    pub certain: bool,
}

/// Another template, named in a statement.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The name as written; `None` if it is not a literal text.
    pub path: Option<String>,
    /// Where.
    pub range: Range<usize>,
}

/// Parses a template.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_template(source: &str) -> Result<ParsedTemplate, Problem> {
    let lowering = Lowering::new(source, false)?;
    let tree = parse(source, "", SyntaxConfig::default()).map_err(|error| problem(source, &error))?;
    let mut walk = Walk { lowering, names: Vec::new(), branches: 0, found: ParsedTemplate::default() };
    walk.statement(&tree);
    match walk.found.expressions.iter().find_map(Bound::fault) {
        Some(problem) => Err(problem),
        None => Ok(walk.found),
    }
}

struct Walk<'s> {
    lowering: Lowering<'s>,
    names: Vec<String>,
    /// How many statements stand around that may leave their inside out.
    branches: usize,
    found: ParsedTemplate,
}

impl Walk<'_> {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    /// Statements that may not be carried out.
    fn branch(&mut self, names: &[&str], statements: &[Stmt<'_>]) {
        self.branches += 1;
        self.scoped(names, statements);
        self.branches -= 1;
    }

    /// Statements whose names end with them.
    fn scoped(&mut self, names: &[&str], statements: &[Stmt<'_>]) {
        let outer = self.names.len();
        self.names.extend(names.iter().map(|name| (*name).to_owned()));
        self.statements(statements);
        self.names.truncate(outer);
    }

    fn expression(&mut self, tree: &Tree<'_>, printed: bool) {
        let expr = self.lowering.expr(tree);
        let certain = self.branches == 0;
        self.found.expressions.push(Bound { expr, names: self.names.clone(), printed, certain });
    }

    fn call(&mut self, call: &ast::Spanned<ast::Call<'_>>) {
        let expr = self.lowering.call(call, bytes(call.span()));
        let certain = self.branches == 0;
        self.found.expressions.push(Bound { expr, names: self.names.clone(), printed: false, certain });
    }

    fn reach(&mut self, tree: &Tree<'_>) {
        let expr = self.lowering.expr(tree);
        self.found.reaches.push(Reach { path: expr.as_text().map(str::to_owned), range: expr.range });
    }

    /// The names of an assignment.
    fn bind(&mut self, target: &Tree<'_>) {
        match target {
            // Every expression keeps the names around it: one that is bound again adds nothing.
            Tree::Var(var) if self.names.iter().all(|name| name != var.id) => self.names.push(var.id.to_owned()),
            Tree::List(list) => list.items.iter().for_each(|item| self.bind(item)),
            // `ns.member`: the namespace itself is bound elsewhere.
            _ => {}
        }
    }

    fn macro_body(&mut self, declared: &ast::Macro<'_>, more: &[&str]) {
        self.branches += 1;
        declared.defaults.iter().for_each(|default| self.expression(default, false));
        let outer = self.names.len();
        declared.args.iter().for_each(|argument| self.bind(argument));
        self.scoped(more, &declared.body);
        self.names.truncate(outer);
        self.branches -= 1;
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr, true),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(each) => {
                self.expression(&each.iter, false);
                let outer = self.names.len();
                self.bind(&each.target);
                self.branches += 1;
                if let Some(filter) = &each.filter_expr {
                    self.expression(filter, false);
                }
                self.branches -= 1;
                self.branch(&["loop"], &each.body);
                self.names.truncate(outer);
                self.branch(&[], &each.else_body);
            }
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr, false);
                // What a branch sets stays set after it.
                self.branches += 1;
                self.statements(&choice.true_body);
                self.statements(&choice.false_body);
                self.branches -= 1;
            }
            Stmt::WithBlock(with) => {
                let outer = self.names.len();
                for (target, value) in &with.assignments {
                    self.expression(value, false);
                    self.bind(target);
                }
                self.statements(&with.body);
                self.names.truncate(outer);
            }
            Stmt::Set(set) => {
                let end = bytes(set.span()).end;
                let target = bytes(set.target.span()).end;
                if let Some(equals) = self.lowering.source().get(target..end).and_then(|text| text.find('=')) {
                    self.found.assigned.push(target + equals + 1..end);
                }
                self.expression(&set.expr, false);
                self.bind(&set.target);
            }
            Stmt::SetBlock(set) => {
                if let Some(filter) = &set.filter {
                    self.expression(filter, false);
                }
                self.scoped(&[], &set.body);
                self.bind(&set.target);
            }
            Stmt::AutoEscape(escape) => {
                self.expression(&escape.enabled, false);
                self.statements(&escape.body);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter, false);
                self.scoped(&[], &block.body);
            }
            Stmt::Block(block) => self.branch(&["super"], &block.body),
            Stmt::Import(import) => {
                self.reach(&import.expr);
                self.bind(&import.name);
            }
            Stmt::FromImport(import) => {
                self.reach(&import.expr);
                for (name, alias) in &import.names {
                    self.bind(alias.as_ref().unwrap_or(name));
                }
            }
            Stmt::Extends(extends) => self.reach(&extends.name),
            Stmt::Include(include) => self.reach(&include.name),
            Stmt::Macro(declared) => {
                self.names.push(declared.name.to_owned());
                self.macro_body(declared, &["caller"]);
            }
            Stmt::CallBlock(block) => {
                self.call(&block.call);
                self.macro_body(&block.macro_decl, &[]);
            }
            Stmt::Do(statement) => self.call(&statement.call),
        }
    }
}

impl Bound {
    /// True if `name` means something that the template bound itself.
    #[must_use]
    pub fn binds(&self, name: &str) -> bool {
        self.names.iter().any(|bound| bound == name)
    }

    /// What is refused in it: reserved names, and an `if` without `else` anywhere but as the whole of a `{{ … }}`, where it
    /// prints nothing.
    fn fault(&self) -> Option<Problem> {
        self.expr.fault(self.printed)
    }
}
