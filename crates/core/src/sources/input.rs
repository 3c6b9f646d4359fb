//! The bytes of a file: opened once, unpacked, turned into UTF-8, within limits.
//!
//! Compression is told by the first bytes, not by the name. Knows no format, record or type.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::SourceError;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// Where it lies.
    pub path: PathBuf,
    /// What messages and rejected rows call it: its path as the user wrote it.
    pub name: String,
}

impl Input {
    /// Names a file by its own path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.to_string_lossy().replace('\\', "/");
        Self { path, name }
    }
}

/// What the system says about a file without reading it; equal stamps mean an untouched file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The size in bytes.
    pub bytes: u64,
    /// When the content was last written, in nanoseconds since 1970.
    pub modified: i128,
    /// When anything about the file last changed, in nanoseconds since 1970, where that is known.
    pub changed: i128,
    /// The number of the file in its file system, where there is one.
    pub inode: u64,
}

impl Stamp {
    /// Reads a file's stamp.
    ///
    /// # Errors
    ///
    /// Gives the system's answer if there is no such file.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    #[cfg(unix)]
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let time = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            bytes: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    #[cfg(not(unix))]
    fn from(metadata: &Metadata) -> Self {
        let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        let modified = metadata.modified().ok().and_then(since);
        let modified = modified.map_or(0, |time| i128::try_from(time.as_nanos()).unwrap_or(0));
        Self { bytes: metadata.len(), modified, changed: 0, inode: 0 }
    }
}

/// How much reading may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A file of more bytes is typed from samples, not from all rows.
    pub sample_above: u64,
    /// How many bytes a compressed file may unpack to whatever its size.
    pub unpacked: u64,
    /// How many times its size a compressed file may unpack to beyond that.
    pub ratio: u64,
    /// How many bytes one record may have.
    pub record: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sample_above: 256 << 20, unpacked: 1 << 30, ratio: 250, record: 64 << 20 }
    }
}

/// In what encoding a text file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; a byte order mark of UTF-16 is believed.
    #[default]
    Utf8,
    /// ISO 8859-1, the first 256 characters of Unicode.
    Latin1,
    /// What Windows writes in western Europe and America.
    Windows1252,
    /// UTF-16, little-endian unless a byte order mark says otherwise.
    Utf16,
}

impl Encoding {
    /// Gives the encoding that a word of the language names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "utf_8" | "utf8" => Some(Self::Utf8),
            "latin_1" | "latin1" | "iso_8859_1" => Some(Self::Latin1),
            "windows_1252" | "cp1252" => Some(Self::Windows1252),
            "utf_16" | "utf16" => Some(Self::Utf16),
            _ => None,
        }
    }

    /// The words that [`Encoding::from_word`] knows, each encoding's first.
    pub const WORDS: [&str; 4] = ["utf_8", "latin_1", "windows_1252", "utf_16"];
}

/// Opens a regular file; a folder, pipe or device is refused before anything could wait on it.
pub(super) fn open(input: &Input) -> Result<(File, Metadata), SourceError> {
    let refuse = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => missing(&input.path, input.name.clone()),
        _ => SourceError::io(&input.name, "read", error),
    };
    let metadata = fs::metadata(&input.path).map_err(refuse)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(SourceError::NotAFile { file: input.name.clone(), found });
    }
    let file = File::open(&input.path).map_err(refuse)?;
    Ok((file, metadata))
}

/// Says that nothing lies at a path, or nothing but a link.
pub(super) fn missing(path: &Path, file: String) -> SourceError {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return SourceError::NotAFile { file, found: "a link that leads nowhere" };
    }
    SourceError::Missing { siblings: siblings(path), file }
}

/// Gives the names in a path's folder, sorted.
fn siblings(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.take(10_000).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// How the bytes are turned into UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decoding {
    None,
    Latin1,
    Windows1252,
    Utf16 { big: bool },
}

/// A file read as UTF-8 text from front to back.
pub(super) struct TextSource {
    name: String,
    reader: Box<dyn Read + Send>,
    packing: Packing,
    decoding: Decoding,
    /// How many bytes may still come out.
    left: u64,
    limit: u64,
    /// Bytes read ahead to look at, or left over from a cut character.
    ahead: Vec<u8>,
    /// The lines that came out before, to say where decoding failed.
    lines: u64,
}

impl TextSource {
    /// Opens a file and settles how it is packed and encoded.
    pub(super) fn open(
        input: &Input,
        encoding: Encoding,
        limits: &Limits,
    ) -> Result<Self, SourceError> {
        let (file, metadata) = open(input)?;
        Self::over(file, metadata.len(), input, encoding, limits)
    }

    /// Opens a part of a plain file, which is taken as the middle of a text in UTF-8.
    pub(super) fn part(input: &Input, from: u64, bytes: u64) -> Result<Self, SourceError> {
        let (mut file, _) = open(input)?;
        file.seek(SeekFrom::Start(from))
            .map_err(|error| SourceError::io(&input.name, "read", error))?;
        Ok(Self {
            name: input.name.clone(),
            reader: Box::new(file.take(bytes)),
            packing: Packing::Plain,
            decoding: Decoding::None,
            left: u64::MAX,
            limit: u64::MAX,
            ahead: Vec::new(),
            lines: 0,
        })
    }

