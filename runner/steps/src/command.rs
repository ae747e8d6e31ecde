//! `command`: runs a program of this machine.
//!
//! This file decides the arguments, what an end of the program means and what is told of it. Nothing secret is ever an
//! argument, because everybody on the machine can read those. It must not start anything itself.

use std::collections::BTreeMap;

use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::arguments::{Judge, invalid, text, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
use crate::known_secrets::KnownSecrets;
use crate::ports::Outside;
use crate::programs::{Course, Ended, Program, Programs};

/// The kind.
#[derive(Debug)]
pub struct Command;

const NAME: &str = "command";
const KEYS: [&str; 6] = ["argv", "env", "cwd", "creates", "statuses", "effect"];
static PARAMETERS: [Parameter; 6] = [
    Parameter::new("argv", Takes::List, "the program and its arguments, one item each; no shell reads them")
        .required()
        .shown(),
    Parameter::new("env", Takes::Map, "variables beside those of runbook itself; the place for secrets"),
    Parameter::new("cwd", Takes::Text, "the folder it runs in; by default the one runbook runs in"),
    Parameter::new("creates", Takes::Text, "a path it makes: nothing runs where that is there already"),
    Parameter::new("statuses", Takes::List, "the exit statuses that are a success; `[0]` by default"),
    Parameter::new(
        "effect",
        Takes::OneOf(&["reads", "converges", "one-shot"]),
        "what running it twice does; `converges` with `creates`, otherwise `one-shot`",
    )
    .fixed(),
];

/// How much sooner than its call a wait ends, so that the answer is in time.
const MARGIN: Duration = Duration::from_secs(3);

/// How many bytes of its complaints a failure quotes.
const QUOTED: usize = 600;

impl Kind for Command {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "runs a program; needs `--allow-command`"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        let mut judge = Judge::new(NAME, question.diagnostics);
        let mut effect = None;
        if judge.keys(arguments, &KEYS, &[]) {
            judge.require(arguments, "argv", "write the program and its arguments: `argv: [git, fetch]`");
            for (key, wanted) in [("argv", "[git, fetch]"), ("statuses", "[0, 1]"), ("env", "{NAME: value}")] {
                let Some(value) = value_of(arguments, key) else { continue };
                let fits = match (&value.node, key) {
                    (Node::Expression(_), _) | (Node::Map(_), "env") => true,
                    (Node::List(items), "argv" | "statuses") => !items.is_empty(),
                    _ => false,
                };
                if !fits {
                    let message = format!("`{key}` is {}", empty_or_type(value));
                    let span = value.span;
                    judge.complain(code::KIND_VALUE, span, message, format!("write `{key}: {wanted}`"));
                }
            }
            for key in ["cwd", "creates"] {
                judge.text(arguments, key);
            }
            let named = judge.choice(arguments, "effect", &["reads", "converges", "one-shot"]);
            effect = named.and_then(|name| Effect::named(&name));
        }
        let converges = value_of(arguments, "creates").is_some();
        let own = if converges { Effect::Converges } else { Effect::OneShot };
        let planned = Planned::unknown(Reaches::Nothing);
        let members = [
            ("status", Shape::Number),
            ("stdout", Shape::Text),
            ("stderr", Shape::Text),
            ("truncated", Shape::Boolean),
        ];
        Planned { effect: effect.unwrap_or(own), result: Shape::structure(NAME, members), ..planned }
    }
}

fn empty_or_type(value: &Argument) -> &'static str {
    if value.as_list().is_some_and(<[_]>::is_empty) { "an empty list" } else { value.type_name() }
}

impl StepKind for Command {
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move {
            let secrets = KnownSecrets::of(&invocation.arguments);
            let program = program(&invocation.arguments)?;
            let programs = outside.programs();
            let started = programs.start(&invocation.token.to_string(), program).await;
            if !started.map_err(|failure| secrets.redact_failure(failure))? {
                return Ok(Progress::Done(needless()));
            }
            ended(invocation, programs, &secrets).await
        })
    }

    fn poll<'a>(
        &'a self,
        invocation: &'a Invocation,
        _: &'a Value,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async move { ended(invocation, outside.programs(), &KnownSecrets::of(&invocation.arguments)).await })
    }
}

/// What it would create is there.
fn needless() -> Answer {
    let empty = || Value::from("");
    Answer {
        output: output(Value::Null, empty(), empty(), false),
        origin: Some(Origin::Unchanged),
        ..Answer::default()
    }
}

