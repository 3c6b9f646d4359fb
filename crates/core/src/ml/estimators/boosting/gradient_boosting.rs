//! `gradient_boosting`: histogram gradient boosting of trees, after scikit-learn's
//! `HistGradientBoostingClassifier` and `HistGradientBoostingRegressor`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "class numbers and counts of rows are whole and below 2^31"
)]

use std::sync::Arc;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::engine::{
    self, Ensemble, Interactions, Link, Loss, Options, Outcome, Rows, Stopping, Training,
};
use super::interactions::{self, INTERACTIONS};
use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::columns::Shape;
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Flaw, Prediction, Round, Sample, Tags,
    Task,
};
use crate::ml::estimators::kind::{Declaration, Model, saved};
use crate::ml::estimators::tree::cart::door::{self, Takes};
use crate::ml::estimators::tree::cart::monotone::{self, MONOTONE};
use crate::params;
use crate::params::{Args, Declared, Kind, Limits, Setting};

/// Rows above which `early_stopping: auto` ends early, as in scikit-learn.
const MANY_ROWS: usize = 10_000;

params! {
    /// Gradient boosting of trees on binned columns, fast on large data.
    ///
    /// Takes missing values and categories as they are. Each round adds a tree that mends what the
    /// trees before it got wrong; names, meanings and defaults are those of scikit-learn's
    /// `HistGradientBoosting`.
    pub(crate) struct GradientBoosting("gradient_boosting", 0) {
        /// What is made small; `auto` is `log_loss` for classes and `squared_error` for numbers.
        loss: LossWord = LossWord::Auto,
        /// The quantile that `loss: quantile` aims at.
        quantile: Option<f64> = None => Limits::between(0.0, 1.0),
        /// The share of each tree that is taken; smaller needs more rounds.
        learning_rate: f64 = 0.1 => Limits::above(0.0),
        /// The most rounds; each adds a tree, or one a class where there are more than two.
        max_iter: usize = 100 => Limits::at_least(1.0),
        /// The most leaves of a tree; `null` for no limit.
        max_leaf_nodes: Option<usize> = Some(31) => Limits::at_least(2.0),
        /// The most tests from the root to a leaf; `null` for no limit.
        max_depth: Option<usize> = None => Limits::at_least(1.0),
        /// The least rows of a leaf.
        min_samples_leaf: usize = 20 => Limits::at_least(1.0),
        /// The penalty on large leaf values.
        l2_regularization: f64 = 0.0 => Limits::at_least(0.0),
        /// The share of columns tried at each node, drawn anew.
        max_features: f64 = 1.0 => Limits::above_to(0.0, 1.0),
        /// The most bins of a column, beside one for missing values.
        max_bins: usize = 255 => Limits::between(2.0, 255.0),
        /// Columns that answers must rise with (1) or fall with (−1): `{ age: 1, price: -1 }`; of two
        /// classes the probability of the second, more are refused.
        monotonic_cst: Setting as (MONOTONE) = Setting::Null => Limits::between(-1.0, 1.0),
        /// Columns that may meet on one way down a tree, a list each: `[[age, pay], [pay, sex]]`;
        /// those in no list may meet each other. `pairwise` is any two, `no_interactions` each alone.
        interaction_cst: Setting as (INTERACTIONS) = Setting::Null,
        /// Whether to end when rounds bring nothing more; `auto` does so above 10,000 rows, or
        /// where validation data are given.
        early_stopping: Setting as (Kind::OneOf(&[Kind::Bool, EarlyStopping::KIND]))
            = Setting::Word("auto".to_owned()),
        /// The share of rows held out to watch for early stopping; `null` watches the training rows.
        validation_fraction: Option<f64> = Some(0.1) => Limits::inside(0.0, 1.0),
        /// How many rounds without progress end the training.
        n_iter_no_change: usize = 10 => Limits::at_least(1.0),
        /// By how much the loss must fall to count as progress.
        tol: f64 = 1e-7 => Limits::at_least(0.0),
    }
}

params! {
    /// When to end early, beside `true` and `false`.
    pub(crate) enum EarlyStopping {
        /// Above 10,000 rows, or where validation data are given.
        Auto = "auto",
    }
}

params! {
    /// The losses.
    pub(crate) enum LossWord {
        /// `log_loss` for classes, `squared_error` for numbers.
        Auto = "auto",
        /// The log loss, for classes.
        LogLoss = "log_loss",
        /// The squared error, for numbers: aims at the mean.
        SquaredError = "squared_error",
        /// The absolute error, for numbers: aims at the median.
        AbsoluteError = "absolute_error",
        /// The gamma deviance, for numbers above 0: aims at the mean through a logarithm.
        Gamma = "gamma",
        /// The Poisson deviance, for counts: aims at the mean through a logarithm.
        Poisson = "poisson",
        /// The pinball loss, for numbers: aims at the quantile given as `quantile`.
        Quantile = "quantile",
    }
}

