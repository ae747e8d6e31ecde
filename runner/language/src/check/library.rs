//! What was read so far: runbooks, templates, and the complaints about them.
//!
//! This file decides that every file is read and checked once, that nothing outside the package is read, and that a
//! runbook does not use itself. It must not know what stands in the files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use indexmap::IndexMap;
use runbook_model::code;
use runbook_model::diagnostic::{self, Diagnostic, Severity};
use runbook_model::kind::{Expansion, Kinds};
use runbook_model::source::{Place, SourceId, Sources, Span};

use runbook_template::{Parsed, Problem, parse};

use super::templates::Template;
use super::unit::{self, Loaded};
use super::{Checked, plan};
use crate::files::{Files, ReadError};
use crate::text::{MOST_BYTES, Reader, decoded, too_large};
use crate::written;

/// The most steps of a plan, those of nested runbooks counted at each use.
const MOST_STEPS: usize = 10_000;
/// Errors after which no name is looked for among all steps: with a file full of both the work would grow with the square.
const MOST_SEARCHES: usize = 100;
/// The most complaints that are told.
const MOST_COMPLAINTS: usize = 1_000;

/// Everything that was read for one check.
pub(crate) struct Library<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) kinds: &'a dyn Kinds,
    pub(crate) sources: RefCell<Sources>,
    pub(crate) diagnostics: RefCell<Vec<Diagnostic>>,
    pub(crate) later: RefCell<Vec<Diagnostic>>,
    pub(crate) package: RefCell<IndexMap<String, String>>,
    pub(crate) templates: RefCell<IndexMap<String, Option<Rc<Template>>>>,
    /// Texts of templates that are part of the program.
    pub(crate) builtin: RefCell<IndexMap<String, String>>,
    /// Expressions by their source: the same one stands in many places.
    parsed: RefCell<IndexMap<String, Rc<Result<Parsed, Problem>>>>,
    runbooks: RefCell<IndexMap<String, Option<Rc<Loaded>>>>,
    paths: RefCell<BTreeMap<SourceId, String>>,
    errors: Cell<usize>,
    /// The files that are being read, outermost first.
    open: RefCell<Vec<String>>,
}

impl<'a> Library<'a> {
    pub(crate) fn new(files: &'a dyn Files, kinds: &'a dyn Kinds) -> Self {
        Self {
            files,
            kinds,
            sources: RefCell::default(),
            diagnostics: RefCell::default(),
            later: RefCell::default(),
            package: RefCell::default(),
            templates: RefCell::default(),
            builtin: RefCell::default(),
            parsed: RefCell::default(),
            runbooks: RefCell::default(),
            paths: RefCell::default(),
            errors: Cell::default(),
            open: RefCell::default(),
        }
    }

    pub(crate) fn complain(&self, diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors.set(self.errors.get() + 1);
        }
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Are there so many errors that looking for a name among all steps costs more than it helps?
    pub(crate) fn is_full(&self) -> bool {
        self.errors.get() > MOST_SEARCHES
    }

    /// An expression, parsed once.
    pub(crate) fn parsed(&self, source: &str) -> Rc<Result<Parsed, Problem>> {
        if let Some(known) = self.parsed.borrow().get(source) {
            return known.clone();
        }
        let parsed = Rc::new(parse(source));
        self.parsed.borrow_mut().insert(source.to_owned(), parsed.clone());
        parsed
    }

    /// The path in the package of a file that was read.
    pub(crate) fn path_of(&self, source: SourceId) -> String {
        self.paths.borrow().get(&source).cloned().unwrap_or_default()
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        self.sources.borrow().place(span)
    }

    /// The outermost runbook.
    pub(crate) fn runbook(&self, path: &str) -> Option<Rc<Loaded>> {
        self.load(path, None)
    }

    /// A runbook that another one uses at `span`.
    pub(crate) fn used(&self, path: &str, span: Span) -> Option<Rc<Loaded>> {
        if self.open.borrow().iter().any(|open| open == path) {
            let way: Vec<String> = self.open.borrow().iter().map(|open| format!("`{open}`")).collect();
            let message = format!("`{path}` uses itself");
            let help = format!("a runbook cannot run inside itself; the way here is {}", way.join(", "));
            self.complain(Diagnostic::error(code::USES_ITSELF, span, message).help(help));
            return None;
        }
        if let Some(known) = self.runbooks.borrow().get(path) {
            return known.clone();
        }
        self.load(path, Some(span))
    }

    fn load(&self, path: &str, span: Option<Span>) -> Option<Rc<Loaded>> {
        self.open.borrow_mut().push(path.to_owned());
        let loaded = self.read(path, span).and_then(|source| {
            self.keep(path, source);
            self.checked(source)
        });
        self.open.borrow_mut().pop();
        self.runbooks.borrow_mut().insert(path.to_owned(), loaded.clone());
        loaded
    }

