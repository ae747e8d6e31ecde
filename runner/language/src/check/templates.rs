//! Templates: which ones a plan reaches, and what is wrong with them.
//!
//! This file decides what a template must be given and that every template that may be rendered is part of the plan. It
//! must not render any.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::source::Span;
use runbook_template::syntax::{Bound, Expr, ExprKind, Given, parse_template};

use super::infer::{Inference, Place};
use super::library::{Library, outside};
use super::sight::Sight;
use crate::files::{TEMPLATES, resolved};
use crate::written::meant;

/// A template that was read.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) text: String,
    /// Its text's place.
    span: Span,
    /// Its expressions; none if it could not be parsed.
    expressions: Vec<Bound>,
    /// The other templates it reaches, directly.
    reaches: Vec<String>,
    /// The names it must be given: each with the place where it is first read.
    wants: Vec<(String, Range<usize>)>,
}

impl Sight<'_> {
    /// A template that a kind renders for a manifest.
    pub(super) fn rendered(&self, path: &str, span: Span, values: &Argument) {
        let given = match &values.node {
            Node::Map(entries) => Some(entries.iter().map(|entry| entry.key.clone()).collect()),
            Node::Plain { .. } => Some(BTreeSet::new()),
            _ => None,
        };
        self.use_template(path, span, given);
    }

    /// Reads a template and checks what it is given there; `given` is not known if it is computed.
    fn use_template(&self, path: &str, span: Span, given: Option<BTreeSet<String>>) {
        let Some(notes) = self.notes else { return };
        notes.borrow_mut().templates.insert(path.to_owned());
        let Some(template) = self.template(path, span) else { return };
        let Some(given) = given else { return };
        for (name, range) in &template.wants {
            if !given.contains(name) {
                let message = format!("the template needs `{name}`, which it is not given");
                let near = meant(name, given.iter().map(String::as_str), &format!("add `{name}` to its values"));
                self.unit.library.complain(
                    Diagnostic::error(code::TEMPLATE_VALUE, template.span.part(range), message)
                        .help(near)
                        .related(span, "it is rendered here"),
                );
            }
        }
    }

    /// A template of the package, or one that is part of the program; read and checked at its first use.
    fn template(&self, path: &str, span: Span) -> Option<Rc<Template>> {
        let library = self.unit.library;
        if let Some(known) = library.templates.borrow().get(path) {
            return known.clone();
        }
        // Kept before it is looked into, for templates may reach each other.
        library.templates.borrow_mut().insert(path.to_owned(), None);
        let template = Rc::new(library.read_template(path, span)?);
        library.templates.borrow_mut().insert(path.to_owned(), Some(template.clone()));
        for bound in &template.expressions {
            let place = Place::Template { source: template.span, names: &bound.names };
            Inference { sight: *self, at: place }.known(&bound.expr);
        }
        for path in &template.reaches {
            self.template(path, template.span);
        }
        Some(template)
    }
}

impl Library<'_> {
    fn read_template(&self, path: &str, span: Span) -> Option<Template> {
        let builtin = self.builtin.borrow().get(path).cloned();
        let source = match builtin {
            Some(text) => self.sources.borrow_mut().add(format!("{TEMPLATES}/{path}"), text),
            None => {
                let Some(full) = resolved(TEMPLATES, path).filter(|full| full.starts_with("templates/")) else {
                    self.complain(outside(path, Some(span)));
                    return None;
                };
                self.there(path, &full, span)?;
                let source = self.read(&full, Some(span))?;
                self.keep(&full, source);
                source
            }
        };
        let text = self.sources.borrow().get(source).text.clone();
        let span = Span { source, start: 0, end: 0 };
        let mut template = Template { text, span, expressions: Vec::new(), reaches: Vec::new(), wants: Vec::new() };
        match parse_template(&template.text) {
            Ok(parsed) => {
                for reach in parsed.reaches {
                    match reach.path {
                        Some(path) => template.reaches.push(path),
                        None => {
                            let message = "which template this reaches is not known before it is rendered";
                            let diagnostic = Diagnostic::error(code::TEMPLATE_NAME, span.part(&reach.range), message);
                            self.complain(diagnostic.help("name it by a fixed text in quotes"));
                        }
                    }
                }
                template.wants = wants(&parsed.expressions);
                template.expressions = parsed.expressions;
            }
            Err(problem) => {
                let diagnostic = Diagnostic::error(code::TEMPLATE_SYNTAX, span.part(&problem.range), problem.message);
                self.complain(diagnostic.help(problem.help.unwrap_or_else(|| "correct the template".into())));
            }
        }
        Some(template)
    }

    /// Complains, with the nearest name, if there is no such template.
    fn there(&self, path: &str, full: &str, span: Span) -> Option<()> {
        match self.files.read(full) {
            Err(crate::files::ReadError::Missing) => {
                let known = self.files.templates();
                let help = meant(path, known.iter().map(String::as_str), "its path is relative to `templates/`");
                let message = format!("there is no template `{path}`");
                self.complain(Diagnostic::error(code::TEMPLATE_MISSING, span, message).help(help));
                None
            }
            _ => Some(()),
        }
    }

    /// A template and all it reaches.
    pub(super) fn closure(&self, path: &str, found: &mut BTreeSet<String>) {
        if !found.insert(path.to_owned()) {
            return;
        }
        let template = self.templates.borrow().get(path).cloned().flatten();
        if let Some(template) = template {
            template.reaches.iter().for_each(|path| self.closure(path, found));
            for bound in &template.expressions {
                bound.expr.walk(&mut |part| {
                    if let ExprKind::Call { name, arguments, .. } = &part.kind
                        && name == "template"
                        && let Some(path) = arguments.first().and_then(|argument| argument.expr().as_text())
                    {
                        self.closure(path, found);
                    }
                });
            }
        }
    }
}

