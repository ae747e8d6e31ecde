//! What a model's JSON says: metadata, operations, shapes, references to shapes, paginators, waiters.
//!
//! The names are botocore's (`service-2.json` and its neighbours), plus the few marks that `cargo xtask models` adds
//! where botocore holds knowledge in code; those are documented at their fields. This file decides how that JSON is
//! held in memory. It must not decide what any of it means on the wire.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

/// The line `metadata`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) api_version: String,
    pub(crate) endpoint_prefix: String,
    /// The preferred protocol; see [`crate::service::Service::protocol`].
    pub(crate) protocol: String,
    /// All protocols the service speaks, the best first.
    pub(crate) protocols: Vec<String>,
    pub(crate) json_version: Option<String>,
    pub(crate) target_prefix: Option<String>,
    pub(crate) signing_name: Option<String>,
    /// Authentication schemes in order of preference, such as `aws.auth#sigv4`. The packer names one for every service.
    pub(crate) auth: Vec<String>,
    pub(crate) service_id: String,
    pub(crate) service_full_name: String,
    /// Present: error codes of the former query protocol come in the header `x-amzn-query-error`.
    pub(crate) aws_query_compatible: Option<Json>,
}

/// A line `operation/…`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Operation {
    pub(crate) http: Http,
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
    pub(crate) endpoint: Option<HostPrefix>,
    /// `none` and `v4-unsigned-body`, the older spelling of `auth` and `unsigned_payload`.
    pub(crate) authtype: Option<String>,
    pub(crate) auth: Option<Vec<String>>,
    pub(crate) unsigned_payload: bool,
    /// Smithy's trait: it changes nothing.
    pub(crate) readonly: bool,
    /// Smithy's trait: repeating it ends in the same state.
    pub(crate) idempotent: bool,
    pub(crate) static_context_params: IndexMap<String, ContextValue>,
    pub(crate) operation_context_params: IndexMap<String, ContextPath>,
    pub(crate) http_checksum_required: bool,
    pub(crate) http_checksum: Option<Checksum>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) request_uri: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HostPrefix {
    pub(crate) host_prefix: String,
}

/// An endpoint parameter that is fixed for an operation.
#[derive(Debug, Deserialize)]
pub(crate) struct ContextValue {
    pub(crate) value: Json,
}

/// An endpoint parameter that is taken from the input by a JMESPath.
#[derive(Debug, Deserialize)]
pub(crate) struct ContextPath {
    pub(crate) path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Checksum {
    /// The input member that names an algorithm.
    pub(crate) request_algorithm_member: Option<String>,
    pub(crate) request_checksum_required: bool,
}

/// A reference to a shape, from a member, a list, a map or an operation, with the traits it lays over the shape's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reference {
    pub(crate) shape: String,
    /// The line of the shape; filled in when the reference is read.
    #[serde(skip)]
    pub(crate) line: usize,
    pub(crate) location: Option<Location>,
    pub(crate) location_name: Option<String>,
    pub(crate) query_name: Option<String>,
    pub(crate) flattened: bool,
    pub(crate) xml_namespace: Option<Namespace>,
    pub(crate) xml_attribute: bool,
    pub(crate) timestamp_format: Option<String>,
    pub(crate) idempotency_token: bool,
    pub(crate) host_label: bool,
    pub(crate) jsonvalue: bool,
    pub(crate) eventstream: bool,
    pub(crate) result_wrapper: Option<String>,
    pub(crate) context_param: Option<ContextName>,
    pub(crate) deprecated: bool,
    #[serde(rename = "enum")]
    pub(crate) choices: Vec<String>,
    /// Ours: a secret, although the service's model does not say so.
    pub(crate) sensitive: bool,
    /// Ours: text that holds JSON.
    pub(crate) json_text: Option<JsonText>,
    /// Ours: of a value such as `/hostedzone/Z1`, only the last part is sent.
    pub(crate) last_segment: bool,
}

