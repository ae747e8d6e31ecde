//! Embeds the pages of `docs/diagnostics`, so that `runbook explain` needs no files.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../docs/diagnostics");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let code = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if code.starts_with("RB") && path.extension().is_some_and(|extension| extension == "md") {
                pages.push((code, fs::canonicalize(&path)?));
            }
        }
    }
    pages.sort();
    let mut list = String::from("&[");
    for (code, path) in pages {
        let _infallible = write!(list, "({code:?}, include_str!({path:?})),");
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("pages.rs"), list)
}
