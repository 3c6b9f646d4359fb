//! The values of a column as codes into sorted levels.
//!
//! Texts are ordered by code points, numbers by value, as scikit-learn orders categories. A missing
//! value is no level.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::picked::other_sort;
use crate::data::{Column, NO_CATEGORY};
use crate::diag::nearest;
use crate::ml::columns::Shape;
use crate::ml::estimator::FitError;
use crate::ml::step::Misfit;
use crate::params::{Kind, Setting};

/// What a user may list: levels for all columns, or a map from column to levels.
pub(super) const LISTED: Kind = Kind::OneOf(&[LIST, Kind::Map(&LIST)]);

const LIST: Kind = Kind::List(&Kind::Literal);

/// The code of a missing value.
pub(super) const MISSING: u32 = NO_CATEGORY;

/// The code of a value that was not seen when the levels were learnt.
pub(super) const UNSEEN: u32 = NO_CATEGORY - 1;

/// The levels of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Levels {
    /// Of texts and categories.
    Texts(Vec<String>),
    /// Of numbers.
    Numbers(Vec<f64>),
    /// Of bools.
    Flags(Vec<f64>),
}

/// A column in codes, and what was counted on the way.
pub(super) struct Coded {
    /// The levels.
    pub levels: Levels,
    /// A code a row; [`MISSING`] where there is no value.
    pub codes: Vec<u32>,
    /// How often each level was seen.
    pub counts: Vec<usize>,
    /// How many rows have no value.
    pub missing: usize,
}

impl Coded {
    /// Learns the levels of a column; none of a time, whose levels would mean nothing.
    pub(super) fn of(column: &Column) -> Option<Self> {
        let levels = match column {
            Column::Number(values) => Levels::Numbers(different(values)),
            Column::Flag(values) => Levels::Flags(different(values)),
            Column::Category { codes, levels } => {
                let mut seen = vec![false; levels.len()];
                for code in codes.iter() {
                    if let Some(seen) = seen.get_mut(*code as usize) {
                        *seen = true;
                    }
                }
                let seen = levels.iter().zip(seen).filter(|(_, seen)| *seen);
                Levels::Texts(seen.map(|(level, _)| level.to_string()).collect())
            }
            Column::Text(texts) => {
                let seen: std::collections::BTreeSet<&str> =
                    texts.iter().flatten().map(|text| &**text).collect();
                Levels::Texts(seen.into_iter().map(str::to_owned).collect())
            }
            Column::Time(_) => return None,
        };
        Self::by(levels, "", column).ok()
    }

    /// Writes a column in codes into levels that are given.
    pub(super) fn by(levels: Levels, name: &str, column: &Column) -> Result<Self, FitError> {
        let codes = levels.codes(name, column)?;
        let mut counts = vec![0; levels.len()];
        let mut missing = 0;
        for code in &codes {
            match counts.get_mut(*code as usize) {
                Some(count) => *count += 1,
                None => missing += usize::from(*code == MISSING),
            }
        }
        Ok(Self { levels, codes, counts, missing })
    }
}

impl Levels {
    /// Counts the levels.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Numbers(numbers) | Self::Flags(numbers) => numbers.len(),
        }
    }

    /// Finds a level that the user wrote.
    pub(super) fn place(&self, level: &Setting) -> Option<usize> {
        let code = match (self, level) {
            (Self::Texts(own), Setting::Text(text) | Setting::Word(text)) => text_code(own, text),
            (Self::Numbers(own) | Self::Flags(own), Setting::Bool(flag)) => {
                number_code(own, f64::from(u8::from(*flag)))
            }
            (Self::Numbers(own) | Self::Flags(own), number) => number_code(own, number.as_f64()?),
            (Self::Texts(_), _) => return None,
        };
        (code != UNSEEN && code != MISSING).then_some(code as usize)
    }

    /// Writes a level as it stands in a column's name.
    pub(super) fn name(&self, level: usize) -> String {
        match self {
            Self::Texts(texts) => texts.get(level).cloned().unwrap_or_default(),
            Self::Numbers(numbers) => numbers.get(level).map(f64::to_string).unwrap_or_default(),
            Self::Flags(flags) => {
                flags.get(level).map(|flag| (*flag != 0.0).to_string()).unwrap_or_default()
            }
        }
    }

    /// Writes a column in codes: [`MISSING`], [`UNSEEN`], or the place of the level.
    pub(super) fn codes(&self, name: &str, column: &Column) -> Result<Vec<u32>, FitError> {
        let codes = match (self, column) {
            (Self::Texts(own), Column::Category { codes, levels }) => {
                let map: Vec<u32> = levels.iter().map(|level| text_code(own, level)).collect();
                let code = |code: &u32| map.get(*code as usize).copied().unwrap_or(MISSING);
                codes.iter().map(code).collect()
            }
            (Self::Texts(own), Column::Text(texts)) => text_codes(own, texts),
            (
                Self::Numbers(own) | Self::Flags(own),
                Column::Number(values) | Column::Flag(values),
            ) => values.iter().map(|value| number_code(own, *value)).collect(),
            (Self::Texts(_), _) => return Err(other_sort(name, column, "text or categories")),
            (Self::Numbers(_) | Self::Flags(_), _) => {
                return Err(other_sort(name, column, "numbers"));
            }
        };
        Ok(codes)
    }

    /// Tells whether the levels are sorted, as looking up needs.
    pub(super) fn sound(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_sorted(),
            Self::Numbers(values) | Self::Flags(values) => values.is_sorted_by(|a, b| a <= b),
        }
    }
}

