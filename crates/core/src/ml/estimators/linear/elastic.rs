//! Linear regression with an absolute penalty: `lasso`, `elastic_net`.
//!
//! Coordinate descent (Friedman, Hastie and Tibshirani, J. Stat. Softw. 33, 2010) on the columns'
//! covariances. Once the set of columns in use settles, its own equations are solved at once, so that
//! the optimum is exact; the duality gap decides.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

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
        /// The duality gap, relative to the target's squares, that counts as the optimum.
        tol: f64 = 1e-10 => Limits::above(0.0),
        /// The most rounds over the columns.
        max_iter: u64 = 10_000 => Limits::at_least(1.0),
    }
}

impl Declaration for Lasso {
    type Model = LinearRegressor;
    const TAGS: Tags = TAGS;

    fn check(&self) -> Result<(), BadSetting> {
        finite(self.alpha)
    }
}

impl Declaration for ElasticNet {
    type Model = LinearRegressor;
    const TAGS: Tags = TAGS;

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
        let (fit_intercept, tol, max_iter) = (self.fit_intercept, self.tol, self.max_iter);
        ElasticNet { alpha: self.alpha, l1_ratio: 1.0, fit_intercept, tol, max_iter }
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
            return Ok(Box::new(squares.ridge(&training, self.alpha * total)));
        }
        if squares.design.width() > MOST_COLUMNS {
            return Err(FitError::Other(format!(
                "there are {} columns, and it takes {MOST_COLUMNS} at most; pick some, or use `ridge`",
                squares.design.width()
            )));
        }
        let mut descent = Descent::new(&squares, self, total);
        let rounds = descent.run(self, context)?;
        let gap = descent.gap();
        let mut warnings = Vec::new();
        if !descent.flat(self.tol) {
            warnings.push(format!(
                "it did not converge in {rounds} rounds: the duality gap is {gap:.1e}, above `tol` times the \
                 target's squares ({:.1e}); raise `max_iter`, or `alpha`",
                self.tol * descent.squares
            ));
        }
        let (found, mean) = (&descent.found, squares.mean);
        Ok(Box::new(LinearRegressor::of_scaled(&training, &squares.design, found, mean, warnings)))
    }
}

/// Coordinate descent on ½ βᵀGβ − cᵀβ + Σ lⱼ |βⱼ| + ½ Σ qⱼ βⱼ², everything times Σw.
struct Descent {
    gram: Mat<f64>,
    /// Xᵀ W y.
    aims: Vec<f64>,
    /// Σ w y².
    squares: f64,
    absolute: Vec<f64>,
    quadratic: Vec<f64>,
    found: Vec<f64>,
    /// Xᵀ W (y − Xβ).
    left: Vec<f64>,
}

impl Descent {
    fn new(squares: &Squares<'_>, settings: &ElasticNet, total: f64) -> Self {
        let width = squares.design.width();
        let scales = &squares.design.scale;
        let absolute = settings.alpha * settings.l1_ratio * total;
        let quadratic = settings.alpha * (1.0 - settings.l1_ratio) * total;
        let aims = squares.correlations(&Mat::zeros(width, 1));
        let aims = if width == 0 { Vec::new() } else { aims.col_as_slice(0).to_vec() };
        let rows = squares.target.iter().enumerate();
        Self {
            gram: squares.gram(),
            squares: rows.map(|(row, value)| squares.weight(row) * value * value).sum(),
            absolute: scales.iter().map(|scale| absolute / scale).collect(),
            quadratic: scales.iter().map(|scale| quadratic / (scale * scale)).collect(),
            found: vec![0.0; width],
            left: aims.clone(),
            aims,
        }
    }

