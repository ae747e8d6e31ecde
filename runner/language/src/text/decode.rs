//! Bytes as text.
//!
//! This file decides what is a text file: UTF-8, with or without a byte-order mark, of at most 1 MiB. It must not know YAML.

use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::source::{SourceId, Sources, Span};

/// The largest file.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// Keeps the text of a file among the sources.
///
/// # Errors
/// It is too large or not UTF-8.
pub(crate) fn decoded(name: &str, bytes: Vec<u8>, sources: &mut Sources) -> Result<SourceId, Box<Diagnostic>> {
    if bytes.len() > MOST_BYTES {
        let size = u64::try_from(bytes.len()).ok();
        return Err(Box::new(too_large(name, size, sources)));
    }
    match String::from_utf8(bytes) {
        // A byte-order mark has no width; kept, it would shift every column of the first line.
        Ok(text) => Ok(sources.add(name, text.strip_prefix('\u{feff}').unwrap_or(&text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let readable = String::from_utf8_lossy(error.as_bytes()).into_owned();
            // Up to the fault both texts are the same.
            let bytes = error.as_bytes();
            let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            let source = sources.add(name, readable);
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let message = if utf16 { "the file is UTF-16, not UTF-8" } else { "the file is not UTF-8 text" };
            let span = Span { source, start: at, end: at.saturating_add(3) };
            Err(Box::new(Diagnostic::error(code::TEXT_ENCODING, span, message).help("save it as UTF-8")))
        }
    }
}

/// The complaint about a file that is too large, which is not kept.
pub(crate) fn too_large(name: &str, size: Option<u64>, sources: &mut Sources) -> Diagnostic {
    let source = sources.add(name, "");
    let size = size.map(|size| format!(" of {size} bytes")).unwrap_or_default();
    Diagnostic::error(
        code::FILE_SIZE,
        Span { source, ..Span::default() },
        format!("the file{size} is too large, at most {MOST_BYTES} bytes (1 MiB) are read"),
    )
    .help("split it into runbooks that `uses` each other, and move large texts to `templates/`")
}
