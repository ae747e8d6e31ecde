//! Inputs that somebody gives: read by the type that is declared for them.
//!
//! This file decides how text becomes a value, which of several offers wins, and how what does not fit is told. It must
//! not know where offers are found: it is given texts. No complaint of it shows a secret.

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::input::{BaseType, InputDeclaration, Misfit};
use runbook_model::source::{SourceId, Sources};
use runbook_model::value::Value;

use crate::text::{decoded, literal};
use crate::written::{clause, meant, place_of};

/// Where an offer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment, by this variable.
    Environment(String),
    /// A file of inputs.
    File(String),
    /// The command line: `-i`.
    CommandLine,
    /// A person was asked.
    Prompt,
}

/// What was given for the inputs of a runbook. What is offered later wins.
#[derive(Debug, Default)]
pub struct Offers {
    offers: Vec<(String, Given, Origin)>,
    sources: Sources,
    refused: Vec<Diagnostic>,
}

#[derive(Debug)]
enum Given {
    /// Text whose meaning the declared type decides.
    Text(String),
    /// A value of a file.
    Written(Argument),
}

/// Offers fitted to declarations.
#[derive(Debug, Default)]
pub struct Fitted {
    /// A value for every declared input that fits; null for optional ones nobody gave.
    pub values: IndexMap<String, Value>,
    /// Inputs that need a value and got none.
    pub missing: Vec<String>,
    /// What does not fit.
    pub diagnostics: Vec<Diagnostic>,
    /// Names in files that the runbook does not declare, with the file.
    pub ignored: Vec<(String, String)>,
    /// The texts of files, to draw the diagnostics in.
    pub sources: Sources,
}

impl Offers {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A value as text.
    pub fn text(&mut self, name: impl Into<String>, text: impl Into<String>, origin: Origin) {
        self.offers.push((name.into(), Given::Text(text.into()), origin));
    }

    /// A file of inputs, YAML or JSON: a map from names to values. `${{` is text in it.
    pub fn file(&mut self, name: &str, bytes: Vec<u8>) {
        let read = decoded(name, bytes, &mut self.sources).and_then(|source| self.parsed(source));
        let argument = match read {
            Ok(argument) => argument,
            Err(diagnostic) => {
                // The source line may hold a secret, and which inputs are secret is not known here.
                let place = diagnostic.span.map(|span| self.sources.place(span).to_string()).unwrap_or_default();
                let message = format!("the inputs in `{name}` cannot be read: {}", diagnostic.message);
                let help = match diagnostic.code {
                    code::FILE_SIZE => "leave out what is no input of the runbook".to_owned(),
                    _ => format!("see {place}"),
                };
                self.refused.push(Diagnostic::error(code::INPUT_FILE, None, message).help(help));
                return;
            }
        };
        match argument.as_map() {
            Some(entries) => {
                for entry in entries {
                    let origin = Origin::File(name.to_owned());
                    self.offers.push((entry.key.clone(), Given::Written(entry.value.clone()), origin));
                }
            }
            None if argument.is_null() => {}
            None => {
                let message = format!("the inputs in `{name}` are {}, not a map", argument.type_name());
                let help = "write one `name: value` per line";
                self.refused.push(Diagnostic::error(code::INPUT_FILE, None, message).help(help));
            }
        }
    }

    fn parsed(&mut self, source: SourceId) -> Result<Argument, Box<Diagnostic>> {
        // JSON is YAML but for the tabs between its parts; inside its texts they are escaped.
        let text = &self.sources.get(source).text;
        let tabs = text.contains('\t') && serde_json::from_str::<serde_json::Value>(text).is_ok();
        let source = if tabs {
            let (name, text) = (self.sources.get(source).name.clone(), text.replace('\t', " "));
            self.sources.add(name, text)
        } else {
            source
        };
        literal(&self.sources, source)
    }

    /// Fits the offers to the declared inputs.
    #[must_use]
    pub fn fit(self, declarations: &IndexMap<String, InputDeclaration>) -> Fitted {
        let unread = !self.refused.is_empty();
        let mut fitted = Fitted { diagnostics: self.refused, sources: self.sources, ..Fitted::default() };
        let mut chosen: IndexMap<&str, (&Given, &Origin)> = IndexMap::new();
        for (name, given, origin) in &self.offers {
            if declarations.contains_key(name) {
                chosen.insert(name, (given, origin));
                continue;
            }
            match origin {
                Origin::File(file) => fitted.ignored.push((name.clone(), file.clone())),
                Origin::CommandLine | Origin::Environment(_) | Origin::Prompt => {
                    let listed: Vec<String> = declarations.keys().map(|name| format!("`{name}`")).collect();
                    let otherwise = match listed.as_slice() {
                        [] => "it takes none".to_owned(),
                        some => format!("it takes {}", some.join(", ")),
                    };
                    let help = meant(name, declarations.keys().map(String::as_str), &otherwise);
                    let message = format!("the runbook has no input `{name}`");
                    fitted.diagnostics.push(Diagnostic::error(code::INPUT_UNDECLARED, None, message).help(help));
                }
            }
        }
        for (name, declaration) in declarations {
            let offer = chosen.get(name.as_str()).copied();
            fitted.one(name, declaration, offer);
        }
        if unread {
            // It may stand in the file that could not be read.
            fitted.missing.clear();
        }
        fitted
    }
}

