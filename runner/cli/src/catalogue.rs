//! All kinds of steps that an author can write, those of the language itself included.
//!
//! This file decides what is told of each: one sentence, what repeating it does, what it takes. It must not know how any
//! is carried out.

use runbook_language::{Held, TEMPLATES, check};
use runbook_model::argument::Argument;
use runbook_model::input::BaseType;
use runbook_model::kind::{Effect, Kind, Kinds, Parameter, Place, Question, Reaches, Takes};
use runbook_steps::kinds;

/// A kind as people are told of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The key that authors write.
    pub(crate) name: &'static str,
    /// One sentence without its stop.
    pub(crate) summary: &'static str,
    /// What repeating it does.
    pub(crate) effect: &'static str,
    /// Where it may stand.
    pub(crate) place: &'static str,
    /// Why this version does not carry it out, if it does not.
    pub(crate) later: Option<&'static str>,
    /// What it takes; `None` if it takes something other than a map of named arguments, or that is not known.
    pub(crate) arguments: Option<Vec<Argued>>,
}

/// One argument of a kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argued {
    pub(crate) name: String,
    pub(crate) takes: Takes,
    pub(crate) required: bool,
    pub(crate) fixed: bool,
    pub(crate) about: String,
}

impl From<&Parameter> for Argued {
    fn from(parameter: &Parameter) -> Self {
        let Parameter { name, takes, required, fixed, about, shown: _ } = *parameter;
        Self { name: name.to_owned(), takes, required, fixed, about: about.to_owned() }
    }
}

/// The connection of a kind that expands which is the step's own; the language gives it.
const TARGET: &str = "target";

const STEP: &str = "step";
pub(crate) const LOOK: &str = "source of a `wait-for`";
pub(crate) const BOTH: &str = "step, probe, source of a `wait-for`";

static APPROVE: [Parameter; 1] = [Parameter::new("message", Takes::Text, "what the person is asked").required()];
static GROUP: [Parameter; 1] = [Parameter::new("steps", Takes::List, "the steps, which see `item`").required().fixed()];
static RUNBOOK: [Parameter; 3] = [
    Parameter::new("uses", Takes::Text, "the file, such as `./network.yaml`").required().fixed(),
    Parameter::new("with", Takes::Map, "its inputs"),
    Parameter::new("with-connections", Takes::Map, "its connections that are replaced by others"),
];
static WAIT: [Parameter; 13] = [
    Parameter::new("aws-call", Takes::Map, "looks by an AWS operation that reads"),
    Parameter::new("k8s", Takes::Map, "watches Kubernetes objects; takes what `k8s-get` takes"),
    Parameter::new("http", Takes::Map, "asks a web server"),
    Parameter::new("tcp", Takes::Map, "tries a port"),
    Parameter::new("dns", Takes::Map, "looks a name up"),
    Parameter::new("until", Takes::Anything, "when it is over: an expression, or `ready` for `k8s`"),
    Parameter::new("waiter", Takes::Text, "a waiter of the AWS service, instead of `until`").fixed(),
    Parameter::new("fail-when", Takes::Anything, "when it is hopeless: an expression, or a list of `{when, say}`"),
    Parameter::new("observe", Takes::Anything, "what people are shown"),
    Parameter::new("else", Takes::Text, "the sentence when time is up"),
    Parameter::new("every", Takes::Duration, "the longest pause between looks; 15s by default"),
    Parameter::new("stable-for", Takes::Duration, "how long `until` has to hold without a break"),
    Parameter::new("connection", Takes::Anything, "the connection of the look, if it is not the step's"),
];

/// The kinds that the language and the engine carry out themselves: name, sentence, effect, what they take.
type Own = (&'static str, &'static str, &'static str, Option<&'static [Parameter]>);
static OWN: [Own; 6] = [
    ("approve", "parks the run until a person says go on", "reads", Some(&APPROVE)),
    ("assert", "judges values; a list of checks", "reads", None),
    ("group", "runs several steps under one id", "as its steps", Some(&GROUP)),
    ("runbook", "runs another runbook", "as its steps", Some(&RUNBOOK)),
    ("set", "gives names to values, which are the step's outputs", "reads", None),
    ("wait-for", "looks again and again until something holds", "reads", Some(&WAIT)),
];

/// All kinds, in the order of their names.
pub(crate) fn all() -> Vec<Entry> {
    let own = OWN.iter().map(|(name, summary, effect, parameters)| Entry {
        name,
        summary,
        effect,
        place: STEP,
        later: None,
        arguments: parameters.map(|parameters| parameters.iter().map(Argued::from).collect()),
    });
    let registry = kinds();
    let others = registry.names().into_iter().filter_map(|name| registry.get(name).map(entry));
    let mut all: Vec<Entry> = own.chain(others).collect();
    all.sort_by_key(|entry| entry.name);
    all
}

