//! Fitting: steps first, which many models can share, then the estimator.

use std::sync::Arc;

use super::door::{Known, admit};
use super::fitted::FittedModel;
use super::prepare::{Prepared, spoken_classes};
use super::{ClassWeight, ModelSpec, Steps, auto, kinds};
use crate::data::{Frame, Label, Table, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Sample, Task};
use crate::ml::step::{FittedStep, Step};

/// One fitted step.
#[derive(Clone)]
pub(super) struct Entry {
    /// The step's word.
    pub word: &'static str,
    /// What was learnt.
    pub fitted: Arc<dyn FittedStep>,
}

/// What every step is fitted with beside the columns.
pub(super) struct Fitting<'a> {
    /// The columns before the first step.
    pub given: &'a Frame,
    pub target: &'a Target,
    pub weights: Option<&'a [f64]>,
    pub context: FitContext<'a>,
}

impl Fitting<'_> {
    /// Fits a step, and gives the columns as it leaves them.
    pub(super) fn step(
        &self,
        word: &'static str,
        step: &dyn Step,
        frame: &Frame,
    ) -> Result<(Entry, Frame), FitError> {
        self.context.check()?;
        let (fitted, frame) = step.fit(frame, self.target, self.weights, &self.context)?;
        Ok((Entry { word, fitted: Arc::from(fitted) }, frame))
    }
}

/// Rows behind fitted steps: those that the steps were fitted on, and perhaps others to judge on.
#[derive(Clone)]
pub struct Stepped {
    pub(super) entries: Vec<Entry>,
    /// How many steps of the list are fitted.
    done: usize,
    /// The features before the steps.
    given: Vec<Known>,
    /// The training rows before the steps.
    before: Frame,
    train: Frame,
    target: Target,
    weights: Option<Arc<[f64]>>,
    rows: Arc<[usize]>,
    /// The other rows, and where they stand in what was prepared.
    pub(super) test: Option<(Frame, Arc<[usize]>)>,
    task: Task,
    positive: Option<Label>,
}

impl std::fmt::Debug for Stepped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.entries.iter().map(|entry| entry.word).collect();
        f.debug_struct("Stepped")
            .field("steps", &words)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl Stepped {
    /// Gives the training rows behind the steps.
    #[must_use]
    pub const fn train(&self) -> &Frame {
        &self.train
    }

    /// Gives the other rows behind the steps.
    #[must_use]
    pub fn test(&self) -> Option<&Frame> {
        self.test.as_ref().map(|(frame, _)| frame)
    }
}

impl ModelSpec {
    /// Fits the model on all rows of a table, watching others if there are some.
    ///
    /// # Errors
    /// The rows can't be learnt from.
    pub fn fit(
        &self,
        table: &Table,
        validation: Option<&Table>,
        context: &FitContext<'_>,
    ) -> Result<FittedModel, FitError> {
        let prepared = self.prepare(table)?;
        let rows: Vec<usize> = (0..table.rows()).collect();
        let stepped = self.fit_steps(&prepared, &rows, &[], context)?;
        let Some(validation) = validation else { return self.fit_estimator(&stepped, context) };
        let known = match &prepared.target {
            Target::Classes { classes, .. } => Arc::clone(classes),
            Target::Numbers(_) | Target::Absent { .. } => Arc::default(),
        };
        let watched = self.prepare_with(validation, &known)?;
        let unseen = |classes: &Arc<[Label]>| classes.len() > known.len();
        if let Target::Classes { classes, .. } = &watched.target
            && unseen(classes)
        {
            return Err(FitError::Other(format!(
                "the validation rows have classes that no training row has; those are {}",
                spoken_classes(&known)
            )));
        }
        let features = stepped.transform(&watched.features)?;
        let sample = Sample {
            features: &features,
            target: &watched.target,
            weights: watched.weights.as_deref(),
        };
        self.fit_estimator(&stepped, &FitContext { validation: Some(sample), ..*context })
    }

    /// Fits the steps on some of the prepared rows, and applies them to others.
    ///
    /// # Errors
    /// The rows can't be learnt from, or the other rows have what a step refuses.
    pub fn fit_steps(
        &self,
        prepared: &Prepared,
        train: &[usize],
        test: &[usize],
        context: &FitContext<'_>,
    ) -> Result<Stepped, FitError> {
        let start = self.start(prepared, train, test)?;
        self.fit_more_steps(&start, context)
    }

