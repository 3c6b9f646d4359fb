//! Student's t distribution.

use super::beta;
use super::normal;

/// Gives the probability that a t value of so many degrees of freedom is at least this far from 0,
/// on either side.
#[must_use]
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    if freedom.is_infinite() {
        return 2.0 * normal::upper_tail(t.abs());
    }
    let square = t * t;
    if square.is_infinite() {
        return 0.0;
    }
    let whole = freedom + square;
    beta::lower(0.5 * freedom, 0.5, freedom / whole, square / whole)
}

/// Gives the probability that a sample correlation of `rows` pairs is at least this far from 0 where
/// there is none; NaN for fewer than three rows.
#[must_use]
pub fn of_correlation(coefficient: f64, rows: usize) -> f64 {
    if rows < 3 {
        return f64::NAN;
    }
    let r = coefficient.abs().min(1.0);
    beta::lower(0.5 * (rows as f64 - 2.0), 0.5, (1.0 - r) * (1.0 + r), r * r)
}

/// Gives the value that a t value of so many degrees of freedom exceeds, on either side, with this
/// probability: `two_sided(t) = probability`.
#[must_use]
pub fn two_sided_quantile(probability: f64, freedom: f64) -> f64 {
    if !(probability > 0.0 && probability <= 1.0 && freedom > 0.0) {
        return f64::NAN;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided(high, freedom) > probability && high < 1e150 {
        low = high;
        high *= 2.0;
    }
    // Halves the interval until nothing lies between its ends.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if two_sided(middle, freedom) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
}