impl Declaration for GradientBoosting {
    type Model = Boosted;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: true,
        categories: true,
        scaled: false,
        weights: true,
    };
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        interactions::check(&self.interaction_cst)?;
        if self.monotonic_cst != Setting::Null
            && matches!(self.loss, LossWord::AbsoluteError | LossWord::Quantile)
        {
            let message = "`monotonic_cst` can't be kept by `loss: absolute_error` and `quantile`: \
                           they set the leaves of a grown tree anew";
            return Err(BadSetting { param: "monotonic_cst", message: message.to_owned() });
        }
        let bad =
            |message: &str| Err(BadSetting { param: "quantile", message: message.to_owned() });
        match (self.loss, self.quantile) {
            (LossWord::Quantile, None) => {
                bad("`loss: quantile` needs `quantile`, a number between 0 and 1")
            }
            (LossWord::Quantile, _) | (_, None) => Ok(()),
            _ => bad("`quantile` is used with `loss: quantile` alone"),
        }
    }

    fn flaws(&self, _: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        let mut flaws = monotone::flaws(&self.monotonic_cst, columns);
        flaws.extend(interactions::flaws(&self.interaction_cst, columns));
        flaws
    }
}

impl Estimator for GradientBoosting {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        door::check(sample, Takes::Categories)?;
        let rows = door::kept(sample.weights)?;
        let goal = Goal::new(sample.target, rows.as_deref())?;
        let loss = self.loss_for(&goal)?;
        let all = Part::new(sample, rows, &goal)?;
        all.check_range(loss)?;
        let given = context.validation.as_ref().map(|given| watched(given, &goal)).transpose()?;
        let ends_early = match &self.early_stopping {
            Setting::Bool(flag) => *flag,
            _ => given.is_some() || all.y.len() > MANY_ROWS,
        };
        let held_out = match (ends_early && given.is_none(), self.validation_fraction) {
            (true, Some(share)) => all.hold_out(share, &goal, context.seed),
            _ => None,
        };
        let (train, held) = match held_out {
            Some((train, held)) => (train, Some((sample.features, held))),
            None => (all, None),
        };
        let frame = given.as_ref().map(|(frame, part)| (*frame, part));
        let frame = frame.or(held.as_ref().map(|(frame, part)| (*frame, part)));
        let watched = frame.map(|(frame, part)| part.training(frame, None));
        let options = Options {
            monotone: monotone::signs(&self.monotonic_cst, sample)?,
            interactions: interactions::read(&self.interaction_cst, sample.features)?,
            stopping: ends_early
                .then_some(Stopping { patience: self.n_iter_no_change, tolerance: self.tol }),
            ..self.options(loss)
        };
        let training = train.training(sample.features, sample.weights);
        let outcome = engine::boost(&options, training, watched, context)?;
        Ok(Box::new(Boosted::new(outcome, goal, sample.features.names())))
    }
}

impl GradientBoosting {
    fn options(&self, loss: Loss) -> Options {
        Options {
            loss,
            max_iter: self.max_iter,
            learning_rate: self.learning_rate,
            max_leaf_nodes: self.max_leaf_nodes,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf,
            l2: self.l2_regularization,
            max_features: self.max_features,
            max_bins: self.max_bins,
            monotone: Vec::new(),
            interactions: Interactions::Free,
            stopping: None,
        }
    }

    /// Picks the loss, which must suit the target.
    fn loss_for(&self, goal: &Goal) -> Result<Loss, FitError> {
        match (goal, self.loss) {
            (Goal::Classes { present, .. }, LossWord::Auto | LossWord::LogLoss) => {
                Ok(if present.len() == 2 { Loss::Binary } else { Loss::Multinomial(present.len()) })
            }
            (Goal::Numbers, LossWord::Auto | LossWord::SquaredError) => Ok(Loss::Squared),
            (Goal::Numbers, LossWord::AbsoluteError) => Ok(Loss::Absolute),
            (Goal::Numbers, LossWord::Gamma) => Ok(Loss::Gamma),
            (Goal::Numbers, LossWord::Poisson) => Ok(Loss::Poisson),
            (Goal::Numbers, LossWord::Quantile) => Ok(Loss::Quantile(self.quantile.unwrap_or(0.5))),
            (Goal::Numbers, LossWord::LogLoss) => Err(FitError::Other(
                "`loss: log_loss` is for classes, but the target holds numbers".to_owned(),
            )),
            (Goal::Classes { .. }, _) => Err(FitError::Other(
                "a target of classes takes `loss: log_loss` alone; leave `loss` out".to_owned(),
            )),
        }
    }
}

