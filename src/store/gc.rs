//! Looking after the cache: how much there is, what may go, and whether all is whole.
//!
//! What was used least lately goes first; what a lock file names stays. Nothing is removed while
//! another process uses the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::disk::UNFINISHED;
use super::object::{paths, remove};
use super::record;
use super::{Store, StoreError, list, lock, lock_of};
use crate::data::Hash;

/// How long what no record names may yet be named by one.
const GRACE: Duration = Duration::from_hours(1);

/// How many bytes of facts of one kind are kept.
const FACTS: usize = 64 << 20;

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// How many files.
    pub files: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Tables and blobs.
    pub objects: Count,
    /// Descriptions of work.
    pub records: Count,
    /// Small things remembered.
    pub facts: Count,
}

impl Usage {
    /// Counts the bytes in all.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.objects.bytes + self.records.bytes + self.facts.bytes
    }
}

/// What to collect.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// How many bytes of objects and records may stay.
    pub limit: u64,
    /// The fingerprints of records, and the contents of objects, that stay whatever the limit.
    pub pins: BTreeSet<Hash>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What was collected, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// What went.
    pub removed: Count,
    /// What stayed.
    pub kept: Count,
}

/// Whether all is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// What was looked at.
    pub checked: Count,
    /// What was damaged, and was removed.
    pub damaged: Vec<PathBuf>,
}