fn output(status: Value, stdout: Value, stderr: Value, truncated: bool) -> Value {
    let entries = [("status", status), ("stdout", stdout), ("stderr", stderr), ("truncated", truncated.into())];
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
}

fn program(arguments: &Value) -> Result<Program, Failure> {
    let argv = arguments.get("argv").and_then(Value::as_list).unwrap_or_default();
    if arguments.get("argv").is_some_and(Value::holds_secret) {
        return Err(invalid("`argv` holds a secret, and everybody on the machine can read arguments".into())
            .help("give it to the program in a variable, under `env`"));
    }
    let argv: Result<Vec<String>, Failure> =
        argv.iter().enumerate().map(|(at, part)| one(&format!("argv[{at}]"), part)).collect();
    let argv = argv?;
    if argv.first().is_none_or(String::is_empty) {
        return Err(invalid("`argv` names no program".into()).help("write `argv: [git, fetch]`"));
    }
    let variables = arguments.get("env").and_then(Value::as_map);
    let environment: Result<BTreeMap<String, String>, Failure> = variables
        .into_iter()
        .flatten()
        .map(|(name, value)| Ok((name.clone(), one(&format!("env.{name}"), value)?)))
        .collect();
    Ok(Program {
        argv,
        environment: environment?,
        directory: text(arguments, "cwd")?.map(str::to_owned),
        creates: text(arguments, "creates")?.map(str::to_owned),
    })
}

/// A scalar as a program reads it.
fn one(what: &str, value: &Value) -> Result<String, Failure> {
    let text = match value.peeled() {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        other => return Err(invalid(format!("`{what}` is {}, not text", other.type_name()))),
    };
    if text.contains('\0') {
        return Err(invalid(format!("`{what}` holds a zero byte")));
    }
    Ok(text)
}

async fn ended(invocation: &Invocation, programs: &dyn Programs, secrets: &KnownSecrets) -> Result<Progress, Failure> {
    let key = invocation.token.to_string();
    let patience = Duration::from_millis(invocation.limit.as_millis().saturating_sub(MARGIN.as_millis()));
    let name = invocation.arguments.get("argv").and_then(Value::as_list).and_then(<[_]>::first).and_then(Value::as_str);
    let name = name.unwrap_or(NAME);
    match programs.wait(&key, patience).await? {
        Course::Running => {
            let ticket = Value::Map(Map::from_iter([("program".to_owned(), Value::from(name))]));
            Ok(Progress::Going { ticket, observed: Some(format!("`{name}` runs")) })
        }
        Course::Ended(ended) => judged(name, &invocation.arguments, ended, secrets).map(Progress::Done),
        Course::Unknown => Err(Failure::new(
            FailureClass::Unknown,
            format!("how `{name}` ended is not known: the process of runbook that started it is gone"),
        )
        .help("look at what it did; a resume runs it again")
        .doubtful()),
    }
}

fn judged(name: &str, arguments: &Value, ended: Ended, secrets: &KnownSecrets) -> Result<Answer, Failure> {
    let failed = |code: String, how: String| {
        let quoted = tail(&secrets.redact(&ended.stderr));
        let said = if quoted.is_empty() { String::new() } else { format!(": {quoted}") };
        Err(Failure::new(FailureClass::CheckFailed, format!("`{name}` {how}{said}")).code(code))
    };
    let Some(status) = ended.status else {
        let signal = ended.signal.unwrap_or_default();
        return failed(format!("signal-{signal}"), format!("was ended by signal {signal}"));
    };
    let good = arguments.get("statuses").and_then(Value::as_list);
    let is_good = |status: i64| match good {
        Some(list) => list.iter().any(|good| good.as_i64() == Some(status)),
        None => status == 0,
    };
    if !is_good(status.into()) {
        return failed(format!("exit-{status}"), format!("ended with status {status}"));
    }
    if !ended.created {
        let path = arguments.get("creates").and_then(Value::as_str).unwrap_or_default();
        return failed("not-created".to_owned(), format!("ended with status {status} and did not make `{path}`"));
    }
    let text = |text: String| secrets.mark(Value::from(text));
    Ok(Answer {
        output: output(i64::from(status).into(), text(ended.stdout), text(ended.stderr), ended.truncated),
        origin: arguments.get("creates").map(|_| Origin::Created),
        ..Answer::default()
    })
}

/// The last lines of a text, on one line.
fn tail(text: &str) -> String {
    let text = text.trim();
    let from = text.len().saturating_sub(QUOTED);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[from..].lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}
