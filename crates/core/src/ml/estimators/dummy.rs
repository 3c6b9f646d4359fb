//! The estimator that looks at no feature: what every other one has to beat.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{Declaration, Model, saved};
use super::training::wrong_target;
use crate::data::{Frame, Label, Target};
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task,
};
use crate::params;
use crate::params::{Kind, Limits, Setting};

params! {
    /// What is always said.
    pub(crate) enum Strategy {
        /// The shares of the classes, or the mean of the numbers.
        Prior = "prior",
        /// The most frequent class; of several the lowest.
        MostFrequent = "most_frequent",
        /// Every class with the same probability.
        Uniform = "uniform",
        /// The mean of the numbers.
        Mean = "mean",
        /// The median of the numbers.
        Median = "median",
        /// A quantile of the numbers.
        Quantile = "quantile",
        /// What `constant` says.
        Constant = "constant",
    }
}

params! {
    /// Says the same of every row: the baseline that others have to beat.
    ///
    /// For classes by default their shares, for numbers their mean. As scikit-learn's
    /// `DummyClassifier` and `DummyRegressor`.
    pub(crate) struct Dummy("dummy", 0) {
        /// What is always said; `prior` is the mean where the target is a number.
        strategy: Strategy = Strategy::Prior,
        /// Which quantile `strategy: quantile` means.
        quantile: f64 = 0.5 => Limits::between(0.0, 1.0),
        /// For `strategy: constant`: the class, `"no"`, or the number.
        constant: Option<Setting> as (Kind::Optional(&Kind::OneOf(&[Kind::Label, Kind::Float]))) = None,
    }
}

/// What a dummy always says.
#[derive(Serialize, Deserialize)]
pub(crate) enum Constant {
    Classes { classes: Arc<[Label]>, probabilities: Vec<f64> },
    Number(f64),
}

impl Declaration for Dummy {
    type Model = Constant;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: true,
        categories: true,
        scaled: false,
        weights: true,
    };

    fn check(&self) -> Result<(), BadSetting> {
        let wrong =
            |message: &str| Err(BadSetting { param: "constant", message: message.to_owned() });
        match (self.strategy, &self.constant) {
            (Strategy::Constant, None) => wrong("`strategy: constant` needs `constant`"),
            (Strategy::Constant, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => wrong("`constant` is for `strategy: constant` alone"),
        }
    }
}

impl Estimator for Dummy {
    fn fit(&self, sample: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        let weight = |row: usize| sample.weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..sample.target.len()).map(weight).sum();
        if sample.weights.is_some_and(|weights| weights.len() != sample.target.len()) {
            return Err(FitError::Other("there must be a weight a row".to_owned()));
        }
        if !total.is_finite() {
            return Err(FitError::Other("the weights must be finite".to_owned()));
        }
        if total <= 0.0 {
            return Err(FitError::NoRows);
        }
        let constant = match sample.target {
            Target::Classes { codes, classes } => {
                let mut shares = vec![0.0; classes.len()];
                for (row, code) in codes.iter().enumerate() {
                    if let Some(share) = shares.get_mut(*code as usize) {
                        *share += weight(row) / total;
                    }
                }
                let probabilities = self.of_classes(shares, classes)?;
                Constant::Classes { classes: Arc::clone(classes), probabilities }
            }
            Target::Numbers(values) => Constant::Number(self.of_numbers(values, weight, total)?),
            Target::Absent { .. } => return Err(wrong_target("classes or numbers", sample.target)),
        };
        Ok(Box::new(constant))
    }
}

