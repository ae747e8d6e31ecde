//! Objects of a Kubernetes cluster, as far as two states are told apart: the same object, changed or not.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::rig::Rig;

/// What stays the same as long as nobody makes an object anew or changes its specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The object's own id.
    pub uid: String,
    /// Rises with every change of its specification; 0 for kinds that do not count.
    pub generation: u64,
}

impl Rig {
    /// The objects of these kinds (as `kubectl` names them) in all namespaces: `Kind namespace/name` to identity.
    ///
    /// # Panics
    /// The cluster does not answer, or does not know a kind.
    #[must_use]
    pub fn identities(&self, cluster: &str, kinds: &[&str]) -> BTreeMap<String, Identity> {
        self.identities_by(self.kubeconfig(cluster), kinds)
    }

    /// The same of an API that some other kubeconfig leads to.
    ///
    /// # Panics
    /// As [`Rig::identities`].
    #[must_use]
    pub fn identities_by(&self, kubeconfig: &Path, kinds: &[&str]) -> BTreeMap<String, Identity> {
        let answer = self.kubectl_by(kubeconfig, &["get", &kinds.join(","), "--all-namespaces", "--output", "json"]);
        let answer: Value = serde_json::from_str(&answer).expect("kubectl writes JSON");
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| {
                let metadata = &item["metadata"];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
                let generation = metadata["generation"].as_u64().unwrap_or_default();
                (
                    format!("{} {namespace}/{name}", text(&item["kind"])),
                    Identity { uid: text(&metadata["uid"]), generation },
                )
            })
            .collect()
    }
}
