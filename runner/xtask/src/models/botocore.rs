//! An installed botocore: where it is, which version, and its data files.
//!
//! This file decides which files of a service belong together: the newest API version, each file merged with its
//! `sdk-extras` as botocore itself does it. It must not know what is in them.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use runbook_harness::Python;
use serde_json::{Map, Value};

/// A botocore on this machine.
pub(super) struct Botocore {
    /// Its version.
    pub(super) version: String,
    data: PathBuf,
}

/// The files of one service.
pub(super) struct Files {
    pub(super) service: Value,
    pub(super) paginators: Value,
    pub(super) waiters: Value,
    pub(super) rules: Value,
}

impl Botocore {
    /// The botocore of a Python environment.
    pub(super) fn installed(python: &Python) -> Result<Self, String> {
        let output = python
            .python()
            .args(["-c", "import botocore; print(botocore.__version__); print(botocore.__path__[0])"])
            .output()
            .map_err(|error| format!("the Python environment does not start: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        match (lines.next(), lines.next()) {
            (Some(version), Some(path)) => Ok(Self { version: version.to_owned(), data: Path::new(path).join("data") }),
            _ => Err(format!("the Python environment has no botocore: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// The names of all services, in order.
    pub(super) fn services(&self) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for path in folders(&self.data)? {
            if self.version_of(&path)?.is_some() {
                names.push(name(&path));
            }
        }
        Ok(names)
    }

    /// The files of a service.
    pub(super) fn read(&self, service: &str) -> Result<Files, String> {
        let folder =
            self.version_of(&self.data.join(service))?.ok_or_else(|| format!("botocore has no `{service}`"))?;
        let read = |file: &str| -> Result<Value, String> {
            let mut json = read_json(&folder, &format!("{file}.json"))?.unwrap_or_default();
            if let Some(extras) = read_json(&folder, &format!("{file}.sdk-extras.json"))? {
                merge(&mut json, &extras["merge"]);
            }
            Ok(json)
        };
        Ok(Files {
            service: read("service-2")?,
            paginators: read("paginators-1")?["pagination"].take(),
            waiters: read("waiters-2")?["waiters"].take(),
            rules: read("endpoint-rule-set-1")?,
        })
    }

    /// The partitions of AWS.
    pub(super) fn partitions(&self) -> Result<Value, String> {
        read_json(&self.data, "partitions.json")?.ok_or_else(|| "botocore has no partitions.json".to_owned())
    }

    /// The folder of the newest API version that has a model.
    fn version_of(&self, service: &Path) -> Result<Option<PathBuf>, String> {
        let has_model =
            |folder: &PathBuf| ["json", "json.gz"].iter().any(|end| folder.join(format!("service-2.{end}")).exists());
        Ok(folders(service)?.into_iter().rfind(has_model))
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folders in a folder, in order.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A JSON file, plain or gzipped; `None` if there is neither.
fn read_json(folder: &Path, file: &str) -> Result<Option<Value>, String> {
    let plain = folder.join(file);
    let zipped = folder.join(format!("{file}.gz"));
    let failed = |error: std::io::Error| format!("{}: {error}", plain.display());
    let text = if plain.exists() {
        std::fs::read_to_string(&plain).map_err(failed)?
    } else if zipped.exists() {
        let mut text = String::new();
        GzDecoder::new(std::fs::File::open(&zipped).map_err(failed)?).read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        return Ok(None);
    };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", plain.display()))
}

/// Lays `extra` over `base`, map by map.
fn merge(base: &mut Value, extra: &Value) {
    match (base, extra) {
        (Value::Object(base), Value::Object(extra)) => {
            for (key, value) in extra {
                merge(base.entry(key).or_insert_with(|| Value::Object(Map::new())), value);
            }
        }
        (base, extra) => *base = extra.clone(),
    }
}
