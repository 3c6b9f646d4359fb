//! Records: what went into some work, and what came of it, as JSON that people can read.
//!
//! A record's file is JSON whose first line holds the checksum of the lines between the first and
//! the last. A record that is cut off, flipped in one bit, of another format or under the wrong name
//! is no record.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::object::ObjectRef;
use super::{Store, StoreError, disk};
use crate::data::Hash;

/// How long a record counts as just used, so that not every hit has to write.
const RECENT: Duration = Duration::from_hours(1);

/// What went into some work, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The hash of all that went in.
    pub fingerprint: Hash,
    /// The kind of work.
    pub kind: String,
    /// What went in, readably: settings and digests of inputs.
    pub inputs: Json,
    /// What came of it, by name.
    pub outputs: Vec<(String, ObjectRef)>,
    /// Small results that need no object, such as best parameters.
    pub facts: Json,
}

impl Record {
    /// Gives an output by its name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&ObjectRef> {
        self.outputs.iter().find(|(own, _)| own == name).map(|(_, object)| object)
    }
}

impl Store {
    /// Gives the record of a fingerprint; any doubt about it is a miss.
    #[must_use]
    pub fn record(&self, fingerprint: Hash) -> Option<Record> {
        let path = self.path("records", fingerprint, ".json");
        let mut file = File::open(&path).ok()?;
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let record = read(&text)?;
        self.touch(&path, &file);
        (record.fingerprint == fingerprint).then_some(record)
    }

    /// Keeps a record; what it names must have been put before.
    ///
    /// # Errors
    ///
    /// A full disk or a folder that can't be written leaves nothing behind.
    pub fn commit(&self, record: &Record) -> Result<(), StoreError> {
        self.prepare()?;
        let path = self.path("records", record.fingerprint, ".json");
        let trouble = |error| StoreError::write(&path, error);
        let text = write(record).map_err(|error| trouble(error.into()))?;
        disk::write_whole(&path, text.as_bytes()).map_err(trouble)?;
        self.syncer.add(path);
        self.flush_packs();
        Ok(())
    }

    /// Notes that a record was used, for [`Store::gc`] to go by; only once in a while.
    fn touch(&self, path: &Path, file: &File) {
        let Ok(last) = file.metadata().and_then(|stat| stat.modified()) else { return };
        let Some(now) = self.now() else { return };
        if now.duration_since(last).is_ok_and(|age| age > RECENT) {
            // A folder that can't be written isn't collected either.
            let _ = File::options().write(true).open(path).and_then(|file| file.set_modified(now));
        }
    }

    /// Removes the record of a fingerprint, if there is one.
    pub fn forget(&self, fingerprint: Hash) {
        let _ = fs::remove_file(self.path("records", fingerprint, ".json"));
    }
}

const OPENING: &str = "{\"mlp record\": 1, \"checksum\": \"";
const MIDDLE: &str = "\", \"record\":\n";
const CLOSING: &str = "\n}\n";

fn write(record: &Record) -> serde_json::Result<String> {
    let body = serde_json::to_string_pretty(record)?;
    let checksum = Hash::of(body.as_bytes());
    Ok(format!("{OPENING}{checksum}{MIDDLE}{body}{CLOSING}"))
}

/// Reads a record's file; nothing if it isn't byte for byte what was written.
pub(super) fn read(text: &str) -> Option<Record> {
    let rest = text.strip_prefix(OPENING)?;
    let (checksum, rest) = rest.split_at_checked(64)?;
    let body = rest.strip_prefix(MIDDLE)?.strip_suffix(CLOSING)?;
    if Hash::of(body.as_bytes()).to_string() != checksum {
        return None;
    }
    serde_json::from_str(body).ok()
}
