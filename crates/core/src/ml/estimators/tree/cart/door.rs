//! The door: what tree models check of rows before they touch them.

use std::sync::Arc;

use super::ranks::single;
use crate::data::{Column, Frame, Label, Target};
use crate::ml::estimator::{FitError, Sample};

/// Rows are counted in 32 bits, with room for one bit more.
const MOST_ROWS: usize = 1 << 31;

/// The sorts of columns that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ml::estimators) enum Takes {
    /// Numbers and flags.
    Numbers,
    /// Numbers, flags and categories.
    Categories,
}

/// Refuses columns of other sorts.
pub(in crate::ml::estimators) fn check_sorts(frame: &Frame, takes: Takes) -> Result<(), FitError> {
    for (name, column) in frame.iter() {
        let fine = match column {
            Column::Number(_) | Column::Flag(_) => true,
            Column::Category { .. } => takes == Takes::Categories,
            Column::Text(_) | Column::Time(_) => false,
        };
        if !fine {
            return Err(FitError::Column {
                column: name.to_string(),
                found: column.spoken().to_owned(),
                expected: match takes {
                    Takes::Numbers => "numbers or bools are needed; encode it in a step".to_owned(),
                    Takes::Categories => "numbers, bools or categories are needed".to_owned(),
                },
            });
        }
    }
    Ok(())
}

/// Refuses columns other than those of the training.
pub(in crate::ml::estimators) fn check_names(
    frame: &Frame,
    names: &[Arc<str>],
) -> Result<(), FitError> {
    if frame.names() == names {
        return Ok(());
    }
    let named = |names: &[Arc<str>]| names.join("`, `");
    Err(FitError::Other(format!(
        "the model was fitted on the columns `{}`, but was given `{}`",
        named(names),
        named(frame.names())
    )))
}

/// Refuses what no tree can learn from: no rows, no columns, infinities, odd weights.
pub(in crate::ml::estimators) fn check(sample: &Sample<'_>, takes: Takes) -> Result<(), FitError> {
    let rows = sample.features.rows();
    check_sorts(sample.features, takes)?;
    if rows == 0 {
        return Err(FitError::NoRows);
    }
    if rows >= MOST_ROWS {
        return Err(FitError::Other(format!("{rows} rows are more than the 2^31 a tree can take")));
    }
    if sample.target.len() != rows && !matches!(sample.target, Target::Absent { .. }) {
        return Err(FitError::Other("features and target differ in their rows".to_owned()));
    }
    check_range(sample.features, takes)?;
    check_weights(sample.weights, rows)
}

/// Refuses numbers beyond the range of what a model compares in: trees on numbers do in single
/// precision.
pub(in crate::ml::estimators) fn check_range(frame: &Frame, takes: Takes) -> Result<(), FitError> {
    for (name, column) in frame.iter() {
        let numbers = column.numbers().unwrap_or_default();
        let found = match takes {
            Takes::Numbers => first(numbers, |number| single(number).is_infinite()),
            Takes::Categories => first(numbers, f64::is_infinite),
        };
        if let Some(row) = found {
            let (found, hint) = if numbers[row].is_infinite() {
                ("infinity".to_owned(), "clip the column, or make such values null")
            } else {
                let hint = "trees compare in single precision, which ends at 3.4e38; scale the \
                            column, or clip it";
                (format!("{:e}", numbers[row]), hint)
            };
            let (column, hint) = (name.to_string(), hint.to_owned());
            return Err(FitError::BadValue { column, found, row, hint });
        }
    }
    Ok(())
}

/// Finds the first number of some sort; those that have none are passed many at a time.
fn first(numbers: &[f64], is_meant: impl Fn(f64) -> bool) -> Option<usize> {
    const MANY: usize = 64;
    let has = |many: &[f64]| many.iter().fold(false, |found, number| found | is_meant(*number));
    let many = numbers.chunks(MANY).position(has)? * MANY;
    numbers[many..].iter().position(|number| is_meant(*number)).map(|place| many + place)
}

fn check_weights(weights: Option<&[f64]>, rows: usize) -> Result<(), FitError> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != rows {
        return Err(FitError::Other("features and weights differ in their rows".to_owned()));
    }
    match weights.iter().position(|weight| !weight.is_finite() || *weight < 0.0) {
        Some(row) => Err(FitError::Other(format!(
            "the weight of row {row} is {}; a weight is a number from 0 on",
            weights[row]
        ))),
        None => Ok(()),
    }
}

/// Gives the rows that count: none where all do.
#[expect(clippy::cast_possible_truncation, reason = "`check` allows fewer than 2^31 rows")]
pub(in crate::ml::estimators) fn kept(
    weights: Option<&[f64]>,
) -> Result<Option<Vec<u32>>, FitError> {
    let Some(weights) = weights else { return Ok(None) };
    if !weights.contains(&0.0) {
        return Ok(None);
    }
    let rows: Vec<u32> =
        (0..weights.len()).filter(|row| weights[*row] > 0.0).map(|row| row as u32).collect();
    if rows.is_empty() { Err(FitError::NoRows) } else { Ok(Some(rows)) }
}

/// Refuses a missing or infinite target.
pub(in crate::ml::estimators) fn check_numbers(target: &[f64]) -> Result<(), FitError> {
    match target.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(FitError::BadValue {
            column: "the target".to_owned(),
            found: if target[row].is_nan() { "a missing value" } else { "infinity" }.to_owned(),
            row,
            hint: "drop such rows".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Refuses codes without a class.
pub(in crate::ml::estimators) fn check_codes(
    codes: &[u32],
    classes: &[Label],
) -> Result<(), FitError> {
    match codes.iter().position(|code| *code as usize >= classes.len()) {
        Some(row) => Err(FitError::BadValue {
            column: "the target".to_owned(),
            found: "a missing value".to_owned(),
            row,
            hint: "drop such rows".to_owned(),
        }),
        None => Ok(()),
    }
}