/// Text that holds JSON: where maps and lists are taken instead, and whether answers are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JsonText {
    /// Maps are taken; an answer stays the text it is, for it may be something else.
    Input,
    /// Maps are taken, and answers are decoded.
    Both,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ContextName {
    pub(crate) name: String,
}

/// Where in an HTTP message a member goes. Without one, it is in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Location {
    Uri,
    #[serde(rename = "querystring")]
    QueryString,
    Header,
    Headers,
    StatusCode,
}

/// An XML namespace: in older models only its address.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Namespace {
    Address(String),
    Full { uri: String, prefix: Option<String> },
}

/// A line `shape/…`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) members: IndexMap<String, Reference>,
    pub(crate) required: Vec<String>,
    #[serde(rename = "enum")]
    pub(crate) choices: Vec<String>,
    pub(crate) member: Option<Box<Reference>>,
    pub(crate) key: Option<Box<Reference>>,
    pub(crate) value: Option<Box<Reference>>,
    /// The least value, length or number of items.
    pub(crate) min: Option<f64>,
    pub(crate) flattened: bool,
    pub(crate) location_name: Option<String>,
    pub(crate) xml_namespace: Option<Namespace>,
    pub(crate) payload: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    pub(crate) exception: bool,
    pub(crate) error: Option<ErrorTrait>,
    pub(crate) retryable: Option<Retryable>,
    pub(crate) document: bool,
    pub(crate) union: bool,
    pub(crate) eventstream: bool,
    pub(crate) sensitive: bool,
    pub(crate) jsonvalue: bool,
    /// Ours: the answer's root element is the only member itself (S3 GetBucketLocation).
    pub(crate) unwrapped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Structure,
    List,
    Map,
    String,
    Character,
    Byte,
    Short,
    Integer,
    Long,
    BigInteger,
    Float,
    Double,
    BigDecimal,
    Boolean,
    Blob,
    Timestamp,
}

impl Kind {
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Character)
    }

    pub(crate) fn is_whole_number(self) -> bool {
        matches!(self, Self::Byte | Self::Short | Self::Integer | Self::Long | Self::BigInteger)
    }

    pub(crate) fn is_fraction(self) -> bool {
        matches!(self, Self::Float | Self::Double | Self::BigDecimal)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ErrorTrait {
    pub(crate) code: Option<String>,
    pub(crate) http_status_code: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Retryable {
    pub(crate) throttling: bool,
}

/// A line `paginator/…`. All paths are JMESPath.
#[derive(Debug, Deserialize)]
pub(crate) struct Paginator {
    pub(crate) input_token: OneOrMore,
    pub(crate) output_token: OneOrMore,
    pub(crate) result_key: Option<OneOrMore>,
    pub(crate) more_results: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::More(paths) => paths,
        }
    }
}

/// A line `waiter/…`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Waiter {
    pub(crate) operation: String,
    /// Seconds between two looks.
    pub(crate) delay: f64,
    pub(crate) max_attempts: u32,
    pub(crate) acceptors: Vec<Acceptor>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Acceptor {
    pub(crate) state: WaiterState,
    #[serde(flatten)]
    pub(crate) matcher: Matcher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WaiterState {
    Success,
    Failure,
    Retry,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "matcher")]
pub(crate) enum Matcher {
    Path { argument: String, expected: Json },
    PathAll { argument: String, expected: Json },
    PathAny { argument: String, expected: Json },
    Status { expected: u16 },
    Error { expected: Json },
}

impl Shape {
    /// Every reference this shape holds.
    pub(crate) fn references_mut(&mut self) -> impl Iterator<Item = &mut Reference> {
        self.members.values_mut().chain(
            [&mut self.member, &mut self.key, &mut self.value].into_iter().filter_map(|slot| slot.as_deref_mut()),
        )
    }
}

impl Operation {
    /// Every reference this operation holds.
    pub(crate) fn references_mut(&mut self) -> impl Iterator<Item = &mut Reference> {
        self.input.iter_mut().chain(&mut self.output)
    }
}
