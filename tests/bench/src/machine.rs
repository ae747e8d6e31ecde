//! On what and when it was measured.
//!
//! This file decides what of a machine matters to the numbers. What a system does not tell reads `unknown`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use runbook_driver::clock::{Clock as _, SystemClock};

/// One paragraph.
pub(crate) fn described(folder: &Path) -> String {
    let date = SystemClock.now().to_string();
    let date = date.split('T').next().unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().map_or(0, |kib: u64| kib >> 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".into());
    let (kernel, disk, rust) = (kernel.trim(), file_system(folder), rust());
    format!(
        "Measured on {date}: {cores} cores of {processor}, {memory} GiB; Linux {kernel}, {disk}; {rust}; release build."
    )
}

/// The first line `name : value` of a file.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name));
    line.map_or("unknown".into(), |(_, value)| value.trim().to_owned())
}

/// The kind of file system that a folder is on.
fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let rows = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?)).filter(|(path, _)| folder.starts_with(path))
    });
    rows.max_by_key(|(path, _)| path.len()).map_or("unknown".into(), |(_, kind)| kind.to_owned())
}

fn rust() -> String {
    let done = Command::new("rustc").arg("--version").output();
    let text = done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    text.split(" (").next().unwrap_or("unknown").to_owned()
}
