//! The engine of gradient boosting: bins, histograms, leaf-wise trees, losses.
//!
//! It follows scikit-learn's histogram gradient boosting in what it computes. It knows features,
//! targets and weights; it knows no parameters of the language and no classes by name.

mod bins;
mod boost;
mod grow;
mod histogram;
mod interactions;
mod loss;
mod math;
mod partition;
mod predict;
mod split;
mod tree;

use crate::data::Frame;

pub(super) use boost::{Options, Outcome, Stopping, Training, boost};
pub(super) use interactions::Interactions;
pub(super) use loss::Loss;
pub(super) use predict::{Ensemble, Link};

/// Some rows of a frame, in some order.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The frame.
    pub(super) frame: &'a Frame,
    /// The rows that are meant; none means all.
    pub(super) picked: Option<&'a [u32]>,
}

impl Rows<'_> {
    /// Counts the rows.
    pub(super) fn len(&self) -> usize {
        self.picked.map_or(self.frame.rows(), <[u32]>::len)
    }

    /// Gives the place of a row in the frame.
    #[inline]
    fn at(&self, row: usize) -> usize {
        self.picked.map_or(row, |picked| picked[row] as usize)
    }
}

/// Counts the threads of the pool; asked only where the work is worth starting it.
fn threads() -> usize {
    rayon::current_num_threads()
}
