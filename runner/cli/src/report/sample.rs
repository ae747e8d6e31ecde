//! A plan and events for the tests of this folder: a look-up, a wait, and a `for-each` over a group.

use runbook_engine::event::{Event, Item, Stamped};
use runbook_model::argument::{Argument, Node};
use runbook_model::digest::Digest;
use runbook_model::duration::Duration;
use runbook_model::id::{RunId, Token};
use runbook_model::kind::{Effect, Origin, Reaches};
use runbook_model::path::StepPath;
use runbook_model::plan::{
    Action, Body, Call, FORMAT, OnFailure, Plan, Retry, RunbookIdentity, Step, Undo, Until, Wait,
};
use runbook_model::source::Place;
use runbook_model::time::Timestamp;

/// 2026-11-22T10:00:00Z and so many seconds.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_341_600_000 + seconds * 1000)
}

pub(super) fn path(text: &str) -> StepPath {
    text.parse().unwrap()
}

pub(super) fn run() -> RunId {
    "demo-7k3m9q".parse().unwrap()
}

fn text(text: &str) -> Argument {
    Argument::new(Node::Text(text.into()))
}

fn step(id: &str, title: &str, action: Action) -> Step {
    Step {
        id: id.into(),
        place: Place::default(),
        title: text(title),
        needs: Vec::new(),
        when: None,
        when_per_item: false,
        for_each: None,
        connection: None,
        retry: Retry::default(),
        timeout: None,
        accept: Vec::new(),
        check: Vec::new(),
        outputs: None,
        secret: Vec::new(),
        probe: None,
        adjust: Vec::new(),
        verify: None,
        undo: Undo::Unsaid,
        on_failure: OnFailure::Stop,
        action,
        definition: Digest::of(id.as_bytes()),
        item_definition: None,
    }
}

fn call() -> Call {
    Call {
        kind: "aws-call".into(),
        version: 1,
        arguments: Argument::default(),
        effect: Effect::Reads,
        token: false,
        keeps: false,
        reaches: Reaches::Aws,
        connection: None,
        connections: std::collections::BTreeMap::new(),
    }
}

fn wait() -> Action {
    let expression = runbook_model::argument::Expression {
        source: r#"result.status == "ACTIVE""#.into(),
        line: 1,
        column: 1,
        origin: runbook_model::argument::Origin::default(),
    };
    Action::Wait(Box::new(Wait {
        source: call(),
        until: Until::True { that: Argument::new(Node::Expression(expression)) },
        fail_when: Vec::new(),
        observe: None,
        otherwise: None,
        every: text("15s"),
        stable_for: None,
        reads_error: false,
    }))
}

/// `vpc`, `active` (a wait), and `join`, a group of two steps.
pub(super) fn plan() -> Plan {
    let inner = Body {
        shares_scope: true,
        steps: vec![step("register", "Register", Action::Call(call())), step("wait", "Wait", wait())],
        ..Body::default()
    };
    let steps = vec![
        step("vpc", "Find the VPC", Action::Call(call())),
        step("active", "active", wait()),
        step("join", "Join", Action::Group { body: Box::new(inner) }),
    ];
    Plan {
        format: FORMAT,
        runbook: RunbookIdentity {
            name: "demo".into(),
            version: "1.0.0".into(),
            title: "Demo".into(),
            digest: Digest::of(b""),
        },
        description: None,
        labels: Default::default(),
        owner: None,
        concurrency: 8,
        body: Body { steps, ..Body::default() },
        templates: Default::default(),
    }
}

pub(super) fn begun(step: &str, seconds: i64, deadline: Option<i64>) -> Stamped {
    Stamped { time: at(seconds), event: Event::StepBegun { step: path(step), deadline: deadline.map(at) } }
}

pub(super) fn started(step: &str, seconds: i64, attempt: u32) -> Stamped {
    let event = Event::StepStarted {
        step: path(step),
        generation: 1,
        attempt,
        definition: Digest::of(b""),
        arguments: Digest::of(b""),
        token: Token::derive(&run(), &path(step), 1),
        connection: None,
        deadline: None,
        before: None,
    };
    Stamped { time: at(seconds), event }
}

pub(super) fn looked(step: &str, seconds: i64, look: u32, observed: &str) -> Stamped {
    let event = Event::StepLooked {
        step: path(step),
        look,
        observed: Some(observed.into()),
        failure: None,
        holds_since: None,
        next: at(seconds).plus(Duration::from_secs(15)),
    };
    Stamped { time: at(seconds), event }
}

pub(super) fn succeeded(step: &str, seconds: i64, origin: Origin) -> Stamped {
    let event = Event::StepSucceeded {
        step: path(step),
        generation: 1,
        origin,
        outputs: Default::default(),
        request_id: None,
        accepted: None,
        warnings: Vec::new(),
        before: None,
    };
    Stamped { time: at(seconds), event }
}

pub(super) fn listed(step: &str, seconds: i64, keys: &[String]) -> Stamped {
    let items = keys.iter().map(|key| Item { key: key.clone(), value: Default::default() }).collect();
    Stamped { time: at(seconds), event: Event::ItemsListed { step: path(step), items } }
}
