//! `scale`: brings numbers to a common scale.
//!
//! `standard` counts row weights as copies, as scikit-learn's `StandardScaler` does; the other
//! methods don't look at them.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::picked::{ByColumn, Picking, Rule, applied, is_number, numbers_of, retyped};
use super::statistics::{Moments, moments, quantile, sorted};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::special::normal;
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::ml::steps::interval::Interval;
use crate::params;

params! {
    /// Brings numbers to a common scale.
    ///
    /// Missing values stay missing and count for nothing.
    pub struct Scale("scale", 1) {
        /// The columns; left out, all numbers (bools and one-hot columns stay as they are).
        columns: Option<Columns> = None,
        /// How to scale.
        method: Method = Method::Standard,
        /// For `min_max`: what the least and the greatest training value become, `0 .. 1` if left out.
        feature_range: Option<Interval> = None,
        /// For `robust`: the percentiles that span the scale, `25 .. 75` if left out.
        quantile_range: Option<Interval> = None,
        /// For `min_max`: cuts values outside of the training range to its ends.
        clip: bool = false,
        /// For `standard`: moves the mean to 0.
        with_mean: bool = true,
        /// For `standard`: brings the standard deviation to 1.
        with_std: bool = true,
        /// For `robust`: moves the median to 0.
        with_centering: bool = true,
        /// For `robust`: brings the span of `quantile_range` to 1.
        with_scaling: bool = true,
        /// For `robust`: divides by what that span is of a standard deviation where values are normally
        /// distributed, so that such values come out with variance 1.
        unit_variance: bool = false,
    }
}

params! {
    /// How numbers are scaled.
    pub enum Method {
        /// To mean 0 and standard deviation 1.
        Standard = "standard",
        /// To the range 0 to 1.
        MinMax = "min_max",
        /// To median 0 and interquartile range 1.
        Robust = "robust",
        /// To an absolute maximum of 1.
        MaxAbs = "max_abs",
    }
}

/// What was learnt of a column: `value × factor + shift`, or `(value − centre) / scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Scaled {
    /// `(value − centre) / scale`.
    Centred { centre: f64, scale: f64 },
    /// `value × factor + shift`, perhaps cut to two ends.
    Stretched { factor: f64, shift: f64, cut: Option<(f64, f64)> },
}

impl Scale {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "scale",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn learn(&self, values: &[f64], weights: Option<&[f64]>) -> Scaled {
        match self.method {
            Method::Standard => {
                let own = moments(values, weights);
                Scaled::Centred {
                    centre: if self.with_mean { own.mean } else { 0.0 },
                    scale: if self.with_std { standard_scale(own).0 } else { 1.0 },
                }
            }
            Method::Robust => {
                let sorted = sorted(values);
                let (low, high) = self
                    .quantile_range
                    .map_or((0.25, 0.75), |range| (range.low / 100.0, range.high / 100.0));
                let span = nonzero(quantile(&sorted, high) - quantile(&sorted, low));
                let normally = || normal::quantile(high) - normal::quantile(low);
                Scaled::Centred {
                    centre: if self.with_centering { quantile(&sorted, 0.5) } else { 0.0 },
                    scale: match (self.with_scaling, self.unit_variance) {
                        (false, _) => 1.0,
                        (true, false) => span,
                        (true, true) => span / normally(),
                    },
                }
            }
            Method::MaxAbs => {
                let most = values.iter().fold(f64::NAN, |most, value| most.max(value.abs()));
                Scaled::Centred { centre: 0.0, scale: nonzero(most) }
            }
            Method::MinMax => {
                let (low, high) =
                    self.feature_range.map_or((0.0, 1.0), |range| (range.low, range.high));
                let least = values.iter().copied().fold(f64::NAN, f64::min);
                let most = values.iter().copied().fold(f64::NAN, f64::max);
                let factor = (high - low) / nonzero(most - least);
                let cut = self.clip.then_some((low, high));
                Scaled::Stretched { factor, shift: low - least * factor, cut }
            }
        }
    }
}

