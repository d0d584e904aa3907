//! Snapshots: what a tenant's events amount to, so that a start need not read them all again.
//!
//! ```text
//! snapshots/<tenant>.zst     {"format":1,"offset":…,"state":{…}}   every event of the tenant before `offset` is in it
//! snapshots/_checkpoint.zst  {"format":1,"offset":…,"tenants":{"<tenant>":<seq>}}
//! ```
//!
//! The checkpoint is what makes snapshots usable: for all tenants together, everything before its offset is in their
//! snapshots, so a start reads the log from there, and retention may remove what lies before. Each file is written
//! under a temporary name, synced, renamed, and the folder synced. Deleting the folder loses nothing as long as the log
//! is whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::limits::{MAX_SNAPSHOT_BYTES, ZSTD_LEVEL};
use super::{LogError, Offset, segment};
use crate::id::TenantId;

/// Raised when an older program would misread the files. What can't be read is passed over, and the log read instead.
const FORMAT: u32 = 1;

/// One tenant's state as of an offset.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot<T> {
    format: u32,
    /// Every event of the tenant before it is in `state`.
    pub offset: Offset,
    /// The state.
    pub state: T,
}

/// Everything before `offset` is in the snapshots of these tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    format: u32,
    /// Where to read on.
    pub offset: Offset,
    /// The `seq` that each tenant's snapshot has at least.
    pub tenants: BTreeMap<TenantId, u64>,
    /// The base of the ids of the run that wrote it (see [`crate::Ids`]).
    pub id_base: u32,
}

impl Checkpoint {
    /// A checkpoint at `offset`, written by a run with this base of ids.
    pub fn new(offset: Offset, tenants: BTreeMap<TenantId, u64>, id_base: u32) -> Self {
        Checkpoint { format: FORMAT, offset, tenants, id_base }
    }
}

/// The snapshots of one log.
#[derive(Debug, Clone)]
pub struct Snapshots {
    dir: PathBuf,
}

impl Snapshots {
    /// Those beside the segments in `log_dir`.
    pub fn of(log_dir: &Path) -> Self {
        Snapshots { dir: log_dir.join("snapshots") }
    }

    /// Writes a tenant's snapshot in place of the last.
    pub fn write<T: Serialize>(&self, tenant: &TenantId, offset: Offset, state: &T) -> Result<(), LogError> {
        self.put(tenant.as_str(), &Snapshot { format: FORMAT, offset, state })
    }

    /// A tenant's snapshot; `None`, with a warning if there is a file, if it can't be used.
    pub fn read<T: DeserializeOwned>(&self, tenant: &TenantId) -> Option<Snapshot<T>> {
        self.get(tenant.as_str()).filter(|snapshot: &Snapshot<T>| snapshot.format == FORMAT)
    }

    /// Writes the checkpoint, which makes the snapshots count.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), LogError> {
        // No tenant can have this name: an underscore is not allowed in one.
        self.put("_checkpoint", checkpoint)
    }

    /// The checkpoint; `None`, with a warning if there is a file, if it can't be used.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.get("_checkpoint").filter(|checkpoint: &Checkpoint| checkpoint.format == FORMAT)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.zst"))
    }

    fn put(&self, name: &str, content: &impl Serialize) -> Result<(), LogError> {
        fs::create_dir_all(&self.dir).map_err(|e| LogError::io(&self.dir, e))?;
        let path = self.path(name);
        let temporary = path.with_extension("tmp");
        let attempt = || {
            let file = File::create(&temporary)?;
            let mut packer = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
            packer.include_checksum(true)?;
            let mut packer = std::io::BufWriter::new(packer);
            serde_json::to_writer(&mut packer, content)?;
            packer.flush()?;
            let file = packer.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        attempt().map_err(|e| LogError::io(&path, e))?;
        segment::sync_dir(&self.dir)
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.path(name);
        let read = || -> std::io::Result<T> {
            let unpacked = zstd::stream::read::Decoder::new(File::open(&path)?)?.take(MAX_SNAPSHOT_BYTES);
            let mut bytes = Vec::new();
            std::io::BufReader::new(unpacked).read_to_end(&mut bytes)?;
            Ok(serde_json::from_slice(&bytes)?)
        };
        match read() {
            Ok(content) => Some(content),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => {
                tracing::warn!(path = %path.display(), "a snapshot that can't be read is passed over: {e}");
                None
            }
        }
    }
}
