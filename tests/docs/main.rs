//! The documentation, tried: its runbooks have no complaints, what its pages say to type does what they say, its links
//! lead somewhere. Pages that need the test cloud are tried with it, in `tests/aws_runbooks`.

use std::fs;
use std::path::{Path, PathBuf};

use runbook_harness::page::{Fence, fences, follow, runs};
use runbook_harness::{Home, project};

const PROGRAM: &str = env!("CARGO_BIN_EXE_runbook");

/// Every page for people, the complaints' own excepted: those show what is wrong.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![project::root().join("README.md"), project::root().join("CONTRIBUTING.md")];
    let mut open = vec![project::root().join("docs")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("diagnostics") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_runbook_on_a_page_has_no_complaints() {
    let home = Home::new(PROGRAM);
    let mut linted = 0;
    for page in pages() {
        let folder = tempfile::tempdir().unwrap();
        let name = |it: &Fence| {
            let given = it.words.iter().find_map(|word| word.strip_prefix("file="));
            folder.path().join(given.map_or_else(|| format!("{}.yaml", it.line), str::to_owned))
        };
        let write = |it: &Fence| {
            fs::create_dir_all(name(it).parent().unwrap()).unwrap();
            fs::write(name(it), &it.text).unwrap();
        };
        // Runbooks of one page may use each other, and its templates.
        let all = fences(&read(&page));
        all.iter().filter(|it| it.words.iter().any(|word| word.starts_with("file="))).for_each(write);
        let is_yaml = |it: &&Fence| it.words.first().is_some_and(|language| language == "yaml");
        for runbook in all.iter().filter(is_yaml).filter(|it| it.text.starts_with("apiVersion: runbook/")) {
            write(runbook);
            let done = home.run(["lint", "-o", "json", name(runbook).to_str().unwrap()]);
            let clean = done.status.success() && done.json() == serde_json::json!([]);
            assert!(clean, "{}:{}\n{}", page.display(), runbook.line, done.report());
            linted += 1;
        }
    }
    assert!(linted >= 10, "only {linted} runbooks stand on the pages");
}

#[test]
fn what_the_pages_say_to_type_does_what_they_say() {
    let mut followed = 0;
    for page in pages().into_iter().filter(|page| runs(&read(page)) && !read(page).contains("AWS_ENDPOINT_URL")) {
        follow(PROGRAM, &page, None);
        followed += 1;
    }
    assert!(followed >= 5, "only {followed} pages say what to type");
}

#[test]
fn every_link_leads_somewhere() {
    let link = regex_lite::Regex::new(r"\]\(([^)#\s]+)(#[^)]*)?\)").unwrap();
    let mut broken = Vec::new();
    for page in pages() {
        // What stands between fences is no prose.
        let prose: String = read(&page).split("```").step_by(2).collect();
        for found in link.captures_iter(&prose) {
            let to = &found[1];
            if !to.contains("://") && !page.parent().unwrap().join(to).exists() {
                broken.push(format!("{}: {to}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
