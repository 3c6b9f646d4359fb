//! The cache in a `.mlp` folder: what was made, found again by what it was made of.
//!
//! *Objects* are tables and blobs named by their content; *records* say under a fingerprint what
//! went into some work and which objects came of it; *facts* are small things that are quicker
//! remembered than worked out again. Everything carries a checksum, and any doubt about a thing
//! makes it a miss. Knows nothing of stages, SQL or learning.
//!
//! Many processes may use one folder at once: files appear whole by a rename, small facts are
//! appended under a lock, and only [`Store::gc`] removes what isn't damaged.

mod checksum;
mod disk;
mod error;
mod files;
mod gc;
mod lock;
mod lockfile;
mod map;
mod object;
mod pack;
mod record;
mod schema;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

pub use error::StoreError;
pub use files::FileContent;
pub use gc::{Collected, Collection, Count, Usage, Verified};
pub use lock::KeyLock;
pub use lockfile::{LockFile, LockFileError, LockText, LockedOutput, LockedScore, LockedStage};
pub use object::ObjectRef;
pub use record::Record;
pub use schema::{schema_bytes, schema_of};
pub use write::TableWriter;

use crate::data::{Hash, Hasher};
use pack::Pack;

/// What the version file says.
const FORMAT: &str = "mlp cache 1";

/// The pack of file hashes and that of last runs; those of facts have a dot in their names.
const FILES: &str = "files";
const PREVIOUS: &str = "previous";

/// The pack of small parts of stages' work.
const PARTS: &str = "parts";

/// How many bytes a part may have to be kept with others in one file.
pub const SMALL_PART: usize = 4 << 10;

/// A cache folder; cheap to open, shared by reference.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    syncer: disk::Syncer,
    /// Set once the folder was made ready for writing.
    ready: OnceLock<()>,
    /// Held shared while this store is in use, so that nobody collects garbage meanwhile.
    in_use: Mutex<Option<File>>,
    /// The objects that this process knows to be whole.
    whole: Mutex<HashMap<Hash, ObjectRef>>,
    packs: Mutex<BTreeMap<String, Arc<Pack>>>,
    /// The time by the clock of the folder's file system, when it was first asked for.
    now: OnceLock<Option<SystemTime>>,
}

