//! Stub.
use crate::diag::Diagnostics;
use crate::text::SourceFile;
/// Stub.
pub fn format(file: &SourceFile) -> Result<String, Diagnostics> { Ok(file.text.to_string()) }
