//! What expressions yield, and how they fail.

use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Expression, Node, Origin, Part};
use runbook_model::value::{Unavailable, Value};
use runbook_template::{Evaluator, Lookup, Name, Scope, Shared, Trouble};
use serde_json::json;

fn expression(source: &str) -> Expression {
    Expression { source: source.into(), line: 3, column: 11, origin: Origin::default() }
}

struct Steps;

impl Lookup for Steps {
    fn get(&self, name: &str) -> Option<Shared> {
        match name {
            "vpc" => Some(Value::from(json!({"id": "vpc-1", "zones": ["a", "b"], "nothing": null})).into()),
            "token" => {
                let mut outputs = runbook_model::value::Map::new();
                outputs.insert("user".into(), "ann".into());
                outputs.insert("value".into(), Value::from("hunter2").into_secret());
                outputs.insert("gone".into(), Value::Unavailable(Unavailable::Withheld));
                Some(Value::Map(outputs).into())
            }
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        vec!["vpc".into(), "token".into()]
    }
}

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.insert("inputs", Name::Value(json!({"name": "demo", "count": 3, "tags": {"a": "1"}, "empty": []}).into()));
    scope.insert("steps", Name::Lookup(Arc::new(Steps)));
    scope
}

fn evaluator() -> Evaluator {
    Evaluator::new(&IndexMap::from_iter([
        ("hello.txt.j2".to_owned(), "Hello {{ name }}!".to_owned()),
        ("broken.txt.j2".to_owned(), "a\n{{ b.c. }}".to_owned()),
        ("missing.txt.j2".to_owned(), "a\nb {{ c }}".to_owned()),
        ("again.txt.j2".to_owned(), "{{ template(\"again.txt.j2\", {}) }}".to_owned()),
        ("list.yaml.j2".to_owned(), "items: {{ items }}\ntext: {{ '--x=' ~ items[0] }}".to_owned()),
    ]))
}

fn value(source: &str) -> Result<Value, Trouble> {
    evaluator().expression(&expression(source), &scope())
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]
fn yields(source: &str, wanted: serde_json::Value) {
    match value(source) {
        Ok(value) => {
            assert!(!value.holds_secret(), "`{source}` is secret");
            assert_eq!(value.exposed(), wanted, "{source}");
        }
        Err(trouble) => panic!("{source}: {trouble} {:?}", trouble.help),
    }
}

#[track_caller]
fn fails(source: &str, wanted: &str) -> Trouble {
    let trouble = match value(source) {
        Ok(value) => panic!("{source} yields {value:?}"),
        Err(trouble) => trouble,
    };
    assert_eq!(trouble.message, wanted, "{source}");
    trouble
}

#[test]
fn values_keep_their_types() {
    yields("inputs.count + 1", json!(4));
    yields("inputs.count / 2", json!(1.5));
    yields("inputs.tags", json!({"a": "1"}));
    yields("steps.vpc.zones[1]", json!("b"));
    yields("steps.vpc.zones | length == 2", json!(true));
    yields("steps.vpc.nothing", json!(null));
    yields("9007199254740993", json!(9_007_199_254_740_993_i64));
    yields("{'k': [1, none, 'x']}", json!({"k": [1, null, "x"]}));
    yields("(1, 2)", json!([1, 2]));
}

#[test]
fn undefined_is_an_error_wherever_it_ends_up() {
    for source in [
        "inputs.nam",
        "[inputs.nam]",
        "{'k': inputs.nam}",
        "[inputs.nam] | join(',')",
        "inputs.nam | to_json",
        "inputs.nam | length",
        "not inputs.nam",
        "inputs.nam or 'x'",
        "'x' if inputs.nam else 'y'",
        "inputs.nam in ['x']",
        "inputs['nam']",
        "dict(a=inputs.nam)",
        "inputs.name.replace(inputs.nam, 'x')",
        "['a', inputs.nam][0]",
        "inputs.nam is none",
        "inputs.nam.deeper | default('x')",
    ] {
        let trouble = fails(
            source,
            if source.contains('[') && source.starts_with("inputs[") {
                "`inputs['nam']` is undefined"
            } else {
                "`inputs.nam` is undefined"
            },
        );
        assert_eq!(trouble.help.as_deref(), Some("did you mean `name`?"), "{source}");
        let at = source.replace("inputs.name", "INPUTS.NAME").find("inputs").unwrap();
        assert_eq!((trouble.line, trouble.column), (3, 11 + u32::try_from(at).unwrap()), "{source}");
    }
    fails("nope", "`nope` is undefined");
    let null = fails("dict(a=none).a.b", "`dict(a=none).a.b` is undefined");
    assert_eq!(null.help.as_deref(), Some("`dict(a=none).a` is null: ask for that first, or add `| default(…)`"));
    fails("{'a': 1}.b", "`{'a': 1}.b` is undefined");
    fails("[1, 2][5]", "`[1, 2][5]` is undefined");
    fails("inputs.empty | first", "`inputs.empty | first` is undefined, for there is nothing to take it from");
    fails(
        "[inputs.tags] | map(attribute='b') | join(',')",
        "an item of `[inputs.tags] | map(attribute='b')` is undefined",
    );
    fails("steps.vpc.idd", "`steps.vpc.idd` is undefined");
    fails("steps.vcp", "`steps.vcp` is undefined");
}

