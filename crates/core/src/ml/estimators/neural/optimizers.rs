//! The registry of optimisers.

use super::optimize::Rule;
use super::words::{Made, Makes, Word};
use crate::params;
use crate::params::Limits;

/// Every registered optimiser, in the order in which the docs list them.
pub(super) static OPTIMIZERS: &[&dyn Made<Descent>] = &[&Word::<AdamW>::new(), &Word::<Sgd>::new()];

/// How weights go down their slopes, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Descent {
    /// How they follow.
    pub(super) rule: Rule,
    /// How fast.
    pub(super) rate: f64,
}

/// A share from 0 up to, but not including, 1.
const SHARE: Limits = Limits { low: Some((0.0, true)), high: Some((1.0, false)) };

params! {
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    ///
    /// Formulas and defaults are those of PyTorch's `AdamW`; biases and norms decay too.
    pub(super) struct AdamW("adam_w", 1) {
        /// How far each step goes.
        learning_rate: f64 = 1e-3 => Limits::above(0.0),
        /// How much of the running mean of the slopes is kept at each step.
        beta_1: f64 = 0.9 => SHARE,
        /// How much of the running mean of their squares is kept at each step.
        beta_2: f64 = 0.999 => SHARE,
        /// What is added where is divided by the root of the squares.
        epsilon: f64 = 1e-8 => Limits::above(0.0),
        /// The share of each weight, times the learning rate, that is taken off at each step.
        weight_decay: f64 = 0.01 => Limits::at_least(0.0),
    }
}

params! {
    /// Stochastic gradient descent, with momentum if it is above 0.
    ///
    /// Formulas and defaults are those of PyTorch's `SGD`.
    pub(super) struct Sgd("sgd", 1) {
        /// How far each step goes.
        learning_rate: f64 = 1e-3 => Limits::above(0.0),
        /// How much of the step before is kept.
        momentum: f64 = 0.0 => SHARE,
        /// How much less than its slope is added to the momentum.
        dampening: f64 = 0.0 => Limits::between(0.0, 1.0),
        /// A penalty on large weights: this share of each is added to its slope.
        weight_decay: f64 = 0.0 => Limits::at_least(0.0),
        /// Whether the step looks ahead along the momentum.
        nesterov: bool = false,
    }
}

impl Makes<Descent> for AdamW {
    fn make(self) -> Descent {
        let Self { learning_rate: rate, beta_1, beta_2, epsilon, weight_decay } = self;
        Descent { rule: Rule::AdamW { beta_1, beta_2, epsilon, weight_decay }, rate }
    }
}

impl Makes<Descent> for Sgd {
    fn make(self) -> Descent {
        let Self { learning_rate: rate, momentum, dampening, weight_decay, nesterov } = self;
        Descent { rule: Rule::Sgd { momentum, dampening, weight_decay, nesterov }, rate }
    }
}
