//! Connections: their forms, who is met, and that another one is refused.

use runbook_model::failure::FailureClass;
use serde_json::{Value as J, json};

use crate::scene::Scene;

fn through(connection: &J, reaches: &str) -> J {
    json!({
        "connections": {
            "aws": {"aws": {"region": "${{ 'eu-west-1' }}", "profile": "${{ none }}"}},
            "parent": {"eks": "${{ steps.name.cluster }}", "aws": "aws"},
            "far": {"from": "aws", "region": "us-east-1"},
            "circle": {"from": "circle"},
        },
        "steps": [
            {"id": "name", "set": {"cluster": "main", "region": "${{ none }}"}},
            {"id": "a", "call": {"reaches": reaches, "effect": "one-shot"}, "connection": connection},
        ],
    })
}

fn label(connection: &J) -> String {
    let mut scene = Scene::new(through(connection, "kubernetes"));
    scene.hold();
    match scene.read().into_iter().find_map(|line| line.strip_prefix("> identify ").map(str::to_owned)) {
        Some(label) => label,
        None => scene.failure("a"),
    }
}

#[test]
fn every_form_finds_its_door() {
    assert_eq!(label(&json!("aws")), "aws region eu-west-1");
    assert_eq!(label(&json!("parent")), "eks main (aws region eu-west-1)");
    assert_eq!(label(&json!({"eks": "x", "aws": "far"})), "eks x (aws region us-east-1)");
    assert_eq!(label(&json!({"eks": "x", "aws": {"aws": {"profile": "p"}}})), "eks x (aws profile p)");
    assert_eq!(label(&json!({"eks": "x"})), "eks x (aws region eu-west-1)");
    assert_eq!(label(&json!({"kubeconfig": "~/c", "context": "x"})), "kubeconfig ~/c (x)");
    assert_eq!(label(&json!({"context": ["x", "y"]})), "kubeconfig the default file (x or y)");
    assert_eq!(label(&json!({"karmada": "parent"})), "karmada karmada-system on eks main (aws region eu-west-1)");
    let bootstrap = json!({"bootstrap": "https://k", "token": "abcdef.hush", "ca-cert-hash": "sha256:0"});
    assert_eq!(label(&bootstrap), "karmada at https://k by token abcdef");
    // The form is judged after what is null was left out.
    assert_eq!(label(&json!({"eks": "${{ none }}", "aws": {"region": "r"}})), "aws region r");
}

#[test]
fn what_is_no_connection_is_told() {
    assert_eq!(label(&json!("nobody")), "invalid: there is no connection `nobody`");
    assert_eq!(label(&json!("circle")), "invalid: the connections lead in a circle");
    assert_eq!(label(&json!(3)), "invalid: a connection is a name or a map, not a number");
    assert_eq!(label(&json!({"aws": {"regio": "x"}})), "invalid: an AWS connection has no `regio`");
    assert_eq!(label(&json!({"eks": "x", "region": "y"})), "invalid: a connection of the form `eks` has no `region`");
    assert_eq!(label(&json!({"nothing": 1})), "invalid: a connection with `nothing` has no known form");
    assert_eq!(
        label(&json!({"bootstrap": "https://k", "token": "abcdef.hush"})),
        "invalid: a connection of the form `bootstrap` needs `ca-cert-hash`"
    );
    assert_eq!(label(&json!({"from": {"kubeconfig": "x"}})), "invalid: `from` of a connection is not an AWS one");
}

#[test]
fn aws_needs_no_declaration_and_kubernetes_does() {
    let plan = |reaches: &str| json!({"steps": [{"id": "a", "call": {"reaches": reaches}}]});
    let mut scene = Scene::new(plan("aws"));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "step-begun a", "> identify aws"]);
    let mut scene = Scene::new(plan("kubernetes"));
    scene.hold();
    assert_eq!(scene.failure("a"), "invalid: step `a` reaches Kubernetes and names no connection");
}

#[test]
fn a_call_may_name_more_doors_than_its_own() {
    let mut scene =
        Scene::new(json!({"connections": {"other": {"aws": {"region": "${{ steps.name.region }}"}}}, "steps": [
            {"id": "name", "set": {"region": "r"}},
            {"id": "a", "call": {"connections": {"for": "other", "karmada": {"aws": {"region": "q"}}}}},
            {"id": "b", "call": {"connections": {"for": "nobody"}}},
        ]}));
    scene.hold();
    assert_eq!(scene.read()[2..], ["step-begun a", "> identify aws region r"]);
    scene.identify("1");
    assert_eq!(scene.read(), ["connection-identified", "> identify aws region q"]);
    scene.identify("2");
    assert_eq!(scene.read(), ["connection-identified", "step-started a g1 a1", "> act a"]);
    let call = scene.call("a");
    let named: Vec<String> = call.connections.iter().map(|(of, to)| format!("{of}: {}", to.label())).collect();
    assert_eq!((named.join(", ").as_str(), &call.connection), ("for: aws region r, karmada: aws region q", &None));
    scene.answer("a", json!({}));
    assert_eq!(scene.failure("b"), "invalid: there is no connection `nobody`");
}

