//! Packs: many small facts in one file, read at once and appended to.
//!
//! A file a fact would cost a system call a fact; here 100,000 facts come in by one read. Each entry
//! has its own checksum, looked at when it is asked for. Losing entries only costs time, so nothing
//! here is an error: what can't be read isn't known, what can't be written is forgotten.
//!
//! The file is a mark and then entries: length of the value (4 bytes, little-endian), key (32),
//! checksum of key and value (32), value. The last entry of a key counts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::disk;
use super::lock;
use super::lock_of;
use crate::data::{Hash, Hasher};

/// What a pack begins with.
const MARK: &[u8] = b"mlp pack 1\n";

/// How many bytes stand before the value of an entry.
const HEAD: usize = 4 + 32 + 32;

/// How many unwritten bytes are gathered before they are written.
const GATHER: usize = 1 << 16;

/// From this size on, a pack that is mostly outdated is written anew.
const LARGE: usize = 1 << 20;

/// Facts of one kind by their keys.
#[derive(Debug)]
pub(super) struct Pack {
    path: PathBuf,
    /// The entries, once something was asked for.
    loaded: Mutex<Option<Loaded>>,
}

/// The bytes of a pack and where each key's value lies in them.
#[derive(Debug, Default)]
struct Loaded {
    bytes: Vec<u8>,
    places: HashMap<[u8; 32], Range<usize>>,
    /// How many of the bytes came from the file or were written to it.
    written: usize,
    /// How much of the file is known to be whole entries.
    sound: usize,
}

impl Pack {
    /// Names a pack; nothing is read yet.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, loaded: Mutex::new(None) }
    }

    /// Gives the value of a key, if it is known and whole.
    pub(super) fn get(&self, key: Hash) -> Option<Vec<u8>> {
        let mut loaded = lock_of(&self.loaded);
        let loaded = loaded.get_or_insert_with(|| Loaded::read(&self.path));
        loaded.get(key).map(<[u8]>::to_vec)
    }

    /// Notes the value of a key.
    pub(super) fn put(&self, key: Hash, value: &[u8]) {
        let mut loaded = lock_of(&self.loaded);
        let loaded = loaded.get_or_insert_with(|| Loaded::read(&self.path));
        if loaded.get(key) == Some(value) {
            return;
        }
        loaded.push(key, value);
        if loaded.bytes.len() - loaded.written >= GATHER {
            // What can't be written is forgotten when the process ends.
            let _ = loaded.append(&self.path);
        }
    }

    /// Notes the value of a key and writes it, so that a killed process loses nothing; tells whether
    /// that went well.
    pub(super) fn put_now(&self, key: Hash, value: &[u8]) -> io::Result<()> {
        self.put(key, value);
        lock_of(&self.loaded).as_mut().map_or(Ok(()), |loaded| loaded.append(&self.path))
    }

    /// Names the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether there is something to write.
    pub(super) fn is_dirty(&self) -> bool {
        lock_of(&self.loaded).as_ref().is_some_and(|loaded| loaded.bytes.len() > loaded.written)
    }

    /// Writes what is only in memory, as far as that is possible.
    pub(super) fn flush(&self) {
        if let Some(loaded) = lock_of(&self.loaded).as_mut() {
            let _ = loaded.append(&self.path);
        }
    }

    /// Writes the pack anew without outdated entries, and of those only the newest up to a size.
    pub(super) fn shrink(&self, limit: usize) -> io::Result<()> {
        let mut loaded = lock_of(&self.loaded);
        let file = lock::open(&self.path)?;
        file.lock()?;
        let fresh = Loaded::read(&self.path).compacted(limit);
        disk::write_whole(&self.path, &fresh.bytes)?;
        *loaded = None;
        Ok(())
    }
}

impl Loaded {
    fn read(path: &Path) -> Self {
        let bytes = disk::read(path).ok().flatten().unwrap_or_default();
        let marked = bytes.starts_with(MARK);
        let mut loaded = Self { bytes, ..Self::default() };
        loaded.scan();
        loaded.written = loaded.bytes.len();
        loaded.sound = if marked { loaded.written } else { 0 };
        let live: usize = loaded.places.values().map(|place| place.len() + HEAD).sum();
        if loaded.bytes.len() > LARGE && live < loaded.bytes.len() / 2 {
            return loaded.rewritten(path);
        }
        loaded
    }

