//! `impute`: puts a value where one is missing.
//!
//! Row weights are not looked at, as in scikit-learn's `SimpleImputer`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{Coded, Levels};
use super::picked::{
    ByColumn, Picking, Rule, applied, is_category, is_number, other_sort, reshaped,
};
use super::statistics::{quantile, sorted, total};
use crate::data::{Column, Frame, NO_CATEGORY, NO_TIME, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Setting;

params! {
    /// Puts a value where one is missing.
    ///
    /// The value is learnt from the training rows. A column without any value is dropped unless
    /// `keep_empty` is set.
    pub struct Impute("impute", 1) {
        /// The columns; left out, those that the strategy can fill: numbers and bools, and for
        /// `most_frequent` and `constant` also text and categories.
        columns: Option<Columns> = None,
        /// What to put in.
        strategy: Strategy = Strategy::Median,
        /// The value for `constant`: 0, or `"missing_value"` for text, if left out.
        fill_value: Option<Setting> = None,
        /// Adds a column `NAME_missing` of ones and zeros for each column that has missing values
        /// in the training rows.
        indicator: bool = false,
        /// Keeps columns without any value, filled with 0 or the constant.
        keep_empty: bool = false,
    }
}

params! {
    /// What stands for a missing value.
    pub enum Strategy {
        /// The median.
        Median = "median",
        /// The mean.
        Mean = "mean",
        /// The most frequent value, the smallest one of several.
        MostFrequent = "most_frequent",
        /// Always the same value, `fill_value`.
        Constant = "constant",
    }
}

/// What fills a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Fill {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing: the column is dropped.
    Nothing,
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Filled {
    fill: Fill,
    indicator: bool,
}

impl Impute {
    fn picking(&self) -> Picking<'_> {
        let texts = |sort| is_number(sort) || is_category(sort);
        let (takes, expected): (fn(Sort) -> bool, _) = match (self.strategy, &self.fill_value) {
            (Strategy::Median | Strategy::Mean, _) => {
                (is_number, "numbers; use `strategy: most_frequent` for it")
            }
            (Strategy::MostFrequent, _) | (_, None) => {
                (texts, "numbers, bools, text and categories")
            }
            (Strategy::Constant, Some(Setting::Text(_))) => {
                (is_category, "text, as `fill_value` is")
            }
            (Strategy::Constant, Some(_)) => (is_number, "numbers, as `fill_value` is one"),
        };
        let columns = self.columns.as_ref();
        Picking { step: "impute", columns, takes, suits: takes, expected }
    }

    fn learn(&self, column: &Column) -> Filled {
        let indicator = self.indicator && has_missing(column);
        let fill = match self.observed(column) {
            Fill::Nothing if self.keep_empty => self.constant(column),
            fill => fill,
        };
        Filled { fill, indicator }
    }

    /// Finds the value in the rows; nothing in a column without any.
    fn observed(&self, column: &Column) -> Fill {
        if is_empty(column) {
            return Fill::Nothing;
        }
        match (self.strategy, column.numbers()) {
            (Strategy::Constant, _) => self.constant(column),
            (Strategy::MostFrequent, _) | (_, None) => most_frequent(column),
            (Strategy::Median, Some(values)) => Fill::Number(quantile(&sorted(values), 0.5)),
            (Strategy::Mean, Some(values)) => {
                let present = || values.iter().copied().filter(|value| !value.is_nan());
                Fill::Number(total(present()) / present().count() as f64)
            }
        }
    }

    fn constant(&self, column: &Column) -> Fill {
        let given = self.fill_value.as_ref().filter(|_| self.strategy == Strategy::Constant);
        match (given, column.numbers()) {
            (Some(Setting::Text(text)), _) => Fill::Text(text.clone()),
            (Some(Setting::Bool(flag)), _) => Fill::Number(f64::from(u8::from(*flag))),
            (Some(number), _) => Fill::Number(number.as_f64().unwrap_or(0.0)),
            (None, Some(_)) => Fill::Number(0.0),
            (None, None) => Fill::Text("missing_value".to_owned()),
        }
    }
}

impl Step for Impute {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |_, column| Ok(self.learn(column)))?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let after = reshaped(before, &picked, |name, sort| vec![(name.to_owned(), sort)]);
        Ok(Shape { open: after.open || self.indicator, ..after })
    }
}

impl Declaration for Impute {
    type Learnt = ByColumn<Filled>;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong =
            |message: &str| Err(BadSetting { param: "fill_value", message: message.to_owned() });
        match (&self.fill_value, self.strategy) {
            (Some(_), Strategy::Median | Strategy::Mean | Strategy::MostFrequent) => {
                wrong("`fill_value` is for `strategy: constant` alone")
            }
            (Some(setting), Strategy::Constant) => match setting {
                Setting::Text(_) | Setting::Bool(_) => Ok(()),
                number if number.as_f64().is_some_and(f64::is_finite) => Ok(()),
                _ => wrong("`fill_value` is a number, a bool or a text"),
            },
            (None, _) => Ok(()),
        }
    }
}

