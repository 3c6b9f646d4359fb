//! `ordinal`: levels as whole numbers, in their order.
//!
//! Follows scikit-learn's `OrdinalEncoder`: a missing value stays missing, a level that no training row
//! has is refused unless a number for it is asked for.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{Coded, LISTED, Levels, MISSING, check_listed, doubled, listed, ordered};
use super::one_hot::{Frequency, rare, unseen};
use super::picked::{ByColumn, Picking, Rule, applied, is_category, other_sort, retyped};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::{Kind, Limits, Setting};

params! {
    /// Writes levels as the numbers 0, 1, 2 … in their order.
    pub struct Ordinal("ordinal", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
        /// The levels in order, `["low", "high"]`, for all columns, or a map from column to levels;
        /// left out, the levels of the training rows, sorted.
        order: Option<Setting> as (Kind::Optional(&LISTED)) = None,
        /// What to do with a level that isn't known.
        unknown: UnknownLevel = UnknownLevel::Error,
        /// For `unknown: encode`: the number of such a level; `null` makes it missing.
        unknown_value: Option<f64> = Some(-1.0),
        /// The number of a missing value; left out, it stays missing.
        missing_value: Option<f64> = None,
        /// Gives levels that are rarer than this, in rows or as a share such as `1%`, one number
        /// together, the last one.
        min_frequency: Option<Frequency> = None,
        /// Gives at most so many numbers, the rarest levels having one of them together; missing values
        /// and unknown levels come on top.
        max_categories: Option<usize> = None => Limits::at_least(1.0),
    }
}

params! {
    /// What happens to a level that isn't known.
    pub enum UnknownLevel {
        /// The prediction fails.
        Error = "error",
        /// It gets `unknown_value`.
        Encode = "encode",
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ordered {
    levels: Levels,
    /// The number of each level.
    ranks: Vec<f64>,
    /// The number of a level that isn't known; none refuses it.
    unknown: Option<f64>,
    missing: f64,
}

impl Ordinal {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "ordinal",
            columns: self.columns.as_ref(),
            takes: |sort| sort != Sort::Time,
            suits: is_category,
            expected: "text, categories, bools and numbers; use `date_parts` first",
        }
    }

    fn learn(&self, name: &str, column: &Column) -> Result<Ordered, FitError> {
        let coded = Coded::of(column).ok_or_else(|| other_sort(name, column, "levels"))?;
        let (coded, places) = match listed(self.order.as_ref(), name) {
            None => {
                let places = (0..coded.levels.len()).collect();
                (coded, places)
            }
            Some(order) => {
                let what = format!("`ordinal`: the order for column `{name}`");
                let (levels, places) = ordered(&what, &coded.levels, &order)?;
                (Coded::by(levels, name, column)?, places)
            }
        };
        let (ranks, numbers) = self.ranks(&coded, &places);
        let unknown = match self.unknown {
            UnknownLevel::Error => None,
            UnknownLevel::Encode => Some(self.unknown_value.unwrap_or(f64::NAN)),
        };
        let taken = |value: f64| value >= 0.0 && value < numbers as f64 && value.fract() == 0.0;
        let doubled = [("unknown_value", unknown), ("missing_value", self.missing_value)];
        if let Some((param, value)) = doubled.iter().find(|(_, value)| value.is_some_and(taken)) {
            return Err(FitError::Other(format!(
                "`ordinal`: `{param}: {}` is already the number of a level of column `{name}`; the levels are 0 to {}",
                value.unwrap_or_default(),
                numbers - 1
            )));
        }
        let missing = self.missing_value.unwrap_or(f64::NAN);
        Ok(Ordered { levels: coded.levels, ranks, unknown, missing })
    }

    /// Gives the number of each level, and how many numbers there are; `places` says where each level
    /// stands in order. Rare ones share the number behind all others.
    fn ranks(&self, coded: &Coded, places: &[usize]) -> (Vec<f64>, usize) {
        let mut counts = vec![0; places.len()];
        for (level, place) in places.iter().enumerate() {
            counts[*place] = coded.counts[level];
        }
        let rare = rare(&counts, coded.codes.len(), self.min_frequency, self.max_categories);
        let frequent = rare.iter().filter(|rare| !**rare).count();
        let mut next = 0..frequent;
        let numbers: Vec<usize> = rare
            .iter()
            .map(|rare| if *rare { frequent } else { next.next().unwrap_or(frequent) })
            .collect();
        let ranks = places.iter().map(|place| numbers[*place] as f64).collect();
        (ranks, frequent + usize::from(frequent < places.len()))
    }
}

impl Step for Ordinal {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| self.learn(name, column))?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        check_listed("ordinal", self.order.as_ref(), before, &picked)?;
        Ok(retyped(before, &picked, Sort::Number))
    }
}

impl Declaration for Ordinal {
    type Learnt = ByColumn<Ordered>;

    fn check(&self) -> Result<(), BadSetting> {
        if let Some(level) = doubled(self.order.as_ref()) {
            let message = format!("the level {level} stands twice");
            return Err(BadSetting { param: "order", message });
        }
        self.min_frequency.map_or(Ok(()), Frequency::check)
    }
}

impl Rule for Ordered {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let codes = self.levels.codes(name, column)?;
        let rank = |(row, code): (usize, &u32)| match (*code, self.ranks.get(*code as usize)) {
            (MISSING, _) => Ok(self.missing),
            (_, Some(rank)) => Ok(*rank),
            (_, None) => self.unknown.ok_or_else(|| unseen(name, column, row)),
        };
        let ranks = codes.iter().enumerate().map(rank).collect::<Result<Vec<f64>, _>>()?;
        Ok(vec![(name.to_owned(), Column::Number(ranks.into()))])
    }

    fn summary(&self) -> String {
        format!("{} levels", self.levels.len())
    }

    fn sound(&self) -> bool {
        self.levels.sound() && self.ranks.len() == self.levels.len()
    }
}
