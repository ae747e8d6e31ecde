//! Where a call goes and under which name and region it is signed.
//!
//! This file decides the parameters of the services' endpoint rules: what the caller configures, what an operation fixes,
//! what its input says. It must not read any configuration, and it leaves the rules themselves to [`rules`].

use std::collections::BTreeMap;

use runbook_model::failure::{Failure, FailureClass};
use serde_json::Value as Json;

use crate::service::Service;

mod functions;
mod partition;
mod rules;

pub use rules::Resolved;
pub(crate) use rules::RuleSet;

/// What the caller's configuration says about endpoints. All of it may be left out but the region, which most services need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointParameters {
    /// The region.
    pub region: Option<String>,
    /// Use endpoints validated under FIPS 140.
    pub fips: bool,
    /// Use endpoints that answer over IPv6 too.
    pub dual_stack: bool,
    /// The URL that answers instead of AWS. Host prefixes and bucket names stay out of its host.
    pub url: Option<String>,
    /// The caller's account, for services with an endpoint per account.
    pub account: Option<String>,
    /// S3's own settings.
    pub s3: S3Parameters,
}

/// What only S3 knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Parameters {
    /// The bucket goes into the path instead of the host; with a URL of one's own it always does.
    pub path_style: bool,
    /// Use transfer acceleration.
    pub accelerate: bool,
    /// Take the region of an ARN where it differs from the configured one; `None` leaves it to the rules, which do.
    pub use_arn_region: Option<bool>,
    /// Refuse multi-region access points.
    pub no_multi_region_access_points: bool,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and perhaps a path; without the operation's host prefix.
    pub url: String,
    /// Headers the rules ask for.
    pub headers: Vec<(String, String)>,
    /// The schemes the rules name, the best first; empty where they leave it to the model.
    pub(crate) schemes: Vec<AuthScheme>,
    /// The configured region.
    pub(crate) region: Option<String>,
    /// Is it the caller's own URL?
    pub(crate) is_own: bool,
}

impl Endpoint {
    /// The scheme of the rules by which this version signs, if they name any.
    pub(crate) fn scheme(&self) -> Option<&AuthScheme> {
        self.schemes.iter().find(|scheme| scheme.name == "sigv4")
    }

    /// The names of the schemes, if this version knows none of them.
    pub(crate) fn unknown_schemes(&self) -> Option<String> {
        let names: Vec<&str> = self.schemes.iter().map(|scheme| scheme.name.as_str()).collect();
        (!names.is_empty() && self.scheme().is_none()).then(|| names.join("` or `"))
    }
}

/// A way to sign, as endpoint rules name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthScheme {
    /// `sigv4`, `sigv4a`, `sigv4-s3express`.
    pub(crate) name: String,
    pub(crate) signing_name: Option<String>,
    pub(crate) signing_region: Option<String>,
    pub(crate) disable_double_encoding: bool,
}

/// Applies a service's rules.
///
/// # Errors
/// What the rules say is wrong with the parameters, as an `invalid` failure.
pub(crate) fn resolve<'a>(
    service: &'a Service,
    parameters: &EndpointParameters,
    of_operation: BTreeMap<&'a str, Json>,
) -> Result<Endpoint, Failure> {
    let mut values = of_operation;
    let bucket_is_arn = values.get("Bucket").and_then(Json::as_str).is_some_and(|bucket| bucket.starts_with("arn:"));
    for (name, built_in) in service.rules().into_iter().flat_map(RuleSet::built_ins) {
        if let Some(value) = configured(built_in, parameters, bucket_is_arn) {
            values.entry(name).or_insert(value);
        }
    }
    let failed = |why: String| {
        let failure =
            Failure::new(FailureClass::Invalid, format!("`{}` has no endpoint for this call: {why}", service.name()));
        if parameters.region.is_none() {
            failure.help("say which `region` the connection is for")
        } else {
            failure.help("look at the connection's `region` and `endpoint`, and at the parameters of the call")
        }
    };
    // S3 Control's rules put the account before the host.
    let account = values.get("AccountId").and_then(Json::as_str).map(|account| format!("://{account}."));
    let mut resolved = service.endpoint(values).map_err(failed)?;
    if let (Some(account), true) = (account, parameters.url.is_some()) {
        resolved.url = resolved.url.replacen(&account, "://", 1);
    }
    let headers = resolved.headers.as_object().into_iter().flatten().flat_map(|(name, values)| {
        let texts = values.as_array().into_iter().flatten().filter_map(Json::as_str);
        texts.map(|value| (name.clone(), value.to_owned()))
    });
    Ok(Endpoint {
        headers: headers.collect(),
        schemes: resolved.properties["authSchemes"].as_array().into_iter().flatten().map(scheme).collect(),
        region: parameters.region.clone(),
        is_own: parameters.url.is_some(),
        url: resolved.url,
    })
}

/// The value of a parameter that the caller's configuration gives.
fn configured(built_in: &str, parameters: &EndpointParameters, bucket_is_arn: bool) -> Option<Json> {
    let text = |value: &Option<String>| value.clone().map(Json::String);
    match built_in {
        "AWS::Region" => text(&parameters.region),
        "AWS::UseFIPS" => Some(parameters.fips.into()),
        "AWS::UseDualStack" => Some(parameters.dual_stack.into()),
        "SDK::Endpoint" => text(&parameters.url),
        "AWS::Auth::AccountId" => text(&parameters.account),
        // A host of one's own cannot take a bucket's name, but an ARN never stands in a path.
        "AWS::S3::ForcePathStyle" => {
            Some((parameters.s3.path_style || parameters.url.is_some() && !bucket_is_arn).into())
        }
        "AWS::S3::Accelerate" => Some(parameters.s3.accelerate.into()),
        "AWS::S3::UseArnRegion" | "AWS::S3Control::UseArnRegion" => parameters.s3.use_arn_region.map(Json::Bool),
        "AWS::S3::DisableMultiRegionAccessPoints" => Some(parameters.s3.no_multi_region_access_points.into()),
        // The regional endpoints of STS and S3 are what AWS recommends; the global ones only ever were a fallback.
        "AWS::STS::UseGlobalEndpoint" | "AWS::S3::UseGlobalEndpoint" => Some(false.into()),
        _ => None,
    }
}

fn scheme(json: &Json) -> AuthScheme {
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    AuthScheme {
        name: text("name").unwrap_or_default(),
        signing_name: text("signingName"),
        signing_region: text("signingRegion"),
        disable_double_encoding: json["disableDoubleEncoding"] == true,
    }
}
