//! What a checked runbook means: digests, needs, expansions, places in JSON, refusals of a plan.

use indexmap::IndexMap;
use runbook_language::{Checked, Held, check, plan, render};
use runbook_model::argument::Argument;
use runbook_model::kind::{Effect, Expansion, Kind, Kinds, Parameter, Planned, Question, Reaches, Takes};
use runbook_model::plan::{Action, Plan, Step};
use serde_json::json;

const HEAD: &str = "apiVersion: runbook/v1\nname: a\nversion: 0.1.0\n";

fn package(files: &[(&str, &str)]) -> Held {
    Held(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

fn checked(files: &[(&str, &str)], kinds: &dyn Kinds) -> Checked {
    check(&package(files), "a.yaml", kinds)
}

/// The plan of a runbook that is right.
fn planned(body: &str, more: &[(&str, &str)]) -> Plan {
    let text = format!("{HEAD}{body}");
    let files: Vec<(&str, &str)> = [("a.yaml", text.as_str())].into_iter().chain(more.iter().copied()).collect();
    let checked = checked(&files, &runbook_steps::kinds());
    let told = render::text(&checked.diagnostics, &checked.sources, render::Style::default());
    plan(&checked, &IndexMap::new()).unwrap_or_else(|_| panic!("{told}"))
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    plan.body.steps.iter().find(|step| step.id == id).unwrap_or_else(|| panic!("there is a step {id}"))
}

#[test]
fn a_definition_covers_what_a_step_does_and_nothing_else() {
    let digest = |connections: &str, step_text: &str, template: &str| {
        let body =
            format!("connections:\n  c: {connections}\nsteps:\n  - {{id: a, set: {{}}}}\n  - {{id: s, {step_text}}}\n");
        step(&planned(&body, &[("templates/t.txt.j2", template)]), "s").definition
    };
    let call = "connection: c, aws-call: {service: sts, operation: GetCallerIdentity}";
    let first = digest("{aws: {}}", call, "x");
    for (connections, text, same) in [
        ("{aws: {}}", format!("title: Other, needs: [], timeout: 3m, retry: {{attempts: 2}}, {call}"), true),
        ("{aws: {}}", format!("when: true, {call}"), false),
        ("{aws: {}}", format!("for-each: [a], {call}"), false),
        ("{aws: {}}", format!("outputs: {{a: 1}}, {call}"), false),
        ("{aws: {}}", format!("check: [{{that: true}}], {call}"), false),
        ("{aws: {}}", call.replace("connection: c, ", ""), false),
        ("{aws: {region: x}}", call.to_owned(), false),
    ] {
        assert_eq!(digest(connections, &text, "x") == first, same, "{connections} {text}");
    }
    let rendered = "set: {x: \"${{ template('t.txt.j2') }}\"}";
    assert_eq!(digest("{aws: {}}", rendered, "x"), digest("{aws: {region: x}}", rendered, "x"));
    assert_ne!(digest("{aws: {}}", rendered, "x"), digest("{aws: {}}", rendered, "y"));
}

#[test]
fn what_a_deletion_does_not_find_is_an_answer() {
    let delete = "connection: {eks: x}, k8s-delete: {apiVersion: v1, kind: Pod, name: a}";
    let accept =
        |more: &str| step(&planned(&format!("steps:\n  - {{id: s, {more}{delete}}}\n"), &[]), "s").accept.clone();
    assert_eq!(accept(""), ["missing"]);
    assert_eq!(accept("accept: [denied, missing], "), ["denied", "missing"]);
}

#[test]
fn what_an_item_does_is_the_same_in_an_edited_list() {
    let item = |text: &str| {
        let body = format!("steps:\n  - {{id: s, {text}}}\n");
        step(&planned(&body, &[]), "s").item_definition
    };
    let first = item("for-each: [a, b], set: {x: \"${{ item }}\"}");
    assert_eq!(item("for-each: [b, c], when: \"${{ inputs != {} }}\", set: {x: \"${{ item }}\"}"), first);
    assert_ne!(item("for-each: [a, b], set: {x: \"${{ key }}\"}"), first);
    assert_ne!(item("for-each: [a, b], when: \"${{ item != 'a' }}\", set: {x: \"${{ item }}\"}"), first);
    assert_eq!(item("set: {x: 1}"), None);
}

#[test]
fn a_step_waits_for_what_is_written_what_is_before_it_and_what_it_mentions() {
    let plan = planned(
        "connections:\n  made: {eks: \"${{ steps.name.x }}\", aws: aws}\n\
         steps:\n  - {id: name, set: {x: a}}\n  - {id: other, needs: [], set: {x: b}}\n  - {id: last, set: {}}\n  \
         - {id: by_mention, needs: [], set: {x: \"${{ steps.other.x }}\"}}\n  \
         - {id: by_connection, needs: [last], connection: made, k8s-get: {apiVersion: v1, kind: Node}}\n  \
         - {id: by_probe, needs: [], aws-call: {service: sts, operation: GetCallerIdentity}, probe: {aws-call: {service: sts, operation: GetCallerIdentity}, present-when: \"${{ steps.last != {} }}\"}}\n  \
         - {id: not_by_undo, needs: [], set: {}, undo: [{set: {x: \"${{ steps.name.x }}\"}}]}\n",
        &[],
    );
    let needs = |id: &str| step(&plan, id).needs.clone();
    assert_eq!(needs("name"), [""; 0]);
    assert_eq!(needs("last"), ["other"]);
    assert_eq!(needs("by_mention"), ["other"]);
    assert_eq!(needs("by_connection"), ["name", "last"]);
    assert_eq!(needs("by_probe"), ["last"]);
    assert_eq!(needs("not_by_undo"), [""; 0]);
}

#[test]
fn every_template_that_may_be_rendered_is_part_of_the_run() {
    let body = "inputs: {which: {type: string, default: b}}\nsteps:\n  - id: s\n    set:\n      x: ${{ template('iam/' ~ inputs.which ~ '.txt.j2') }}\n";
    let files = [
        ("templates/iam/a.txt.j2", "{% include 'parts/c.txt.j2' %}"),
        ("templates/iam/b.txt.j2", "{{ template('parts/d.txt.j2') }}"),
        ("templates/iam/b.yaml.j2", "not reached"),
        ("templates/parts/c.txt.j2", "c"),
        ("templates/parts/d.txt.j2", "d"),
        ("templates/parts/e.txt.j2", "not reached"),
        ("other.yaml", "not reached"),
    ];
    let plan = planned(body, &files);
    let mut templates: Vec<&String> = plan.templates.keys().collect();
    templates.sort();
    assert_eq!(templates, ["iam/a.txt.j2", "iam/b.txt.j2", "parts/c.txt.j2", "parts/d.txt.j2"]);
    let smaller = planned(body, &files[..5]);
    assert_eq!(smaller.runbook.digest, plan.runbook.digest, "what is not reached does not count");
    assert_ne!(planned(body, &[files[1], files[4]]).runbook.digest, plan.runbook.digest);
}

#[test]
fn waits_know_whether_they_judge_failed_looks() {
    let wait = |text: &str| {
        let body = format!(
            "steps:\n  - id: w\n    wait-for:\n      aws-call: {{service: eks, operation: DescribeCluster, params: {{name: x}}}}\n{text}"
        );
        let plan = planned(&body, &[]);
        let Action::Wait(wait) = &step(&plan, "w").action else { panic!("is a wait") };
        (wait.reads_error, wait.every.as_text().map(str::to_owned))
    };
    assert_eq!(wait("      until: ${{ result.cluster.status == 'ACTIVE' }}\n"), (false, Some("15s".into())));
    assert_eq!(wait("      until: ${{ error.class == 'missing' }}\n      every: 1m\n"), (true, Some("1m".into())));
    assert!(wait("      until: ${{ false }}\n      observe: ${{ error.message }}\n").0);
    assert!(!wait("      until: ${{ false }}\n      else: ${{ error.message }}\n").0);
}

#[test]
fn defaults_lie_under_what_a_step_says() {
    let plan = planned(
        "defaults: {retry: {attempts: 9, max-delay: 2m, errors: [missing]}, timeout: 3m}\nsteps:\n  \
         - {id: a, aws-call: {service: sts, operation: GetCallerIdentity}}\n  \
         - {id: b, timeout: 5m, retry: {for: 1m, errors: [denied]}, aws-call: {service: sts, operation: GetCallerIdentity}}\n  \
         - {id: c, set: {}}\n",
        &[],
    );
    let retry = |id: &str| step(&plan, id).retry.clone();
    assert_eq!((retry("a").attempts, retry("a").within, retry("a").errors), (Some(9), None, vec!["missing".into()]));
    assert_eq!(retry("b").attempts, None, "`for` without `attempts` has no number");
    assert_eq!(retry("b").within.map(|within| within.to_string()), Some("1m".into()));
    assert_eq!(retry("b").max_delay.to_string(), "2m");
    assert_eq!(retry("b").errors, ["denied"]);
    let timeout = |id: &str| step(&plan, id).timeout.as_ref().and_then(Argument::as_text).map(str::to_owned);
    assert_eq!((timeout("a"), timeout("b"), timeout("c")), (Some("3m".into()), Some("5m".into()), None));
}

/// A kind that a later version carries out.
struct Someday;

impl Kind for Someday {
    fn name(&self) -> &'static str {
        "someday"
    }
    fn version(&self) -> u32 {
        0
    }
    fn summary(&self) -> &'static str {
        "does something one day"
    }
    fn plan(&self, _arguments: &mut Argument, _question: &mut Question<'_>) -> Planned {
        Planned::unknown(Reaches::Nothing)
    }
    fn not_carried_out(&self) -> Option<&'static str> {
        Some("this version does not carry out `someday`: do it by hand")
    }
}

