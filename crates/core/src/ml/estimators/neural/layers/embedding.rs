//! `embedding`: a learnt vector for each level of a category.

use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;
use crate::params::Limits;

params! {
    /// Says how many numbers stand for a level of each column of categories; the first layer, if any.
    ///
    /// Categories are embedded in any case: each level has a vector of its own, which is learnt, and
    /// what is missing or was never seen has another. Without this layer the size follows from
    /// the levels, 1.6 · levels^0.56.
    pub(super) struct Embed("embedding", 1) {
        /// How many numbers; left out, as many as suit the levels of each column.
        embedding_dim: Option<usize> = None => Limits::between(1.0, 10_000.0),
    }
}

impl Layer for Embed {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        if laying.begun {
            return Err(Trouble::new(
                "it stands behind another layer, where there are no categories",
            )
            .help("make `embedding` the first layer"));
        }
        let Shape::Row(_) = laying.shape else {
            return Err(Trouble::new("there are no categories in an `input_shape`"));
        };
        if laying.given.as_ref().is_some_and(|given| given.categories.is_empty()) {
            return Err(Trouble::new("no column of categories comes in").help(
                "remove it; or leave categories as they are for it, with `category()` in `steps` in the place of `one_hot()`",
            ));
        }
        laying.embed(self.embedding_dim);
        Ok(())
    }
}
