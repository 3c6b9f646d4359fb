//! Fitting trees to classes or numbers, one or many; and the model they make.

#![expect(clippy::cast_possible_truncation, reason = "rows are below 2^31, as the door checks")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::absolute::Absolute;
use super::build::{Grower, Stops};
use super::criterion::{Criterion, Entropy, Gini, Gini2, Poisson, Variance};
use super::door::{self, Takes};
use super::grown::{Forest, Numbers, normalised};
use super::oob::{self, Bag};
use super::ranks::Ranked;
use super::settings::Measure;
use crate::data::{Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Fitted, Prediction, Round, Sample};
use crate::ml::estimators::kind::{Model, saved};

/// How trees are grown.
#[derive(Clone, Debug)]
pub(in crate::ml::estimators) struct Plan {
    /// How many.
    pub(in crate::ml::estimators) trees: usize,
    /// How many rows are drawn for each, with replacement; none takes all rows as they are.
    pub(in crate::ml::estimators) draws: Option<usize>,
    /// How purity is measured.
    pub(in crate::ml::estimators) measure: Measure,
    /// When a node stays a leaf.
    pub(in crate::ml::estimators) stops: Stops,
    /// How strongly trees are pruned.
    pub(in crate::ml::estimators) ccp_alpha: f64,
    /// For each column the way in which answers must follow it; nothing where all are free.
    pub(in crate::ml::estimators) monotone: Vec<i8>,
    /// Whether rows are judged by the trees that didn't draw them.
    pub(in crate::ml::estimators) oob_score: bool,
}

/// The rows that count, with checked targets and weights.
pub(in crate::ml::estimators) struct Rows<'a> {
    sample: Sample<'a>,
    picked: Option<Vec<u32>>,
    weights: Option<Vec<f64>>,
}

impl<'a> Rows<'a> {
    /// Checks a sample and takes the rows that count.
    pub(in crate::ml::estimators) fn new(sample: &Sample<'a>) -> Result<Self, FitError> {
        door::check(sample, Takes::Numbers)?;
        match sample.target {
            Target::Numbers(values) => door::check_numbers(values)?,
            Target::Classes { codes, classes } => door::check_codes(codes, classes)?,
            Target::Absent { .. } => {
                return Err(FitError::Other("a target is needed".to_owned()));
            }
        }
        let picked = door::kept(sample.weights)?;
        let mut rows = Self { sample: *sample, picked, weights: None };
        rows.weights = sample.weights.map(|weights| rows.pick(weights));
        Ok(rows)
    }

    fn pick<T: Copy>(&self, values: &[T]) -> Vec<T> {
        match &self.picked {
            None => values.to_vec(),
            Some(picked) => picked.iter().map(|row| values[*row as usize]).collect(),
        }
    }

    /// Counts the rows.
    pub(in crate::ml::estimators) fn len(&self) -> usize {
        self.picked.as_ref().map_or(self.sample.features.rows(), Vec::len)
    }

    /// Gives the sum of the weights.
    pub(in crate::ml::estimators) fn weight(&self) -> f64 {
        self.weights.as_ref().map_or(self.len() as f64, |weights| weights.iter().sum())
    }

