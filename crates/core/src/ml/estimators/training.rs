//! Training rows as estimators of numbers want them: checked columns, rows with weight alone.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::{Column, Frame, Label, Target};
use crate::ml::estimator::{FitError, Sample};

/// Training rows, every number finite, every weight above 0.
pub(super) struct Training<'a> {
    /// The names of the features.
    pub(super) names: Vec<Arc<str>>,
    /// The features, column by column.
    pub(super) columns: Vec<Cow<'a, [f64]>>,
    /// How many rows there are; at least one.
    pub(super) rows: usize,
    /// A weight a row; none means one each.
    pub(super) weights: Option<Cow<'a, [f64]>>,
    target: Cow<'a, Target>,
}

/// The classes that training rows have, and each row's place among them.
pub(super) struct Classes {
    /// The target's classes.
    pub(super) all: Arc<[Label]>,
    /// The codes of those with rows, ascending; two at least.
    pub(super) present: Vec<u32>,
    /// For each row the place of its class in `present`.
    pub(super) places: Vec<u32>,
}

impl<'a> Training<'a> {
    /// Checks and takes the rows of a sample; rows of weight 0 count for nothing and go.
    pub(super) fn of(sample: &Sample<'a>) -> Result<Self, FitError> {
        let columns = numeric(sample.features)?;
        let weights = checked_weights(sample)?;
        let rows = sample.features.rows();
        let names = sample.features.names().to_vec();
        let kept: Option<Vec<usize>> = weights
            .filter(|weights| weights.contains(&0.0))
            .map(|weights| (0..rows).filter(|row| weights[*row] > 0.0).collect());
        let training = match kept {
            None => Self {
                names,
                columns: columns.into_iter().map(Cow::Borrowed).collect(),
                rows,
                weights: weights.map(Cow::Borrowed),
                target: Cow::Borrowed(sample.target),
            },
            Some(kept) => {
                let pick = |values: &[f64]| kept.iter().map(|row| values[*row]).collect();
                Self {
                    names,
                    columns: columns.into_iter().map(pick).collect(),
                    rows: kept.len(),
                    weights: weights.map(pick),
                    target: Cow::Owned(sample.target.take(&kept)),
                }
            }
        };
        if training.rows == 0 { Err(FitError::NoRows) } else { Ok(training) }
    }

    /// Gives the weight of a row.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// Gives the sum of the weights.
    pub(super) fn total(&self) -> f64 {
        self.weights.as_ref().map_or(self.rows as f64, |weights| weights.iter().sum())
    }

    /// Gives the target's numbers.
    pub(super) fn numbers(&self) -> Result<&[f64], FitError> {
        match self.target.as_ref() {
            Target::Numbers(values) => match values.iter().position(|value| !value.is_finite()) {
                None => Ok(values),
                Some(row) => Err(FitError::Other(format!(
                    "the target is {} in row {row}; leave such rows out in SQL",
                    if values[row].is_nan() { "missing" } else { "infinite" }
                ))),
            },
            other => Err(wrong_target("numbers", other)),
        }
    }

    /// Gives the target's classes; there must be rows of two.
    pub(super) fn classes(&self) -> Result<Classes, FitError> {
        let Target::Classes { codes, classes } = self.target.as_ref() else {
            return Err(wrong_target("classes", &self.target));
        };
        let mut places = vec![u32::MAX; classes.len()];
        for code in codes.iter() {
            match places.get_mut(*code as usize) {
                Some(place) => *place = 0,
                None => {
                    return Err(FitError::Other(format!("the target has no class number {code}")));
                }
            }
        }
        let present: Vec<u32> = (0_u32..)
            .zip(&places)
            .filter(|(_, place)| **place == 0)
            .map(|(code, _)| code)
            .collect();
        if let [only] = present[..] {
            return Err(FitError::OneClass { class: classes[only as usize].to_string() });
        }
        for (place, code) in (0_u32..).zip(&present) {
            places[*code as usize] = place;
        }
        let places = codes.iter().map(|code| places[*code as usize]).collect();
        Ok(Classes { all: Arc::clone(classes), present, places })
    }

    /// Gives the target as it is.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }
}

/// Says that the target is of the wrong sort.
pub(super) fn wrong_target(expected: &str, found: &Target) -> FitError {
    let found = match found {
        Target::Classes { .. } => "classes",
        Target::Numbers(_) => "numbers",
        Target::Absent { .. } => "nothing",
    };
    FitError::Other(format!("the estimator learns {expected}, but the target holds {found}"))
}

/// Gives the columns of a frame if all are finite numbers.
pub(super) fn numeric(frame: &Frame) -> Result<Vec<&[f64]>, FitError> {
    let mut columns = Vec::with_capacity(frame.width());
    for (name, column) in frame.iter() {
        let values = column.numbers().ok_or_else(|| not_numeric(name, column))?;
        if let Some(row) = values.iter().position(|value| !value.is_finite()) {
            return Err(not_finite(name, row, values[row]));
        }
        columns.push(values);
    }
    Ok(columns)
}

/// Gives the columns of a frame if they are those of the training and all finite numbers.
pub(super) fn same_columns<'a>(
    names: &[Arc<str>],
    frame: &'a Frame,
) -> Result<Vec<&'a [f64]>, FitError> {
    if frame.names() != names {
        let named = |names: &[Arc<str>]| names.join("`, `");
        return Err(FitError::Other(format!(
            "the model was fitted on the columns `{}`, but was given `{}`",
            named(names),
            named(frame.names())
        )));
    }
    numeric(frame)
}

fn not_numeric(name: &str, column: &Column) -> FitError {
    FitError::Column {
        column: name.to_owned(),
        found: column.spoken().to_owned(),
        expected: "the estimator takes numbers alone; add a step that encodes it, or leave it out"
            .to_owned(),
    }
}

fn not_finite(name: &str, row: usize, value: f64) -> FitError {
    let (found, hint) = if value.is_nan() {
        ("a missing value", "add `impute` to the model's steps")
    } else {
        ("infinity", "replace it in SQL, or leave the row out")
    };
    FitError::BadValue {
        column: name.to_owned(),
        found: found.to_owned(),
        row,
        hint: hint.to_owned(),
    }
}

fn checked_weights<'a>(sample: &Sample<'a>) -> Result<Option<&'a [f64]>, FitError> {
    let rows = sample.features.rows();
    if sample.target.len() != rows {
        let found = sample.target.len();
        return Err(FitError::Other(format!("there are {rows} rows, but {found} of the target")));
    }
    let Some(weights) = sample.weights else { return Ok(None) };
    if weights.len() != rows {
        return Err(FitError::Other(format!(
            "there are {rows} rows, but {} weights",
            weights.len()
        )));
    }
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        None => Ok(Some(weights)),
        Some(row) => Err(FitError::Other(format!(
            "row {row} has the weight {}, which must be 0 or more",
            weights[row]
        ))),
    }
}
