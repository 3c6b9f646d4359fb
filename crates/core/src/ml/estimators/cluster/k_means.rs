//! `k_means`: groups around as many centres.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lloyd::{Course, Rows, Start, run};
use crate::data::Frame;
use crate::ml::estimator::{
    Estimator, FitContext, FitError, Fitted, Prediction, Round, Sample, Tags, Task,
};
use crate::ml::estimators::kind::{Declaration, Model, saved};
use crate::ml::estimators::training::{Training, same_columns};
use crate::params;
use crate::params::Limits;

/// Rows that are assigned at once.
const TILE: usize = 512;

params! {
    /// Where the centres start.
    pub(crate) enum Init {
        /// Rows drawn one after the other, far from those before, the best of a few (greedy k-means++).
        PlusPlus = "k_means_plus_plus",
        /// Rows drawn by chance.
        Random = "random",
    }
}

params! {
    /// Groups rows around as many centres, so that the squared distances to them are small.
    ///
    /// Lloyd's algorithm from greedy k-means++ (Arthur and Vassilvitskii, SODA 2007). Columns count by
    /// their spread, so `scale` belongs in front of it. As scikit-learn's `KMeans`.
    pub(crate) struct KMeans("k_means", 1) {
        /// How many groups.
        n_clusters: usize = 8 => Limits::between(1.0, 1_000_000.0),
        /// Where the centres start.
        init: Init = Init::PlusPlus,
        /// How often to start; the best counts. Left out: once, or with `init: random` ten times.
        n_init: Option<usize> = None => Limits::at_least(1.0),
        /// The most rounds of a start.
        max_iter: u64 = 300 => Limits::at_least(1.0),
        /// Ends where the centres move less than this, relative to the columns' mean variance.
        tol: f64 = 1e-4 => Limits::at_least(0.0),
    }
}

/// Fitted centres.
#[derive(Serialize, Deserialize)]
pub(crate) struct Centres {
    names: Vec<Arc<str>>,
    /// `groups × columns`.
    centres: Vec<f64>,
    groups: u32,
    history: Vec<Round>,
    warnings: Vec<String>,
}

impl Declaration for KMeans {
    type Model = Centres;
    const TAGS: Tags = Tags {
        tasks: &[Task::Clustering],
        missing: false,
        categories: false,
        scaled: true,
        weights: true,
    };
}

impl Estimator for KMeans {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(sample)?;
        let groups =
            u32::try_from(self.n_clusters).ok().filter(|_| training.rows >= self.n_clusters);
        let Some(groups) = groups else {
            return Err(FitError::Other(format!(
                "{} groups need as many rows, but there are {}; lower `n_clusters`",
                self.n_clusters, training.rows
            )));
        };
        let rows = Rows::new(&training)?;
        let starts = self.n_init.unwrap_or(if self.init == Init::PlusPlus { 1 } else { 10 });
        let mut best: Option<Course> = None;
        for start in 0..starts {
            (context.progress)(start as u64, starts as u64);
            let seed = context.seed.derive("start", start as u64);
            let start = Start {
                groups: self.n_clusters,
                spread: self.init == Init::PlusPlus,
                rounds: self.max_iter,
                still: self.tol,
            };
            let course = run(&rows, start, seed, context)?;
            if best.as_ref().is_none_or(|best| course.inertia < best.inertia) {
                best = Some(course);
            }
        }
        let best = best.ok_or(FitError::NoRows)?;
        let warnings = warnings(&best, self);
        let centres = rows.in_own_units(&best.centres);
        let names = training.names.clone();
        Ok(Box::new(Centres { names, centres, groups, history: best.history, warnings }))
    }
}

fn warnings(best: &Course, settings: &KMeans) -> Vec<String> {
    let mut warnings = Vec::new();
    if best.filled < settings.n_clusters {
        warnings.push(format!(
            "only {} of {} groups have rows: there are too few different rows; lower `n_clusters`",
            best.filled, settings.n_clusters
        ));
    }
    if !best.settled {
        warnings.push(format!(
            "k_means did not settle in {} rounds; raise `max_iter`",
            settings.max_iter
        ));
    }
    warnings
}

impl Centres {
    /// Assigns a tile of rows to their nearest centres, of equally near ones to the first.
    fn assign(&self, columns: &[&[f64]], start: usize, tile: &mut [i64]) {
        let mut nearest = vec![f64::INFINITY; tile.len()];
        let mut sums = vec![0.0; tile.len()];
        for (group, centre) in (0_i64..).zip(self.centres.chunks(columns.len().max(1))) {
            sums.fill(0.0);
            for (column, middle) in columns.iter().zip(centre) {
                let values = &column[start..start + tile.len()];
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += (value - middle) * (value - middle));
            }
            for ((slot, nearest), sum) in tile.iter_mut().zip(&mut nearest).zip(&sums) {
                if sum < nearest {
                    (*slot, *nearest) = (group, *sum);
                }
            }
        }
    }
}

impl Fitted for Centres {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let columns = same_columns(&self.names, features)?;
        let mut groups = vec![0; features.rows()];
        groups
            .par_chunks_mut(TILE)
            .enumerate()
            .for_each(|(index, tile)| self.assign(&columns, index * TILE, tile));
        Ok(Prediction::Clusters(groups))
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

impl Model for Centres {
    fn sound(&self) -> bool {
        (self.groups as usize).checked_mul(self.names.len()) == Some(self.centres.len())
            && self.groups > 0
    }
}