    /// The runbook that a kind stands for.
    pub(crate) fn expansion(&self, kind: &str, expansion: &Expansion) -> Option<Rc<Loaded>> {
        let key = format!("kind {kind}");
        if let Some(known) = self.runbooks.borrow().get(&key) {
            return known.clone();
        }
        for (path, text) in expansion.templates {
            self.builtin.borrow_mut().insert((*path).to_owned(), (*text).to_owned());
        }
        let source = self.sources.borrow_mut().add(expansion.file, expansion.text);
        self.open.borrow_mut().push(key.clone());
        let loaded = self.checked(source);
        self.open.borrow_mut().pop();
        self.runbooks.borrow_mut().insert(key, loaded.clone());
        loaded
    }

    fn checked(&self, source: SourceId) -> Option<Rc<Loaded>> {
        let mut found = Vec::new();
        let runbook = {
            let sources = self.sources.borrow();
            let document = Reader::new(&sources, source, &mut found).document();
            document.and_then(|document| written::read(&document, self.kinds, &mut found))
        };
        self.diagnostics.borrow_mut().append(&mut found);
        Some(Rc::new(unit::checked(self, source, runbook?)))
    }

    /// The text of a file as a source. `span` is where it is asked for.
    pub(crate) fn read(&self, path: &str, span: Option<Span>) -> Option<SourceId> {
        let name = self.files.name(path);
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.unreadable(&name, &error, span);
                return None;
            }
        };
        let read = decoded(&name, bytes, &mut self.sources.borrow_mut());
        read.map_err(|diagnostic| self.complain(*diagnostic)).ok()
    }

    /// Adds a file to what a run rests on.
    pub(crate) fn keep(&self, path: &str, source: SourceId) {
        let text = self.sources.borrow().get(source).text.clone();
        self.package.borrow_mut().insert(path.to_owned(), text);
        self.paths.borrow_mut().insert(source, path.to_owned());
    }

    fn unreadable(&self, name: &str, error: &ReadError, span: Option<Span>) {
        let at = |message: String| Diagnostic::error(code::FILE_UNREADABLE, span, message);
        let diagnostic =
            match error {
                ReadError::Missing => at(format!("there is no file `{name}`"))
                    .help("check the path; it is relative to the file it stands in"),
                ReadError::Unreadable(why) => at(format!("the file `{name}` cannot be read: {why}"))
                    .help("give the path of a file that can be read"),
                ReadError::Outside => outside(name, span),
                ReadError::TooLarge(size) => too_large(name, *size, &mut self.sources.borrow_mut()),
            };
        self.complain(diagnostic);
    }

    /// Ends the check.
    pub(crate) fn into_checked(self, loaded: Option<Rc<Loaded>>) -> Checked {
        drop(self.runbooks.into_inner());
        // Nobody else holds it any more, so nothing is copied.
        let loaded = loaded.map(Rc::unwrap_or_clone);
        let package = self.package.into_inner();
        let mut diagnostics = self.diagnostics.into_inner();
        let templates = self.templates.into_inner();
        let texts = templates.into_iter().filter_map(|(path, file)| Some((path, file?.text.clone()))).collect();
        if let Some(loaded) = &loaded
            && loaded.count > MOST_STEPS
        {
            let message = format!("the plan has {} steps, at most {MOST_STEPS} are allowed", loaded.count);
            let help = "let a `for-each` do what is the same, or split the runbook";
            diagnostics.push(Diagnostic::error(code::TOO_MANY_STEPS, loaded.span, message).help(help));
        }
        settle(&mut diagnostics);
        let plan = loaded.map(|loaded| plan(loaded, &package, texts));
        Checked { diagnostics, sources: self.sources.into_inner(), package, plan, later: self.later.into_inner() }
    }
}

/// The complaint about a path that leaves the package.
pub(crate) fn outside(written: &str, span: Option<Span>) -> Diagnostic {
    Diagnostic::error(code::PATH_OUTSIDE, span, format!("`{written}` leads out of the package"))
        .help("a run carries its files with it: keep them in the folder that holds `templates/`, or beside the runbook")
}

/// Puts the complaints in order, leaves out those that only follow from others, and ends a list that is too long.
fn settle(diagnostics: &mut Vec<Diagnostic>) {
    let broken: Vec<Span> = diagnostics
        .iter()
        .filter(|d| d.code < "RB02" && d.severity == Severity::Error)
        .filter_map(|d| d.span)
        .collect();
    let encloses =
        |outer: Span, inner: Span| outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end;
    if broken.len() <= MOST_COMPLAINTS {
        diagnostics.retain(|diagnostic| {
            diagnostic.code < "RB02"
                || !diagnostic.span.is_some_and(|span| broken.iter().any(|inner| encloses(span, *inner)))
        });
    }
    diagnostic::sort(diagnostics);
    if diagnostics.len() > MOST_COMPLAINTS {
        let more = diagnostics.split_off(MOST_COMPLAINTS);
        let message = format!("there are {} more complaints, which are not shown", more.len());
        // Errors come first, so the first one left out tells whether any error is.
        let severity = more.first().map_or(Severity::Warning, |first| first.severity);
        let told = Diagnostic::error(code::TOO_MANY_COMPLAINTS, None, message).help("correct those above first");
        diagnostics.push(Diagnostic { severity, ..told });
    }
}

/// The largest file, for whoever reads.
pub const LARGEST_FILE: usize = MOST_BYTES;
