//! Compaction: a new WAL that begins with all lanes as they stand.
//!
//! Lanes are written one after the other, each under its own mutex only while its text is made. Entries that are still
//! queued may be in a lane's snapshot already. They are written after it, and a replay skips them by their number.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::file::WalFile;
use super::line::WalLine;
use super::{OpenError, States, frame, line};
use crate::facts::ids::LaneId;

/// Leaves the old file as it is until the new one is whole and on disk.
pub fn compact(old: &WalFile, states: &States) -> io::Result<WalFile> {
    let unfinished = unfinished(&old.path);
    let mut file = File::options().create(true).truncate(true).write(true).open(&unfinished)?;
    let mut len = 0;
    let mut put = |lines: &str| {
        let frame = frame::encode(&line::payload(lines));
        len += frame.len() as u64;
        file.write_all(&frame)
    };
    put(&WalLine::Lanes(u16::try_from(states.len()).expect("at most 256 lanes")).text())?;
    for (number, state) in (0..).zip(states.iter()) {
        let text = WalLine::Snapshot { lane: LaneId(number), state: std::borrow::Cow::Borrowed(&*state.lock()) }.text();
        put(&text)?;
    }
    file.sync_all()?;
    fs::rename(&unfinished, &old.path)?;
    let new = WalFile::with_snapshot(old.path.clone(), file, len);
    new.sync_folder()?;
    Ok(new)
}

/// Removes what a crash in mid-compaction left; the old WAL is whole.
pub fn discard_unfinished(path: &Path) -> Result<(), OpenError> {
    let unfinished = unfinished(path);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::io("remove", &unfinished)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}
