//! The files of a package on disk: where it begins, and that nothing outside it is read.
//!
//! This file decides which bytes a path of a package stands for. It must not know what the files say; which paths are
//! asked for is the language's.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use runbook_language::{Files, LARGEST_FILE, ReadError, TEMPLATES};

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

impl Folder {
    /// The package of a runbook: the nearest folder upwards that holds `templates/`, else the file's own. Whether the
    /// file can be read is found out by reading it.
    pub(crate) fn of(file: &Path) -> Self {
        let real = file.canonicalize().or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.to_owned());
        let own = real.parent().unwrap_or(&real);
        let root = own.ancestors().find(|folder| folder.join(TEMPLATES).is_dir()).unwrap_or(own).to_owned();
        let entry = portable(real.strip_prefix(&root).unwrap_or(&real));
        let typed = file.to_string_lossy();
        // `a/b/x.yaml` in a package that begins at `a`: its templates are told as `a/templates/…`.
        let prefix = typed.strip_suffix(&entry).map_or_else(|| format!("{}/", root.display()), str::to_owned);
        Self { root, entry, prefix }
    }

    /// The runbook's file, relative to the package.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let real = self.root.join(path).canonicalize().map_err(|error| sorted(&error))?;
        if !real.starts_with(&self.root) {
            return Err(ReadError::Outside);
        }
        let metadata = real.metadata().map_err(|error| sorted(&error))?;
        // A pipe or a device could give bytes for ever, and opening one may wait for ever.
        if !metadata.is_file() {
            return Err(ReadError::Unreadable("it is no ordinary file".into()));
        }
        let largest = LARGEST_FILE as u64;
        if metadata.len() > largest {
            return Err(ReadError::TooLarge(Some(metadata.len())));
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        let read = File::open(&real).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 > largest => Err(ReadError::TooLarge(None)),
            Ok(_) => Ok(bytes),
            Err(error) => Err(sorted(&error)),
        }
    }

    fn templates(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.join(TEMPLATES)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = folder.read_dir() else { continue };
            for entry in entries.flatten() {
                // Symbolic links are not followed here: folders that hold each other would never end.
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => found.push(entry.path()),
                    _ => {}
                }
            }
        }
        let templates = self.root.join(TEMPLATES);
        found.iter().filter_map(|path| path.strip_prefix(&templates).ok()).map(portable).collect()
    }

    fn name(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

fn sorted(error: &std::io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing,
        _ => ReadError::Unreadable(error.to_string()),
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
        let found = Folder::of(&folder.path().join("runbooks/eks/x.yaml"));
        assert_eq!(found.entry(), "runbooks/eks/x.yaml");
        assert_eq!(found.name("templates/a.j2"), folder.path().join("templates/a.j2").to_string_lossy());
        assert_eq!(found.read("templates/a.j2").unwrap(), b"templates/a.j2");
        assert_eq!(found.templates(), ["a.j2"]);

        fs::remove_dir_all(folder.path().join("templates")).unwrap();
        assert_eq!(Folder::of(&folder.path().join("alone/y.yaml")).entry(), "y.yaml");
    }

    #[test]
    fn nothing_outside_is_read_however_it_is_named() {
        let folder = files(&["secret", "package/x.yaml", "package/in/a"]);
        let root = folder.path().join("package");
        symlink("../secret", root.join("out")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("in/a", root.join("fine")).unwrap();
        let package = Folder::of(&root.join("x.yaml"));
        for path in ["out", "up/secret", "../secret", "in/../../secret", "/etc/passwd"] {
            assert_eq!(package.read(path), Err(ReadError::Outside), "{path}");
        }
        assert_eq!(package.read("fine").unwrap(), b"package/in/a");
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        let folder = files(&["x.yaml", "in/a"]);
        let package = Folder::of(&folder.path().join("x.yaml"));
        assert_eq!(package.read("in"), Err(ReadError::Unreadable("it is no ordinary file".into())));
        assert_eq!(package.read("gone"), Err(ReadError::Missing));
        assert_eq!(package.read("x.yaml/y"), Err(ReadError::Missing));
        assert_eq!(Folder::of(&folder.path().join("none/z.yaml")).read("z.yaml"), Err(ReadError::Missing));
        let status = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(status.success());
        assert_eq!(package.read("pipe"), Err(ReadError::Unreadable("it is no ordinary file".into())));
        let large = LARGEST_FILE as u64 + 1;
        File::create(folder.path().join("large")).unwrap().set_len(large).unwrap();
        assert_eq!(package.read("large"), Err(ReadError::TooLarge(Some(large))));
        assert_eq!(package.read("../../../dev/zero"), Err(ReadError::Outside));
    }
}
