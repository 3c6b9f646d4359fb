//! `isolation_forest`: how soon random cuts leave a row alone, after scikit-learn's
//! `IsolationForest`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rows and columns are below 2^31, as the door checks"
)]

use std::sync::Arc;

use rand::RngExt;
use rand::seq::index;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Frame;
use crate::ml::Seed;
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task,
};
use crate::ml::estimators::kind::{Declaration, Model, saved};
use crate::ml::estimators::tree::cart::door::{self, Takes};
use crate::ml::estimators::tree::cart::fit::{pick, running};
use crate::ml::estimators::tree::cart::settings;
use crate::ml::estimators::tree::cart::{Alone, Forest, Grower, Numbers, Ranked, Splitter, Stops};
use crate::params;
use crate::params::{Declared, Kind, Limits, Setting};

params! {
    /// A rule in place of a number.
    pub(crate) enum Rule {
        /// What the paper says.
        Auto = "auto",
    }
}

params! {
    /// Finds odd rows: those that a few random cuts set apart from all others.
    ///
    /// The score lies between 0 and 1; ordinary rows have about 0.5 or less. Takes missing values as
    /// they are. A row with a weight is drawn the more often for it. Names, meanings and defaults are
    /// those of scikit-learn's `IsolationForest`.
    pub(crate) struct IsolationForest("isolation_forest", 0) {
        /// How many trees are grown.
        n_estimators: usize = 100 => Limits::at_least(1.0),
        /// How many rows a tree sees: a number, a share; `auto` is 256, or all if there are fewer.
        max_samples: Setting as (Kind::OneOf(&[Rule::KIND, Kind::Int, Kind::Share]))
            = Setting::Word("auto".to_owned()) => Limits::above(0.0),
        /// The share of odd rows, which sets the verdicts; `auto` calls a score above 0.5 odd.
        contamination: Setting as (Kind::OneOf(&[Rule::KIND, Kind::Share]))
            = Setting::Word("auto".to_owned()) => Limits::above_to(0.0, 0.5),
        /// The share of columns that a tree sees.
        max_features: f64 = 1.0 => Limits::above_to(0.0, 1.0),
        /// Whether a tree's rows are drawn with replacement.
        bootstrap: bool = false,
    }
}

impl Declaration for IsolationForest {
    type Model = Isolation;
    const TAGS: Tags = Tags {
        tasks: &[Task::Anomaly],
        missing: true,
        categories: false,
        scaled: false,
        weights: true,
    };
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        match &self.max_samples {
            Setting::Word(_) => Ok(()),
            other => settings::check_rows("max_samples", other, 1),
        }
    }
}

/// Gives the mean number of cuts that leave one of so many rows alone.
fn cuts(rows: f64) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if rows <= 1.0 {
        0.0
    } else if rows <= 2.0 {
        1.0
    } else {
        2.0 * ((rows - 1.0).ln() + EULER) - 2.0 * (rows - 1.0) / rows
    }
}

impl Estimator for IsolationForest {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        door::check(sample, Takes::Numbers)?;
        let picked = door::kept(sample.weights)?;
        let weights = picked_weights(sample.weights, picked.as_deref());
        let rows = picked.as_ref().map_or(sample.features.rows(), Vec::len);
        let columns = sample.features.width();
        let seen = match &self.max_samples {
            Setting::Word(_) => rows.min(256),
            Setting::Int(count) => usize::try_from(*count).unwrap_or(rows).min(rows),
            share => settings::draws(share, rows).min(rows),
        };
        let data = Ranked::new(sample.features, picked.as_deref(), Splitter::Random);
        let items: Vec<u32> = (0..).take(rows).collect();
        let grower = Grower {
            data: &data,
            items: &items,
            criterion: Alone,
            stops: Stops {
                splitter: Splitter::Random,
                max_features: 1,
                max_depth: (seen.max(2) as f64).log2().ceil() as usize,
                min_samples_split: 2,
                min_samples_leaf: 1,
                min_weight_leaf: 0.0,
                max_leaf_nodes: None,
                min_impurity_decrease: 0.0,
            },
            monotone: &[],
            keep_inner: false,
        };
        let one = |tree: usize| {
            let seed = context.seed.derive("tree", tree as u64);
            let rows = self.rows(seed, (rows, seen), weights.as_deref());
            let columns = self.columns(seed, columns);
            let arena = grower.grow((rows, columns), None, (seed, context))?;
            Ok(arena.tree_with(|depth, rows| depth as f64 + cuts(rows)))
        };
        let trees: Result<Vec<_>, FitError> = if seen * self.n_estimators >= 1 << 15 {
            (0..self.n_estimators)
                .into_par_iter()
                .map(one)
                .collect::<Vec<_>>()
                .into_iter()
                .collect()
        } else {
            (0..self.n_estimators).map(one).collect()
        };
        let forest = Forest { numbers: Numbers { width: 1, columns }, trees: trees? };
        let names = sample.features.names().to_vec();
        let mut model = Isolation { names, forest, cuts: cuts(seen as f64), threshold: 0.5 };
        if let Some(share) = self.contamination.as_f64() {
            let mut scores = model.scores(sample.features);
            if let Some(picked) = &picked {
                scores = picked.iter().map(|row| scores[*row as usize]).collect();
            }
            model.threshold = upper(scores, share);
        }
        Ok(Box::new(model))
    }
}

