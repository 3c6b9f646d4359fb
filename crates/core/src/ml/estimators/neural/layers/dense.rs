//! `dense`: weighted sums of all numbers.

use super::super::net::{Activation, Op};
use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Weighted sums of all numbers of a row, each with a number added.
    pub(in crate::ml::estimators::neural) struct Dense("dense", 1) {
        /// How many sums.
        units: usize => Limits::between(1.0, 1_000_000.0),
        /// What is done with each sum.
        activation: Activation = Activation::Relu,
        /// Whether a number is added to each sum.
        bias: bool = true,
    }
}

impl Layer for Dense {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let width = laying.row("it")?;
        let inputs = width.unwrap_or(0);
        laying.push(Op::Dense { inputs, outputs: self.units, bias: self.bias });
        laying.shape = Shape::Row(Some(self.units));
        laying.activate(self.activation);
        Ok(())
    }
}
