//! The traits behind which every learning algorithm stands.
//!
//! Unfitted ([`Estimator`]) and fitted ([`Fitted`]) are two types, so "not fitted" can't be written.
//! A kind is registered once in [`ESTIMATORS`](super::estimators::ESTIMATORS); training, scoring,
//! tuning, storing and the docs follow from there.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Seed;
use super::columns::Shape;
use crate::data::{Frame, Label, Target};
use crate::params::{Args, Signature};
use crate::text::Span;

/// What a model is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Tells classes.
    Classification,
    /// Tells numbers.
    Regression,
    /// Finds groups.
    Clustering,
    /// Finds odd rows.
    Anomaly,
}

impl Task {
    /// Gives the word of the language.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Clustering => "clustering",
            Self::Anomaly => "anomaly",
        }
    }
}

/// What is true of an estimator, whatever its settings.
#[derive(Clone, Copy, Debug)]
pub struct Tags {
    /// What it can be used for.
    pub tasks: &'static [Task],
    /// Takes NaN as it is.
    pub missing: bool,
    /// Takes [`Column::Category`](crate::data::Column::Category) as it is, missing ones too.
    pub categories: bool,
    /// Works better on scaled numbers: `steps: auto` scales for it.
    pub scaled: bool,
    /// Takes row weights.
    pub weights: bool,
}

/// A registered learning algorithm.
pub trait EstimatorKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Gives what is true of it.
    fn tags(&self) -> Tags;

    /// Counts up when the same settings and data give another model than before.
    fn version(&self) -> u32 {
        1
    }

    /// Makes the estimator from settled parameters, checking rules between them.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Estimator>, BadSetting>;

    /// Says what doesn't fit together in settled parameters, such as layers laid one on another; held
    /// against the columns behind the steps, if they are known before a run.
    fn flaws(&self, args: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        let _ = (args, columns);
        Vec::new()
    }

    /// Reads a fitted model back.
    ///
    /// # Errors
    /// The bytes are not such a model.
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Fitted>, LoadError>;
}

/// A part of an estimator's settings that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where it is written, if it is.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// A rule between parameters that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadSetting {
    /// The parameter to mend.
    pub param: &'static str,
    /// What is wrong and what was expected.
    pub message: String,
}

/// Bytes that are no fitted model of the kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no fitted `{kind}`: {reason}")]
pub struct LoadError {
    /// The kind that was expected.
    pub kind: &'static str,
    /// What is wrong with the bytes.
    pub reason: String,
}

/// An estimator with its settings, not yet fitted.
pub trait Estimator: Send + Sync {
    /// Learns from rows.
    ///
    /// The same sample, settings and seed give the same bits, on any number of threads.
    ///
    /// # Errors
    /// The rows can't be learnt from; the message says why and what to do.
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError>;
}

/// A fitted model.
pub trait Fitted: Send + Sync {
    /// Answers for rows with the same columns as the training rows.
    ///
    /// # Errors
    /// The columns don't fit.
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError>;

    /// Writes the model; [`EstimatorKind::load`] reads it back to the bit.
    fn save(&self) -> Vec<u8>;

    /// Gives an importance a feature, in the order of the columns, if the model has such.
    fn importance(&self) -> Option<Vec<f64>> {
        None
    }

    /// Gives the course of the training, if it went in rounds.
    fn history(&self) -> &[Round] {
        &[]
    }

    /// Gives what the user should know, such as that training didn't converge.
    fn warnings(&self) -> &[String] {
        &[]
    }
}

/// One round of training.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Round {
    /// Counted from one.
    pub iteration: u64,
    /// What was measured: `log_loss`, `objective`.
    pub metric: String,
    /// On the training rows.
    pub train: f64,
    /// On the validation rows, if there are any.
    pub validation: Option<f64>,
}

/// Rows to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The features.
    pub features: &'a Frame,
    /// The target, of the same length.
    pub target: &'a Target,
    /// A weight a row, at least 0; none means one each. Class weights are already in it.
    pub weights: Option<&'a [f64]>,
}

