//! `power`: makes numbers more like a normal distribution.
//!
//! Follows scikit-learn's `PowerTransformer`: the exponent maximises the likelihood of a normal
//! distribution (Yeo and Johnson 2000; Box and Cox 1964), found by Brent's method between bounds that
//! keep all powers finite, and the result is brought to mean 0 and standard deviation 1. Row weights
//! are not looked at.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, retyped};
use super::scale::{short, standard_scale};
use super::statistics::{moments, total};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;

params! {
    /// Makes numbers more like a normal distribution, by a power that is learnt for each column.
    ///
    /// Missing values stay missing.
    pub struct Power("power", 1) {
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// Which family of powers.
        method: PowerMethod = PowerMethod::YeoJohnson,
        /// Brings the result to mean 0 and standard deviation 1.
        standardize: bool = true,
    }
}

params! {
    /// A family of powers.
    pub enum PowerMethod {
        /// For all numbers.
        YeoJohnson = "yeo_johnson",
        /// For numbers above 0.
        BoxCox = "box_cox",
    }
}

/// What was learnt of a column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Powered {
    lambda: f64,
    box_cox: bool,
    centre: f64,
    scale: f64,
}

impl Power {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "power",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn learn(&self, name: &str, values: &[f64]) -> Result<Powered, FitError> {
        let box_cox = self.method == PowerMethod::BoxCox;
        if box_cox {
            refuse_nonpositive(name, values)?;
        }
        let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let own = moments(&present, None);
        // A constant column stays as it is.
        let constant = present.is_empty() || standard_scale(own).1;
        let lambda = match (constant, box_cox) {
            (true, _) => 1.0,
            (false, true) => box_cox_lambda(&present),
            (false, false) => yeo_johnson_lambda(&present),
        };
        let plain = Powered { lambda, box_cox, centre: 0.0, scale: 1.0 };
        if !self.standardize {
            return Ok(plain);
        }
        let powered: Vec<f64> = present.iter().map(|value| plain.power(*value)).collect();
        let after = moments(&powered, None);
        let centre = if present.is_empty() { 0.0 } else { after.mean };
        Ok(Powered { centre, scale: standard_scale(after).0, ..plain })
    }
}

impl Step for Power {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            self.learn(name, numbers_of(name, column)?)
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        Ok(retyped(before, &self.picking().known(before)?, Sort::Number))
    }
}

impl Declaration for Power {
    type Learnt = ByColumn<Powered>;
}

impl Powered {
    fn power(&self, value: f64) -> f64 {
        if self.box_cox { box_cox(value, self.lambda) } else { yeo_johnson(value, self.lambda) }
    }
}

impl Rule for Powered {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let values = numbers_of(name, column)?;
        if self.box_cox {
            refuse_nonpositive(name, values)?;
        }
        let powered = values.iter().map(|value| (self.power(*value) - self.centre) / self.scale);
        Ok(vec![(name.to_owned(), Column::Number(powered.collect()))])
    }

    fn summary(&self) -> String {
        format!("power {}", short(self.lambda))
    }
}

fn refuse_nonpositive(name: &str, values: &[f64]) -> Result<(), FitError> {
    match values.iter().position(|value| *value <= 0.0) {
        None => Ok(()),
        Some(row) => Err(FitError::BadValue {
            column: name.to_owned(),
            found: values[row].to_string(),
            row,
            hint: "`power` with `method: box_cox` takes numbers above 0; use `method: yeo_johnson`"
                .to_owned(),
        }),
    }
}

fn box_cox(value: f64, lambda: f64) -> f64 {
    if lambda == 0.0 { value.ln() } else { (lambda * value.ln()).exp_m1() / lambda }
}

fn yeo_johnson(value: f64, lambda: f64) -> f64 {
    let near = |exponent: f64| exponent.abs() < f64::EPSILON;
    if value >= 0.0 {
        let log = value.ln_1p();
        if near(lambda) { log } else { (lambda * log).exp_m1() / lambda }
    } else {
        let log = (-value).ln_1p();
        let exponent = 2.0 - lambda;
        if near(exponent) { -log } else { -(exponent * log).exp_m1() / exponent }
    }
}

/// Gives minus the log-likelihood of a normal distribution, all but a constant: half the rows times
/// the log of the variance, less the log of the transformation's slope.
fn unlikelihood(powered: &[f64], slope: f64) -> f64 {
    let cost = powered.len() as f64 / 2.0 * moments(powered, None).variance.ln() - slope;
    if cost.is_finite() { cost } else { f64::INFINITY }
}