#[test]
fn who_is_met_is_recorded_before_the_first_call_and_asked_once() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "call": {"reaches": "aws", "effect": "one-shot"}, "needs": []},
        {"id": "b", "call": {"reaches": "aws"}, "needs": []},
        {"id": "c", "set": {"account": "${{ connections.aws.account }}", "cluster": "${{ connections.aws.cluster }}"}},
    ]}));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "step-begun a", "step-begun b", "> identify aws"]);
    scene.identify("123");
    assert_eq!(
        scene.read(),
        ["connection-identified", "step-started a g1 a1", "step-started b g1 a1", "> act a", "> act b"]
    );
    scene.answer("a", json!({}));
    scene.answer("b", json!({}));
    assert_eq!(scene.outputs("c").exposed(), json!({"account": "123", "cluster": null}));
}

#[test]
fn an_expression_may_ask_who_is_met() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "when": "${{ connections.aws.account == '123' }}", "set": {"arn": "x:${{ connections.aws.account }}"}},
    ], "outputs": {"region": "${{ connections.aws.region }}"}}));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "> identify aws"]);
    scene.identify("123");
    assert_eq!(scene.read(), ["connection-identified", "step-succeeded a unchanged", "run-ended succeeded"]);
    assert_eq!(scene.outputs("a").exposed(), json!({"arn": "x:123"}));
    let outputs = scene.engine.state().ended().unwrap().outputs.clone().unwrap();
    assert_eq!(outputs.exposed(), json!({"region": "eu-west-1"}));
}

#[test]
fn outputs_may_ask_who_is_met_after_the_call() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {"effect": "one-shot"}, "outputs": {"x": "${{ result }}-${{ connections.aws.account }}"}},
    ]}));
    scene.answer("a", json!("made"));
    assert_eq!(scene.read(), ["> identify aws"]);
    scene.identify("9");
    assert_eq!(scene.read(), ["connection-identified", "step-succeeded a created", "run-ended succeeded"]);
    assert_eq!(scene.outputs("a").exposed(), json!({"x": "made-9"}));
}

#[test]
fn somebody_who_cannot_be_asked_fails_the_call_that_wanted_them() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "call": {"reaches": "aws", "effect": "one-shot"}, "needs": []},
        {"id": "w", "wait": {"source": {"reaches": "kubernetes", "connection": {"eks": "x"}}, "until": "${{ result }}"}, "needs": []},
    ]}));
    scene.hold();
    scene.read();
    // The cluster does not exist yet, so the wait goes on.
    scene.unknown("eks x (aws)", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-looked w"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["> identify eks x (aws)"]);
    scene.unknown("aws", FailureClass::Unavailable);
    assert_eq!(scene.read(), ["attempt-failed a unavailable, again"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["> identify aws"]);
    scene.unknown("aws", FailureClass::ExpiredCredentials);
    assert_eq!(
        scene.read()[..3],
        ["attempt-failed a expired-credentials", "step-parked a credentials", "run-stopping parked"]
    );
}

#[test]
fn a_cluster_that_is_gone_may_be_an_answer() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "call": {"reaches": "kubernetes", "connection": {"eks": "x"}, "effect": "converges"}, "accept": ["missing"]},
    ]}));
    scene.hold();
    scene.read();
    scene.unknown("eks x (aws)", FailureClass::Missing);
    assert_eq!(scene.read()[0], "step-succeeded a unchanged");
}

#[test]
fn a_resume_in_another_account_changes_nothing() {
    let plan = json!({"connections": {"other": {"aws": {"region": "r"}}}, "steps": [
        {"id": "a", "call": {"reaches": "aws", "effect": "one-shot"}},
        {"id": "b", "call": {"reaches": "aws", "effect": "one-shot"}, "connection": "other"},
    ]});
    let mut scene = Scene::held(plan);
    scene.identify("123");
    scene.answer("a", json!({}));
    scene.identify("123");
    scene.read();
    scene.refuse("b", FailureClass::Throttled);
    scene.stop();
    scene.now += 60_000;
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> identify aws region r"]);
    scene.identify("999");
    assert_eq!(scene.read(), ["run-stopping refused", "run-ended interrupted", "> abandon b"]);
    let because = scene.engine.state().ended().unwrap().because.clone().unwrap();
    assert_eq!(
        because.failure.message,
        "the connection `aws region r` was account 123 in eu-west-1 as arn:aws:iam::1:user/ann when this run used it, \
         and now is account 999 in eu-west-1 as arn:aws:iam::1:user/ann"
    );
    // Back in the first account, it goes on.
    scene.crash();
    scene.identify("123");
    assert_eq!(scene.read(), ["run-held", "> identify aws region r", "connection-identified", "> identify aws"]);
    scene.identify("123");
    assert_eq!(scene.read(), ["connection-identified", "step-started b g1 a2", "> act b"]);
}

