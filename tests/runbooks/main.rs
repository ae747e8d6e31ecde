//! The shipped runbooks, as far as they are judged without running: no complaints, the rules of `runbooks/`, and plans
//! that only change on purpose. Snapshots are reviewed with `cargo insta review`.

mod refusals;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use runbook_harness::Home;
use runbook_language::{Checked, Held};
use runbook_model::kind::Effect;
use runbook_model::plan::{Action, Body, Plan, Step, Undo};
use runbook_model::record::Recorded;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder, relative to the checkout, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("`{}`: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path.strip_prefix(root()).unwrap().to_owned()) }
        }
    }
    found.sort_unstable();
    found
}

/// Every shipped runbook by its path, checked.
fn shipped() -> Vec<(String, Checked)> {
    let path = |file: &PathBuf| file.to_str().unwrap().to_owned();
    let text = |file: &PathBuf| (path(file), fs::read_to_string(root().join(file)).unwrap());
    let package = Held(files("runbooks").iter().chain(&files("templates")).map(text).collect());
    let kinds = runbook_steps::kinds();
    let runbooks = files("runbooks");
    let check = |file: &PathBuf| (path(file), runbook_language::check(&package, &path(file), &kinds));
    let checked: Vec<_> = runbooks.iter().map(check).collect();
    assert!(checked.len() >= 3, "only {} runbooks are shipped", checked.len());
    checked
}

/// The plan as the check left it, with nothing given but the examples of what has to be given.
fn frozen(path: &str, checked: &Checked) -> Plan {
    let inputs = checked.inputs().into_iter().map(|(name, declaration)| {
        let must = declaration.fit(None).is_err();
        let example = declaration.example.clone().filter(|_| must).map(|Recorded(example)| example);
        let value = declaration.fit(example.as_ref()).unwrap_or_else(|misfits| {
            panic!("{path}: `{name}` has to be given and has no `example` that fits: {misfits:?}")
        });
        (name, value)
    });
    runbook_language::plan(checked, &inputs.collect()).unwrap_or_else(|errors| panic!("{path}: {errors:#?}"))
}

/// Every step of a body and of the bodies in it, by its path.
fn steps<'a>(body: &'a Body, around: &str, all: &mut Vec<(String, &'a Step)>) {
    for step in &body.steps {
        let path = format!("{around}{}", step.id);
        all.push((path.clone(), step));
        if let Some(inside) = step.action.body() {
            steps(inside, &format!("{path}/"), all);
        }
    }
}

#[test]
fn lint_has_no_complaints() {
    let home = Home::new(env!("CARGO_BIN_EXE_runbook"));
    let runbooks = files("runbooks");
    let words = ["lint", "-o", "json"].into_iter().chain(runbooks.iter().map(|file| file.to_str().unwrap()));
    let linted = home.run(words).expect(0);
    assert_eq!(linted.json(), serde_json::json!([]), "{}", linted.report());
}

#[test]
fn every_wait_has_a_deadline_and_says_what_to_do_when_it_passes() {
    for (file, checked) in shipped() {
        let plan = frozen(&file, &checked);
        let mut all = Vec::new();
        steps(&plan.body, "", &mut all);
        for (path, step) in all {
            let Action::Wait(wait) = &step.action else { continue };
            assert!(step.timeout.is_some(), "{file}: `{path}` may wait for ever");
            assert!(wait.otherwise.is_some(), "{file}: `{path}` has no sentence for when its time is up");
        }
    }
}

#[test]
fn what_makes_something_looks_first_and_can_be_taken_back() {
    for (file, checked) in shipped() {
        let plan = frozen(&file, &checked);
        let mut all = Vec::new();
        steps(&plan.body, "", &mut all);
        for (path, step) in all {
            let Action::Call(call) = &step.action else { continue };
            if call.effect == Effect::Reads {
                continue;
            }
            // What is applied to Kubernetes or a file is compared by the kind itself.
            // What is taken away for good needs no look: what is absent is fine.
            let for_good = matches!(step.undo, Undo::Never { .. });
            assert!(
                call.kind != "aws-call" || step.probe.is_some() || for_good,
                "{file}: `{path}` acts without looking"
            );
            let own_undo = ["k8s-apply", "kubeconfig", "rename-context", "file"].contains(&call.kind.as_str());
            assert!(own_undo || step.undo != Undo::Unsaid, "{file}: `{path}` does not say how it is taken back");
        }
    }
}

/// What a resume compares: with a new definition a finished step would be run again.
#[test]
fn plans_change_on_purpose_only() {
    for (file, checked) in shipped() {
        let plan = frozen(&file, &checked);
        let mut all = Vec::new();
        steps(&plan.body, "", &mut all);
        let mut shown = format!("plan {}\n", plan.digest());
        for (path, step) in all {
            let definition = step.definition.to_string();
            let needs = step.needs.join(" ");
            let _infallible = writeln!(shown, "{path} | {} | {definition:.19} | {needs}", step.action.kind());
        }
        let name = Path::new(&file).file_stem().and_then(|stem| stem.to_str()).unwrap();
        insta::assert_snapshot!(name, shown);
    }
}
