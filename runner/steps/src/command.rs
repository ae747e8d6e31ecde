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
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::shape::Shape;
use runbook_model::value::{Map, Value};

use crate::arguments::{Judge, invalid, scalar, text, value_of};
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind};
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
    let text = scalar(what, value)?;
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
        .help("look at what it did, and whether it still runs")
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

#[cfg(test)]
mod tests {
    use runbook_model::kind::Place;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::test_machine::TestMachine;
    use crate::test_server::{invocation, now};
    use crate::written::planned;

    fn ended(status: i32, stdout: &str, stderr: &str) -> Course {
        Course::Ended(Ended {
            status: (status >= 0).then_some(status),
            signal: (status < 0).then_some(-status),
            stdout: stdout.into(),
            stderr: stderr.into(),
            truncated: false,
            created: true,
        })
    }

    fn run(machine: &TestMachine, arguments: Json, courses: Vec<Course>) -> Result<Progress, Failure> {
        *machine.courses.lock().unwrap() = courses;
        now(Command.start(&invocation(with_secret(arguments)), machine))
    }

    /// `PASSWORD` in the environment is a secret.
    fn with_secret(arguments: Json) -> Value {
        let mut arguments = Value::from(arguments);
        if let Value::Map(map) = &mut arguments
            && let Some(Value::Map(env)) = map.get_mut("env")
            && let Some(password) = env.get_mut("PASSWORD")
        {
            *password = std::mem::take(password).into_secret();
        }
        arguments
    }

    fn done(outcome: Result<Progress, Failure>) -> Answer {
        match outcome.unwrap() {
            Progress::Done(answer) => answer,
            going @ Progress::Going { .. } => panic!("{going:?}"),
        }
    }

    #[test]
    fn status_and_output_are_the_answer() {
        let machine = TestMachine::default();
        let answer = done(run(&machine, json!({"argv": ["make", 3, true]}), vec![ended(0, "out", "err")]));
        assert_eq!(answer.output.exposed(), json!({"status": 0, "stdout": "out", "stderr": "err", "truncated": false}));
        assert_eq!(machine.started.lock().unwrap()[0].0, ["make", "3", "true"]);
        let accepted = run(&machine, json!({"argv": ["diff"], "statuses": [0, 1]}), vec![ended(1, "", "")]);
        assert_eq!(done(accepted).output.exposed()["status"], 1);
    }

    #[test]
    fn another_end_is_a_failure_that_says_what_was_complained_of() {
        let machine = TestMachine::default();
        let failure = run(&machine, json!({"argv": ["make"]}), vec![ended(2, "", "first\n\n no rule\n")]).unwrap_err();
        assert_eq!((failure.class, failure.code.as_deref()), (FailureClass::CheckFailed, Some("exit-2")));
        assert_eq!(failure.message, "`make` ended with status 2: first / no rule");
        let failure = run(&machine, json!({"argv": ["make"]}), vec![ended(-15, "", "")]).unwrap_err();
        assert_eq!(
            (failure.message.as_str(), failure.code.as_deref()),
            ("`make` was ended by signal 15", Some("signal-15"))
        );
        let Course::Ended(end) = ended(0, "", "") else { unreachable!() };
        let not_made = vec![Course::Ended(Ended { created: false, ..end })];
        let failure = run(&machine, json!({"argv": ["make"], "creates": "/x"}), not_made).unwrap_err();
        assert_eq!(failure.message, "`make` ended with status 0 and did not make `/x`");
        let long = "ü".repeat(5_000);
        let failure = run(&machine, json!({"argv": ["make"]}), vec![ended(1, "", &long)]).unwrap_err();
        assert!(failure.message.len() < 700);
    }

    #[test]
    fn secrets_go_by_the_environment_and_come_back_as_secrets() {
        let machine = TestMachine::default();
        let arguments = json!({"argv": ["psql"], "env": {"PASSWORD": "hunter2", "N": 5}});
        let answer = done(run(&machine, arguments.clone(), vec![ended(0, "it is hunter2", "fine")]));
        assert_eq!(machine.started.lock().unwrap()[0].1["PASSWORD"], "hunter2");
        assert_eq!(answer.output.redacted()["stdout"], "(secret)");
        assert_eq!(answer.output.redacted()["stderr"], "fine");
        let failure = run(&machine, arguments, vec![ended(1, "", "wrong: hunter2")]).unwrap_err();
        assert_eq!(failure.message, "`psql` ended with status 1: wrong: (secret)");
        let told = Value::Map(Map::from_iter([("argv".to_owned(), Value::List(vec![Value::from("x").into_secret()]))]));
        let failure = now(Command.start(&invocation(told), &machine)).unwrap_err();
        assert!(failure.message.starts_with("`argv` holds a secret"), "{failure}");
    }

    #[test]
    fn what_takes_long_is_asked_about_and_what_is_lost_is_in_doubt() {
        let machine = TestMachine::default();
        let Progress::Going { ticket, observed } =
            run(&machine, json!({"argv": ["make"]}), vec![Course::Running]).unwrap()
        else {
            panic!("it runs")
        };
        assert_eq!(observed.as_deref(), Some("`make` runs"));
        *machine.courses.lock().unwrap() = vec![ended(0, "", ""), Course::Unknown];
        let invocation = invocation(json!({"argv": ["make"]}).into());
        done(now(Command.poll(&invocation, &ticket, &machine)));
        let lost = now(Command.poll(&invocation, &ticket, &machine)).unwrap_err();
        assert!(lost.in_doubt && lost.message.contains("is not known"), "{lost}");
    }

    #[test]
    fn nothing_runs_where_what_it_creates_is_there() {
        let machine = TestMachine::with("/x", "", 0o644);
        let answer = done(run(&machine, json!({"argv": ["make"], "creates": "/x"}), vec![]));
        assert_eq!((answer.origin, answer.output.exposed()["status"].is_null()), (Some(Origin::Unchanged), true));
        assert!(machine.started.lock().unwrap().is_empty());
    }

    #[test]
    fn an_effect_is_known_before_it_runs() {
        let effect = |arguments: Json| {
            let (_, planned, told) = planned(&Command, Place::Step, arguments);
            assert!(told.is_empty(), "{told:?}");
            planned.effect
        };
        assert_eq!(effect(json!({"argv": ["a"]})), Effect::OneShot);
        assert_eq!(effect(json!({"argv": ["a"], "creates": "/x"})), Effect::Converges);
        assert_eq!(effect(json!({"argv": ["a"], "creates": "/x", "effect": "reads"})), Effect::Reads);
        for (wrong, code) in [
            (json!({"argv": "make clean"}), "RB0642"),
            (json!({"argv": []}), "RB0642"),
            (json!({}), "RB0641"),
            (json!({"argv": ["a"], "shell": true}), "RB0640"),
            (json!({"argv": ["a"], "env": ["x=1"]}), "RB0642"),
        ] {
            let told = planned(&Command, Place::Step, wrong.clone()).2;
            assert!(told.len() == 1 && told[0].starts_with(code), "{wrong}: {told:?}");
        }
    }
}
