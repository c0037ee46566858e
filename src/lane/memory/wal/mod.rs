//! The embedded store's WAL: one file for all lanes, one frame a commit, replayed at the start.
//!
//! ```text
//! lanes.wal   frame*             frame = length u32 LE, crc32 u32 LE of the payload, payload
//!   payload       {"v":1,"lines":[line, …]}      see `line`
//! lanes.lock      locked exclusively while a server uses the folder
//! ```
//! A commit is one frame, written after the one before was synced. So only the last frame can be torn, and no answer
//! was given on it: it is dropped. A bad frame with a good one after it is damage, and the store does not open.

mod compact;
mod file;
mod frame;
mod line;
pub mod lock;
mod replay;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::file::WalFile;
pub use self::writer::Wal;
use super::state::LaneState;

const WAL: &str = "lanes.wal";

/// Lane states by number.
pub type States = Arc<Vec<Arc<Mutex<LaneState>>>>;

/// Why the store does not open. All but `InUse` and `FewerLanes` need a person to look at the folder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another Stanchion uses the folder {0}; stop it, or set another store.data_dir")]
    InUse(PathBuf),
    #[error("{0} is an older program's file, which this one does not read: begin with an empty folder")]
    Older(PathBuf),
    #[error("there is no WAL in {0}")]
    NoWal(PathBuf),
    #[error("the WAL knows {stored} lanes, store.lanes asks for {asked}: lanes can be added, never taken away")]
    FewerLanes { stored: u16, asked: u16 },
    #[error(
        "{path} is damaged at byte {offset} ({detail}), with good records after it. Put back a copy of the \
         folder; or keep what stands before it, and lose the rest, with: truncate -s {offset} {path}"
    )]
    Damaged { path: PathBuf, offset: u64, detail: String },
    #[error("{path} was written by another version of Stanchion (WAL format {found})")]
    Version { path: PathBuf, found: u32 },
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl OpenError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Locks the folder, replays its WAL and starts the WAL's thread.
pub fn open(dir: &Path, lanes: u16) -> Result<(States, Wal), OpenError> {
    std::fs::create_dir_all(dir).map_err(OpenError::io("create", dir))?;
    let lock = lock::take(dir)?;
    let older = dir.join("lanes.journal");
    if older.exists() {
        return Err(OpenError::Older(older));
    }
    let path = dir.join(WAL);
    compact::discard_unfinished(&path)?;
    let replayed = replay::replay(&path)?.unwrap_or_default();
    let stored = replayed.lane_count();
    if stored > lanes {
        return Err(OpenError::FewerLanes { stored, asked: lanes });
    }
    let mut file = WalFile::open(&path, replayed.end, replayed.snapshot_end).map_err(OpenError::io("open", &path))?;
    if stored < lanes {
        file.append(&line::header(lanes)).map_err(OpenError::io("write", &path))?;
        file.sync_folder().map_err(OpenError::io("sync the folder of", &path))?;
    }
    let last = replayed.last;
    let mut states = replayed.states;
    states.resize_with(usize::from(lanes), LaneState::default);
    for state in &mut states {
        state.reopened();
    }
    let states: States = Arc::new(states.into_iter().map(|state| Arc::new(Mutex::new(state))).collect());
    Ok((states.clone(), Wal::start(file, last, states, lock)))
}

/// Replays the WAL without locking the folder. A last frame that is still being written is left out.
pub fn read_only(dir: &Path) -> Result<Vec<LaneState>, OpenError> {
    match replay::replay(&dir.join(WAL))? {
        Some(replayed) if replayed.lane_count() > 0 => Ok(replayed.states),
        Some(_) | None => Err(OpenError::NoWal(dir.to_owned())),
    }
}