#[test]
fn what_cannot_be_carried_out_is_refused_when_it_would_have_to_run() {
    let kinds = WithTwice(runbook_steps::kinds());
    let runs = format!("{HEAD}steps:\n  - {{id: a, someday: {{}}}}\n");
    let checked_runs = checked(&[("a.yaml", &runs)], &kinds);
    assert!(!checked_runs.has_errors(), "it can be written and checked");
    assert_eq!(plan(&checked_runs, &IndexMap::new()).unwrap_err()[0].code, "RB0645");
    let undoes = format!("{HEAD}steps:\n  - {{id: a, set: {{}}, undo: [{{someday: {{}}}}]}}\n");
    assert!(plan(&checked(&[("a.yaml", &undoes)], &kinds), &IndexMap::new()).is_ok());
}

#[test]
fn places_count_characters() {
    let text = format!("{HEAD}title: größer\nsteps:\n  - id: s\n    set: {{x: \"ü é ${{{{ 'ß' | uper }}}}\"}}\n");
    let checked = checked(&[("a.yaml", &text)], &runbook_steps::kinds());
    let line = text.lines().nth(6).unwrap();
    let column = line.chars().position(|c| c == '|').unwrap() + 3;
    assert_eq!(
        render::json(&checked.diagnostics, &checked.sources),
        json!([{"code": "RB0402", "severity": "error", "file": "a.yaml", "line": 7, "column": column, "end_line": 7,
                "end_column": column + 4, "message": "there is no filter `uper`", "help": "did you mean `upper`?"}])
    );
}

