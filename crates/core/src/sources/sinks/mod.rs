//! The registry of sinks, and how a file is written: whole or not at all.
//!
//! A temporary file in the same folder is written, synced and renamed, so that a reader sees the
//! old file or the new one. Knows tables; no stage decides here where writing is allowed.

mod arrow;
mod csv;
mod json;
mod ndjson;
mod parquet;
mod tsv;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ::arrow::array::{Array, RecordBatch, StringArray};
use ::arrow::compute::cast;
use ::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ::arrow::error::ArrowError;
use ::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{Format, SourceError};
use crate::data::{ColumnType, Table};

/// Writes tables in one format.
pub trait SinkKind: Sync {
    /// Gives the format.
    fn format(&self) -> Format;

    /// Tells whether it can write a column of a type.
    fn holds(&self, _kind: &DataType) -> bool {
        true
    }

    /// Begins a file of some columns.
    ///
    /// # Errors
    ///
    /// Says what the system refused.
    fn begin<'a>(
        &self,
        schema: &SchemaRef,
        out: &'a mut dyn Sink,
    ) -> Result<Box<dyn Rows + 'a>, SinkError>;
}

/// Takes the rows of a file that is being written.
pub trait Rows {
    /// Writes some rows.
    ///
    /// # Errors
    ///
    /// Says what the system refused.
    fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SinkError>;

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// Says what the system refused.
    fn finish(self: Box<Self>) -> Result<(), SinkError>;
}

/// Where a sink writes; threads may hand it on.
pub trait Sink: Write + Send {}

impl<W: Write + Send> Sink for W {}

/// What a sink can run into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The Parquet writer refused.
    #[error(transparent)]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// Every registered sink.
pub static SINKS: &[&dyn SinkKind] =
    &[&csv::Csv, &tsv::Tsv, &json::Json, &ndjson::Ndjson, &parquet::Parquet, &arrow::Arrow];

/// Checks that the file of a name can hold columns of some types.
///
/// # Errors
///
/// Says which column the format has no place for, or that the name tells no format.
pub fn can_hold(name: &str, schema: &Schema) -> Result<(), SourceError> {
    let format = Format::of_name(name);
    let sink = SINKS.iter().find(|sink| Some(sink.format()) == format);
    let Some(sink) = sink else { return Err(SourceError::UnknownFormat { file: name.to_owned() }) };
    holds(*sink, schema)
}

fn holds(sink: &dyn SinkKind, schema: &Schema) -> Result<(), SourceError> {
    match schema.fields().iter().find(|field| !sink.holds(field.data_type())) {
        Some(field) => Err(unfit(field, sink.format())),
        None => Ok(()),
    }
}

fn unfit(field: &Field, format: Format) -> SourceError {
    let (column, found) = (field.name().clone(), ColumnType::of_field(field).to_string());
    SourceError::Unfit { format: format.spoken(), column, found }
}

/// Tells whether a path leads to a place below a folder, whatever links stand on the way.
///
/// The file and the last of its folders need not be there yet.
#[must_use]
pub fn lies_below(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| {
        let existing = path.ancestors().find_map(|above| above.canonicalize().ok());
        existing.unwrap_or_else(|| path.to_path_buf())
    };
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    !climbs && real(&absolute(path)).starts_with(real(&absolute(folder)))
}

/// A file of which nothing is written yet.
pub struct Blank<'a> {
    sink: &'static dyn SinkKind,
    name: String,
    out: &'a mut dyn Sink,
}

impl<'a> Blank<'a> {
    /// Writes in a format; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// Says that the format is none to write.
    pub fn new(format: Format, name: &str, out: &'a mut dyn Sink) -> Result<Self, SourceError> {
        let name = name.to_owned();
        match SINKS.iter().find(|sink| sink.format() == format) {
            Some(sink) => Ok(Self { sink: *sink, name, out }),
            None => Err(SourceError::UnknownFormat { file: name }),
        }
    }

    /// Begins with the columns.
    ///
    /// # Errors
    ///
    /// Says which column the format has no place for, or what the system refused.
    pub fn begin(self, schema: &SchemaRef) -> Result<Filling<'a>, SourceError> {
        let Self { sink, name, out } = self;
        holds(sink, schema)?;
        let rows = sink.begin(schema, out).map_err(|error| refusal(error, &name))?;
        Ok(Filling { rows, name })
    }
}

/// A file whose rows are being written.
pub struct Filling<'a> {
    rows: Box<dyn Rows + 'a>,
    name: String,
}

