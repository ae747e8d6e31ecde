//! The port to archives of files.
//!
//! This file decides what kinds may ask of whoever opens archives, and what the content of one is called. It must not know
//! how archives are packed, nor what their files are for.

use std::fmt::Write as _;

use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};

use crate::contract::Pending;
use crate::ports::Outside;

/// Whoever opens archives.
pub trait Archives: Send + Sync {
    /// The regular files of a `.tar` or `.tar.gz`, by a path of this machine or an `http(s)` URL, in the order of their
    /// paths, each path once, none of them absolute or with `..`.
    ///
    /// # Errors
    /// `missing` if there is no such file; `invalid` if it is no such archive, is too large, or has a path that leads
    /// elsewhere; `unavailable` if the server does not answer.
    fn open<'a>(&'a self, place: &'a str) -> Pending<'a, Result<Vec<PackedFile>, Failure>>;
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedFile {
    /// Where it stands in the archive, such as `crds/bases/works.yaml`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The digest of what an archive holds, however it was packed: SHA-256 over one line for each file, in the order of their
/// paths as bytes, with the file's SHA-256 in hex, two spaces and its path. It is what
/// `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` says of the unpacked files.
#[must_use]
pub fn content_digest(files: &[PackedFile]) -> Digest {
    let mut files: Vec<&PackedFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    let mut lines = String::new();
    for file in files {
        // Writing to a text cannot fail.
        let _written = writeln!(lines, "{}  {}", Digest::of(&file.bytes).hex(), file.path);
    }
    Digest::of(lines.as_bytes())
}

/// The files of the archive, if they are the ones that are meant.
///
/// # Errors
/// `invalid` if they are others; why it cannot be opened.
pub(crate) async fn verified(place: &str, wanted: &str, outside: &dyn Outside) -> Result<Vec<PackedFile>, Failure> {
    let invalid = |message: String| Failure::new(FailureClass::Invalid, message);
    let wanted: Digest =
        wanted.parse().map_err(|error| invalid(format!("the digest wanted of the archive `{place}`: {error}")))?;
    let files = outside.archives().open(place).await?;
    let is = content_digest(&files);
    if is == wanted {
        return Ok(files);
    }
    Err(invalid(format!("the archive `{place}` holds another content than wanted: it is {is}, not {wanted}"))
        .help("nothing was applied. Look at what is in it; if it is what you want, write its digest into the step"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_one_that_sha256sum_says_and_knows_no_order() {
        let file = |path: &str, text: &str| PackedFile { path: path.into(), bytes: text.into() };
        let files = [file("b/c.yaml", "two\n"), file("a.yaml", "one\n")];
        let digest = content_digest(&files);
        assert_eq!(digest.hex(), "97e38b39c7a4dc0d25a2deffe0bc7af66e462ffefb5c0160b6232d151ccaf842");
        assert_eq!(content_digest(&[files[1].clone(), files[0].clone()]), digest);
        assert_ne!(content_digest(&[file("b/d.yaml", "two\n"), files[1].clone()]), digest);
    }
}