impl Fitted {
    /// The one complaint about all inputs that nobody gave; `None` if there are none.
    #[must_use]
    pub fn absent(&self) -> Option<Diagnostic> {
        let (last, others) = self.missing.split_last()?;
        let quoted = |name: &String| format!("`{name}`");
        let message = if others.is_empty() {
            format!("the input {} has no value", quoted(last))
        } else {
            let others: Vec<String> = others.iter().map(quoted).collect();
            format!("the inputs {} and {} have no value", others.join(", "), quoted(last))
        };
        let flags: Vec<String> = self.missing.iter().map(|name| format!("-i {name}=…")).collect();
        let help = format!("add `{}`, or `--inputs FILE` with a file that holds them", flags.join(" "));
        Some(Diagnostic::error(code::INPUT_ABSENT, None, message).help(help))
    }

    fn one(&mut self, name: &str, declaration: &InputDeclaration, offer: Option<(&Given, &Origin)>) {
        let argument = match offer {
            None => None,
            Some((given, origin)) => match read(given, declaration) {
                Ok(argument) => Some((argument, origin)),
                Err(why) => {
                    let why = if declaration.holds_secret() { "it is not YAML".to_owned() } else { why };
                    let message = format!("the input `{name}` cannot be read: {why}");
                    let help = format!("write it as YAML, such as `{}`", sample(declaration.kind.base));
                    self.diagnostics.push(Diagnostic::error(code::INPUT_UNFIT, None, message).help(help));
                    return;
                }
            },
        };
        let value = argument.as_ref().and_then(|(argument, _)| argument.literal()).filter(|value| !value.is_null());
        if value.is_none() && declaration.is_required() {
            self.missing.push(name.to_owned());
            return;
        }
        let misfits = match declaration.fit(value.as_ref()) {
            Ok(value) => {
                self.values.insert(name.to_owned(), value);
                return;
            }
            Err(misfits) => misfits,
        };
        for misfit in misfits {
            let (span, from) = match &argument {
                // No line of a file that holds a secret is shown.
                Some((argument, Origin::File(file))) if declaration.holds_secret() => {
                    (None, format!(" from `{file}`, line {}", self.sources.place(argument.span).line))
                }
                Some((argument, Origin::File(_))) => (Some(place_of(argument, &misfit.at)), String::new()),
                Some((_, Origin::Environment(variable))) => (None, format!(" from `{variable}`")),
                _ => (None, String::new()),
            };
            let message = format!("the input `{name}`{from} does not fit: {}", clause(&misfit));
            let (part, depth) = declaration.part(&misfit.at);
            let described = part.description.as_ref().map(|text| format!("; it is described as: {text}"));
            let known = Misfit { at: misfit.at[..depth].to_vec(), message: String::new() };
            let subject = if known.at.is_empty() { "it".into() } else { format!("`{}`", known.path(name)) };
            let help = format!("{subject} takes {}{}", part.kind.demanded(), described.unwrap_or_default());
            self.diagnostics.push(Diagnostic::error(code::INPUT_UNFIT, span, message).help(help));
        }
    }
}

/// What was given as a literal of the declared type.
fn read(given: &Given, declaration: &InputDeclaration) -> Result<Argument, String> {
    let mut argument = match given {
        Given::Written(argument) => argument.clone(),
        Given::Text(text) => match declaration.kind.base {
            BaseType::List | BaseType::Map | BaseType::Any => {
                let mut sources = Sources::default();
                let source = sources.add("", text.as_str());
                literal(&sources, source).map_err(|diagnostic| diagnostic.message)?
            }
            _ => Argument::new(runbook_model::argument::Node::Text(text.clone())),
        },
    };
    declaration.adopt(&mut argument);
    Ok(argument)
}

fn sample(base: BaseType) -> &'static str {
    match base {
        BaseType::List => "[a, b]",
        BaseType::Map => "{a: 1}",
        _ => "text",
    }
}