/// What is aimed at.
enum Goal {
    /// Classes, of which some have rows.
    Classes {
        /// All classes, sorted.
        classes: Arc<[Label]>,
        /// The codes of those with rows.
        present: Vec<u32>,
    },
    /// Numbers.
    Numbers,
}

impl Goal {
    fn new(target: &Target, rows: Option<&[u32]>) -> Result<Self, FitError> {
        match target {
            Target::Numbers(values) => door::check_numbers(values).map(|()| Self::Numbers),
            Target::Absent { .. } => Err(FitError::Other("a target is needed".to_owned())),
            Target::Classes { codes, classes } => {
                door::check_codes(codes, classes)?;
                let mut seen = vec![false; classes.len()];
                let places = 0..rows.map_or(codes.len(), <[u32]>::len);
                for place in places {
                    let row = rows.map_or(place, |rows| rows[place] as usize);
                    seen[codes[row] as usize] = true;
                }
                let present: Vec<u32> =
                    (0..).zip(&seen).filter(|(_, seen)| **seen).map(|(code, _)| code).collect();
                match present.as_slice() {
                    [only] => {
                        Err(FitError::OneClass { class: classes[*only as usize].to_string() })
                    }
                    _ => Ok(Self::Classes { classes: Arc::clone(classes), present }),
                }
            }
        }
    }

    /// Reads targets as numbers: a class is its place among those with rows, if it is one.
    fn numbers(&self, target: &Target) -> Option<Vec<f64>> {
        match (self, target) {
            (Self::Numbers, Target::Numbers(values)) => Some(values.to_vec()),
            (Self::Classes { classes, present }, Target::Classes { codes, classes: own }) => {
                let place = |code: &u32| {
                    let label = own.get(*code as usize)?;
                    let code = u32::try_from(classes.binary_search(label).ok()?).ok()?;
                    present.binary_search(&code).ok().map(|place| place as f64)
                };
                let places: Vec<Option<f64>> =
                    (0..).take(own.len()).map(|code: u32| place(&code)).collect();
                Some(codes.iter().map(|code| places[*code as usize].unwrap_or(f64::NAN)).collect())
            }
            _ => None,
        }
    }
}

/// Some rows of a sample with their targets and weights.
struct Part {
    rows: Option<Vec<u32>>,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
}

impl Part {
    fn new(sample: &Sample<'_>, rows: Option<Vec<u32>>, goal: &Goal) -> Result<Self, FitError> {
        let other = || FitError::Other("the validation target is of another sort".to_owned());
        let y = goal.numbers(sample.target).ok_or_else(other)?;
        let pick = |values: &[f64]| match &rows {
            Some(rows) => rows.iter().map(|row| values[*row as usize]).collect(),
            None => values.to_vec(),
        };
        Ok(Self { y: pick(&y), weights: sample.weights.map(pick), rows })
    }

    fn training<'a>(&'a self, frame: &'a Frame, frame_weights: Option<&'a [f64]>) -> Training<'a> {
        Training {
            rows: Rows { frame, picked: self.rows.as_deref() },
            y: &self.y,
            weights: self.weights.as_deref(),
            frame_weights,
        }
    }

    /// Refuses targets that the loss isn't made for.
    fn check_range(&self, loss: Loss) -> Result<(), FitError> {
        let bad = |what: &str| Err(FitError::Other(what.to_owned()));
        match loss {
            Loss::Poisson if self.y.iter().any(|y| *y < 0.0) => {
                bad("`loss: poisson` takes targets from 0 on, but some are negative")
            }
            Loss::Poisson if self.y.iter().all(|y| *y <= 0.0) => {
                bad("`loss: poisson` needs a target above 0")
            }
            Loss::Gamma if self.y.iter().any(|y| *y <= 0.0) => {
                bad("`loss: gamma` takes targets above 0 alone")
            }
            _ => Ok(()),
        }
    }

    /// Takes a share of the rows away, of each class alike.
    fn hold_out(&self, share: f64, goal: &Goal, seed: Seed) -> Option<(Self, Self)> {
        let groups = match goal {
            Goal::Numbers => vec![(0..self.y.len()).collect::<Vec<usize>>()],
            Goal::Classes { present, .. } => {
                let mut groups = vec![Vec::new(); present.len()];
                for (row, class) in self.y.iter().enumerate() {
                    groups[*class as usize].push(row);
                }
                groups
            }
        };
        let mut held = vec![false; self.y.len()];
        for (number, mut group) in groups.into_iter().enumerate() {
            let wanted = (share * group.len() as f64).round() as usize;
            let wanted = wanted.min(group.len().saturating_sub(1));
            group.shuffle(&mut seed.derive("held out", number as u64).generator());
            group.iter().take(wanted).for_each(|row| held[*row] = true);
        }
        held.contains(&true).then(|| (self.pick(&held, false), self.pick(&held, true)))
    }

    fn pick(&self, held: &[bool], which: bool) -> Self {
        let places = || (0..self.y.len()).filter(|row| held[*row] == which);
        let frame_row = |place: usize| {
            self.rows
                .as_ref()
                .map_or_else(|| u32::try_from(place).unwrap_or(u32::MAX), |rows| rows[place])
        };
        Self {
            rows: Some(places().map(frame_row).collect()),
            y: places().map(|place| self.y[place]).collect(),
            weights: self
                .weights
                .as_ref()
                .map(|weights| places().map(|place| weights[place]).collect()),
        }
    }
}