impl Filling<'_> {
    /// Writes some rows.
    ///
    /// # Errors
    ///
    /// Says what the system refused.
    pub fn push(&mut self, batches: &[RecordBatch]) -> Result<(), SourceError> {
        self.rows.push(batches).map_err(|error| refusal(error, &self.name))
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// Says what the system refused.
    pub fn finish(self) -> Result<(), SourceError> {
        self.rows.finish().map_err(|error| refusal(error, &self.name))
    }
}

/// Writes a table to a file whose extension tells the format; folders above it are made.
///
/// # Errors
///
/// Leaves what was there untouched, and says which column doesn't fit or what the system refused.
pub fn write(table: &Table, path: &Path) -> Result<(), SourceError> {
    can_hold(&path.to_string_lossy(), table.schema())?;
    write_rows(path, |blank| {
        let mut file = blank.begin(table.schema())?;
        file.push(table.batches())?;
        file.finish()
    })
}

/// Writes a file whose rows come one after the other; its extension tells the format, folders above it
/// are made.
///
/// # Errors
///
/// Leaves what was there untouched, and says what the system or `fill` refused.
pub fn write_rows(
    path: &Path,
    fill: impl FnOnce(Blank<'_>) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let name = path.to_string_lossy().into_owned();
    let Some(format) = Format::of_name(&name) else {
        return Err(SourceError::UnknownFormat { file: name });
    };
    let refused = |error: io::Error| refusal(error.into(), &name);
    commit(path, &name, |file| {
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".gz") {
            let mut packed =
                flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
            fill(Blank::new(format, &name, &mut packed)?)?;
            packed.finish().map_err(refused)?;
        } else if lower.ends_with(".zst") {
            let mut packed = zstd::stream::write::Encoder::new(&mut out, 0).map_err(refused)?;
            fill(Blank::new(format, &name, &mut packed)?)?;
            packed.finish().map_err(refused)?;
        } else {
            fill(Blank::new(format, &name, &mut out)?)?;
        }
        out.flush().map_err(refused)
    })
}

/// Writes bytes to a file; folders above it are made.
///
/// # Errors
///
/// Leaves what was there untouched, and says what the system refused.
pub fn write_bytes(bytes: &[u8], path: &Path) -> Result<(), SourceError> {
    let name = path.to_string_lossy();
    commit(path, &name, |file| file.write_all(bytes).map_err(|error| refusal(error.into(), &name)))
}

fn refusal(error: SinkError, name: &str) -> SourceError {
    let source = match error {
        SinkError::Io(source) => source,
        // Arrow and Parquet wrap what the system said.
        SinkError::Arrow(ArrowError::IoError(_, source)) => source,
        SinkError::Arrow(error) => return SourceError::arrow(name, error),
        SinkError::Parquet(::parquet::errors::ParquetError::External(source)) => {
            match source.downcast::<io::Error>() {
                Ok(source) => *source,
                Err(other) => io::Error::other(other),
            }
        }
        SinkError::Parquet(error) => io::Error::other(error),
    };
    SourceError::io(name, "write", source)
}

/// Writes a temporary file beside the path and renames it onto it.
fn commit(
    path: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let refused = |error: io::Error| refusal(error.into(), name);
    let (mut file, folder) = temporary(path).map_err(refused)?;
    write(file.as_file_mut())?;
    // Who may read a file that was there before is the user's choice.
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions()).map_err(refused)?;
    }
    file.as_file().sync_all().map_err(refused)?;
    file.persist(path).map_err(|error| refused(error.error))?;
    sync_folder(folder).map_err(refused)
}

/// Makes an empty file in the folder of a path.
fn temporary(path: &Path) -> io::Result<(tempfile::NamedTempFile, &Path)> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mlp-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any program makes files: the user's mask takes away what others may not do.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    Ok((builder.tempfile_in(folder)?, folder))
}

/// Makes the renaming outlast a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes times of some zone as texts in UTC: what they count is UTC already.
fn in_utc(array: &dyn Array) -> Result<StringArray, ArrowError> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Ok(StringArray::new_null(array.len()));
    };
    let counts = cast(array, &DataType::Int64)?;
    let times = cast(&counts, &DataType::Timestamp(*unit, None))?;
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(times.as_ref(), &options)?;
    let text = |row| times.is_valid(row).then(|| format!("{}Z", formatter.value(row)));
    Ok((0..times.len()).map(text).collect())
}
