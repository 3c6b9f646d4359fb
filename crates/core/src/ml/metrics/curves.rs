//! Curves over all thresholds: ROC, precision and recall, calibration.
//!
//! These are what reports draw and what the ranked metrics integrate. A row counts as positive
//! where its score is at or above the threshold.

use super::scorer::Weights;

/// One point of a ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// Rows with this score or more count as positive; the first is +∞.
    pub threshold: f64,
    /// Share of the negative rows that count as positive; NaN if there are none.
    pub false_positive_rate: f64,
    /// Share of the positive rows that count as positive; NaN if there are none.
    pub true_positive_rate: f64,
}

/// One point of a precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecallPoint {
    /// Rows with this score or more count as positive.
    pub threshold: f64,
    /// Share of the rows counted as positive that are.
    pub precision: f64,
    /// Share of the positive rows that count as positive; 1 if there are none.
    pub recall: f64,
}

/// One bin of a calibration curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Which bin, counted from 0; bins without rows are left out.
    pub bin: usize,
    /// Mean of the predicted probabilities.
    pub mean_predicted: f64,
    /// Share of the rows that are positive.
    pub fraction_positive: f64,
    /// How many rows (or how much weight) it holds.
    pub count: f64,
}

/// Counts at one threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) threshold: f64,
    pub(super) false_positives: f64,
    pub(super) true_positives: f64,
}

