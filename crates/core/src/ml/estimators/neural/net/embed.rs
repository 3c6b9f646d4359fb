//! Embeddings: a learnt vector for each level of a category.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// A column of categories, and how many numbers stand for each of its levels.
///
/// The last row of its table stands for what is missing or was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) struct Embedding {
    /// How many levels there are.
    pub(in crate::ml::estimators::neural) levels: usize,
    /// How many numbers stand for one.
    pub(in crate::ml::estimators::neural) dimension: usize,
}

impl Embedding {
    /// Counts the numbers of the table; none if they are too many to count.
    pub(super) fn weights(&self) -> Option<usize> {
        self.levels.checked_add(1)?.checked_mul(self.dimension)
    }

    /// Tells whether there is anything to look up.
    pub(super) fn is_sound(&self) -> bool {
        self.dimension > 0
    }

    /// Gives the row of the table for a code.
    pub(in crate::ml::estimators::neural) fn row(&self, code: u32) -> usize {
        (code as usize).min(self.levels)
    }

    /// Draws the table from the standard normal distribution, as PyTorch does; what is missing
    /// begins in the middle of all.
    pub(super) fn draw(&self, generator: &mut Pcg64, table: &mut [f32]) {
        let known = self.levels * self.dimension;
        table[..known].iter_mut().for_each(|weight| *weight = normal(generator));
        table[known..].fill(0.0);
    }

    /// Looks up the vector of a code.
    pub(super) fn look_up<'t>(&self, table: &'t [f32], code: u32) -> &'t [f32] {
        &table[self.row(code) * self.dimension..][..self.dimension]
    }
}

/// Draws from the standard normal distribution (Marsaglia's polar method).
fn normal(generator: &mut Pcg64) -> f32 {
    loop {
        let x = 2.0 * generator.random::<f64>() - 1.0;
        let y = 2.0 * generator.random::<f64>() - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return (x * (-2.0 * square.ln() / square).sqrt()) as f32;
        }
    }
}
