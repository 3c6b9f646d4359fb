//! Gaussian naive Bayes: a bell curve for each column and class, columns taken as independent.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::{Frame, Label};
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task,
};
use crate::ml::estimators::kind::{Declaration, Model, saved};
use crate::ml::estimators::training::{Classes, Training, same_columns};
use crate::params;
use crate::params::{Kind, Limits, Setting};

/// Rows that are judged at once.
const TILE: usize = 512;

params! {
    /// Gaussian naive Bayes: a bell curve for each column and class.
    ///
    /// Columns are taken as independent within a class, so probabilities are often too sure. As
    /// scikit-learn's `GaussianNB`.
    pub(crate) struct GaussianNaiveBayes("gaussian_naive_bayes", 0) {
        /// Added to every variance, as a share of the largest variance of a column.
        var_smoothing: f64 = 1e-9 => Limits::at_least(0.0),
        /// The share of each class, `{ no: 90%, yes: 10% }`; left out, its share of the training rows.
        priors: Option<Setting> as (Kind::Optional(&Kind::Map(&Kind::Share))) = None,
    }
}

/// A fitted Gaussian naive Bayes.
#[derive(Serialize, Deserialize)]
pub(crate) struct GaussianModel {
    names: Vec<Arc<str>>,
    classes: Arc<[Label]>,
    /// The codes of the classes that had rows, ascending.
    present: Vec<u32>,
    /// Their shares.
    priors: Vec<f64>,
    /// `present × columns`.
    means: Vec<f64>,
    /// `present × columns`, smoothed.
    variances: Vec<f64>,
}

impl Declaration for GaussianNaiveBayes {
    type Model = GaussianModel;
    const VERSION: u32 = 2;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification],
        missing: false,
        categories: false,
        scaled: false,
        weights: true,
    };

    fn check(&self) -> Result<(), BadSetting> {
        let Some(Setting::Map(shares)) = &self.priors else { return Ok(()) };
        let sum: f64 = shares.values().filter_map(|share| share.setting.as_f64()).sum();
        if (sum - 1.0).abs() > 1e-5 {
            let sum = (sum * 1e6).round() / 1e6;
            let message = format!("the shares of `priors` add up to {sum}, not to 1");
            return Err(BadSetting { param: "priors", message });
        }
        Ok(())
    }
}

impl GaussianNaiveBayes {
    /// Gives the shares of the classes that have rows, as they were written, or as the rows have them.
    fn shares(&self, classes: &Classes, found: &[f64]) -> Result<Vec<f64>, FitError> {
        let Some(Setting::Map(written)) = &self.priors else { return Ok(found.to_vec()) };
        let names: Vec<String> = classes.all.iter().map(ToString::to_string).collect();
        let wrong = |what: String| {
            let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            Err(FitError::Other(format!("`priors` {what}; the classes are {names}")))
        };
        if let Some(strange) = written.keys().find(|class| !names.contains(class)) {
            return wrong(format!("names `{strange}`, which is no class"));
        }
        if let Some(name) = names.iter().find(|name| !written.contains_key(*name)) {
            return wrong(format!("has no share for the class `{name}`"));
        }
        let share = |code: &u32| {
            let written = written.get(&names[*code as usize]);
            written.and_then(|share| share.setting.as_f64()).unwrap_or_default()
        };
        let shares: Vec<f64> = classes.present.iter().map(share).collect();
        let sum: f64 = shares.iter().sum();
        if sum <= 0.0 {
            return wrong("gives no class that has rows a share".to_owned());
        }
        // What classes without rows would have goes to the others.
        let whole = if shares.len() < names.len() { sum } else { 1.0 };
        Ok(shares.into_iter().map(|share| share / whole).collect())
    }
}

impl Estimator for GaussianNaiveBayes {
    fn fit(&self, sample: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        let training = Training::of(sample)?;
        let classes = training.classes()?;
        let count = classes.present.len();
        let mut weights = vec![0.0; count];
        for (row, place) in classes.places.iter().enumerate() {
            weights[*place as usize] += training.weight(row);
        }
        let columns: Vec<Moments> = training
            .columns
            .par_iter()
            .map(|column| Moments::of(column, &training, &classes.places, &weights))
            .collect();
        let most = columns.iter().map(|column| column.variance).fold(0.0, f64::max);
        let floor = self.var_smoothing * most;
        let each = |of: &dyn Fn(&Moments, usize) -> f64| {
            (0..count)
                .flat_map(|place| columns.iter().map(move |column| of(column, place)))
                .collect()
        };
        let variances: Vec<f64> = each(&|column, place| column.variances[place] + floor);
        if variances.iter().any(|variance| !(*variance > 0.0 && variance.is_finite())) {
            return Err(FitError::Other(
                "a column does not vary within a class, or its values are too large; raise `var_smoothing`, scale \
                 the columns, or leave constant ones out"
                    .to_owned(),
            ));
        }
        let total = training.total();
        let found: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        Ok(Box::new(GaussianModel {
            names: training.names.clone(),
            priors: self.shares(&classes, &found)?,
            classes: classes.all,
            present: classes.present,
            means: each(&|column, place| column.means[place]),
            variances,
        }))
    }
}

