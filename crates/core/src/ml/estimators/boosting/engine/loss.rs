//! Losses: values, gradients and hessians in the unbounded answer of the model.
//!
//! The formulas are scikit-learn's "half" losses; `raw` is the sum of trees, before the link.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "places are never negative, and class numbers are whole"
)]

use serde::{Deserialize, Serialize};

use super::math::{exp, ln_1p};

/// Rows that are worked on at a time, in registers and the nearest cache.
pub(super) const BLOCK: usize = 256;

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) enum Loss {
    /// Log loss of two classes; `raw` is the log odds of the second.
    Binary,
    /// Log loss of so many classes; `raw` goes through the softmax.
    Multinomial(usize),
    /// Half the squared error.
    Squared,
    /// The absolute error.
    Absolute,
    /// The pinball loss of a quantile.
    Quantile(f64),
    /// Half the Poisson deviance; `raw` is the logarithm of the mean.
    Poisson,
    /// Half the gamma deviance; `raw` is the logarithm of the mean.
    Gamma,
}

/// Some rows in a row: what a loss looks at.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The answers of the model.
    pub(super) raw: &'a [f64],
    /// The logarithm of the sum of exponentials over classes, where there are several.
    pub(super) lse: &'a [f64],
    /// The targets.
    pub(super) y: &'a [f64],
    /// The class that is meant, where there are several.
    pub(super) class: f64,
}

/// What a loss says of some rows.
pub(super) struct Slopes {
    /// The first derivatives.
    pub(super) gradient: [f64; BLOCK],
    /// The second derivatives.
    pub(super) hessian: [f64; BLOCK],
    /// The losses; not for several classes.
    pub(super) loss: [f64; BLOCK],
}

impl Slopes {
    /// Makes room.
    pub(super) const fn new() -> Self {
        Self { gradient: [0.0; BLOCK], hessian: [0.0; BLOCK], loss: [0.0; BLOCK] }
    }

    fn set(&mut self, rows: Rows<'_>, of: impl Fn(f64, f64) -> [f64; 3]) {
        let slots = self.gradient.iter_mut().zip(&mut self.hessian).zip(&mut self.loss);
        for ((raw, y), ((gradient, hessian), loss)) in rows.raw.iter().zip(rows.y).zip(slots) {
            [*gradient, *hessian, *loss] = of(*raw, *y);
        }
    }
}

impl Loss {
    /// Counts the trees of a round.
    pub(super) const fn outputs(self) -> usize {
        match self {
            Self::Multinomial(classes) => classes,
            _ => 1,
        }
    }

    /// Names what the history measures.
    pub(super) const fn metric(self) -> &'static str {
        match self {
            Self::Binary | Self::Multinomial(_) => "log_loss",
            Self::Squared => "half_squared_error",
            Self::Absolute => "absolute_error",
            Self::Quantile(_) => "pinball_loss",
            Self::Poisson => "half_poisson_deviance",
            Self::Gamma => "half_gamma_deviance",
        }
    }

    /// Gives the largest gradient and hessian of a row of weight one, where they are known.
    pub(super) const fn bounds(self) -> Option<[f64; 2]> {
        match self {
            Self::Binary | Self::Multinomial(_) => Some([1.0, 0.25]),
            Self::Absolute | Self::Quantile(_) => Some([1.0, 1.0]),
            Self::Squared | Self::Poisson | Self::Gamma => None,
        }
    }

    /// Tells whether every row of weight one has the hessian one.
    pub(super) const fn is_flat(self) -> bool {
        matches!(self, Self::Squared | Self::Absolute | Self::Quantile(_))
    }

    /// Works out gradients, hessians and losses of at most [`BLOCK`] rows.
    pub(super) fn slopes(self, rows: Rows<'_>, slopes: &mut Slopes) {
        match self {
            Self::Binary => slopes.set(rows, |raw, y| {
                let e = exp(-raw.abs());
                let q = 1.0 / (1.0 + e);
                let p = if raw >= 0.0 { q } else { e * q };
                [p - y, e * q * q, raw.max(0.0) - y * raw + ln_1p(e)]
            }),
            Self::Multinomial(_) => {
                let slots = slopes.gradient.iter_mut().zip(&mut slopes.hessian);
                let rest = rows.lse.iter().zip(rows.y);
                for ((raw, (lse, y)), (gradient, hessian)) in rows.raw.iter().zip(rest).zip(slots) {
                    let p = exp(raw - lse);
                    *gradient = p - f64::from(u8::from(*y == rows.class));
                    *hessian = p * (1.0 - p);
                }
            }
            Self::Squared => slopes.set(rows, |raw, y| [raw - y, 1.0, (raw - y) * (raw - y) / 2.0]),
            Self::Absolute => {
                slopes.set(rows, |raw, y| [if raw > y { 1.0 } else { -1.0 }, 1.0, (raw - y).abs()]);
            }
            Self::Quantile(share) => slopes.set(rows, |raw, y| {
                let slope = if y >= raw { -share } else { 1.0 - share };
                [slope, 1.0, slope * (raw - y)]
            }),
            Self::Poisson => slopes.set(rows, |raw, y| {
                let mean = exp(raw);
                let entropy = if y > 0.0 { y * y.ln() - y } else { 0.0 };
                [mean - y, mean, mean - y * raw + entropy]
            }),
            Self::Gamma => slopes.set(rows, |raw, y| {
                let share = y * exp(-raw);
                [1.0 - share, share, raw + share - y.ln() - 1.0]
            }),
        }
    }

    /// Gives the best constant answer, one an output.
    pub(super) fn baseline(self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        match self {
            Self::Binary => {
                let p = mean(y, weights).clamp(10.0 * f64::EPSILON, 1.0 - 10.0 * f64::EPSILON);
                vec![(p / (1.0 - p)).ln()]
            }
            Self::Multinomial(classes) => priors(y, weights, classes),
            Self::Squared => vec![mean(y, weights)],
            Self::Absolute | Self::Quantile(_) => vec![self.best_step(y.to_vec(), weights)],
            Self::Poisson | Self::Gamma => vec![mean(y, weights).max(10.0 * f64::EPSILON).ln()],
        }
    }

    /// Tells whether leaves take the best step along residuals in place of a Newton step.
    pub(super) const fn renews_leaves(self) -> bool {
        matches!(self, Self::Absolute | Self::Quantile(_))
    }

    /// Gives the constant nearest to all residuals.
    pub(super) fn best_step(self, residuals: Vec<f64>, weights: Option<&[f64]>) -> f64 {
        let share = if let Self::Quantile(share) = self { share } else { 0.5 };
        match weights {
            None => quantile(residuals, share),
            Some(weights) => {
                weighted_quantile(&residuals, weights, (share, self == Self::Absolute))
            }
        }
    }
}

