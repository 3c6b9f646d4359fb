//! `flatten`: makes a row of numbers of channels and positions.

use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;

params! {
    /// Makes a row of numbers of channels and positions, for `dense` and the head.
    pub(super) struct Flatten("flatten", 0) {}
}

impl Layer for Flatten {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        laying.shape = Shape::Row(laying.shape.size());
        Ok(())
    }
}