/// The mean and variance of a column, by class and over all rows.
struct Moments {
    means: Vec<f64>,
    variances: Vec<f64>,
    variance: f64,
}

impl Moments {
    fn of(column: &[f64], training: &Training<'_>, places: &[u32], weights: &[f64]) -> Self {
        let by_class = |value: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; weights.len()];
            for (row, place) in places.iter().enumerate() {
                sums[*place as usize] += training.weight(row) * value(row);
            }
            sums.iter().zip(weights).map(|(sum, weight)| sum / weight).collect::<Vec<f64>>()
        };
        let means = by_class(&|row| column[row]);
        // The second pass mends what rounding left in the means.
        let rest = by_class(&|row| column[row] - means[places[row] as usize]);
        let means: Vec<f64> = means.iter().zip(rest).map(|(mean, rest)| mean + rest).collect();
        let variances = by_class(&|row| (column[row] - means[places[row] as usize]).powi(2));
        let total: f64 = weights.iter().sum();
        let classes = || weights.iter().zip(&means).zip(&variances);
        let mean = classes().map(|((weight, mean), _)| weight * mean).sum::<f64>() / total;
        let spread =
            classes().map(|((weight, own), variance)| weight * (variance + (own - mean).powi(2)));
        let variance = spread.sum::<f64>() / total;
        Self { means, variances, variance }
    }
}

impl GaussianModel {
    /// Gives the logarithm of each class's prior and of what its bell curves have in common.
    fn constants(&self) -> Vec<f64> {
        let width = self.names.len();
        let of = |(place, prior): (usize, &f64)| {
            let own = &self.variances[place * width..][..width];
            let norms: f64 =
                own.iter().map(|variance| (std::f64::consts::TAU * variance).ln()).sum();
            prior.ln() - 0.5 * norms
        };
        self.priors.iter().enumerate().map(of).collect()
    }

    /// Fills a tile's probabilities, `rows × classes`.
    fn fill(&self, columns: &[&[f64]], constants: &[f64], start: usize, tile: &mut [f64]) {
        let (classes, width) = (self.classes.len(), columns.len());
        let rows = tile.len() / classes;
        let mut logs = Vec::with_capacity(rows * self.present.len());
        for (place, constant) in constants.iter().enumerate() {
            let mut sums = vec![0.0; rows];
            for (index, column) in columns.iter().enumerate() {
                let (mean, variance) =
                    (self.means[place * width + index], self.variances[place * width + index]);
                let values = &column[start..start + rows];
                sums.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += (value - mean).powi(2) / variance);
            }
            logs.extend(sums.iter().map(|sum| constant - 0.5 * sum));
        }
        for (row, slots) in tile.chunks_mut(classes).enumerate() {
            let log = |place: usize| logs[place * rows + row];
            let top = (0..self.present.len()).map(log).fold(f64::NEG_INFINITY, f64::max);
            if top == f64::NEG_INFINITY {
                // So far from every class that all are 0: what is known without the columns.
                self.present
                    .iter()
                    .zip(&self.priors)
                    .for_each(|(code, prior)| slots[*code as usize] = *prior);
                continue;
            }
            let sum: f64 = (0..self.present.len()).map(|place| (log(place) - top).exp()).sum();
            // By way of logarithms as scikit-learn has it: what is nearly sure then ties as it does there.
            let all = top + sum.ln();
            for (place, code) in self.present.iter().enumerate() {
                slots[*code as usize] = (log(place) - all).exp();
            }
            // Very far from all classes the logarithms are too large to tell what the sum is.
            let whole: f64 = slots.iter().sum();
            if (whole - 1.0).abs() > 1e-6 {
                slots.iter_mut().for_each(|own| *own /= whole);
            }
        }
    }
}

impl Fitted for GaussianModel {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let columns = same_columns(&self.names, features)?;
        let (constants, classes) = (self.constants(), self.classes.len());
        let mut probabilities = vec![0.0; features.rows() * classes];
        probabilities
            .par_chunks_mut(TILE * classes)
            .enumerate()
            .for_each(|(index, tile)| self.fill(&columns, &constants, index * TILE, tile));
        Ok(Prediction::Classes { probabilities, classes: Arc::clone(&self.classes) })
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }
}

impl Model for GaussianModel {
    fn sound(&self) -> bool {
        let numbers = self.present.len() * self.names.len();
        !self.present.is_empty()
            && self.present.windows(2).all(|pair| pair[0] < pair[1])
            && self.present.iter().all(|code| (*code as usize) < self.classes.len())
            && self.priors.len() == self.present.len()
            && self.means.len() == numbers
            && self.variances.len() == numbers
    }
}