/// What a fit may lean on beside the rows.
#[derive(Clone, Copy)]
pub struct FitContext<'a> {
    /// The source of every random choice.
    pub seed: Seed,
    /// Tells that the user wants to stop; asked at least every few tenths of a second.
    pub stop: &'a AtomicBool,
    /// Rows to watch for early stopping, where the user gave some.
    pub validation: Option<Sample<'a>>,
    /// Hears (rounds done, rounds in all).
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl FitContext<'_> {
    /// Ends the fit if the user wants to stop.
    ///
    /// # Errors
    /// [`FitError::Stopped`] if so.
    pub fn check(&self) -> Result<(), FitError> {
        if self.stop.load(Ordering::Relaxed) { Err(FitError::Stopped) } else { Ok(()) }
    }
}

/// Why a fit or a prediction failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The user stopped the run.
    #[error("stopped")]
    Stopped,
    /// There are no rows, or none with weight.
    #[error("there are no rows to learn from")]
    NoRows,
    /// Fewer than two classes are in the rows.
    #[error("all rows have the class `{class}`; a classifier needs two classes at least")]
    OneClass {
        /// The only class.
        class: String,
    },
    /// A column of a sort that the estimator or step can't take.
    #[error("column `{column}` holds {found}, but {expected}")]
    Column {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A missing or infinite value where none can be taken.
    #[error("column `{column}` has {found} in row {row}; {hint}")]
    BadValue {
        /// The column.
        column: String,
        /// What was found: `a missing value`, `infinity`.
        found: String,
        /// The row, counted from 0, in the rows that were given.
        row: usize,
        /// How to mend it.
        hint: String,
    },
    /// Anything else; says what, what was expected and what to do.
    #[error("{0}")]
    Other(String),
}

impl FitError {
    /// Names the row as it stands among all rows, if the rows that were given begin behind `before`
    /// others.
    #[must_use]
    pub fn behind(self, before: usize) -> Self {
        match self {
            Self::BadValue { column, found, row, hint } => {
                Self::BadValue { column, found, row: row + before, hint }
            }
            other => other,
        }
    }
}

/// What a model says of rows.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Prediction {
    /// A probability a row and class, row by row.
    Classes {
        /// `rows × classes` probabilities; each row sums to one.
        probabilities: Vec<f64>,
        /// The classes, sorted.
        classes: std::sync::Arc<[Label]>,
    },
    /// A number a row.
    Values(Vec<f64>),
    /// A group a row; −1 is noise.
    Clusters(Vec<i64>),
    /// How odd a row is (the larger, the odder), and whether it counts as odd.
    Anomalies {
        /// A score a row.
        scores: Vec<f64>,
        /// A verdict a row.
        odd: Vec<bool>,
    },
}

impl Prediction {
    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { probabilities, classes } => probabilities.len() / classes.len().max(1),
            Self::Values(values) => values.len(),
            Self::Clusters(groups) => groups.len(),
            Self::Anomalies { scores, .. } => scores.len(),
        }
    }

    /// Tells whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Picks rows of classes or numbers, in the order given; nothing of groups and odd rows.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Option<Self> {
        match self {
            Self::Classes { probabilities, classes } => {
                let row = |row: &usize| probabilities.chunks(classes.len().max(1)).nth(*row);
                let picked = rows.iter().filter_map(row).flatten().copied().collect();
                Some(Self::Classes { probabilities: picked, classes: classes.clone() })
            }
            Self::Values(values) => {
                let picked = rows.iter().filter_map(|row| values.get(*row)).copied().collect();
                Some(Self::Values(picked))
            }
            Self::Clusters(_) | Self::Anomalies { .. } => None,
        }
    }

    /// Gives the most probable class of each row as a code; ties go to the lower class.
    #[must_use]
    pub fn labels(&self) -> Option<Vec<u32>> {
        let Self::Classes { probabilities, classes } = self else { return None };
        let best = |row: &[f64]| {
            let (mut best, mut code) = (f64::NEG_INFINITY, 0_u32);
            for (index, probability) in (0_u32..).zip(row) {
                if *probability > best {
                    (best, code) = (*probability, index);
                }
            }
            code
        };
        Some(probabilities.chunks(classes.len().max(1)).map(best).collect())
    }
}
