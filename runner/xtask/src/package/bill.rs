//! The bill of materials: every crate that is in the program, with its checksum and licence, as CycloneDX 1.6 in JSON.
//!
//! This file decides what counts as in the program, and the form. It must not know how the program is built.
//!
//! Nothing in it tells when or where it was made, so that the same sources give the same bill.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The program's crates, by what cargo says of them.
pub(super) struct Bill {
    version: String,
    /// What cargo knows of each crate, by cargo's id.
    packages: BTreeMap<String, Value>,
    /// What each needs, by ids; the first key is not the program.
    needs: BTreeMap<String, BTreeSet<String>>,
    program: String,
    /// SHA-256 of the sources, by name and version, as `Cargo.lock` has them.
    checksums: BTreeMap<(String, String), String>,
}

impl Bill {
    /// Of the package `runbook`, built for a target.
    ///
    /// # Errors
    /// `cargo metadata` or the lock file cannot be read.
    pub(super) fn of(root: &Path, target: &str) -> Result<Self, String> {
        let words = ["metadata", "--locked", "--format-version=1", "--filter-platform", target];
        let done = Command::new("cargo").args(words).current_dir(root).output();
        let done = done.map_err(|error| format!("`cargo` could not be started: {error}"))?;
        if !done.status.success() {
            return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&done.stderr)));
        }
        let metadata = serde_json::from_slice(&done.stdout).map_err(|error| format!("`cargo metadata`: {error}"))?;
        let lock = fs::read_to_string(root.join("Cargo.lock")).map_err(|error| format!("`Cargo.lock`: {error}"))?;
        Self::read(&metadata, &lock).ok_or_else(|| "`cargo metadata` does not tell of the package `runbook`".to_owned())
    }

    fn read(metadata: &Value, lock: &str) -> Option<Self> {
        let packages = metadata["packages"].as_array()?;
        let packages: BTreeMap<String, Value> =
            packages.iter().filter_map(|package| Some((package["id"].as_str()?.to_owned(), package.clone()))).collect();
        let nodes = metadata["resolve"]["nodes"].as_array()?;
        let nodes = nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node["deps"].as_array()?)));
        let all: BTreeMap<&str, &Vec<Value>> = nodes.collect();
        let program = packages.iter().find(|(_, package)| package["name"] == "runbook")?.0.clone();
        // What only builds or tests it is not in it.
        let normal = |dependency: &&Value| {
            dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        };
        let (mut needs, mut open) = (BTreeMap::new(), vec![program.clone()]);
        while let Some(id) = open.pop() {
            if needs.contains_key(&id) {
                continue;
            }
            let dependencies = all.get(id.as_str())?.iter().filter(normal);
            let dependencies: BTreeSet<String> =
                dependencies.filter_map(|dependency| Some(dependency["pkg"].as_str()?.to_owned())).collect();
            open.extend(dependencies.iter().cloned());
            needs.insert(id, dependencies);
        }
        let version = packages[&program]["version"].as_str()?.to_owned();
        Some(Self { version, packages, needs, program, checksums: checksums(lock) })
    }

    /// The version of the program.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// How many crates are in it, its own included.
    pub(super) fn crates(&self) -> usize {
        self.needs.len()
    }

    /// The document.
    pub(super) fn json(&self) -> String {
        let components = self.needs.keys().filter(|id| **id != self.program).map(|id| self.component(id, "library"));
        let dependencies = self.needs.iter().map(|(id, needs)| {
            json!({"ref": self.url(id), "dependsOn": needs.iter().map(|id| self.url(id)).collect::<BTreeSet<_>>()})
        });
        let bill = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": self.component(&self.program, "application")},
            "components": components.collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
        });
        format!("{bill:#}\n")
    }

    fn component(&self, id: &str, sort: &str) -> Value {
        let package = &self.packages[id];
        let mut component = json!({
            "type": sort,
            "bom-ref": self.url(id),
            "name": package["name"],
            "version": package["version"],
            "purl": self.url(id),
        });
        if let Some(licence) = package["license"].as_str() {
            // Older manifests separate alternatives with a slash, which SPDX does not know.
            component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
        }
        let of = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        if let Some(sum) = self.checksums.get(&(of("name"), of("version"))) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
        }
        component
    }

    /// The package URL, which names a crate everywhere.
    fn url(&self, id: &str) -> String {
        let package = &self.packages[id];
        let of = |key: &str| package[key].as_str().unwrap_or_default();
        format!("pkg:cargo/{}@{}", of("name"), of("version"))
    }

    /// Copies the licences that the crates bring with them, a folder for each. Tells how many crates bring none.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn licences(&self, folder: &Path) -> Result<usize, String> {
        let mut without = 0;
        for id in self.needs.keys() {
            let package = &self.packages[id];
            // The project's own stands beside the program.
            if package["source"].is_null() {
                continue;
            }
            let of = |key: &str| package[key].as_str().unwrap_or_default();
            let sources = Path::new(of("manifest_path")).parent().unwrap_or(Path::new("."));
            let entries = fs::read_dir(sources).map_err(|error| format!("`{}`: {error}", sources.display()))?;
            let texts: Vec<_> =
                entries.flatten().filter(|entry| is_licence(&entry.file_name().to_string_lossy())).collect();
            without += usize::from(texts.is_empty());
            let own = folder.join(format!("{}-{}", of("name"), of("version")));
            for text in texts.into_iter().filter(|text| text.path().is_file()) {
                let copied = fs::create_dir_all(&own).and_then(|()| fs::copy(text.path(), own.join(text.file_name())));
                copied.map_err(|error| format!("`{}`: {error}", text.path().display()))?;
            }
        }
        Ok(without)
    }
}

fn is_licence(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"].iter().any(|word| name.starts_with(word))
}

/// The checksums of a lock file. Its form is fixed: one key a line, `name` before `version` before `checksum`.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix("= \""));
            line.and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            found.insert((name, version), sum);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill() -> Bill {
        let package = |name: &str, source: Value| {
            json!({"id": format!("{name} 1"), "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
                   "source": source, "manifest_path": "none"})
        };
        let needs = |name: &str, kind: Value| json!({"pkg": format!("{name} 1"), "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package("runbook", Value::Null), package("a", json!("registry")), package("tester", json!("registry"))],
            "resolve": {"nodes": [
                {"id": "runbook 1", "deps": [needs("a", Value::Null), needs("tester", json!("dev"))]},
                {"id": "a 1", "deps": []},
                {"id": "tester 1", "deps": []},
            ]},
        });
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n";
        Bill::read(&metadata, lock).unwrap()
    }

    #[test]
    fn what_is_in_the_program_is_listed_with_checksum_and_licence_and_nothing_else() {
        let bill: Value = serde_json::from_str(&bill().json()).unwrap();
        let a = json!({"type": "library", "bom-ref": "pkg:cargo/a@1.0.0", "name": "a", "version": "1.0.0",
                       "purl": "pkg:cargo/a@1.0.0", "licenses": [{"expression": "MIT OR Apache-2.0"}],
                       "hashes": [{"alg": "SHA-256", "content": "00ff"}]});
        assert_eq!(bill["components"], json!([a]));
        assert_eq!(bill["metadata"]["component"]["type"], "application");
        let program = json!({"ref": "pkg:cargo/runbook@1.0.0", "dependsOn": ["pkg:cargo/a@1.0.0"]});
        assert!(bill["dependencies"].as_array().unwrap().contains(&program));
    }
}
