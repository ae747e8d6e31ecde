//! The file format, version 1: what makes a database a journal, and its tables. `docs/journal.md` is its description.
//!
//! This file decides how a journal is made and recognised. It must not know how records are read or appended.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use runbook_model::id::RunId;
use rusqlite::{Connection, OpenFlags, params};

use crate::error::StorageError;
use crate::log::Record;
use crate::sqlite::refusal::sorted;

/// The text `RunB`; `file` and SQLite's own tools show it.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"RunB");

/// The format that this version writes, and the latest one it reads. Raised only when an older program would
/// misunderstand the file.
const FORMAT: i64 = 1;

/// `checksum` is the CRC-32 of a record's content and number: SQLite itself notices damage to its own structure, but
/// not a bit that turned inside a value.
const TABLES: &str = "
    CREATE TABLE format (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE record (
        number INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        kind TEXT NOT NULL,
        bytes BLOB NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
";

/// Makes the file with its first records; it is durable and closed when this returns.
pub(super) fn create(path: &Path, run: &RunId, records: &[Record]) -> Result<(), StorageError> {
    // SQLite would make it readable for everybody; its `-wal` and `-shm` files take over the mode.
    let empty = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    drop(empty.map_err(|error| StorageError::from_io(path, error))?);
    fill(path, run, records).map_err(|error| sorted(path, error))
}

fn fill(path: &Path, run: &RunId, records: &[Record]) -> rusqlite::Result<()> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.execute_batch(TABLES)?;
    for (name, value) in [("what", "the journal of a runbook run; see docs/journal.md"), ("run", run.as_str())] {
        transaction.execute("INSERT INTO format (name, value) VALUES (?1, ?2)", params![name, value])?;
    }
    insert(&transaction, 1, records)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

/// Inserts `records` from the number `first` on.
pub(super) fn insert(connection: &Connection, first: u64, records: &[Record]) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO record (number, version, kind, bytes, checksum) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (number, record) in (first..).zip(records) {
        let checksum = checksum(number, record);
        statement.execute(params![number.cast_signed(), record.version, record.kind, record.bytes, checksum])?;
    }
    Ok(())
}

/// The CRC-32 (IEEE) of number, version, length of the kind, kind and bytes; numbers little-endian.
pub(super) fn checksum(number: u64, record: &Record) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&record.version.to_le_bytes());
    hasher.update(&(record.kind.len() as u64).to_le_bytes());
    hasher.update(record.kind.as_bytes());
    hasher.update(&record.bytes);
    hasher.finalize()
}

/// Makes sure that an open database is the journal of `run`, in a format this version knows.
pub(super) fn recognise(connection: &Connection, path: &Path, run: &RunId) -> Result<(), StorageError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(|error| sorted(path, error))?;
    let format = pragma("user_version").map_err(|error| sorted(path, error))?;
    if application != i64::from(APPLICATION_ID) {
        let why = format!("it is a database of another program (application id {application:#x})");
        return Err(StorageError::Foreign { path: path.to_owned(), why });
    }
    if format > FORMAT {
        return Err(StorageError::Newer { path: path.to_owned(), found: format, known: FORMAT });
    }
    if format < 1 {
        return Err(StorageError::Damaged { path: path.to_owned(), what: format!("there is no format {format}") });
    }
    let owner: String = connection
        .query_row("SELECT value FROM format WHERE name = 'run'", [], |row| row.get(0))
        .map_err(|error| sorted(path, error))?;
    if owner != run.as_str() {
        return Err(StorageError::Foreign { path: path.to_owned(), why: format!("it is the journal of `{owner}`") });
    }
    Ok(())
}
