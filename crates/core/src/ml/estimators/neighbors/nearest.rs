//! `k_nearest_neighbors`: says what the nearest training rows say.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tree::{Distance, Neighbor, Tree};
use crate::data::{Frame, Label, Target};
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task,
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
        /// The `p`th root of the sum of the differences' `p`th powers.
        Minkowski = "minkowski",
        /// The difference of the column in which they differ most.
        Chebyshev = "chebyshev",
        /// One minus the cosine of the angle between them, whatever their lengths; a row of zeros is at
        /// distance 1 from all.
        Cosine = "cosine",
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
        /// For `metric: minkowski`: the power; 1 is `manhattan`, 2 `euclidean`, `inf` `chebyshev`.
        p: f64 = 2.0 => Limits::above(0.0),
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

    fn check(&self) -> Result<(), BadSetting> {
        if self.p != 2.0 && self.metric != Metric::Minkowski {
            let message = "`p` is for `metric: minkowski` alone".to_owned();
            return Err(BadSetting { param: "p", message });
        }
        Ok(())
    }
}

impl KNearestNeighbors {
    fn distance(&self) -> Distance {
        match self.metric {
            Metric::Euclidean => Distance::Euclidean,
            Metric::Manhattan => Distance::Manhattan,
            Metric::Chebyshev => Distance::Chebyshev,
            Metric::Cosine => Distance::Cosine,
            Metric::Minkowski if self.p == 1.0 => Distance::Manhattan,
            Metric::Minkowski if self.p == 2.0 => Distance::Euclidean,
            Metric::Minkowski if self.p == f64::INFINITY => Distance::Chebyshev,
            Metric::Minkowski => Distance::Minkowski(self.p),
        }
    }
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
        let distance = self.distance();
        let tree = match distance {
            Distance::Cosine => Tree::new(&of_length_one(&training.columns), rows, distance),
            _ => Tree::new(&training.columns, rows, distance),
        };
        Ok(Box::new(Neighbors {
            names: training.names.clone(),
            count,
            by_distance: self.weights == Weighting::Distance,
            distance,
            tree,
            answers,
        }))
    }
}

/// Brings each row to length one.
fn of_length_one(columns: &[impl AsRef<[f64]>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, |column| column.as_ref().len());
    let of_row = |row: usize| length(columns.iter().map(|column| column.as_ref()[row]));
    let lengths: Vec<f64> = (0..rows).map(of_row).collect();
    let shortened = |column: &[f64]| {
        column.iter().zip(&lengths).map(|(value, length)| value / length).collect()
    };
    columns.iter().map(|column| shortened(column.as_ref())).collect()
}

/// Gives the length of a row; 1 of one without a direction, so that it stays as it is.
fn length(row: impl Iterator<Item = f64> + Clone) -> f64 {
    // By the largest value, so that squares neither vanish nor overflow.
    let most = row.clone().fold(0.0_f64, |most, value| most.max(value.abs()));
    if most == 0.0 {
        return 1.0;
    }
    most * row.map(|value| (value / most) * (value / most)).sum::<f64>().sqrt()
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
        if self.distance == Distance::Cosine {
            let length = length(room.point.iter().copied());
            room.point.iter_mut().for_each(|value| *value /= length);
        }
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
