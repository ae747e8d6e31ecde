//! All kinds by name.
//!
//! This file decides which kinds there are. It must not know what any of them does. The kinds that the language and the
//! engine carry out themselves (`approve`, `assert`, `group`, `runbook`, `set`, `wait-for`) are not among them.

use runbook_model::kind::{Kind, Kinds};

use crate::archive::Archive;
use crate::aws_call::AwsCallKind;
use crate::command::Command;
use crate::contract::StepKind;
use crate::file::File;
use crate::k8s_apply::K8sApply;
use crate::k8s_certificate::K8sCertificate;
use crate::k8s_delete::K8sDelete;
use crate::k8s_drain::K8sDrain;
use crate::k8s_get::K8sGet;
use crate::k8s_release::K8sRelease;
use crate::karmada::{self, KarmadaToken};
use crate::kubeconfig::KubeconfigKind;
use crate::pki::Pki;
use crate::rename_context::RenameContext;
use crate::sources::dns::Dns;
use crate::sources::http::Http;
use crate::sources::tcp::Tcp;

static CARRIED_OUT: &[&dyn StepKind] = &[
    &Archive,
    &AwsCallKind,
    &Command,
    &Dns,
    &File,
    &Http,
    &K8sApply,
    &K8sCertificate,
    &K8sDelete,
    &K8sDrain,
    &K8sGet,
    &K8sRelease,
    &KarmadaToken,
    &KubeconfigKind,
    &Pki,
    &RenameContext,
    &Tcp,
];

/// The kinds, for the checker as [`Kinds`] and for the driver through [`Registry::step`].
#[derive(Clone, Copy, Debug)]
pub struct Registry(());

/// All kinds of this version.
#[must_use]
pub fn kinds() -> Registry {
    Registry(())
}

impl Registry {
    /// The kind of that name, if this version carries it out.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&'static dyn StepKind> {
        CARRIED_OUT.iter().copied().find(|kind| kind.name() == name)
    }

    fn all() -> impl Iterator<Item = &'static dyn Kind> {
        let carried_out = CARRIED_OUT.iter().copied().map(|kind| kind as &dyn Kind);
        carried_out.chain(karmada::KINDS.iter().map(|kind| kind as &dyn Kind))
    }
}

impl Kinds for Registry {
    fn get(&self, name: &str) -> Option<&dyn Kind> {
        Self::all().find(|kind| kind.name() == name)
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Self::all().map(Kind::name).collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::argument::{Argument, Entry, Node};
    use runbook_model::code;
    use runbook_model::id::is_label;
    use runbook_model::kind::{Place, Question};
    use runbook_model::source::Span;

    use super::*;

    #[test]
    fn every_name_is_a_label_and_given_once() {
        let names = kinds().names();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(names.iter().all(|name| is_label(name)));
    }

    #[test]
    fn a_kind_is_carried_out_or_says_why_not() {
        for name in kinds().names() {
            let kind = kinds();
            let kind = kind.get(name).unwrap();
            let carried_out = kinds().step(name).is_some() || kind.expansion().is_some();
            assert_eq!(kind.not_carried_out().is_none(), carried_out, "{name}");
            assert_eq!(kind.name(), name);
        }
        assert!(kinds().step("k8s-get").is_some() && kinds().get("k8s-gett").is_none());
    }

    #[test]
    fn a_kind_takes_just_what_it_says() {
        for name in kinds().names() {
            let (kind, mut diagnostics) = (kinds(), Vec::new());
            let kind = kind.get(name).unwrap();
            if kind.not_carried_out().is_some() || kind.expansion().is_some() {
                continue;
            }
            let entry = |key: &str| Entry { key: key.into(), key_span: Span::default(), value: Argument::default() };
            let told = kind.parameters().iter().map(|parameter| entry(parameter.name));
            let mut arguments = Argument::new(Node::Map(told.chain([entry("no-such-key")]).collect()));
            kind.plan(&mut arguments, &mut Question { place: Place::Step, diagnostics: &mut diagnostics });
            let unknown: Vec<&str> =
                diagnostics.iter().filter(|d| d.code == code::KIND_KEY).map(|d| d.message.as_str()).collect();
            assert_eq!(unknown, [format!("`{name}` has no `no-such-key`")], "{diagnostics:?}");
            assert!(!kind.parameters().is_empty(), "`{name}` tells nobody what it takes");
        }
    }
}
