//! The rules of the house that a compiler does not check: who imports whom, what pure crates keep away from, that every
//! source file says what it decides.
//!
//! The table of imports is the one in `runner/README.md`; nothing here may repeat it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a crate without I/O has no use for, in any depth.
const IMPURE: [&str; 9] =
    ["async-std", "hyper", "kube-client", "libsqlite3-sys", "mio", "reqwest", "rustls", "socket2", "tokio"];

/// Lines; above it a file is named, and somebody should ask whether it is two.
const LONG: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
}

fn metadata() -> Value {
    let cargo = Command::new(env!("CARGO")).args(["metadata", "--format-version=1", "--offline"]).output().unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice(&cargo.stdout).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The table of `runner/README.md`: crate to the crates it may import.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let readme = text("runner/README.md");
    let block = readme.split("```").nth(1).expect("the table is the first block of `runner/README.md`");
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut leaves = BTreeSet::new();
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // The comment stands behind at least two spaces.
        let row = line.split("  ").next().unwrap_or(line);
        let parts: Vec<&str> = row.split('─').map(|part| part.trim_start_matches('►').trim()).collect();
        match parts[..] {
            ["main", "cli", _everything] => {}
            [name, imported] => {
                table.insert(name.into(), imported.split(", ").map(Into::into).collect());
            }
            [name] => {
                leaves.insert(name.to_owned());
            }
            _ => panic!("a row of `runner/README.md` that says something else: {line}"),
        }
    }
    for leaf in leaves {
        table.insert(leaf, BTreeSet::new());
    }
    let everything: BTreeSet<String> = table.keys().cloned().collect();
    table.insert("cli".into(), everything);
    table.insert("main".into(), BTreeSet::from(["cli".into()]));
    table
}

/// The name of a crate in the table.
fn short(package: &str) -> &str {
    if package == "runbook" { "main" } else { package.strip_prefix("runbook-").unwrap_or(package) }
}

#[test]
fn crates_import_what_the_table_says() {
    let metadata = metadata();
    let table = table();
    let members = list(&metadata["workspace_members"]);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for package in list(&metadata["packages"]).iter().filter(|package| members.contains(&package["id"])) {
        let name = short(package["name"].as_str().unwrap());
        // The project's own tasks, its benchmarks and the harness of its tests are no part of the product.
        if ["bench", "harness", "xtask"].contains(&name) {
            continue;
        }
        seen.insert(name.to_owned());
        let Some(allowed) = table.get(name) else {
            wrong.push(format!("`{name}` has no row"));
            continue;
        };
        let normal = list(&package["dependencies"]).iter().filter(|it| it["kind"].is_null() && it["path"].is_string());
        let imported: BTreeSet<String> = normal.map(|it| short(it["name"].as_str().unwrap()).to_owned()).collect();
        for extra in imported.iter().filter(|it| !allowed.contains(*it) && *it != "model") {
            wrong.push(format!("`{name}` imports `{extra}`"));
        }
        // "Everything" is a permission, the rows of the others say what is.
        for absent in allowed.iter().filter(|it| !imported.contains(*it) && name != "cli") {
            wrong.push(format!("`{name}` does not import `{absent}`"));
        }
    }
    wrong.extend(table.keys().filter(|name| !seen.contains(*name)).map(|name| format!("there is no crate `{name}`")));
    assert!(wrong.is_empty(), "against the table in `runner/README.md`:\n{}", wrong.join("\n"));
}

/// The crates that do no I/O: the sentence behind the table names them.
fn pure() -> Vec<String> {
    let readme = text("runner/README.md");
    let sentence = readme.lines().find(|line| line.contains("do no I/O")).expect("a sentence names the pure crates");
    let names = sentence.split('`').nth(1).expect("the names stand in backticks");
    names.split(' ').map(Into::into).collect()
}

#[test]
fn pure_crates_keep_away_from_the_outside() {
    let metadata = metadata();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let node = |id: &Value| nodes.iter().find(|node| node["id"] == *id).unwrap();
    let packages = list(&metadata["packages"]);
    let name_of = |id: &Value| packages.iter().find(|package| package["id"] == *id).unwrap()["name"].as_str().unwrap();
    let mut wrong = Vec::new();
    for name in pure() {
        let package = packages.iter().find(|package| package["name"] == format!("runbook-{name}")).unwrap();
        let (mut open, mut seen) = (vec![&package["id"]], BTreeSet::new());
        while let Some(id) = open.pop() {
            if !seen.insert(id.to_string()) {
                continue;
            }
            if IMPURE.contains(&name_of(id)) {
                wrong.push(format!("`{name}` has `{}` below it", name_of(id)));
            }
            let normal = |dependency: &&Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            open.extend(list(&node(id)["deps"]).iter().filter(normal).map(|dependency| &dependency["pkg"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The nearest `clippy.toml` replaces the one of the root, so a pure crate has to repeat its rules.
#[test]
fn pure_crates_repeat_the_rules_of_the_root() {
    let rules = |path: &str| -> BTreeSet<String> {
        let rules = text(path);
        rules.lines().map(str::trim).filter(|line| line.starts_with("{ path")).map(Into::into).collect()
    };
    let of_root = rules(".clippy.toml");
    assert!(!of_root.is_empty());
    let first = rules("runner/model/clippy.toml");
    for name in pure() {
        let path = format!("runner/{name}/clippy.toml");
        let own = rules(&path);
        let missing: Vec<&String> = of_root.union(&first).filter(|rule| !own.contains(*rule)).collect();
        assert!(missing.is_empty(), "`{path}` lacks {missing:#?}");
    }
}

/// All Rust sources that belong to the project.
fn sources() -> Vec<PathBuf> {
    let mut open = vec![root().join("runner"), root().join("tests")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn every_source_file_says_what_it_decides() {
    let silent = |path: &&PathBuf| !fs::read_to_string(path).unwrap().starts_with("//!");
    let silent: Vec<String> = sources().iter().filter(silent).map(|path| shown(path)).collect();
    assert!(silent.is_empty(), "these do not open with `//!`:\n{}", silent.join("\n"));
}

/// A word to the one who looks, not a failure: cutting a file in two for its length alone helps nobody.
#[test]
#[expect(clippy::print_stderr, reason = "a warning is no failure")]
fn long_files_are_named() {
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        if lines > LONG {
            eprintln!("warning: `{}` has {lines} lines", shown(&path));
        }
    }
}

#[test]
fn no_file_is_called_after_nothing() {
    let empty = ["util", "utils", "helper", "helpers", "common", "manager", "imp", "misc"];
    let called = |path: &&PathBuf| {
        let names = path.strip_prefix(root()).unwrap().iter().filter_map(|part| part.to_str());
        names.map(|part| part.trim_end_matches(".rs")).any(|part| empty.contains(&part))
    };
    let named: Vec<String> = sources().iter().filter(called).map(|path| shown(path)).collect();
    assert!(named.is_empty(), "these names say nothing:\n{}", named.join("\n"));
}
