//! An open journal: reading its records and appending to them.
//!
//! This file decides how a journal is opened and what is checked of it. It must not know who may hold a run.
//!
//! Nothing but SQLite may open a journal's database in this process, not even to read: closing any descriptor of a file
//! gives up the locks that SQLite has on it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook_model::id::RunId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior, config::DbConfig};

use crate::error::{AppendError, StorageError};
use crate::log::{Journal, Reader, Record};
use crate::sqlite::lock::Lock;
use crate::sqlite::refusal::sorted;
use crate::sqlite::{format, wal};
use crate::store::Ends;

/// How long to wait for another process inside SQLite. There is no writer but the holder, so that only the moments of
/// opening and of a checkpoint have to pass.
const BUSY: Duration = Duration::from_secs(5);

const COLUMNS: &str = "number, version, kind, bytes, checksum";

/// A journal that is open.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens the journal of `run` at `path` without changing it.
    pub(super) fn open_to_read(path: &Path, run: &RunId) -> Result<Self, StorageError> {
        expect_content(path)?;
        let opened = Self::open_read_only(path, path, run);
        if opened.is_err() && !path.with_extension("sqlite-wal").exists() {
            // SQLite wants to make its `-shm` file and may not: an archive, or a medium that is read-only. Without a
            // `-wal` file nobody is writing, so it can be read as a file that does not change.
            return Self::open_read_only(path, &unchanging(path), run).or(opened);
        }
        opened
    }

    fn open_read_only(path: &Path, name: &Path, run: &RunId) -> Result<Self, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Self::open(path, name, flags, run)?;
        // The holder alone moves records from the `-wal` file into the database.
        let quiet = database.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        quiet.map_err(|error| sorted(path, error))?;
        Ok(database)
    }

    fn open(path: &Path, name: &Path, flags: OpenFlags, run: &RunId) -> Result<Self, StorageError> {
        let connection = Connection::open_with_flags(name, flags).map_err(|error| sorted(path, error))?;
        let prepared = connection
            .busy_timeout(BUSY)
            .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
            .and_then(|()| connection.pragma_update(None, "cell_size_check", true));
        prepared.map_err(|error| sorted(path, error))?;
        format::recognise(&connection, path, run)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The first and the last record.
    pub(super) fn ends(&self) -> Result<Ends, StorageError> {
        let first = self.one("ORDER BY number LIMIT 1")?;
        let last = self.one("ORDER BY number DESC LIMIT 1")?;
        match (first, last) {
            (Some((1, first)), Some((number, last))) => Ok(Ends { first, number, last }),
            (Some((number, _)), _) => Err(self.damaged(format!("its first record has the number {number}"))),
            _ => Err(self.damaged("it holds no record".into())),
        }
    }

    fn one(&self, order: &str) -> Result<Option<(u64, Record)>, StorageError> {
        let query = format!("SELECT {COLUMNS} FROM record {order}");
        let found = self.connection.query_row(&query, [], Stored::from_row).optional();
        found.map_err(|error| self.sorted(error))?.map(|stored| self.verified(stored)).transpose()
    }

    fn verified(&self, stored: Stored) -> Result<(u64, Record), StorageError> {
        let Stored { number, record, checksum } = stored;
        if checksum != i64::from(format::checksum(number, &record)) {
            return Err(self.damaged(format!("record {number} is not what was written")));
        }
        Ok((number, record))
    }

    fn damaged(&self, what: String) -> StorageError {
        StorageError::Damaged { path: self.path.clone(), what }
    }

    fn sorted(&self, error: rusqlite::Error) -> StorageError {
        sorted(&self.path, error)
    }
}

impl Reader for Database {
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError> {
        let query = format!("SELECT {COLUMNS} FROM record WHERE number >= ?1 ORDER BY number");
        let mut statement = self.connection.prepare_cached(&query).map_err(|error| self.sorted(error))?;
        let rows = statement.query_map([from.cast_signed()], Stored::from_row).map_err(|error| self.sorted(error))?;
        let mut records = Vec::new();
        for (expected, row) in (from.max(1)..).zip(rows) {
            let (number, record) = self.verified(row.map_err(|error| self.sorted(error))?)?;
            if number != expected {
                return Err(self.damaged(format!("record {expected} is missing")));
            }
            records.push((number, record));
        }
        Ok(records)
    }
}

/// A row of the table `record`.
struct Stored {
    number: u64,
    record: Record,
    checksum: i64,
}

impl Stored {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let record = Record { version: row.get(1)?, kind: row.get(2)?, bytes: row.get(3)? };
        Ok(Self { number: row.get::<_, i64>(0)?.cast_unsigned(), record, checksum: row.get(4)? })
    }
}

/// A journal that is held. The database is closed before the lock is let go, in this order.
pub(super) struct Held {
    database: Database,
    given_up: bool,
    _lock: Lock,
}

impl Held {
    /// Opens the journal for its holder and checks all of it once: what is appended to a damaged journal is lost with it.
    pub(super) fn open(path: &Path, run: &RunId, lock: Lock) -> Result<Self, StorageError> {
        expect_content(path)?;
        wal::expect_whole(path)?;
        wal::make_room(path);
        let database = Database::open(path, path, OpenFlags::SQLITE_OPEN_READ_WRITE, run)?;
        let connection = &database.connection;
        let durable = connection
            .pragma_update(None, "synchronous", "full")
            .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", wal::PAGES));
        durable.map_err(|error| database.sorted(error))?;
        let verdict: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| database.sorted(error))?;
        if verdict != "ok" {
            return Err(database.damaged(verdict.replace('\n', "; ")));
        }
        database.ends()?;
        Ok(Self { database, given_up: false, _lock: lock })
    }

    fn commit(&mut self, expected: u64, records: &[Record]) -> rusqlite::Result<Result<u64, AppendError>> {
        let transaction = self.database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let actual = transaction
            .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM record")?
            .query_row([], |row| row.get::<_, i64>(0))?
            .cast_unsigned();
        if actual != expected {
            return Ok(Err(AppendError::Conflict { expected, actual }));
        }
        format::insert(&transaction, expected, records)?;
        transaction.commit()?;
        Ok(Ok(expected + records.len() as u64))
    }
}

impl Reader for Held {
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError> {
        self.database.read(from)
    }
}

impl Journal for Held {
    fn append(&mut self, expected: u64, records: &[Record]) -> Result<u64, AppendError> {
        if self.given_up {
            return Err(AppendError::GivenUp);
        }
        self.commit(expected, records).unwrap_or_else(|error| {
            let error = self.database.sorted(error);
            // A full disk takes nothing and may take it later. After anything else the pages may or may not have
            // reached the disk, and the system reports that once only.
            self.given_up = !matches!(error, StorageError::Full { .. });
            Err(error.into())
        })
    }
}

/// SQLite takes an empty file for a new database; a journal is never empty.
fn expect_content(path: &Path) -> Result<(), StorageError> {
    let what = match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) => "it is empty",
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "it is not there",
        Err(error) => return Err(StorageError::from_io(path, error)),
    };
    Err(StorageError::Damaged { path: path.to_owned(), what: what.into() })
}

/// The name by which SQLite reads a file that nobody changes.
fn unchanging(path: &Path) -> PathBuf {
    let mut name = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _infallible = write!(name, "%{byte:02X}");
        }
    }
    name.push_str("?immutable=1");
    name.into()
}
