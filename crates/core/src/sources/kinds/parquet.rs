//! `parquet`: Apache Parquet.

use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{Format, Options, SourceError};

params! {
    /// Reads Apache Parquet.
    ///
    /// Types are those that the file states.
    pub(super) struct Parquet("parquet", 1) {
        /// The file, a list of files, a pattern such as `"in/*.parquet"`, or a folder.
        path: Vec<String> as (PATHS),
    }
}

/// The registered kind.
pub(super) struct ParquetKind;

impl SourceKind for ParquetKind {
    fn signature(&self) -> &'static Signature {
        const { &Parquet::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Parquet)
    }

    fn options(&self, _args: &Args) -> Result<Options, SourceError> {
        Ok(Options::Parquet)
    }
}
