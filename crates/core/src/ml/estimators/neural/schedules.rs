//! The registry of learning-rate schedules: what the rate is multiplied with in each epoch.
//!
//! Words, formulas and defaults are those of `torch.optim.lr_scheduler`. Several in a list are
//! multiplied, as PyTorch's `ChainedScheduler` does.

use std::f64::consts::PI;

use super::words::{Made, Makes, Word};
use crate::params;
use crate::params::{Limits, Params};

/// Every registered schedule, in the order in which the docs list them.
pub(super) static SCHEDULES: &[&dyn Made<Box<dyn Schedule>>] = &[
    &Word::<ConstantLr>::new(),
    &Word::<LinearLr>::new(),
    &Word::<StepLr>::new(),
    &Word::<ExponentialLr>::new(),
    &Word::<CosineAnnealingLr>::new(),
];

/// What a schedule may lean on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// How many epochs there are at most.
    pub(super) epochs: u64,
    /// The learning rate of the optimiser.
    pub(super) rate: f64,
}

/// A rule for the learning rate.
pub(super) trait Schedule {
    /// Gives what the learning rate is multiplied with in an epoch, counted from 0.
    fn factor(&self, epoch: u64, course: Course) -> f64;
}

impl<P: Params + Schedule + 'static> Makes<Box<dyn Schedule>> for P {
    fn make(self) -> Box<dyn Schedule> {
        Box::new(self)
    }
}

/// A share above 0, 1 included.
const SHARE: Limits = Limits::above_to(0.0, 1.0);

params! {
    /// A share of the learning rate for some epochs, then all of it.
    pub(super) struct ConstantLr("constant_lr", 0) {
        /// The share.
        factor: f64 = 1.0 / 3.0 => SHARE,
        /// For how many epochs.
        total_iters: u64 = 5,
    }
}

params! {
    /// Goes from one share of the learning rate to another in a straight line: a warm-up.
    pub(super) struct LinearLr("linear_lr", 0) {
        /// The share of the first epoch.
        start_factor: f64 = 1.0 / 3.0 => SHARE,
        /// The share at the end.
        end_factor: f64 = 1.0 => Limits::between(0.0, 1.0),
        /// After how many epochs that is reached.
        total_iters: u64 = 5 => Limits::at_least(1.0),
    }
}

params! {
    /// Makes the learning rate smaller each few epochs.
    pub(super) struct StepLr("step_lr", 1) {
        /// Each how many epochs.
        step_size: u64 => Limits::at_least(1.0),
        /// What it is multiplied with each time.
        gamma: f64 = 0.1 => SHARE,
    }
}

params! {
    /// Makes the learning rate smaller each epoch.
    pub(super) struct ExponentialLr("exponential_lr", 1) {
        /// What it is multiplied with each time.
        gamma: f64 => SHARE,
    }
}

params! {
    /// Goes from the learning rate down to a small one along half a wave (Loshchilov and Hutter, 2017).
    pub(super) struct CosineAnnealingLr("cosine_annealing_lr", 0) {
        /// After how many epochs the small one is reached; left out, at the end of the training.
        t_max: Option<u64> = None => Limits::at_least(1.0),
        /// The small learning rate.
        eta_min: f64 = 0.0 => Limits::at_least(0.0),
    }
}

impl Schedule for ConstantLr {
    fn factor(&self, epoch: u64, _: Course) -> f64 {
        if epoch < self.total_iters { self.factor } else { 1.0 }
    }
}

impl Schedule for LinearLr {
    fn factor(&self, epoch: u64, _: Course) -> f64 {
        let way = epoch.min(self.total_iters) as f64 / self.total_iters as f64;
        self.start_factor + (self.end_factor - self.start_factor) * way
    }
}

impl Schedule for StepLr {
    fn factor(&self, epoch: u64, _: Course) -> f64 {
        power(self.gamma, epoch / self.step_size.max(1))
    }
}

impl Schedule for ExponentialLr {
    fn factor(&self, epoch: u64, _: Course) -> f64 {
        power(self.gamma, epoch)
    }
}

impl Schedule for CosineAnnealingLr {
    fn factor(&self, epoch: u64, course: Course) -> f64 {
        let whole = self.t_max.unwrap_or(course.epochs).max(1) as f64;
        let least = self.eta_min / course.rate;
        least + (1.0 - least) * (1.0 + (PI * epoch as f64 / whole).cos()) / 2.0
    }
}

fn power(base: f64, times: u64) -> f64 {
    base.powi(i32::try_from(times).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(schedule: &impl Schedule) -> Vec<f64> {
        let course = Course { epochs: 8, rate: 0.1 };
        (0..8).map(|epoch| 0.1 * schedule.factor(epoch, course)).collect()
    }

    /// The numbers are those of PyTorch 2.15, `get_last_lr` before each of eight epochs.
    #[test]
    fn schedules_go_as_pytorch_s() {
        let near = |found: Vec<f64>, expected: [f64; 8]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
            }
        };
        near(
            course(&ConstantLr { factor: 0.5, total_iters: 3 }),
            [0.05, 0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1],
        );
        near(
            course(&LinearLr { start_factor: 0.2, end_factor: 1.0, total_iters: 4 }),
            [0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1, 0.1],
        );
        near(
            course(&StepLr { step_size: 3, gamma: 0.1 }),
            [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001],
        );
        near(
            course(&ExponentialLr { gamma: 0.5 }),
            [0.1, 0.05, 0.025, 0.0125, 0.006_25, 0.003_125, 0.001_562_5, 0.000_781_25],
        );
    }
}
