//! What files of the user hold: their hashes, remembered as long as their stat says nothing new.
//!
//! Size, change times and inode only ever stand for a hash that was made of the bytes. A file that
//! changed so lately that another change could leave the same times isn't remembered, as in git.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::checksum::file_checksum;
use super::{FILES, Store};
use crate::data::Hash;

/// How coarse a file system's clock may be.
const COARSE: Duration = Duration::from_secs(2);

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// What a file held when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// The file.
    pub path: PathBuf,
    /// The hash of its bytes.
    pub hash: Hash,
    /// How many bytes it has.
    pub bytes: u64,
    stat: Stat,
    /// It changed so lately that its stat alone proves nothing.
    fresh: bool,
}

/// What the system says of a file without its being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    size: u64,
    modified: i128,
    changed: i128,
    inode: u64,
    device: u64,
}

impl Stat {
    fn of(meta: &Metadata) -> io::Result<Self> {
        let since = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        let (size, modified) = (meta.len(), since(meta.modified()?));
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let changed = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
            Ok(Self { size, modified, changed, inode: meta.ino(), device: meta.dev() })
        }
        #[cfg(not(unix))]
        Ok(Self { size, modified, changed: modified, inode: 0, device: 0 })
    }

    /// Tells whether the file may change again without its times showing it.
    fn is_fresh(&self, now: Option<SystemTime>) -> bool {
        let settled = now.and_then(|now| now.checked_sub(COARSE)?.duration_since(UNIX_EPOCH).ok());
        let settled = settled.and_then(|settled| i128::try_from(settled.as_nanos()).ok());
        settled.is_none_or(|settled| self.modified.max(self.changed) >= settled)
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(56);
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&self.modified.to_le_bytes());
        bytes.extend_from_slice(&self.changed.to_le_bytes());
        bytes.extend_from_slice(&self.inode.to_le_bytes());
        bytes.extend_from_slice(&self.device.to_le_bytes());
        bytes
    }
}

impl Store {
    /// Gives the hash of a file's bytes; reads them only if the file changed since it was hashed.
    ///
    /// # Errors
    ///
    /// Says why the file can't be read; a folder, a pipe or a file that changes all the while is
    /// an error too.
    pub fn content_hash(&self, path: &Path) -> io::Result<FileContent> {
        let key = Hash::of(std::path::absolute(path)?.as_os_str().as_encoded_bytes());
        let stat = regular(&fs::metadata(path)?)?;
        let found = |hash, stat: Stat, fresh| FileContent {
            path: path.to_path_buf(),
            hash,
            bytes: stat.size,
            stat,
            fresh,
        };
        let known = self.pack(FILES).get(key);
        if let Some(hash) = known.and_then(|known| remembered(&known, stat)) {
            return Ok(found(hash, stat, false));
        }
        // The clock is read before the file is.
        let now = self.now();
        for _ in 0..ATTEMPTS {
            let file = File::open(path)?;
            let before = regular(&file.metadata()?)?;
            let hash = file_checksum(&file, before.size)?;
            if regular(&fs::metadata(path)?)? != before {
                continue;
            }
            let fresh = before.is_fresh(now);
            if !fresh {
                let value = [&before.to_bytes()[..], hash.to_string().as_bytes()].concat();
                self.pack(FILES).put(key, &value);
            }
            return Ok(found(hash, before, fresh));
        }
        Err(io::Error::other("it changes while it is read"))
    }

    /// Tells whether a file still holds what it did.
    ///
    /// A file that changed shortly before it was hashed is read again.
    #[must_use]
    pub fn unchanged(&self, content: &FileContent) -> bool {
        let stat = fs::metadata(&content.path).and_then(|meta| regular(&meta));
        if !stat.is_ok_and(|stat| stat == content.stat) {
            return false;
        }
        let hash = || file_checksum(&File::open(&content.path)?, content.bytes);
        !content.fresh || hash().is_ok_and(|hash| hash == content.hash)
    }
}

