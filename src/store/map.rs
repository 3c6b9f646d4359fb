//! Maps a file of the cache into memory: the one place of the store with `unsafe` in it.
//!
//! Knows nothing of what the bytes mean.

use std::fs::File;
use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::buffer::Buffer;
use memmap2::Mmap;

/// Gives a file's bytes as a buffer that Arrow's arrays can share; the map ends with the last.
pub(super) fn map(path: &Path) -> io::Result<Buffer> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(Buffer::from(Vec::<u8>::new()));
    }
    #[expect(unsafe_code, reason = "mapping a file is the only way to share it without a copy")]
    // SAFETY: the bytes must not change while they are mapped. Files of the cache are never written
    // in place: each is written under another name, renamed, and later only unlinked, which leaves
    // a map as it is.
    let map = unsafe { Mmap::map(&file)? };
    Ok(share(Arc::new(map)))
}

fn share(map: Arc<Mmap>) -> Buffer {
    let (start, length) = (NonNull::from(&map[..]).cast::<u8>(), map.len());
    #[expect(unsafe_code, reason = "hands the mapped bytes to Arrow together with their owner")]
    // SAFETY: the pointer and the length are those of the map's own bytes, which stay where they
    // are until the map is dropped; the buffer owns the map.
    unsafe {
        Buffer::from_custom_allocation(start, length, map)
    }
}
