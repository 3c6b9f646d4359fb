//! Metrics of the order into which probabilities put rows: ROC AUC and average precision.

use super::averaged::{Average, positive};
use super::curves::{RocPoint, precision_recall, roc};
use super::scorer::{Scorer, Table, classes, table, undefined};
use crate::ml::metric::Direction::Maximize;
use crate::ml::metric::{Judged, MetricError, Needs};
use crate::params;
use crate::params::Limits;

params! {
    /// How several classes are split into pairs of two.
    pub(super) enum MultiClass {
        /// Each class against the rest.
        Ovr = "ovr",
        /// Each class against each other one; not swayed by how frequent classes are.
        Ovo = "ovo",
    }
}

params! {
    /// How the values of the classes become one.
    pub(super) enum AucAverage {
        /// The mean over the classes.
        Macro = "macro",
        /// The mean over the classes, weighted by their rows.
        Weighted = "weighted",
        /// One value from all rows and classes together; with `ovr` alone.
        Micro = "micro",
    }
}

params! {
    /// Area under the ROC curve: the chance that a positive row scores above a negative one.
    ///
    /// Ties count a half. For several classes the mean over one-against-rest or (Hand and Till,
    /// Machine Learning 45, 2001) one-against-one. As scikit-learn's `roc_auc_score`.
    pub(super) struct RocAuc("roc_auc", 0) {
        /// How several classes are split into pairs of two.
        multi_class: MultiClass = MultiClass::Ovr,
        /// How the values of several classes become one.
        average: AucAverage = AucAverage::Macro,
        /// Looks at false positive rates up to this alone, standardised after McClish (1989).
        max_fpr: Option<f64> = None => Limits::above_to(0.0, 1.0),
    }
}

params! {
    /// Mean precision over the thresholds, weighted by the gain in recall.
    ///
    /// The step sum Σ (Rᵢ − Rᵢ₋₁) Pᵢ, not a trapezoid. As scikit-learn's
    /// `average_precision_score`.
    pub(super) struct AveragePrecision("average_precision", 0) {
        /// How the values of the classes become one.
        average: Average = Average::Binary,
    }
}

/// `roc_auc`.
pub(super) static ROC_AUC: Scorer<RocAuc> =
    Scorer::new(classes(Maximize, Needs::Probabilities), roc_auc);

/// `average_precision`.
pub(super) static AVERAGE_PRECISION: Scorer<AveragePrecision> = Scorer {
    tags: classes(Maximize, Needs::Probabilities),
    positive: |params| params.average == Average::Binary,
    score: average_precision,
};

fn roc_auc(params: &RocAuc, judged: &Judged<'_>) -> Result<f64, MetricError> {
    let table = table(judged)?;
    if table.classes.len() == 2 {
        let class = judged.positive.map_or(1, |code| code as usize).min(1);
        return class_auc(&table, class, params.max_fpr);
    }
    if params.max_fpr.is_some() {
        return Err(undefined(format!(
            "`max_fpr` works with two classes, and there are {}",
            table.classes.len()
        )));
    }
    match (params.multi_class, params.average) {
        (MultiClass::Ovr, AucAverage::Macro) => {
            let values: Result<Vec<f64>, _> =
                (0..table.classes.len()).map(|class| class_auc(&table, class, None)).collect();
            Ok(mean(&values?))
        }
        (MultiClass::Ovr, AucAverage::Weighted) => {
            weighted(&table, |class| class_auc(&table, class, None))
        }
        (MultiClass::Ovr, AucAverage::Micro) => {
            let (positive, weights) = flat(&table);
            area(&positive, table.probabilities, weights.as_deref(), None)
                .ok_or_else(|| undefined("it needs two classes at least"))
        }
        (MultiClass::Ovo, AucAverage::Micro) => {
            Err(undefined("`average: micro` goes with `multi_class: ovr` alone"))
        }
        (MultiClass::Ovo, average) => one_against_one(&table, average),
    }
}

fn average_precision(params: &AveragePrecision, judged: &Judged<'_>) -> Result<f64, MetricError> {
    let table = table(judged)?;
    let of = |class: usize| step_sum(&table.is(class), &table.column(class), table.weights.0);
    match params.average {
        Average::Binary => Ok(of(positive(judged, table.classes.len())?)),
        Average::Micro => {
            let (positive, weights) = flat(&table);
            Ok(step_sum(&positive, table.probabilities, weights.as_deref()))
        }
        Average::Macro => Ok(mean(&(0..table.classes.len()).map(of).collect::<Vec<_>>())),
        Average::Weighted => weighted(&table, |class| Ok(of(class))),
    }
}

