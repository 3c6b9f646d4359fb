//! `conv1d`: the same weighted sums at each position of a sequence.

use super::super::net::{Activation, Op, Window};
use super::super::shape::Shape;
use super::conv2d::{PADDING, padding};
use super::{Layer, Laying, Trouble, moved};
use crate::params;
use crate::params::{Limits, Setting};

params! {
    /// Weighted sums of what lies below a window, the same at each position of a sequence.
    ///
    /// `input_shape: [channels, length]` says how the columns are read.
    pub(super) struct Conv1d("conv1d", 2) {
        /// How many sums at each position.
        out_channels: usize => Limits::between(1.0, 100_000.0),
        /// How many positions the window covers.
        kernel_size: usize => Limits::between(1.0, 10_000.0),
        /// How far the window moves.
        stride: usize = 1 => Limits::between(1.0, 10_000.0),
        /// How many zeros are put at both ends; `same` keeps the length.
        padding: Setting as (PADDING) = Setting::Int(0) => Limits::between(0.0, 10_000.0),
        /// What is done with each sum.
        activation: Activation = Activation::Relu,
        /// Whether a number is added to each sum.
        bias: bool = true,
    }
}

impl Layer for Conv1d {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let (channels, length) = laying.sequence()?;
        let padding = padding(&self.padding, self.kernel_size, self.stride)?;
        let window = Window {
            channels,
            size: [1, length],
            kernel: [1, self.kernel_size],
            stride: [1, self.stride],
            padding: [0, padding],
        };
        let [_, length] = moved(&window, &self.kernel_size.to_string())?;
        laying.push(Op::Convolve { window, outputs: self.out_channels, bias: self.bias });
        laying.shape = Shape::Sequence { channels: self.out_channels, length };
        laying.activate(self.activation);
        Ok(())
    }
}
