//! Checksums of files: one hash of the bytes, made as they stream by or on all threads at once.
//!
//! The bytes are hashed in blocks of 1 MiB and the blocks' hashes are hashed in order, so that a
//! reader with the whole file at hand and a writer with a few bytes at a time get the same.

use std::fs::File;
use std::io::{self, Read, Write};

use rayon::prelude::*;

use crate::data::{Hash, Hasher};

/// How many bytes are hashed at a time.
const BLOCK: usize = 1 << 20;

/// Hashes bytes that are all at hand, in parallel if they are many.
pub(super) fn checksum(bytes: &[u8]) -> Hash {
    let blocks: Vec<Hash> = if bytes.len() > 2 * BLOCK {
        bytes.par_chunks(BLOCK).map(Hash::of).collect()
    } else {
        bytes.chunks(BLOCK).map(Hash::of).collect()
    };
    join(&blocks, bytes.len() as u64)
}

/// Hashes a file of about this many bytes, from its start; in parallel if they are many.
///
/// Reads rather than maps: a user's file may be cut off meanwhile, and a map would then kill us.
pub(super) fn file_checksum(file: &File, bytes: u64) -> io::Result<Hash> {
    if bytes > 8 * BLOCK as u64 && cfg!(unix) {
        let count = bytes.div_ceil(BLOCK as u64);
        let blocks: Vec<io::Result<Hash>> = (0..count)
            .into_par_iter()
            .map(|at| {
                let mut block = vec![0; BLOCK];
                let length = read_at(file, &mut block, at * BLOCK as u64)?;
                Ok(Hash::of(&block[..length]))
            })
            .collect();
        return Ok(join(&blocks.into_iter().collect::<io::Result<Vec<Hash>>>()?, bytes));
    }
    let mut sum = Summed::new(io::sink());
    let mut block = vec![0; BLOCK.min(usize::try_from(bytes).unwrap_or(BLOCK).max(4096))];
    let mut file = file;
    loop {
        let length = match file.read(&mut block) {
            Ok(0) => return Ok(sum.finish().1),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sum.write_all(&block[..length])?;
    }
}

/// Fills a block from a place of a file; gives how much there was.
#[cfg(unix)]
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut filled = 0;
    while filled < block.len() {
        match file.read_at(&mut block[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Stands for reading at a place where there is none.
#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn join(blocks: &[Hash], bytes: u64) -> Hash {
    let mut hasher = Hasher::new();
    hasher.text("mlp bytes 1").update(&bytes.to_le_bytes());
    for block in blocks {
        hasher.update(block.as_bytes());
    }
    hasher.finish()
}

/// Hashes bytes on their way to a writer, and counts them.
#[derive(Debug)]
pub(super) struct Summed<W> {
    inner: W,
    block: Hasher,
    filled: usize,
    blocks: Vec<Hash>,
    bytes: u64,
}

impl<W: Write> Summed<W> {
    /// Starts with nothing written.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, block: Hasher::new(), filled: 0, blocks: Vec::new(), bytes: 0 }
    }

    /// Gives the writer, the checksum and the number of bytes.
    pub(super) fn finish(mut self) -> (W, Hash, u64) {
        if self.filled > 0 {
            self.blocks.push(self.block.finish());
        }
        (self.inner, join(&self.blocks, self.bytes), self.bytes)
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.blocks.push(std::mem::take(&mut self.block).finish());
                self.filled = 0;
            }
            bytes = later;
        }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.take(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_and_a_whole_have_the_same_checksum() {
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * BLOCK + 7).collect();
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, bytes.len()] {
            for step in [333_333, BLOCK, 5 * BLOCK] {
                let mut stream = Summed::new(Vec::new());
                bytes[..length].chunks(step).for_each(|part| stream.write_all(part).unwrap());
                let (written, hash, count) = stream.finish();
                assert_eq!(written, &bytes[..length]);
                assert_eq!((hash, count), (checksum(&bytes[..length]), length as u64));
            }
        }
    }

    #[test]
    fn a_file_has_the_checksum_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..=240).cycle().take(9 * BLOCK + 7).collect();
        for length in [0, 5, BLOCK, 8 * BLOCK, bytes.len()] {
            let path = folder.path().join(length.to_string());
            std::fs::write(&path, &bytes[..length]).unwrap();
            let found = file_checksum(&File::open(&path).unwrap(), length as u64).unwrap();
            assert_eq!(found, checksum(&bytes[..length]));
        }
    }

    #[test]
    fn length_counts() {
        assert_ne!(checksum(&[0; 4]), checksum(&[0; 5]));
        assert_ne!(checksum(&[]), checksum(&[0]));
    }
}