fn entry(kind: &dyn Kind) -> Entry {
    let planned = |place| {
        let mut diagnostics = Vec::new();
        let planned = kind.plan(&mut Argument::default(), &mut Question { place, diagnostics: &mut diagnostics });
        (planned, diagnostics.iter().any(|found| found.code == runbook_model::code::KIND_PLACE))
    };
    let ((step, no_step), (_, no_look)) = (planned(Place::Step), planned(Place::Look));
    Entry {
        name: kind.name(),
        summary: kind.summary(),
        effect: match (kind.name(), kind.expansion()) {
            // The operation decides, and without one nothing is known.
            ("aws-call", _) => "by the operation",
            (_, Some(_)) => "as its steps",
            (_, None) => Effect::as_str(step.effect),
        },
        place: match (no_step, no_look) {
            (true, _) => LOOK,
            (_, true) => STEP,
            _ => BOTH,
        },
        later: kind.not_carried_out(),
        arguments: arguments(kind),
    }
}

fn arguments(kind: &dyn Kind) -> Option<Vec<Argued>> {
    let Some(expansion) = kind.expansion() else {
        let parameters: Vec<Argued> = kind.parameters().iter().map(Argued::from).collect();
        return Some(parameters).filter(|parameters| !parameters.is_empty());
    };
    // A kind that expands takes what its runbook takes.
    let texts = std::iter::once((expansion.file.to_owned(), expansion.text))
        .chain(expansion.templates.iter().map(|(path, text)| (format!("{TEMPLATES}/{path}"), *text)));
    let held = Held(texts.map(|(path, text)| (path, text.to_owned())).collect());
    let checked = check(&held, expansion.file, &kinds());
    let inputs = checked.inputs();
    let connections = checked.draft().map(|plan| plan.body.connections.clone()).unwrap_or_default();
    let connections = connections.keys().filter(|name| *name != TARGET).map(|name| Argued {
        name: name.clone(),
        takes: Takes::Connection(Reaches::Nothing),
        required: false,
        fixed: false,
        about: format!("what stands for its connection `{name}`"),
    });
    Some(
        inputs
            .iter()
            .map(|(name, input)| Argued {
                name: name.replace('_', "-"),
                takes: match input.kind.base {
                    BaseType::String | BaseType::Path => Takes::Text,
                    BaseType::Integer => Takes::Count,
                    BaseType::Boolean => Takes::Flag,
                    BaseType::Duration => Takes::Duration,
                    BaseType::List => Takes::List,
                    BaseType::Map => Takes::Map,
                    BaseType::Number | BaseType::Any => Takes::Anything,
                },
                required: input.is_required(),
                fixed: false,
                about: input.description.clone().unwrap_or_default(),
            })
            .chain(connections)
            .collect(),
    )
}

/// What an argument takes, in a word or two.
pub(crate) fn wanted(takes: Takes) -> String {
    match takes {
        Takes::Anything => "anything".to_owned(),
        Takes::Text => "text".to_owned(),
        Takes::Count => "whole number".to_owned(),
        Takes::Flag => "true or false".to_owned(),
        Takes::Duration => "duration".to_owned(),
        Takes::List => "list".to_owned(),
        Takes::Map => "map".to_owned(),
        Takes::Connection(_) => "connection".to_owned(),
        Takes::OneOf(words) => words.join(" | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_of_once_with_a_sentence() {
        let all = all();
        assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(all.iter().all(|entry| !entry.summary.is_empty() && !entry.summary.ends_with('.')));
        let find = |name: &str| all.iter().find(|entry| entry.name == name).unwrap();
        assert_eq!((find("k8s-get").effect, find("k8s-get").place), ("reads", BOTH));
        assert_eq!((find("k8s-apply").effect, find("k8s-apply").place), ("converges", STEP));
        assert!(find("aws-call").arguments.as_ref().unwrap().iter().any(|a| a.name == "service" && a.required));
        assert!(find("set").arguments.is_none());
    }

    #[test]
    fn the_language_itself_knows_all_of_its_own_kinds() {
        // A step of a kind that the language does not know is complained about with this code.
        for (name, ..) in OWN {
            let text = format!("apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\nsteps:\n- id: a\n  {name}: {{}}\n");
            let held = Held([("demo.yaml".to_owned(), text)].into());
            let checked = check(&held, "demo.yaml", &kinds());
            assert!(checked.diagnostics.iter().all(|d| d.code != runbook_model::code::KIND_UNKNOWN), "{name}");
        }
    }
}
