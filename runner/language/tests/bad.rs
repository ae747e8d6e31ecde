//! Every bad runbook of `fixtures/runbooks/bad` is complained about under the code it is named after, as the snapshot says.
//!
//! A line `# input: name=value` gives an input as `-i` does, lines `# inputs: …` make a file of inputs.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures")]

mod support;

use std::fmt::Write as _;
use std::path::Path;

use runbook_language::{Checked, Offers, Origin, check, plan, render};
use runbook_model::diagnostic::Diagnostic;
use runbook_model::source::Sources;

fn bad(path: &Path) -> datatest_stable::Result<()> {
    let folder = path.parent().ok_or("has a folder")?.to_owned();
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("has a name")?;
    let code = &name[..6];
    let kinds = runbook_steps::kinds();
    let checked = check(&support::Disk { folder }, name, &kinds);
    let mut told = shown(&checked.diagnostics, &checked.sources);
    let mut codes: Vec<&str> = checked.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    if !checked.has_errors() {
        let refused = inputs(path, &checked, &mut told);
        codes.extend(refused);
    }
    for diagnostic in &checked.diagnostics {
        let sentence = diagnostic.message.chars().next().is_some_and(|c| !c.is_uppercase());
        assert!(sentence && !diagnostic.message.ends_with('.'), "is a fragment: {}", diagnostic.message);
        // What the AWS models say needs no more words.
        let by_model = diagnostic.code.starts_with("RB060");
        assert!(by_model || diagnostic.help.is_some(), "has help: {}", diagnostic.message);
    }
    assert!(codes.contains(&code), "{name} is not complained about under {code}:\n{told}");
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name.trim_end_matches(".yaml"), told);
    });
    Ok(())
}

/// What giving the inputs of a fixture and planning it adds.
fn inputs(path: &Path, checked: &Checked, told: &mut String) -> Vec<&'static str> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut offers = Offers::new();
    let file: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("# inputs: "))
        .fold(String::new(), |all, line| all + line + "\n");
    if !file.is_empty() {
        offers.file("inputs.yaml", file.into_bytes());
    }
    for given in text.lines().filter_map(|line| line.strip_prefix("# input: ")) {
        let (name, value) = given.split_once('=').expect("is name=value");
        offers.text(name, value, Origin::CommandLine);
    }
    let fitted = offers.fit(&checked.inputs());
    let mut diagnostics = fitted.diagnostics.clone();
    diagnostics.extend(fitted.absent());
    told.push_str(&shown(&diagnostics, &fitted.sources));
    let mut codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    if diagnostics.is_empty()
        && let Err(refused) = plan(checked, &fitted.values)
    {
        let _ = writeln!(told, "---- planned ----\n\n{}", shown(&refused, &checked.sources));
        codes.extend(refused.iter().map(|diagnostic| diagnostic.code));
    }
    codes
}

/// The complaints as people see them; of a great many the first and the last.
fn shown(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let style = render::Style::default();
    match diagnostics {
        [first, second, .., last] if diagnostics.len() > 20 => {
            let head = render::text(&[first.clone(), second.clone()], sources, style);
            let tail = render::text(std::slice::from_ref(last), sources, style);
            format!("{head}[{} more]\n\n{tail}", diagnostics.len() - 3)
        }
        all => render::text(all, sources, style),
    }
}

datatest_stable::harness! {
    { test = bad, root = "../../fixtures/runbooks/bad", pattern = r"^RB\d{4}-[a-z0-9-]+\.yaml$" },
}
