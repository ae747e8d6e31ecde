//! Templates with statements: macros, includes, imports, loops; and the names an author may use.

use indexmap::IndexMap;
use runbook_model::argument::{Expression, Origin};
use runbook_model::value::Value;
use runbook_template::syntax::parse_template;
use runbook_template::{Evaluator, Name, Scope, Trouble, names};
use serde_json::json;

fn render(main: &str, others: &[(&str, &str)]) -> Result<Value, Trouble> {
    let mut templates: IndexMap<String, String> =
        others.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    templates.insert("main.txt.j2".into(), main.into());
    let mut scope = Scope::new();
    scope.insert("values", Name::Value(json!({"name": "demo", "list": [1, 2], "map": {"b": 1, "a": 2}}).into()));
    let source = "template('main.txt.j2', values)".into();
    let expression = Expression { source, line: 1, column: 1, origin: Origin::default() };
    Evaluator::new(&templates).expression(&expression, &scope)
}

#[track_caller]
fn yields(main: &str, others: &[(&str, &str)], wanted: &str) {
    assert_eq!(render(main, others).map(|value| value.exposed()), Ok(json!(wanted)));
}

#[test]
fn statements_work_as_in_minijinja() {
    yields("{% for x in list if x > 1 %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}", &[], "12");
    yields("{% set ns = namespace(n=0) %}{% for x in list %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}", &[], "3");
    yields("{% macro m(a, b='z') %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(2, b=3) }}", &[], "1z23");
    yields("{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}{{ name }}{% endcall %}", &[], "<demo>");
    yields("{% include 'part.j2' %}!", &[("part.j2", "{{ name }}")], "demo!");
    yields(
        "{% import 'lib.j2' as lib %}{{ lib.m(name) }}",
        &[("lib.j2", "{% macro m(a) %}[{{ a }}]{% endmacro %}")],
        "[demo]",
    );
    yields(
        "{% from 'lib.j2' import m %}{{ m(name) }}",
        &[("lib.j2", "{% macro m(a) %}[{{ a }}]{% endmacro %}")],
        "[demo]",
    );
    yields(
        "{% extends 'base.j2' %}{% block x %}{{ super() }}{{ name }}{% endblock %}",
        &[("base.j2", "<{% block x %}b{% endblock %}>")],
        "<bdemo>",
    );
    yields("{% filter upper %}{{ name }}{% endfilter %}{% with a = 1 %}{{ a }}{% endwith %}", &[], "DEMO1");
    yields("{% for k, v in map | dictsort %}{{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor %}", &[], "a=2,b=1");
    yields("{% for x in list %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", &[], "1");
    yields("{% set t %}{{ name }}{% endset %}{{ t | length }}{{ nope | default('d') }}", &[], "4d");
}

#[test]
fn undefined_is_an_error_in_every_statement() {
    let lib = [("lib.j2", "{% macro m(a) %}\n[{{ nope }}]{% endmacro %}"), ("part.j2", "x\n{{ nope }}")];
    for (main, file, line, column) in [
        ("{{ nope }}", "main.txt.j2", 1, 4),
        ("{% for x in nope %}{% endfor %}", "main.txt.j2", 1, 13),
        ("{% if nope %}{% endif %}", "main.txt.j2", 1, 7),
        ("{% set a = [nope] %}", "main.txt.j2", 1, 13),
        ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "main.txt.j2", 1, 20),
        ("{% include 'part.j2' %}", "part.j2", 2, 4),
        ("{% import 'lib.j2' as lib %}{{ lib.m(name) }}", "lib.j2", 2, 5),
        ("{{ [list[0], name.nope] | join(',') }}", "main.txt.j2", 1, 14),
        ("{% with a = nope %}{% endwith %}", "main.txt.j2", 1, 13),
    ] {
        let trouble = render(main, &lib).expect_err(main);
        let told = (trouble.file.as_deref(), trouble.line, trouble.column);
        assert_eq!(told, (Some(file), line, column), "{main}: {trouble}");
        assert!(trouble.message.contains("nope") || trouble.message.contains("`a`"), "{main}: {trouble}");
    }
    let trouble = render("{{ ['x' if list else 'y', 'z' if name] }}", &[]).expect_err("has no else");
    assert_eq!(trouble.message, "this `if` has no `else`, so it may have no value");
}

