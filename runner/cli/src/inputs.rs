//! The inputs of a run: gathered from the command line, files, the environment and a person at the terminal.
//!
//! This file decides where values are looked for and in which order they win; how text becomes a value is the language's.
//! It must not know what an input is used for.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use indexmap::IndexMap;
use runbook_language::{Fitted, Offers, Origin};
use runbook_model::input::{BaseType, InputDeclaration, InputType};
use runbook_model::value::Value;

use crate::complaints;
use crate::exit::Exit;
use crate::stop::Stop;
use crate::{prompt, talk, terminal};

/// Where inputs come from. Without `Debug`: among them may be secrets.
#[derive(Args)]
pub(crate) struct InputOptions {
    /// An input; lists and maps are written as YAML
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE", value_parser = assignment)]
    given: Vec<(String, String)>,
    /// A YAML or JSON file with inputs; later files win, `-i` wins over all
    #[arg(long = "inputs", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// `name=value`, for clap.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as `NAME=VALUE`".to_owned()),
    }
}

/// The variable of the environment that gives an input.
fn variable(name: &str) -> String {
    format!("RUNBOOK_INPUT_{}", name.to_ascii_uppercase())
}

impl InputOptions {
    /// The names given with `-i`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|(name, _)| name.as_str())
    }

    /// A value for every declared input. What is missing is asked for at a terminal; elsewhere, and with everything that
    /// does not fit, it is complained of in one go. Names in files that are not in `known` are noted.
    pub(crate) fn gather(
        &self,
        declared: &IndexMap<String, InputDeclaration>,
        known: &IndexMap<String, InputDeclaration>,
    ) -> Result<IndexMap<String, Value>, Stop> {
        self.gather_over(None, declared, known)
    }

    /// The same over values that there are already, as a file of that name: they win over the environment, and whatever is
    /// given wins over them.
    pub(crate) fn gather_over(
        &self,
        before: Option<(String, Vec<u8>)>,
        declared: &IndexMap<String, InputDeclaration>,
        known: &IndexMap<String, InputDeclaration>,
    ) -> Result<IndexMap<String, Value>, Stop> {
        let files: Vec<(String, Vec<u8>)> = before.into_iter().chain(self.read_files()?).collect();
        let mut answers: IndexMap<String, String> = IndexMap::new();
        let mut fitted = self.offers(declared, &files, &answers).fit(declared);
        if !fitted.diagnostics.is_empty() || (!fitted.missing.is_empty() && !terminal::can_ask()) {
            return Err(refused(fitted));
        }
        for (name, file) in fitted.ignored.iter().filter(|(name, _)| !known.contains_key(name)) {
            talk::note(&format!("`{file}` gives `{name}`, which the runbook does not declare"));
        }
        loop {
            let open = declared.iter().find(|(name, _)| !fitted.values.contains_key(*name));
            let Some((name, declaration)) = open else { return home_expanded(fitted.values, declared) };
            let answer = prompt::ask(name, declaration.description.as_deref(), declaration.holds_secret())?;
            answers.insert(name.clone(), answer);
            fitted = self.offers(declared, &files, &answers).fit(declared);
            // Whoever mistyped an answer is asked again at once.
            complaints::draw(&fitted.diagnostics, &fitted.sources);
        }
    }

    fn read_files(&self) -> Result<Vec<(String, Vec<u8>)>, Stop> {
        let read = |path: &PathBuf| {
            let name = path.to_string_lossy().into_owned();
            // A pipe is welcome, but may never end.
            let most = runbook_language::LARGEST_FILE as u64 + 1;
            let mut bytes = Vec::new();
            match File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)) {
                Ok(_) => Ok((name, bytes)),
                Err(error) => Err(Stop::new(Exit::Invalid, format!("failed to read the inputs in `{name}`: {error}"))),
            }
        };
        self.files.iter().map(read).collect()
    }

    fn offers(
        &self,
        declared: &IndexMap<String, InputDeclaration>,
        files: &[(String, Vec<u8>)],
        answers: &IndexMap<String, String>,
    ) -> Offers {
        let mut offers = Offers::new();
        for name in declared.keys() {
            let variable = variable(name);
            if let Some(text) = std::env::var_os(&variable) {
                offers.text(name, text.to_string_lossy(), Origin::Environment(variable));
            }
        }
        for (name, bytes) in files {
            offers.file(name, bytes.clone());
        }
        for (name, text) in &self.given {
            offers.text(name, text, Origin::CommandLine);
        }
        for (name, text) in answers {
            offers.text(name, text, Origin::Prompt);
        }
        offers
    }
}

fn refused(fitted: Fitted) -> Stop {
    let absent = fitted.absent();
    let mut diagnostics = fitted.diagnostics;
    diagnostics.extend(absent);
    complaints::draw(&diagnostics, &fitted.sources);
    Stop::told(Exit::Invalid)
}

/// The values with `~` at the beginning of paths replaced by the home folder, wherever a path is declared.
fn home_expanded(
    values: IndexMap<String, Value>,
    declared: &IndexMap<String, InputDeclaration>,
) -> Result<IndexMap<String, Value>, Stop> {
    values
        .into_iter()
        .map(|(name, value)| {
            let value = match declared.get(&name) {
                Some(declaration) => expanded(value, &declaration.kind)?,
                None => value,
            };
            Ok((name, value))
        })
        .collect()
}

fn expanded(value: Value, kind: &InputType) -> Result<Value, Stop> {
    let inner = |value: Value, declaration: Option<&InputDeclaration>| match declaration {
        Some(declaration) => expanded(value, &declaration.kind),
        None => Ok(value),
    };
    Ok(match value {
        Value::Secret(secret) => expanded(secret.expose().clone(), kind)?.into_secret(),
        Value::String(path) if kind.base == BaseType::Path => Value::String(home_in(path)?),
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| inner(item, kind.items.as_deref())).collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let entry = |(key, value): (String, Value)| {
                let property = kind.properties.as_ref().and_then(|properties| properties.get(&key));
                let value = inner(value, property.or(kind.values.as_deref()))?;
                Ok((key, value))
            };
            Value::Map(map.into_iter().map(entry).collect::<Result<_, Stop>>()?)
        }
        plain => plain,
    })
}

fn home_in(path: String) -> Result<String, Stop> {
    let Some(rest) = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Ok(path);
    };
    match std::env::home_dir() {
        Some(home) => Ok(format!("{}{rest}", home.display())),
        None => Err(Stop::environment(format!("`{path}` begins with the home folder, and there is none"))
            .help("set `HOME`, or give the whole path")),
    }
}