/// Gives the hash out of a remembered value if it is of this stat.
fn remembered(value: &[u8], stat: Stat) -> Option<Hash> {
    let hash = value.strip_prefix(&stat.to_bytes()[..])?;
    std::str::from_utf8(hash).ok()?.parse().ok()
}

/// Gives the stat of a file that has an end.
fn regular(meta: &Metadata) -> io::Result<Stat> {
    match (meta.is_file(), meta.is_dir()) {
        (true, _) => Stat::of(meta),
        (_, true) => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is no regular file")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Makes a store, and a file that last changed a minute before.
    fn place() -> (tempfile::TempDir, Store, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(".mlp")).unwrap();
        let path = folder.path().join("data.csv");
        write(&path, "a,b\n1,2\n", 60);
        (folder, store, path)
    }

    fn write(path: &Path, text: &str, age: u64) {
        fs::write(path, text).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_secs(age)).unwrap();
    }

    #[test]
    fn equal_bytes_have_equal_hashes_wherever_they_lie() {
        let (folder, store, path) = place();
        let other = folder.path().join("copy.csv");
        fs::copy(&path, &other).unwrap();
        let (one, two) = (store.content_hash(&path).unwrap(), store.content_hash(&other).unwrap());
        assert_eq!(one.hash, two.hash);
        assert_eq!(one.bytes, 8);
        write(&other, "a,b\n1,3\n", 60);
        assert_ne!(store.content_hash(&other).unwrap().hash, one.hash);
    }

    #[test]
    fn a_file_that_just_changed_is_read_again() {
        let (_folder, store, path) = place();
        // The times are put back to what they were, as a change within the clock's grain would.
        let before = store.content_hash(&path).unwrap();
        assert!(before.fresh, "the inode changed this very moment");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let mut file = File::options().write(true).open(&path).unwrap();
        file.write_all(b"x").unwrap();
        file.set_modified(time).unwrap();
        drop(file);
        assert_ne!(store.content_hash(&path).unwrap().hash, before.hash);
        let stat = Stat::of(&fs::metadata(&path).unwrap()).unwrap();
        assert!(!store.unchanged(&FileContent { stat, ..before }));
    }

    #[test]
    fn an_old_file_is_not_read_twice() {
        let (_folder, store, path) = place();
        // As if the file had settled long before the store looked at the clock.
        let later = fs::metadata(&path).unwrap().modified().unwrap() + Duration::from_hours(1);
        store.now.set(Some(later)).unwrap();
        let before = store.content_hash(&path).unwrap();
        assert!(!before.fresh);
        store.flush().unwrap();
        let again = Store::open(store.folder()).unwrap();
        assert_eq!(again.content_hash(&path).unwrap(), before);
        let key = Hash::of(path.as_os_str().as_encoded_bytes());
        let known = again.pack(FILES).get(key).unwrap();
        let lie = Hash::of(b"a lie");
        let value = [&known[..known.len() - 64], lie.to_string().as_bytes()].concat();
        again.pack(FILES).put(key, &value);
        assert_eq!(again.content_hash(&path).unwrap().hash, lie, "what is remembered is believed");
        write(&path, "a,b\n9,9\n", 50);
        assert_ne!(again.content_hash(&path).unwrap().hash, lie, "but not once the times differ");
        assert!(again.unchanged(&again.content_hash(&path).unwrap()));
        assert!(!again.unchanged(&before));
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let (folder, store, path) = place();
        let kind = |path: &Path| store.content_hash(path).unwrap_err().kind();
        assert_eq!(kind(folder.path()), io::ErrorKind::IsADirectory);
        assert_eq!(kind(&path.with_extension("gone")), io::ErrorKind::NotFound);
        #[cfg(target_os = "linux")]
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::Unsupported);
    }

    #[test]
    fn a_deleted_file_is_changed() {
        let (_folder, store, path) = place();
        let content = store.content_hash(&path).unwrap();
        assert!(store.unchanged(&content));
        fs::remove_file(&path).unwrap();
        assert!(!store.unchanged(&content));
    }
}
