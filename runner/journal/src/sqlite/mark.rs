//! Has a journal changed since somebody looked?
//!
//! This file decides that from what the system says of its files, without opening one. It must not know what is in them.

use std::fs::metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::store::Mark;

/// Two changes so close to each other may carry the same time: what has just been changed has no mark yet.
const SETTLED: Duration = Duration::from_secs(2);

/// The mark of the journal whose database is at `path`. All that is written goes through the `-wal` file, and from there into
/// the database when its writer closes it: without anything in the first, the second tells.
pub(super) fn of(path: &Path, now: SystemTime) -> Option<Mark> {
    // One that cannot be asked for might be there.
    match metadata(path.with_extension("sqlite-wal")) {
        Ok(log) if log.len() > 0 => return None,
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return None,
        _ => {}
    }
    let found = metadata(path).ok()?;
    // Not the time of modification: a backup that is put back sets it.
    let (seconds, nanoseconds) = (u64::try_from(found.ctime()).ok()?, u32::try_from(found.ctime_nsec()).ok()?);
    let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    if now.duration_since(changed).ok()? < SETTLED {
        return None;
    }
    Some(Mark(format!("{}-{}-{seconds}.{nanoseconds:09}", found.ino(), found.len())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_has_settled_has_a_mark_until_it_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (database, log) = (folder.path().join("j.sqlite"), folder.path().join("j.sqlite-wal"));
        let now = SystemTime::now();
        let later = now + SETTLED * 2;
        assert_eq!(of(&database, later), None, "it is not there");
        fs::write(&database, "some").unwrap();
        assert_eq!(of(&database, now), None, "it was written this moment");
        assert_eq!(of(&database, now - SETTLED), None, "the clock was put back");
        let mark = of(&database, later);
        assert!(mark.is_some() && of(&database, later + SETTLED) == mark);
        fs::write(&log, "").unwrap();
        assert_eq!(of(&database, later), mark, "a reader left its empty log");
        fs::write(&log, "more").unwrap();
        assert_eq!(of(&database, later), None, "there is more in its log");
        fs::remove_file(&log).unwrap();
        fs::write(&database, "longer").unwrap();
        assert!(of(&database, later).is_some_and(|new| Some(new) != mark));
        assert_eq!(of(Path::new("/proc/self/mem/x"), later), None, "its folder cannot be read");
    }
}
