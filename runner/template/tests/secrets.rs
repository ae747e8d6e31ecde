//! No secret ever appears unmarked: random expressions and templates are evaluated with two different secrets, and what
//! people would be shown must be the same.

use indexmap::IndexMap;
use proptest::prelude::*;
use runbook_model::argument::{Argument, Entry, Expression, Node, Origin};
use runbook_model::source::Span;
use runbook_model::value::{Map, Value};
use runbook_template::{Evaluator, Name, Scope};
use serde_json::json;

/// A scope with secrets at several depths. `which` decides only what is secret.
fn scope(which: usize) -> Scope {
    let text = ["hunter2-correct-horse", "Tr0ub4dor&3, or longer"][which];
    let number = [918_273_645, 123_454_321][which];
    let secret = |value: Value| value.into_secret();
    let creds = Map::from_iter([
        ("user".to_owned(), Value::from("ann")),
        ("password".to_owned(), secret(text.into())),
        ("pin".to_owned(), secret(number.into())),
        ("list".to_owned(), Value::List(vec![Value::from("x"), secret(text.into())])),
    ]);
    let mut scope = Scope::new();
    scope.insert("creds", Name::Value(Value::Map(creds.clone())));
    scope.insert("all", Name::Value(secret(Value::Map(creds))));
    scope.insert("open", Name::Value(json!({"a": "b", "n": 4, "list": ["x", "y"]}).into()));
    scope
}

fn source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        5 => Just("creds".to_owned()),
        1 => Just("creds.user".to_owned()),
        1 => Just("creds.password".to_owned()),
        1 => Just("creds.pin".to_owned()),
        1 => Just("creds.list".to_owned()),
        1 => Just("all".to_owned()),
        1 => Just("all.password".to_owned()),
        1 => Just("open".to_owned()),
        1 => Just("open.a".to_owned()),
        1 => Just("open.n".to_owned()),
        1 => Just("open.list".to_owned()),
        1 => Just("'x'".to_owned()),
        1 => Just("3".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let filter = prop_oneof![
            1 => Just("to_json"),
            1 => Just("to_yaml"),
            1 => Just("b64encode"),
            1 => Just("sha256"),
            1 => Just("length"),
            1 => Just("first"),
            1 => Just("list"),
            1 => Just("string"),
            1 => Just("upper"),
            1 => Just("to_tags"),
            1 => Just("dictsort"),
            1 => Just("items | list"),
            3 => Just("jmespath('password')"),
            3 => Just("jmespath('user')"),
            3 => Just("jmespath('list[0]')"),
            3 => Just("jmespath('keys(@)')"),
            3 => Just("jmespath('length(@)')"),
            1 => Just("map('string') | list"),
            1 => Just("default('z')"),
            1 => Just("to_json | from_json"),
        ];
        let binary = prop_oneof![Just("~"), Just("+"), Just("=="), Just("in"), Just("and"), Just("or"), Just("*")];
        prop_oneof![
            4 => (inner.clone(), filter).prop_map(|(a, f)| format!("({a}) | {f}")),
            1 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) if ({b}) else ({c})")),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, 'l': {b}}}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) | merge({b})")),
            1 => inner.clone().prop_map(|a| format!("({a}).values() | list")),
            1 => inner.clone().prop_map(|a| format!("({a}).get('password', 'none')")),
            1 => inner.clone().prop_map(|a| format!("({a})[0]")),
            1 => inner.prop_map(|a| format!("template('text.txt.j2', {{'x': {a}}})")),
        ]
    })
}

fn evaluator(manifest: &str) -> Evaluator {
    Evaluator::new(&IndexMap::from_iter([
        ("text.txt.j2".to_owned(), "<{{ x }}>{% if x %}yes{% endif %}".to_owned()),
        ("m.yaml.j2".to_owned(), manifest.to_owned()),
    ]))
}

fn expression(source: &str) -> Expression {
    Expression { source: source.into(), line: 1, column: 1, origin: Origin::default() }
}

