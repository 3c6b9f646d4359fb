//! The traits behind which every metric stands.

use std::cmp::Ordering;

use super::estimator::{BadSetting, Prediction, Task};
use crate::data::{Frame, Target};
use crate::params::{Args, Signature};

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Larger is better.
    Maximize,
    /// Smaller is better.
    Minimize,
}

impl Direction {
    /// Orders two scores, the better first; one that is missing or no number comes last.
    #[must_use]
    pub fn rank(self, one: Option<f64>, other: Option<f64>) -> Ordering {
        let number = |score: Option<f64>| score.filter(|score| !score.is_nan());
        match (number(one), number(other)) {
            (Some(one), Some(other)) => match self {
                Self::Maximize => other.total_cmp(&one),
                Self::Minimize => one.total_cmp(&other),
            },
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

/// What a metric looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The predicted classes.
    Labels,
    /// The predicted probabilities.
    Probabilities,
    /// The predicted numbers.
    Values,
    /// The features after the steps, and the groups.
    Groups,
}

/// What is true of a metric, whatever its settings.
#[derive(Clone, Copy, Debug)]
pub struct MetricTags {
    /// Which way is better.
    pub direction: Direction,
    /// What it looks at.
    pub needs: Needs,
    /// The tasks that it judges.
    pub tasks: &'static [Task],
}

/// A registered metric.
pub trait MetricKind: Sync {
    /// Gives the word and the parameters.
    fn signature(&self) -> &'static Signature;

    /// Gives what is true of it.
    fn tags(&self) -> MetricTags;

    /// Counts up when it gives other scores for the same rows: kept scores then are made anew.
    fn version(&self) -> u32 {
        1
    }

    /// Makes the metric from settled parameters.
    ///
    /// # Errors
    /// Names the parameter that is wrong together with the others.
    fn bind(&self, args: &Args) -> Result<Box<dyn Metric>, BadSetting>;
}

/// A metric with its settings.
pub trait Metric: Send + Sync {
    /// Tells whether it needs to know which of two classes is the positive one; asked with
    /// the number of classes before any run.
    fn needs_positive(&self) -> bool {
        false
    }

    /// Judges predictions.
    ///
    /// # Errors
    /// The metric isn't defined for these rows; the message says why.
    fn score(&self, judged: &Judged<'_>) -> Result<f64, MetricError>;
}

/// Predictions beside the truth.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The truth.
    pub target: &'a Target,
    /// What the model said; its classes are the target's.
    pub prediction: &'a Prediction,
    /// A weight a row; none means one each.
    pub weights: Option<&'a [f64]>,
    /// The code of the positive class, if one is settled.
    pub positive: Option<u32>,
    /// The features after the steps, for metrics of groups.
    pub features: Option<&'a Frame>,
}

/// Why a metric has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MetricError(pub String);