impl Rule for Filled {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let mut columns = Vec::with_capacity(2);
        match &self.fill {
            Fill::Nothing => {}
            fill => columns.push((name.to_owned(), filled(name, column, fill)?)),
        }
        if self.indicator {
            columns.push((format!("{name}_missing"), Column::Flag(missing(column))));
        }
        Ok(columns)
    }

    fn summary(&self) -> String {
        match &self.fill {
            Fill::Number(number) => number.to_string(),
            Fill::Text(text) => format!("{text:?}"),
            Fill::Nothing => "dropped, it has no value".to_owned(),
        }
    }
}

fn filled(name: &str, column: &Column, fill: &Fill) -> Result<Column, FitError> {
    Ok(match (column, fill) {
        (Column::Number(values), Fill::Number(fill)) => Column::Number(put(values, *fill)),
        (Column::Flag(values), Fill::Number(fill)) => Column::Flag(put(values, *fill)),
        (Column::Text(texts), Fill::Text(fill)) => {
            let fill: Arc<str> = Arc::from(fill.as_str());
            let put =
                |text: &Option<Arc<str>>| Some(text.clone().unwrap_or_else(|| Arc::clone(&fill)));
            Column::Text(texts.iter().map(put).collect())
        }
        (Column::Category { codes, levels }, Fill::Text(fill)) => put_category(codes, levels, fill),
        (_, Fill::Number(_)) => return Err(other_sort(name, column, "numbers")),
        (_, _) => return Err(other_sort(name, column, "text or categories")),
    })
}

fn put(values: &[f64], fill: f64) -> Arc<[f64]> {
    values.iter().map(|value| if value.is_nan() { fill } else { *value }).collect()
}

/// Puts a level in the place of missing ones, adding it to the levels if it is new.
fn put_category(codes: &[u32], levels: &Arc<[Arc<str>]>, fill: &str) -> Column {
    let (at, new) = match levels.binary_search_by(|level| (**level).cmp(fill)) {
        Ok(at) => (at, false),
        Err(at) => (at, true),
    };
    let place = u32::try_from(at).unwrap_or(NO_CATEGORY);
    let code = |code: &u32| match *code {
        NO_CATEGORY => place,
        code if new && code >= place => code + 1,
        code => code,
    };
    let codes = codes.iter().map(code).collect();
    let levels = if new {
        let (before, after) = levels.split_at(at);
        before.iter().cloned().chain([Arc::from(fill)]).chain(after.iter().cloned()).collect()
    } else {
        Arc::clone(levels)
    };
    Column::Category { codes, levels }
}

fn most_frequent(column: &Column) -> Fill {
    let Some(coded) = Coded::of(column) else { return Fill::Nothing };
    let best = coded.counts.iter().copied().max().unwrap_or(0);
    let Some(level) = coded.counts.iter().position(|count| *count == best) else {
        return Fill::Nothing;
    };
    match coded.levels {
        Levels::Texts(texts) => texts.get(level).cloned().map_or(Fill::Nothing, Fill::Text),
        Levels::Numbers(numbers) | Levels::Flags(numbers) => {
            numbers.get(level).copied().map_or(Fill::Nothing, Fill::Number)
        }
    }
}

/// Marks the rows without a value.
pub(super) fn missing(column: &Column) -> Arc<[f64]> {
    let mark = |missing: bool| f64::from(u8::from(missing));
    match column {
        Column::Number(values) | Column::Flag(values) => {
            values.iter().map(|value| mark(value.is_nan())).collect()
        }
        Column::Category { codes, .. } => {
            codes.iter().map(|code| mark(*code == NO_CATEGORY)).collect()
        }
        Column::Text(texts) => texts.iter().map(|text| mark(text.is_none())).collect(),
        Column::Time(times) => times.iter().map(|time| mark(*time == NO_TIME)).collect(),
    }
}

/// Tells whether any row has no value.
pub(super) fn has_missing(column: &Column) -> bool {
    match column {
        Column::Number(values) | Column::Flag(values) => values.iter().any(|value| value.is_nan()),
        Column::Category { codes, .. } => codes.contains(&NO_CATEGORY),
        Column::Text(texts) => texts.iter().any(Option::is_none),
        Column::Time(times) => times.contains(&NO_TIME),
    }
}

/// Tells whether no row of a column has a value.
#[must_use]
pub fn is_empty(column: &Column) -> bool {
    match column {
        Column::Number(values) | Column::Flag(values) => values.iter().all(|value| value.is_nan()),
        Column::Category { codes, .. } => codes.iter().all(|code| *code == NO_CATEGORY),
        Column::Text(texts) => texts.iter().all(Option::is_none),
        Column::Time(times) => times.iter().all(|time| *time == NO_TIME),
    }
}
