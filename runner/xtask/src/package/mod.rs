//! `cargo xtask package`: what somebody downloads who has no Rust: one program for every Linux, its completions and manual
//! pages, the licences of what is in it, a bill of materials, checksums.
//!
//! This file decides what is in the archive and where it lies. It must not know the form of the bill.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use runbook_harness::project;
use sha2::{Digest as _, Sha256};

mod bill;
mod elf;

/// What it is built for. With musl the C library is in the program, so that it runs on every Linux of this processor.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Shells, and where each looks below a folder such as `/usr/local/share`.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "bash-completion/completions/runbook"),
    ("zsh", "zsh/site-functions/_runbook"),
    ("fish", "fish/vendor_completions.d/runbook.fish"),
];

/// Builds and packs. Tells what was made.
///
/// # Errors
/// The toolchain for [`TARGET`] cannot be had, something does not compile, or the program is not what it should be.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    toolchain()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--release", "--package=runbook", "--bin=runbook", "--target", TARGET]);
    finish(build.current_dir(root), "the compiler's words stand above")?;
    let program = project::target().join(TARGET).join("release/runbook");
    let bytes = fs::read(&program).map_err(|error| told(&program, &error))?;
    if elf::interpreter(&bytes).ok_or_else(|| format!("`{}` is no program of this processor", program.display()))? {
        return Err(format!("`{}` needs a dynamic linker, and so would not run everywhere", program.display()));
    }

    let bill = bill::Bill::of(root, TARGET)?;
    let name = format!("runbook-{}-{TARGET}", bill.version());
    let out = project::target().join("package");
    let folder = out.join(&name);
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| told(&out, &error))?;
    }
    write(&folder.join("bin/runbook"), &bytes)?;
    for (shell, place) in COMPLETIONS {
        let script = said(Command::new(&program).args(["completions", shell]))?;
        write(&folder.join("share").join(place), &script)?;
    }
    finish(
        Command::new(&program).args(["-q", "man", "--dir"]).arg(folder.join("share/man/man1")),
        "it wrote no pages",
    )?;
    for file in ["LICENSE", "NOTICE", "README.md", "SECURITY.md"] {
        let text = fs::read(root.join(file)).map_err(|error| told(&root.join(file), &error))?;
        write(&folder.join(file), &text)?;
    }
    let without = bill.licences(&folder.join("licences"))?;

    let archive = out.join(format!("{name}.tar.gz"));
    pack(&folder, &name, &archive)?;
    let materials = out.join(format!("{name}.cdx.json"));
    write(&materials, bill.json().as_bytes())?;
    let sums = [&archive, &materials].map(|file| sum(file)).into_iter().collect::<Result<String, String>>()?;
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    fs::remove_dir_all(&folder).map_err(|error| told(&folder, &error))?;
    let size = |path: &Path| fs::metadata(path).map(|known| known.len().div_ceil(1 << 20)).unwrap_or_default();
    Ok(format!(
        "{}\n  {} MiB packed, the program {} MiB, with {} crates in it ({without} of them without the text of their licence)",
        archive.display(),
        size(&archive),
        size(&program),
        bill.crates()
    ))
}

/// Makes sure of the target's standard library and C compiler: SQLite and the cryptography have parts in C.
fn toolchain() -> Result<(), String> {
    let missing = |what: &str, how: &str| format!("{what} cannot be had; {how}");
    finish(Command::new("rustup").args(["target", "add", TARGET]), "see above").map_err(|_| {
        missing(&format!("Rust's standard library for {TARGET}"), &format!("try `rustup target add {TARGET}`"))
    })?;
    said(Command::new("musl-gcc").arg("--version"))
        .map(drop)
        .map_err(|_| missing("`musl-gcc`", "on Debian it comes with `apt-get install musl-tools`"))
}

/// Packs a folder as `name`, with nothing of this machine in it: no owner, no times.
fn pack(folder: &Path, name: &str, archive: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| told(archive, &error);
    let file = fs::File::create(archive).map_err(failed)?;
    let mut packed = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    packed.mode(tar::HeaderMode::Deterministic);
    for path in files(folder)? {
        let inside = path.strip_prefix(folder).map_err(|error| error.to_string())?;
        let bytes = fs::read(&path).map_err(|error| told(&path, &error))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if inside.starts_with("bin") { 0o755 } else { 0o644 });
        header.set_mtime(0);
        packed.append_data(&mut header, Path::new(name).join(inside), bytes.as_slice()).map_err(failed)?;
    }
    packed.into_inner().and_then(GzEncoder::finish).map(drop).map_err(failed)
}

/// All files below a folder, in the order of their paths.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| told(&folder, &error))? {
            let path = entry.map_err(|error| told(&folder, &error))?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// A line of `SHA256SUMS`.
fn sum(file: &Path) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|error| told(file, &error))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{:x}  {name}\n", Sha256::digest(bytes)))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)).map_err(|error| told(path, &error))
}

fn finish(command: &mut Command, why: &str) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` failed ({status}); {why}")),
        Err(error) => Err(format!("`{name}` could not be started: {error}")),
    }
}

fn said(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("`{name}` could not be started: {error}"))?;
    if done.status.success() { Ok(done.stdout) } else { Err(format!("`{name}` failed ({})", done.status)) }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("`{}`: {error}", path.display())
}
