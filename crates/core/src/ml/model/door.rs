//! The door between steps and estimator: which columns an estimator was given, and is given again.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Column, ColumnType, Frame, NO_CATEGORY, Sort};
use crate::ml::estimator::{FitError, Tags};

/// A column that steps or estimator were fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Its name.
    pub name: String,
    /// What it held.
    pub sort: Sort,
    /// The levels of a category.
    pub levels: Vec<String>,
}

impl Known {
    /// Notes the columns of a frame.
    pub(super) fn of(frame: &Frame) -> Vec<Self> {
        let known = |(name, column): (&Arc<str>, &Column)| Self {
            name: name.to_string(),
            sort: Sort::of(column),
            levels: match column {
                Column::Category { levels, .. } => levels.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            },
        };
        frame.iter().map(known).collect()
    }

    /// Gives the type that such a column has where nothing more is known of it.
    pub(super) fn kind(&self) -> String {
        ColumnType::new(self.sort.arrow()).to_string()
    }
}

/// Checks that an estimator can take the columns that the steps left.
pub(super) fn admit(frame: &Frame, estimator: &str, tags: Tags) -> Result<(), FitError> {
    if frame.width() == 0 {
        return Err(FitError::Other(
            "no column is left to learn from; columns without a value, or with one value alone, are dropped"
                .to_owned(),
        ));
    }
    for (name, column) in frame.iter() {
        if let Some(expected) = refusal(name, Sort::of(column), estimator, tags) {
            let (column, found) = (name.to_string(), column.spoken().to_owned());
            return Err(FitError::Column { column, found, expected });
        }
        if let Some((found, row)) = bad_value(column, tags) {
            let hint = if found == "infinity" {
                "leave such rows out, or bound the column with `clip`".to_owned()
            } else {
                format!(
                    "`{estimator}` takes no missing values: add `impute({name})` to `steps`, or use `steps: auto`"
                )
            };
            return Err(FitError::BadValue {
                column: name.to_string(),
                found: found.to_owned(),
                row,
                hint,
            });
        }
    }
    Ok(())
}

/// Says why an estimator can't take a column of some sort.
pub(super) fn refusal(name: &str, sort: Sort, estimator: &str, tags: Tags) -> Option<String> {
    match sort {
        Sort::Number | Sort::Flag => None,
        Sort::Category if tags.categories => None,
        Sort::Text if tags.categories => Some(format!(
            "`{estimator}` takes numbers and categories; add `category({name})` to `steps`, or leave the column out of `features`"
        )),
        Sort::Category | Sort::Text => Some(format!(
            "`{estimator}` takes numbers; add `one_hot({name})`, `target_encode({name})` or, for long texts, `tf_idf({name})` to `steps`, or leave the column out of `features`"
        )),
        Sort::Time => Some(format!(
            "`{estimator}` takes numbers; add `date_parts({name})` to `steps`, or leave the column out of `features`"
        )),
    }
}

fn bad_value(column: &Column, tags: Tags) -> Option<(&'static str, usize)> {
    match column {
        Column::Number(values) | Column::Flag(values) => {
            let bad = |value: &f64| value.is_infinite() || (!tags.missing && value.is_nan());
            let row = values.iter().position(bad)?;
            let found = if values[row].is_nan() { "a missing value" } else { "infinity" };
            Some((found, row))
        }
        Column::Category { .. } | Column::Text(_) | Column::Time(_) => None,
    }
}

/// Where columns are brought into the form in which they were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// In front of the steps, which look at texts and may refuse one that they don't know.
    Steps,
    /// In front of the estimator, which looks at codes.
    Estimator,
}

/// Brings columns into the form in which they were known: same names in the same order, same sorts.
pub(super) fn recognise(frame: &Frame, known: &[Known], at: At) -> Result<Frame, FitError> {
    let places: HashMap<&str, &Column> =
        frame.iter().map(|(name, column)| (&**name, column)).collect();
    let missing: Vec<String> = known
        .iter()
        .filter(|own| !places.contains_key(own.name.as_str()))
        .map(|own| format!("`{}`", own.name))
        .collect();
    if !missing.is_empty() {
        return Err(FitError::Other(format!(
            "the rows lack column{} {}, from which the model was learnt",
            if missing.len() == 1 { "" } else { "s" },
            missing.join(", ")
        )));
    }
    let mut result = Frame::new(frame.rows());
    for own in known {
        if let Some(column) = places.get(own.name.as_str()) {
            result = result.with(&own.name, as_known(own, column, at)?);
        }
    }
    Ok(result)
}

fn as_known(known: &Known, column: &Column, at: At) -> Result<Column, FitError> {
    let rows = column.len();
    Ok(match (known.sort, column) {
        (Sort::Category | Sort::Text, Column::Category { .. } | Column::Text(_))
            if at == At::Steps =>
        {
            column.clone()
        }
        (Sort::Number, Column::Number(_))
        | (Sort::Flag, Column::Flag(_))
        | (Sort::Text, Column::Text(_))
        | (Sort::Time, Column::Time(_)) => column.clone(),
        (Sort::Number, Column::Flag(values)) => Column::Number(Arc::clone(values)),
        (Sort::Category, Column::Category { codes, levels }) => {
            let same = levels.len() == known.levels.len()
                && levels.iter().zip(&known.levels).all(|(own, known)| **own == **known);
            if same { column.clone() } else { relevelled(known, codes, levels) }
        }
        (Sort::Category, Column::Text(texts)) => {
            let code = |text: &Option<Arc<str>>| {
                text.as_ref().map_or(NO_CATEGORY, |text| known.code(text))
            };
            known.category(texts.iter().map(code).collect())
        }
        // A file without a single value in the column tells nothing of its type.
        (sort, column) if crate::ml::steps::is_empty(column) => match sort {
            Sort::Number => Column::Number(vec![f64::NAN; rows].into()),
            Sort::Flag => Column::Flag(vec![f64::NAN; rows].into()),
            Sort::Category => known.category(vec![NO_CATEGORY; rows]),
            Sort::Text => Column::Text(vec![None; rows].into()),
            Sort::Time => Column::Time(vec![crate::data::NO_TIME; rows].into()),
        },
        (Sort::Flag, Column::Number(values)) if values.iter().all(|value| is_flag(*value)) => {
            Column::Flag(Arc::clone(values))
        }
        (sort, column) => {
            return Err(FitError::Column {
                column: known.name.clone(),
                found: column.spoken().to_owned(),
                expected: format!(
                    "it held {} when the model was fitted; give it that type by `schema` in its `ingest`, or by `CAST` in a `prep`",
                    sort.spoken()
                ),
            });
        }
    })
}

/// Tells whether a number may stand for a bool.
fn is_flag(value: f64) -> bool {
    value.is_nan() || matches!(crate::data::whole(value), Some(0 | 1))
}

/// Writes codes by the known levels; a level that isn't known is missing.
fn relevelled(known: &Known, codes: &[u32], levels: &[Arc<str>]) -> Column {
    let places: Vec<u32> = levels.iter().map(|level| known.code(level)).collect();
    let code = |code: &u32| places.get(*code as usize).copied().unwrap_or(NO_CATEGORY);
    known.category(codes.iter().map(code).collect())
}

impl Known {
    fn code(&self, text: &str) -> u32 {
        let found = self.levels.binary_search_by(|level| level.as_str().cmp(text));
        found.ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(NO_CATEGORY)
    }

    fn category(&self, codes: Vec<u32>) -> Column {
        let levels = self.levels.iter().map(|level| Arc::from(level.as_str())).collect();
        Column::Category { codes: codes.into(), levels }
    }
}
