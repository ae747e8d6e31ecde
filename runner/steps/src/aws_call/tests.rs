//! What `aws-call` asks of AWS, and what it makes of the answers.

use std::sync::Mutex;

use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::diagnostic::{Diagnostic, Severity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Kind, Origin, Place, Question};
use runbook_model::value::Value;
use serde_json::{Value as Json, json};

use super::AwsCallKind;
use crate::contract::{Answer, Invocation, Pending, Progress, StepKind as _};
use crate::files::Files;
use crate::ports::{Aws, AwsAnswer, AwsCall, Kubernetes, Outside};
use crate::programs::Programs;
use crate::test_server;
use crate::written::{planned, written};

/// An AWS that answers what it was told to, in order, and remembers what it was asked.
struct Script {
    answers: Mutex<Vec<Result<Json, Failure>>>,
    asked: Mutex<Vec<AwsCall>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Json, Failure>>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<Json> {
        self.asked.lock().unwrap().iter().map(|call| call.params.exposed()).collect()
    }
}

impl Aws for Script {
    fn call<'a>(&'a self, _: &'a AwsConnection, call: AwsCall) -> Pending<'a, Result<AwsAnswer, Failure>> {
        self.asked.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop().expect("the script has an answer");
        Box::pin(async { answer.map(|output| AwsAnswer { output: output.into(), request_id: Some("r-1".into()) }) })
    }
}

impl Outside for Script {
    fn aws(&self) -> &dyn Aws {
        self
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        unimplemented!("this kind does not call Kubernetes")
    }

    fn certificates(&self) -> &dyn crate::certificates::Certificates {
        unimplemented!("this kind calls AWS only")
    }

    fn archives(&self) -> &dyn crate::archives::Archives {
        unimplemented!("this kind calls AWS only")
    }

    fn network(&self) -> &dyn crate::network::Network {
        unimplemented!("this kind calls AWS only")
    }

    fn files(&self) -> &dyn Files {
        unimplemented!("nothing here edits files")
    }

    fn programs(&self) -> &dyn Programs {
        unimplemented!("nothing here runs programs")
    }

    fn identify<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        unimplemented!("kinds do not ask who they meet")
    }
}

fn invocation(arguments: Json) -> Invocation {
    Invocation {
        connection: Some(Connection::Aws(AwsConnection::default())),
        ..test_server::invocation(arguments.into())
    }
}

fn call(script: &Script, arguments: Json) -> Result<Answer, Failure> {
    test_server::answer(&AwsCallKind, &invocation(arguments), script)
}

#[test]
fn the_answer_is_the_output_and_nulls_stay_out_of_the_parameters() {
    let script = Script::new([Ok(json!({"Vpcs": []}))]);
    let answer = call(
        &script,
        json!({"service": "ec2", "operation": "DescribeVpcs", "params": {"VpcIds": null, "MaxResults": 5}}),
    )
    .unwrap();
    assert_eq!(answer.output.exposed(), json!({"Vpcs": []}));
    assert_eq!((answer.origin, answer.request_id.as_deref()), (Some(Origin::Unchanged), Some("r-1")));
    assert_eq!(script.asked(), [json!({"MaxResults": 5})]);
}

#[test]
fn the_token_of_the_step_is_filled_in() {
    let script = Script::new([Ok(json!({})), Ok(json!({}))]);
    let arguments = |more: Json| {
        let mut params = json!({"name": "c", "roleArn": "r", "resourcesVpcConfig": {}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"service": "eks", "operation": "CreateCluster", "params": params})
    };
    assert_eq!(call(&script, arguments(json!({}))).unwrap().origin, None);
    call(&script, arguments(json!({"clientRequestToken": "own"}))).unwrap();
    let tokens: Vec<Json> = script.asked().into_iter().map(|params| params["clientRequestToken"].clone()).collect();
    assert_eq!(tokens, [json!(invocation(json!({})).token.as_str()), json!("own")]);
}

