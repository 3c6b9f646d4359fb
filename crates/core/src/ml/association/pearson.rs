//! Pearson's correlation.

use std::borrow::Cow;

use super::Association;
use crate::ml::special::student;
use crate::ml::steps::statistics::total;

/// How many products are added up before they are put together with the others.
const BLOCK: usize = 1024;

/// Numbers, and what is needed to look at them from their mean in units of their spread.
pub(super) struct Centred<'a> {
    values: Cow<'a, [f64]>,
    mean: f64,
    /// A power of two near the inverse of the largest distance from the mean, so that no square is
    /// too large or too small.
    scale: f64,
    /// The sum of the squares of the scaled distances; 0 if all numbers are equal.
    squares: f64,
}

impl<'a> Centred<'a> {
    /// Looks at numbers, none of them NaN.
    pub(super) fn of(values: Cow<'a, [f64]>) -> Self {
        let mean = total(values.iter().copied()) / values.len() as f64;
        let farthest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
        let scale = if farthest.is_normal() { (-farthest.log2().floor()).exp2() } else { 1.0 };
        let constant = values.windows(2).all(|pair| pair[0] == pair[1]);
        let square = |a: f64, b: f64| ((a - mean) * scale) * ((b - mean) * scale);
        let squares = if constant { 0.0 } else { products(&values, &values, square) };
        Self { values, mean, scale, squares }
    }

    /// Correlates with other numbers of the same rows.
    pub(super) fn with(&self, other: &Self) -> Association {
        let rows = self.values.len();
        if rows < 2 || self.squares == 0.0 || other.squares == 0.0 {
            return Association { coefficient: f64::NAN, p: f64::NAN, rows };
        }
        let sum = products(&self.values, &other.values, |a, b| {
            ((a - self.mean) * self.scale) * ((b - other.mean) * other.scale)
        });
        let coefficient = (sum / (self.squares * other.squares).sqrt()).clamp(-1.0, 1.0);
        // Two points always lie on a line.
        let p = if rows == 2 { 1.0 } else { student::of_correlation(coefficient, rows) };
        Association { coefficient, p, rows }
    }
}

/// Adds up what a function makes of two columns, row by row, in an order that is always the same.
fn products(left: &[f64], right: &[f64], one: impl Fn(f64, f64) -> f64) -> f64 {
    let block = |(left, right): (&[f64], &[f64])| {
        let mut lanes = [0.0_f64; 8];
        let (left, left_rest) = left.as_chunks::<8>();
        let (right, right_rest) = right.as_chunks::<8>();
        for (left, right) in left.iter().zip(right) {
            for (lane, (a, b)) in lanes.iter_mut().zip(left.iter().zip(right)) {
                *lane += one(*a, *b);
            }
        }
        let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| one(*a, *b)).sum();
        lanes.iter().sum::<f64>() + rest
    };
    total(left.chunks(BLOCK).zip(right.chunks(BLOCK)).map(block))
}
