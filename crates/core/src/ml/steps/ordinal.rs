//! `ordinal`: levels as whole numbers, in their order.
//!
//! Follows scikit-learn's `OrdinalEncoder`: a missing value stays missing, a level that no training row
//! has is refused unless a number for it is asked for.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{Coded, Levels, MISSING};
use super::one_hot::unseen;
use super::picked::{ByColumn, Picking, Rule, applied, is_category, other_sort, retyped};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::{Kind, Setting};

/// The levels of one column, in order.
const ORDER: Kind = Kind::List(&Kind::Literal);

params! {
    /// Writes levels as the numbers 0, 1, 2 … in their order.
    pub struct Ordinal("ordinal", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
        /// The levels in order, `["low", "high"]`, for all columns, or a map from column to levels;
        /// left out, the levels of the training rows, sorted.
        order: Option<Setting> as (Kind::Optional(&Kind::OneOf(&[ORDER, Kind::Map(&ORDER)]))) = None,
        /// What to do with a level that isn't known.
        unknown: UnknownLevel = UnknownLevel::Error,
        /// For `unknown: encode`: the number of such a level; `null` makes it missing.
        unknown_value: Option<f64> = Some(-1.0),
        /// The number of a missing value; left out, it stays missing.
        missing_value: Option<f64> = None,
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

    /// Gives the order that the user wrote for a column.
    fn order_of(&self, name: &str) -> Option<Vec<&Setting>> {
        let list = match self.order.as_ref()? {
            Setting::Map(map) => &map.get(name)?.setting,
            own => own,
        };
        match list {
            Setting::List(items) => Some(items.iter().map(|item| &item.setting).collect()),
            single => Some(vec![single]),
        }
    }

    fn learn(&self, name: &str, column: &Column) -> Result<Ordered, FitError> {
        let coded = Coded::of(column).ok_or_else(|| other_sort(name, column, "levels"))?;
        let (levels, ranks) = match self.order_of(name) {
            None => {
                let ranks = (0..coded.levels.len()).map(|rank| rank as f64).collect();
                (coded.levels, ranks)
            }
            Some(order) => ordered(name, &coded.levels, &order)?,
        };
        let unknown = match self.unknown {
            UnknownLevel::Error => None,
            UnknownLevel::Encode => Some(self.unknown_value.unwrap_or(f64::NAN)),
        };
        let taken = |value: f64| value >= 0.0 && value < ranks.len() as f64 && value.fract() == 0.0;
        let doubled = [("unknown_value", unknown), ("missing_value", self.missing_value)];
        if let Some((param, value)) = doubled.iter().find(|(_, value)| value.is_some_and(taken)) {
            return Err(FitError::Other(format!(
                "`ordinal`: `{param}: {}` is already the number of a level of column `{name}`; the levels are 0 to {}",
                value.unwrap_or_default(),
                ranks.len() - 1
            )));
        }
        Ok(Ordered { levels, ranks, unknown, missing: self.missing_value.unwrap_or(f64::NAN) })
    }
}

/// Makes levels, sorted for looking up, and their ranks of an order that the user wrote.
fn ordered(name: &str, found: &Levels, order: &[&Setting]) -> Result<(Levels, Vec<f64>), FitError> {
    let wrong = |what: &str| {
        FitError::Other(format!(
            "`ordinal`: the order for column `{name}` {what}, as its values are"
        ))
    };
    let ranks = |order: Vec<usize>| order.into_iter().map(|rank| rank as f64).collect();
    if let Levels::Texts(_) = found {
        let text = |setting: &&Setting| match setting {
            Setting::Text(text) | Setting::Word(text) => Ok(text.clone()),
            _ => Err(wrong("must be texts")),
        };
        let mut texts: Vec<(String, usize)> = Vec::new();
        for (rank, setting) in order.iter().enumerate() {
            texts.push((text(setting)?, rank));
        }
        texts.sort();
        let (texts, order) = texts.into_iter().unzip();
        return Ok((Levels::Texts(texts), ranks(order)));
    }
    let number = |setting: &&Setting| match setting {
        Setting::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        other => other.as_f64().ok_or_else(|| wrong("must be numbers")),
    };
    let mut numbers: Vec<(f64, usize)> = Vec::new();
    for (rank, setting) in order.iter().enumerate() {
        numbers.push((number(setting)? + 0.0, rank));
    }
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (numbers, order) = numbers.into_iter().unzip();
    let levels = match found {
        Levels::Flags(_) => Levels::Flags(numbers),
        _ => Levels::Numbers(numbers),
    };
    Ok((levels, ranks(order)))
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
        Ok(retyped(before, &self.picking().known(before)?, Sort::Number))
    }
}

impl Declaration for Ordinal {
    type Learnt = ByColumn<Ordered>;

    fn check(&self) -> Result<(), BadSetting> {
        let doubled = |list: &Setting| match list {
            Setting::List(items) => items.iter().enumerate().find_map(|(at, item)| {
                let before = items.iter().take(at).any(|own| own.setting == item.setting);
                before.then(|| item.setting.spoken())
            }),
            _ => None,
        };
        let found = match &self.order {
            Some(Setting::Map(map)) => map.values().find_map(|list| doubled(&list.setting)),
            Some(list) => doubled(list),
            None => None,
        };
        match found {
            Some(level) => Err(BadSetting {
                param: "order",
                message: format!("the level {level} stands twice"),
            }),
            None => Ok(()),
        }
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
