//! Kubernetes for real: one client per connection, one request per call.
//!
//! This file decides which client serves a connection and how the port's questions become requests. It must not know what
//! kinds do with the answers.

mod access;
mod answer;
mod bootstrap;
mod cluster;
mod contexts;
mod discovery;
mod karmada;
mod kubeconfig;
mod path;
mod program;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use self::contexts::contexts;
pub use self::contexts::{KubeconfigContext, KubeconfigUser};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use runbook_model::connection::{Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::value::Value;
use runbook_steps::contract::Pending;
use runbook_steps::ports::{
    Access, Applied, Apply, ApplyRefused, Create, Delete, Kubernetes, Listing, ObjectName, Resource, Selection, Watched,
};
use tokio::sync::OnceCell;

use self::cluster::{Cluster, Question};
pub(crate) use self::kubeconfig::{default_paths, expanded};
use crate::aws::RealAws;

/// The port.
pub(crate) struct RealKubernetes {
    aws: Arc<RealAws>,
    clusters: Mutex<HashMap<Connection, Arc<OnceCell<Cluster>>>>,
}

impl RealKubernetes {
    pub(crate) fn new(aws: Arc<RealAws>) -> Self {
        Self { aws, clusters: Mutex::default() }
    }

    fn clusters(&self) -> std::sync::MutexGuard<'_, HashMap<Connection, Arc<OnceCell<Cluster>>>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the cluster of a connection. Whoever cannot be reached is looked up anew the next time: a cluster of the same
    /// name may have been made again, with another address.
    async fn ask<T>(
        &self,
        connection: &Connection,
        ask: impl AsyncFnOnce(&Cluster) -> Result<T, ApplyRefused>,
    ) -> Result<T, ApplyRefused> {
        let cell = Arc::clone(self.clusters().entry(connection.clone()).or_default());
        let cluster = cell.get_or_try_init(|| Cluster::open(connection, &self.aws)).await?;
        let outcome = ask(cluster).await;
        if cluster.is_out_of_reach() {
            let mut clusters = self.clusters();
            if clusters.get(connection).is_some_and(|known| Arc::ptr_eq(known, &cell)) {
                clusters.remove(connection);
            }
        }
        outcome
    }

    /// Who is at the other end.
    pub(crate) async fn identify(&self, connection: &Connection) -> Result<Identity, Failure> {
        self.ask(connection, async |cluster| cluster.identity().await).await.map_err(|refused| refused.failure)
    }
}

impl Kubernetes for RealKubernetes {
    fn discover<'a>(
        &'a self,
        connection: &'a Connection,
        api_version: &'a str,
        kind: &'a str,
    ) -> Pending<'a, Result<Resource, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| discovery::discover(cluster, api_version, kind).await);
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn get<'a>(&'a self, connection: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| {
                let path = path::object(object, cluster.default_namespace());
                Ok(cluster.ask(Question::read(path)).await?.object)
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn list<'a>(
        &'a self,
        connection: &'a Connection,
        selection: &'a Selection,
    ) -> Pending<'a, Result<Listing, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| {
                let answer = cluster.ask(Question::read(path::selection(selection, &[]))).await?;
                Ok(answer::listing(answer.object, &selection.resource))
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn events<'a>(
        &'a self,
        connection: &'a Connection,
        of: &'a ObjectName,
    ) -> Pending<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| {
                let path = path::events(of, cluster.default_namespace());
                let answer = cluster.ask(Question::read(path)).await?;
                Ok(answer.object.get("items").and_then(Value::as_list).unwrap_or_default().to_vec())
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn apply<'a>(&'a self, connection: &'a Connection, apply: &'a Apply) -> Pending<'a, Result<Applied, ApplyRefused>> {
        Box::pin(async move {
            self.ask(connection, async |cluster| {
                let force = if apply.force { "true" } else { "false" };
                let options = [("fieldManager", apply.manager.as_str()), ("force", force)];
                let path = path::with_query(path::object(&apply.object, cluster.default_namespace()), &options);
                // JSON is YAML, and the server takes server-side applies as YAML only.
                let content = Some(("application/apply-patch+yaml", apply.manifest.exposed().to_string().into_bytes()));
                let answer = cluster.ask(Question { method: Method::PATCH, path, content }).await?;
                Ok(Applied { object: answer.object, warnings: answer.warnings })
            })
            .await
        })
    }

    fn create<'a>(&'a self, connection: &'a Connection, create: &'a Create) -> Pending<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| {
                let path = match create.subresource {
                    Some(name) => format!("{}/{name}", path::object(&create.object, cluster.default_namespace())),
                    None => path::siblings(&create.object, cluster.default_namespace()),
                };
                let path = path::with_query(path, &[("fieldManager", &create.manager)]);
                let content = Some(("application/json", create.manifest.exposed().to_string().into_bytes()));
                Ok(cluster.ask(Question { method: Method::POST, path, content }).await?.object)
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn delete<'a>(&'a self, connection: &'a Connection, delete: &'a Delete) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut options = serde_json::json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
            if let Some(uid) = &delete.uid {
                options["preconditions"] = serde_json::json!({"uid": uid});
            }
            if let Some(grace) = delete.grace {
                options["gracePeriodSeconds"] = grace.into();
            }
            let asked = self.ask(connection, async |cluster| {
                let path = path::object(&delete.object, cluster.default_namespace());
                let content = Some(("application/json", options.to_string().into_bytes()));
                cluster.ask(Question { method: Method::DELETE, path, content }).await.map(drop)
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn access<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Access, Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| Ok(cluster.access()?)).await;
            asked.map_err(|refused| refused.failure)
        })
    }

    fn release<'a>(&'a self, connection: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let asked = self.ask(connection, async |cluster| {
                let path = path::object(object, cluster.default_namespace());
                let patch = serde_json::json!({"metadata": {"finalizers": null}});
                let content = Some(("application/merge-patch+json", patch.to_string().into_bytes()));
                cluster.ask(Question { method: Method::PATCH, path, content }).await.map(drop)
            });
            asked.await.map_err(|refused| refused.failure)
        })
    }

    fn watch<'a>(
        &'a self,
        connection: &'a Connection,
        selection: &'a Selection,
        since: &'a str,
        patience: Duration,
    ) -> Pending<'a, Result<Watched, Failure>> {
        Box::pin(async move {
            let asked =
                self.ask(connection, async |cluster| watch::watch(cluster, selection, since, patience.into()).await);
            asked.await.map_err(|refused| refused.failure)
        })
    }
}
