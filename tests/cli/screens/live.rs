//! Scenes of a run that goes on: the block at the lower end of the terminal.
//!
//! This file decides what goes on in them.

use super::{Look, Picture, Scene};
use crate::sandbox::Sandbox;
use crate::service::{Mood, Service};

pub(super) const SCENES: [Scene<'_>; 8] = [
    ("a call is under way", &running),
    ("a wait", &waiting),
    ("steps inside steps", &tree),
    ("many items of a list", &many),
    ("another try later", &retry),
    ("an approval is asked for, and another branch goes on", &approval),
    ("Ctrl-C while a call is under way", &interrupted),
    ("what is missing is asked for", &prompts),
];

/// A wait for the parameter to be `up`, with further keys.
fn wait(id: &str, more: &str) -> String {
    format!(
        "{{id: {id}, timeout: 2h, {more} wait-for: {{aws-call: {{service: ssm, operation: GetParameter, params: {{Name: flag}}}}, \
         until: \"${{{{ result.Parameter.DataType == 'up' }}}}\", observe: \"the flag is ${{{{ result.Parameter.DataType }}}}\", every: 1m}}}}"
    )
}

/// A service whose parameter is `down`, and a runbook with these steps.
fn stage(steps: &str) -> (Service, Sandbox) {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("down");
    sandbox.file("x.yaml", &format!("apiVersion: runbook/v1\nname: waiting\nversion: 1.0.0\nsteps:\n{steps}"));
    (service, sandbox)
}

/// The picture when the screen shows these words, the last of which stand in the last line.
fn picture(look: Look, sandbox: &Sandbox, words: &[(usize, &str)]) -> Picture {
    let mut terminal = look.at(sandbox, &["exec", "x.yaml"]);
    terminal.wait_for_all(words);
    Picture::now(sandbox, &terminal)
}

const DONE: &str = "  - {id: greeting, title: Greet somebody, set: {text: hello}}\n";

fn running(look: Look) -> Picture {
    let (service, sandbox) = stage(&format!(
        "{DONE}  - {{id: flag, title: Read the flag of the whole estate, aws-call: {{service: ssm, operation: GetParameter, params: {{Name: flag}}}}}}\n"
    ));
    service.hold(true);
    picture(look, &sandbox, &[(1, "Read the flag"), (1, "aws: account"), (1, "[1/2]")])
}

fn waiting(look: Look) -> Picture {
    let (_service, sandbox) = stage(&format!("{DONE}  - {}\n", wait("flag", "")));
    picture(look, &sandbox, &[(1, "the flag is down"), (1, "[1/2]")])
}

fn tree(look: Look) -> Picture {
    let (_service, sandbox) = stage(&format!(
        "  - {}\n  - id: members\n    needs: []\n    for-each: [eu, us]\n    group:\n      steps:\n        - {}\n        - {}\n",
        wait("flag", "needs: [],"),
        wait("network", ""),
        wait("nodes", "needs: [],"),
    ));
    picture(look, &sandbox, &[(1, "members[eu]"), (1, "members[us]"), (5, "down"), (1, "[0/5]")])
}

fn many(look: Look) -> Picture {
    let (_service, sandbox) = stage(&format!(
        "  - id: members\n    for-each: \"${{{{ range(1, 31) | map('string') | list }}}}\"\n    concurrency: 30\n    group:\n      steps:\n        - {}\n",
        wait("ready", ""),
    ));
    picture(look, &sandbox, &[(1, "0 running, 30 waiting"), (1, "[0/30]")])
}

fn retry(look: Look) -> Picture {
    let (service, sandbox) = stage(
        "  - {id: flag, retry: {delay: 1m, max-delay: 1m, jitter: false}, aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}}\n",
    );
    service.be(Mood::Busy);
    picture(look, &sandbox, &[(1, "try 2 in 59s"), (1, "[0/1]")])
}

fn approval(look: Look) -> Picture {
    let (_service, sandbox) = stage(&format!(
        "  - {{id: gate, needs: [], title: Ask, approve: {{message: Switch over now?}}}}\n  - {}\n",
        wait("flag", "needs: [],")
    ));
    picture(look, &sandbox, &[(1, "the flag is down"), (1, "approval"), (1, "[0/2]")])
}

fn interrupted(look: Look) -> Picture {
    let (service, sandbox) = stage(
        "  - {id: flag, aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}}\n  - {id: after, set: {x: 1}}\n",
    );
    service.hold(true);
    let mut terminal = look.at(&sandbox, &["exec", "x.yaml"]);
    terminal.wait_for_all(&[(1, "aws: account"), (1, "[0/2]")]).type_in("\u{3}");
    terminal.wait_for_all(&[(1, "calls in flight end"), (1, "[0/2]")]);
    Picture::now(&sandbox, &terminal)
}

fn prompts(look: Look) -> Picture {
    let sandbox = Sandbox::new();
    let text = "apiVersion: runbook/v1\nname: waiting\nversion: 1.0.0\ninputs:\n  \
                count: {type: integer, max: 9, description: How many nodes there are to be in each of the clusters that are joined}\n  \
                token: {type: string, secret: true}\nsteps:\n  \
                - {id: a, set: {n: \"${{ inputs.count }}\", t: \"${{ inputs.token }}\"}}\n";
    sandbox.file("x.yaml", text);
    let mut terminal = look.at(&sandbox, &["exec", "x.yaml"]);
    terminal.wait_for("joined):").type_in("ten\n");
    terminal.wait_for_all(&[(2, "joined):")]).type_in("7\n").wait_for("token: ");
    let picture = Picture::now(&sandbox, &terminal);
    terminal.type_in("hunter2\n");
    terminal.expect(0);
    assert!(!terminal.written().contains("hunter2"));
    picture
}
