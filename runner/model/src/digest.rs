//! Digests over canonical JSON.
//!
//! This file decides how content becomes an identity: JSON with sorted keys, SHA-256, secrets as HMAC under a
//! key of the run. It must not know what is digested or why.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::value::Value;

/// A SHA-256, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of JSON in canonical form; the order of keys does not matter.
    #[must_use]
    pub fn of_json(json: &serde_json::Value) -> Self {
        let mut text = String::new();
        canonical(json, &mut text);
        Self::of(text.as_bytes())
    }

    /// The digest of a value; its secret parts enter as HMAC under `key`.
    #[must_use]
    pub fn of_value(value: &Value, key: &RunKey) -> Self {
        Self::of_json(&keyed(value, key))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits without the prefix.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// The key under which secrets enter the digests of one run. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunKey([u8; 32]);

impl RunKey {
    /// A key from 32 random bytes; the caller draws them.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 of `bytes`.
    #[must_use]
    pub fn hmac(&self, bytes: &[u8]) -> Digest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(bytes);
        Digest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunKey(…)")
    }
}

fn keyed(value: &Value, key: &RunKey) -> serde_json::Value {
    match value {
        Value::Secret(secret) => {
            let mut text = String::new();
            canonical(&secret.expose().exposed(), &mut text);
            serde_json::json!({"$hmac": key.hmac(text.as_bytes()).hex()})
        }
        Value::List(items) => items.iter().map(|v| keyed(v, key)).collect(),
        Value::Map(map) => map.iter().map(|(k, v)| (k.clone(), keyed(v, key))).collect(),
        plain => plain.exposed(),
    }
}

/// Writes JSON with sorted keys and no white space.
pub fn canonical(json: &serde_json::Value, out: &mut String) {
    match json {
        serde_json::Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        serde_json::Value::Object(map) => {
            let mut entries: Vec<(&String, &serde_json::Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        serde_json::Value::String(string) => text(string, out),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn text(string: &str, out: &mut String) {
    // Most texts need no escape, and there are thousands of them in a plan.
    if string.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(string);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(string).unwrap_or_default());
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest(text.to_owned());
        let hex = text.strip_prefix("sha256:").filter(|h| h.len() == 64 && h.is_ascii()).ok_or_else(invalid)?;
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// Text that is no digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a digest (`sha256:` and 64 hexadecimal digits)")]
pub struct InvalidDigest(String);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_order_does_not_change_the_digest() {
        assert_eq!(Digest::of_json(&json!({"a": 1, "b": [2]})), Digest::of_json(&json!({"b": [2], "a": 1})));
        assert_ne!(Digest::of_json(&json!({"a": 1})), Digest::of_json(&json!({"a": "1"})));
    }

    #[test]
    fn secrets_enter_under_the_key_of_the_run() {
        let (one, two) = (RunKey::new([1; 32]), RunKey::new([2; 32]));
        let secret = Value::from("hunter2").into_secret();
        assert_eq!(Digest::of_value(&secret, &one), Digest::of_value(&secret, &one));
        assert_ne!(Digest::of_value(&secret, &one), Digest::of_value(&secret, &two));
        assert_ne!(Digest::of_value(&secret, &one), Digest::of_value(&"hunter2".into(), &one));
    }

    #[test]
    fn a_digest_reads_back_from_its_text() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:xyz".parse::<Digest>().is_err());
    }
}
