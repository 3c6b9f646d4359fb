//! `ndjson`: one JSON object a line.

use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{Format, Options, SourceError};

params! {
    /// Reads one JSON object a line.
    ///
    /// A key is a column; objects and arrays inside are structs and lists, or, declared as text, JSON text.
    pub(super) struct Ndjson("ndjson", 1) {
        /// The file, a list of files, a pattern such as `"in/*.ndjson"`, or a folder; `.gz` and
        /// `.zst` are unpacked.
        path: Vec<String> as (PATHS),
    }
}

/// The registered kind.
pub(super) struct NdjsonKind;

impl SourceKind for NdjsonKind {
    fn signature(&self) -> &'static Signature {
        const { &Ndjson::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Ndjson)
    }

    fn options(&self, _args: &Args) -> Result<Options, SourceError> {
        Ok(Options::Ndjson)
    }
}