    fn over(
        mut file: File,
        size: u64,
        input: &Input,
        encoding: Encoding,
        limits: &Limits,
    ) -> Result<Self, SourceError> {
        let fail = |error| SourceError::io(&input.name, "read", error);
        let mut magic = Vec::with_capacity(4);
        (&mut file).take(4).read_to_end(&mut magic).map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let packing = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
            _ => Packing::Plain,
        };
        let reader: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => {
                Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)))
            }
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(file).map_err(fail)?),
        };
        let limit = match packing {
            Packing::Plain => u64::MAX,
            Packing::Gzip | Packing::Zstd => limits.unpacked.max(size.saturating_mul(limits.ratio)),
        };
        let mut source = Self {
            name: input.name.clone(),
            reader,
            packing,
            decoding: Decoding::None,
            left: limit,
            limit,
            ahead: Vec::new(),
            lines: 0,
        };
        source.settle(encoding)?;
        Ok(source)
    }

    /// Tells whether the file's bytes are its text, so that a part of it can be read alone.
    pub(super) const fn is_plain(&self) -> bool {
        matches!((self.packing, self.decoding), (Packing::Plain, Decoding::None))
    }

    /// Looks at the first bytes for a byte order mark, which is dropped.
    fn settle(&mut self, encoding: Encoding) -> Result<(), SourceError> {
        let mut ahead = Vec::new();
        self.read(&mut ahead, 3)?;
        let (decoding, mark) = match (encoding, ahead.as_slice()) {
            (Encoding::Utf8, [0xef, 0xbb, 0xbf]) => (Decoding::None, 3),
            (Encoding::Utf8 | Encoding::Utf16, [0xff, 0xfe, ..]) => {
                (Decoding::Utf16 { big: false }, 2)
            }
            (Encoding::Utf8 | Encoding::Utf16, [0xfe, 0xff, ..]) => {
                (Decoding::Utf16 { big: true }, 2)
            }
            (Encoding::Utf8, _) => (Decoding::None, 0),
            (Encoding::Latin1, _) => (Decoding::Latin1, 0),
            (Encoding::Windows1252, _) => (Decoding::Windows1252, 0),
            (Encoding::Utf16, _) => (Decoding::Utf16 { big: false }, 0),
        };
        self.decoding = decoding;
        self.ahead = ahead.split_off(mark);
        Ok(())
    }

    /// Appends at least `want` bytes of text, fewer only at the end of the file.
    pub(super) fn fill(&mut self, text: &mut Vec<u8>, want: usize) -> Result<(), SourceError> {
        if self.decoding == Decoding::None {
            text.append(&mut self.ahead);
            return self.read(text, want);
        }
        let mut raw = std::mem::take(&mut self.ahead);
        self.read(&mut raw, want)?;
        let before = text.len();
        match self.decoding {
            Decoding::None => {}
            Decoding::Latin1 => raw.iter().for_each(|byte| push_char(text, char::from(*byte))),
            Decoding::Windows1252 => {
                raw.iter().for_each(|byte| push_char(text, windows_1252(*byte)));
            }
            Decoding::Utf16 { big } => self.decode_utf16(&raw, big, want, text)?,
        }
        self.lines += count_lines(&text[before..]);
        Ok(())
    }

    fn decode_utf16(
        &mut self,
        raw: &[u8],
        big: bool,
        want: usize,
        text: &mut Vec<u8>,
    ) -> Result<(), SourceError> {
        let before = text.len();
        let (pairs, rest) = raw.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| {
            if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }
        };
        let at_end = raw.len() < want;
        let cut = matches!(pairs.last().map(unit), Some(0xd800..=0xdbff)) && !at_end;
        let whole = pairs.len() - usize::from(cut);
        for decoded in char::decode_utf16(pairs[..whole].iter().map(unit)) {
            let character = decoded.map_err(|error| {
                self.bad_unit(&text[before..], format!("0x{:04X}", error.unpaired_surrogate()))
            })?;
            push_char(text, character);
        }
        if at_end && !rest.is_empty() {
            return Err(self.bad_unit(&text[before..], "a single last byte".to_owned()));
        }
        self.ahead = raw[whole * 2..].to_vec();
        Ok(())
    }

    fn bad_unit(&self, text: &[u8], found: String) -> SourceError {
        let start = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        SourceError::Encoding {
            file: self.name.clone(),
            line: self.lines + count_lines(text) + 1,
            column: (text.len() - start) as u64 + 1,
            found,
            encoding: "UTF-16",
        }
    }

    /// Appends up to `want` bytes as they come out of the file or its unpacking.
    fn read(&mut self, bytes: &mut Vec<u8>, want: usize) -> Result<(), SourceError> {
        let allowed = (want as u64).min(self.left.saturating_add(1));
        let read = (&mut self.reader).take(allowed).read_to_end(bytes);
        let read = read.map_err(|source| self.refusal(source))? as u64;
        if read > self.left {
            return Err(SourceError::Bomb { file: self.name.clone(), limit: self.limit });
        }
        if self.packing != Packing::Plain {
            self.left -= read;
        }
        Ok(())
    }

    fn refusal(&self, source: io::Error) -> SourceError {
        let compression = match self.packing {
            Packing::Plain => return SourceError::io(&self.name, "read", source),
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        };
        SourceError::Compressed { file: self.name.clone(), compression, source }
    }
}

fn push_char(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Gives the character of a byte; the five bytes without one stand for control characters.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Counts line ends: LF, or CR where there is no LF.
pub(super) fn count_lines(text: &[u8]) -> u64 {
    let count = |byte| memchr::memchr_iter(byte, text).count() as u64;
    match count(b'\n') {
        0 => count(b'\r'),
        lines => lines,
    }
}

/// Says what a file is by its first bytes, where they are known.
pub(super) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 9] = [
        (b"PAR1", "a Parquet file"),
        (b"ARROW1", "an Arrow file"),
        (b"PK\x03\x04", "a zip archive, such as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"SQLite format 3", "an SQLite database"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ", "an xz file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"%PDF", "a PDF"),
    ];
    KNOWN.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind)
}
