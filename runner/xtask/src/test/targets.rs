//! Which test binary belongs to which stage.
//!
//! A package says it in its manifest, next to the tests: `[package.metadata.test-stages]` maps a stage to the names of
//! test binaries. What is not named there belongs to the stage `unit`. This file must not know the names.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::test::shell;

struct Target {
    package: String,
    name: String,
    stage: String,
}

/// All test binaries of the workspace.
pub(super) struct Targets(Vec<Target>);

impl Targets {
    /// Asks cargo.
    pub(super) fn find() -> Result<Self, String> {
        let text = shell::output(Command::new("cargo").args(["metadata", "--no-deps", "--format-version=1"]))?;
        let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("`cargo metadata`: {error}"))?;
        Self::of(&metadata)
    }

    fn of(metadata: &Value) -> Result<Self, String> {
        let mut all = Vec::new();
        for package in list(&metadata["packages"]) {
            let package_name = text(&package["name"]);
            let mut stage_of: BTreeMap<String, String> = BTreeMap::new();
            for (stage, names) in package["metadata"]["test-stages"].as_object().into_iter().flatten() {
                stage_of.extend(list(names).iter().map(|name| (text(name), stage.clone())));
            }
            let tests =
                list(&package["targets"]).iter().filter(|target| list(&target["kind"]).contains(&"test".into()));
            for name in tests.map(|target| text(&target["name"])) {
                let stage = stage_of.remove(&name).unwrap_or_else(|| "unit".into());
                all.push(Target { package: package_name.clone(), name, stage });
            }
            if let Some((name, stage)) = stage_of.pop_first() {
                return Err(format!("`{package_name}` puts `{name}` into the stage `{stage}` and has no such test"));
            }
        }
        Ok(Self(all))
    }

    /// The names of those of a stage, for `--test`, which picks by name in all packages.
    pub(super) fn names_of(&self, stage: &str) -> Result<Vec<&str>, String> {
        let mut names: Vec<&str> = self.0.iter().filter(|it| it.stage == stage).map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        match self.0.iter().find(|it| it.stage != stage && names.contains(&it.name.as_str())) {
            Some(Target { package, name, .. }) => {
                Err(format!("`{package}` and another package have a test `{name}`, in different stages; rename one"))
            }
            None => Ok(names),
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(stages: &Value) -> Value {
        let target = |name: &str, kind: &str| json!({"name": name, "kind": [kind]});
        let targets = [target("demo", "lib"), target("quick", "test"), target("outside", "test")];
        json!({"packages": [{"name": "demo", "metadata": stages, "targets": targets}]})
    }

    #[test]
    fn a_test_belongs_to_unit_unless_its_package_says_otherwise() {
        let targets = Targets::of(&metadata(&json!({"test-stages": {"cloud": ["outside"]}}))).unwrap();
        assert_eq!(targets.names_of("unit").unwrap(), ["quick"]);
        assert_eq!(targets.names_of("cloud").unwrap(), ["outside"]);
        assert_eq!(Targets::of(&metadata(&Value::Null)).unwrap().names_of("unit").unwrap(), ["outside", "quick"]);
    }

    #[test]
    fn one_name_in_two_stages_is_an_error() {
        let mut both = metadata(&json!({"test-stages": {"cloud": ["outside"]}}));
        let other = metadata(&Value::Null)["packages"][0].clone();
        both["packages"].as_array_mut().unwrap().push(other);
        let targets = Targets::of(&both).unwrap();
        assert!(targets.names_of("cloud").unwrap_err().contains("`outside`, in different stages"));
        assert!(targets.names_of("unit").is_err());
    }

    #[test]
    fn a_stage_of_a_test_that_is_not_there_is_an_error() {
        let error = Targets::of(&metadata(&json!({"test-stages": {"cloud": ["gone"]}}))).err().unwrap();
        assert_eq!(error, "`demo` puts `gone` into the stage `cloud` and has no such test");
    }
}