/// Gives the levels that the user listed for a column.
pub(super) fn listed<'a>(setting: Option<&'a Setting>, column: &str) -> Option<Vec<&'a Setting>> {
    let list = match setting? {
        Setting::Map(map) => &map.get(column)?.setting,
        own => own,
    };
    match list {
        Setting::List(items) => Some(items.iter().map(|item| &item.setting).collect()),
        single => Some(vec![single]),
    }
}

/// Refuses a map from columns to levels that names a column which the step doesn't take.
pub(super) fn check_listed(
    step: &'static str,
    setting: Option<&Setting>,
    before: &Shape,
    picked: &[usize],
) -> Result<(), Misfit> {
    let Some(Setting::Map(map)) = setting.filter(|_| !before.open) else { return Ok(()) };
    let names: Vec<&str> = picked.iter().map(|at| &*before.columns[*at].0).collect();
    let Some((column, bound)) = map.iter().find(|(column, _)| !names.contains(&column.as_str()))
    else {
        return Ok(());
    };
    Err(Misfit {
        step,
        column: Some(column.clone()),
        span: Some(bound.span),
        message: format!(
            "levels are listed for `{column}`, which is no column that `{step}` takes"
        ),
        help: nearest(column, names).map(|near| format!("did you mean `{near}`?")),
    })
}

/// Finds a level that the user listed twice for one column.
pub(super) fn doubled(setting: Option<&Setting>) -> Option<String> {
    let of_list = |list: &Setting| match list {
        Setting::List(items) => items.iter().enumerate().find_map(|(at, item)| {
            let before = items.iter().take(at).any(|own| own.setting == item.setting);
            before.then(|| item.setting.spoken())
        }),
        _ => None,
    };
    match setting? {
        Setting::Map(map) => map.values().find_map(|list| of_list(&list.setting)),
        list => of_list(list),
    }
}

/// Makes levels, sorted for looking up, of those that the user listed; with each comes its place in the
/// list. `found` are those of the column, `what` says what the list is, for a message.
pub(super) fn ordered(
    what: &str,
    found: &Levels,
    list: &[&Setting],
) -> Result<(Levels, Vec<usize>), FitError> {
    let wrong =
        |expected: &str| FitError::Other(format!("{what} must be {expected}, as its values are"));
    if let Levels::Texts(_) = found {
        let text = |setting: &Setting| match setting {
            Setting::Text(text) | Setting::Word(text) => Ok(text.clone()),
            _ => Err(wrong("texts")),
        };
        let mut texts: Vec<(String, usize)> = Vec::new();
        for (place, setting) in list.iter().enumerate() {
            texts.push((text(setting)?, place));
        }
        texts.sort();
        let (texts, places) = texts.into_iter().unzip();
        return Ok((Levels::Texts(texts), places));
    }
    let number = |setting: &Setting| match setting {
        Setting::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        other => other.as_f64().ok_or_else(|| wrong("numbers")),
    };
    let mut numbers: Vec<(f64, usize)> = Vec::new();
    for (place, setting) in list.iter().enumerate() {
        numbers.push((number(setting)? + 0.0, place));
    }
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(wrong(&format!("different levels, not {} twice", pair[0].0)));
    }
    let (numbers, places) = numbers.into_iter().unzip();
    let levels = match found {
        Levels::Flags(_) => Levels::Flags(numbers),
        _ => Levels::Numbers(numbers),
    };
    Ok((levels, places))
}

fn different(values: &[f64]) -> Vec<f64> {
    // Adding nought makes one zero of the two.
    let mut own: Vec<f64> =
        values.iter().filter(|value| !value.is_nan()).map(|x| x + 0.0).collect();
    own.sort_unstable_by(f64::total_cmp);
    own.dedup();
    own
}

fn number_code(levels: &[f64], value: f64) -> u32 {
    if value.is_nan() {
        return MISSING;
    }
    let found = levels.binary_search_by(|level| level.total_cmp(&(value + 0.0)));
    found.ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(UNSEEN)
}

fn text_code(levels: &[String], text: &str) -> u32 {
    let found = levels.binary_search_by(|level| level.as_str().cmp(text));
    found.ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(UNSEEN)
}

fn text_codes(levels: &[String], texts: &[Option<Arc<str>>]) -> Vec<u32> {
    // For many rows a map is faster than searching anew; for few it isn't worth making.
    if texts.len() < levels.len() {
        return texts
            .iter()
            .map(|text| text.as_ref().map_or(MISSING, |text| text_code(levels, text)))
            .collect();
    }
    let places: HashMap<&str, u32> = levels.iter().map(String::as_str).zip(0..).collect();
    let code = |text: &Arc<str>| places.get(&**text).copied().unwrap_or(UNSEEN);
    texts.iter().map(|text| text.as_ref().map_or(MISSING, code)).collect()
}

/// Counts the different values of a column, missing ones aside.
#[must_use]
pub fn count_levels(column: &Column) -> usize {
    Coded::of(column).map_or(0, |coded| coded.levels.len())
}
