//! Reading fixtures from the disk.

use std::fs;
use std::path::{Path, PathBuf};

use runbook_language::{Files, ReadError};

/// A folder of fixtures as a package. Lines `# repeat N: text` of the entry stand for N lines, `{n}` in them for their number.
pub(crate) struct Disk {
    pub(crate) folder: PathBuf,
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let bytes = fs::read(self.folder.join(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::Unreadable(error.to_string()),
        })?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) => repeated(&text).into_bytes(),
            Err(error) => error.into_bytes(),
        })
    }

    fn templates(&self) -> Vec<String> {
        let root = self.folder.join("templates");
        let mut found = Vec::new();
        collect(&root, &root, &mut found);
        found.sort();
        found
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if let Ok(inside) = path.strip_prefix(root) {
            found.push(inside.to_string_lossy().into_owned());
        }
    }
}

fn repeated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let directive = line.strip_prefix("# repeat ").and_then(|rest| rest.split_once(": "));
        match directive.and_then(|(count, line)| Some((count.parse::<usize>().ok()?, line))) {
            Some((count, line)) => (0..count).for_each(|n| out.push_str(&line.replace("{n}", &n.to_string()))),
            None => out.push_str(line),
        }
    }
    out
}
