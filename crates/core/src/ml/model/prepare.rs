//! A table as a model reads it: features, target and weights, made once for all folds and trials.

use std::sync::Arc;

use arrow::datatypes::Schema;

use super::ModelSpec;
use crate::data::{Frame, ImportError, Label, Table, Target, weights_of};
use crate::ml::estimator::{EstimatorKind, FitError, Tags, Task};

/// Rows as a model reads them.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The features, before any step.
    pub features: Frame,
    /// The target.
    pub target: Target,
    /// The weight of each row, where the model has a column for it.
    pub weights: Option<Arc<[f64]>>,
    /// What the model is for.
    pub task: Task,
    /// The code of the positive class: the one that the user named, `true`, or 1 of 0 and 1.
    pub positive: Option<u32>,
}

impl ModelSpec {
    /// Reads a table for fits: features, target, weights.
    ///
    /// # Errors
    /// A column isn't there or can't be used, a target is missing, a number is infinite.
    pub fn prepare(&self, table: &Table) -> Result<Prepared, FitError> {
        self.prepare_with(table, &[])
    }

    /// Tells whether another model reads a table in the same way, so that one reading serves both.
    #[must_use]
    pub fn reads_like(&self, other: &Self, schema: &Schema) -> bool {
        self.target == other.target
            && self.weight == other.weight
            && self.positive == other.positive
            && self.task_on(schema).ok() == other.task_on(schema).ok()
            && self.features_of(schema) == other.features_of(schema)
    }

    /// Reads a table whose classes are those in `known` and those found.
    pub(super) fn prepare_with(
        &self,
        table: &Table,
        known: &[Label],
    ) -> Result<Prepared, FitError> {
        let schema = table.schema();
        let task = self.task_on(schema)?;
        let features = Frame::of_table(table, &self.features_in(schema)?)?;
        refuse_infinity(&features)?;
        let target = self.target(table, task, known)?;
        let weights = self.weight.as_ref().map(|weight| weights_of(table, weight)).transpose()?;
        let positive = self.positive_code(&target)?;
        Ok(Prepared { features, target, weights, task, positive })
    }

    /// Settles the task on a table of some columns.
    pub(super) fn task_on(&self, schema: &Schema) -> Result<Task, FitError> {
        let field = match &self.target {
            Some(name) => Some(schema.column_with_name(name).ok_or_else(|| no_target(name))?.1),
            None => None,
        };
        self.settle_task(field, self.tags()?)
            .map_err(|trouble| FitError::Other(format!("{}; {}", trouble.message, trouble.help)))
    }

    pub(super) fn tags(&self) -> Result<Tags, FitError> {
        let unknown =
            || FitError::Other(format!("there is no estimator `{}`", self.estimator.name));
        self.kind().map(EstimatorKind::tags).ok_or_else(unknown)
    }

    fn features_in(&self, schema: &Schema) -> Result<Vec<String>, FitError> {
        match self.features.of_schema(schema).1.first() {
            Some(missing) => Err(FitError::Other(format!("`features`: {missing}"))),
            None => Ok(self.features_of(schema)),
        }
    }

    fn target(&self, table: &Table, task: Task, known: &[Label]) -> Result<Target, FitError> {
        Ok(match (&self.target, task) {
            (Some(name), Task::Classification) => Target::classes_of(table, name, known)?,
            (Some(name), Task::Regression) => Target::numbers_of(table, name)?,
            (_, _) => Target::Absent { rows: table.rows() },
        })
    }

    /// Finds the positive class among those of a target.
    pub(super) fn positive_code(&self, target: &Target) -> Result<Option<u32>, FitError> {
        let Target::Classes { classes, .. } = target else { return Ok(None) };
        let code = |at: usize| u32::try_from(at).ok();
        let Some(positive) = &self.positive else {
            let usual = matches!(
                **classes,
                [Label::Bool(false), Label::Bool(true)] | [Label::Int(0), Label::Int(1)]
            );
            return Ok(usual.then_some(1));
        };
        let own = classes.iter().position(|class| class == positive);
        // `positive: "1"` is meant for 1 where no text "1" is a class.
        let own = own
            .or_else(|| classes.iter().position(|class| class.to_string() == positive.to_string()));
        match own {
            Some(at) => Ok(code(at)),
            None => Err(FitError::Other(format!(
                "`positive: {positive}` is no class of the target; its classes are {}",
                spoken_classes(classes)
            ))),
        }
    }
}

/// Refuses infinite numbers: nothing can be learnt from them.
fn refuse_infinity(features: &Frame) -> Result<(), FitError> {
    match features.first_infinity() {
        None => Ok(()),
        Some((column, row)) => Err(FitError::BadValue {
            column: column.to_string(),
            found: "infinity".to_owned(),
            row,
            hint: "leave such rows out or cap the value in SQL".to_owned(),
        }),
    }
}

fn no_target(name: &str) -> FitError {
    FitError::Other(format!("the rows have no column `{name}`, which is the model's target"))
}

/// Lists classes for a message, the first few of many.
pub(super) fn spoken_classes(classes: &[Label]) -> String {
    let list: Vec<String> = classes.iter().take(10).map(|class| format!("`{class}`")).collect();
    let more = if classes.len() > 10 { " …" } else { "" };
    format!("{}{more}", list.join(", "))
}

impl From<ImportError> for FitError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::BadValue { column, found, row, expected } => {
                Self::BadValue { column, found, row, hint: expected.to_owned() }
            }
            other => Self::Other(other.to_string()),
        }
    }
}
