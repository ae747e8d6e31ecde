//! The files of a package: where it begins, and that nothing outside it is read.
//!
//! This file decides which bytes a path of a package stands for. It must not know what the files say.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A package on disk.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Without symbolic links in it.
    root: PathBuf,
    /// The runbook's file, relative to the root, with `/` between its parts.
    entry: String,
    /// What the person typed in front of the entry's path, to name the other files of the package in the same way.
    prefix: String,
}

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("there is no such file")]
    Missing,
    #[error("it lies outside the package `{0}`")]
    Outside(PathBuf),
    #[error("it is no file")]
    NoFile,
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Refused(std::io::Error),
}

impl Folder {
    /// The package of a runbook: the nearest folder upwards that holds `templates/`, else the file's own.
    pub(crate) fn of(file: &Path) -> Result<Self, Unreadable> {
        let real = file.canonicalize().map_err(sorted)?;
        let own = real.parent().ok_or(Unreadable::NoFile)?;
        let root = own.ancestors().find(|folder| folder.join("templates").is_dir()).unwrap_or(own).to_owned();
        let entry = portable(real.strip_prefix(&root).unwrap_or(&real));
        let typed = file.to_string_lossy();
        // `a/b/x.yaml` in a package that begins at `a`: its templates are told as `a/templates/…`.
        let prefix = typed.strip_suffix(&entry).map_or_else(|| format!("{}/", root.display()), str::to_owned);
        Ok(Self { root, entry, prefix })
    }

    /// The runbook's file, relative to the package.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }

    /// How people are told of a file of the package.
    pub(crate) fn display(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The bytes of a file of the package, if they are at most `limit`.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Unreadable> {
        let real = self.root.join(path).canonicalize().map_err(sorted)?;
        if !real.starts_with(&self.root) {
            return Err(Unreadable::Outside(self.root.clone()));
        }
        // A pipe or a device could give bytes for ever, and opening one may wait for ever.
        if !real.metadata().map_err(sorted)?.is_file() {
            return Err(Unreadable::NoFile);
        }
        let mut bytes = Vec::new();
        let read = File::open(&real).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(sorted)?;
        if read as u64 > limit { Err(Unreadable::TooLarge(limit)) } else { Ok(bytes) }
    }
}

fn sorted(error: std::io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unreadable::Missing,
        _ => Unreadable::Refused(error),
    }
}

fn portable(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn files(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    #[test]
    fn a_package_begins_where_its_templates_are() {
        let folder = files(&["templates/a.j2", "runbooks/eks/x.yaml", "alone/y.yaml"]);
        let found = Folder::of(&folder.path().join("runbooks/eks/x.yaml")).unwrap();
        assert_eq!(found.entry(), "runbooks/eks/x.yaml");
        assert_eq!(found.display("templates/a.j2"), folder.path().join("templates/a.j2").to_string_lossy());
        assert_eq!(found.read("templates/a.j2", 100).unwrap(), b"templates/a.j2");

        fs::remove_dir_all(folder.path().join("templates")).unwrap();
        assert_eq!(Folder::of(&folder.path().join("alone/y.yaml")).unwrap().entry(), "y.yaml");
    }

    #[test]
    fn nothing_outside_is_read_however_it_is_named() {
        let folder = files(&["secret", "package/x.yaml", "package/in/a"]);
        let root = folder.path().join("package");
        symlink("../secret", root.join("out")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("in/a", root.join("fine")).unwrap();
        let package = Folder::of(&root.join("x.yaml")).unwrap();
        for path in ["out", "up/secret", "../secret", "in/../../secret", "/etc/passwd"] {
            assert!(matches!(package.read(path, 100), Err(Unreadable::Outside(_))), "{path}");
        }
        assert_eq!(package.read("fine", 100).unwrap(), b"package/in/a");
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        let folder = files(&["x.yaml", "in/a"]);
        let package = Folder::of(&folder.path().join("x.yaml")).unwrap();
        assert!(matches!(package.read("in", 100), Err(Unreadable::NoFile)));
        assert!(matches!(package.read("x.yaml", 5), Err(Unreadable::TooLarge(5))));
        assert!(matches!(package.read("gone", 100), Err(Unreadable::Missing)));
        assert!(matches!(package.read("x.yaml/y", 100), Err(Unreadable::Missing)));
        assert!(matches!(Folder::of(&folder.path().join("nothing.yaml")), Err(Unreadable::Missing)));
        let status = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(status.success());
        assert!(matches!(package.read("pipe", 100), Err(Unreadable::NoFile)));
    }
}