    /// Grows the trees of a plan.
    pub(in crate::ml::estimators) fn fit(
        &self,
        plan: &Plan,
        context: &FitContext<'_>,
    ) -> Result<TreeModel, FitError> {
        let (measure, wrong) = (plan.measure, self.wrong_measure(plan.measure));
        match self.sample.target {
            Target::Classes { codes, classes } => {
                let items = self.pick(codes);
                if let Some(first) = items.first()
                    && items.iter().all(|item| item == first)
                {
                    let class = classes[*first as usize].to_string();
                    return Err(FitError::OneClass { class });
                }
                match (measure, classes.len()) {
                    (Measure::Auto | Measure::Gini, 2) => self.grow(plan, (Gini2, &items), context),
                    (Measure::Auto | Measure::Gini, count) => {
                        self.grow(plan, (Gini(count), &items), context)
                    }
                    (Measure::Entropy | Measure::LogLoss, count) => {
                        self.grow(plan, (Entropy(count), &items), context)
                    }
                    _ => Err(wrong),
                }
            }
            Target::Numbers(values) => {
                let mut items = self.pick(values);
                match measure {
                    Measure::Auto | Measure::SquaredError => {
                        let offset = middle(&items);
                        for item in &mut items {
                            *item -= offset;
                        }
                        self.grow(plan, (Variance { offset }, &items), context)
                    }
                    Measure::AbsoluteError => {
                        let (values, places) = distinct(&items);
                        self.grow(plan, (Absolute { values: &values }, &places), context)
                    }
                    Measure::Poisson if items.iter().any(|item| *item < 0.0) => {
                        Err(FitError::Other(
                            "`criterion: poisson` takes targets from 0 on, but some are negative"
                                .to_owned(),
                        ))
                    }
                    Measure::Poisson if items.iter().all(|item| *item <= 0.0) => Err(
                        FitError::Other("`criterion: poisson` needs a target above 0".to_owned()),
                    ),
                    Measure::Poisson => self.grow(plan, (Poisson, &items), context),
                    _ => Err(wrong),
                }
            }
            Target::Absent { .. } => Err(wrong),
        }
    }

    fn wrong_measure(&self, measure: Measure) -> FitError {
        let classes = matches!(self.sample.target, Target::Classes { .. });
        FitError::Other(format!(
            "`criterion: {}` doesn't suit a target of {}; leave it out",
            crate::params::Declared::to_setting(&measure).spoken(),
            if classes { "classes" } else { "numbers" }
        ))
    }

    fn grow<C: Criterion>(
        &self,
        plan: &Plan,
        (criterion, items): (C, &[C::Item]),
        context: &FitContext<'_>,
    ) -> Result<TreeModel, FitError> {
        let (features, rows) = (self.sample.features, self.len());
        let columns = features.width();
        let data = Ranked::new(features, self.picked.as_deref(), plan.stops.splitter);
        let keep_inner = plan.ccp_alpha > 0.0;
        let (stops, monotone) = (plan.stops, plan.monotone.as_slice());
        let grower = Grower { data: &data, items, criterion, stops, monotone, keep_inner };
        let drawing = Drawing::new(rows, plan.draws, self.weights.as_deref());
        let done = AtomicU64::new(0);
        let one = |tree: usize| {
            context.check()?;
            let seed = context.seed.derive("tree", tree as u64);
            let (drawn, weights) = drawing.draw(&seed.derive("draw", 0));
            let bag = plan.oob_score.then(|| Bag::new(rows, &drawn));
            let all = (0..columns as u32).collect();
            let mut arena = grower.grow((drawn, all), weights.as_deref(), (seed, context))?;
            if plan.ccp_alpha > 0.0 {
                arena.prune(plan.ccp_alpha);
            }
            (context.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, plan.trees as u64);
            Ok((arena.tree(), arena.has_tests().then(|| arena.importance()), bag))
        };
        let work = rows.saturating_mul(plan.stops.max_features).saturating_mul(plan.trees);
        let grown: Vec<Result<_, FitError>> = if work >= 1 << 17 && plan.trees > 1 {
            (0..plan.trees).into_par_iter().with_max_len(1).map(one).collect()
        } else {
            (0..plan.trees).map(one).collect()
        };
        let (mut trees, mut importance) = (Vec::with_capacity(plan.trees), vec![0.0; columns]);
        let mut bags = Vec::new();
        for grown in grown {
            let (tree, shares, bag) = grown?;
            trees.push(tree);
            bags.extend(bag);
            for (sum, share) in importance.iter_mut().zip(shares.unwrap_or_default()) {
                *sum += share;
            }
        }
        let forest = Forest { numbers: Numbers { width: criterion.width(), columns }, trees };
        let (history, warnings) = self.judge(&forest, &bags);
        Ok(TreeModel {
            names: features.names().to_vec(),
            forest,
            classes: match self.sample.target {
                Target::Classes { classes, .. } => Some(Arc::clone(classes)),
                _ => None,
            },
            importance: normalised(importance),
            history,
            warnings,
        })
    }

