//! The chi-squared distribution.

use super::gamma;

/// Gives the probability of at least this value under so many degrees of freedom.
#[must_use]
pub fn upper_tail(value: f64, freedom: f64) -> f64 {
    if freedom > 0.0 { gamma::upper(0.5 * freedom, 0.5 * value) } else { f64::NAN }
}
