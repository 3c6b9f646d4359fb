//! Optimisers on a device, in the formulas of [`optimize`](super::super::optimize).

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use super::super::engine::Changing;
use super::super::optimize::{Clipping, Rule};

/// How weights follow their slopes, and what is remembered of the steps before.
pub(super) struct Descent {
    changing: Changing,
    steps: i32,
    /// What is remembered of each part of the weights.
    memory: Vec<Memory>,
}

/// What is remembered of one part of the weights.
#[derive(Clone)]
struct Memory {
    /// The running mean of the slopes, or the momentum.
    first: Tensor,
    /// The running mean of their squares.
    second: Option<Tensor>,
}

impl Descent {
    /// Starts without memory.
    pub(super) const fn new(changing: Changing) -> Self {
        Self { changing, steps: 0, memory: Vec::new() }
    }

    /// Lets weights follow their slopes one step.
    pub(super) fn step<'v>(
        &mut self,
        vars: impl Iterator<Item = &'v Var> + Clone,
        slopes: &GradStore,
        rate: f64,
    ) -> Result<()> {
        self.steps = self.steps.saturating_add(1);
        let slope =
            |var: &Var| slopes.get(var).map_or_else(|| var.zeros_like(), |own| Ok(own.clone()));
        let slopes: Vec<Tensor> = vars.clone().map(slope).collect::<Result<_>>()?;
        let slopes = clipped(self.changing.clipping, slopes)?;
        for (at, (var, slope)) in vars.zip(&slopes).enumerate() {
            let weights = var.as_detached_tensor();
            let new = match self.changing.rule {
                Rule::AdamW { .. } => self.adam(at, &weights, slope, rate)?,
                Rule::Sgd { .. } => self.descend(at, &weights, slope, rate)?,
            };
            var.set(&new)?;
        }
        Ok(())
    }

    fn adam(&mut self, at: usize, weights: &Tensor, slope: &Tensor, rate: f64) -> Result<Tensor> {
        let Rule::AdamW { beta_1, beta_2, epsilon, weight_decay } = self.changing.rule else {
            return Ok(weights.clone());
        };
        let correction = |beta: f64| 1.0 - beta.powi(self.steps);
        let (new, square) =
            (slope.affine(1.0 - beta_1, 0.0)?, slope.sqr()?.affine(1.0 - beta_2, 0.0)?);
        let (first, second) = match self.memory.get(at) {
            Some(Memory { first, second: Some(second) }) => {
                ((first.affine(beta_1, 0.0)? + new)?, (second.affine(beta_2, 0.0)? + square)?)
            }
            _ => (new, square),
        };
        let spread = second.sqrt()?.affine(1.0 / correction(beta_2).sqrt(), epsilon)?;
        let step = first.div(&spread)?.affine(rate / correction(beta_1), 0.0)?;
        self.remember(at, Memory { first, second: Some(second) });
        weights.affine(1.0 - rate * weight_decay, 0.0)? - step
    }

    fn descend(
        &mut self,
        at: usize,
        weights: &Tensor,
        slope: &Tensor,
        rate: f64,
    ) -> Result<Tensor> {
        let Rule::Sgd { momentum, dampening, weight_decay, nesterov } = self.changing.rule else {
            return Ok(weights.clone());
        };
        let slope = (slope + weights.affine(weight_decay, 0.0)?)?;
        if momentum == 0.0 {
            return weights - slope.affine(rate, 0.0)?;
        }
        // The first step has nothing to be dampened against.
        let first = match self.memory.get(at) {
            Some(Memory { first, .. }) => {
                (first.affine(momentum, 0.0)? + slope.affine(1.0 - dampening, 0.0)?)?
            }
            None => slope.clone(),
        };
        let step = if nesterov { (slope + first.affine(momentum, 0.0)?)? } else { first.clone() };
        self.remember(at, Memory { first, second: None });
        weights - step.affine(rate, 0.0)?
    }

    fn remember(&mut self, at: usize, memory: Memory) {
        match self.memory.get_mut(at) {
            Some(own) => *own = memory,
            None => self.memory.push(memory),
        }
    }
}

/// Bounds slopes.
fn clipped(clipping: Clipping, slopes: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let bound = |slope: Tensor| match clipping.value {
        Some(value) => slope.clamp(-value, value),
        None => Ok(slope),
    };
    let slopes: Vec<Tensor> = slopes.into_iter().map(bound).collect::<Result<_>>()?;
    let Some(limit) = clipping.norm else { return Ok(slopes) };
    let squares: Vec<Tensor> =
        slopes.iter().map(|slope| slope.sqr()?.sum_all()).collect::<Result<_>>()?;
    let norm = Tensor::stack(&squares, 0)?.sum_all()?.sqrt()?;
    // PyTorch divides by a little more, so that the norm is never above the limit.
    let factor = norm.affine(1.0, 1e-6)?.recip()?.affine(limit, 0.0)?.minimum(1.0)?;
    slopes.iter().map(|slope| slope.broadcast_mul(&factor)).collect()
}
