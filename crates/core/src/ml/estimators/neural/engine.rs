//! What computes the steps of a training: the processor with kernels of ours, or another device.

use super::net::{Applied, Goal, Input, Net, Pass, total};
use super::optimize::{Clipping, Optimizer, Rule};
use crate::ml::Seed;
use crate::ml::estimator::FitError;

/// Some rows to learn from, with the right answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    /// What comes in.
    pub(super) input: Input<'a>,
    /// What should come out.
    pub(super) goal: Goal<'a>,
    /// A weight a row; none means one each.
    pub(super) weights: Option<&'a [f32]>,
}

/// What was learnt: the weights, and the running figures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Learnt {
    pub(super) weights: Vec<f32>,
    pub(super) figures: Vec<f32>,
}

/// How weights are changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changing {
    /// How they follow their slopes.
    pub(super) rule: Rule,
    /// Bounds for slopes.
    pub(super) clipping: Clipping,
}

/// What computes the steps of a training.
pub(super) trait Engine {
    /// Learns from a batch; gives the sum of the weighted losses before that.
    fn learn(&mut self, batch: &Batch<'_>, rate: f64, seed: Seed) -> Result<f64, FitError>;

    /// Gives the sum of the weighted losses of rows.
    fn judge(&mut self, batch: &Batch<'_>) -> Result<f64, FitError>;

    /// Gives what is learnt so far.
    fn learnt(&self) -> Result<Learnt, FitError>;
}

/// The processor.
pub(super) struct Processor<'a> {
    net: &'a Net,
    learnt: Learnt,
    slopes: Vec<f32>,
    pass: Pass,
    optimizer: Optimizer,
    clipping: Clipping,
}

impl<'a> Processor<'a> {
    /// Starts with weights.
    pub(super) fn new(net: &'a Net, learnt: Learnt, changing: Changing) -> Self {
        let count = learnt.weights.len();
        Self {
            net,
            learnt,
            slopes: vec![0.0; count],
            pass: Pass::default(),
            optimizer: Optimizer::new(changing.rule, count),
            clipping: changing.clipping,
        }
    }
}

impl Engine for Processor<'_> {
    fn learn(&mut self, batch: &Batch<'_>, rate: f64, seed: Seed) -> Result<f64, FitError> {
        let Learnt { weights, figures } = &mut self.learnt;
        self.pass.learn(self.net, (weights, figures), batch.input, seed);
        let share = 1.0 / batch.input.rows.max(1) as f32;
        let goal = (batch.goal, batch.weights, share);
        let loss = self.pass.back(self.net, weights, batch.input.codes, goal, &mut self.slopes);
        self.clipping.clip(&mut self.slopes);
        self.optimizer.step(weights, &self.slopes, rate);
        Ok(loss)
    }

    fn judge(&mut self, batch: &Batch<'_>) -> Result<f64, FitError> {
        let Learnt { weights, figures } = &self.learnt;
        let answers = self.pass.apply(Applied { net: self.net, weights, figures }, batch.input);
        Ok(total(answers, batch.goal, batch.weights))
    }

    fn learnt(&self) -> Result<Learnt, FitError> {
        Ok(self.learnt.clone())
    }
}
