//! `k_nearest_neighbors`: says what the nearest training rows say.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tree::{Distance, Neighbor, Tree};
use crate::data::{Frame, Label, Target};
use crate::ml::estimator::{
    Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task,
};
use crate::ml::estimators::kind::{Declaration, Model, saved};
use crate::ml::estimators::training::{Training, same_columns, wrong_target};
use crate::params;
use crate::params::Limits;

params! {
    /// How much each neighbour counts.
    pub(crate) enum Weighting {
        /// All alike.
        Uniform = "uniform",
        /// By the inverse of the distance; rows at no distance decide alone.
        Distance = "distance",
    }
}

params! {
    /// How far two rows are apart.
    pub(crate) enum Metric {
        /// The straight line.
        Euclidean = "euclidean",
        /// The sum of the differences of all columns.
        Manhattan = "manhattan",
    }
}

params! {
    /// Says of a row what the nearest training rows say: their classes' shares, or their mean.
    ///
    /// Equally near rows are taken in the order of the training rows. Columns count by their spread,
    /// so `scale` belongs in front of it. As scikit-learn's `KNeighborsClassifier` and
    /// `KNeighborsRegressor`.
    pub(crate) struct KNearestNeighbors("k_nearest_neighbors", 1) {
        /// How many neighbours are asked.
        n_neighbors: usize = 5 => Limits::at_least(1.0),
        /// How much each neighbour counts.
        weights: Weighting = Weighting::Uniform,
        /// How far two rows are apart.
        metric: Metric = Metric::Euclidean,
    }
}

/// The training rows, ready to be asked.
#[derive(Serialize, Deserialize)]
pub(crate) struct Neighbors {
    names: Vec<Arc<str>>,
    count: u32,
    by_distance: bool,
    distance: Distance,
    tree: Tree,
    answers: Answers,
}

/// What the training rows say.
#[derive(Serialize, Deserialize)]
enum Answers {
    Classes { codes: Vec<u32>, classes: Arc<[Label]> },
    Numbers(Vec<f64>),
}

impl Declaration for KNearestNeighbors {
    type Model = Neighbors;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: false,
        categories: false,
        scaled: true,
        weights: false,
    };
}

impl Estimator for KNearestNeighbors {
    fn fit(&self, sample: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(&Sample { weights: None, ..*sample })?;
        let answers = match training.target() {
            Target::Classes { codes, classes } => {
                // Checks that there are two classes.
                training.classes()?;
                Answers::Classes { codes: codes.to_vec(), classes: Arc::clone(classes) }
            }
            Target::Numbers(_) => Answers::Numbers(training.numbers()?.to_vec()),
            other @ Target::Absent { .. } => return Err(wrong_target("classes or numbers", other)),
        };
        if training.rows < self.n_neighbors {
            return Err(FitError::Other(format!(
                "{} neighbours are to be asked, but there are {} rows to learn from; lower `n_neighbors`",
                self.n_neighbors, training.rows
            )));
        }
        let (Ok(rows), Ok(count)) = (u32::try_from(training.rows), u32::try_from(self.n_neighbors))
        else {
            return Err(FitError::Other("there are too many rows to keep".to_owned()));
        };
        let distance = match self.metric {
            Metric::Euclidean => Distance::Euclidean,
            Metric::Manhattan => Distance::Manhattan,
        };
        Ok(Box::new(Neighbors {
            names: training.names.clone(),
            count,
            by_distance: self.weights == Weighting::Distance,
            distance,
            tree: Tree::new(&training.columns, rows, distance),
            answers,
        }))
    }
}

/// Room that is used for one row after the other.
#[derive(Default)]
struct Room {
    point: Vec<f64>,
    found: Vec<Neighbor>,
    sums: Vec<f64>,
    weights: Vec<f64>,
}

impl Neighbors {
    /// Finds the neighbours of a row, and how much each counts.
    fn ask(&self, columns: &[&[f64]], row: usize, room: &mut Room) {
        room.point.clear();
        room.point.extend(columns.iter().map(|column| column[row]));
        self.tree.nearest(&room.point, self.count as usize, &mut room.found, &mut room.sums);
        let same = room.found.iter().any(|neighbor| neighbor.sum == 0.0);
        let weight = |neighbor: &Neighbor| match (self.by_distance, same) {
            (false, _) => 1.0,
            (true, true) => f64::from(u8::from(neighbor.sum == 0.0)),
            (true, false) => 1.0 / self.distance.whole(neighbor.sum),
        };
        room.weights.clear();
        room.weights.extend(room.found.iter().map(weight));
    }

    fn shares(
        &self,
        columns: &[&[f64]],
        row: usize,
        codes: &[u32],
        slots: &mut [f64],
        room: &mut Room,
    ) {
        self.ask(columns, row, room);
        let total: f64 = room.weights.iter().sum();
        for (neighbor, weight) in room.found.iter().zip(&room.weights) {
            slots[codes[neighbor.row as usize] as usize] += weight / total;
        }
    }

    fn mean(&self, columns: &[&[f64]], row: usize, values: &[f64], room: &mut Room) -> f64 {
        self.ask(columns, row, room);
        let pairs = room.found.iter().zip(&room.weights);
        let sum: f64 = pairs.map(|(neighbor, weight)| weight * values[neighbor.row as usize]).sum();
        sum / room.weights.iter().sum::<f64>()
    }
}

impl Fitted for Neighbors {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let columns = same_columns(&self.names, features)?;
        match &self.answers {
            Answers::Classes { codes, classes } => {
                let mut probabilities = vec![0.0; features.rows() * classes.len()];
                probabilities.par_chunks_mut(classes.len()).enumerate().for_each_init(
                    Room::default,
                    |room, (row, slots)| {
                        self.shares(&columns, row, codes, slots, room);
                    },
                );
                Ok(Prediction::Classes { probabilities, classes: Arc::clone(classes) })
            }
            Answers::Numbers(values) => {
                let rows = (0..features.rows()).into_par_iter();
                let said = rows
                    .map_init(Room::default, |room, row| self.mean(&columns, row, values, room));
                Ok(Prediction::Values(said.collect()))
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }
}

impl Model for Neighbors {
    fn sound(&self) -> bool {
        let rows = match &self.answers {
            Answers::Classes { codes, classes } => {
                let known = codes.iter().all(|code| (*code as usize) < classes.len());
                if !known || classes.is_empty() {
                    return false;
                }
                codes.len()
            }
            Answers::Numbers(values) => values.len(),
        };
        self.count >= 1 && self.count as usize <= rows && self.tree.sound(self.names.len(), rows)
    }
}