#[test]
fn pages_become_one_answer() {
    let page = |names: &[&str], token: Option<&str>| Ok(json!({"clusters": names, "nextToken": token}));
    let script = Script::new([page(&["a"], Some("t")), page(&["b"], None)]);
    let answer = call(&script, json!({"service": "eks", "operation": "ListClusters", "paginate": "all"})).unwrap();
    assert_eq!(answer.output.exposed()["clusters"], json!(["a", "b"]));
    assert_eq!(script.asked(), [json!({}), json!({"nextToken": "t"})]);

    let script = Script::new([page(&["a"], Some("t"))]);
    let answer = call(&script, json!({"service": "eks", "operation": "ListClusters"})).unwrap();
    assert_eq!(answer.output.exposed()["nextToken"], "t");
}

#[test]
fn an_answer_that_repeats_a_secret_repeats_a_secret() {
    let script = Script::new([Ok(json!({"role": {"description": "login with hunter2", "roleName": "r"}}))]);
    let mut invocation = invocation(json!({"service": "iam", "operation": "CreateRole"}));
    let params = [("RoleName", "r".into()), ("Description", Value::from("hunter2").into_secret())];
    let params = Value::Map(params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let Value::Map(arguments) = &mut invocation.arguments else { unreachable!("a map") };
    arguments.insert("params".to_owned(), params);
    let Progress::Done(answer) = test_server::now(AwsCallKind.start(&invocation, &script)).unwrap() else {
        unreachable!("it does not go on")
    };
    assert_eq!(answer.output.redacted(), json!({"role": {"description": "(secret)", "roleName": "r"}}));
}

#[test]
fn removing_what_is_gone_changes_nothing() {
    let missing = || Err(Failure::new(FailureClass::Missing, "no such role").code("NoSuchEntity"));
    let of = |operation: &str| json!({"service": "iam", "operation": operation, "params": {"RoleName": "r"}});
    let answer = call(&Script::new([missing()]), of("DeleteRole")).unwrap();
    assert_eq!((answer.origin, answer.output), (Some(Origin::Unchanged), Value::Null));
    assert_eq!(call(&Script::new([missing()]), of("GetRole")).unwrap_err().class, FailureClass::Missing);
}

#[test]
fn only_what_has_an_effect_can_be_in_doubt() {
    let lost = || Err(Failure::new(FailureClass::Unavailable, "the reply was lost").doubtful());
    let of = |operation: &str| json!({"service": "iam", "operation": operation, "params": {"RoleName": "r"}});
    assert!(!call(&Script::new([lost()]), of("GetRole")).unwrap_err().in_doubt);
    assert!(call(&Script::new([lost()]), of("CreateRole")).unwrap_err().in_doubt);
}

#[test]
fn a_waiter_judges_answers_and_failures() {
    let look = |waiter: &str, answer: Result<Json, Failure>| {
        let arguments =
            json!({"service": "eks", "operation": "DescribeCluster", "waiter": waiter, "params": {"name": "c"}});
        call(&Script::new([answer]), arguments).map(|answer| answer.output.exposed())
    };
    let cluster = |status: &str| Ok(json!({"cluster": {"status": status}}));
    assert_eq!(
        look("cluster_active", cluster("CREATING")).unwrap(),
        json!({"state": "retry", "observed": "CREATING", "result": {"cluster": {"status": "CREATING"}}})
    );
    assert_eq!(look("cluster_active", cluster("ACTIVE")).unwrap()["state"], "success");
    assert_eq!(look("cluster_active", cluster("FAILED")).unwrap()["state"], "failure");
    let missing = Failure::new(FailureClass::Missing, "no cluster").code("ResourceNotFoundException");
    assert_eq!(
        look("cluster_deleted", Err(missing)).unwrap(),
        json!({"state": "success", "observed": "ResourceNotFoundException", "result": null})
    );
    let denied = Failure::new(FailureClass::Denied, "no").code("AccessDeniedException");
    assert_eq!(look("cluster_deleted", Err(denied)).unwrap_err().class, FailureClass::Denied);
}

#[test]
fn a_connection_to_a_cluster_is_refused() {
    let mut invocation = invocation(json!({"service": "ec2", "operation": "DescribeVpcs"}));
    invocation.connection = Some(Connection::Eks { cluster: "c".into(), aws: AwsConnection::default() });
    let failure = test_server::answer(&AwsCallKind, &invocation, &Script::new([])).unwrap_err();
    assert!(failure.message.contains("not to AWS"));
}

#[test]
fn the_model_says_what_a_call_does() {
    let of = |arguments: Json| {
        let (_, planned, told) = planned(&AwsCallKind, Place::Step, arguments);
        assert_eq!(told, [""; 0]);
        (planned.effect, planned.token, planned.must_match)
    };
    assert_eq!(of(json!({"service": "ec2", "operation": "DescribeVpcs"})), (Effect::Reads, false, false));
    let role = |more: Json| {
        let mut call = json!({"service": "iam", "operation": "CreateRole", "params": {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(call)
    };
    assert_eq!(role(json!({})), (Effect::OneShot, false, true));
    assert_eq!(role(json!({"effect": "converges"})), (Effect::Converges, false, true));
    let instances = json!({"service": "ec2", "operation": "RunInstances", "params": {"MinCount": 1, "MaxCount": 1}});
    assert_eq!(of(instances), (Effect::Converges, true, true));
}

#[test]
fn names_are_the_models_own_after_planning() {
    let (arguments, _, told) = planned(
        &AwsCallKind,
        Place::Look,
        json!({"service": "EKS", "waiter": "cluster_active", "params": {"name": "c"}}),
    );
    assert_eq!(told, [""; 0]);
    let text = |key: &str| arguments.get(key).unwrap().as_text().unwrap().to_owned();
    assert_eq!((text("service"), text("operation")), ("eks".into(), "DescribeCluster".into()));
}

#[test]
fn every_complaint_says_what_to_do() {
    for (place, arguments, told) in [
        (
            Place::Step,
            json!({"service": "ekss", "operation": "X"}),
            "RB0600 there is no AWS service `ekss` (did you mean `eks`?)",
        ),
        (
            Place::Step,
            json!({"service": "eks", "operation": "DescribeClusters"}),
            "RB0601 `eks` has no operation `DescribeClusters` (did you mean `DescribeCluster`?)",
        ),
        (
            Place::Look,
            json!({"service": "eks", "waiter": "cluster_activ"}),
            "RB0602 `eks` has no waiter `cluster_activ` (did you mean `cluster_active`?)",
        ),
        (
            Place::Step,
            json!({"service": "eks", "operation": "DescribeCluster", "params": {"name": "c"}, "paginate": "all"}),
            "RB0643 `DescribeCluster` answers in one piece (leave `paginate` out)",
        ),
        (
            Place::Look,
            json!({"service": "eks", "operation": "DeleteCluster", "params": {"name": "c"}}),
            "RB0644 `DeleteCluster` changes things and cannot look (look with an operation that reads, or say `effect: reads` if this one does)",
        ),
        (
            Place::Look,
            json!({"service": "eks", "operation": "ListClusters", "waiter": "cluster_active"}),
            "RB0643 the waiter `ClusterActive` looks with `DescribeCluster` (leave `operation` out, or write that one)",
        ),
        (
            Place::Step,
            json!({"service": "${inputs.s}", "operation": "X"}),
            "RB0642 `service` is an expression (write the name itself: what a call takes and gives is checked against its model before anything runs)",
        ),
        (
            Place::Step,
            json!({"service": "eks", "operation": "ListClusters", "waiter": "x"}),
            "RB0640 `aws-call` has no `waiter` (it takes `service`, `operation`, `params`, `paginate` and `effect`)",
        ),
        (
            Place::Step,
            json!({"operation": "ListClusters"}),
            "RB0641 `aws-call` needs `service` (write the service's name, such as `ec2`)",
        ),
    ] {
        let all = planned(&AwsCallKind, place, arguments.clone()).2;
        assert!(all.contains(&told.to_owned()), "{arguments}: {all:?}");
    }
}

#[test]
fn all_pages_of_what_answers_in_one_piece_are_no_mistake() {
    let whole = json!({"service": "eks", "operation": "DescribeCluster", "params": {"name": "c"}, "paginate": "all"});
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let question = &mut Question { place: Place::Step, diagnostics: &mut diagnostics };
    AwsCallKind.plan(&mut written(whole), question);
    assert_eq!(diagnostics.iter().map(|told| told.severity).collect::<Vec<_>>(), [Severity::Warning]);
}
