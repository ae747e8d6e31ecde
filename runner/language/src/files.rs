//! The files of a package: what may be read, and under which names.
//!
//! This file decides which paths stay inside a package. Whoever reads (the command line, a journal that holds the bytes)
//! does so behind [`Files`]. It must not touch a file system.

use indexmap::IndexMap;

/// The folder whose files templates are.
pub const TEMPLATES: &str = "templates";

/// The files of a package, by path relative to its folder, with `/` between folders.
pub trait Files {
    /// The bytes of a file. Only normalised paths inside the package are asked for.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// The paths of all files under `templates/`, relative to it, in any order. Asked only for an expression that names a
    /// template by something computed.
    fn templates(&self) -> Vec<String>;

    /// What people call a file: the path as they gave it, or relative to the package.
    fn name(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is none.
    Missing,
    /// The path leads out of the package, by a symbolic link.
    Outside,
    /// The operating system's words, as a fragment.
    Unreadable(String),
    /// It is larger than anybody reads; with its size in bytes, if known. An implementation should say so without
    /// reading it.
    TooLarge(Option<u64>),
}

/// Files held in memory, such as those a journal keeps.
#[derive(Clone, Debug, Default)]
pub struct Held(pub IndexMap<String, String>);

impl Files for Held {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(ReadError::Missing)
    }

    fn templates(&self) -> Vec<String> {
        let prefix = format!("{TEMPLATES}/");
        self.0.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

/// The normalised path of `written` as seen from the folder `from`; `None` if it leaves the package.
pub(crate) fn resolved(from: &str, written: &str) -> Option<String> {
    if written.starts_with('/') || written.contains(['\\', '\0']) || written.get(1..2) == Some(":") {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The folder of a file; empty for the package's own.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(resolved("", "./a.yaml").as_deref(), Some("a.yaml"));
        assert_eq!(resolved("sub", "../a.yaml").as_deref(), Some("a.yaml"));
        assert_eq!(resolved("sub", "./b/./a.yaml").as_deref(), Some("sub/b/a.yaml"));
        for path in ["../a.yaml", "/etc/passwd", "a/../../b", "..", ".", "C:\\x", "a\\..\\b", "c:/x"] {
            assert_eq!(resolved("", path), None, "{path}");
        }
    }
}