/// Gives the standard deviation, or 1 where the variance is nothing but rounding (Chan, Golub and
/// `LeVeque`), and whether it is.
pub(super) fn standard_scale(own: Moments) -> (f64, bool) {
    let (n, eps) = (own.count, f64::EPSILON);
    let drift = n * own.mean * eps;
    let constant = own.variance <= n * eps * own.variance + drift * drift;
    (if constant { 1.0 } else { own.variance.sqrt() }, constant)
}

/// Makes a scale of nought one, so that a constant column survives.
fn nonzero(scale: f64) -> f64 {
    if scale < 10.0 * f64::EPSILON { 1.0 } else { scale }
}

impl Step for Scale {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        weights: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            Ok(self.learn(numbers_of(name, column)?, weights))
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        Ok(retyped(before, &self.picking().known(before)?, Sort::Number))
    }
}

impl Declaration for Scale {
    type Learnt = ByColumn<Scaled>;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong = |param, message: String| Err(BadSetting { param, message });
        let idle = |settings: &[(&'static str, bool)]| {
            settings.iter().find(|(_, given)| *given).map(|(param, _)| *param)
        };
        let span = [
            ("quantile_range", self.quantile_range.is_some()),
            ("unit_variance", self.unit_variance),
        ];
        let own: [(Method, &str, &[(&'static str, bool)]); 4] = [
            (
                Method::Standard,
                "standard",
                &[("with_mean", !self.with_mean), ("with_std", !self.with_std)],
            ),
            (
                Method::MinMax,
                "min_max",
                &[("feature_range", self.feature_range.is_some()), ("clip", self.clip)],
            ),
            (
                Method::Robust,
                "robust",
                &[("with_centering", !self.with_centering), ("with_scaling", !self.with_scaling)],
            ),
            (Method::Robust, "robust", &span),
        ];
        for (_, method, settings) in own.iter().filter(|(method, ..)| *method != self.method) {
            if let Some(param) = idle(settings) {
                return wrong(param, format!("`{param}` is for `method: {method}` alone"));
            }
        }
        if let Some(param) = idle(&span).filter(|_| !self.with_scaling) {
            return wrong(param, format!("`{param}` changes nothing with `with_scaling: false`"));
        }
        if let Some(range) = self.feature_range {
            range.check("feature_range", f64::MIN, f64::MAX)?;
        }
        let Some(range) = self.quantile_range else { return Ok(()) };
        range.check("quantile_range", 0.0, 100.0)?;
        if self.unit_variance && (range.low <= 0.0 || range.high >= 100.0) {
            let message = "`quantile_range` lies above 0 and below 100 with `unit_variance`: a normal distribution has no ends";
            return wrong("quantile_range", message.to_owned());
        }
        Ok(())
    }
}

impl Rule for Scaled {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let values = numbers_of(name, column)?.iter();
        let values = match *self {
            Self::Centred { centre, scale } => values.map(|x| (x - centre) / scale).collect(),
            Self::Stretched { factor, shift, cut: None } => {
                values.map(|x| x * factor + shift).collect()
            }
            Self::Stretched { factor, shift, cut: Some((low, high)) } => {
                values.map(|x| cut(x * factor + shift, low, high)).collect()
            }
        };
        Ok(vec![(name.to_owned(), Column::Number(values))])
    }

    fn summary(&self) -> String {
        match self {
            Self::Centred { centre, scale } => format!("({} ± {})", short(*centre), short(*scale)),
            Self::Stretched { factor, shift, .. } => {
                format!("× {} + {}", short(*factor), short(*shift))
            }
        }
    }
}

/// Brings a value between two ends; a missing one stays so.
pub(super) fn cut(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Writes a number with the five digits that people read.
pub(super) fn short(number: f64) -> String {
    let size = number.abs();
    if size.is_finite() && size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{number:.3e}");
    }
    let before = [1e0, 1e1, 1e2, 1e3, 1e4].iter().filter(|power| size >= **power).count();
    let plain = format!("{number:.*}", 5 - before);
    let plain = if before < 5 { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.804_673_847, "0.80467"),
            (7.648_529_27, "7.6485"),
            (2022.583, "2022.6"),
            (123_456.7, "123457"),
            (1e12, "1.000e12"),
            (1e-7, "1.000e-7"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
