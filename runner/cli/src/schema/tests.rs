//! The schema against the checker: neither knows a key that the other does not, and the file in `docs` is this one.

use std::collections::BTreeSet;
use std::path::Path;

use runbook_language::{Held, check};
use runbook_steps::kinds;

use super::*;

/// The keys that the checker names when it meets one that it does not know, in place of `KEY` in the text.
fn known_to_the_checker(text: &str) -> BTreeSet<String> {
    const ODD: &str = "zzzzzzzzzzzz";
    let text = text.replace("KEY", ODD);
    let checked = check(&Held([("demo.yaml".to_owned(), text)].into()), "demo.yaml", &kinds());
    let found = checked.diagnostics.iter().find(|found| found.message.contains(ODD));
    let help = found.and_then(|found| found.help.clone()).unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let (_, list) = help.split_once("it takes ").unwrap_or_else(|| panic!("{help}"));
    list.replace(" and ", ", ").split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

fn known_to_the_schema(definition: &Json) -> BTreeSet<String> {
    definition["properties"].as_object().unwrap().keys().cloned().collect()
}

const HEAD: &str = "apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\n";

#[test]
fn schema_and_checker_know_the_same_keys() {
    let schema = document();
    let definition = |name: &str| known_to_the_schema(&schema["definitions"][name]);
    let kinds: BTreeSet<String> = kinds::properties().iter().map(|(name, ..)| (*name).to_owned()).collect();
    let steps = "steps:\n- id: a\n";
    let call = "  aws-call: {service: sts, operation: GetCallerIdentity}\n";

    assert_eq!(known_to_the_checker(&format!("{HEAD}KEY: 1\nsteps: []\n")), known_to_the_schema(&schema));
    assert_eq!(
        known_to_the_checker(&format!("{HEAD}inputs:\n  a: {{type: string, KEY: 1}}\nsteps: []\n")),
        definition("input")
    );
    let own: BTreeSet<String> = definition("step").difference(&kinds).cloned().collect();
    let mut told = known_to_the_checker(&format!("{HEAD}{steps}{call}  KEY: 1\n"));
    assert!(told.remove("aws-call"));
    assert_eq!(told, own);
    let retry = format!("{HEAD}{steps}{call}  retry: {{KEY: 1}}\n");
    assert_eq!(known_to_the_checker(&retry), definition("retry"));
    let check = format!("{HEAD}{steps}{call}  check: [{{KEY: 1}}]\n");
    assert_eq!(known_to_the_checker(&check), definition("check"));
    let wait = format!("{HEAD}{steps}  wait-for: {{KEY: 1}}\n");
    assert_eq!(known_to_the_checker(&wait), definition("wait"));
    for kind in ["k8s-get", "aws-call", "runbook", "approve", "group"] {
        let text = format!("{HEAD}{steps}  {kind}: {{KEY: 1}}\n");
        assert_eq!(known_to_the_checker(&text), definition(kind), "{kind}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Json, all: &mut BTreeSet<String>) {
        match value {
            Json::Object(map) => {
                all.extend(map.get("$ref").and_then(Json::as_str).map(str::to_owned));
                map.values().for_each(|value| walk(value, all));
            }
            Json::Array(items) => items.iter().for_each(|value| walk(value, all)),
            _ => {}
        }
    }
    let schema = document();
    let mut all = BTreeSet::new();
    walk(&schema, &mut all);
    for reference in all {
        let found = reference.strip_prefix("#/definitions/").map(|name| &schema["definitions"][name]);
        assert!(found.is_some_and(Json::is_object), "{reference}");
    }
}

#[test]
fn an_operation_is_told_with_expressions_allowed_where_values_are() {
    let cluster = &document()["definitions"]["aws.eks.CreateCluster"];
    assert_eq!(cluster["required"], json!(["name", "roleArn", "resourcesVpcConfig"]));
    assert_eq!(cluster["properties"]["tags"]["type"], json!(["object", "string"]));
    assert_eq!(cluster["properties"]["clientRequestToken"]["description"], "Filled in where it is left out");
    assert_eq!(cluster["additionalProperties"], json!(false));
}

#[test]
fn the_file_in_docs_is_this_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/runbook-v1.json");
    let text = text();
    serde_json::from_str::<Json>(&text).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    } else {
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == text, "run `UPDATE_DOCS=1 cargo test -p runbook-cli` and look at what has changed");
    }
}

#[test]
fn every_key_stands_in_a_good_fixture_and_in_a_bad_one() {
    fn texts(folder: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let texts = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).map(std::fs::read);
        texts.map(|bytes| String::from_utf8_lossy(&bytes.unwrap()).into_owned() + "\n").collect()
    }
    let is_written = |text: &str, key: &str| {
        let written = format!("{key}:");
        text.match_indices(&written)
            .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "-_".contains(c)))
    };
    let schema = document();
    let definitions = ["check", "retry", "input", "connection", "step", "probe", "verify", "wait"];
    let definitions = definitions.iter().map(|name| &schema["definitions"][name]).chain([&schema]);
    let mut keys: BTreeSet<String> = definitions.flat_map(known_to_the_schema).collect();
    // What kinds take stands in their own tests.
    let kinds = kinds::properties();
    keys.retain(|key| kinds.iter().all(|(kind, ..)| kind != key));
    assert!(keys.len() > 60, "{keys:?}");
    let good = texts("fixtures/runbooks/good") + &texts("runbooks");
    let bad = texts("fixtures/runbooks/bad");
    let lacking = |text: &str| keys.iter().filter(|key| !is_written(text, key)).cloned().collect::<Vec<_>>();
    // Whoever writes `requires` is warned, so that no runbook with it is free of complaints.
    assert_eq!(lacking(&good), ["requires"]);
    assert_eq!(lacking(&bad), [""; 0]);
}