impl Dummy {
    fn of_classes(&self, shares: Vec<f64>, classes: &[Label]) -> Result<Vec<f64>, FitError> {
        let alone = |own: Option<usize>| {
            (0..shares.len()).map(|code| f64::from(u8::from(Some(code) == own))).collect()
        };
        match self.strategy {
            Strategy::Prior => Ok(shares),
            Strategy::MostFrequent => {
                let most = shares.iter().copied().fold(0.0, f64::max);
                let first = shares.iter().position(|share| *share >= most);
                Ok(alone(first))
            }
            Strategy::Uniform => {
                let there = shares.iter().filter(|share| **share > 0.0).count();
                Ok(shares
                    .iter()
                    .map(|share| if *share > 0.0 { 1.0 / there as f64 } else { 0.0 })
                    .collect())
            }
            Strategy::Constant => {
                let said = self.constant.as_ref();
                let own = said.and_then(|said| classes.iter().position(|class| is(class, said)));
                own.map(|own| alone(Some(own))).ok_or_else(|| {
                    let names: Vec<String> =
                        classes.iter().map(|class| format!("`{class}`")).collect();
                    FitError::Other(format!(
                        "`constant` is no class of the target; its classes are {}",
                        names.join(", ")
                    ))
                })
            }
            Strategy::Mean | Strategy::Median | Strategy::Quantile => Err(FitError::Other(
                "the target holds classes; use `strategy: prior`, `most_frequent`, `uniform` or `constant`"
                    .to_owned(),
            )),
        }
    }

    fn of_numbers(
        &self,
        values: &[f64],
        weight: impl Fn(usize) -> f64,
        total: f64,
    ) -> Result<f64, FitError> {
        if let Some(row) = values.iter().position(|value| !value.is_finite()) {
            return Err(FitError::Other(format!("the target is no finite number in row {row}")));
        }
        match self.strategy {
            Strategy::Prior | Strategy::Mean => {
                Ok(values.iter().enumerate().map(|(row, value)| weight(row) * value).sum::<f64>()
                    / total)
            }
            Strategy::Median => Ok(quantile(values, weight, 0.5)),
            Strategy::Quantile => Ok(quantile(values, weight, self.quantile)),
            Strategy::Constant => {
                self.constant.as_ref().and_then(Setting::as_f64).ok_or_else(|| {
                    FitError::Other("`constant` must be a number, as the target is".to_owned())
                })
            }
            Strategy::MostFrequent | Strategy::Uniform => Err(FitError::Other(
                "the target holds numbers; use `strategy: mean`, `median`, `quantile` or `constant`"
                    .to_owned(),
            )),
        }
    }
}

/// Tells whether a user means a class.
fn is(class: &Label, said: &Setting) -> bool {
    match (class, said) {
        (Label::Text(own), Setting::Text(said)) => **own == **said,
        (Label::Int(own), Setting::Int(said)) => own == said,
        (Label::Bool(own), Setting::Bool(said)) => own == said,
        _ => false,
    }
}

/// Finds a weighted quantile; where a row ends exactly on it, the middle to the next row.
fn quantile(values: &[f64], weight: impl Fn(usize) -> f64, rank: f64) -> f64 {
    let mut order: Vec<usize> = (0..values.len()).filter(|row| weight(*row) > 0.0).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let aim = rank * order.iter().map(|row| weight(*row)).sum::<f64>();
    let mut sum = 0.0;
    for (place, row) in order.iter().enumerate() {
        sum += weight(*row);
        if sum >= aim && sum > 0.0 {
            let next = order.get(place + 1).filter(|_| sum - aim <= f64::EPSILON * sum);
            return next.map_or(values[*row], |next| f64::midpoint(values[*row], values[*next]));
        }
    }
    order.last().map_or(f64::NAN, |row| values[*row])
}

impl Fitted for Constant {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        Ok(match self {
            Self::Classes { classes, probabilities } => Prediction::Classes {
                probabilities: probabilities.repeat(features.rows()),
                classes: Arc::clone(classes),
            },
            Self::Number(value) => Prediction::Values(vec![*value; features.rows()]),
        })
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }
}

impl Model for Constant {
    fn sound(&self) -> bool {
        match self {
            Self::Classes { classes, probabilities } => classes.len() == probabilities.len(),
            Self::Number(_) => true,
        }
    }
}