fn entry(key: &str, source: &str) -> Entry {
    let value = Argument::new(Node::Expression(expression(source)));
    Entry { key: key.into(), key_span: Span::default(), value }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_people_see_of_an_expression_does_not_depend_on_secrets(source in source()) {
        let evaluator = evaluator("");
        let shown = |which| evaluator.expression(&expression(&source), &scope(which)).map(|value| value.redacted());
        match (shown(0), shown(1)) {
            (Ok(one), Ok(two)) => prop_assert_eq!(one, two, "{}", source),
            (Err(one), Err(two)) => prop_assert_eq!(one.message, two.message, "{}", source),
            // A failure may tell one bit.
            _ => {}
        }
    }

    #[test]
    fn what_people_see_of_a_manifest_does_not_depend_on_secrets(
        values in prop::collection::vec(source(), 1..4),
        shape in 0..5_usize,
    ) {
        let template = [
            "a: {{ v0 }}\nopen: {{ open.a }}\n",
            "{% for x in [v0, open.a] %}- {{ x }}\n{% endfor %}",
            "a: {{ v0 | string }}\n---\nb: {% if v0 %}1{% else %}2{% endif %}\n",
            "open: here\n{% if v0 == 'x' %}b: 1{% endif %}\n",
            "{{ v0 }}: x\nlist: [{{ v0 }}, 1, {{ 'x' ~ v0 }}]\n",
        ][shape];
        let evaluator = evaluator(template);
        let mut entries: Vec<Entry> = values.iter().enumerate().map(|(i, v)| entry(&format!("v{i}"), v)).collect();
        entries.push(entry("open", "open"));
        let rendered = Argument::new(Node::Rendered {
            template: "m.yaml.j2".into(),
            values: Box::new(Argument::new(Node::Map(entries))),
        });
        let shown = |which| evaluator.argument(&rendered, &scope(which)).map(|value| value.redacted());
        if let (Ok(one), Ok(two)) = (shown(0), shown(1)) {
            prop_assert_eq!(one, two, "{} {:?}", template, values);
        }
    }
}

fn manifest(template: &str, values: &[(&str, &str)]) -> Result<Value, runbook_template::Trouble> {
    let entries = values.iter().map(|(key, source)| entry(key, source)).collect();
    let rendered = Argument::new(Node::Rendered {
        template: "m.yaml.j2".into(),
        values: Box::new(Argument::new(Node::Map(entries))),
    });
    evaluator(template).argument(&rendered, &scope(0))
}

#[test]
fn only_the_scalars_that_a_secret_reaches_are_secret() {
    let template =
        "kind: Secret\nmetadata: {name: {{ user }}}\nstringData:\n  password: {{ password }}\n---\n---\nkind: Other\n";
    let value = manifest(template, &[("user", "creds.user"), ("password", "creds.list[1]")]).unwrap();
    // `creds.list[1]` makes one value secret, `creds.user` stays open.
    assert_eq!(
        value.redacted(),
        json!([
            {"kind": "Secret", "metadata": {"name": "ann"}, "stringData": {"password": "(secret)"}},
            {"kind": "Other"},
        ])
    );
    assert_eq!(value.exposed()[0]["stringData"]["password"], "hunter2-correct-horse");
}

#[test]
fn a_shape_that_depends_on_a_secret_makes_all_of_it_secret() {
    let template = "{% if pin == 918273645 %}a: 1{% else %}b: 2{% endif %}";
    let value = manifest(template, &[("pin", "creds.pin")]).unwrap();
    assert_eq!(value.redacted(), json!(["(secret)"]));
    let template = "{{ password | upper }}: x\n---\nopen: 1\n";
    assert_eq!(
        manifest(template, &[("password", "creds.password")]).unwrap().redacted(),
        json!(["(secret)", {"open": 1}])
    );
}

#[test]
fn a_manifest_that_is_no_yaml_names_the_line_of_its_template() {
    let trouble = manifest("a: 1\nb: {{ x | safe }}\nc: 3\n", &[("x", "': : :'")]).unwrap_err();
    assert_eq!((trouble.file.as_deref(), trouble.line), (Some("m.yaml.j2"), 2), "{trouble:?}");
    let trouble = manifest("a: 1\na: 2\n", &[]).unwrap_err();
    assert_eq!((trouble.line, trouble.column), (2, 1), "{trouble:?}");
    assert_eq!(trouble.message, "the rendered text is not YAML: the key `a` stands twice in this map");
    let trouble = manifest("a: [{{ x | safe }}\n", &[("x", "creds.password")]).unwrap_err();
    assert!(!format!("{trouble:?}").contains("hunter2"), "{trouble:?}");
}

#[test]
fn numbers_and_leading_zeros_of_manifests_stay_what_was_written() {
    let value = manifest("a: 0644\nb: 1.5\nc: no\nd: \"1\"\ne: {{ n }}\n", &[("n", "open.n")]).unwrap();
    assert_eq!(value.exposed(), json!([{"a": "0644", "b": 1.5, "c": "no", "d": "1", "e": 4}]));
}
