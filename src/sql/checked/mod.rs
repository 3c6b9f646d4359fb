//! Arithmetic that fails instead of wrapping around, and says where.
//!
//! DataFusion adds, subtracts, multiplies and sums whole numbers and decimals modulo 2ⁿ. Here stand
//! the operations that take their place. Each keeps its [`Place`] in the SQL text; two of them are
//! equal if they compute the same, wherever they stand, so that the optimiser can still join equal
//! expressions.

mod cast;
mod operation;
mod sum;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;

pub(super) use cast::CheckedCast;
pub(super) use operation::{CheckedNegation, CheckedOperation};
pub(super) use sum::CheckedSum;

use super::source::Source;

/// Where an operation stands. All places are equal: they don't change what is computed.
#[derive(Clone)]
pub(super) struct Place {
    source: Arc<Source>,
    range: Range<usize>,
}

impl Place {
    /// Makes a place.
    pub(super) const fn new(source: Arc<Source>, range: Range<usize>) -> Self {
        Self { source, range }
    }

    /// Gives the bytes.
    pub(super) const fn range(&self) -> &Range<usize> {
        &self.range
    }

    fn fault(&self, reason: Reason, detail: &str) -> DataFusionError {
        let text = self.source.slice(&self.range).to_owned();
        let (range, detail) = (self.range.clone(), detail.to_owned());
        DataFusionError::External(Box::new(Fault { reason, text, range, detail }))
    }

    /// Says where arrow's error happened.
    fn explain(&self, error: ArrowError, result: &dyn fmt::Display) -> DataFusionError {
        match error {
            ArrowError::DivideByZero => self.fault(Reason::DivisionByZero, ""),
            ArrowError::ArithmeticOverflow(text) => {
                let found = text.strip_prefix("Overflow happened on: ");
                let found = found.map_or_else(|| "the result".to_owned(), |own| format!("`{own}`"));
                self.fault(Reason::Overflow, &format!("{found} does not fit into {result}"))
            }
            ArrowError::ComputeError(text) | ArrowError::CastError(text) => {
                self.fault(Reason::Overflow, &text)
            }
            other => other.into(),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.range)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Why an operation failed while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A result is too large or too small for its type.
    Overflow,
    /// A whole number or decimal was divided by zero.
    DivisionByZero,
    /// A value cannot be read as the type that a cast names.
    Cast,
}

/// An operation that failed while it ran; carried through DataFusion as an external error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason:?} in `{text}`")]
pub(super) struct Fault {
    pub(super) reason: Reason,
    pub(super) text: String,
    pub(super) range: Range<usize>,
    pub(super) detail: String,
}