/// Gives the weighted mean, with small errors whatever the order of rows.
fn mean(y: &[f64], weights: Option<&[f64]>) -> f64 {
    match weights {
        None => exact_sum(y.iter().copied()) / y.len() as f64,
        Some(weights) => {
            let products = y.iter().zip(weights).map(|(y, weight)| y * weight);
            exact_sum(products) / exact_sum(weights.iter().copied())
        }
    }
}

/// Sums floats up exactly and rounds once, so that the order of rows changes nothing.
///
/// Shewchuk's partial sums; see `math.fsum` of Python.
fn exact_sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for value in values {
        let mut rest = value;
        let mut kept = 0;
        for index in 0..parts.len() {
            let (mut large, mut small) = (rest, parts[index]);
            if large.abs() < small.abs() {
                (large, small) = (small, large);
            }
            let sum = large + small;
            let lost = small - (sum - large);
            if lost != 0.0 {
                parts[kept] = lost;
                kept += 1;
            }
            rest = sum;
        }
        parts.truncate(kept);
        parts.push(rest);
    }
    parts.iter().sum()
}

/// Gives the logarithms of the classes' shares, shifted to a mean of zero.
fn priors(y: &[f64], weights: Option<&[f64]>, classes: usize) -> Vec<f64> {
    let share = |class: usize| {
        let own: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y == class as f64))).collect();
        mean(&own, weights).clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    let logs: Vec<f64> = (0..classes).map(share).collect();
    let middle = logs.iter().sum::<f64>() / classes as f64;
    logs.iter().map(|log| log - middle).collect()
}

/// Gives a quantile by linear interpolation.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let place = share * (values.len() - 1) as f64;
    let (low, part) = (place.floor(), place.fract());
    let (_, lower, above) = values.select_nth_unstable_by(low as usize, f64::total_cmp);
    let lower = *lower;
    let upper = above.iter().copied().min_by(f64::total_cmp).unwrap_or(lower);
    lower + part * (upper - lower)
}

/// Gives a weighted quantile: the first value with enough weight up to it; where the weight is met
/// exactly and `average` is asked for, the middle between it and the next.
fn weighted_quantile(values: &[f64], weights: &[f64], (share, average): (f64, bool)) -> f64 {
    let mut order: Vec<(f64, f64)> = values.iter().copied().zip(weights.iter().copied()).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = order.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    for (index, (value, weight)) in order.iter().enumerate() {
        sum += weight;
        if sum >= share * total {
            let exact = sum - share * total <= f64::EPSILON * total;
            return match order.get(index + 1) {
                Some((next, _)) if average && exact => f64::midpoint(*value, *next),
                _ => *value,
            };
        }
    }
    order.last().map_or(0.0, |(value, _)| *value)
}
