//! Losses: how wrong the answers are, and the slopes of the answers.
//!
//! For classes the cross-entropy behind a softmax, for numbers the squared error.

use super::math::{exp, wide};

/// The right answers of some rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators::neural) enum Goal<'a> {
    /// The number of each row's class.
    Classes(&'a [u32]),
    /// Each row's number.
    Numbers(&'a [f32]),
}

/// Computes the sum of the weighted losses of rows.
pub(in crate::ml::estimators::neural) fn total(
    answers: &[f32],
    goal: Goal<'_>,
    weights: Option<&[f32]>,
) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
    match goal {
        Goal::Classes(codes) => {
            let width = answers.len() / codes.len().max(1);
            let rows = answers.chunks_exact(width.max(1)).zip(codes);
            rows.enumerate()
                .map(|(row, (answers, code))| {
                    let (largest, sum) = softmax_sum(answers);
                    weight(row) * surprise(answers, *code, largest, sum)
                })
                .sum()
        }
        Goal::Numbers(numbers) => answers
            .iter()
            .zip(numbers)
            .enumerate()
            .map(|(row, (answer, number))| {
                let off = f64::from(answer - number);
                weight(row) * off * off
            })
            .sum(),
    }
}

/// Computes the sum of the weighted losses of rows, and the slopes of the answers, times `share`.
pub(super) fn slopes(
    answers: &[f32],
    goal: Goal<'_>,
    weights: Option<&[f32]>,
    share: f32,
    slopes: &mut [f32],
) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let mut total = 0.0;
    match goal {
        Goal::Classes(codes) => {
            let width = (answers.len() / codes.len().max(1)).max(1);
            let rows = answers.chunks_exact(width).zip(slopes.chunks_exact_mut(width));
            for (row, ((answers, slopes), code)) in rows.zip(codes).enumerate() {
                let (largest, sum) = softmax_sum(answers);
                total += f64::from(weight(row)) * surprise(answers, *code, largest, sum);
                let factor = share * weight(row);
                wide(
                    #[inline(always)]
                    || {
                        for (slope, answer) in slopes.iter_mut().zip(answers) {
                            *slope = exp(answer - largest) / sum * factor;
                        }
                    },
                );
                slopes[*code as usize] -= factor;
            }
        }
        Goal::Numbers(numbers) => {
            for (row, (slope, (answer, number))) in
                slopes.iter_mut().zip(answers.iter().zip(numbers)).enumerate()
            {
                let off = answer - number;
                total += f64::from(weight(row)) * f64::from(off) * f64::from(off);
                *slope = 2.0 * off * share * weight(row);
            }
        }
    }
    total
}

/// Gives the largest answer, and the sum of e to the power of each less that.
fn softmax_sum(answers: &[f32]) -> (f32, f32) {
    let largest = answers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (
        largest,
        wide(
            #[inline(always)]
            || {
                let mut sum = 0.0;
                for answer in answers {
                    sum += exp(answer - largest);
                }
                sum
            },
        ),
    )
}

/// Gives the cross-entropy of one row.
fn surprise(answers: &[f32], code: u32, largest: f32, sum: f32) -> f64 {
    f64::from(sum).ln() - f64::from(answers[code as usize] - largest)
}

/// Turns the answers of a row into probabilities that sum to one.
pub(in crate::ml::estimators::neural) fn probabilities(answers: &[f32], out: &mut [f64]) {
    let largest = answers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    wide(
        #[inline(always)]
        || {
            for (out, answer) in out.iter_mut().zip(answers) {
                *out = f64::from(exp(answer - largest));
            }
        },
    );
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|own| *own /= sum);
}
