//! One server a folder: an exclusive lock that ends with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::OpenError;

const LOCK: &str = "lanes.lock";

/// Locks the folder until the file is dropped.
pub fn take(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(OpenError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::io("lock", &path)(source)),
    }
}

/// Whether a server uses this folder now.
pub fn locked(dir: &Path) -> bool {
    let Ok(file) = File::open(dir.join(LOCK)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