    /// Descends until the gap is small; gives the rounds.
    fn run(&mut self, settings: &ElasticNet, context: &FitContext<'_>) -> Result<u64, FitError> {
        let (mut next_solve, mut signs) = (2, Vec::new());
        for round in 1..=settings.max_iter {
            context.check()?;
            (0..self.found.len()).for_each(|column| self.step(column));
            for _ in 0..4 {
                (0..self.found.len())
                    .filter(|column| self.found[*column] != 0.0)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|column| self.step(column));
            }
            let now: Vec<i8> = self.found.iter().map(|value| sign(*value)).collect();
            // Where the same columns are in use as before, their equations may be the whole problem.
            if now == signs && round >= next_solve {
                self.solve();
                next_solve = round + round / 2 + 1;
            }
            signs = now;
            if self.flat(settings.tol) {
                return Ok(round);
            }
        }
        Ok(settings.max_iter)
    }

    /// Minimises over one coefficient.
    fn step(&mut self, column: usize) {
        let own = self.gram[(column, column)];
        let before = self.found[column];
        let pull = self.left[column] + own * before;
        let curvature = own + self.quadratic[column];
        let after = if curvature > 0.0 {
            let shrunk = (pull.abs() - self.absolute[column]).max(0.0) / curvature;
            shrunk.copysign(pull)
        } else {
            0.0
        };
        let after = if after == 0.0 { 0.0 } else { after };
        if after.to_bits() != before.to_bits() {
            let change = after - before;
            let covariances = self.gram.col_as_slice(column);
            self.left.iter_mut().zip(covariances).for_each(|(left, own)| *left -= change * own);
            self.found[column] = after;
        }
    }

    /// Solves for the columns in use, their signs kept; takes the solution if the signs hold.
    fn solve(&mut self) {
        let used: Vec<usize> =
            (0..self.found.len()).filter(|column| self.found[*column] != 0.0).collect();
        if used.is_empty() || used.len() > 3_000 {
            return;
        }
        let entry = |row: usize, column: usize| {
            let penalty = if row == column { self.quadratic[used[row]] } else { 0.0 };
            self.gram[(used[row], used[column])] + penalty
        };
        let Ok(factor) = Mat::from_fn(used.len(), used.len(), entry).llt(Side::Lower) else {
            return;
        };
        let aim = |row: usize, _| {
            let column = used[row];
            self.aims[column] - self.absolute[column].copysign(self.found[column])
        };
        let solved = factor.solve(&Mat::from_fn(used.len(), 1, aim));
        let holds =
            |(row, column): (usize, &usize)| sign(solved[(row, 0)]) == sign(self.found[*column]);
        if !used.iter().enumerate().all(holds) {
            return;
        }
        for (row, column) in used.iter().enumerate() {
            self.found[*column] = solved[(row, 0)];
        }
        self.left.copy_from_slice(&self.aims);
        for column in used {
            let (value, covariances) = (self.found[column], self.gram.col_as_slice(column));
            self.left.iter_mut().zip(covariances).for_each(|(left, own)| *left -= value * own);
        }
    }

    fn flat(&self, tolerance: f64) -> bool {
        self.gap() <= tolerance * self.squares
    }

    /// Gives the duality gap, as scikit-learn's `enet_coordinate_descent` does.
    fn gap(&self) -> f64 {
        let columns = 0..self.found.len();
        // ‖y − Xβ‖² = ‖y‖² − βᵀXᵀy − βᵀXᵀ(y − Xβ)
        let explained: f64 = columns
            .clone()
            .map(|column| self.found[column] * (self.aims[column] + self.left[column]))
            .sum();
        let residual = (self.squares - explained).max(0.0);
        let excess = columns.clone().map(|column| {
            let slope = self.left[column] - self.quadratic[column] * self.found[column];
            slope.abs() / self.absolute[column]
        });
        let excess = excess.fold(0.0, f64::max);
        let factor = if excess > 1.0 { 1.0 / excess } else { 1.0 };
        let absolute: f64 =
            columns.clone().map(|column| self.absolute[column] * self.found[column].abs()).sum();
        let quadratic: f64 =
            columns.clone().map(|column| self.quadratic[column] * self.found[column].powi(2)).sum();
        // (y − Xβ)ᵀ y = ‖y‖² − βᵀXᵀy
        let along: f64 = columns.map(|column| self.found[column] * self.aims[column]).sum();
        0.5 * residual * (1.0 + factor * factor) + absolute - factor * (self.squares - along)
            + 0.5 * quadratic * (1.0 + factor * factor)
    }
}

fn sign(value: f64) -> i8 {
    if value == 0.0 {
        0
    } else if value > 0.0 {
        1
    } else {
        -1
    }
}
