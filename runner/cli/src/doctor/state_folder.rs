//! The state folder: can a journal be written there, and will it still be there tomorrow?
//!
//! This file decides that by writing a file through to the disk and removing it. It must not open a journal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::Finding;
use crate::state;

const SUBJECT: &str = "state";
/// Below this, a run of many steps may fill the disk.
const LEAST_FREE: u64 = 100 << 20;
/// File systems that end with the machine: tmpfs and ramfs, by their numbers in Linux.
#[cfg(target_os = "linux")]
const PASSING: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Looks at the folder of this environment.
pub(super) fn examine() -> Vec<Finding> {
    match state::folder() {
        Ok(folder) => vec![judged(&folder)],
        Err(stop) => vec![Finding::fail(SUBJECT, stop.message, stop.help.unwrap_or_default())],
    }
}

fn judged(folder: &Path) -> Finding {
    let name = folder.display();
    if let Err(error) = written(folder) {
        return Finding::fail(
            SUBJECT,
            format!("nothing can be kept in {name}: {error}"),
            "choose a folder that you can write to with `RUNBOOK_STATE`",
        );
    }
    let Ok(system) = rustix::fs::statfs(folder) else {
        return Finding::ok(SUBJECT, format!("journals are kept in {name}"));
    };
    #[cfg(target_os = "linux")]
    if u64::try_from(system.f_type).is_ok_and(|number| PASSING.contains(&number)) {
        return Finding::warn(
            SUBJECT,
            format!("{name} lies in memory and ends with the machine"),
            "choose a folder on a disk with `RUNBOOK_STATE`, so that runs can be resumed after a restart",
        );
    }
    #[expect(clippy::useless_conversion, reason = "the types of these fields differ between systems")]
    let free = u64::from(system.f_bavail).saturating_mul(u64::try_from(system.f_bsize).unwrap_or_default());
    if free < LEAST_FREE {
        return Finding::warn(
            SUBJECT,
            format!("only {} MiB are free for the journals in {name}", free >> 20),
            "make room, or choose another folder with `RUNBOOK_STATE`",
        );
    }
    Finding::ok(SUBJECT, format!("journals are kept in {name}"))
}

/// Writes a file through to the disk, renames it and removes it, as a journal does with its own.
fn written(folder: &Path) -> io::Result<()> {
    let existed = folder.exists();
    fs::create_dir_all(folder)?;
    let (first, second) = (folder.join(".doctor-1"), folder.join(".doctor-2"));
    let done = File::create(&first)
        .and_then(|mut file| file.write_all(b"runbook doctor\n").and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&first, &second))
        .and_then(|()| File::open(folder)?.sync_all());
    let _not_made = fs::remove_file(&first);
    let removed = fs::remove_file(&second);
    if !existed {
        // Whoever only asks leaves nothing behind.
        let _not_empty = fs::remove_dir(folder);
    }
    done.and(removed)
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/runbook");
        assert_ne!(judged(&folder).health, Health::Fail);
        assert!(!folder.exists());
        fs::create_dir_all(&folder).unwrap();
        assert_ne!(judged(&folder).health, Health::Fail);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_its_place_is_told_with_a_remedy() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let finding = judged(&file.join("runbook"));
        assert_eq!(finding.health, Health::Fail);
        assert!(finding.remedy.unwrap().contains("RUNBOOK_STATE"));
    }
}
