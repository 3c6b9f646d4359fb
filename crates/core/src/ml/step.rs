//! The traits behind which every step of a model stands.

use super::columns::{NoColumn, Shape};
use super::estimator::{BadSetting, FitContext, FitError, LoadError};
use crate::data::{Frame, Target};
use crate::params::{Args, Signature};
use crate::text::Span;

/// A registered transformation.
pub trait StepKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Counts up when the same settings and data give another result than before.
    fn version(&self) -> u32 {
        1
    }

    /// Makes the step from settled parameters, checking rules between them.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Step>, BadSetting>;

    /// Reads a fitted step back.
    ///
    /// # Errors
    /// The bytes are not such a step.
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn FittedStep>, LoadError>;
}

/// A transformation with its settings, not yet fitted.
pub trait Step: Send + Sync {
    /// Learns from training rows, and gives those rows transformed.
    ///
    /// The rows come back from here because some steps (`target_encode`) treat rows that they were
    /// fitted on unlike new ones.
    ///
    /// # Errors
    /// The rows can't be learnt from.
    fn fit(
        &self,
        frame: &Frame,
        target: &Target,
        weights: Option<&[f64]>,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError>;

    /// Tells which columns there are after the step, as far as that is known before any row is read.
    ///
    /// # Errors
    /// The step can't be fitted on such columns, whatever the rows.
    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit>;
}

/// Columns that a step can't be fitted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct Misfit {
    /// The step.
    pub step: &'static str,
    /// The column, if one is to blame.
    pub column: Option<String>,
    /// Where the column is named, if it is.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Misfit {
    /// Says that a column isn't there when the step's turn comes.
    #[must_use]
    pub fn missing(step: &'static str, missing: NoColumn) -> Self {
        Self {
            step,
            message: format!("`{step}` finds no column `{}`", missing.name),
            help: missing.near.map(|near| format!("did you mean `{near}`?")),
            column: Some(missing.name),
            span: Some(missing.span),
        }
    }
}

/// A fitted transformation.
pub trait FittedStep: Send + Sync {
    /// Transforms rows with the same columns as the training rows.
    ///
    /// # Errors
    /// The columns don't fit, or a value was seen that the settings refuse.
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError>;

    /// Writes the step; [`StepKind::load`] reads it back to the bit.
    fn save(&self) -> Vec<u8>;

    /// Says in a few words what was learnt, for `mlp explain`.
    fn summary(&self) -> String;
}
