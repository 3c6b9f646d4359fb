//! Least squares with or without a quadratic penalty: `linear_regression`, `ridge`.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use rayon::prelude::*;

use super::design::{Block, Design, sum};
use super::nonnegative;
use super::regressor::LinearRegressor;
use crate::ml::estimator::{Estimator, FitContext, FitError, Fitted, Sample, Tags, Task};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::training::Training;
use crate::params;
use crate::params::Limits;

/// The least part of a column that the columns before it must leave unexplained for the quick way.
const INDEPENDENT: f64 = 1e-8;

params! {
    /// Linear regression: the weighted sum of the columns with the least squared error.
    ///
    /// Where columns depend on each other, of all best sums the one with the smallest coefficients
    /// (by singular values, those below max(rows, columns) · ε of the largest taken as 0). As
    /// scikit-learn's `LinearRegression`.
    pub(crate) struct LinearRegression("linear_regression", 0) {
        /// Learns a constant beside the columns.
        fit_intercept: bool = true,
        /// Keeps the coefficients at 0 or above; the constant may be anything.
        positive: bool = false,
    }
}

params! {
    /// Linear regression that keeps coefficients small.
    ///
    /// Minimises Σ wᵢ (yᵢ − ŷᵢ)² + alpha ‖β‖², the intercept unpenalised. The penalty depends on the
    /// columns' units, so `scale` belongs in front of it. As scikit-learn's `Ridge`.
    pub(crate) struct Ridge("ridge", 0) {
        /// How much large coefficients cost; 0 is `linear_regression`.
        alpha: f64 = 1.0 => Limits::at_least(0.0),
        /// Learns a constant beside the columns.
        fit_intercept: bool = true,
        /// Keeps the coefficients at 0 or above; the constant may be anything.
        positive: bool = false,
    }
}

/// What is true of every linear regression.
pub(super) const TAGS: Tags = Tags {
    tasks: &[Task::Regression],
    missing: false,
    categories: false,
    scaled: true,
    weights: true,
};

impl Declaration for LinearRegression {
    type Model = LinearRegressor;
    const TAGS: Tags = Tags { scaled: false, ..TAGS };
}

impl Declaration for Ridge {
    type Model = LinearRegressor;
    const TAGS: Tags = TAGS;

    fn check(&self) -> Result<(), crate::ml::estimator::BadSetting> {
        if self.alpha.is_finite() {
            return Ok(());
        }
        let message =
            "`alpha` must be finite; to leave a column out, name it in `features`".to_owned();
        Err(crate::ml::estimator::BadSetting { param: "alpha", message })
    }
}

impl Estimator for LinearRegression {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let Self { fit_intercept, positive } = *self;
        Ridge { alpha: 0.0, fit_intercept, positive }.fit(sample, context)
    }
}

impl Estimator for Ridge {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(sample)?;
        let squares = Squares::new(&training, self.fit_intercept)?;
        context.check()?;
        Ok(Box::new(squares.ridge(&training, self.alpha, self.positive, context)?))
    }
}

/// A least-squares problem on scaled columns.
pub(super) struct Squares<'a> {
    pub(super) design: Design,
    /// The target without its mean.
    pub(super) target: Vec<f64>,
    /// The weighted mean of the target; 0 without an intercept.
    pub(super) mean: f64,
    weights: Option<&'a [f64]>,
}