/// The names that a template reads for certain and does not bind, except where it asks whether they are there. What
/// stands in a branch may never be read.
fn wants(expressions: &[Bound]) -> Vec<(String, Range<usize>)> {
    let asked = asked_for(expressions);
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    for bound in expressions.iter().filter(|bound| bound.certain) {
        free(&bound.expr, &mut |name, range| {
            let own = bound.binds(name) || ["loop", "self", "super", "caller"].contains(&name);
            // One that is asked for with `is defined` anywhere may be left out everywhere.
            if !own && !asked.contains(name) && !found.iter().any(|(known, _)| known == name) {
                found.push((name.to_owned(), range.clone()));
            }
        });
    }
    found
}

fn asked_for(expressions: &[Bound]) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for bound in expressions {
        bound.expr.walk(&mut |part| {
            if let Some(Expr { kind: ExprKind::Name(name), .. }) = part.forgiven() {
                asked.insert(name.clone());
            }
        });
    }
    asked
}

fn free<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e str, &'e Range<usize>)) {
    match &expr.kind {
        ExprKind::Name(name) => visit(name, &expr.range),
        ExprKind::Choice { test, .. } => free(test, visit),
        ExprKind::Either(left, _) => free(left, visit),
        _ => {
            let exempt = expr.forgiven().map(std::ptr::from_ref);
            expr.children(&mut |child| {
                if exempt != Some(std::ptr::from_ref(child)) || !matches!(child.kind, ExprKind::Name(_)) {
                    free(child, visit);
                }
            });
        }
    }
}

impl Inference<'_> {
    /// `template(path, values)`.
    pub(super) fn template_call(&self, arguments: &[Given], at: &Range<usize>) {
        let Some(name) = arguments.first().map(Given::expr) else {
            self.error(
                code::TEMPLATE_NAME,
                at,
                "`template` needs the path of a template".into(),
                "write it first, in quotes",
            );
            return;
        };
        let given = match arguments.get(1).map(Given::expr) {
            None => Some(BTreeSet::new()),
            Some(Expr { kind: ExprKind::Map(entries), .. }) => {
                entries.iter().map(|(key, _)| key.as_text().map(str::to_owned)).collect()
            }
            Some(_) => None,
        };
        let span = self.span(&name.range);
        match name.as_text() {
            Some(path) => self.sight.use_template(path, span, given),
            None => self.computed_template(name, span),
        }
    }

    /// A path with computed parts: every template that it may name belongs to the run. Which of them is given what is not
    /// known.
    fn computed_template(&self, name: &Expr, span: Span) {
        let pieces = pieces(name);
        let library = self.sight.unit.library;
        let mut known = library.files.templates();
        known.extend(library.builtin.borrow().keys().cloned());
        known.sort();
        let matching: Vec<&String> = known.iter().filter(|path| matches(path, &pieces)).collect();
        if matching.is_empty() && self.sight.notes.is_some() {
            let message = "no template can have this name".to_owned();
            self.error(code::TEMPLATE_MISSING, &name.range, message, "its path is relative to `templates/`");
        }
        for path in matching {
            self.sight.use_template(path, span, None);
        }
    }
}

/// The parts of a path that are fixed text; `None` for one that is computed.
fn pieces(expr: &Expr) -> Vec<Option<&str>> {
    match &expr.kind {
        ExprKind::Concatenation(left, right) => [pieces(left), pieces(right)].concat(),
        _ => vec![expr.as_text()],
    }
}

/// Can this path come of these pieces? Computed ones may be anything, so fixed ones are looked for in order, as early as
/// they are found; the first and the last stand at the ends.
fn matches(path: &str, pieces: &[Option<&str>]) -> bool {
    let mut rest = path;
    let mut computed = false;
    for (at, piece) in pieces.iter().enumerate() {
        let Some(text) = piece else {
            computed = true;
            continue;
        };
        let last = at + 1 == pieces.len();
        rest = match (computed, last) {
            (true, true) => return rest.ends_with(text),
            (true, false) => match rest.find(text) {
                Some(found) => &rest[found + text.len()..],
                None => return false,
            },
            (false, _) => match rest.strip_prefix(text) {
                Some(behind) => behind,
                None => return false,
            },
        };
        computed = false;
    }
    computed || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_paths_reach_what_they_may_name() {
        let pieces = [Some("iam/"), None, Some(".json.j2")];
        assert!(matches("iam/asg-access.json.j2", &pieces));
        assert!(!matches("eks/asg-access.json.j2", &pieces));
        assert!(!matches("iam/asg-access.yaml.j2", &pieces));
        assert!(!matches("iam/asg-access.json.j2/x", &pieces));
        assert!(matches("anything", &[None]) && matches("a", &[Some("a")]) && !matches("ab", &[Some("a")]));
    }
}
