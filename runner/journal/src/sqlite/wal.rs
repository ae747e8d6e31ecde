//! Is the write-ahead log that a killed process left behind as it was written?
//!
//! SQLite takes the first frame that does not add up for the end of the log, and rightly so after a power cut in the
//! middle of an append. But a frame in the middle that does not add up is damage, and SQLite would then forget
//! finished appends without a word and overwrite them. This file decides which of the two it is. It must not change
//! anything, and is only asked while the run is held, for a log that grows would look torn.
//!
//! Every append is synced before the next one begins. So only the last append can be unfinished: it is damage exactly
//! if behind the first bad frame one append has ended and another one has begun.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::StorageError;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Checks the log beside the database at `path`, if there is one.
pub(super) fn expect_whole(path: &Path) -> Result<(), StorageError> {
    let path = path.with_extension("sqlite-wal");
    let log = match std::fs::read(&path) {
        Ok(log) => log,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StorageError::from_io(&path, error)),
    };
    match damage(&log) {
        Some(what) => Err(StorageError::Damaged { path, what }),
        None => Ok(()),
    }
}

/// After so many pages SQLite moves them into the database and starts over at the log's beginning. Fewer make the moves
/// felt, more make the room for them felt when a run is taken up; an append writes one or two.
pub(super) const PAGES: u32 = 256;

/// The size of the log then: pages of 4 KiB with their headers.
const ROOM: u64 = (HEADER + PAGES as usize * (FRAME_HEADER + 4096)) as u64;

/// Gives a log that holds nothing yet its final size, filled with zeros. A file that grows with every append makes the
/// system record its new length each time, which costs about as much as the append itself. Without the space for it
/// the log stays as it is: this is a matter of speed alone.
pub(super) fn make_room(path: &Path) {
    let path = path.with_extension("sqlite-wal");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let Ok(mut log) = opened else { return };
    // One with something in it has its size, or was left behind by a kill; an empty one was left behind by a reader.
    if log.metadata().is_ok_and(|found| found.len() == 0) {
        let zeros = io::copy(&mut io::repeat(0).take(ROOM), &mut log).and_then(|_| log.sync_all());
        if zeros.is_err() {
            let _kept_as_it_is = log.set_len(0);
        }
    }
}

/// What is wrong with the log, if it is damage.
fn damage(log: &[u8]) -> Option<String> {
    if log.len() < HEADER + FRAME_HEADER || log.iter().all(|&byte| byte == 0) {
        return None;
    }
    let (header, frames) = log.split_at(HEADER);
    let big_endian = word(header, 0) & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big_endian);
    let size = word(header, 8) as usize;
    let known = word(header, 0) & !1 == 0x377f_0682 && size.is_power_of_two() && (512..=65536).contains(&size);
    if !known || sum != (word(header, 24), word(header, 28)) {
        return Some("its header is not what was written".into());
    }
    let salts = &header[16..24];
    let mut frames = frames.chunks_exact(FRAME_HEADER + size).zip(1..);
    let bad = frames.by_ref().find(|(frame, _)| {
        let (head, page) = frame.split_at(FRAME_HEADER);
        let next = checksum(checksum(sum, &head[..8], big_endian), page, big_endian);
        sum = next;
        head[8..16] != *salts || next != (word(head, 16), word(head, 20))
    })?;
    // Frames of an earlier round through the file carry other salts.
    let ours = std::iter::once(bad).chain(frames).filter(|(frame, _)| frame[8..16] == *salts);
    let ends_an_append = |frame: &[u8]| word(frame, 4) != 0;
    let behind = ours.skip_while(|(frame, _)| !ends_an_append(frame)).skip(1).count();
    (behind > 0).then(|| format!("frame {} is not what was written, and finished appends stand behind it", bad.1))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The running sum of SQLite's log format, over a multiple of eight bytes.
fn checksum(start: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let number = |four: &[u8]| {
        let four = [four[0], four[1], four[2], four[3]];
        if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(start, |(a, b), eight| {
        let a = a.wrapping_add(number(&eight[..4])).wrapping_add(b);
        let b = b.wrapping_add(number(&eight[4..])).wrapping_add(a);
        (a, b)
    })
}
