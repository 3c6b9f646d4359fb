//! What can go wrong with the cache, each with the path at fault.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::SyncError;
use crate::data::TableError;
use crate::diag::plain;

/// Why the cache could not do what was asked.
///
/// Trouble when looking something up is no error: it is a miss.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("can't {doing} `{}`: {}", path.display(), plain(source))]
    Io {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder was made by another version of the program.
    #[error("the cache in `{}` has the format `{found}`, and this version reads `{expected}`; delete the folder to start anew", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// What its version file says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// An object is not there.
    #[error("the cached object `{}` is gone", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// An object is not what was written; it was removed.
    #[error("the cached object `{}` is damaged: {why}", path.display())]
    Damaged {
        /// Where it was.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A table can't be put into Arrow's format or has no normal form.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Another process uses the cache, so that nothing can be removed from it.
    #[error("the cache in `{}` is in use; try again once the run has ended", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

impl StoreError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Io { doing: "read", path: path.to_path_buf(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Io { doing: "write", path: path.to_path_buf(), source }
    }

    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), why: why.into() }
    }

    /// Tells whether an object is missing or damaged, so that making it anew is what helps.
    #[must_use]
    pub const fn is_miss(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Damaged { .. })
    }
}

impl From<SyncError> for StoreError {
    fn from(error: SyncError) -> Self {
        Self::Io { doing: "bring to disk", path: error.path, source: error.source }
    }
}
