//! `http`, `tcp`, `dns`: sources of a `wait-for` that look at the net.
//!
//! These files decide what each looks at and answers. They must not know how a name resolves or a connection is made, nor
//! when a wait is over: a look that finds nobody fails as `unavailable` or `missing`, which the engine reads as not yet.

pub mod dns;
pub mod http;
pub mod tcp;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::duration::Duration;
use runbook_model::kind::{Parameter, Place, Planned, Question, Reaches};
use runbook_model::shape::Shape;

use crate::arguments::Judge;
use crate::contract::Invocation;

/// How long one look may take. What has not answered by then is not there, and the next look comes soon.
const LIMIT: Duration = Duration::from_secs(10);

fn limit(invocation: &Invocation) -> Duration {
    invocation.limit.min(LIMIT)
}

/// Judges place and keys, which is the same for all of them.
fn planned(
    name: &'static str,
    parameters: &[Parameter],
    arguments: &mut Argument,
    question: &mut Question<'_>,
    result: Shape,
) -> Planned {
    let mut judge = Judge::new(name, question.diagnostics);
    if question.place != Place::Look {
        let message = format!("`{name}` only looks and cannot be a step");
        judge.complain(code::KIND_PLACE, arguments.span, message, "put it into a `wait-for`");
    }
    let keys: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    if judge.keys(arguments, &keys, &[]) {
        for parameter in parameters {
            if parameter.required {
                judge.require(arguments, parameter.name, &format!("write {}", parameter.about));
            }
            judge.text(arguments, parameter.name);
        }
    }
    Planned { result, ..Planned::unknown(Reaches::Nothing) }
}

#[cfg(test)]
mod tests {
    use runbook_model::failure::{Failure, FailureClass};
    use runbook_model::kind::Place;
    use runbook_model::value::Value;
    use serde_json::{Value as Json, json};

    use super::dns::Dns;
    use super::http::Http;
    use super::tcp::Tcp;
    use crate::contract::StepKind;
    use crate::test_server::{TestServer, answer, invocation};
    use crate::written::planned;

    fn look(kind: &dyn StepKind, net: &TestServer, arguments: Json) -> Result<Value, Failure> {
        answer(kind, &invocation(arguments.into()), net).map(|answer| answer.output)
    }

    #[test]
    fn a_page_is_data_where_it_is_json_and_text_elsewhere() {
        for (body, wanted) in [
            ("ok", json!("ok")),
            (" {\"a\": [1]}\n", json!({"a": [1]})),
            ("[1]", json!([1])),
            ("42", json!("42")),
            ("{broken", json!("{broken")),
            ("", json!("")),
        ] {
            let net = TestServer::new();
            body.clone_into(&mut net.page.lock().unwrap());
            let answer = look(&Http, &net, json!({"url": "https://x/readyz", "ca": "PEM"})).unwrap();
            assert_eq!(answer.exposed(), json!({"status": 200, "body": wanted}));
            assert_eq!(net.log(), ["get https://x/readyz trusting PEM within 10s"]);
        }
    }

    #[test]
    fn what_a_secret_question_brings_back_is_secret() {
        let net = TestServer::new();
        "your token: hunter2!".clone_into(&mut net.page.lock().unwrap());
        let mut arguments = invocation(Value::Null);
        arguments.arguments = Value::Map(
            [("url".to_owned(), Value::from("https://x/")), ("ca".to_owned(), Value::from("hunter2").into_secret())]
                .into_iter()
                .collect(),
        );
        assert_eq!(answer(&Http, &arguments, &net).unwrap().output.redacted()["body"], "(secret)");
    }

    #[test]
    fn a_port_is_open_and_a_name_has_addresses() {
        let net = TestServer::new();
        assert_eq!(look(&Tcp, &net, json!({"host": "db", "port": 5432})).unwrap().exposed(), json!({"open": true}));
        assert_eq!(look(&Tcp, &net, json!({"host": "db", "port": "443"})).unwrap().exposed(), json!({"open": true}));
        assert_eq!(
            look(&Dns, &net, json!({"name": "lb.example"})).unwrap().exposed(),
            json!({"addresses": ["10.0.0.1", "::1"]})
        );
        assert_eq!(net.log(), ["connect db 5432", "connect db 443", "resolve lb.example"]);
        for port in [json!(0), json!(65536), json!("http"), json!(null), json!([1])] {
            let refused = look(&Tcp, &net, json!({"host": "db", "port": port})).unwrap_err();
            assert_eq!(refused.class, FailureClass::Invalid);
        }
    }

    #[test]
    fn mistakes_are_told_at_planning() {
        let told = |kind: &dyn StepKind, place, arguments| planned(kind, place, arguments).2.join("\n");
        assert_eq!(told(&Dns, Place::Look, json!({"name": "x"})), "");
        assert_eq!(told(&Tcp, Place::Look, json!({"host": "x", "port": "${inputs.port}"})), "");
        assert!(told(&Dns, Place::Step, json!({"name": "x"})).contains("only looks"));
        assert!(told(&Http, Place::Look, json!({"uri": "x"})).contains("did you mean `url`?"));
        assert!(told(&Tcp, Place::Look, json!({"host": "x"})).contains("`tcp` needs `port`"));
        assert!(told(&Tcp, Place::Look, json!({"host": "x", "port": 99999})).contains("from 1 to 65535"));
        assert!(told(&Http, Place::Look, json!({"url": "ftp://x"})).contains("`https://`"));
    }
}