#[test]
fn a_connection_that_nobody_answers_on_does_not_hold_up_other_changes_of_a_resume() {
    let plan = json!({"connections": {"cluster": {"eks": "x"}}, "steps": [
        {"id": "a", "call": {"reaches": "kubernetes"}, "connection": "cluster"},
        {"id": "b", "call": {"reaches": "aws", "effect": "one-shot"}},
    ]});
    let mut scene = Scene::held(plan);
    scene.identify("123");
    scene.answer("a", json!({}));
    scene.identify("123");
    scene.refuse("b", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    scene.read();
    scene.unknown("eks x (aws)", FailureClass::Missing);
    assert_eq!(scene.read(), ["> identify aws"]);
    scene.identify("123");
    assert_eq!(scene.read(), ["connection-identified", "step-started b g1 a2", "> act b"]);
}

#[test]
fn a_nested_runbook_sees_only_its_own_connections_unless_they_are_given() {
    let nested = |with: J, connection: &str| {
        let mut scene = Scene::new(json!({
            "connections": {"mine": {"aws": {"region": "far"}}, "aws": {"aws": {"region": "near"}}},
            "steps": [{"id": "in", "run": {
                "with-connections": with,
                "body": {
                    "connections": {"theirs": {"aws": {"region": "own"}}},
                    "steps": [{"id": "a", "call": {"reaches": "aws"}, "connection": connection}],
                },
            }}],
        }));
        scene.hold();
        match scene.read().pop().unwrap().strip_prefix("> identify ") {
            Some(label) => label.to_owned(),
            None => scene.failure("in/a"),
        }
    };
    assert_eq!(nested(json!({}), "theirs"), "aws region own");
    assert_eq!(nested(json!({}), "aws"), "aws");
    assert_eq!(nested(json!({}), "mine"), "invalid: there is no connection `mine`");
    assert_eq!(nested(json!({"aws": "aws"}), "aws"), "aws region near");
    assert_eq!(nested(json!({"theirs": "mine"}), "theirs"), "aws region far");
    assert_eq!(nested(json!({"theirs": {"aws": {"region": "inline"}}}), "theirs"), "aws region inline");
}

#[test]
fn a_group_hands_its_connection_down_with_the_item_in_sight() {
    let mut scene = Scene::new(json!({"steps": [{
        "id": "each", "for-each": ["p"], "connection": {"aws": {"region": "${{ item }}"}},
        "group": [{"id": "a", "call": {"reaches": "aws"}}],
    }]}));
    scene.hold();
    assert_eq!(scene.read().pop().unwrap(), "> identify aws region p");
}

#[test]
fn nothing_of_a_connection_that_is_shown_may_be_a_secret() {
    use runbook_model::value::{Map, Value};
    let told = |connection: J| {
        let inputs = Map::from_iter([("token".to_owned(), Value::from("hunter2").into_secret())]);
        let plan = json!({"steps": [{"id": "a", "call": {"reaches": "aws"}, "connection": connection}]});
        let mut scene = Scene::with(plan, inputs);
        scene.hold();
        match scene.read().pop().unwrap().strip_prefix("> identify ") {
            Some(label) => label.to_owned(),
            None => scene.failure("a"),
        }
    };
    let shown = "is a secret, and connections are named in every report";
    assert_eq!(
        told(json!({"aws": {"endpoint": "http://${{ inputs.token }}@x"}})),
        format!("invalid: `endpoint` of a connection {shown}")
    );
    assert_eq!(
        told(json!({"kubeconfig": "x", "context": ["${{ inputs.token }}"]})),
        format!("invalid: `context` of a connection {shown}")
    );
    assert_eq!(told(json!("${{ inputs.token }}")), format!("invalid: the connection {shown}"));
    assert_eq!(told(json!({"aws": {"role": "r", "external-id": "${{ inputs.token }}"}})), "aws role r");
}

#[test]
fn those_who_wait_for_an_identification_take_a_place_too() {
    let items: Vec<u32> = (0..1_000).collect();
    let begun = |scene: &mut Scene| scene.read().iter().filter(|line| line.starts_with("step-begun each")).count();
    let mut scene = Scene::new(json!({"concurrency": 3, "steps": [
        {"id": "first", "call": {"reaches": "aws"}},
        {"id": "each", "for-each": items, "call": {"reaches": "aws", "effect": "one-shot"}},
    ]}));
    scene.hold();
    scene.identify("123");
    scene.answer("first", json!({}));
    assert_eq!(begun(&mut scene), 3);
    // A resume asks once more who is there before it changes anything.
    scene.crash();
    assert_eq!(begun(&mut scene), 0);
    let mut scene = Scene::new(json!({"concurrency": 3, "steps": [
        {"id": "each", "for-each": items, "call": {"reaches": "aws", "effect": "one-shot"}},
    ]}));
    scene.hold();
    assert_eq!(begun(&mut scene), 3);
}
