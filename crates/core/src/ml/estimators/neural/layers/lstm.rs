//! `lstm`: a state with a memory, carried from position to position.

use super::super::net::{Cell, Op, Recurrence};
use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Carries a state and a memory over the positions of a sequence (Hochreiter and Schmidhuber, 1997).
    ///
    /// `input_shape: [channels, length]` says how the columns are read. What goes out is the state behind
    /// the last position, a row for `dense` and the head.
    pub(super) struct Lstm("lstm", 1) {
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

impl Layer for Lstm {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let stack = Stack {
            cell: Cell::Lstm,
            hidden: self.hidden_size,
            layers: self.num_layers,
            both_ways: self.bidirectional,
            dropout: self.dropout,
            whole: self.return_sequences,
        };
        stack.lay(laying)
    }
}

/// Recurrent layers one on another.
pub(super) struct Stack {
    pub(super) cell: Cell,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) both_ways: bool,
    pub(super) dropout: f64,
    pub(super) whole: bool,
}

impl Stack {
    pub(super) fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let (mut channels, length) = laying.sequence()?;
        if self.layers == 1 && self.dropout > 0.0 {
            return Err(Trouble::new("`dropout` works between layers, but there is one alone")
                .at("dropout")
                .help("put the layer `dropout` behind it, or raise `num_layers`"));
        }
        let Self { cell, hidden, both_ways, .. } = *self;
        for layer in 1..=self.layers {
            let whole = self.whole || layer < self.layers;
            laying.push(Op::Recur(Recurrence { cell, channels, length, hidden, both_ways, whole }));
            channels = hidden * if both_ways { 2 } else { 1 };
            if whole {
                laying.shape = Shape::Sequence { channels, length };
            } else {
                laying.shape = Shape::Row(Some(channels));
            }
            if layer < self.layers && self.dropout > 0.0 {
                laying.drop_out(laying.width(), self.dropout);
            }
        }
        Ok(())
    }
}
