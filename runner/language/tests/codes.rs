//! Every code has its page and a bad runbook that shows it, and neither tells of codes that do not exist.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures")]

use std::fs;
use std::path::{Path, PathBuf};

use runbook_model::code;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("RB"))
        .collect()
}

#[test]
fn every_code_has_a_page_with_its_title_and_two_examples() {
    for (code, title) in code::ALL {
        let path = root().join(format!("docs/diagnostics/{code}.md"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{code} ({title}) has no page: {error}"));
        assert!(text.starts_with(&format!("# {code}: {title}\n")), "{code} begins with its title, `{title}`");
        assert_eq!(text.matches("\n```\n").count(), 2, "{code} has a bad and a good example");
    }
    for name in names("docs/diagnostics") {
        assert!(code::title(name.trim_end_matches(".md")).is_some(), "{name} tells of a code that exists");
    }
}

#[test]
fn every_code_that_lint_can_raise_has_a_bad_runbook() {
    let fixtures = names("fixtures/runbooks/bad");
    for (code, title) in code::ALL {
        // Refusals at run time (RB09xx) do not come of a text alone.
        let shown = fixtures.iter().any(|name| name.starts_with(code) && name.ends_with(".yaml"));
        assert!(shown || *code >= "RB09", "{code} ({title}) has no bad runbook");
    }
    for name in &fixtures {
        assert!(code::title(&name[..6]).is_some(), "{name} is of a code that exists");
    }
    for snapshot in fs::read_dir(root().join("runner/language/tests/snapshots")).unwrap() {
        let name = snapshot.unwrap().file_name().into_string().unwrap().replace(".snap", ".yaml");
        assert!(fixtures.contains(&name), "the snapshot of {name} has its runbook");
    }
}

#[test]
fn the_pages_list_every_name_that_an_expression_may_use() {
    use runbook_template::names;
    for (code, names) in [
        (code::FILTER_UNKNOWN, names::FILTERS),
        (code::TEST_UNKNOWN, names::TESTS),
        (code::FUNCTION_UNKNOWN, names::FUNCTIONS),
        (code::METHOD_UNKNOWN, names::METHODS),
    ] {
        let text = fs::read_to_string(root().join(format!("docs/diagnostics/{code}.md"))).unwrap();
        for name in names {
            assert!(text.contains(&format!("`{name}`")), "{code} lists `{name}`");
        }
    }
}
