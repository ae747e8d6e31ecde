//! The ports: what kinds may ask of the outside, as small traits.
//!
//! This file decides the borders that `connections` implements for real and `rehearsal` simulates. It must not know
//! any client library. No port ever retries: each call is one request (or one watch), and the engine decides the rest.

use runbook_model::connection::{AwsConnection, Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::value::Value;

use crate::archives::Archives;
use crate::certificates::Certificates;
use crate::contract::Pending;
use crate::files::Files;
use crate::network::Network;
use crate::programs::Programs;

/// Everything outside, one port each.
pub trait Outside: Send + Sync {
    /// AWS.
    fn aws(&self) -> &dyn Aws;

    /// Kubernetes.
    fn kubernetes(&self) -> &dyn Kubernetes;

    /// Keys and certificates.
    fn certificates(&self) -> &dyn Certificates;

    /// Archives of files.
    fn archives(&self) -> &dyn Archives;

    /// The net: web servers, ports and names.
    fn network(&self) -> &dyn Network;

    /// Files of this machine.
    fn files(&self) -> &dyn Files;

    /// Programs of this machine.
    fn programs(&self) -> &dyn Programs;

    /// Who is at the other end of a connection.
    ///
    /// # Errors
    /// `missing` if the cluster does not exist, `expired-credentials`, `unavailable`, …
    fn identify<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Identity, Failure>>;
}

/// One call of one AWS operation.
pub trait Aws: Send + Sync {
    /// Sends it and decodes the answer.
    ///
    /// # Errors
    /// The service's refusal, classed; or a failure of the way there. [`Failure::in_doubt`] is set only where the request
    /// may have reached the service and no answer came back.
    fn call<'a>(&'a self, connection: &'a AwsConnection, call: AwsCall) -> Pending<'a, Result<AwsAnswer, Failure>>;
}

/// What to call.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// The service as the models name it, such as `ec2`.
    pub service: String,
    /// The operation, such as `DescribeVpcs`.
    pub operation: String,
    /// The parameters, without nulls, the idempotency token filled in.
    pub params: Value,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct AwsAnswer {
    /// The output with the API's own member names; sensitive members are secret.
    pub output: Value,
    /// The request id.
    pub request_id: Option<String>,
}

/// An API server: discovery, reading, server-side apply and watching. An implementation is one server per connection.
pub trait Kubernetes: Send + Sync {
    /// How the server serves a kind.
    ///
    /// # Errors
    /// `missing` if it does not serve it.
    fn discover<'a>(
        &'a self,
        connection: &'a Connection,
        api_version: &'a str,
        kind: &'a str,
    ) -> Pending<'a, Result<Resource, Failure>>;

    /// One object, as the server has it.
    ///
    /// # Errors
    /// `missing` if there is none.
    fn get<'a>(&'a self, connection: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<Value, Failure>>;

    /// The objects of a selection; possibly none.
    ///
    /// # Errors
    /// The server's refusal, or a failure of the way there.
    fn list<'a>(
        &'a self,
        connection: &'a Connection,
        selection: &'a Selection,
    ) -> Pending<'a, Result<Listing, Failure>>;

    /// What was noted about an object lately, in no order; at most [`MOST_EVENTS`] notes.
    ///
    /// # Errors
    /// As [`Kubernetes::list`].
    fn events<'a>(&'a self, connection: &'a Connection, of: &'a ObjectName)
    -> Pending<'a, Result<Vec<Value>, Failure>>;

    /// Server-side apply of one object, which is made if it is absent.
    ///
    /// # Errors
    /// The server's refusal with the fields that others hold; or a failure of the way there.
    fn apply<'a>(&'a self, connection: &'a Connection, apply: &'a Apply) -> Pending<'a, Result<Applied, ApplyRefused>>;

    /// Makes an object that is not there, or asks for something under one that is.
    ///
    /// # Errors
    /// `exists` if it is there; the server's refusal, or a failure of the way there.
    fn create<'a>(&'a self, connection: &'a Connection, create: &'a Create) -> Pending<'a, Result<Value, Failure>>;

    /// Asks for the end of an object. It may live on until its finalizers are through.
    ///
    /// # Errors
    /// `missing` if there is none, `conflict` if it is another one by now; the server's refusal, or a failure of the way
    /// there.
    fn delete<'a>(&'a self, connection: &'a Connection, delete: &'a Delete) -> Pending<'a, Result<(), Failure>>;

    /// What somebody else needs to reach the server as this connection does.
    ///
    /// # Errors
    /// `missing` if there is no such cluster, or why its credentials are not to be had.
    fn access<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Access, Failure>>;

    /// Takes all finalizers from an object, so that its deletion comes to an end.
    ///
    /// # Errors
    /// `missing` if there is none; the server's refusal, or a failure of the way there.
    fn release<'a>(&'a self, connection: &'a Connection, object: &'a ObjectName) -> Pending<'a, Result<(), Failure>>;

    /// Waits until something in a selection has changed since a version, at most for `patience`.
    ///
    /// # Errors
    /// The server's refusal (such as `denied` for who may read but not watch), or a failure of the way there.
    fn watch<'a>(
        &'a self,
        connection: &'a Connection,
        selection: &'a Selection,
        since: &'a str,
        patience: Duration,
    ) -> Pending<'a, Result<Watched, Failure>>;
}

