//! `transformer`: every position of a sequence looks at all, then goes through two sums of its own.

use super::super::net::{Activation, Attention, Op, Window};
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

/// What is added to the variance in a norm, as in PyTorch.
const EPS: f32 = 1e-5;

params! {
    /// An encoder of a transformer: every position of a sequence looks at all, then goes through two
    /// sums of its own, both added to what came in (Vaswani et al., 2017).
    ///
    /// `input_shape: [channels, length]` says how the columns are read; `conv1d(64, kernel_size: 1)` in front
    /// brings few channels to more. A sequence of the same shape goes out: `attention_pool` or
    /// `flatten` makes a row of it.
    pub(super) struct Transformer("transformer", 1) {
        /// How many heads share the channels, whose number they divide.
        nhead: usize => Limits::between(1.0, 10_000.0),
        /// How many such layers stand one on another.
        num_layers: usize = 1 => Limits::between(1.0, 100.0),
        /// How many numbers lie between the two sums of a position; left out, four times the channels.
        dim_feedforward: Option<usize> = None => Limits::between(1.0, 100_000.0),
        /// The share of numbers that are set to 0 by chance before each addition and between the two
        /// sums, while training.
        dropout: f64 = 0.1 => Limits { low: Some((0.0, true)), high: Some((1.0, false)) },
        /// What is done with each number between the two sums.
        activation: Activation = Activation::Relu,
        /// Whether positions are normalised before they look and are summed, rather than afterwards.
        norm_first: bool = false,
        /// Whether a learnt vector is added to each position first; without it, their order means nothing.
        positions: bool = true,
    }
}

impl Layer for Transformer {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let (channels, positions) = laying.sequence()?;
        if !channels.is_multiple_of(self.nhead) {
            return Err(Trouble::new(format!(
                "{} heads can't share {channels} channels evenly",
                self.nhead
            ))
            .at("nhead")
            .help("take a number that divides the channels, or bring these to another number with `conv1d(64, kernel_size: 1)` in front"));
        }
        if self.positions {
            laying.push(Op::AddPositions { width: laying.width() });
        }
        let attention = Attention { channels, positions, heads: self.nhead };
        let norm = Op::PositionNorm { channels, positions, eps: EPS };
        let between = self.dim_feedforward.unwrap_or_else(|| channels.saturating_mul(4));
        for _ in 0..self.num_layers {
            self.beside(laying, norm, |laying| laying.push(Op::Attend(attention)));
            self.beside(laying, norm, |laying| {
                laying.push(each(channels, positions, between));
                let width = between.saturating_mul(positions);
                if self.activation != Activation::Identity {
                    laying.push(Op::Activate { width, activation: self.activation });
                }
                self.drop_out(laying, width);
                laying.push(each(between, positions, channels));
            });
        }
        Ok(())
    }
}

impl Transformer {
    fn drop_out(&self, laying: &mut Laying, width: usize) {
        if self.dropout > 0.0 {
            laying.drop_out(width, self.dropout);
        }
    }

    /// Lays something beside a way around it, with the norm before or behind both.
    fn beside(&self, laying: &mut Laying, norm: Op, lay: impl FnOnce(&mut Laying)) {
        let width = laying.width();
        laying.push(Op::Fork { width });
        if self.norm_first {
            laying.push(norm);
        }
        lay(laying);
        self.drop_out(laying, width);
        laying.push(Op::Join { width });
        if !self.norm_first {
            laying.push(norm);
        }
    }
}

/// Gives sums of the channels of each position for itself.
fn each(channels: usize, positions: usize, outputs: usize) -> Op {
    let window =
        Window { channels, size: [1, positions], kernel: [1, 1], stride: [1, 1], padding: [0, 0] };
    Op::Convolve { window, outputs, bias: true }
}
