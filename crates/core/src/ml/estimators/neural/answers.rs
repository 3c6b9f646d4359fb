//! What a network's answers stand for: classes, or a number that was brought to mean 0 and spread 1.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::net::probabilities;
use crate::data::{Label, Target};
use crate::ml::estimator::{FitError, Prediction};
use crate::ml::estimators::training::wrong_target;
use crate::ml::estimators::tree::cart::door;

/// What a network's answers stand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answers {
    /// An answer a class that has rows.
    Classes {
        /// All classes, sorted.
        classes: Vec<Label>,
        /// The codes of those with rows, ascending; two at least.
        present: Vec<u32>,
    },
    /// One answer: the number is (answer · spread + middle) · scale.
    Numbers {
        /// The mean of the numbers divided by the scale.
        middle: f64,
        /// Their standard deviation; 0 where they are all the same, which is then answered.
        spread: f64,
        /// The largest number without its sign, or 1; so that no square is too large.
        scale: f64,
    },
}

impl Answers {
    /// Settles what is learnt from the rows of a target that count.
    pub(super) fn of(
        target: &Target,
        rows: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<Self, FitError> {
        match target {
            Target::Classes { codes, classes } => {
                door::check_codes(codes, classes)?;
                Self::classes(codes, classes, rows)
            }
            Target::Numbers(values) => {
                door::check_numbers(values)?;
                Ok(Self::numbers(values, rows, weights))
            }
            other @ Target::Absent { .. } => Err(wrong_target("classes or numbers", other)),
        }
    }

    fn classes(codes: &[u32], classes: &[Label], rows: &[u32]) -> Result<Self, FitError> {
        let mut seen = vec![false; classes.len()];
        rows.iter().for_each(|row| seen[codes[*row as usize] as usize] = true);
        let present: Vec<u32> =
            (0..).zip(&seen).filter(|(_, seen)| **seen).map(|(code, _)| code).collect();
        match present.as_slice() {
            [only] => Err(FitError::OneClass { class: classes[*only as usize].to_string() }),
            _ => Ok(Self::Classes { classes: classes.to_vec(), present }),
        }
    }

    fn numbers(values: &[f64], rows: &[u32], weights: Option<&[f64]>) -> Self {
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
        let largest = rows.iter().map(|row| values[*row as usize].abs()).fold(0.0, f64::max);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let value = |row: u32| values[row as usize] / scale;
        let total: f64 = rows.iter().map(|row| weight(*row)).sum();
        let middle = rows.iter().map(|row| weight(*row) * value(*row)).sum::<f64>() / total;
        let square = |row: &u32| weight(*row) * (value(*row) - middle).powi(2);
        let spread = (rows.iter().map(square).sum::<f64>() / total).sqrt();
        Self::Numbers { middle, spread: if spread > 1e-12 { spread } else { 0.0 }, scale }
    }

    /// Counts the answers.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Classes { present, .. } => present.len(),
            Self::Numbers { .. } => 1,
        }
    }

    /// Gives the name of the loss, and what a loss is multiplied with to be of the target's own unit.
    pub(super) fn metric(&self) -> (&'static str, f64) {
        match self {
            Self::Classes { .. } => ("log_loss", 1.0),
            Self::Numbers { spread, scale, .. } => ("squared_error", (spread * scale).powi(2)),
        }
    }

    /// Gives the right answer of each row of a target; none for a class that isn't learnt.
    pub(super) fn goals(&self, target: &Target) -> Result<Vec<Option<f64>>, FitError> {
        match (self, target) {
            (Self::Classes { classes, present }, Target::Classes { codes, classes: own }) => {
                door::check_codes(codes, own)?;
                let place = |label: &Label| {
                    let code = u32::try_from(classes.binary_search(label).ok()?).ok()?;
                    present.binary_search(&code).ok().map(|place| place as f64)
                };
                let places: Vec<Option<f64>> = own.iter().map(place).collect();
                Ok(codes.iter().map(|code| places[*code as usize]).collect())
            }
            (Self::Numbers { middle, spread, scale }, Target::Numbers(values)) => {
                door::check_numbers(values)?;
                let spread = if *spread > 0.0 { *spread } else { 1.0 };
                Ok(values.iter().map(|value| Some((value / scale - middle) / spread)).collect())
            }
            _ => Err(FitError::Other("the validation target is of another sort".to_owned())),
        }
    }

    /// Turns answers into what a fitted model says.
    pub(super) fn prediction(&self, answers: &[f32]) -> Prediction {
        match self {
            Self::Classes { classes, present } => {
                let rows = answers.len() / present.len().max(1);
                let mut all = vec![0.0; rows * classes.len()];
                let mut own = vec![0.0; present.len()];
                let pairs = answers.chunks_exact(present.len().max(1));
                for (answers, row) in pairs.zip(all.chunks_exact_mut(classes.len().max(1))) {
                    probabilities(answers, &mut own);
                    for (code, share) in present.iter().zip(&own) {
                        row[*code as usize] = *share;
                    }
                }
                let classes: Arc<[Label]> = classes.as_slice().into();
                Prediction::Classes { probabilities: all, classes }
            }
            Self::Numbers { middle, spread, scale } => {
                let number = |answer: &f32| (f64::from(*answer) * spread + middle) * scale;
                Prediction::Values(answers.iter().map(number).collect())
            }
        }
    }

    /// Tells whether codes and numbers make sense.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Classes { classes, present } => {
                present.len() >= 2
                    && present.is_sorted_by(|a, b| a < b)
                    && present.iter().all(|code| (*code as usize) < classes.len())
            }
            Self::Numbers { middle, spread, scale } => {
                [middle, spread, scale].iter().all(|number| number.is_finite())
            }
        }
    }
}