/// A kind that stands for a runbook.
struct Twice;

impl Kind for Twice {
    fn name(&self) -> &'static str {
        "twice"
    }
    fn version(&self) -> u32 {
        1
    }
    fn summary(&self) -> &'static str {
        "does it twice"
    }
    fn plan(&self, _arguments: &mut Argument, _question: &mut Question<'_>) -> Planned {
        Planned { effect: Effect::Reads, ..Planned::unknown(Reaches::Nothing) }
    }
    fn expansion(&self) -> Option<Expansion> {
        Some(Expansion {
            file: "twice.yaml",
            text: "apiVersion: runbook/v1\nname: twice\nversion: 0.1.0\ninputs:\n  what: {type: string}\n  how_often: {type: integer, default: 2}\n  version: {type: string, default: 1.30}\nconnections:\n  target: {aws: {}}\n  other: target\nsteps:\n  - {id: one, set: {x: \"${{ inputs.what }}\"}}\n  - {id: two, connection: target, aws-call: {service: sts, operation: GetCallerIdentity}}\n  - {id: three, set: {x: \"${{ template('twice/text.j2', {'a': 1}) }}\"}}\noutputs:\n  both: ${{ steps.one.x }}\n",
            templates: &[("twice/text.j2", "text {{ a }}")],
        })
    }
}

/// A kind that goes from one cluster to another.
struct Between;

impl Kind for Between {
    fn name(&self) -> &'static str {
        "between"
    }
    fn version(&self) -> u32 {
        1
    }
    fn summary(&self) -> &'static str {
        "goes to another cluster"
    }
    fn parameters(&self) -> &'static [Parameter] {
        const { &[Parameter::new("to", Takes::Connection(Reaches::Kubernetes), "where to")] }
    }
    fn plan(&self, _arguments: &mut Argument, _question: &mut Question<'_>) -> Planned {
        Planned { effect: Effect::Converges, ..Planned::unknown(Reaches::Nothing) }
    }
}

