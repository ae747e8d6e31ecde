//! The kinds of Karmada. All but `karmada-token` stand for a runbook that is part of the program.
//!
//! This file decides which there are and which templates they bring. What they do is written in their runbooks, in the
//! language that authors use; it must not know how these are read.

mod token;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::{Effect, Expansion, Kind, Planned, Question, Reaches};

pub use self::token::KarmadaToken;
use crate::arguments::{Judge, value_of};

/// A kind that stands for a runbook.
#[derive(Debug)]
pub struct KarmadaKind {
    name: &'static str,
    summary: &'static str,
    expansion: Expansion,
}

/// A template below `templates/karmada/`, with its path and text.
macro_rules! template {
    ($name:literal) => {
        (concat!("karmada/", $name), include_str!(concat!("../../../../templates/karmada/", $name)))
    };
}

/// The kind of a name, whose runbook is a file beside this one.
macro_rules! kind {
    ($name:literal, $file:literal, $summary:literal, [$($template:literal),*]) => {
        KarmadaKind {
            name: $name,
            summary: $summary,
            expansion: Expansion {
                file: concat!($name, ".yaml"),
                text: include_str!($file),
                templates: &[$(template!($template)),*],
            },
        }
    };
}

/// The kinds, in the order of their names.
pub static KINDS: &[KarmadaKind] = &[
    kind!("karmada-deinit", "deinit.yaml", "removes a Karmada control plane", []),
    kind!(
        "karmada-init",
        "init.yaml",
        "installs a Karmada control plane",
        [
            "cluster-info.yaml.j2",
            "conversions.json.j2",
            "deployment.yaml.j2",
            "etcd.yaml.j2",
            "karmada-aggregated-apiserver.yaml.j2",
            "karmada-apiserver.yaml.j2",
            "karmada-controller-manager.yaml.j2",
            "karmada-scheduler.yaml.j2",
            "karmada-webhook.yaml.j2",
            "kube-controller-manager.yaml.j2",
            "kubeconfig.yaml.j2",
            "rbac.yaml.j2",
            "secrets.yaml.j2",
            "services.yaml.j2",
            "settings.json.j2",
            "store-trial.yaml.j2",
            "webhooks.yaml.j2"
        ]
    ),
    kind!(
        "karmada-join",
        "join.yaml",
        "joins a member that Karmada pushes to",
        ["member-access.yaml.j2", "member-secrets.yaml.j2", "member.yaml.j2"]
    ),
    kind!(
        "karmada-register",
        "register.yaml",
        "joins a member that pulls from Karmada",
        ["agent-rights.yaml.j2", "agent.yaml.j2", "kubeconfig.yaml.j2"]
    ),
    kind!("karmada-unjoin", "unjoin.yaml", "removes a member that Karmada pushes to", ["member-access.yaml.j2"]),
    kind!(
        "karmada-unregister",
        "unregister.yaml",
        "removes a member that pulls from Karmada",
        ["agent-rights.yaml.j2", "member-access.yaml.j2"]
    ),
];

const REGISTER: &str = "karmada-register";
/// What stands in for a connection to Karmada, and where each is had from.
const BY_TOKEN: [(&str, &str); 3] = [
    ("token", "`karmada-token` or `karmadactl token create` makes one"),
    ("ca-cert-hash", "the answer of `karmada-token` and `karmadactl token create --print-register-command` say it"),
    ("endpoint", "write the URL of Karmada's API, such as `https://karmada.example.com:32443`"),
];

/// A token goes nowhere without the hash by which Karmada is known, nor without an address; a hash asks for both.
fn by_token(arguments: &Argument, diagnostics: &mut Vec<Diagnostic>) {
    let given = |key| value_of(arguments, key);
    let Some(first) = ["token", "ca-cert-hash"].into_iter().find_map(|key| Some((key, given(key)?.span))) else {
        return;
    };
    let mut judge = Judge::new(REGISTER, diagnostics);
    for (missing, help) in BY_TOKEN.into_iter().filter(|(key, _)| given(key).is_none()) {
        judge.complain(code::KIND_TOGETHER, first.1, format!("`{}` is there and no `{missing}`", first.0), help);
    }
}

impl Kind for KarmadaKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn plan(&self, arguments: &mut Argument, question: &mut Question<'_>) -> Planned {
        // A kind that expands is judged by its runbook's inputs; they do not say what goes together.
        if self.name == REGISTER {
            by_token(arguments, question.diagnostics);
        }
        Planned { effect: Effect::Converges, ..Planned::unknown(Reaches::Kubernetes) }
    }

    fn expansion(&self) -> Option<Expansion> {
        Some(self.expansion)
    }
}
