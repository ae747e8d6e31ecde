//! Checksums of bodies, which S3 and S3 Control require of some operations.
//!
//! This file decides the algorithm and the header. An author may name an algorithm, or give the checksum.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::failure::Failure;
use runbook_model::value::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Draft, invalid};
use crate::operation::Operation;

/// Adds the checksum the operation asks for, if it asks for one and the author gave none.
pub(super) fn add(operation: &Operation, params: &Map, draft: &mut Draft) -> Result<(), Failure> {
    let definition = operation.definition();
    let traits = definition.http_checksum.as_ref();
    let chosen = traits
        .and_then(|checksum| checksum.request_algorithm_member.as_ref())
        .and_then(|member| params.get(member))
        .and_then(Value::as_str);
    let required =
        definition.http_checksum_required || traits.is_some_and(|checksum| checksum.request_checksum_required);
    let given = draft.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-checksum-"));
    if given || (chosen.is_none() && !required) {
        return Ok(());
    }
    let (header, sum) = match chosen.unwrap_or("CRC32") {
        "CRC32" => ("x-amz-checksum-crc32", crc32fast::hash(&draft.body).to_be_bytes().to_vec()),
        "SHA256" => ("x-amz-checksum-sha256", Sha256::digest(&draft.body).to_vec()),
        other => {
            let why = format!("this version of `runbook` computes `CRC32` and `SHA256`, not `{other}`");
            return Err(invalid(operation, &why));
        }
    };
    draft.header(header, STANDARD.encode(sum));
    let has_algorithm = traits.is_some_and(|checksum| checksum.request_algorithm_member.is_some());
    if has_algorithm && !draft.has_header("x-amz-sdk-checksum-algorithm") {
        draft.header("x-amz-sdk-checksum-algorithm", "CRC32");
    }
    Ok(())
}
