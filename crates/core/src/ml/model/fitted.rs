//! A fitted model: steps and estimator, and the columns that they know.

use std::sync::Arc;

use super::door::{At, Known, admit, recognise};
use super::fit::{Entry, Stepped, apply, at_rows};
use super::head::Training;
use crate::data::{Frame, Label, Table, Target};
use crate::ml::estimator::{FitError, Fitted, Prediction, Round, Tags, Task};

/// A fitted model.
#[derive(Clone)]
pub struct FittedModel {
    /// The settings, canonically.
    pub(super) spec: String,
    pub(super) target: Option<String>,
    pub(super) weight: Option<String>,
    pub(super) task: Task,
    pub(super) classes: Arc<[Label]>,
    pub(super) positive: Option<Label>,
    /// The features before the steps.
    pub(super) given: Vec<Known>,
    /// The type of each of these in the training rows, in the language's words.
    pub(super) kinds: Vec<String>,
    pub(super) steps: Vec<Entry>,
    /// The columns that the estimator was fitted on.
    pub(super) inputs: Vec<Known>,
    pub(super) estimator: &'static str,
    pub(super) tags: Tags,
    pub(super) fitted: Arc<dyn Fitted>,
    pub(super) training: Training,
}

impl std::fmt::Debug for FittedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FittedModel").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Predictions beside the truth, in the same classes.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The truth.
    pub target: Target,
    /// What the model says.
    pub prediction: Prediction,
    /// The code of the positive class, if one is settled.
    pub positive: Option<u32>,
    /// The features behind the steps, for metrics of groups.
    pub features: Option<Frame>,
    /// The weight of each row, where the model has a column for it that the rows have too.
    pub weights: Option<Arc<[f64]>>,
}

impl FittedModel {
    /// Answers for the rows of a table, which must have the features' columns.
    ///
    /// # Errors
    /// A column is missing or holds something else, or has a value that a step or the estimator
    /// refuses.
    pub fn predict(&self, table: &Table) -> Result<Prediction, FitError> {
        self.predict_frame(&self.features(table)?)
    }

