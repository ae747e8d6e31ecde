//! Signatures.
//!
//! This file decides what of a request is signed and where the signature goes: into headers for calls, into the URL for the
//! one presigned request there is. It must not know where credentials come from.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use runbook_aws::http::{Payload, Request, Signing};

/// The headers that prove who sends a request; none for one that is not signed.
///
/// # Errors
/// Why it cannot be signed.
pub(crate) fn headers(
    request: &Request,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<Vec<(String, String)>, String> {
    let Signing::V4 { name, region, encode_path_again, payload } = &request.signing else { return Ok(Vec::new()) };
    let mut settings = SigningSettings::default();
    if !encode_path_again {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    if *payload != Payload::Signed {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let body = match payload {
        Payload::Signed | Payload::SignedWithHeader => SignableBody::Bytes(&request.body),
        Payload::Unsigned => SignableBody::UnsignedPayload,
    };
    let signed_headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable =
        SignableRequest::new(&request.method, &request.url, signed_headers, body).map_err(|e| e.to_string())?;
    let instructions = instructions(signable, Scope { name, region }, credentials, time, settings)?;
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A URL that carries its signature in its query, with the query's own pairs first, as every tool of AWS writes them.
/// `headers` are signed too and have to be sent by whoever uses the URL.
///
/// # Errors
/// Why it cannot be signed.
pub(crate) fn presigned(
    url: &str,
    headers: &[(&str, &str)],
    scope: Scope<'_>,
    credentials: &Credentials,
    time: SystemTime,
    lifetime: Duration,
) -> Result<String, String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    let signable = SignableRequest::new("GET", url, headers.iter().copied(), SignableBody::Bytes(b""))
        .map_err(|e| e.to_string())?;
    let instructions = instructions(signable, scope, credentials, time, settings)?;
    let mut params: Vec<(&str, &str)> =
        instructions.params().iter().map(|(name, value)| (*name, value.as_ref())).collect();
    // The order in which botocore writes them, so that tokens can be compared with its own.
    params.sort_by_key(|(name, _)| (*name == "X-Amz-Signature", *name == "X-Amz-Security-Token", *name));
    let written = params
        .iter()
        .map(|(name, value)| format!("{name}={}", percent_encoding::utf8_percent_encode(value, UNRESERVED)));
    Ok(format!("{url}&{}", written.collect::<Vec<_>>().join("&")))
}

/// All that AWS wants encoded in a query.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// For whom a signature is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
}

fn instructions(
    signable: SignableRequest<'_>,
    scope: Scope<'_>,
    credentials: &Credentials,
    time: SystemTime,
    settings: SigningSettings,
) -> Result<aws_sigv4::http_request::SigningInstructions, String> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.name)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    Ok(sign(signable, &params).map_err(|error| error.to_string())?.into_parts().0)
}
