//! The training: epochs of shuffled batches, until they are through or nothing gets better.

use rand::seq::SliceRandom;

use super::engine::{Batch, Engine, Learnt};
use super::rows::Lesson;
use super::schedules::{Course, Schedule};
use super::stopping::Patience;
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Round};

/// Rows that are judged at once.
const JUDGED: usize = 512;

/// A training that ends with a larger mean loss went astray: its answers are a hundred spreads off.
/// Knowing nothing has a loss of 1 for numbers, and the logarithm of their count for classes.
const ASTRAY: f64 = 1e4;

/// How a training goes.
pub(super) struct Training<'a> {
    /// How many epochs at most.
    pub(super) epochs: u64,
    /// How many rows a batch has.
    pub(super) batch_size: usize,
    /// How far each step goes.
    pub(super) rate: f64,
    /// What the rate is multiplied with, epoch by epoch.
    pub(super) schedules: Vec<Box<dyn Schedule>>,
    /// When to end early.
    pub(super) patience: Option<Patience>,
    /// Whether a batch needs two rows.
    pub(super) pairs: bool,
    /// The name of the loss, and what it is multiplied with to be of the target's own unit.
    pub(super) metric: (&'static str, f64),
    /// The rows to learn from.
    pub(super) lesson: &'a Lesson,
    /// The rows to watch.
    pub(super) watched: Option<&'a Lesson>,
}

/// What came of a training.
pub(super) struct Trained {
    pub(super) learnt: Learnt,
    pub(super) history: Vec<Round>,
}

/// The best epoch so far.
struct Best {
    loss: f64,
    learnt: Learnt,
    /// How many epochs were no better since.
    waited: u64,
}

impl Training<'_> {
    /// Trains until the epochs are through, or nothing gets better.
    pub(super) fn run(
        &self,
        engine: &mut dyn Engine,
        context: &FitContext<'_>,
    ) -> Result<Trained, FitError> {
        let mut history = Vec::new();
        let mut best: Option<Best> = None;
        let mut loss = 0.0;
        for epoch in 0..self.epochs {
            loss = self.epoch(epoch, engine, context)?;
            let validation = self.watch(epoch, engine, context)?;
            let (name, unit) = self.metric;
            history.push(Round {
                iteration: epoch + 1,
                metric: name.to_owned(),
                train: loss * unit,
                validation: validation.map(|loss| loss * unit),
            });
            (context.progress)(epoch + 1, self.epochs);
            if let (Some(patience), Some(loss)) = (&self.patience, validation)
                && has_run_out(patience, loss, &mut best, engine)?
            {
                break;
            }
        }
        let (learnt, loss) = match best {
            Some(best) => (best.learnt, best.loss),
            None => (engine.learnt()?, loss),
        };
        if loss > ASTRAY {
            return Err(astray(&format!(
                "the loss ends at {loss:.0}, and knowing nothing has about 1"
            )));
        }
        if learnt.weights.iter().chain(&learnt.figures).all(|number| number.is_finite()) {
            Ok(Trained { learnt, history })
        } else {
            Err(diverged(history.len() as u64, "a weight"))
        }
    }

    /// Learns from every row once; gives the mean loss on the way.
    fn epoch(
        &self,
        epoch: u64,
        engine: &mut dyn Engine,
        context: &FitContext<'_>,
    ) -> Result<f64, FitError> {
        let course = Course { epochs: self.epochs, rate: self.rate };
        let factors = self.schedules.iter().map(|schedule| schedule.factor(epoch, course));
        let rate = self.rate * factors.product::<f64>();
        let seed = context.seed.derive("epoch", epoch);
        let mut batch = self.lesson.empty();
        let mut total = 0.0;
        let order = self.order(seed);
        for (number, picked) in (0..).zip(batches(&order, self.batch_size, self.pairs)) {
            context.check()?;
            batch.take(self.lesson, picked);
            let loss = engine.learn(&as_batch(&batch), rate, seed.derive("batch", number))?;
            if !loss.is_finite() {
                return Err(diverged(epoch + 1, "the loss"));
            }
            total += loss;
        }
        Ok(total / self.lesson.total())
    }

    fn order(&self, seed: Seed) -> Vec<u32> {
        let rows = u32::try_from(self.lesson.rows.count).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..rows).collect();
        order.shuffle(&mut seed.derive("order", 0).generator());
        order
    }

    /// Gives the mean loss of the watched rows, if there are any.
    fn watch(
        &self,
        epoch: u64,
        engine: &mut dyn Engine,
        context: &FitContext<'_>,
    ) -> Result<Option<f64>, FitError> {
        let Some(watched) = self.watched else { return Ok(None) };
        let rows: Vec<u32> = (0..u32::try_from(watched.rows.count).unwrap_or(u32::MAX)).collect();
        let mut batch = watched.empty();
        let mut total = 0.0;
        for picked in rows.chunks(JUDGED) {
            context.check()?;
            batch.take(watched, picked);
            total += engine.judge(&as_batch(&batch))?;
        }
        if total.is_finite() {
            Ok(Some(total / watched.total()))
        } else {
            Err(diverged(epoch + 1, "the loss of the watched rows"))
        }
    }
}

