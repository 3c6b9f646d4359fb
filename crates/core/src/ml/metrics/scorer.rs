//! What every metric is made of: declared parameters, tags, and a function.
//!
//! Here the judged rows are checked once (lengths, codes, weights, NaN), so that no metric has to.

use crate::data::{Label, Target};
use crate::ml::estimator::{BadSetting, Prediction, Task};
use crate::ml::metric::{Direction, Judged, Metric, MetricError, MetricKind, MetricTags, Needs};
use crate::ml::settle::settled;
use crate::params::{Args, Params, Signature};

/// A metric with parameters `P`.
pub(super) struct Scorer<P: 'static> {
    /// What is true of it.
    pub(super) tags: MetricTags,
    /// Tells whether it needs the positive class.
    pub(super) positive: fn(&P) -> bool,
    /// Judges.
    pub(super) score: fn(&P, &Judged<'_>) -> Result<f64, MetricError>,
}

struct Settled<P: 'static> {
    params: P,
    positive: fn(&P) -> bool,
    score: fn(&P, &Judged<'_>) -> Result<f64, MetricError>,
}

impl<P> Scorer<P> {
    /// Makes a metric that needs no positive class.
    pub(super) const fn new(
        tags: MetricTags,
        score: fn(&P, &Judged<'_>) -> Result<f64, MetricError>,
    ) -> Self {
        Self { tags, positive: |_| false, score }
    }
}

impl<P: Params + Send + Sync + 'static> MetricKind for Scorer<P> {
    fn signature(&self) -> &'static Signature {
        const { &P::SIGNATURE }
    }

    fn tags(&self) -> MetricTags {
        self.tags
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Metric>, BadSetting> {
        let params = settled::<P>(args)?;
        Ok(Box::new(Settled { params, positive: self.positive, score: self.score }))
    }
}

impl<P: Send + Sync> Metric for Settled<P> {
    fn needs_positive(&self) -> bool {
        (self.positive)(&self.params)
    }

    fn score(&self, judged: &Judged<'_>) -> Result<f64, MetricError> {
        let value = (self.score)(&self.params, judged)?;
        if value.is_nan() { Err(undefined("it is not defined for these rows")) } else { Ok(value) }
    }
}

/// Tags of a metric of classes.
pub(super) const fn classes(direction: Direction, needs: Needs) -> MetricTags {
    MetricTags { direction, needs, tasks: &[Task::Classification] }
}

/// Tags of a metric of numbers.
pub(super) const fn numbers(direction: Direction) -> MetricTags {
    MetricTags { direction, needs: Needs::Values, tasks: &[Task::Regression] }
}

/// Tags of a metric of groups.
pub(super) const fn groups(direction: Direction) -> MetricTags {
    MetricTags { direction, needs: Needs::Groups, tasks: &[Task::Clustering] }
}

/// Says that a metric has no value, and why.
pub(super) fn undefined(why: impl Into<String>) -> MetricError {
    MetricError(why.into())
}

/// True and predicted numbers, one pair a row.
pub(super) struct Pairs<'a> {
    pub(super) truth: &'a [f64],
    pub(super) predicted: &'a [f64],
    pub(super) weights: Weights<'a>,
}

/// True classes beside predicted ones.
pub(super) struct Codes<'a> {
    pub(super) truth: &'a [u32],
    pub(super) predicted: Vec<u32>,
    pub(super) classes: &'a [Label],
    pub(super) weights: Weights<'a>,
}

/// True classes beside probabilities, `rows × classes`.
pub(super) struct Table<'a> {
    pub(super) truth: &'a [u32],
    pub(super) probabilities: &'a [f64],
    pub(super) classes: &'a [Label],
    pub(super) weights: Weights<'a>,
}

impl Table<'_> {
    /// Gives the probability of a class for a row.
    pub(super) fn of(&self, row: usize, class: usize) -> f64 {
        self.probabilities[row * self.classes.len() + class]
    }

    /// Gives the probabilities of one class.
    pub(super) fn column(&self, class: usize) -> Vec<f64> {
        self.probabilities.chunks(self.classes.len()).map(|row| row[class]).collect()
    }

    /// Tells for each row whether it is of a class.
    pub(super) fn is(&self, class: usize) -> Vec<bool> {
        self.truth.iter().map(|code| *code as usize == class).collect()
    }
}

/// A weight a row, or one each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a>(pub(super) Option<&'a [f64]>);

impl Weights<'_> {
    /// Gives the weight of a row.
    pub(super) fn of(&self, row: usize) -> f64 {
        self.0.map_or(1.0, |weights| weights[row])
    }

    /// Averages a value a row.
    pub(super) fn mean(&self, values: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, value) in values.enumerate() {
            let weight = self.of(row);
            sum += weight * value;
            total += weight;
        }
        sum / total
    }
}

/// Reads true and predicted numbers.
pub(super) fn pairs<'a>(judged: &Judged<'a>) -> Result<Pairs<'a>, MetricError> {
    let (Target::Numbers(truth), Prediction::Values(predicted)) =
        (judged.target, judged.prediction)
    else {
        return Err(undefined("it compares numbers, but the target or the prediction holds none"));
    };
    let weights = checked(judged, truth.len(), predicted.len())?;
    if let Some(row) =
        truth.iter().zip(predicted).position(|(y, p)| !y.is_finite() || !p.is_finite())
    {
        return Err(undefined(format!(
            "row {row} has a target or prediction that is no finite number"
        )));
    }
    Ok(Pairs { truth, predicted, weights })
}

/// Reads true and predicted classes.
pub(super) fn codes<'a>(judged: &Judged<'a>) -> Result<Codes<'a>, MetricError> {
    let table = table(judged)?;
    let predicted = judged.prediction.labels().unwrap_or_default();
    Ok(Codes { truth: table.truth, predicted, classes: table.classes, weights: table.weights })
}

/// Reads true classes and probabilities.
pub(super) fn table<'a>(judged: &Judged<'a>) -> Result<Table<'a>, MetricError> {
    let (Target::Classes { codes, .. }, Prediction::Classes { probabilities, classes }) =
        (judged.target, judged.prediction)
    else {
        return Err(undefined("it compares classes, but the target or the prediction holds none"));
    };
    let weights = checked(judged, codes.len(), judged.prediction.len())?;
    if let Some(code) = codes.iter().find(|code| **code as usize >= classes.len()) {
        return Err(undefined(format!(
            "the target has a class (number {code}) that the model doesn't know"
        )));
    }
    if let Some(at) = probabilities.iter().position(|probability| probability.is_nan()) {
        return Err(undefined(format!(
            "the model gave no probability for row {}",
            at / classes.len()
        )));
    }
    Ok(Table { truth: codes, probabilities, classes, weights })
}

fn checked<'a>(
    judged: &Judged<'a>,
    rows: usize,
    predicted: usize,
) -> Result<Weights<'a>, MetricError> {
    if rows != predicted {
        return Err(undefined(format!("there are {rows} rows but {predicted} predictions")));
    }
    if rows == 0 {
        return Err(undefined("there are no rows to judge"));
    }
    let Some(weights) = judged.weights else { return Ok(Weights(None)) };
    if weights.len() != rows {
        return Err(undefined(format!("there are {rows} rows but {} weights", weights.len())));
    }
    if let Some(row) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        return Err(undefined(format!(
            "row {row} has the weight {}, which must be 0 or more",
            weights[row]
        )));
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(undefined("no row has a weight above 0"));
    }
    Ok(Weights(Some(weights)))
}