#[test]
fn default_catches_one_missing_level() {
    yields("inputs.nam | default('x')", json!("x"));
    yields("(inputs.nam) | d('x')", json!("x"));
    yields("inputs.empty | first | default('x')", json!("x"));
    yields("inputs.nam is defined", json!(false));
    yields("inputs.nam is undefined", json!(true));
    yields("inputs.nam is not defined and inputs.name is defined", json!(true));
    yields("steps.vpc.nothing | default('x')", json!(null));
    yields("inputs | jmespath('a.b.c')", json!(null));
    yields("[inputs.tags] | map(attribute='b', default='z') | join(',')", json!("z"));
    yields("inputs.tags.get('b')", json!(null));
}

#[test]
fn an_if_needs_an_else() {
    let trouble = fails("'a' if inputs.count == 3", "this `if` has no `else`, so it may have no value");
    assert_eq!(trouble.help.as_deref(), Some("write `… if … else none`"));
    yields("'a' if inputs.count == 3 else none", json!("a"));
}

#[test]
fn the_filters_of_the_language() {
    yields("{'a': 1, 'b': [2]} | to_json", json!(r#"{"a":1,"b":[2]}"#));
    yields(r#"'{"a": 1}' | from_json"#, json!({"a": 1}));
    yields(r#"{"a": [1]} | from_json"#, json!({"a": [1]}));
    yields(r#"[1] | from_json | first"#, json!(1));
    yields(r#"'a: [1, x]' | from_yaml"#, json!({"a": [1, "x"]}));
    yields(r#"({"a": [1, "x"]} | to_yaml | from_yaml).a"#, json!([1, "x"]));
    yields(
        "{'a': [1]} | to_yaml",
        json!(
            "a:
  - 1"
        ),
    );
    yields("'hi' | b64encode", json!("aGk="));
    yields("'aGk=' | b64decode", json!("hi"));
    yields("'' | sha256", json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    yields("('eu-west-1' | sha256)[:7]", json!("d763c26"));
    yields("inputs.tags | merge({'a': '2', 'b': 'c'})", json!({"a": "2", "b": "c"}));
    yields("inputs.tags | to_tags", json!([{"Key": "a", "Value": "1"}]));
    yields("{'a': 1, 'b': none} | to_tags('TagKey', 'TagValue')", json!([{"TagKey": "a", "TagValue": "1"}]));
    yields("[{'Key': 'a', 'Value': '1'}] | from_tags", json!({"a": "1"}));
    yields("none | from_tags", json!({}));
    yields("steps.vpc | jmespath('zones[1]')", json!("b"));
    fails("'a: [' | from_yaml", "the text is not YAML: the bracket `[` is never closed");
    fails("'---\na: 1\n---\nb: 1\n' | from_yaml", "the text holds 2 documents, not one");
    fails("'x' | from_json", "the text is not JSON: expected value at line 1 column 1");
    fails("steps.vpc | jmespath('zones[')", "the query is wrong: expected number, ':', or '*', but the query ends");
}

#[test]
fn python_methods() {
    yields("inputs.name.upper()", json!("DEMO"));
    yields("'a,b'.split(',')", json!(["a", "b"]));
    yields("inputs.tags.values() | list", json!(["1"]));
    yields("inputs.tags.items()", json!([["a", "1"]]));
    yields("inputs.tags.keys()", json!(["a"]));
    yields("'arn:aws:iam'.endswith(':iam')", json!(true));
    fails("inputs.name.nope()", "string has no method named nope");
}

#[test]
fn a_fault_of_the_syntax_lies_between_characters() {
    for source in ["ü inputs", "1 + ü", "größe", "'ü", "é", "[é"] {
        let problem = runbook_template::parse(source).expect_err(source);
        assert!(source.get(problem.range.clone()).is_some_and(|part| !part.is_empty()), "{source}: {problem:?}");
    }
    let problem = runbook_template::parse("a.größe").expect_err("is not ASCII");
    assert_eq!(problem.help.as_deref(), Some("names in expressions are ASCII; read other keys as `map[\"größe\"]`"));
}

#[test]
fn nothing_prints_the_scope_and_nothing_changes_between_runs() {
    fails("debug()", "debug is unknown");
    fails("now()", "now is unknown");
    fails("[1, 2] | random", "filter random is unknown");
    fails("__read(1, 0, 1, 0)", "names that begin with `__` are reserved");
    fails("inputs.name ~ __root", "names that begin with `__` are reserved");
}

#[test]
fn work_is_bounded() {
    for source in
        ["'x' * 100000000", "range(90000) | map('string') | map('upper') | map('lower') | map('length') | sort | join"]
    {
        let trouble = value(source).expect_err(source);
        assert_eq!(trouble.message, "this does more work than is allowed", "{source}");
    }
    let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let long = format!("1{}", "+1".repeat(100_000));
    let reads = format!("a{}", ".a".repeat(100_000));
    let nots = format!("{}1", "not ".repeat(100_000));
    let dashes = format!("{}1", "- ".repeat(100_000));
    let filters = format!("1{}", "|abs".repeat(100_000));
    let lists = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for source in [deep, long, reads, nots, dashes, filters, lists] {
        value(&source).expect_err("is refused");
    }
}

#[test]
fn templates_render_text_and_their_errors_name_the_file() {
    yields("template('hello.txt.j2', {'name': inputs.name})", json!("Hello demo!"));
    yields("template('list.yaml.j2', {'items': ['a']})", json!(r#"items: ["a"]NLtext: "--x=a""#.replace("NL", "\n")));
    let trouble = fails("template('missing.txt.j2', {})", "`c` is undefined");
    assert_eq!((trouble.file.as_deref(), trouble.line, trouble.column), (Some("missing.txt.j2"), 2, 6));
    let trouble =
        fails("template('broken.txt.j2', {})", "unexpected end of variable block, expected identifier or integer");
    assert_eq!((trouble.file.as_deref(), trouble.line), (Some("broken.txt.j2"), 2));
    let trouble = fails("template('helo.txt.j2', {})", "template `helo.txt.j2` does not exist");
    assert_eq!(trouble.help.as_deref(), Some("did you mean `hello.txt.j2`?"));
    fails("template('again.txt.j2', {})", "templates are rendered more than 8 deep");
}

#[test]
fn a_secret_makes_what_is_computed_from_it_secret() {
    for source in [
        "steps.token.value",
        "steps.token.value ~ 'x'",
        "'a' if steps.token.value == 'x' else 'b'",
        "steps.token.value | length",
        "{'x': steps.token.value}",
        "{'x': steps.token.user, 'y': steps.token.value}",
        "steps.token.value | b64encode",
        "template('hello.txt.j2', {'name': steps.token.value})",
    ] {
        let value = value(source).unwrap_or_else(|trouble| panic!("{source}: {trouble}"));
        assert!(matches!(value, Value::Secret(_)), "{source} is {value:?}");
    }
    yields("steps.token.user", json!("ann"));
    yields("steps.token.keys() | list", json!(["user", "value", "gone"]));
}

#[test]
fn a_map_that_is_passed_on_keeps_its_marks() {
    let mut scope = scope();
    let mut map = runbook_model::value::Map::new();
    map.insert("user".into(), "ann".into());
    map.insert("password".into(), Value::from("hunter2").into_secret());
    scope.insert("creds", Name::Value(Value::Map(map)));
    for source in ["creds", "{'c': creds}.c", "creds | merge({'more': 1})", "creds | to_tags", "[creds] | first"] {
        let value = evaluator().expression(&expression(source), &scope).unwrap();
        assert!(!matches!(value, Value::Secret(_)), "{source}");
        assert!(value.holds_secret(), "{source}");
        assert!(!value.redacted().to_string().contains("hunter2"), "{source}");
        assert!(value.redacted().to_string().contains("ann"), "{source}");
    }
    let value = |source: &str| evaluator().expression(&expression(source), &scope).unwrap();
    assert_eq!(value("creds | jmespath('user')").redacted(), json!("ann"));
    assert!(matches!(value("creds | jmespath('password')"), Value::Secret(_)));
    assert!(matches!(value("creds | jmespath('length(password)')"), Value::Secret(_)));
    assert!(matches!(value("creds | to_json"), Value::Secret(_)));
}

#[test]
fn errors_do_not_quote_secrets() {
    for source in [
        "steps.token.value | from_json",
        "steps.token.value + 1",
        "steps.token.value | b64decode",
        "'x'[steps.token.value]",
    ] {
        if let Err(trouble) = value(source) {
            assert!(!format!("{trouble:?}").contains("hunter2"), "{source}: {trouble:?}");
        }
    }
}

#[test]
fn what_is_not_to_be_had_is_told_by_name() {
    for source in
        ["steps.token.gone", "steps.token.gone ~ 'x'", "steps.token.gone is defined", "steps.token.values() | list"]
    {
        let trouble = value(source).expect_err(source);
        assert_eq!(trouble.unavailable, Some((Unavailable::Withheld, "steps.token.gone".into())), "{source}");
    }
    assert!(value("steps.token").expect_err("is refused").unavailable.is_some());
}

#[test]
fn mixed_text_is_text() {
    let part = |source: &str| Part::Expression(expression(source));
    let text = |parts: Vec<Part>| evaluator().argument(&Argument::new(Node::Mixed(parts)), &scope()).unwrap();
    assert_eq!(text(vec![Part::Text("a-".into()), part("inputs.count"), part("true")]).exposed(), json!("a-3true"));
    assert_eq!(text(vec![Part::Text("a-".into()), part("none")]).exposed(), json!("a-"));
    assert_eq!(text(vec![Part::Text("a-".into()), part("inputs.tags")]).exposed(), json!(r#"a-{"a":"1"}"#));
    assert!(matches!(text(vec![Part::Text("a-".into()), part("steps.token.value")]), Value::Secret(_)));
}

#[test]
fn truth_is_minijinjas_and_the_text_false_is_refused() {
    let truth = |source: &str| evaluator().truth(&Argument::new(Node::Expression(expression(source))), &scope());
    assert_eq!(truth("inputs.empty"), Ok(false));
    assert_eq!(truth("inputs.count == 3"), Ok(true));
    assert_eq!(truth("inputs.name"), Ok(true));
    assert!(truth("'false'").is_err());
}

/// Many steps may read a large value. If each of them copied it, this would take a minute.
#[test]
#[expect(clippy::disallowed_methods, reason = "the bound is a time, a hundred times what it takes")]
fn a_large_value_that_is_read_in_part_is_not_copied() {
    struct Large(Arc<Value>);

    impl Lookup for Large {
        fn get(&self, name: &str) -> Option<Shared> {
            if name == "whole" { Some(self.0.clone().into()) } else { Shared::entry(&self.0, name) }
        }

        fn names(&self) -> Vec<String> {
            vec!["whole".into()]
        }
    }

    let items: Vec<Value> = (0..200_000).map(|n| json!({"id": format!("item-{n}")}).into()).collect();
    let map = [("list".to_owned(), Value::List(items))].into_iter().collect();
    let mut scope = Scope::new();
    scope.insert("steps", Name::Lookup(Arc::new(Large(Arc::new(Value::Map(map))))));
    let evaluator = Evaluator::new(&IndexMap::new());
    let begin = std::time::Instant::now();
    for _ in 0..500 {
        for source in ["steps.whole.list[7].id", "steps.list[7].id"] {
            assert_eq!(evaluator.expression(&expression(source), &scope), Ok("item-7".into()));
        }
        assert_eq!(evaluator.expression(&expression("steps.list | length"), &scope), Ok(200_000.into()));
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "it took {:?}", begin.elapsed());
}

#[test]
fn what_grows_by_a_level_a_step_ends_before_the_stack_does() {
    let evaluator = Evaluator::new(&IndexMap::new());
    let mut value = Value::Null;
    let trouble = (0..1_000).find_map(|_| {
        let mut scope = Scope::new();
        scope.insert("before", Name::Value(Value::List(vec![value.clone()])));
        match evaluator.expression(&expression("before"), &scope) {
            Ok(deeper) => value = deeper,
            Err(trouble) => return Some(trouble),
        }
        None
    });
    assert_eq!(trouble.expect("it ends").message, "the value is nested more than 128 deep");
}