/// Keeps the best, and tells whether nothing got better for too long.
fn has_run_out(
    patience: &Patience,
    loss: f64,
    best: &mut Option<Best>,
    engine: &dyn Engine,
) -> Result<bool, FitError> {
    match best {
        Some(best) if loss >= best.loss - patience.min_delta => {
            best.waited += 1;
            Ok(best.waited >= patience.epochs)
        }
        _ => {
            *best = Some(Best { loss, learnt: engine.learnt()?, waited: 0 });
            Ok(false)
        }
    }
}

/// Cuts an order into batches; where a batch needs two rows, a last one alone goes to those before.
fn batches(order: &[u32], size: usize, pairs: bool) -> impl Iterator<Item = &[u32]> {
    let size = size.max(1);
    let alone = pairs && order.len() % size == 1 && order.len() > 1;
    let whole = if alone { order.len() - size - 1 } else { order.len() };
    let (first, last) = order.split_at(whole);
    first.chunks(size).chain(alone.then_some(last))
}

fn as_batch(lesson: &Lesson) -> Batch<'_> {
    Batch {
        input: lesson.rows.input(),
        goal: lesson.goals.goal(),
        weights: lesson.weights.as_deref(),
    }
}

/// Says that a number is none, and what to do.
fn diverged(epoch: u64, what: &str) -> FitError {
    astray(&format!("{what} is no finite number in epoch {epoch}"))
}

/// Says that the training went astray, and what to do.
fn astray(what: &str) -> FitError {
    FitError::Other(format!(
        "the training went astray: {what}; take a smaller `learning_rate`, bound the slopes with `clip_grad_norm: 1.0`, or bring the columns to one scale with `scale()` in `steps`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(rows: u32, size: usize, pairs: bool) -> Vec<usize> {
        let order: Vec<u32> = (0..rows).collect();
        let all: Vec<&[u32]> = batches(&order, size, pairs).collect();
        assert_eq!(all.concat(), order);
        all.iter().map(|batch| batch.len()).collect()
    }

    #[test]
    fn a_row_alone_goes_to_the_batch_before_where_two_are_needed() {
        assert_eq!(sizes(7, 3, false), [3, 3, 1]);
        assert_eq!(sizes(7, 3, true), [3, 4]);
        assert_eq!(sizes(8, 3, true), [3, 3, 2]);
        assert_eq!(sizes(4, 3, true), [4]);
        assert_eq!(sizes(1, 3, true), [1]);
        assert_eq!(sizes(2, 1, false), [1, 1]);
        assert_eq!(sizes(0, 3, true), [0; 0]);
    }
}
