//! `rename-context`: gives a context of a kubeconfig, and its cluster, a name that Karmada takes.
//!
//! This file decides the arguments, which names are refused and what is answered. Users keep their names: nobody outside the
//! file reads them. It must not know how files are locked or written.

mod renaming;
#[cfg(test)]
mod tests;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::arguments::{Judge, invalid, required_text, text, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::files::Edit;
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct RenameContext;

const NAME: &str = "rename-context";
const KEYS: [&str; 3] = ["kubeconfig", "from", "to"];
static PARAMETERS: [Parameter; 3] = [
    Parameter::new("kubeconfig", Takes::Text, "the file; without it the files of `KUBECONFIG`, or `~/.kube/config`"),
    Parameter::new("from", Takes::Text, "the context as it is called now").required(),
    Parameter::new("to", Takes::Text, "its new name: lower case letters, digits and `-`, at most 48").required(),
];

/// The longest name Karmada takes for a cluster.
const LONGEST: usize = 48;

/// Why Karmada would refuse a name of a cluster, if it would.
fn refusal(name: &str) -> Option<&'static str> {
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if name.chars().count() > LONGEST {
        Some("it has more than 48 characters")
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        Some("only lower case letters, digits and `-` may stand in it")
    } else if !outer(name.chars().next()) || !outer(name.chars().next_back()) {
        Some("it has to begin and end with a letter or a digit")
    } else {
        None
    }
}

impl Kind for RenameContext {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "gives a context of a kubeconfig, and its cluster, another name"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "from", "write the name that the context has, such as an ARN");
            judge.require(arguments, "to", "write the name it shall have, such as `eucl01`");
            for key in KEYS {
                let literal = judge.text(arguments, key);
                if let ("to", Some(name), Some(value)) = (key, literal, value_of(arguments, key))
                    && let Some(why) = refusal(&name)
                {
                    let message = format!("`{name}` is no name that Karmada takes for a cluster: {why}");
                    let span = value.span;
                    judge.complain(code::CLUSTER_NAME, span, message, "choose a name such as `eucl01`");
                }
            }
        }
        let members = [
            ("context", Shape::Text),
            ("cluster", Shape::Text),
            ("file", Shape::Text),
            ("backups", Shape::List(Box::new(Shape::Text))),
        ];
        let result = Shape::structure(NAME, members);
        Planned { effect: Effect::Converges, result, ..Planned::unknown(Reaches::Nothing) }
    }
}

impl StepKind for RenameContext {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { rename(invocation, outside).await.map(Progress::Done) })
    }
}

async fn rename(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let arguments = &invocation.arguments;
    let from = required_text(arguments, "from")?.to_owned();
    let to = required_text(arguments, "to")?.to_owned();
    if let Some(why) = refusal(&to) {
        return Err(invalid(format!("`{to}` is no name that Karmada takes for a cluster: {why}"))
            .help("choose a name such as `eucl01`"));
    }
    let files = outside.files();
    let paths = match text(arguments, "kubeconfig")? {
        Some(path) => vec![path.to_owned()],
        None => files.kubeconfigs(),
    };
    let judge = move |originals: &[_]| renaming::renamed(originals, &from, &to);
    let edit = Edit { run: invocation.run.clone(), paths, locks: true, judge: Box::new(judge) };
    let edited = files.edit(edit).await?;
    let found = |key: &str| edited.found.get(key).cloned().unwrap_or_default();
    let backups = Value::List(edited.backups.iter().map(|path| Value::from(path.as_str())).collect());
    let output =
        [("context", found("context")), ("cluster", found("context")), ("file", found("file")), ("backups", backups)];
    // What renaming back takes.
    let before = [("context", found("was")), ("cluster", found("cluster_was")), ("file", found("file"))];
    let map = |entries: Vec<(&str, Value)>| {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
    };
    Ok(Answer {
        output: map(output.to_vec()),
        origin: Some(if edited.changed { Origin::Changed } else { Origin::Unchanged }),
        before: edited.changed.then(|| map(before.to_vec())),
        ..Answer::default()
    })
}
