//! Decoders that are not ours may panic on a damaged file: that is the file's fault, and an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Input, SourceError};

/// Runs a decoder's step; a panic in it is a damaged file.
pub(super) fn guarded<T>(
    input: &Input,
    format: &'static str,
    step: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    // What the step works on is thrown away after a panic, so its state doesn't matter.
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| {
        let (file, problem) = (input.name.clone(), "its parts contradict each other".to_owned());
        Err(SourceError::Damaged { file, format, problem })
    })
}