/// Sums precision over the gains in recall.
fn step_sum(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> f64 {
    let (mut sum, mut before) = (0.0, 0.0);
    // Without positive rows every recall is 1 and every precision 0.
    for point in precision_recall(positive, scores, weights) {
        sum += (point.recall - before) * point.precision;
        before = point.recall;
    }
    sum
}

/// Gives the area for one class against the rest.
fn class_auc(table: &Table<'_>, class: usize, max_fpr: Option<f64>) -> Result<f64, MetricError> {
    area(&table.is(class), &table.column(class), table.weights.0, max_fpr).ok_or_else(|| {
        undefined(format!(
            "it needs rows of class `{}` and rows of another class",
            table.classes[class]
        ))
    })
}

/// Gives the area under the ROC curve; none with rows of one sort alone.
pub(super) fn area(
    positive: &[bool],
    scores: &[f64],
    weights: Option<&[f64]>,
    max_fpr: Option<f64>,
) -> Option<f64> {
    let points = roc(positive, scores, weights);
    let last = points.last()?;
    if last.false_positive_rate.is_nan() || last.true_positive_rate.is_nan() {
        return None;
    }
    let Some(limit) = max_fpr.filter(|limit| *limit < 1.0) else {
        return Some(trapezoids(&points));
    };
    let inside = points.partition_point(|point| point.false_positive_rate <= limit);
    let (before, after) = (points.get(inside.checked_sub(1)?)?, points.get(inside)?);
    let share = (limit - before.false_positive_rate)
        / (after.false_positive_rate - before.false_positive_rate);
    let height =
        before.true_positive_rate + share * (after.true_positive_rate - before.true_positive_rate);
    let mut cut = points[..inside].to_vec();
    cut.push(RocPoint {
        threshold: f64::NAN,
        false_positive_rate: limit,
        true_positive_rate: height,
    });
    let least = 0.5 * limit * limit;
    Some(0.5 * (1.0 + (trapezoids(&cut) - least) / (limit - least)))
}

fn trapezoids(points: &[RocPoint]) -> f64 {
    points
        .windows(2)
        .map(|pair| {
            (pair[1].false_positive_rate - pair[0].false_positive_rate)
                * f64::midpoint(pair[0].true_positive_rate, pair[1].true_positive_rate)
        })
        .sum()
}

/// Averages over the classes by their weight; a class without rows is never asked.
fn weighted(
    table: &Table<'_>,
    of: impl Fn(usize) -> Result<f64, MetricError>,
) -> Result<f64, MetricError> {
    let (mut sum, mut total) = (0.0, 0.0);
    for class in 0..table.classes.len() {
        let rows = table.truth.iter().enumerate().filter(|(_, code)| **code as usize == class);
        let weight: f64 = rows.map(|(row, _)| table.weights.of(row)).sum();
        if weight > 0.0 {
            sum += weight * of(class)?;
            total += weight;
        }
    }
    Ok(sum / total)
}

/// Lays every row and class side by side, each pair a row of its own.
fn flat(table: &Table<'_>) -> (Vec<bool>, Option<Vec<f64>>) {
    let classes = table.classes.len();
    let positive = table
        .truth
        .iter()
        .flat_map(|code| (0..classes).map(move |class| class == *code as usize))
        .collect();
    let weights = table.weights.0.map(|weights| {
        weights.iter().flat_map(|weight| std::iter::repeat_n(*weight, classes)).collect()
    });
    (positive, weights)
}

/// Averages over the pairs of classes that have rows.
fn one_against_one(table: &Table<'_>, average: AucAverage) -> Result<f64, MetricError> {
    let counted = |class: usize| {
        (0..table.truth.len())
            .any(|row| table.truth[row] as usize == class && table.weights.of(row) > 0.0)
    };
    let present: Vec<usize> = (0..table.classes.len()).filter(|class| counted(*class)).collect();
    let (mut sum, mut total) = (0.0, 0.0);
    for (index, left) in present.iter().enumerate() {
        for right in &present[index + 1..] {
            let (value, rows) = pair_auc(table, *left, *right)?;
            let weight = if average == AucAverage::Macro { 1.0 } else { rows };
            sum += weight * value;
            total += weight;
        }
    }
    if total == 0.0 {
        Err(undefined("it needs rows of two classes at least"))
    } else {
        Ok(sum / total)
    }
}

/// Gives the mean of both directions of a pair, and the pair's weight.
fn pair_auc(table: &Table<'_>, left: usize, right: usize) -> Result<(f64, f64), MetricError> {
    let rows: Vec<usize> = (0..table.truth.len())
        .filter(|row| [left, right].contains(&(table.truth[*row] as usize)))
        .collect();
    let weights: Vec<f64> = rows.iter().map(|row| table.weights.of(*row)).collect();
    let one = |class: usize| {
        let positive: Vec<bool> =
            rows.iter().map(|row| table.truth[*row] as usize == class).collect();
        let scores: Vec<f64> = rows.iter().map(|row| table.of(*row, class)).collect();
        area(&positive, &scores, Some(&weights), None)
    };
    let value = one(left).zip(one(right)).map(|(left, right)| f64::midpoint(left, right));
    let value = value.ok_or_else(|| undefined("a pair of classes has no rows"))?;
    Ok((value, weights.iter().sum()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
