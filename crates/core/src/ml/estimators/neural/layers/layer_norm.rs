//! `layer_norm`: the same mean and variance for each row.

use super::super::net::{Activation, Op};
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Brings all numbers of a row to mean 0 and variance 1, then scales and shifts each by what it
    /// learns (Ba, Kiros and Hinton, 2016).
    pub(super) struct LayerNorm("layer_norm", 0) {
        /// What is added to the variance, so that nothing is divided by 0.
        eps: f64 = 1e-5 => Limits::between(1e-12, 1.0),
        /// What is done with each number afterwards.
        activation: Activation = Activation::Identity,
    }
}

impl Layer for LayerNorm {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        laying.push(Op::LayerNorm { width: laying.width(), eps: self.eps as f32 });
        laying.activate(self.activation);
        Ok(())
    }
}
