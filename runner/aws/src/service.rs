//! One service: its operations, waiters and shapes, each parsed when it is first reached.
//!
//! This file decides how parts of a model are found. It must not know what is done with them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use runbook_model::diagnostic::did_you_mean;
use serde::Deserialize;

use crate::definition::{Kind, Metadata, Operation as OperationDefinition, Paginator, Reference, Shape};
use crate::endpoint::{Resolved, RuleSet};
use crate::member::Member;
use crate::operation::Operation;
use crate::pack::Pack;
use crate::waiter::Waiter;

/// A service with its model.
pub struct Service {
    name: String,
    metadata: Metadata,
    protocol: Option<Protocol>,
    pack: Pack,
    shapes: Slots<Shape>,
    operations: Slots<OperationDefinition>,
    rules: OnceLock<RuleSet>,
}

/// How calls travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON in and out, the operation in a header; versions 1.0 and 1.1.
    Json,
    /// HTTP methods and paths, JSON bodies.
    RestJson,
    /// Forms in, XML out.
    Query,
    /// EC2's own form of the former.
    Ec2,
    /// HTTP methods and paths, XML bodies.
    RestXml,
}

impl Protocol {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "rest-json" => Self::RestJson,
            "query" => Self::Query,
            "ec2" => Self::Ec2,
            "rest-xml" => Self::RestXml,
            _ => return None,
        })
    }
}

/// Parsed lines of one section.
struct Slots<T> {
    lines: Range<usize>,
    /// Boxed: most are never reached.
    parsed: Vec<OnceLock<Box<T>>>,
}

impl<T> Slots<T> {
    fn new(lines: Range<usize>) -> Self {
        Self { parsed: lines.clone().map(|_| OnceLock::new()).collect(), lines }
    }

    fn get(&self, line: usize, parse: impl FnOnce() -> T) -> &T {
        self.parsed[line - self.lines.start].get_or_init(|| Box::new(parse()))
    }
}