/// A file of the cache that can go.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Store {
    fn entries(&self, kind: &str) -> Result<Vec<Entry>, StoreError> {
        let folder = self.root.join(kind);
        let paths = list(&folder).map_err(|error| StoreError::read(&folder, error))?;
        // A file that is gone by now, or not yet there in full, is none of ours to count.
        let entry = |path: PathBuf| {
            if is_unfinished(&path) {
                return None;
            }
            let stat = fs::metadata(&path).ok()?;
            let used = stat.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            stat.is_file().then_some(Entry { path, bytes: stat.len(), used })
        };
        Ok(paths.into_iter().filter_map(entry).collect())
    }

    /// Counts what the cache holds.
    ///
    /// # Errors
    ///
    /// Says which folder can't be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for entry in self.entries("objects")? {
            usage.objects.add(entry.bytes);
        }
        for entry in self.entries("records")? {
            usage.records.add(entry.bytes);
        }
        for path in self.pack_files() {
            usage.facts.add(fs::metadata(&path).map_or(0, |stat| stat.len()));
        }
        Ok(usage)
    }

    fn pack_files(&self) -> Vec<PathBuf> {
        let listing = fs::read_dir(self.root.join("facts"));
        let mut files: Vec<PathBuf> =
            listing.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        files
    }

    /// Removes what was used least lately, until the rest is within a limit.
    ///
    /// What no record names goes too once it is an hour old, as do stray files of killed runs.
    ///
    /// # Errors
    ///
    /// Refuses while another process uses the cache; says which file can't be removed.
    pub fn gc(&self, collection: &Collection) -> Result<Collected, StoreError> {
        let _alone = self.alone()?;
        let mut found = self.sort_out(collection)?;
        found.strays.extend(self.stray_files()?);
        if !collection.dry_run {
            // Records first: a record without its objects is a miss, but it would take up room.
            for path in found.records.iter().chain(&found.objects).chain(&found.strays) {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::write(path, error));
                    }
                    _ => {}
                }
            }
            lock_of(&self.whole).clear();
            self.shrink_packs();
        }
        Ok(found.collected)
    }

    /// Sees to it that nobody else uses the cache until the guard is dropped.
    fn alone(&self) -> Result<Alone<'_>, StoreError> {
        let path = self.root.join("in-use");
        if !self.root.exists() {
            return Ok(Alone { store: self, was_in_use: false });
        }
        let mut in_use = lock_of(&self.in_use);
        let was_in_use = in_use.is_some();
        *in_use = None;
        let file = lock::open(&path).map_err(|error| StoreError::write(&path, error))?;
        let alone = file.try_lock();
        *in_use = Some(file);
        drop(in_use);
        let guard = Alone { store: self, was_in_use };
        alone.map_err(|_| StoreError::Busy { path: self.root.clone() })?;
        Ok(guard)
    }

    /// Decides what stays and what goes.
    fn sort_out(&self, collection: &Collection) -> Result<Found, StoreError> {
        let objects = self.entries("objects")?;
        let sizes: BTreeMap<&Path, u64> =
            objects.iter().map(|entry| (entry.path.as_path(), entry.bytes)).collect();
        let mut records: Vec<Candidate> =
            self.entries("records")?.into_iter().map(|entry| self.candidate(entry)).collect();
        let pins = &collection.pins;
        records.sort_by_key(|candidate| {
            (!candidate.is_pinned(pins), std::cmp::Reverse(candidate.entry.used))
        });
        let mut found = Found::default();
        let (mut kept, mut named) = (BTreeSet::new(), BTreeSet::new());
        for candidate in records {
            let pinned = candidate.is_pinned(pins);
            let fresh = candidate.objects.iter().filter(|path| !kept.contains(*path));
            let more: u64 = fresh.filter_map(|path| sizes.get(path.as_path())).sum();
            let bytes = candidate.entry.bytes + more;
            let room = found.collected.kept.bytes + bytes <= collection.limit;
            if candidate.readable && (pinned || room) {
                found.collected.kept.add(candidate.entry.bytes);
                for path in candidate.objects {
                    if let Some(bytes) = sizes.get(path.as_path()).filter(|_| !kept.contains(&path))
                    {
                        found.collected.kept.add(*bytes);
                    }
                    kept.insert(path);
                }
            } else {
                found.collected.removed.add(candidate.entry.bytes);
                named.extend(candidate.objects);
                found.records.push(candidate.entry.path);
            }
        }
        for entry in objects.iter().filter(|entry| !kept.contains(&entry.path)) {
            if named.contains(&entry.path) || self.is_older(entry.used, GRACE) {
                found.collected.removed.add(entry.bytes);
                found.objects.push(entry.path.clone());
            } else {
                found.collected.kept.add(entry.bytes);
            }
        }
        Ok(found)
    }

    fn candidate(&self, entry: Entry) -> Candidate {
        let record = fs::read_to_string(&entry.path).ok().and_then(|text| record::read(&text));
        let Some(record) = record else {
            return Candidate {
                entry,
                names: BTreeSet::new(),
                objects: Vec::new(),
                readable: false,
            };
        };
        let contents = record.outputs.iter().map(|(_, object)| object.content);
        let names = contents.chain([record.fingerprint]).collect();
        let objects = paths(self, &record).into_keys().collect();
        Candidate { entry, names, objects, readable: true }
    }

    fn is_older(&self, time: SystemTime, age: Duration) -> bool {
        let now = self.now();
        now.is_some_and(|now| now.duration_since(time).is_ok_and(|past| past > age))
    }

    /// Finds what killed processes left behind.
    fn stray_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        let folders = ["objects", "records"].map(|kind| self.root.join(kind));
        for folder in &folders {
            found.extend(list(folder).map_err(|error| StoreError::read(folder, error))?);
        }
        for folder in [self.root.clone(), self.root.join("facts")] {
            let listing = fs::read_dir(folder).into_iter().flatten().flatten();
            found.extend(listing.map(|entry| entry.path()));
        }
        let stray = |path: &PathBuf| {
            let time = fs::metadata(path).and_then(|stat| stat.modified());
            is_unfinished(path) && time.is_ok_and(|time| self.is_older(time, GRACE))
        };
        found.retain(stray);
        Ok(found)
    }

    fn shrink_packs(&self) {
        self.flush_packs();
        for path in self.pack_files() {
            let large = fs::metadata(&path).is_ok_and(|stat| stat.len() > FACTS as u64);
            if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| large) {
                // A pack that stays large costs room, nothing else.
                let _ = self.pack(name).shrink(FACTS);
            }
        }
    }

    /// Looks at every byte of the cache; removes what is damaged.
    ///
    /// # Errors
    ///
    /// Says which folder can't be read.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let (objects, records) = (self.entries("objects")?, self.entries("records")?);
        for entry in objects.iter().chain(&records) {
            verified.checked.add(entry.bytes);
        }
        let whole: Vec<bool> =
            objects.par_iter().map(|entry| Self::check_object(&entry.path)).collect();
        let damaged = objects.iter().zip(whole).filter(|(_, whole)| !whole);
        verified.damaged.extend(damaged.map(|(entry, _)| entry.path.clone()));
        for entry in &records {
            let read = fs::read_to_string(&entry.path).ok().and_then(|text| record::read(&text));
            let right = |record: record::Record| {
                self.path("records", record.fingerprint, ".json") == entry.path
            };
            if !read.is_some_and(right) {
                verified.damaged.push(entry.path.clone());
            }
        }
        for path in &verified.damaged {
            remove(path);
        }
        lock_of(&self.whole).clear();
        Ok(verified)
    }
}

/// Tells whether a path is that of a file that is still being written, or was when its writer died.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(UNFINISHED))
}

/// A record that may go, with the objects that it names.
struct Candidate {
    entry: Entry,
    names: BTreeSet<Hash>,
    objects: Vec<PathBuf>,
    readable: bool,
}

impl Candidate {
    fn is_pinned(&self, pins: &BTreeSet<Hash>) -> bool {
        !self.names.is_disjoint(pins)
    }
}

/// What is to go.
#[derive(Default)]
struct Found {
    collected: Collected,
    records: Vec<PathBuf>,
    objects: Vec<PathBuf>,
    strays: Vec<PathBuf>,
}

/// Keeps others from using the cache.
struct Alone<'a> {
    store: &'a Store,
    was_in_use: bool,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        *lock_of(&self.store.in_use) = None;
        if self.was_in_use {
            self.store.use_folder();
        }
    }
}
