//! The training rows of a linear model as blocks of a matrix, columns shifted and scaled.
//!
//! Scaling changes no optimum (penalties are scaled along) but makes every problem well rounded.
//! Rows are cut into a number of blocks that depends on their count alone, and sums over blocks are
//! added in order: the same bits on any number of threads.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as half_matmul};
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::ml::estimators::training::Training;

/// As many blocks as can be summed side by side.
const MOST_BLOCKS: usize = 16;

/// A block with fewer rows isn't worth a task.
const LEAST_ROWS: usize = 512;

/// Rows that are multiplied at once, so that they stay in the cache.
const TILE: usize = 512;

/// Training rows, scaled.
pub(super) struct Design {
    /// The blocks in order of their rows.
    pub(super) blocks: Vec<Block>,
    /// Per column what was subtracted.
    pub(super) shift: Vec<f64>,
    /// Per column what it was divided by.
    pub(super) scale: Vec<f64>,
}

/// Neighbouring rows.
pub(super) struct Block {
    /// The first row.
    pub(super) start: usize,
    /// `rows × columns`, the intercept's ones behind the features if there is an intercept.
    pub(super) x: Mat<f64>,
}

impl Design {
    /// Scales columns to mean 0 (with an intercept) and mean square 1; constant ones become 0.
    pub(super) fn new(training: &Training<'_>, intercept: bool) -> Self {
        Self::scaled(training, intercept, usize::from(intercept))
    }

    /// Scales columns to mean 0 and mean square 1, without a column of ones.
    pub(super) fn centred(training: &Training<'_>) -> Self {
        Self::scaled(training, true, 0)
    }

    fn scaled(training: &Training<'_>, centred: bool, ones: usize) -> Self {
        let total = training.total();
        let moments: Vec<(f64, f64)> = training
            .columns
            .par_iter()
            .map(|column| moments(column, |row| training.weight(row), total, centred))
            .collect();
        let (shift, scale): (Vec<f64>, Vec<f64>) = moments.into_iter().unzip();
        let features = training.columns.len();
        let blocks = cuts(training.rows)
            .into_par_iter()
            .map(|rows| {
                let value = |row: usize, column: usize| match training.columns.get(column) {
                    Some(values) => (values[rows.start + row] - shift[column]) / scale[column],
                    None => 1.0,
                };
                Block { start: rows.start, x: Mat::from_fn(rows.len(), features + ones, value) }
            })
            .collect();
        Self { blocks, shift, scale }
    }

    /// Counts the columns, the intercept's among them.
    pub(super) fn width(&self) -> usize {
        self.blocks.first().map_or(0, |block| block.x.ncols())
    }

    /// Counts the rows.
    pub(super) fn rows(&self) -> usize {
        self.blocks.iter().map(|block| block.x.nrows()).sum()
    }
}

/// Cuts rows into blocks whose number depends on the count of rows alone.
pub(super) fn cuts(rows: usize) -> Vec<std::ops::Range<usize>> {
    let count = (rows / LEAST_ROWS).clamp(1, MOST_BLOCKS);
    (0..count).map(|block| rows * block / count..rows * (block + 1) / count).collect()
}

/// Finds the mean and the root of the mean square around it; (0, 1) stands for a constant.
fn moments(column: &[f64], weight: impl Fn(usize) -> f64, total: f64, centred: bool) -> (f64, f64) {
    let sum = |of: &dyn Fn(f64) -> f64| {
        column.iter().enumerate().map(|(row, value)| weight(row) * of(*value)).sum::<f64>()
    };
    let mean = if centred { sum(&|value| value) / total } else { 0.0 };
    // The second pass mends what rounding left in the mean.
    let mean = if centred { mean + sum(&|value| value - mean) / total } else { 0.0 };
    let spread = (sum(&|value| (value - mean) * (value - mean)) / total).sqrt();
    let noise = column.iter().fold(0.0_f64, |most, value| most.max(value.abs())) * 1e-13;
    if spread > noise && spread.is_finite() { (mean, spread) } else { (mean, 1.0) }
}

impl Block {
    /// Adds `xᵀ diag(h) x` to the lower half of `sum`.
    pub(super) fn add_gram(&self, weights: impl Fn(usize) -> f64, sum: &mut Mat<f64>) {
        let (rows, width) = self.x.shape();
        let roots: Vec<f64> = (0..rows).map(|row| weights(row).max(0.0).sqrt()).collect();
        let columns: Vec<usize> = (0..width).collect();
        self.add_products(&columns, |_| &roots[..], 1.0, sum.as_mut());
    }

    /// Adds `sign · zᵀz` to the lower half of `sum`; each column of `z` is one of the block's, times
    /// what belongs to its place.
    pub(super) fn add_products<'a>(
        &self,
        columns: &[usize],
        factors: impl Fn(usize) -> &'a [f64],
        sign: f64,
        mut sum: MatMut<'_, f64>,
    ) {
        let rows = self.x.nrows();
        let mut tile = Mat::<f64>::zeros(TILE.min(rows), columns.len());
        for start in (0..rows).step_by(TILE) {
            let count = TILE.min(rows - start);
            for (place, column) in columns.iter().enumerate() {
                let values = &self.x.col_as_slice(*column)[start..start + count];
                let factors = &factors(place)[start..start + count];
                let scaled = values.iter().zip(factors).map(|(value, factor)| value * factor);
                for (slot, value) in tile.col_as_slice_mut(place).iter_mut().zip(scaled) {
                    *slot = value;
                }
            }
            let tile = tile.as_ref().subrows(0, count);
            let (lower, all) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            half_matmul(
                sum.as_mut(),
                lower,
                Accum::Add,
                tile.transpose(),
                all,
                tile,
                all,
                sign,
                Par::Seq,
            );
        }
    }

    /// Gives `x b`.
    pub(super) fn times(&self, b: MatRef<'_, f64>, into: &mut Mat<f64>) {
        matmul(into.as_mut(), Accum::Replace, self.x.as_ref(), b, 1.0, Par::Seq);
    }

    /// Gives `xᵀ r`.
    pub(super) fn transposed_times(&self, r: MatRef<'_, f64>) -> Mat<f64> {
        let mut product = Mat::zeros(self.x.ncols(), r.ncols());
        matmul(product.as_mut(), Accum::Replace, self.x.transpose(), r, 1.0, Par::Seq);
        product
    }
}

/// Adds matrices in order.
pub(super) fn sum(parts: Vec<Mat<f64>>) -> Mat<f64> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_else(Mat::new);
    parts.for_each(|part| total += part);
    total
}
