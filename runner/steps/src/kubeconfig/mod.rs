//! `kubeconfig`: adds a cluster to a kubeconfig file, or takes it out; and how such files are edited.
//!
//! This file decides the arguments and what is answered. It must not know where credentials come from, nor how files are
//! locked or written.

pub(crate) mod entries;
mod merging;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod tree;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::failure::Failure;
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use self::merging::Wanted;
use crate::arguments::{Judge, flag, required_text, text, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::files::{Edit, Judge as FileJudge, Original};
use crate::ports::Outside;

/// The kind.
#[derive(Debug)]
pub struct KubeconfigKind;

const NAME: &str = "kubeconfig";
/// The argument that names the connection.
const FOR: &str = "for";
const KEYS: [&str; 5] = [FOR, "path", "name", "use-context", "remove"];
static PARAMETERS: [Parameter; 5] = [
    Parameter::new(FOR, Takes::Connection(Reaches::Kubernetes), "the cluster; not with `remove`"),
    Parameter::new("path", Takes::Text, "the file; without it the first of `KUBECONFIG`, or `~/.kube/config`"),
    Parameter::new("name", Takes::Text, "what cluster, user and context are called in it").required(),
    Parameter::new("use-context", Takes::Flag, "make it the current context").fixed(),
    Parameter::new("remove", Takes::Flag, "take the entry out").fixed(),
];

impl Kind for KubeconfigKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "adds a cluster to a kubeconfig file, or takes it out"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "name", "write what the context shall be called, such as `parent`");
            for key in ["path", "name"] {
                judge.text(arguments, key);
            }
            let (current, remove) = (judge.boolean(arguments, "use-context"), judge.boolean(arguments, "remove"));
            if !remove {
                judge.require(arguments, FOR, "name the cluster's connection, or write `remove: true`");
            }
            let superfluous = [(FOR, value_of(arguments, FOR).is_some()), ("use-context", current)];
            for (key, there) in superfluous.into_iter().filter(|_| remove) {
                if let (true, Some(value)) = (there, value_of(arguments, key)) {
                    let message = format!("`{key}` and `remove` exclude each other");
                    judge.complain(code::KIND_TOGETHER, value.span, message, format!("leave `{key}` out"));
                }
            }
        }
        let members = [("context", Shape::Text), ("file", Shape::Text), ("backup", Shape::Text)];
        let result = Shape::structure(NAME, members);
        Planned { effect: Effect::Converges, result, ..Planned::unknown(Reaches::Nothing) }
    }
}

impl StepKind for KubeconfigKind {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { edit(invocation, outside).await.map(Progress::Done) })
    }
}

async fn edit(invocation: &Invocation, outside: &dyn Outside) -> Result<Answer, Failure> {
    let arguments = &invocation.arguments;
    let name = required_text(arguments, "name")?.to_owned();
    let files = outside.files();
    let path = match text(arguments, "path")? {
        Some(path) => path.to_owned(),
        None => files.kubeconfigs().into_iter().next().unwrap_or_default(),
    };
    let remove = flag(arguments, "remove");
    let called = name.clone();
    let judge: FileJudge = if remove {
        Box::new(move |originals: &[Original]| merging::removed(&originals[0], &name))
    } else {
        let connection = invocation.named_connection(FOR)?;
        let access = outside.kubernetes().access(connection).await?;
        let (cluster, user) = (access.cluster.exposed(), access.user.exposed());
        let wanted = Wanted { name, cluster, user, current: flag(arguments, "use-context") };
        Box::new(move |originals: &[Original]| merging::added(&originals[0], &wanted))
    };
    let edited = files.edit(Edit { run: invocation.run.clone(), paths: vec![path], locks: true, judge }).await?;
    let found = |key: &str| edited.found.get(key).cloned().unwrap_or_default();
    let backup = edited.backups.first().map_or(Value::Null, |path| Value::from(path.as_str()));
    let map = |entries: Vec<(&str, Value)>| {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
    };
    let added = found("what").as_str() == Some("added");
    Ok(Answer {
        output: map(vec![("context", called.into()), ("file", found("path")), ("backup", backup.clone())]),
        origin: Some(match (edited.changed, added) {
            (false, _) => Origin::Unchanged,
            (true, true) => Origin::Created,
            (true, false) => Origin::Changed,
        }),
        before: edited.changed.then(|| map(vec![("what", found("what")), ("backup", backup)])),
        ..Answer::default()
    })
}
