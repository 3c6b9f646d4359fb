//! `batch_norm`: the same mean and variance for each channel.

use super::super::net::{Activation, Op};
use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Brings each number (behind `conv1d` and `conv2d`: each channel) to mean 0 and variance 1 over
    /// the rows of a batch, then scales and shifts it by what it learns (Ioffe and Szegedy, 2015).
    ///
    /// A fitted network uses the running mean and variance of the training. To stand between sums and
    /// their activation: `dense(64, activation: identity), batch_norm(activation: relu)`.
    pub(super) struct BatchNorm("batch_norm", 0) {
        /// The share of each new batch in the running mean and variance.
        momentum: f64 = 0.1 => Limits::above_to(0.0, 1.0),
        /// What is added to the variance, so that nothing is divided by 0.
        eps: f64 = 1e-5 => Limits::between(1e-12, 1.0),
        /// What is done with each number afterwards.
        activation: Activation = Activation::Identity,
    }
}

impl Layer for BatchNorm {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let (channels, positions) = match laying.shape {
            Shape::Row(width) => (width.unwrap_or(0), 1),
            Shape::Sequence { channels, length } => (channels, length),
            Shape::Image { channels, height, width } => (channels, height * width),
        };
        let (momentum, eps) = (self.momentum as f32, self.eps as f32);
        laying.push(Op::BatchNorm { channels, positions, momentum, eps });
        laying.activate(self.activation);
        Ok(())
    }
}