/// Half of the range of exponents, so that variances stay finite too.
fn log_ends() -> (f64, f64) {
    let eps = f64::EPSILON.ln();
    ((f64::MIN_POSITIVE.ln() - eps) / 2.0, f64::midpoint(f64::MAX.ln(), eps))
}

fn yeo_johnson_lambda(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    // New values up to twenty times the largest can be transformed too.
    let log = (20.0 * largest).ln_1p();
    let (tiny, huge) = log_ends();
    let (mut low, mut high) = (tiny / log, huge / log);
    if values.iter().all(|value| *value < 0.0) {
        (low, high) = (2.0 - high, 2.0 - low);
    } else if values.iter().any(|value| *value < 0.0) {
        (low, high) = ((2.0 - high).max(low), (2.0 - low).min(high));
    }
    let slope = total(values.iter().map(|value| value.abs().ln_1p().copysign(*value)));
    minimum(low, high, |lambda| {
        let powered: Vec<f64> = values.iter().map(|value| yeo_johnson(*value, lambda)).collect();
        unlikelihood(&powered, (lambda - 1.0) * slope)
    })
}

fn box_cox_lambda(values: &[f64]) -> f64 {
    // The likelihood doesn't change by a factor on all values, so they are brought around 1.
    let mean = total(values.iter().map(|value| value.ln())) / values.len() as f64;
    let logs: Vec<f64> = values.iter().map(|value| value.ln() - mean).collect();
    let widest = logs.iter().fold(0.0_f64, |most, log| most.max(log.abs()));
    let end = (log_ends().1 / (widest + 20.0_f64.ln())).min(1e3);
    minimum(-end, end, |lambda| {
        let power = |log: &f64| if lambda == 0.0 { *log } else { (lambda * log).exp_m1() / lambda };
        unlikelihood(&logs.iter().map(power).collect::<Vec<f64>>(), 0.0)
    })
}

/// Finds the least value of a function between two ends: Brent's method without derivatives.
fn minimum(mut low: f64, mut high: f64, cost: impl Fn(f64) -> f64) -> f64 {
    let golden = 0.5 * (3.0 - 5.0_f64.sqrt());
    let root_eps = f64::EPSILON.sqrt();
    let mut best = low + golden * (high - low);
    let (mut second, mut third) = (best, best);
    let mut best_cost = cost(best);
    let (mut second_cost, mut third_cost) = (best_cost, best_cost);
    let (mut step, mut before) = (0.0_f64, 0.0_f64);
    for _ in 0..500 {
        let middle = f64::midpoint(low, high);
        let tolerance = root_eps * best.abs() + 1.48e-8 / 3.0;
        if (best - middle).abs() <= 2.0 * tolerance - 0.5 * (high - low) {
            break;
        }
        let r = (best - second) * (best_cost - third_cost);
        let q = (best - third) * (best_cost - second_cost);
        let mut p = (best - third) * q - (best - second) * r;
        let mut q = 2.0 * (q - r);
        if q > 0.0 {
            p = -p;
        }
        q = q.abs();
        let parabola = before.abs() > tolerance
            && p.abs() < (0.5 * q * before).abs()
            && p > q * (low - best)
            && p < q * (high - best);
        if parabola {
            before = step;
            step = p / q;
            let next = best + step;
            if next - low < 2.0 * tolerance || high - next < 2.0 * tolerance {
                step = tolerance.copysign(middle - best);
            }
        } else {
            before = if best >= middle { low - best } else { high - best };
            step = golden * before;
        }
        let next = best + step.abs().max(tolerance).copysign(step);
        let next_cost = cost(next);
        if next_cost <= best_cost {
            if next >= best {
                low = best;
            } else {
                high = best;
            }
            (third, third_cost) = (second, second_cost);
            (second, second_cost) = (best, best_cost);
            (best, best_cost) = (next, next_cost);
        } else {
            if next < best {
                low = next;
            } else {
                high = next;
            }
            if next_cost <= second_cost || second.to_bits() == best.to_bits() {
                (third, third_cost) = (second, second_cost);
                (second, second_cost) = (next, next_cost);
            } else if next_cost <= third_cost
                || third.to_bits() == best.to_bits()
                || third.to_bits() == second.to_bits()
            {
                (third, third_cost) = (next, next_cost);
            }
        }
    }
    best
}
