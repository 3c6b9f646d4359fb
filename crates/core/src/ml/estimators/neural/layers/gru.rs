//! `gru`: a state without a memory behind it, carried from position to position.

use super::super::net::Cell;
use super::lstm::Stack;
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Carries a state over the positions of a sequence, with fewer gates than `lstm` (Cho et al., 2014).
    ///
    /// `input_shape: [channels, length]` says how the columns are read. What goes out is the state behind
    /// the last position, a row for `dense` and the head.
    pub(super) struct Gru("gru", 1) {
        /// How many numbers the state holds.
        hidden_size: usize => Limits::between(1.0, 100_000.0),
        /// How many such layers stand one on another, each over the states of the one below.
        num_layers: usize = 1 => Limits::between(1.0, 100.0),
        /// Whether a second state goes from the last position to the first; both go out side by side.
        bidirectional: bool = false,
        /// The share of numbers that are set to 0 by chance between such layers, while training.
        dropout: f64 = 0.0 => Limits { low: Some((0.0, true)), high: Some((1.0, false)) },
        /// Whether the states at all positions go out, for a layer that takes a sequence.
        return_sequences: bool = false,
    }
}

impl Layer for Gru {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let stack = Stack {
            cell: Cell::Gru,
            hidden: self.hidden_size,
            layers: self.num_layers,
            both_ways: self.bidirectional,
            dropout: self.dropout,
            whole: self.return_sequences,
        };
        stack.lay(laying)
    }
}