    /// Finds the entries; cuts off what isn't one.
    fn scan(&mut self) {
        if !self.bytes.starts_with(MARK) {
            self.bytes = MARK.to_vec();
            return;
        }
        let mut at = MARK.len();
        while let Some((key, place)) = entry(&self.bytes, at) {
            at = place.end;
            self.places.insert(key, place);
        }
        self.bytes.truncate(at);
    }

    fn get(&self, key: Hash) -> Option<&[u8]> {
        let place = self.places.get(key.as_bytes())?;
        let value = &self.bytes[place.clone()];
        let sum = &self.bytes[place.start - 32..place.start];
        (sum == check(key.as_bytes(), value).as_bytes()).then_some(value)
    }

    fn push(&mut self, key: Hash, value: &[u8]) {
        let Ok(length) = u32::try_from(value.len()) else { return };
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(check(key.as_bytes(), value).as_bytes());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.places.insert(*key.as_bytes(), start..self.bytes.len());
    }

    /// Appends what is only in memory to the file, after the last whole entry there.
    fn append(&mut self, path: &Path) -> io::Result<()> {
        if self.bytes.len() == self.written {
            return Ok(());
        }
        let mut file = lock::open(path)?;
        file.lock()?;
        let end = self.end_of(&mut file)?;
        let fresh =
            if end == 0 { [MARK, self.unwritten()].concat() } else { self.unwritten().to_vec() };
        file.set_len(end as u64)?;
        file.seek(SeekFrom::Start(end as u64))?;
        if let Err(error) = file.write_all(&fresh) {
            // Half an entry would be cut off by whoever writes next; better not to leave it.
            let _ = file.set_len(end as u64);
            return Err(error);
        }
        self.sound = end + fresh.len();
        self.written = self.bytes.len();
        Ok(())
    }

    fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Finds where the last whole entry of the file ends; others may have written meanwhile.
    fn end_of(&self, file: &mut File) -> io::Result<usize> {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let sound = if length < self.sound { 0 } else { self.sound };
        if sound > 0 && sound == length {
            return Ok(length);
        }
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(sound as u64))?;
        file.read_to_end(&mut tail)?;
        let mut end = match (sound, tail.starts_with(MARK)) {
            (0, false) => return Ok(0),
            (0, true) => MARK.len(),
            _ => 0,
        };
        while let Some((_, place)) = entry(&tail, end) {
            end = place.end;
        }
        Ok(sound + end)
    }

    /// Keeps the last entry of each key, and of these the newest up to a number of bytes.
    fn compacted(&self, limit: usize) -> Self {
        let mut places: Vec<(&[u8; 32], &Range<usize>)> = self.places.iter().collect();
        places.sort_unstable_by_key(|(_, place)| std::cmp::Reverse(place.start));
        let mut room = limit;
        places.retain(|(_, place)| {
            let fits = room >= place.len() + HEAD;
            room = if fits { room - place.len() - HEAD } else { 0 };
            fits
        });
        let mut fresh = Self { bytes: MARK.to_vec(), ..Self::default() };
        for (key, place) in places.into_iter().rev() {
            let whole = place.start - HEAD..place.end;
            let start = fresh.bytes.len() + HEAD;
            fresh.bytes.extend_from_slice(&self.bytes[whole]);
            fresh.places.insert(*key, start..fresh.bytes.len());
        }
        fresh
    }

    /// Writes a pack that is mostly outdated anew; keeps it as it is if that isn't possible.
    fn rewritten(self, path: &Path) -> Self {
        let Ok(file) = lock::open(path) else { return self };
        let length = file.metadata().map_or(0, |stat| stat.len());
        // Not while somebody writes, nor over what was written since it was read.
        if file.try_lock().is_err() || length != self.sound as u64 {
            return self;
        }
        let mut fresh = self.compacted(usize::MAX);
        if disk::write_whole(path, &fresh.bytes).is_err() {
            return self;
        }
        fresh.written = fresh.bytes.len();
        fresh.sound = fresh.bytes.len();
        fresh
    }
}

/// Finds the key and the place of the value of the entry that starts here.
fn entry(bytes: &[u8], at: usize) -> Option<([u8; 32], Range<usize>)> {
    let head = bytes.get(at..at.checked_add(HEAD)?)?;
    let (length, rest) = head.split_first_chunk::<4>()?;
    let key = *rest.first_chunk::<32>()?;
    let start = at + HEAD;
    let end = start.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (end <= bytes.len()).then_some((key, start..end))
}