    /// Puts rows in front of the first step.
    ///
    /// # Errors
    /// There are no rows to learn from.
    pub fn start(
        &self,
        prepared: &Prepared,
        train: &[usize],
        test: &[usize],
    ) -> Result<Stepped, FitError> {
        let weights: Option<Arc<[f64]>> = prepared
            .weights
            .as_ref()
            .map(|weights| train.iter().map(|row| weights[*row]).collect());
        let weightless =
            weights.as_ref().is_some_and(|weights| weights.iter().all(|weight| *weight == 0.0));
        if train.is_empty() || weightless {
            return Err(FitError::NoRows);
        }
        let frame = if is_whole(train, prepared.features.rows()) {
            prepared.features.clone()
        } else {
            prepared.features.take(train)
        };
        let test = (!test.is_empty()).then(|| (prepared.features.take(test), Arc::from(test)));
        let positive = match (&prepared.target, prepared.positive) {
            (Target::Classes { classes, .. }, Some(code)) => classes.get(code as usize).cloned(),
            _ => None,
        };
        Ok(Stepped {
            entries: Vec::new(),
            done: 0,
            given: Known::of(&prepared.features),
            before: frame.clone(),
            train: frame,
            target: prepared.target.take(train),
            weights,
            rows: Arc::from(train),
            test,
            task: prepared.task,
            positive,
        })
    }

    /// Fits the steps that come behind those that are fitted already; `stepped` must have been fitted
    /// with the same first steps, as equal [prefix keys](Self::prefix_keys) say.
    ///
    /// # Errors
    /// The rows can't be learnt from, or the other rows have what a step refuses.
    pub fn fit_more_steps(
        &self,
        stepped: &Stepped,
        context: &FitContext<'_>,
    ) -> Result<Stepped, FitError> {
        self.fit_steps_up_to(stepped, usize::MAX, context)
    }

    /// Fits steps like [`Self::fit_more_steps`], but only the first `count` of the list.
    ///
    /// # Errors
    /// The rows can't be learnt from, or the other rows have what a step refuses.
    pub fn fit_steps_up_to(
        &self,
        stepped: &Stepped,
        count: usize,
        context: &FitContext<'_>,
    ) -> Result<Stepped, FitError> {
        let mut result = stepped.clone();
        let fitting = Fitting {
            given: &stepped.before,
            target: &stepped.target,
            weights: stepped.weights.as_deref(),
            context: FitContext { seed: steps_seed(context.seed), validation: None, ..*context },
        };
        let located = |error| at_rows(error, &stepped.rows);
        let entries = match &self.steps {
            Steps::Auto if stepped.done > 0 || count == 0 => Vec::new(),
            Steps::Auto => {
                let (entries, frame) =
                    auto::fit(&stepped.train, self.tags()?, &fitting).map_err(located)?;
                (result.train, result.done) = (frame, 1);
                entries
            }
            Steps::List(calls) => {
                let mut entries = Vec::new();
                for call in calls.iter().take(count).skip(stepped.done) {
                    let step = bind_step(call)?;
                    let (entry, frame) =
                        fitting.step(call.name, step.as_ref(), &result.train).map_err(located)?;
                    (result.train, result.done) = (frame, result.done + 1);
                    entries.push(entry);
                }
                entries
            }
        };
        if let Some((frame, rows)) = result.test.take() {
            let frame = apply(&entries, &frame).map_err(|error| at_rows(error, &rows))?;
            result.test = Some((frame, rows));
        }
        result.entries.extend(entries);
        Ok(result)
    }

    /// Fits the estimator on rows behind their steps.
    ///
    /// # Errors
    /// The rows can't be learnt from.
    pub fn fit_estimator(
        &self,
        stepped: &Stepped,
        context: &FitContext<'_>,
    ) -> Result<FittedModel, FitError> {
        let tags = self.tags()?;
        let estimator = self
            .bind_estimator()
            .map_err(|bad| FitError::Other(format!("`{}`: {bad}", self.estimator.name)))?;
        let located = |error| at_rows(error, &stepped.rows);
        admit(&stepped.train, self.estimator.name, tags).map_err(located)?;
        if stepped.weights.is_some() && !tags.weights {
            return Err(FitError::Other(format!(
                "`{}` takes no row weights; remove `weight`",
                self.estimator.name
            )));
        }
        let weights = self.weights(&stepped.target, stepped.weights.as_deref())?;
        let sample = Sample {
            features: &stepped.train,
            target: &stepped.target,
            weights: weights.as_deref(),
        };
        let seed = context.seed.derive("estimator", 0);
        let fitted = estimator.fit(&sample, &FitContext { seed, ..*context }).map_err(located)?;
        Ok(FittedModel {
            spec: self.canonical().to_string(),
            target: self.target.clone(),
            weight: self.weight.clone(),
            task: stepped.task,
            classes: match &stepped.target {
                Target::Classes { classes, .. } => Arc::clone(classes),
                Target::Numbers(_) | Target::Absent { .. } => Arc::default(),
            },
            positive: stepped.positive.clone(),
            given: stepped.given.clone(),
            steps: stepped.entries.clone(),
            inputs: Known::of(&stepped.train),
            estimator: self.estimator.name,
            tags,
            fitted: Arc::from(fitted),
        })
    }