/// Counts true and false positives at each distinct score, from the highest down.
///
/// Rows without weight don't count.
pub(super) fn steps(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Vec<Step> {
    let weights = Weights(weights);
    let mut order: Vec<usize> = (0..scores.len()).filter(|row| weights.of(*row) != 0.0).collect();
    order.sort_by(|left, right| scores[*right].total_cmp(&scores[*left]));
    let mut steps: Vec<Step> = Vec::new();
    let (mut false_positives, mut true_positives) = (0.0, 0.0);
    for row in order {
        let counter = if positive[row] { &mut true_positives } else { &mut false_positives };
        *counter += weights.of(row);
        let step = Step { threshold: scores[row], false_positives, true_positives };
        match steps.last_mut() {
            #[expect(clippy::float_cmp, reason = "ties are equal scores")]
            Some(last) if last.threshold == step.threshold => *last = step,
            _ => steps.push(step),
        }
    }
    steps
}

/// Draws the ROC curve of scores, points on a straight line between others left out.
///
/// As scikit-learn's `roc_curve`. All slices must have one length.
#[must_use]
pub fn roc(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Vec<RocPoint> {
    rates(&corners(&steps(positive, scores, weights)))
}

/// Turns counts into rates, from (0, 0) on.
pub(super) fn rates(steps: &[Step]) -> Vec<RocPoint> {
    let Some(last) = steps.last() else { return Vec::new() };
    let start = Step { threshold: f64::INFINITY, false_positives: 0.0, true_positives: 0.0 };
    let rate = |count: f64, all: f64| if all > 0.0 { count / all } else { f64::NAN };
    std::iter::once(&start)
        .chain(steps)
        .map(|step| RocPoint {
            threshold: step.threshold,
            false_positive_rate: rate(step.false_positives, last.false_positives),
            true_positive_rate: rate(step.true_positives, last.true_positives),
        })
        .collect()
}

/// Keeps the ends and each step at which the line bends.
fn corners(steps: &[Step]) -> Vec<Step> {
    let bends = |window: &[Step]| {
        let second = |value: fn(&Step) -> f64| {
            (value(&window[2]) - value(&window[1])) - (value(&window[1]) - value(&window[0])) != 0.0
        };
        second(|step| step.false_positives) || second(|step| step.true_positives)
    };
    let inner = steps.windows(3).filter(|window| bends(window)).map(|window| window[1]);
    let ends = steps.first().into_iter().copied();
    let last = if steps.len() > 1 { steps.last().copied() } else { None };
    ends.chain(inner).chain(last).collect()
}

/// Draws the precision-recall curve, from the highest threshold (least recall) down.
///
/// As scikit-learn's `precision_recall_curve`, in the other order and without its last point
/// (precision 1, recall 0), which belongs to no threshold.
#[must_use]
pub fn precision_recall(
    positive: &[bool],
    scores: &[f64],
    weights: Option<&[f64]>,
) -> Vec<RecallPoint> {
    let steps = steps(positive, scores, weights);
    let all = steps.last().map_or(0.0, |step| step.true_positives);
    let point = |step: &Step| {
        let counted = step.true_positives + step.false_positives;
        RecallPoint {
            threshold: step.threshold,
            precision: if counted == 0.0 { 0.0 } else { step.true_positives / counted },
            recall: if all == 0.0 { 1.0 } else { step.true_positives / all },
        }
    };
    steps.iter().map(point).collect()
}

/// Compares predicted probabilities with what came true, in bins of equal width.
///
/// A bin holds what is above its lower edge up to its upper edge, the first one 0 too. As
/// scikit-learn's `calibration_curve`.
#[must_use]
pub fn calibration(
    positive: &[bool],
    probabilities: &[f64],
    weights: Option<&[f64]>,
    bins: usize,
) -> Vec<CalibrationBin> {
    let (bins, weights) = (bins.max(1), Weights(weights));
    let mut sums = vec![(0.0, 0.0, 0.0); bins];
    for (row, probability) in probabilities.iter().enumerate() {
        let (sum, hits, count) = &mut sums[bin_of(*probability, bins)];
        *sum += weights.of(row) * probability;
        *hits += if positive[row] { weights.of(row) } else { 0.0 };
        *count += weights.of(row);
    }
    let filled = sums.into_iter().enumerate().filter(|(_, (_, _, count))| *count > 0.0);
    filled
        .map(|(bin, (sum, hits, count))| CalibrationBin {
            bin,
            mean_predicted: sum / count,
            fraction_positive: hits / count,
            count,
        })
        .collect()
}

/// Finds the bin of a probability by its edges `1/bins, 2/bins …`, each the end of its bin.
fn bin_of(probability: f64, bins: usize) -> usize {
    (1..bins).filter(|edge| (*edge as f64) / (bins as f64) < probability).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roc_curve_starts_at_infinity_and_drops_points_on_a_line() {
        let positive = [true, true, true, false, false];
        let points = roc(&positive, &[0.9, 0.8, 0.7, 0.6, 0.5], None);
        let read: Vec<_> = points
            .iter()
            .map(|point| (point.threshold, point.false_positive_rate, point.true_positive_rate))
            .collect();
        let third = 1.0 / 3.0;
        assert_eq!(
            read,
            [(f64::INFINITY, 0.0, 0.0), (0.9, 0.0, third), (0.7, 0.0, 1.0), (0.5, 1.0, 1.0)]
        );
    }

    #[test]
    fn a_probability_on_an_edge_belongs_to_the_bin_below() {
        let found: Vec<_> = [0.0, 0.1, 0.2, 0.20001, 0.6, 1.0].map(|p| bin_of(p, 5)).to_vec();
        assert_eq!(found, [0, 0, 0, 1, 2, 4]);
    }

    #[test]
    fn calibration_averages_each_bin_and_leaves_empty_ones_out() {
        let bins = calibration(&[true, false, true], &[0.1, 0.3, 0.95], Some(&[1.0, 3.0, 1.0]), 2);
        assert_eq!(bins.len(), 2);
        assert_eq!((bins[0].bin, bins[0].count, bins[0].fraction_positive), (0, 4.0, 0.25));
        assert!((bins[0].mean_predicted - 0.25).abs() < 1e-15);
        assert_eq!((bins[1].bin, bins[1].count), (1, 1.0));
        assert_eq!(
            calibration(&[true], &[0.95], None, 10),
            vec![CalibrationBin {
                bin: 9,
                mean_predicted: 0.95,
                fraction_positive: 1.0,
                count: 1.0
            }]
        );
    }
}
