//! Scenes of how a run ends: what stays on the screen, and the command that goes on.
//!
//! This file decides how the runs end.

use super::{Look, Picture, Scene};
use crate::sandbox::Sandbox;
use crate::service::{Mood, Service};

pub(super) const SCENES: [Scene<'_>; 11] = [
    ("success", &success),
    ("a false check, and another", &failure),
    ("it waits for an approval", &parked),
    ("the login has expired", &expired),
    ("an answer was lost", &in_doubt),
    ("a deadline has passed", &deadline),
    ("cancelled while it ran", &cancelled),
    ("an unfinished run of the same", &unfinished),
    ("another account than before", &refused),
    ("an edited runbook is shown first", &edited),
    ("a mistake in the runbook", &invalid),
];

const HEAD: &str = "apiVersion: runbook/v1\nname: ends\nversion: 1.0.0\ntitle: All ends\nsteps:\n";
const FIRST: &str =
    "  - {id: first, title: Something that goes well and has a title that is rather long, set: {x: 1}}\n";
const READ: &str = "  - id: flag\n    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}\n    outputs: {value: \"${{ result.Parameter.DataType }}\"}\n";
const GATE: &str = "  - {id: gate, approve: {message: 'Switch over now, although nobody has looked at the numbers of the last night yet?'}}\n";
const EXEC: [&str; 2] = ["exec", "x.yaml"];

/// A service in this mood, and a runbook with these steps.
fn stage(mood: Mood, steps: &str) -> (Service, Sandbox) {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("down");
    service.be(mood);
    sandbox.file("x.yaml", &format!("{HEAD}{FIRST}{steps}"));
    (service, sandbox)
}

fn success(look: Look) -> Picture {
    let outputs = "outputs:\n  text: hello\n  token: ${{ inputs.token }}\n  nodes: [{name: a, zone: eu-west-1a}, {name: bcd, zone: eu-west-1b}]\n";
    let (_service, sandbox) = stage(
        Mood::Willing,
        &format!(
            "{READ}  - {{id: never, when: \"${{{{ false }}}}\", set: {{x: 1}}}}\n{outputs}inputs: {{token: {{type: string, secret: true}}}}\n"
        ),
    );
    look.ended(&sandbox, &["exec", "x.yaml", "-i", "token=hunter2"], 0)
}

fn failure(look: Look) -> Picture {
    let check = "    check:\n      - {that: \"${{ result.Parameter.DataType == 'up' }}\", else: \"the flag is ${{ result.Parameter.DataType }}, and whoever reads this at night wants to know more about it\"}\n      \
                 - {that: \"${{ 1 == 2 }}\", else: one is not two}\n";
    let (_service, sandbox) = stage(Mood::Willing, &format!("{READ}{check}  - {{id: after, set: {{x: 1}}}}\n"));
    look.ended(&sandbox, &EXEC, 1)
}

fn parked(look: Look) -> Picture {
    let (_service, sandbox) = stage(Mood::Willing, GATE);
    look.ended(&sandbox, &EXEC, 4)
}

fn expired(look: Look) -> Picture {
    let (_service, sandbox) = stage(Mood::Expired, READ);
    look.ended(&sandbox, &EXEC, 4)
}

fn in_doubt(look: Look) -> Picture {
    let send = "  - {id: send, aws-call: {service: ssm, operation: SendCommand, params: {DocumentName: restart}}}\n";
    let (_service, sandbox) = stage(Mood::Silent, send);
    look.ended(&sandbox, &EXEC, 4)
}

fn deadline(look: Look) -> Picture {
    let wait = "  - id: flag\n    timeout: 1s\n    wait-for:\n      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}\n      \
                until: \"${{ result.Parameter.DataType == 'up' }}\"\n      observe: the flag is ${{ result.Parameter.DataType }}\n      every: 1m\n";
    let (_service, sandbox) = stage(Mood::Willing, wait);
    look.ended(&sandbox, &EXEC, 5)
}

fn cancelled(look: Look) -> Picture {
    let (service, sandbox) = stage(Mood::Willing, READ);
    service.hold(true);
    let mut terminal = look.at(&sandbox, &EXEC);
    terminal.wait_for_all(&[(1, "aws: account"), (1, "[1/2]")]);
    let run = sandbox.run(&["runs", "-o", "json"]).expect(0).json()[0]["run"].as_str().unwrap().to_owned();
    sandbox.run(&["cancel", &run]).expect(0);
    terminal.wait_for("cancelled: nothing new");
    service.hold(false);
    terminal.expect(1);
    Picture::of_end(&sandbox, &terminal)
}

fn unfinished(look: Look) -> Picture {
    let (_service, sandbox) = stage(Mood::Willing, GATE);
    sandbox.run(&EXEC).expect(4);
    look.ended(&sandbox, &EXEC, 9)
}

fn refused(look: Look) -> Picture {
    let (service, sandbox) = stage(Mood::Expired, READ);
    sandbox.run(&EXEC).expect(4);
    service.set_account("222222222222");
    look.ended(&sandbox, &["resume"], 9)
}

fn edited(look: Look) -> Picture {
    let (_service, sandbox) = stage(Mood::Willing, GATE);
    let run = sandbox.run(&EXEC).expect(4).run_id();
    sandbox.file("x.yaml", &format!("{HEAD}{FIRST}  - {{id: second, set: {{x: 2}}}}\n{GATE}"));
    let mut terminal = look.at(&sandbox, &["resume", &run, "--with", "x.yaml"]);
    terminal.wait_for("go on (yes or no): ").type_in("no\n");
    terminal.expect(9);
    Picture::of_end(&sandbox, &terminal)
}

fn invalid(look: Look) -> Picture {
    let (_service, sandbox) = stage(Mood::Willing, "  - {id: last, set: {x: \"${{ steps.frist.x }}\"}}\n");
    look.ended(&sandbox, &EXEC, 3)
}
