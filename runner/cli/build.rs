//! Embeds the pages of `docs/diagnostics` and `docs/kinds`, so that `runbook explain` and `runbook kinds` need no files.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let docs = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../docs");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    for subject in ["diagnostics", "kinds"] {
        let list = embedded(&docs.join(subject))?;
        fs::write(Path::new(&out).join(format!("{subject}.rs")), list)?;
    }
    Ok(())
}

/// A list of the names and texts of all pages in a folder.
fn embedded(folder: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if name != "README" && path.extension().is_some_and(|extension| extension == "md") {
                pages.push((name, fs::canonicalize(&path)?));
            }
        }
    }
    pages.sort();
    let mut list = String::from("&[");
    for (name, path) in pages {
        let _infallible = write!(list, "({name:?}, include_str!({path:?})),");
    }
    list.push(']');
    Ok(list)
}