    /// Multiplies row weights with class weights.
    fn weights(
        &self,
        target: &Target,
        weights: Option<&[f64]>,
    ) -> Result<Option<Vec<f64>>, FitError> {
        let own = weights.map(<[f64]>::to_vec);
        let Target::Classes { codes, classes } = target else { return Ok(own) };
        let factors = match &self.class_weight {
            ClassWeight::None => return Ok(own),
            ClassWeight::Balanced => balanced(codes, classes.len(), weights),
            ClassWeight::Map(map) => mapped(map, classes)?,
        };
        if !self.tags()?.weights {
            let estimator = self.estimator.name;
            return Err(FitError::Other(format!(
                "`{estimator}` takes no weights; remove `class_weight`"
            )));
        }
        let factor = |code: &u32| factors.get(*code as usize).copied().unwrap_or(1.0);
        let mut own = own.unwrap_or_else(|| vec![1.0; codes.len()]);
        own.iter_mut().zip(codes.iter()).for_each(|(weight, code)| *weight *= factor(code));
        Ok(Some(own))
    }
}

impl Stepped {
    /// Applies the fitted steps to rows as they were prepared.
    pub(super) fn transform(&self, features: &Frame) -> Result<Frame, FitError> {
        apply(&self.entries, features)
    }
}

/// Applies fitted steps in order.
pub(super) fn apply(entries: &[Entry], frame: &Frame) -> Result<Frame, FitError> {
    let mut frame = frame.clone();
    for entry in entries {
        frame = entry.fitted.transform(&frame)?;
    }
    Ok(frame)
}

/// Gives the weight of each class with which all classes weigh the same: the weight of all rows, by
/// the number of classes that have any, by the weight of the class.
pub(super) fn balanced(codes: &[u32], classes: usize, weights: Option<&[f64]>) -> Vec<f64> {
    let mut counts = vec![0.0; classes];
    for (row, code) in codes.iter().enumerate() {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += weights.map_or(1.0, |weights| weights[row]);
        }
    }
    let present = counts.iter().filter(|count| **count > 0.0).count() as f64;
    let all: f64 = counts.iter().sum();
    counts.iter().map(|count| if *count > 0.0 { all / (present * count) } else { 1.0 }).collect()
}

fn mapped(map: &[(String, f64)], classes: &[Label]) -> Result<Vec<f64>, FitError> {
    let mut factors = vec![1.0; classes.len()];
    for (class, weight) in map {
        let place = classes.iter().position(|own| own.to_string() == *class);
        let unknown = || {
            FitError::Other(format!(
                "`class_weight` names `{class}`, which is no class of the target; its classes are {}",
                spoken_classes(classes)
            ))
        };
        factors[place.ok_or_else(unknown)?] = *weight;
    }
    Ok(factors)
}

fn bind_step(call: &crate::params::Call) -> Result<Box<dyn Step>, FitError> {
    let kind = kinds::step(call);
    let kind = kind.ok_or_else(|| FitError::Other(format!("there is no step `{}`", call.name)))?;
    kind.bind(&call.args).map_err(|bad| FitError::Other(format!("`{}`: {bad}", call.name)))
}

/// Gives the seed of the steps, the same for all models on the same rows.
fn steps_seed(seed: Seed) -> Seed {
    seed.derive("steps", 0)
}

/// Tells whether some rows are all rows in their order.
fn is_whole(rows: &[usize], all: usize) -> bool {
    rows.len() == all && rows.iter().enumerate().all(|(at, row)| at == *row)
}

/// Names the row of an error as it stands in the rows that were prepared.
pub(super) fn at_rows(error: FitError, rows: &[usize]) -> FitError {
    match error {
        FitError::BadValue { column, found, row, hint } => {
            FitError::BadValue { column, found, row: rows.get(row).copied().unwrap_or(row), hint }
        }
        other => other,
    }
}