impl<'a> Squares<'a> {
    pub(super) fn new(training: &'a Training<'_>, intercept: bool) -> Result<Self, FitError> {
        let target = training.numbers()?;
        let weighed = |of: &dyn Fn(f64) -> f64| {
            let rows = target.iter().enumerate();
            rows.map(|(row, value)| training.weight(row) * of(*value)).sum::<f64>()
                / training.total()
        };
        let mean = if intercept { weighed(&|value| value) } else { 0.0 };
        // The second pass mends what rounding left in the mean.
        let mean = if intercept { mean + weighed(&|value| value - mean) } else { 0.0 };
        Ok(Self {
            design: if intercept {
                Design::centred(training)
            } else {
                Design::new(training, false)
            },
            target: target.iter().map(|value| value - mean).collect(),
            mean,
            weights: training.weights.as_deref(),
        })
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Gives `XᵀWX`, whole.
    pub(super) fn gram(&self) -> Mat<f64> {
        let width = self.design.width();
        let parts = self.design.blocks.par_iter().map(|block| {
            let mut part = Mat::zeros(width, width);
            block.add_gram(|row| self.weight(block.start + row), &mut part);
            part
        });
        let mut gram = sum(parts.collect());
        for column in 0..gram.ncols() {
            for row in 0..column {
                gram[(row, column)] = gram[(column, row)];
            }
        }
        gram
    }

    /// Gives XᵀW(y − Xβ).
    pub(super) fn correlations(&self, coefficients: &Mat<f64>) -> Mat<f64> {
        let parts = self.design.blocks.par_iter().map(|block| {
            let mut left = Mat::zeros(block.x.nrows(), 1);
            block.times(coefficients.as_ref(), &mut left);
            for (row, value) in left.col_as_slice_mut(0).iter_mut().enumerate() {
                let row = block.start + row;
                *value = self.weight(row) * (self.target[row] - *value);
            }
            block.transposed_times(left.as_ref())
        });
        sum(parts.collect())
    }

    /// Minimises Σ wᵢ (yᵢ − ŷᵢ)² + alpha ‖β‖² in the columns' own units, over β ≥ 0 if that is wanted.
    pub(super) fn ridge(
        &self,
        training: &Training<'_>,
        alpha: f64,
        positive: bool,
        context: &FitContext<'_>,
    ) -> Result<LinearRegressor, FitError> {
        if positive {
            let (own, warnings) = self.nonnegative(alpha, context)?;
            return Ok(LinearRegressor::of_own(training, &self.design, own, self.mean, warnings));
        }
        let quick =
            (self.design.rows() >= self.design.width()).then(|| self.quick(alpha)).flatten();
        let own = match quick {
            Some(scaled) => {
                scaled.iter().zip(&self.design.scale).map(|(value, scale)| value / scale).collect()
            }
            None => self.smallest(alpha),
        };
        Ok(LinearRegressor::of_own(training, &self.design, own, self.mean, Vec::new()))
    }

    /// Solves the normal equations, mended by the residuals; none where columns nearly depend on
    /// each other.
    fn quick(&self, alpha: f64) -> Option<Vec<f64>> {
        let width = self.design.width();
        let penalty: Vec<f64> =
            self.design.scale.iter().map(|scale| alpha / (scale * scale)).collect();
        let mut gram = self.gram();
        for column in 0..width {
            gram[(column, column)] += penalty[column];
        }
        let factor = gram.llt(Side::Lower).ok()?;
        let lower = factor.L();
        let independent =
            |column: usize| lower[(column, column)].powi(2) > INDEPENDENT * gram[(column, column)];
        if !(0..width).all(independent) {
            return None;
        }
        let mut found = Mat::<f64>::zeros(width, 1);
        // Each round takes the error down by the condition times ε; three reach the last digits.
        for _ in 0..3 {
            let mut left = self.correlations(&found);
            for column in 0..width {
                left[(column, 0)] -= penalty[column] * found[(column, 0)];
            }
            found += factor.solve(&left);
        }
        let found = found.col_as_slice(0).to_vec();
        found.iter().all(|value| value.is_finite()).then_some(found)
    }

    /// Finds the smallest solution by singular values.
    fn smallest(&self, alpha: f64) -> Vec<f64> {
        let width = self.design.width();
        if width == 0 {
            return Vec::new();
        }
        let corner = self.corner(&self.design.scale);
        let matrix = corner.as_ref().subcols(0, width);
        let Ok(values) = matrix.thin_svd() else { return vec![0.0; width] };
        let (left, sizes, right) = (values.U(), values.S().column_vector(), values.V());
        let largest = (0..sizes.nrows()).map(|place| sizes[place]).fold(0.0, f64::max);
        let noise = largest * f64::EPSILON * self.design.rows().max(width) as f64;
        let mut found = vec![0.0; width];
        for place in 0..sizes.nrows() {
            let size = sizes[place];
            if size <= noise {
                continue;
            }
            let along: f64 =
                (0..corner.nrows()).map(|row| left[(row, place)] * corner[(row, width)]).sum();
            let length = along * size / (size * size + alpha);
            (0..width).for_each(|column| found[column] += length * right[(column, place)]);
        }
        found
    }

    /// Finds the best coefficients of at least 0, the smallest if there are several; and what the
    /// user should know.
    fn nonnegative(
        &self,
        alpha: f64,
        context: &FitContext<'_>,
    ) -> Result<(Vec<f64>, Vec<String>), FitError> {
        let (width, scale) = (self.design.width(), &self.design.scale);
        if width == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut corner = self.corner(&vec![1.0; width]);
        if alpha > 0.0 {
            let entry = |row: usize, column: usize| {
                if row == column { alpha.sqrt() / scale[column] } else { 0.0 }
            };
            let penalties = Mat::from_fn(width, width + 1, entry);
            corner = stacked(&[corner, penalties]).qr().thin_R().to_owned();
        }
        let columns: Vec<Vec<f64>> =
            (0..width).map(|column| corner.col_as_slice(column).to_vec()).collect();
        let target = corner.col_as_slice(width).to_vec();
        let optimum = nonnegative::minimise(columns, target, context)?;
        let scaled = optimum.coefficients.iter().zip(scale);
        let mut own: Vec<f64> = scaled.map(|(value, scale)| value / scale).collect();
        // With a penalty there is one optimum.
        if alpha == 0.0 && optimum.choice {
            let free = &optimum.level;
            // The columns' own units, but for one factor that keeps squares finite.
            let largest = free.iter().map(|column| scale[*column]).fold(0.0, f64::max);
            let in_own_units = |column: &usize| {
                let unit = scale[*column] / largest;
                corner.col_as_slice(*column).iter().map(|value| value * unit).collect()
            };
            let columns: Vec<Vec<f64>> = free.iter().map(in_own_units).collect();
            let found: Vec<f64> = free.iter().map(|column| own[*column]).collect();
            if let Some(smallest) = nonnegative::smallest(&columns, &found, context)? {
                free.iter().zip(smallest).for_each(|(column, value)| own[*column] = value);
            }
        }
        let warnings = if optimum.settled {
            Vec::new()
        } else {
            vec![
                "columns came into use and went out of it without an end, so that the coefficients may \
                 not be the best ones; leave out columns that nearly depend on others"
                    .to_owned(),
            ]
        };
        Ok((own, warnings))
    }

    /// Gives the triangle of all rows, each column times its unit, the target behind them.
    fn corner(&self, units: &[f64]) -> Mat<f64> {
        let blocks = self.design.blocks.par_iter();
        let corners: Vec<Mat<f64>> = blocks.map(|block| self.triangle(block, units)).collect();
        stacked(&corners).qr().thin_R().to_owned()
    }

    fn triangle(&self, block: &Block, units: &[f64]) -> Mat<f64> {
        let (rows, width) = block.x.shape();
        let entry = |row: usize, column: usize| {
            let root = self.weight(block.start + row).sqrt();
            match units.get(column) {
                Some(unit) => root * unit * block.x[(row, column)],
                None => root * self.target[block.start + row],
            }
        };
        Mat::from_fn(rows, width + 1, entry).qr().thin_R().to_owned()
    }
}

/// Puts matrices of as many columns below each other.
fn stacked(parts: &[Mat<f64>]) -> Mat<f64> {
    let rows: usize = parts.iter().map(Mat::nrows).sum();
    let columns = parts.first().map_or(0, Mat::ncols);
    let mut whole = Mat::zeros(rows, columns);
    let mut start = 0;
    for part in parts {
        whole.as_mut().subrows_mut(start, part.nrows()).copy_from(part);
        start += part.nrows();
    }
    whole
}
