//! The holder's lock: a file that the holder has locked, with its name inside.
//!
//! This file decides who holds a run on this machine. The system lets the lock go when the process dies, however it
//! dies. It must not know the journal: behind the lock the numbered append is the fence.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::{HoldError, StorageError};
use crate::store::Holder;

/// Whoever lists runs locks each of them for an instant to see whether it is free, and a killed process lets go a
/// moment after its death: a lock that is taken is asked for again for a short while before anybody is told.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(10);

/// The lock of a run, until dropped.
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock and writes the name of the holder into it.
    pub(super) fn take(path: &Path, holder: &Holder) -> Result<Self, HoldError> {
        let failed = |error| HoldError::Storage(StorageError::from_io(path, error));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(HoldError::HeldBy(name_in(&mut file))),
            }
        }
        let name = serde_json::to_vec(holder).map_err(|error| failed(error.into()))?;
        file.set_len(0).and_then(|()| file.write_all(&name)).map_err(failed)?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Emptied so that nobody reads a name that no longer holds; a killed holder's name stays, without a lock.
        let _unlocked_anyway = self.0.set_len(0);
    }
}

/// Who holds the lock at this moment. A lock that cannot be looked at, or whose holder is just writing its name, counts
/// as free: taking it will tell.
pub(super) fn holder_of(path: &Path) -> Option<Holder> {
    // The one who lets go empties it. What a list of a thousand runs asks of each of them is no more than this.
    if std::fs::metadata(path).ok()?.len() == 0 {
        return None;
    }
    let mut file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => name_in(&mut file),
        _ => None,
    }
}

fn name_in(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut text)).ok()?;
    serde_json::from_slice(&text).ok()
}