#[test]
fn a_connection_that_an_argument_names_is_one() {
    let kinds = WithTwice(runbook_steps::kinds());
    let text = |to: &str, cluster: &str| {
        format!(
            "{HEAD}connections:\n  c: {{eks: \"${{{{ {cluster} }}}}\"}}\n  d: {{aws: {{}}}}\nsteps:\n  - {{id: n, set: {{x: a}}}}\n  \
             - {{id: s, needs: [], between: {{what: 1, to: {to}}}}}\n"
        )
    };
    let frozen = |to: &str, cluster: &str| {
        let checked = checked(&[("a.yaml", &text(to, cluster))], &kinds);
        let told = render::text(&checked.diagnostics, &checked.sources, render::Style::default());
        step(&plan(&checked, &IndexMap::new()).unwrap_or_else(|_| panic!("{told}")), "s").clone()
    };
    let s = frozen("c", "steps.n.x");
    let Action::Call(call) = &s.action else { panic!("is a call") };
    assert_eq!(call.connections["to"].as_text(), Some("c"));
    assert!(call.arguments.get("to").is_none() && call.arguments.get("what").is_some());
    assert_eq!(s.needs, ["n"], "it waits for what its connection mentions");
    assert_ne!(s.definition, frozen("c", "steps.n.x ~ 'b'").definition, "where it leads is part of what it does");
    assert_ne!(s.definition, frozen("{eks: x}", "steps.n.x").definition);
    assert_eq!(frozen("~", "steps.n.x").needs, [""; 0]);
    for (to, code) in [("nobody", "RB0307"), ("d", "RB0703"), ("[1]", "RB0701")] {
        let bad = checked(&[("a.yaml", &text(to, "steps.n.x"))], &kinds);
        let codes: Vec<&str> = bad.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [code], "{to}");
    }
}

struct WithTwice(runbook_steps::Registry);

impl Kinds for WithTwice {
    fn get(&self, name: &str) -> Option<&dyn Kind> {
        match name {
            "between" => Some(&Between),
            "someday" => Some(&Someday),
            "twice" => Some(&Twice),
            _ => self.0.get(name),
        }
    }
    fn names(&self) -> Vec<&'static str> {
        let mut names = self.0.names();
        names.push("twice");
        names
    }
}

#[test]
fn a_kind_that_expands_is_a_nested_runbook() {
    let kinds = WithTwice(runbook_steps::kinds());
    let text =
        |step: &str| format!("{HEAD}steps:\n  - {{id: t, {step}}}\noutputs: {{x: \"${{{{ steps.t.both }}}}\"}}\n");
    let good = text("connection: {aws: {region: x}}, twice: {what: 012, how-often: 3, other: aws}");
    let good = checked(&[("a.yaml", &good)], &kinds);
    assert_eq!(render::text(&good.diagnostics, &good.sources, render::Style::default()), "");
    let plan = plan(&good, &IndexMap::new()).unwrap();
    let Action::Run(nested) = &step(&plan, "t").action else { panic!("is a nested runbook") };
    assert_eq!(nested.kind, "twice");
    assert_eq!(nested.with["what"].as_text(), Some("012"));
    assert_eq!(nested.body.steps.len(), 3);
    assert_eq!(nested.with["how_often"].literal(), Some(3.into()), "hyphens stand for underscores");
    assert!(nested.with_connections.contains_key("target"), "the step's connection is the expansion's target");
    assert_eq!(nested.with_connections["other"].as_text(), Some("aws"), "an argument may name a connection");
    assert_eq!(plan.templates["twice/text.j2"], "text {{ a }}");
    assert_eq!(
        good.package.keys().collect::<Vec<_>>(),
        ["a.yaml"],
        "what is part of the program is not part of the package"
    );
    for (bad, codes) in [
        ("twice: {wat: 1}", &["RB0506", "RB0507"][..]),
        ("twice: {what: x, how_often: 3}", &["RB0507"]),
        ("connection: {kubeconfig: x}, twice: {what: x}", &["RB0703"]),
        ("twice: {what: x, other: {eks: x, kube: y}}", &["RB0701"]),
    ] {
        let checked = checked(&[("a.yaml", &text(bad))], &kinds);
        let found: Vec<&str> = checked.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(found, codes, "{bad}");
    }
}
