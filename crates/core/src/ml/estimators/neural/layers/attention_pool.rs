//! `attention_pool`: makes a row of a sequence, by a learnt look at each position.

use super::super::net::{AttentionPool as Pool, Op};
use super::super::shape::Shape;
use super::{Layer, Laying, Trouble};
use crate::params;

params! {
    /// Makes a row of a sequence: the mean of its positions, each weighed by the softmax of its product
    /// with a learnt vector (Bahdanau, Cho and Bengio, 2015).
    pub(super) struct AttentionPool("attention_pool", 0) {}
}

impl Layer for AttentionPool {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let (channels, positions) = laying.sequence()?;
        laying.push(Op::AttentionPool(Pool { channels, positions }));
        laying.shape = Shape::Row(Some(channels));
        Ok(())
    }
}