/// The most events that are asked for; Kubernetes counts repetitions in one event, so that these are many.
pub const MOST_EVENTS: u32 = 50;

/// A kind of object as a server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Group and version, such as `apps/v1`; `v1` for the core group.
    pub api_version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// Its name in URLs, such as `deployments`.
    pub plural: String,
    /// Do its objects live in namespaces?
    pub namespaced: bool,
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace. `None`: it has none, or the connection's own default is meant.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    /// How people name it: `Deployment shop/web`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.resource.kind, self.name),
            None => format!("{} {}", self.resource.kind, self.name),
        }
    }
}

/// Which objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Their kind.
    pub resource: Resource,
    /// Their namespace; `None`: all.
    pub namespace: Option<String>,
    /// Only the one of this name.
    pub name: Option<String>,
    /// A label selector as Kubernetes writes them, such as `app=web,tier!=cache`.
    pub labels: Option<String>,
    /// A field selector as the kind supports them, such as `spec.nodeName=a`; not together with a name.
    pub fields: Option<String>,
}

/// What a list found.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The objects, each with `apiVersion` and `kind`, in the server's order (by namespace and name).
    pub items: Vec<Value>,
    /// The version of the whole list, from which a watch may go on.
    pub version: String,
}

/// A server-side apply.
#[derive(Clone, Debug)]
pub struct Apply {
    /// Which object.
    pub object: ObjectName,
    /// The fields to set, with `apiVersion`, `kind` and `metadata.name`.
    pub manifest: Value,
    /// Who holds them afterwards; at most 128 bytes.
    pub manager: String,
    /// Are fields taken that others hold?
    pub force: bool,
}

/// What an apply left.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object as it is now.
    pub object: Value,
    /// What the server warns of, such as an API version that will go away.
    pub warnings: Vec<String>,
}

/// Why an apply was refused.
#[derive(Clone, Debug)]
pub struct ApplyRefused {
    /// The refusal.
    pub failure: Failure,
    /// The fields that others hold, if that is why.
    pub conflicts: Vec<FieldConflict>,
}

impl From<Failure> for ApplyRefused {
    fn from(failure: Failure) -> Self {
        Self { failure, conflicts: Vec::new() }
    }
}

/// A field that somebody else holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field, such as `.spec.replicas`.
    pub field: String,
    /// The field manager that holds it.
    pub manager: String,
}

/// A creation.
#[derive(Clone, Debug)]
pub struct Create {
    /// Which object.
    pub object: ObjectName,
    /// What is asked for under it, such as `eviction`; `None`: the object itself is made.
    pub subresource: Option<&'static str>,
    /// What is sent.
    pub manifest: Value,
    /// Who holds its fields afterwards; at most 128 bytes.
    pub manager: String,
}

/// A deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which object.
    pub object: ObjectName,
    /// Only if it is still the one with this UID.
    pub uid: Option<String>,
    /// The seconds its pods get to end; `None`: what they say themselves.
    pub grace: Option<i64>,
}

/// How a server is reached, as kubeconfigs write it. Nothing in it points to another file.
#[derive(Clone, Debug)]
pub struct Access {
    /// What stands behind `cluster` in a kubeconfig.
    pub cluster: Value,
    /// What stands behind `user`; a secret.
    pub user: Value,
}

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Something changed.
    Changed,
    /// Nothing did, for as long as it was to wait.
    Quiet,
    /// The server has forgotten that version (410); everything has to be read again.
    Expired,
}
