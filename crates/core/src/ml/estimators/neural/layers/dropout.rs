//! `dropout`: leaves numbers out by chance while training.

use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Sets numbers to 0 by chance while training, and scales the others up (Srivastava et al., 2014).
    ///
    /// A fitted network leaves out nothing.
    pub(super) struct Dropout("dropout", 1) {
        /// The share of numbers that are set to 0.
        p: f64 = 0.5 => Limits { low: Some((0.0, true)), high: Some((1.0, false)) },
    }
}

impl Layer for Dropout {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        laying.drop_out(laying.width(), self.p);
        Ok(())
    }
}