impl Service {
    /// Opens a packed model.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(crate) fn inflate(name: &str, packed: &[u8]) -> Result<Self, String> {
        Self::from_pack(name, Pack::inflate(packed)?)
    }

    /// Opens a model in its text form ([`crate::pack::text`]), such as one of a protocol's test suite.
    ///
    /// # Errors
    /// What is wrong with the text, or with any line of it.
    pub fn from_text(name: &str, text: String) -> Result<Self, String> {
        let service = Self::from_pack(name, Pack::new(text)?)?;
        service.verify()?;
        Ok(service)
    }

    fn from_pack(name: &str, pack: Pack) -> Result<Self, String> {
        let line = pack.find("metadata").ok_or_else(|| format!("the model of `{name}` has no metadata"))?;
        let metadata: Metadata = parse(&pack, line)?;
        // Of several protocols the first one we speak; CBOR services all speak another one too.
        let protocol = metadata.protocols.iter().chain([&metadata.protocol]).find_map(|name| Protocol::named(name));
        let shapes = Slots::new(pack.section("shape/"));
        let operations = Slots::new(pack.section("operation/"));
        Ok(Self { name: name.to_owned(), metadata, protocol, pack, shapes, operations, rules: OnceLock::new() })
    }

    /// Parses every line and follows every reference.
    ///
    /// # Errors
    /// The first line that is wrong, and why.
    pub fn verify(&self) -> Result<(), String> {
        let unknown = |line: usize, reference: &Reference| match self.pack.find(&format!("shape/{}", reference.shape)) {
            Some(_) => Ok(()),
            None => Err(format!(
                "`{}` of `{}` names the unknown shape `{}`",
                self.pack.name(line),
                self.name,
                reference.shape
            )),
        };
        for line in self.shapes.lines.clone() {
            let mut shape: Shape = parse(&self.pack, line)?;
            let whole = match shape.kind {
                Kind::List => shape.member.is_some(),
                Kind::Map => shape.key.is_some() && shape.value.is_some(),
                _ => true,
            };
            if !whole {
                return Err(format!("`{}` of `{}` does not say what it holds", self.pack.name(line), self.name));
            }
            shape.references_mut().try_for_each(|reference| unknown(line, reference))?;
        }
        for line in self.operations.lines.clone() {
            let mut operation: OperationDefinition = parse(&self.pack, line)?;
            operation.references_mut().try_for_each(|reference| unknown(line, reference))?;
        }
        for line in self.pack.section("paginator/") {
            parse::<Paginator>(&self.pack, line)?;
        }
        for line in self.pack.section("waiter/") {
            parse::<crate::definition::Waiter>(&self.pack, line)?;
        }
        self.pack.find("rules").map_or(Ok(()), |line| parse::<RuleSet>(&self.pack, line).map(drop))
    }

    /// The models' own name, such as `elbv2`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The service id, such as `Elastic Load Balancing v2`; settings such as `AWS_ENDPOINT_URL_<ID>` are made from it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.metadata.service_id
    }

    /// The name people know, such as `Amazon Elastic Kubernetes Service`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        &self.metadata.service_full_name
    }

    /// The names of all operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.names("operation/")
    }

    /// The names of all waiters, in order.
    pub fn waiters(&self) -> impl Iterator<Item = &str> {
        self.names("waiter/")
    }

    fn names(&self, section: &'static str) -> impl Iterator<Item = &str> {
        self.pack.section(section).map(move |line| &self.pack.name(line)[section.len()..])
    }

    /// The operation of that name.
    ///
    /// # Errors
    /// The service has no such operation.
    pub fn operation(self: &Arc<Self>, name: &str) -> Result<Operation, UnknownOperation> {
        match self.pack.find(&format!("operation/{name}")) {
            Some(line) => Ok(Operation::new(Arc::clone(self), line)),
            None => Err(UnknownOperation {
                service: self.name.clone(),
                name: name.to_owned(),
                near: did_you_mean(name, self.operations()).map(str::to_owned),
            }),
        }
    }

    /// The waiter of that name, as the models (`ClusterActive`) or the AWS CLI and boto3 (`cluster_active`) write it.
    ///
    /// # Errors
    /// The service has no such waiter.
    pub fn waiter(self: &Arc<Self>, name: &str) -> Result<Waiter, UnknownWaiter> {
        let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        let wanted = plain(name);
        let found = self.waiters().find(|own| plain(own) == wanted);
        match found.and_then(|own| self.pack.find(&format!("waiter/{own}"))) {
            Some(line) => {
                let own = self.pack.name(line)["waiter/".len()..].to_owned();
                Ok(Waiter::new(own, expected(parse(&self.pack, line))))
            }
            None => {
                let all: Vec<String> = self.waiters().map(as_runbooks_write).collect();
                let near = did_you_mean(&as_runbooks_write(name), all.iter().map(String::as_str)).map(str::to_owned);
                Err(UnknownWaiter { service: self.name.clone(), name: name.to_owned(), near, all })
            }
        }
    }

    /// What the endpoint rules yield for parameters under the rules' own names. [`Operation::endpoint`] finds the parameters of a
    /// call by itself; this is the rules alone.
    ///
    /// # Errors
    /// The rules' own sentence.
    pub fn endpoint(&self, parameters: BTreeMap<&str, serde_json::Value>) -> Result<Resolved, String> {
        let rules = self.rules().ok_or_else(|| format!("the model of `{}` has no endpoint rules", self.name))?;
        rules.resolve(parameters)
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// The definition behind an operation's line.
    pub(crate) fn operation_definition(&self, line: usize) -> &OperationDefinition {
        self.operations.get(line, || {
            let mut operation: OperationDefinition = expected(parse(&self.pack, line));
            operation.references_mut().for_each(|reference| self.link(reference));
            operation
        })
    }

    pub(crate) fn operation_name(&self, line: usize) -> &str {
        &self.pack.name(line)["operation/".len()..]
    }

    pub(crate) fn paginator(&self, operation: &str) -> Option<Paginator> {
        self.pack.find(&format!("paginator/{operation}")).map(|line| expected(parse(&self.pack, line)))
    }

    /// Do the endpoint rules know ways to sign that this version does not? Asked before they are parsed, which takes long.
    pub(crate) fn signs_by_rules(&self) -> bool {
        let rules = self.pack.find("rules").map(|line| self.pack.json(line)).unwrap_or_default();
        ["sigv4a", "sigv4-s3express"].into_iter().any(|scheme| rules.contains(scheme))
    }

    pub(crate) fn rules(&self) -> Option<&RuleSet> {
        let line = self.pack.find("rules")?;
        Some(self.rules.get_or_init(|| expected(parse(&self.pack, line))))
    }

    /// A reference with its shape.
    pub(crate) fn member<'a>(&'a self, reference: &'a Reference) -> Member<'a> {
        Member { service: self, reference, shape: self.shape(reference.line) }
    }

    /// A part that a list or a map must have.
    pub(crate) fn part<'a>(&'a self, reference: Option<&'a Reference>) -> Member<'a> {
        self.member(reference.expect("lists and maps say what they hold"))
    }

    /// Every JMESPath of its paginators and waiters.
    #[cfg(test)]
    pub(crate) fn expressions(&self) -> Vec<String> {
        use crate::definition::{Matcher, OneOrMore};
        let mut all = Vec::new();
        for line in self.pack.section("paginator/") {
            let paginator: Paginator = expected(parse(&self.pack, line));
            all.extend(paginator.input_token.all().iter().chain(paginator.output_token.all()).cloned());
            all.extend(paginator.result_key.iter().flat_map(OneOrMore::all).cloned());
            all.extend(paginator.more_results);
        }
        for line in self.pack.section("waiter/") {
            let waiter: crate::definition::Waiter = expected(parse(&self.pack, line));
            all.extend(waiter.acceptors.into_iter().filter_map(|acceptor| match acceptor.matcher {
                Matcher::Path { argument, .. }
                | Matcher::PathAll { argument, .. }
                | Matcher::PathAny { argument, .. } => Some(argument),
                Matcher::Status { .. } | Matcher::Error { .. } => None,
            }));
        }
        all
    }

    /// The exception shapes of the whole service, for codes that an operation does not declare.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = (&str, &Shape)> {
        let is_exception = |line: &usize| self.pack.json(*line).contains("\"exception\":true");
        self.shapes
            .lines
            .clone()
            .filter(is_exception)
            .map(|line| (&self.pack.name(line)["shape/".len()..], self.shape(line)))
    }

    fn shape(&self, line: usize) -> &Shape {
        self.shapes.get(line, || {
            let mut shape: Shape = expected(parse(&self.pack, line));
            shape.references_mut().for_each(|reference| self.link(reference));
            shape
        })
    }

    fn link(&self, reference: &mut Reference) {
        reference.line =
            self.pack.find(&format!("shape/{}", reference.shape)).expect("references lead to shapes of the same model");
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn parse<'a, T: Deserialize<'a>>(pack: &'a Pack, line: usize) -> Result<T, String> {
    serde_json::from_str(pack.json(line)).map_err(|error| format!("`{}`: {error}", pack.name(line)))
}

/// Every line of every model in the program is parsed by a test, and [`Service::from_text`] verifies what it is given.
fn expected<T>(parsed: Result<T, String>) -> T {
    parsed.unwrap_or_else(|error| panic!("a model in the program is damaged: {error}"))
}

/// The name of a waiter as runbooks, the AWS CLI's scripts and boto3 write it: `cluster_active`.
fn as_runbooks_write(name: &str) -> String {
    let mut written = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && written.ends_with(|before: char| before.is_lowercase() || before.is_numeric()) {
            written.push('_');
        }
        written.extend(letter.to_lowercase());
    }
    written
}

/// A service has no operation of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{service}` has no operation `{name}`")]
pub struct UnknownOperation {
    service: String,
    name: String,
    near: Option<String>,
}

impl UnknownOperation {
    /// What to do about it, if something near exists.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        self.near.as_ref().map(|near| format!("did you mean `{near}`?"))
    }
}

/// A service has no waiter of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{service}` has no waiter `{name}`")]
pub struct UnknownWaiter {
    service: String,
    name: String,
    near: Option<String>,
    all: Vec<String>,
}

impl UnknownWaiter {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.near {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.all.is_empty() => format!("`{}` has no waiters; use `until:`", self.service),
            None => format!("it has `{}`", self.all.join("`, `")),
        }
    }
}
