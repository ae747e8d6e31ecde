//! The kinds of Karmada. Each stands for a runbook that is part of the program.
//!
//! This file decides which there are and which templates they bring. What they do is written in their runbooks, in the
//! language that authors use; it must not know how these are read.

use runbook_model::argument::Argument;
use runbook_model::kind::{Effect, Expansion, Kind, Planned, Question, Reaches};

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

/// The kinds, in the order of their names.
pub static KINDS: [KarmadaKind; 1] = [KarmadaKind {
    name: "karmada-init",
    summary: "installs a Karmada control plane",
    expansion: Expansion {
        file: "karmada-init.yaml",
        text: include_str!("init.yaml"),
        templates: &[
            template!("cluster-info.yaml.j2"),
            template!("conversions.json.j2"),
            template!("deployment.yaml.j2"),
            template!("etcd.yaml.j2"),
            template!("karmada-aggregated-apiserver.yaml.j2"),
            template!("karmada-apiserver.yaml.j2"),
            template!("karmada-controller-manager.yaml.j2"),
            template!("karmada-scheduler.yaml.j2"),
            template!("karmada-webhook.yaml.j2"),
            template!("kube-controller-manager.yaml.j2"),
            template!("kubeconfig.yaml.j2"),
            template!("rbac.yaml.j2"),
            template!("secrets.yaml.j2"),
            template!("services.yaml.j2"),
            template!("settings.json.j2"),
            template!("webhooks.yaml.j2"),
        ],
    },
}];

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

    fn plan(&self, _arguments: &mut Argument, _question: &mut Question<'_>) -> Planned {
        // A kind that expands is judged by its runbook's inputs.
        Planned { effect: Effect::Converges, ..Planned::unknown(Reaches::Kubernetes) }
    }

    fn expansion(&self) -> Option<Expansion> {
        Some(self.expansion)
    }
}