    /// Answers for rows of features as they are before the steps.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_frame(&self, features: &Frame) -> Result<Prediction, FitError> {
        self.answer(&self.stepped(features)?)
    }

    /// Answers for the other rows of [`Stepped`], with whose steps the model was fitted.
    ///
    /// # Errors
    /// As [`Self::predict`]; there are no other rows.
    pub fn predict_prepared(&self, stepped: &Stepped) -> Result<Prediction, FitError> {
        let Some((frame, rows)) = &stepped.test else { return Err(FitError::NoRows) };
        let ready = recognise(frame, &self.inputs, At::Estimator)?;
        self.answer(&ready).map_err(|error| at_rows(error, rows))
    }

    /// Answers for the rows of a table whose target is known.
    ///
    /// # Errors
    /// As [`Self::predict`]; a target is missing or of another type.
    pub fn judge(&self, table: &Table) -> Result<Judgement, FitError> {
        let target = match (&self.target, self.task) {
            (Some(name), Task::Classification) => Target::classes_of(table, name, &self.classes)?,
            (Some(name), Task::Regression) => Target::numbers_of(table, name)?,
            (_, _) => Target::Absent { rows: table.rows() },
        };
        let weights = match &self.weight {
            Some(weight) if table.schema().column_with_name(weight).is_some() => {
                Some(crate::data::weights_of(table, weight)?)
            }
            _ => None,
        };
        let ready = self.stepped(&self.features(table)?)?;
        let prediction = self.answer(&ready)?;
        let (prediction, positive) = match &target {
            Target::Classes { classes, .. } => {
                let place = |own: &Label| classes.iter().position(|class| class == own);
                let code = self.positive.as_ref().and_then(place);
                (spread(prediction, classes), code.and_then(|code| u32::try_from(code).ok()))
            }
            Target::Numbers(_) | Target::Absent { .. } => (prediction, None),
        };
        let grouped = matches!(self.task, Task::Clustering | Task::Anomaly);
        Ok(Judgement { target, prediction, positive, features: grouped.then_some(ready), weights })
    }

    /// Gives the columns that a prediction reads of a table.
    pub fn columns_read(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|known| known.name.as_str())
    }

    /// Gives what the model is for.
    #[must_use]
    pub const fn task(&self) -> Task {
        self.task
    }

    /// Gives the classes of the target, sorted; none where it has no classes.
    #[must_use]
    pub fn classes(&self) -> &Arc<[Label]> {
        &self.classes
    }

    /// Gives the positive class, if one is settled.
    #[must_use]
    pub const fn positive(&self) -> Option<&Label> {
        self.positive.as_ref()
    }

    /// Gives the settings with which it was fitted, as [`ModelSpec::canonical`](super::ModelSpec::canonical)
    /// writes them.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.spec
    }

    /// Gives what it was learnt from.
    #[must_use]
    pub const fn training(&self) -> &Training {
        &self.training
    }

    /// Notes the seed that the user gave, for who reads the model's file.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.training.seed = Some(seed);
        self
    }

    /// Tells whether a table holds the very rows that the model was learnt from.
    #[must_use]
    pub fn learnt_from(&self, table: &Table) -> bool {
        let given = self.given.iter().map(|known| &known.name);
        let names: Vec<&str> =
            given.chain(&self.target).chain(&self.weight).map(String::as_str).collect();
        self.training.rows == table.rows() as u64
            && self.training.content.is_some()
            && self.training.content == table.columns_hash(&names)
    }

    /// Gives an importance to each column behind the steps, if the estimator has such.
    #[must_use]
    pub fn importance(&self) -> Option<Vec<(String, f64)>> {
        let own = self.fitted.importance()?;
        Some(self.inputs.iter().map(|input| input.name.clone()).zip(own).collect())
    }

    /// Gives the course of the training, if it went in rounds.
    #[must_use]
    pub fn history(&self) -> &[Round] {
        self.fitted.history()
    }

    /// Gives what the user should know.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.fitted.warnings().to_vec()
    }

    /// Says what was fitted, a line each step, the estimator last.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let step = |entry: &Entry| format!("{}: {}", entry.word, entry.fitted.summary());
        let last = format!("{} on {} columns", self.estimator, self.inputs.len());
        self.steps.iter().map(step).chain([last]).collect()
    }

    fn features(&self, table: &Table) -> Result<Frame, FitError> {
        let names: Vec<String> = self.given.iter().map(|known| known.name.clone()).collect();
        let missing: Vec<String> = names
            .iter()
            .filter(|name| table.schema().column_with_name(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let list = missing.join(", ");
            return Err(FitError::Other(format!(
                "the rows lack column{plural} {list}, from which the model was learnt"
            )));
        }
        Ok(Frame::of_table(table, &names)?)
    }

    /// Brings rows behind the steps, as the estimator knows them.
    fn stepped(&self, features: &Frame) -> Result<Frame, FitError> {
        let features = recognise(features, &self.given, At::Steps)?;
        recognise(&apply(&self.steps, &features)?, &self.inputs, At::Estimator)
    }

    fn answer(&self, ready: &Frame) -> Result<Prediction, FitError> {
        admit(ready, self.estimator, self.tags)?;
        self.fitted.predict(ready)
    }
}

/// Writes probabilities in the classes of a target, which has all classes of the model and perhaps
/// more; those get none.
fn spread(prediction: Prediction, all: &Arc<[Label]>) -> Prediction {
    let Prediction::Classes { probabilities, classes } = prediction else { return prediction };
    if classes == *all || classes.is_empty() {
        return Prediction::Classes { probabilities, classes };
    }
    let places: Vec<Option<usize>> =
        classes.iter().map(|own| all.iter().position(|class| class == own)).collect();
    let mut spread = vec![0.0; probabilities.len() / classes.len() * all.len()];
    for (from, to) in probabilities.chunks(classes.len()).zip(spread.chunks_mut(all.len().max(1))) {
        for (probability, place) in from.iter().zip(&places) {
            if let Some(place) = place {
                to[*place] = *probability;
            }
        }
    }
    Prediction::Classes { probabilities: spread, classes: Arc::clone(all) }
}
