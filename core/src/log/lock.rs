//! One process at a time writes a log.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;

use super::LogError;

/// Held while the log is open; the operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of this folder or says that another process has it.
    pub(super) fn take(dir: &Path) -> Result<Lock, LogError> {
        let path = dir.join("LOCK");
        let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| LogError::io(&path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(LogError::io(&path, e)),
        }
        // For people who wonder who has it; the lock itself doesn't depend on it.
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(|e| LogError::io(&path, e))?;
        Ok(Lock { _file: file })
    }
}
