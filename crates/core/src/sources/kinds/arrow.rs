//! `arrow`: Arrow IPC.

use super::{PATHS, SourceKind};
use crate::params;
use crate::params::{Args, Params, Signature};
use crate::sources::{Format, Options, SourceError};

params! {
    /// Reads Arrow IPC, as a file or as a stream.
    ///
    /// Types are those that the file states.
    pub(super) struct Arrow("arrow", 1) {
        /// The file, a list of files, a pattern such as `"in/*.arrow"`, or a folder.
        path: Vec<String> as (PATHS),
    }
}

/// The registered kind.
pub(super) struct ArrowKind;

impl SourceKind for ArrowKind {
    fn signature(&self) -> &'static Signature {
        const { &Arrow::SIGNATURE }
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Arrow)
    }

    fn options(&self, _args: &Args) -> Result<Options, SourceError> {
        Ok(Options::Arrow)
    }
}