impl Store {
    /// Opens the cache in a folder, which is made only once something is put into it.
    ///
    /// # Errors
    ///
    /// Refuses a folder that can't be read, or that another version of the program made.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let version = folder.join("version");
        let found = disk::read(&version).map_err(|error| StoreError::read(&version, error))?;
        let found = found.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        if let Some(found) = found.filter(|found| found != FORMAT) {
            let found = found.chars().take(40).collect();
            return Err(StoreError::Format { path: folder.to_path_buf(), found, expected: FORMAT });
        }
        Ok(Self {
            root: folder.to_path_buf(),
            syncer: disk::Syncer::default(),
            ready: OnceLock::new(),
            in_use: Mutex::default(),
            whole: Mutex::default(),
            packs: Mutex::default(),
            now: OnceLock::new(),
        })
    }

    /// Gives the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Makes the folder ready for writing.
    fn prepare(&self) -> Result<(), StoreError> {
        if self.ready.get().is_some() {
            return Ok(());
        }
        let mark =
            "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of mlp.\n";
        let notes = [(".gitignore", "*\n"), ("CACHEDIR.TAG", mark), ("version", "mlp cache 1\n")];
        for (name, text) in notes {
            let path = self.root.join(name);
            if !path.exists() {
                disk::write_whole(&path, text.as_bytes())
                    .map_err(|error| StoreError::write(&path, error))?;
            }
        }
        self.use_folder();
        let _ = self.ready.set(());
        Ok(())
    }

    /// Tells other processes that the folder is in use, if it can be written at all.
    ///
    /// Waits while another one collects garbage.
    fn use_folder(&self) {
        let mut in_use = lock_of(&self.in_use);
        if in_use.is_none() {
            let file = lock::open(&self.root.join("in-use")).ok();
            *in_use = file.filter(|file| file.lock_shared().is_ok());
        }
    }

    /// Waits until all that was put and committed is on disk.
    ///
    /// # Errors
    ///
    /// Says which file could not be brought to disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.flush_packs();
        Ok(self.syncer.flush()?)
    }

    /// Gives the time by the clock of the folder's file system.
    ///
    /// Files are compared with it, so that a wrong clock of either machine does no harm.
    fn now(&self) -> Option<SystemTime> {
        *self.now.get_or_init(|| {
            self.prepare().ok()?;
            disk::Unfinished::in_folder(&self.root).and_then(|file| file.modified()).ok()
        })
    }

    /// Gives the path of something named by a hash.
    fn path(&self, kind: &str, name: Hash, rest: &str) -> PathBuf {
        let name = name.to_string();
        let mut path = self.root.join(kind);
        path.push(&name[..2]);
        path.push(name + rest);
        path
    }

    fn pack(&self, name: &str) -> Arc<Pack> {
        let mut packs = lock_of(&self.packs);
        let make = || Arc::new(Pack::new(self.root.join("facts").join(name)));
        Arc::clone(packs.entry(name.to_owned()).or_insert_with(make))
    }

    /// Writes the facts that are only in memory, as far as that is possible.
    fn flush_packs(&self) {
        let packs: Vec<Arc<Pack>> = lock_of(&self.packs).values().cloned().collect();
        if packs.iter().any(|pack| pack.is_dirty()) && self.prepare().is_ok() {
            for pack in packs {
                pack.flush();
            }
        }
    }

    /// Gives what was remembered under a key; each kind of fact has keys of its own.
    #[must_use]
    pub fn recall(&self, kind: &str, key: Hash) -> Option<Vec<u8>> {
        self.pack(&fact_name(kind)).get(key)
    }

    /// Remembers bytes under a key, for later runs too where the folder can be written.
    pub fn remember(&self, kind: &str, key: Hash, bytes: &[u8]) {
        self.pack(&fact_name(kind)).put(key, bytes);
    }

    /// Keeps bytes as small as [`SMALL_PART`] under a fingerprint: a part of a stage's work.
    ///
    /// A file a part would cost more than most small parts of work do.
    ///
    /// # Errors
    ///
    /// A full disk or a folder that can't be written.
    pub fn put_part(&self, fingerprint: Hash, bytes: &[u8]) -> Result<(), StoreError> {
        self.prepare()?;
        let pack = self.pack(PARTS);
        pack.put_now(fingerprint, bytes).map_err(|error| StoreError::write(pack.path(), error))?;
        self.syncer.add_growing(pack.path());
        Ok(())
    }

    /// Gives the bytes of a small part.
    #[must_use]
    pub fn part(&self, fingerprint: Hash) -> Option<Vec<u8>> {
        self.pack(PARTS).get(fingerprint)
    }

    /// Gives the fingerprint of a stage's last run; the key names pipeline and stage.
    #[must_use]
    pub fn previous(&self, stage: &str) -> Option<Hash> {
        let bytes = self.pack(PREVIOUS).get(Hash::of(stage.as_bytes()))?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }

    /// Notes the fingerprint of a stage's last run.
    pub fn set_previous(&self, stage: &str, fingerprint: Hash) {
        let key = Hash::of(stage.as_bytes());
        self.pack(PREVIOUS).put(key, fingerprint.to_string().as_bytes());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.flush_packs();
    }
}

/// Names the pack of a kind of fact; a kind that is no plain name is hashed.
fn fact_name(kind: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if !kind.is_empty() && kind.len() <= 40 && kind.chars().all(plain) {
        return format!("{kind}.facts");
    }
    format!("{}.facts", Hasher::new().text(kind).finish())
}

/// Locks a mutex; what it guards is whole even if a thread panicked while it held it.
fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists the files two levels below a folder, in order of their names; none if it isn't there.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = |folder: &Path| -> io::Result<Vec<PathBuf>> {
        let listing = match fs::read_dir(folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths: Vec<PathBuf> =
            listing.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        paths.sort();
        Ok(paths)
    };
    let mut files = Vec::new();
    for shard in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        files.extend(entries(&shard)?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