impl IsolationForest {
    /// Draws the rows of a tree, each as likely as its weight says.
    fn rows(&self, seed: Seed, (rows, seen): (usize, usize), weights: Option<&[f64]>) -> Vec<u32> {
        let mut random = seed.derive("draw", 0).generator();
        let mut drawn: Vec<u32> = match (self.bootstrap, weights) {
            (true, None) => (0..seen).map(|_| random.random_range(0..rows as u32)).collect(),
            (true, Some(weights)) => {
                let sums = running(weights);
                (0..seen).map(|_| pick(&sums, random.random()) as u32).collect()
            }
            (false, None) => {
                let drawn = index::sample(&mut random, rows, seen).into_iter();
                drawn.map(|row| row as u32).collect()
            }
            (false, Some(weights)) => apart(weights, seen, &mut random),
        };
        drawn.sort_unstable();
        // A row that is drawn again is the same row: scikit-learn's trees, too, count it once.
        drawn.dedup();
        drawn
    }

    /// Draws the columns of a tree.
    fn columns(&self, seed: Seed, columns: usize) -> Vec<u32> {
        let seen = ((self.max_features * columns as f64) as usize).clamp(columns.min(1), columns);
        let mut random = seed.derive("columns", 0).generator();
        let mut drawn: Vec<u32> = index::sample(&mut random, columns, seen)
            .into_iter()
            .map(|column| column as u32)
            .collect();
        drawn.sort_unstable();
        drawn
    }
}

/// Gives the weights of the rows that count; none where all are the same.
fn picked_weights(weights: Option<&[f64]>, picked: Option<&[u32]>) -> Option<Vec<f64>> {
    let weights = weights?;
    let own: Vec<f64> = match picked {
        None => weights.to_vec(),
        Some(picked) => picked.iter().map(|row| weights[*row as usize]).collect(),
    };
    own.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne()).then_some(own)
}

/// Draws rows one after another without putting them back, by their weight.
///
/// The rows with the least −ln(u) / weight, u drawn evenly, are such a draw: Efraimidis and Spirakis,
/// "Weighted random sampling with a reservoir" (2006).
fn apart(weights: &[f64], seen: usize, random: &mut Pcg64) -> Vec<u32> {
    let mut keys: Vec<(f64, u32)> = (0..)
        .zip(weights)
        .map(|(row, weight)| (-(1.0 - random.random::<f64>()).ln() / weight, row))
        .collect();
    if seen < keys.len() {
        keys.select_nth_unstable_by(seen, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        keys.truncate(seen);
    }
    keys.into_iter().map(|(_, row)| row).collect()
}

/// Gives the score above which a share of the scores lies, interpolating as NumPy does.
fn upper(mut scores: Vec<f64>, share: f64) -> f64 {
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let place = share * (scores.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let next = scores[(low + 1).min(scores.len() - 1)];
    scores[low] + part * (next - scores[low])
}

/// A fitted isolation forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Isolation {
    names: Vec<Arc<str>>,
    /// Says the cuts that leave a row alone.
    forest: Forest,
    /// The mean number of cuts.
    cuts: f64,
    /// The score above which a row is odd.
    threshold: f64,
}

impl Isolation {
    fn scores(&self, features: &Frame) -> Vec<f64> {
        let mut scores = self.forest.predict(features);
        // A forest of one row has no cuts: all rows are ordinary to it.
        let share = |cuts: f64| if self.cuts > 0.0 { cuts / self.cuts } else { 1.0 };
        for cuts in &mut scores {
            *cuts = (-share(*cuts)).exp2();
        }
        scores
    }
}

impl Model for Isolation {
    fn sound(&self) -> bool {
        self.forest.is_sound()
            && self.forest.numbers.width == 1
            && self.names.len() == self.forest.numbers.columns
    }
}

impl Fitted for Isolation {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        door::check_names(features, &self.names)?;
        door::check_sorts(features, Takes::Numbers)?;
        door::check_range(features, Takes::Numbers)?;
        let scores = self.scores(features);
        let odd = scores.iter().map(|score| *score > self.threshold).collect();
        Ok(Prediction::Anomalies { scores, odd })
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }
}
