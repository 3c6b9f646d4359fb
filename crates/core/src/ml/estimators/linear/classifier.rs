//! A fitted linear classifier: probabilities from weighted sums.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::newton::sigmoid;
use crate::data::{Frame, Label};
use crate::ml::estimator::{FitError, Fitted, Prediction, Round};
use crate::ml::estimators::kind::{Model, saved};
use crate::ml::estimators::training::same_columns;

/// Rows that are scored at once.
const TILE: usize = 1024;

/// A fitted linear classifier.
#[derive(Serialize, Deserialize)]
pub(crate) struct LinearClassifier {
    /// The features.
    pub(super) names: Vec<Arc<str>>,
    /// The target's classes.
    pub(super) classes: Arc<[Label]>,
    /// The codes of the classes that had rows, ascending.
    pub(super) present: Vec<u32>,
    /// `outputs × features`; one output for two classes, the score of the second.
    pub(super) coefficients: Vec<f64>,
    /// One an output.
    pub(super) intercepts: Vec<f64>,
    /// For each feature how far its spread moves the scores.
    pub(super) importance: Vec<f64>,
    /// How the training went.
    pub(super) history: Vec<Round>,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
}

impl LinearClassifier {
    /// Adds up the scores of a tile of rows: in the order of the columns, so that a row's score
    /// does not depend on the rows beside it.
    fn scores(&self, columns: &[&[f64]], start: usize, rows: usize) -> Vec<f64> {
        let mut scores = Vec::with_capacity(rows * self.intercepts.len());
        for (output, intercept) in self.intercepts.iter().enumerate() {
            let mut sums = vec![*intercept; rows];
            let own = &self.coefficients[output * columns.len()..][..columns.len()];
            for (column, coefficient) in columns.iter().zip(own) {
                let values = &column[start..start + rows];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += coefficient * value);
            }
            scores.append(&mut sums);
        }
        scores
    }

    /// Fills a tile's probabilities, `rows × classes`.
    fn fill(&self, scores: &[f64], tile: &mut [f64]) {
        let classes = self.classes.len();
        let rows = tile.len() / classes;
        for (row, slots) in tile.chunks_mut(classes).enumerate() {
            if let [low, high] = self.present[..] {
                slots[low as usize] = sigmoid(-scores[row]);
                slots[high as usize] = sigmoid(scores[row]);
                continue;
            }
            let score = |output: usize| scores[output * rows + row];
            let outputs = self.present.len();
            let top = (0..outputs).map(score).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..outputs).map(|output| (score(output) - top).exp()).sum();
            for (output, code) in self.present.iter().enumerate() {
                slots[*code as usize] = (score(output) - top).exp() / sum;
            }
        }
    }
}

impl Fitted for LinearClassifier {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let columns = same_columns(&self.names, features)?;
        let classes = self.classes.len();
        let mut probabilities = vec![0.0; features.rows() * classes];
        let one = |(index, tile): (usize, &mut [f64])| {
            let scores = self.scores(&columns, index * TILE, tile.len() / classes);
            self.fill(&scores, tile);
        };
        if features.rows() <= TILE {
            probabilities.chunks_mut(TILE * classes).enumerate().for_each(one);
        } else {
            probabilities.par_chunks_mut(TILE * classes).enumerate().for_each(one);
        }
        Ok(Prediction::Classes { probabilities, classes: Arc::clone(&self.classes) })
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn importance(&self) -> Option<Vec<f64>> {
        Some(self.importance.clone())
    }

    fn history(&self) -> &[Round] {
        &self.history
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Model for LinearClassifier {
    fn sound(&self) -> bool {
        let outputs = if self.present.len() == 2 { 1 } else { self.present.len() };
        self.present.len() >= 2
            && self.present.windows(2).all(|pair| pair[0] < pair[1])
            && self.present.iter().all(|code| (*code as usize) < self.classes.len())
            && self.intercepts.len() == outputs
            && self.coefficients.len() == outputs * self.names.len()
            && self.importance.len() == self.names.len()
    }
}