    /// Scores a forest by the rows that its trees left out, if their bags were kept.
    fn judge(&self, forest: &Forest, bags: &[Bag]) -> (Vec<Round>, Vec<String>) {
        let (features, target) = (self.sample.features, self.sample.target);
        match &self.picked {
            _ if bags.is_empty() => (Vec::new(), Vec::new()),
            None => oob::scores(forest, bags, (features, target)),
            Some(picked) => {
                let rows: Vec<usize> = picked.iter().map(|row| *row as usize).collect();
                oob::scores(forest, bags, (&features.take(&rows), &target.take(&rows)))
            }
        }
    }
}

/// Gives the distinct numbers, ascending, and for each number its place among them.
fn distinct(numbers: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
    order.sort_unstable_by(|a, b| numbers[*a as usize].total_cmp(&numbers[*b as usize]));
    let (mut values, mut places) = (Vec::new(), vec![0; numbers.len()]);
    for row in order {
        let number = numbers[row as usize];
        if values.last().is_none_or(|last| *last < number) {
            values.push(number);
        }
        places[row as usize] = values.len() as u32 - 1;
    }
    (values, places)
}

/// Gives the mean, or where it overflows the first value.
fn middle(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if mean.is_finite() { mean } else { values.first().copied().unwrap_or(0.0) }
}

/// How the rows of each tree are drawn.
struct Drawing<'a> {
    rows: usize,
    draws: Option<usize>,
    weights: Option<&'a [f64]>,
    /// The running sums of the weights, where rows are drawn by them.
    sums: Vec<f64>,
}

impl<'a> Drawing<'a> {
    fn new(rows: usize, draws: Option<usize>, weights: Option<&'a [f64]>) -> Self {
        let sums = draws.and(weights).map(running).unwrap_or_default();
        Self { rows, draws, weights, sums }
    }

    /// Gives the rows of a tree and the weight of each row: how often it was drawn.
    fn draw(&self, seed: &Seed) -> (Vec<u32>, Option<Vec<f64>>) {
        let Some(draws) = self.draws else {
            return ((0..self.rows as u32).collect(), self.weights.map(<[f64]>::to_vec));
        };
        let mut random = seed.generator();
        let mut counts = vec![0.0; self.rows];
        for _ in 0..draws {
            let row = if self.sums.is_empty() {
                random.random_range(0..self.rows as u32) as usize
            } else {
                pick(&self.sums, random.random())
            };
            counts[row] += 1.0;
        }
        let drawn = (0_u32..).zip(&counts).filter(|(_, count)| **count > 0.0);
        (drawn.map(|(row, _)| row).collect(), Some(counts))
    }
}

/// Gives the running sums of weights.
pub(in crate::ml::estimators) fn running(weights: &[f64]) -> Vec<f64> {
    let mut total = 0.0;
    let add = |weight: &f64| {
        total += weight;
        total
    };
    weights.iter().map(add).collect()
}

/// Picks a row by running sums and a number between 0 and 1.
pub(in crate::ml::estimators) fn pick(sums: &[f64], drawn: f64) -> usize {
    let place = drawn * sums.last().copied().unwrap_or(0.0);
    sums.partition_point(|sum| *sum <= place).min(sums.len().saturating_sub(1))
}

/// A fitted tree or forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TreeModel {
    names: Vec<Arc<str>>,
    forest: Forest,
    /// The classes; none for numbers.
    classes: Option<Arc<[Label]>>,
    importance: Vec<f64>,
    history: Vec<Round>,
    warnings: Vec<String>,
}

impl Model for TreeModel {
    fn sound(&self) -> bool {
        let Numbers { width, columns } = self.forest.numbers;
        let said = self.classes.as_ref().map_or(1, |classes| classes.len());
        said == width
            && self.names.len() == columns
            && self.importance.len() == columns
            && self.forest.is_sound()
    }
}

impl Fitted for TreeModel {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        door::check_names(features, &self.names)?;
        door::check_sorts(features, Takes::Numbers)?;
        door::check_range(features, Takes::Numbers)?;
        let answers = self.forest.predict(features);
        Ok(match &self.classes {
            None => Prediction::Values(answers),
            Some(classes) => {
                Prediction::Classes { probabilities: answers, classes: Arc::clone(classes) }
            }
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

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}