fn check(key: &[u8; 32], value: &[u8]) -> Hash {
    Hasher::new().update(key).update(value).finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(name: &str) -> Hash {
        Hash::of(name.as_bytes())
    }

    fn get(pack: &Pack, name: &str) -> Option<String> {
        pack.get(key(name)).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn filled() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("pack");
        let pack = Pack::new(path.clone());
        pack.put(key("a"), b"one");
        pack.put(key("b"), b"");
        pack.put(key("a"), b"two");
        pack.flush();
        (folder, path)
    }

    #[test]
    fn what_was_put_is_found_by_others() {
        let (_folder, path) = filled();
        let pack = Pack::new(path);
        assert_eq!(get(&pack, "a").as_deref(), Some("two"));
        assert_eq!(get(&pack, "b").as_deref(), Some(""));
        assert_eq!(get(&pack, "c"), None);
        assert!(!pack.is_dirty());
        pack.put(key("a"), b"two");
        assert!(!pack.is_dirty());
    }

    #[test]
    fn two_writers_lose_nothing() {
        let (_folder, path) = filled();
        let (one, other) = (Pack::new(path.clone()), Pack::new(path.clone()));
        assert_eq!((get(&one, "a"), get(&other, "a")), (Some("two".into()), Some("two".into())));
        for turn in 0..5 {
            one.put(key(&format!("one {turn}")), b"1");
            one.flush();
            other.put(key(&format!("other {turn}")), b"2");
            other.flush();
        }
        let found = Pack::new(path);
        for turn in 0..5 {
            assert_eq!(get(&found, &format!("one {turn}")).as_deref(), Some("1"));
            assert_eq!(get(&found, &format!("other {turn}")).as_deref(), Some("2"));
        }
    }

    #[test]
    fn no_flipped_byte_and_no_cut_gives_a_wrong_value() {
        let (_folder, path) = filled();
        let good = fs::read(&path).unwrap();
        let settled = |bytes: &[u8]| {
            // Writing into the old file would have the disk wait for it.
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).unwrap();
            let pack = Pack::new(path.clone());
            for (name, value) in [("a", "two"), ("b", "")] {
                let found = get(&pack, name);
                // The older value of `a` comes back where the newer one is lost.
                assert!(
                    found.is_none()
                        || found.as_deref() == Some(value)
                        || found.as_deref() == Some("one")
                );
            }
            pack.put(key("c"), b"new");
            pack.flush();
            assert_eq!(get(&Pack::new(path.clone()), "c").as_deref(), Some("new"));
        };
        for at in 0..good.len() {
            settled(&good[..at]);
            for bit in [1, 0x80] {
                let mut bad = good.clone();
                bad[at] ^= bit;
                settled(&bad);
            }
        }
        settled(b"something else entirely");
    }

    #[test]
    fn a_tail_left_by_a_killed_writer_is_cut_off() {
        let (_folder, path) = filled();
        let pack = Pack::new(path.clone());
        assert_eq!(get(&pack, "a").as_deref(), Some("two"));
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&[9; 50]).unwrap();
        pack.put(key("d"), b"four");
        pack.flush();
        let found = Pack::new(path);
        assert_eq!(get(&found, "d").as_deref(), Some("four"));
        assert_eq!(get(&found, "a").as_deref(), Some("two"));
    }

    #[test]
    fn outdated_entries_go_in_time() {
        let (_folder, path) = filled();
        let pack = Pack::new(path.clone());
        for turn in 0..200 {
            pack.put(key("big"), &[turn; 10_000]);
        }
        pack.flush();
        let before = fs::metadata(&path).unwrap().len();
        let found = Pack::new(path.clone());
        assert_eq!(found.get(key("big")), Some(vec![199; 10_000]));
        assert_eq!(get(&found, "a").as_deref(), Some("two"));
        let after = fs::metadata(&path).unwrap().len();
        assert!(before > 2_000_000 && after < 20_000, "{before} {after}");
        found.put(key("e"), b"five");
        found.flush();
        assert_eq!(get(&Pack::new(path), "e").as_deref(), Some("five"));
    }

    #[test]
    fn shrinking_keeps_the_newest() {
        let (_folder, path) = filled();
        let pack = Pack::new(path.clone());
        pack.put(key("last"), b"kept");
        pack.flush();
        pack.shrink(2 * HEAD + 7).unwrap();
        for pack in [pack, Pack::new(path)] {
            let found = ["a", "b", "last"].map(|name| get(&pack, name));
            assert_eq!(found, [Some("two".into()), None, Some("kept".into())]);
        }
    }
}
