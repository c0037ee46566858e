//! The WAL's file: appends that are on disk when they return.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::frame;

/// Below this a WAL is not worth compacting.
const COMPACT_MIN: u64 = 1024 * 1024;

pub struct WalFile {
    pub path: PathBuf,
    file: File,
    pub len: u64,
    /// Length right after the last snapshot.
    base: u64,
}

impl WalFile {
    /// Opens or creates the file, and cuts it to `end`.
    pub fn open(path: &Path, end: u64, base: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if file.metadata()?.len() > end {
            file.set_len(end)?;
            file.sync_data()?;
        }
        Ok(Self { path: path.to_owned(), file, len: end, base })
    }

    /// A new WAL, which ends with its snapshot.
    pub fn with_snapshot(path: PathBuf, file: File, len: u64) -> Self {
        Self { path, file, len, base: len }
    }

    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let frame = frame::encode(payload);
        self.file.write_all(&frame)?;
        self.file.sync_data()?;
        self.len += frame.len() as u64;
        Ok(())
    }

    /// Syncs the folder, so that the file's name survives a crash as its contents do.
    pub fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().expect("a WAL lies in a folder");
        File::open(folder)?.sync_all()
    }

    pub fn has_doubled(&self) -> bool {
        self.len > COMPACT_MIN && self.len > 2 * self.base
    }
}