/// Reads the rows that the user gave to watch; those of classes that weren't learnt are left out.
fn watched<'a>(sample: &Sample<'a>, goal: &Goal) -> Result<(&'a Frame, Part), FitError> {
    door::check(sample, Takes::Categories)?;
    if let Target::Numbers(values) = sample.target {
        door::check_numbers(values)?;
    }
    if let Target::Classes { codes, classes } = sample.target {
        door::check_codes(codes, classes)?;
    }
    let mut part = Part::new(sample, door::kept(sample.weights)?, goal)?;
    if part.y.iter().any(|y| y.is_nan()) {
        let unknown: Vec<bool> = part.y.iter().map(|y| y.is_nan()).collect();
        part = part.pick(&unknown, false);
    }
    if part.y.is_empty() {
        return Err(FitError::Other(
            "no validation row has a class of the training rows".to_owned(),
        ));
    }
    Ok((sample.features, part))
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Boosted {
    names: Vec<Arc<str>>,
    ensemble: Ensemble,
    /// The classes, and which of them the sums are for; none for numbers.
    classes: Option<(Vec<Label>, Vec<u32>)>,
    importance: Vec<f64>,
    history: Vec<Round>,
}

impl Boosted {
    fn new(outcome: Outcome, goal: Goal, names: &[Arc<str>]) -> Self {
        let total: f64 = outcome.importance.iter().sum();
        let share = |gain: &f64| if total > 0.0 { gain / total } else { 0.0 };
        Self {
            names: names.to_vec(),
            ensemble: outcome.ensemble,
            classes: match goal {
                Goal::Numbers => None,
                Goal::Classes { classes, present } => Some((classes.to_vec(), present)),
            },
            importance: outcome.importance.iter().map(share).collect(),
            history: outcome.history,
        }
    }

    /// Spreads the sums over all classes, also those without rows.
    fn probabilities(
        &self,
        sums: Vec<f64>,
        (classes, present): &(Vec<Label>, Vec<u32>),
    ) -> Vec<f64> {
        let binary = self.ensemble.link == Link::Logistic;
        if !binary && present.len() == classes.len() {
            return sums;
        }
        let outputs = self.ensemble.outputs();
        let mut all = vec![0.0; sums.len() / outputs * classes.len()];
        for (row, sums) in all.chunks_mut(classes.len()).zip(sums.chunks(outputs)) {
            if binary {
                row[present[0] as usize] = 1.0 - sums[0];
                row[present[1] as usize] = sums[0];
            } else {
                for (code, sum) in present.iter().zip(sums) {
                    row[*code as usize] = *sum;
                }
            }
        }
        all
    }
}

impl Model for Boosted {
    fn sound(&self) -> bool {
        let outputs = self.ensemble.outputs();
        let classes = match &self.classes {
            None => matches!(self.ensemble.link, Link::Identity | Link::Log),
            Some((classes, present)) => {
                let wanted = if self.ensemble.link == Link::Logistic { 2 } else { outputs };
                matches!(self.ensemble.link, Link::Logistic | Link::Softmax)
                    && present.len() == wanted
                    && present.iter().all(|code| (*code as usize) < classes.len())
            }
        };
        let width = self.ensemble.width();
        classes
            && self.ensemble.is_sound()
            && self.importance.len() == width
            && self.names.len() == width
    }
}

impl Fitted for Boosted {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        door::check_names(features, &self.names)?;
        for (index, (name, column)) in features.iter().enumerate() {
            let categorical = matches!(column, Column::Category { .. });
            if categorical != self.ensemble.is_categorical(index)
                || column.numbers().is_none() != categorical
            {
                let learnt = if categorical { "numbers" } else { "categories" };
                return Err(FitError::Column {
                    column: name.to_string(),
                    found: column.spoken().to_owned(),
                    expected: format!("the model has learnt from {learnt}"),
                });
            }
        }
        let sums = self.ensemble.predict(features);
        Ok(match &self.classes {
            None => Prediction::Values(sums),
            Some(classes) => Prediction::Classes {
                probabilities: self.probabilities(sums, classes),
                classes: classes.0.as_slice().into(),
            },
        })
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
}
