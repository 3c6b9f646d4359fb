//! `json`: an array of JSON objects, or objects one behind the other.

use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{Format, Options, SourceError};

params! {
    /// Reads JSON: an array of objects, or objects one behind the other.
    ///
    /// A key is a column; objects and arrays inside are structs and lists, or, declared as text, JSON text.
    pub(super) struct Json("json", 1) {
        /// The file, a list of files, a pattern such as `"in/*.json"`, or a folder; `.gz` and `.zst`
        /// are unpacked.
        path: Vec<String> as (PATHS),
    }
}

/// The registered kind.
pub(super) struct JsonKind;

impl SourceKind for JsonKind {
    fn signature(&self) -> &'static Signature {
        const { &Json::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Json)
    }

    fn options(&self, _args: &Args) -> Result<Options, SourceError> {
        Ok(Options::Json)
    }
}
