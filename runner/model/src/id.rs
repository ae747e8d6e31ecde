//! Names and ids: what may be called what.
//!
//! This file decides which text is a name. It must not draw random numbers: whoever makes an id brings them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::path::StepPath;

/// True for a DNS label of at most 50 characters: names of runbooks, connections and kinds.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 50
        && inner(bytes[0])
        && inner(bytes[bytes.len() - 1])
        && bytes.iter().all(|&b| inner(b) || b == b'-')
}

/// True for `[a-z][a-z0-9_]*`: ids of steps, inputs and outputs, so that each can stand in an expression.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

/// The id of a run: the runbook's name and six characters, such as `eks-karmada-7k3m9q`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// Crockford's base32 in lower case: no `i`, `l`, `o`, `u`, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// The id of a run of the runbook `name`, from 30 of the given random bits.
    #[must_use]
    pub fn new(name: &str, random: u32) -> Self {
        let suffix: String = (0..6).map(|i| char::from(ALPHABET[(random >> (5 * i) & 31) as usize])).collect();
        Self(format!("{name}-{suffix}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let valid = text.rsplit_once('-').is_some_and(|(name, suffix)| {
            is_label(name) && suffix.len() == 6 && suffix.bytes().all(|b| ALPHABET.contains(&b))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidRunId(text.to_owned())) }
    }
}

/// Text that is no run id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a run id such as `eks-karmada-7k3m9q`")]
pub struct InvalidRunId(String);

/// What makes repeating a call harmless where the service supports it: derived from run, path and generation,
/// never from the attempt, and formed like a UUID (36 characters), which every AWS client token accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token of one generation of a step.
    #[must_use]
    pub fn derive(run: &RunId, path: &StepPath, generation: u32) -> Self {
        let digest = Digest::of(format!("runbook token 1\n{run}\n{path}\n{generation}").as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.bytes()[..16]);
        // Version 8 (own use) and the RFC 9562 variant, so that strict validators take it.
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Self(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_identifiers() {
        assert!(is_label("eks-karmada") && is_label("a") && is_label("1a"));
        assert!(!is_label("-a") && !is_label("a-") && !is_label("A") && !is_label("a_b") && !is_label(&"a".repeat(51)));
        assert!(is_identifier("cluster_active") && is_identifier("a1"));
        assert!(!is_identifier("cluster-active") && !is_identifier("1a") && !is_identifier("") && !is_identifier("Ä"));
    }

    #[test]
    fn run_ids_read_back() {
        let id = RunId::new("eks-karmada", 0x2bad_cafe);
        assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        assert!("eks-karmada".parse::<RunId>().is_err());
        assert!("eks-karmada-7k3miq".parse::<RunId>().is_err());
    }

    #[test]
    fn tokens_are_uuids_that_change_with_the_generation_only() {
        let (run, path) = (RunId::new("demo", 1), "a/b[c]".parse::<StepPath>().unwrap());
        let token = Token::derive(&run, &path, 1);
        assert_eq!(token, Token::derive(&run, &path, 1));
        assert_ne!(token, Token::derive(&run, &path, 2));
        assert_eq!(token.as_str().len(), 36);
        assert_eq!(&token.as_str()[14..15], "8");
    }
}