#[test]
fn recursion_ends_before_the_stack_does() {
    let endless = "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}";
    assert!(render(endless, &[]).is_err());
    assert!(render("{% include 'main.txt.j2' %}", &[]).is_err());
    assert!(render("{{ template('main.txt.j2', {}) }}", &[]).is_err());
    // The worst of both: each of the templates inside each other uses up its own depth of macros first.
    let deep = "{% macro m(n) %}{% if n < 40 %}{{ m(n + 1) }}{% else %}{{ template('main.txt.j2', {}) }}{% endif %}{% endmacro %}{{ m(0) }}";
    assert!(render(deep, &[]).is_err());
    let loops = "{% for x in list recursive %}{{ loop(list) }}{% endfor %}";
    assert!(render(loops, &[]).is_err());
}

#[test]
fn values_are_not_nested_deeper_than_the_stack_goes() {
    let message = |main: &str| render(main, &[]).expect_err("nests without end").message;
    let deep = "the value is nested more than 128 deep";
    let namespace = |set: &str| {
        format!(
            "{{% set ns = namespace(x=[]) %}}{{% for i in range(2000) %}}{{% set ns.x = {set} %}}{{% endfor %}}{{{{ ns.x }}}}"
        )
    };
    for set in ["[ns.x]", "{'a': ns.x}", "[[1, ns.x] | last]"] {
        assert!(message(&namespace(set)).contains(deep), "{set}");
    }
    let straight = format!("{{% set a = [] %}}{}{{{{ a }}}}", "{% set a = [a] %}".repeat(2_000));
    assert!(message(&straight).contains(deep));
    // What only gets longer is no deeper.
    yields(&format!("{}{{{{ ns.x | length }}}}", &namespace("ns.x + [i]").replace("{{ ns.x }}", "")), &[], "2000");
    yields("{% set a, b = 1, [2] %}{% set c = (a) + (b[0]) %}{{ a }}{{ b[0] }}{{ c }}", &[], "123");
}

#[test]
fn the_checker_learns_what_a_template_takes_from_outside() {
    let parsed = parse_template(
        "{% set a = x %}{{ a }}{% for i in list %}{{ i ~ loop.index ~ y }}{% endfor %}{{ i }}{% include 'b.j2' %}",
    )
    .unwrap();
    let mut free = Vec::new();
    for bound in &parsed.expressions {
        bound.expr.walk(&mut |part| {
            if let runbook_template::syntax::ExprKind::Name(name) = &part.kind
                && !bound.binds(name)
            {
                free.push(name.clone());
            }
        });
    }
    assert_eq!(free, ["x", "list", "y", "i"]);
    assert_eq!(parsed.reaches[0].path.as_deref(), Some("b.j2"));
}

#[test]
fn the_names_for_the_checker_are_those_that_exist() {
    let value = |source: String| {
        let expression = Expression { source, line: 1, column: 1, origin: Origin::default() };
        Evaluator::new(&IndexMap::new()).expression(&expression, &Scope::new())
    };
    for filter in names::FILTERS {
        assert_eq!(value(format!("'{filter}' is filter")), Ok(true.into()), "{filter}");
    }
    for test in names::TESTS {
        assert_eq!(value(format!("'{test}' is test")), Ok(true.into()), "{test}");
    }
    for method in names::METHODS {
        let unknown = ["'x'", "{}", "[]"].iter().all(|base| {
            matches!(value(format!("{base}.{method}()")), Err(trouble) if trouble.message.contains("no method named"))
        });
        assert!(!unknown, "{method}");
    }
    for function in names::FUNCTIONS {
        let told = value(format!("{function}()")).err().map(|trouble| trouble.message).unwrap_or_default();
        assert!(!told.contains("is unknown"), "{function}: {told}");
    }
}
