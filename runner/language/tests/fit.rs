//! Inputs: read by the declared type, the last offer wins, and no secret is shown.

use indexmap::IndexMap;
use runbook_language::{Fitted, Held, Offers, Origin, check, render};
use runbook_model::input::InputDeclaration;
use serde_json::json;

fn declarations(inputs: &str) -> IndexMap<String, InputDeclaration> {
    let text =
        format!("apiVersion: runbook/v1\nname: a\nversion: 0.1.0\ninputs:\n{inputs}\nsteps: [{{id: a, set: {{}}}}]\n");
    let checked = check(&Held(IndexMap::from_iter([("a.yaml".into(), text)])), "a.yaml", &runbook_steps::kinds());
    assert_eq!(render::text(&checked.diagnostics, &checked.sources, render::Style::default()), "");
    checked.inputs()
}

fn told(fitted: &Fitted) -> String {
    render::text(&fitted.diagnostics, &fitted.sources, render::Style::default())
}

#[test]
fn text_is_read_by_the_type() {
    let declared = declarations(
        "  account: {type: string}\n  nodes: {type: integer}\n  open: {type: boolean}\n  wait: {type: duration}\n  list: {type: list, items: {type: string}}\n  map: {type: map}\n  any: {type: any}\n  none: {type: list, optional: true}",
    );
    let mut offers = Offers::new();
    for (name, text) in [
        ("account", "012345678901"),
        ("nodes", "3"),
        ("open", "true"),
        ("wait", "90s"),
        ("list", "[1.30, no, \"a: b\"]"),
        ("map", "{a: 1}"),
        ("any", "1.5"),
        ("none", ""),
    ] {
        offers.text(name, text, Origin::CommandLine);
    }
    let fitted = offers.fit(&declared);
    assert_eq!(told(&fitted), "");
    let values: serde_json::Map<_, _> =
        fitted.values.into_iter().map(|(name, value)| (name, value.exposed())).collect();
    assert_eq!(
        serde_json::Value::from(values),
        json!({"account": "012345678901", "nodes": 3, "open": true, "wait": "90s", "list": ["1.30", "no", "a: b"],
               "map": {"a": 1}, "any": 1.5, "none": null})
    );
}

#[test]
fn what_does_not_fit_is_told_with_what_would() {
    let declared = declarations(
        "  wait: {type: duration, min: 1m, max: 1h30m}\n  members: {type: list, items: {type: map, properties: {name: {type: string}, mode: {type: string, optional: true}}}}",
    );
    let mut offers = Offers::new();
    offers.text("wait", "2h", Origin::CommandLine);
    offers.text("members", "[{name: a, z: 1}]", Origin::CommandLine);
    let fitted = offers.fit(&declared);
    let drawn = told(&fitted);
    for line in [
        "the input `wait` does not fit: `2h` is more than 1h30m",
        "it takes a duration, at least 1m, at most 1h30m",
        "`[0].z` is not a known property",
        "`members[0]` takes a map of `name`, `mode`",
    ] {
        assert!(drawn.contains(line), "{line}\n{drawn}");
    }
}

#[test]
fn what_is_offered_later_wins_and_files_may_name_more() {
    let declared =
        declarations("  a: {type: string}\n  b: {type: string, default: x}\n  c: {type: integer, default: 7}");
    let mut offers = Offers::new();
    offers.text("a", "environment", Origin::Environment("RUNBOOK_INPUT_A".into()));
    offers.file("one.yaml", b"a: one\nb: one\nother: 1\n".to_vec());
    offers.file("two.json", b"{\n\t\"b\": \"two\"\n}".to_vec());
    offers.text("a", "given", Origin::CommandLine);
    let fitted = offers.fit(&declared);
    assert_eq!(told(&fitted), "");
    assert_eq!(fitted.values["a"].exposed(), json!("given"));
    assert_eq!(fitted.values["b"].exposed(), json!("two"));
    assert_eq!(fitted.values["c"].exposed(), json!(7));
    assert_eq!(fitted.ignored, [("other".to_owned(), "one.yaml".to_owned())]);
}

