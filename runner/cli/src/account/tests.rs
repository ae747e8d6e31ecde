//! Accounts of made-up runs: what is told, what is withheld, what hostile text becomes, and how long it takes.

use runbook_engine::event::{Because, EndStatus, Event, Person, RunCreated, Stamped, Word};
use runbook_language::{Held, check};
use runbook_model::digest::{Digest, RunKey};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::record::Recorded;
use runbook_model::value::Map;
use runbook_steps::kinds;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_341_600_000 + seconds * 1000)
}

fn ann() -> Person {
    Person { user: "ann".into(), host: "desk".into() }
}

/// The recording of a run of this runbook to which these things happened, a second apart.
fn recording(text: &str, inputs: Map, events: Vec<Event>) -> Recording {
    let checked = check(&Held([("demo.yaml".to_owned(), text.to_owned())].into()), "demo.yaml", &kinds());
    let plan = checked.draft().unwrap_or_else(|| panic!("{:?}", checked.diagnostics)).clone();
    let created = RunCreated {
        run: "demo-7k3m9q".parse().unwrap(),
        plan_digest: plan.digest(),
        plan,
        package: checked.package,
        inputs: Recorded(Value::Map(inputs)),
        inputs_digest: Digest::of(b""),
        key: RunKey::new([7; 32]),
        labels: Default::default(),
        allow_command: false,
        by: ann(),
        version: "0.1.0".into(),
    };
    let held =
        Event::RunHeld { by: ann(), pid: 7, version: "0.1.0".into(), warnings: Vec::new(), verifies: Vec::new() };
    let all = [Event::RunCreated(Box::new(created)), held].into_iter().chain(events);
    let stamped = |(at_second, event)| Stamped { time: at(at_second), event };
    let events = (0..).zip(all).map(stamped);
    let events: Vec<(u64, Stamped)> = (1..).zip(events).collect();
    Recording::of(&"demo-7k3m9q".parse().unwrap(), events, None).unwrap()
}

fn set(step: &str, outputs: Map) -> Event {
    Event::StepSucceeded {
        step: step.parse().unwrap(),
        generation: 0,
        origin: Origin::Unchanged,
        outputs: Recorded(Value::Map(outputs)),
        request_id: None,
        accepted: None,
        warnings: Vec::new(),
        before: None,
    }
}

fn one(key: &str, value: impl Into<Value>) -> Map {
    Map::from_iter([(key.to_owned(), value.into())])
}

const TEXT: &str = r#"
apiVersion: runbook/v1
name: demo
version: 1.0.0
title: 'A <script>alert(1)</script> & more'
inputs:
  who: {type: string}
  token: {type: string, secret: true}
steps:
  - {id: first, title: "Evil </title><img src=x>", set: {a: "${{ inputs.who }}"}}
  - {id: gate, approve: {message: "go <b>?"}}
  - {id: last, set: {b: 1}}
"#;

fn hostile() -> Recording {
    let mut inputs = one("who", "\u{1b}[2J<script>x</script>|`\n# title");
    inputs.insert("token".into(), Value::from("hunter2").into_secret());
    let park = Event::StepParked {
        step: "gate".parse().unwrap(),
        reason: runbook_engine::event::ParkReason::Approval,
        message: "go <b>?".into(),
    };
    let failure = Failure::new(FailureClass::Denied, "not <i>you</i>\nreally").help("ask <ann>");
    let events = vec![
        set("first", one("a", "<script>x</script>")),
        park,
        Event::WordGiven {
            step: "gate".parse().unwrap(),
            generation: 1,
            word: Word::Reject,
            by: ann(),
            said_at: at(4),
            plan: Digest::of(b""),
        },
        Event::StepFailed { step: "gate".parse().unwrap(), failure: failure.clone() },
        Event::RunEnded {
            status: EndStatus::Failed,
            outputs: None,
            because: Some(Because { step: Some("gate".parse().unwrap()), failure }),
        },
    ];
    recording(TEXT, inputs, events)
}

#[test]
fn an_account_for_browsers() {
    let recording = hostile();
    let page = html::page(&Account::new(&recording, &[], at(60)));
    for raw in ["<script", "<img", "<b>?", "<i>you", "hunter2", "\u{1b}"] {
        assert!(!page.contains(raw), "{raw}");
    }
    let body = page.split_once("</style>").unwrap().1;
    insta::assert_snapshot!(body);
}

#[test]
fn an_account_in_markdown() {
    let recording = hostile();
    let page = markdown::page(&Account::new(&recording, &[], at(60)));
    // Inside of code nothing is markup.
    assert!(page.starts_with("# A &lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("hunter2") && !page.contains('\u{1b}') && !page.contains("<b>?"), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn what_ends_soon_is_told_for_what_it_is() {
    let text = TEXT.replace("set: {a: \"${{ inputs.who }}\"}", "set: {expires: \"${{ inputs.who }}\"}");
    let mut inputs = one("who", "x");
    inputs.insert("token".into(), Value::from("hunter2").into_secret());
    let recording = recording(&text, inputs, vec![set("first", one("expires", at(86_400).to_string()))]);
    let (near, far) = (at(0), at(-40 * 86_400));
    let words = format!("on {}, in 1d0h; carry out the runbook once more before that", at(86_400));
    let (html, markdown) = {
        let account = Account::new(&recording, &[], near);
        (html::page(&account), markdown::page(&account))
    };
    assert!(html.contains(&format!("<td class=\"b doubt\">ends {words}")), "{html}");
    assert!(markdown.contains(&format!("- `first` **ends {words}**")), "{markdown}");
    let shown = crate::portrait::portrait(&recording, &[], near, None);
    assert!(shown.contains("expires") && shown.contains(&format!("ends {words}")), "{shown}");
    let account = Account::new(&recording, &[], far);
    let markdown = markdown::page(&account);
    assert!(markdown.contains(&format!("- `first` ends on {}, in 41d0h\n", at(86_400))), "{markdown}");
}

#[test]
fn a_clock_that_jumped_back_stays_in_the_picture() {
    let recording = hostile();
    let mut account = Account::new(&recording, &[], at(60));
    account.end = at(-60);
    let parts: Vec<(f64, f64)> = account.steps.iter().filter_map(|step| account.part(step)).collect();
    assert!(!parts.is_empty() && parts.iter().all(|(from, to)| (0.0..=1.0).contains(from) && from <= to && *to <= 1.0));
}

#[test]
fn ten_thousand_steps_fit_into_five_megabytes_and_a_second() {
    let steps: String =
        (0..9_990).map(|i| format!("  - {{id: s{i}, title: \"Step {i}\", set: {{a: {i}}}}}\n")).collect();
    let text = format!("apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\nsteps:\n{steps}");
    let long = "an answer that is rather long ".repeat(20);
    let events = (0..9_990).map(|i| set(&format!("s{i}"), one("a", long.as_str()))).collect();
    let recording = recording(&text, Map::new(), events);
    let begun = std::time::Instant::now();
    let account = Account::new(&recording, &[], at(60));
    let (html, markdown) = (html::page(&account), markdown::page(&account));
    let took = begun.elapsed();
    assert!(html.len() < 5_000_000 && markdown.len() < 5_000_000, "{} {}", html.len(), markdown.len());
    // The program is told to be quick when it is optimised; without that it takes several times as long.
    let most = if cfg!(debug_assertions) { 10.0 } else { 1.0 };
    assert!(took.as_secs_f64() < most, "{took:?}");
}
