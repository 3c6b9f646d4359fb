//! A fitted network: answers for rows, in blocks, each row for itself.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::engine::Learnt;
use super::net::{Applied, Net, Pass};
use super::rows::{Columns, Lesson};
use crate::data::Frame;
use crate::ml::estimator::{FitError, Fitted, Prediction, Round};
use crate::ml::estimators::kind::{Model, saved};

/// Rows that are computed at once.
const BLOCK: usize = 256;

/// A fitted network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(super) columns: Columns,
    pub(super) net: Net,
    pub(super) answers: Answers,
    pub(super) weights: Vec<f32>,
    pub(super) figures: Vec<f32>,
    pub(super) history: Vec<Round>,
    pub(super) warnings: Vec<String>,
}

impl Network {
    /// Puts what was learnt behind the columns that it was learnt from.
    pub(super) fn new(columns: Columns, net: Net, answers: Answers, learnt: Learnt) -> Self {
        let Learnt { weights, figures } = learnt;
        let (history, warnings) = (Vec::new(), Vec::new());
        Self { columns, net, answers, weights, figures, history, warnings }
    }

    /// Lets levels that no row had, and what is missing where nothing was, answer like the mean of
    /// those that rows had.
    pub(super) fn settle_unseen(&mut self, lesson: &Lesson) {
        let (tables, _) = self.net.places();
        for (column, (embedding, table)) in self.net.embeddings.iter().zip(tables).enumerate() {
            let table = &mut self.weights[table];
            let mut counts = vec![0_u64; embedding.levels + 1];
            lesson.rows.codes(column).for_each(|code| counts[embedding.row(code)] += 1);
            let mut mean = vec![0.0_f64; embedding.dimension];
            for (row, count) in table.chunks_exact(embedding.dimension).zip(&counts) {
                let share = *count as f64 / lesson.rows.count.max(1) as f64;
                mean.iter_mut().zip(row).for_each(|(sum, own)| *sum += share * f64::from(*own));
            }
            let rows = table.chunks_exact_mut(embedding.dimension).zip(&counts);
            for (row, _) in rows.filter(|(_, count)| **count == 0) {
                row.iter_mut().zip(&mean).for_each(|(own, mean)| *own = *mean as f32);
            }
        }
    }

    /// Computes the answers for rows of a checked frame.
    fn compute(&self, frame: &Frame) -> Vec<f32> {
        let applied = Applied { net: &self.net, weights: &self.weights, figures: &self.figures };
        let answers = self.answers.count();
        let mut all = vec![0.0; frame.rows() * answers];
        all.par_chunks_mut(BLOCK * answers).enumerate().for_each_init(
            Pass::default,
            |pass, (block, all)| {
                let start = block * BLOCK;
                let rows = self.columns.rows(frame, start..start + all.len() / answers);
                all.copy_from_slice(pass.apply(applied, rows.input()));
            },
        );
        all
    }
}

impl Model for Network {
    fn sound(&self) -> bool {
        let levels: Vec<usize> = self.net.embeddings.iter().map(|own| own.levels).collect();
        self.net.is_sound()
            && self.answers.is_sound()
            && self.net.answers() == self.answers.count()
            && self.columns.fit(self.net.numbers, &levels)
            && self.net.weights() == Some(self.weights.len())
            && self.net.figures() == self.figures.len()
    }
}

impl Fitted for Network {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        self.columns.check(features)?;
        let answers = self.compute(features);
        if let Some(at) = answers.iter().position(|answer| !answer.is_finite()) {
            return Err(FitError::Other(format!(
                "the network has no finite answer for row {}: its numbers are too far from those that were learnt from; bound them with `clip` in `steps`",
                at / self.answers.count()
            )));
        }
        Ok(self.answers.prediction(&answers))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn history(&self) -> &[Round] {
        &self.history
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