#[test]
fn json_is_read_and_told_like_yaml() {
    let declared = declarations("  a: {type: list, items: {type: string}}\n  b: {type: integer, optional: true}");
    let fit = |text: &str| {
        let mut offers = Offers::new();
        offers.file("in.json", text.as_bytes().to_vec());
        offers.fit(&declared)
    };
    let fitted = fit("{\n\t\"a\":\t[1.30, 12345678901, \"\\ud83d\\ude00\\/\", true]}");
    assert_eq!(told(&fitted), "");
    assert_eq!(fitted.values["a"].exposed(), json!(["1.30", "12345678901", "😀/", "true"]));
    let drawn = told(&fit("{\n\t\"a\": [\"x\"],\n\t\"b\": \"y\"}"));
    assert!(drawn.contains("in.json:3:7"), "{drawn}");
    let drawn = told(&fit("{\"a\": [], \"a\": [\"x\"]}"));
    assert!(drawn.contains("in.json:1:11"), "{drawn}");
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let declared = declarations("  a: {type: string}\n  b: {type: string, optional: true}\n  c: {type: integer}");
    let mut offers = Offers::new();
    offers.file("one.yaml", b"c: null\n".to_vec());
    let fitted = offers.fit(&declared);
    assert_eq!(fitted.missing, ["a", "c"]);
    assert_eq!(fitted.absent().unwrap().message, "the inputs `a` and `c` have no value");
}

#[test]
fn what_may_stand_in_an_unreadable_file_is_not_missing() {
    let declared = declarations("  a: {type: string}");
    for bytes in [b"a: [".to_vec(), vec![b'a'; 2 << 20]] {
        let mut offers = Offers::new();
        offers.file("in.yaml", bytes);
        let fitted = offers.fit(&declared);
        assert_eq!((fitted.diagnostics.len(), fitted.absent()), (1, None));
    }
}

#[test]
fn no_secret_is_shown() {
    let declared = declarations(
        "  token: {type: string, secret: true, max-length: 3}\n  list: {type: list, items: {type: string, secret: true, pattern: '^x'}}\n  map: {type: map, properties: {pin: {type: integer, secret: true}, user: {type: string, max-length: 2}}}",
    );
    let offer = |how: &dyn Fn(&mut Offers)| {
        let mut offers = Offers::new();
        how(&mut offers);
        let fitted = offers.fit(&declared);
        assert!(!fitted.diagnostics.is_empty());
        let (drawn, debug) = (told(&fitted), format!("{:?}", fitted.diagnostics));
        assert!(!drawn.contains("hunter2") && !debug.contains("hunter2"), "{drawn}{debug}");
        drawn
    };
    offer(&|offers| offers.text("token", "hunter2", Origin::CommandLine));
    offer(&|offers| offers.text("list", "[hunter2]", Origin::CommandLine));
    offer(&|offers| offers.text("list", "{hunter2: [", Origin::CommandLine));
    offer(&|offers| offers.text("map", "{pin: hunter2, user: long}", Origin::CommandLine));
    let drawn = offer(&|offers| offers.file("in.yaml", b"# a\nmap: {pin: hunter2, user: long}\n".to_vec()));
    assert!(drawn.contains("from `in.yaml`, line 2"), "{drawn}");
    offer(&|offers| offers.file("in.yaml", b"token: hunter2\nlist: [hunter2]\n".to_vec()));
    offer(&|offers| offers.file("in.yaml", b"token: hunter2\ntoken: hunter2\n".to_vec()));
    offer(&|offers| offers.file("in.yaml", b"token: [hunter2\n".to_vec()));
}

#[test]
fn a_file_of_inputs_holds_no_expressions() {
    let declared = declarations("  a: {type: string}");
    let mut offers = Offers::new();
    offers.file("in.yaml", b"a: ${{ inputs.b }}\n".to_vec());
    assert_eq!(offers.fit(&declared).values["a"].exposed(), json!("${{ inputs.b }}"));
}
