//! Locks of the operating system, one a fingerprint: released at death, nothing to clean up.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Store, StoreError};
use crate::data::Hash;

/// A lock on a fingerprint, held until it is dropped.
#[derive(Debug)]
pub struct KeyLock {
    path: PathBuf,
    /// Holds the lock; its file is removed first, so that no lock files pile up.
    file: File,
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // Whoever waits for this very file sees that it is gone and makes a new one.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

/// Opens a file for locking; makes it, and its folder, if it isn't there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let make = || File::options().create(true).truncate(false).read(true).write(true).open(path);
    make().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            fs::create_dir_all(folder)?;
            make()
        }
        _ => Err(error),
    })
}

/// Tells whether a path still leads to an open file.
fn is_at(path: &Path, file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let here = fs::metadata(path).and_then(|there| Ok((there, file.metadata()?)));
        here.is_ok_and(|(there, own)| (there.dev(), there.ino()) == (own.dev(), own.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

impl Store {
    fn lock_path(&self, fingerprint: Hash) -> PathBuf {
        self.root.join("locks").join(fingerprint.to_string())
    }

    /// Locks a fingerprint; waits as long as another process or thread holds it.
    ///
    /// # Errors
    ///
    /// Says why the lock's file can't be made.
    pub fn lock(&self, fingerprint: Hash) -> Result<KeyLock, StoreError> {
        self.lock_or_tell(fingerprint, || {})
    }

    /// Locks a fingerprint; calls `waiting` once if it has to wait.
    ///
    /// # Errors
    ///
    /// Says why the lock's file can't be made.
    pub fn lock_or_tell(
        &self,
        fingerprint: Hash,
        waiting: impl FnOnce(),
    ) -> Result<KeyLock, StoreError> {
        if let Some(lock) = self.try_lock(fingerprint)? {
            return Ok(lock);
        }
        waiting();
        let path = self.lock_path(fingerprint);
        loop {
            let trouble = |error| StoreError::write(&path, error);
            let file = open(&path).map_err(trouble)?;
            file.lock().map_err(trouble)?;
            if is_at(&path, &file) {
                return Ok(KeyLock { path, file });
            }
        }
    }

    /// Locks a fingerprint unless somebody else holds it.
    ///
    /// # Errors
    ///
    /// Says why the lock's file can't be made.
    pub fn try_lock(&self, fingerprint: Hash) -> Result<Option<KeyLock>, StoreError> {
        self.prepare()?;
        let path = self.lock_path(fingerprint);
        loop {
            let file = open(&path).map_err(|error| StoreError::write(&path, error))?;
            match file.try_lock() {
                Ok(()) if is_at(&path, &file) => return Ok(Some(KeyLock { path, file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(StoreError::write(&path, error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_at_a_time_holds_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) =
            (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
        let key = Hash::of(b"work");
        let lock = one.lock(key).unwrap();
        assert!(other.try_lock(key).unwrap().is_none());
        assert!(other.try_lock(Hash::of(b"other")).unwrap().is_some());
        drop(lock);
        assert!(other.try_lock(key).unwrap().is_some());
    }

    #[test]
    fn a_second_one_waits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let key = Hash::of(b"work");
        let lock = store.lock(key).unwrap();
        let told = Barrier::new(2);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                store.lock_or_tell(key, || {
                    told.wait();
                })
            });
            told.wait();
            assert!(!second.is_finished());
            drop(lock);
            assert!(second.join().unwrap().is_ok());
        });
    }

    #[test]
    fn many_threads_never_hold_a_key_together() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = store.lock(Hash::of(b"key")).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(turns.load(Ordering::SeqCst), 400);
        let left = fs::read_dir(folder.path().join("locks"));
        assert_eq!(left.unwrap().count(), 0);
    }
}
