//! Linear regression with an absolute penalty: `lasso`, `elastic_net`.
//!
//! Coordinate descent on the columns' covariances; the duality gap decides when it is enough.

use faer::Mat;

use super::descent::Descent;
use super::regressor::LinearRegressor;
use super::squares::{Squares, TAGS};
use crate::ml::estimator::{BadSetting, Estimator, FitContext, FitError, Fitted, Sample, Tags};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::training::Training;
use crate::params;
use crate::params::Limits;

/// Covariances of more columns than this are not kept.
const MOST_COLUMNS: usize = 12_000;

params! {
    /// Linear regression that leaves columns out: coefficients are small, and many 0.
    ///
    /// Minimises Σ wᵢ (yᵢ − ŷᵢ)² / 2Σw + alpha ‖β‖₁, the intercept unpenalised. The penalty depends on
    /// the columns' units, so `scale` belongs in front of it. As scikit-learn's `Lasso`, to a tighter
    /// optimum.
    pub(crate) struct Lasso("lasso", 0) {
        /// How much coefficients cost; from some size on all are 0.
        alpha: f64 = 1.0 => Limits::at_least(0.0),
        /// Learns a constant beside the columns.
        fit_intercept: bool = true,
        /// Keeps the coefficients at 0 or above; the constant may be anything.
        positive: bool = false,
        /// The duality gap, relative to the target's squares, that counts as the optimum.
        tol: f64 = 1e-10 => Limits::above(0.0),
        /// The most rounds over the columns.
        max_iter: u64 = 10_000 => Limits::at_least(1.0),
    }
}

params! {
    /// Linear regression between `lasso` and `ridge`: leaves columns out, and shares among similar ones.
    ///
    /// Minimises Σ wᵢ (yᵢ − ŷᵢ)² / 2Σw + alpha · `l1_ratio` ‖β‖₁ + alpha (1 − `l1_ratio`) ‖β‖² / 2, the
    /// intercept unpenalised. As scikit-learn's `ElasticNet`, to a tighter optimum.
    pub(crate) struct ElasticNet("elastic_net", 0) {
        /// How much coefficients cost; from some size on all are 0.
        alpha: f64 = 1.0 => Limits::at_least(0.0),
        /// The share of the absolute penalty: 1 is `lasso`, 0 a ridge.
        l1_ratio: f64 = 0.5 => Limits::between(0.0, 1.0),
        /// Learns a constant beside the columns.
        fit_intercept: bool = true,
        /// Keeps the coefficients at 0 or above; the constant may be anything.
        positive: bool = false,
        /// The duality gap, relative to the target's squares, that counts as the optimum.
        tol: f64 = 1e-10 => Limits::above(0.0),
        /// The most rounds over the columns.
        max_iter: u64 = 10_000 => Limits::at_least(1.0),
    }
}

impl Declaration for Lasso {
    type Model = LinearRegressor;
    const TAGS: Tags = TAGS;
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        finite(self.alpha)
    }
}

impl Declaration for ElasticNet {
    type Model = LinearRegressor;
    const TAGS: Tags = TAGS;
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        finite(self.alpha)
    }
}

fn finite(alpha: f64) -> Result<(), BadSetting> {
    if alpha.is_finite() {
        return Ok(());
    }
    Err(BadSetting {
        param: "alpha",
        message: "`alpha` must be finite; use `dummy` for a constant".to_owned(),
    })
}

impl Estimator for Lasso {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let Self { alpha, fit_intercept, positive, tol, max_iter } = *self;
        ElasticNet { alpha, l1_ratio: 1.0, fit_intercept, positive, tol, max_iter }
            .fit(sample, context)
    }
}

impl Estimator for ElasticNet {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(sample)?;
        let squares = Squares::new(&training, self.fit_intercept)?;
        let total = training.total();
        // Without an absolute penalty it is a ridge, whose loss is no mean.
        if self.alpha * self.l1_ratio == 0.0 {
            let fitted = squares.ridge(&training, self.alpha * total, self.positive, context)?;
            return Ok(Box::new(fitted));
        }
        if squares.design.width() > MOST_COLUMNS {
            return Err(FitError::Other(format!(
                "there are {} columns, and it takes {MOST_COLUMNS} at most; pick some, or use `ridge`",
                squares.design.width()
            )));
        }
        let mut descent = self.descent(&squares, total);
        let rows = squares.target.iter().enumerate();
        let size: f64 = rows.map(|(row, value)| squares.weight(row) * value * value).sum();
        let enough = self.tol * size;
        let rounds = descent.run(self.max_iter, context, |own| gap(own, size) <= enough)?;
        let gap = gap(&descent, size);
        let mut warnings = Vec::new();
        let converged = gap <= enough;
        if !converged {
            warnings.push(format!(
                "it did not converge in {rounds} rounds: the duality gap is {gap:.1e}, above `tol` times the \
                 target's squares ({enough:.1e}); raise `max_iter`, or `alpha`"
            ));
        }
        let (found, mean) = (&descent.found, squares.mean);
        Ok(Box::new(LinearRegressor::of_scaled(&training, &squares.design, found, mean, warnings)))
    }
}

impl ElasticNet {
    /// Lays the problem out, everything times Σw.
    fn descent(&self, squares: &Squares<'_>, total: f64) -> Descent {
        let width = squares.design.width();
        let scales = &squares.design.scale;
        let absolute = self.alpha * self.l1_ratio * total;
        let quadratic = self.alpha * (1.0 - self.l1_ratio) * total;
        let aims = squares.correlations(&Mat::zeros(width, 1));
        let aims = if width == 0 { Vec::new() } else { aims.col_as_slice(0).to_vec() };
        Descent {
            gram: squares.gram(),
            absolute: scales.iter().map(|scale| absolute / scale).collect(),
            quadratic: scales.iter().map(|scale| quadratic / (scale * scale)).collect(),
            positive: self.positive,
            found: vec![0.0; width],
            left: aims.clone(),
            aims,
        }
    }
}

/// Gives the duality gap, as scikit-learn's `enet_coordinate_descent` does; `size` is Σ w y².
fn gap(descent: &Descent, size: f64) -> f64 {
    let Descent { found, aims, left, absolute, quadratic, .. } = descent;
    let columns = 0..found.len();
    // ‖y − Xβ‖² = ‖y‖² − βᵀXᵀy − βᵀXᵀ(y − Xβ)
    let explained: f64 =
        columns.clone().map(|column| found[column] * (aims[column] + left[column])).sum();
    let residual = (size - explained).max(0.0);
    let excess = columns.clone().map(|column| {
        let slope = left[column] - quadratic[column] * found[column];
        // A coefficient that may not fall below 0 holds back no slope that would take it there.
        let slope = if descent.positive { slope.max(0.0) } else { slope.abs() };
        slope / absolute[column]
    });
    let excess = excess.fold(0.0, f64::max);
    let factor = if excess > 1.0 { 1.0 / excess } else { 1.0 };
    let sizes: f64 = columns.clone().map(|column| absolute[column] * found[column].abs()).sum();
    let squares: f64 =
        columns.clone().map(|column| quadratic[column] * found[column].powi(2)).sum();
    // (y − Xβ)ᵀ y = ‖y‖² − βᵀXᵀy
    let along: f64 = columns.map(|column| found[column] * aims[column]).sum();
    0.5 * residual * (1.0 + factor * factor) + sizes - factor * (size - along)
        + 0.5 * squares * (1.0 + factor * factor)
}
