//! `one_hot`: a column of ones and zeros for each level.
//!
//! Follows scikit-learn's `OneHotEncoder`: sorted levels, a missing value a level of its own, rare
//! levels together. Row weights are not looked at.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{Coded, Levels, MISSING};
use super::picked::{ByColumn, Picking, Rule, applied, is_category, reshaped};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::{Declared, Kind, Limits, Setting};

params! {
    /// Makes a column of ones and zeros for each level.
    ///
    /// The columns are called `NAME=LEVEL`, `NAME_missing` for missing values, and `NAME_infrequent`
    /// for rare levels together.
    pub struct OneHot("one_hot", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
        /// Puts levels that are rarer than this, in rows or as a share such as `1%`, together.
        min_frequency: Option<Frequency> = None,
        /// Keeps at most so many columns for each, the rarest levels put together in one of them.
        max_categories: Option<usize> = None => Limits::at_least(1.0),
        /// What to do with a level that no training row has.
        unknown: Unknown = Unknown::Ignore,
        /// Whether to leave out one level that the others imply.
        drop: Option<Drop> = None,
    }
}

params! {
    /// What happens to a level that no training row has.
    pub enum Unknown {
        /// All columns are 0.
        Ignore = "ignore",
        /// The prediction fails.
        Error = "error",
        /// It counts as one of the rare levels; without such all columns are 0.
        Infrequent = "infrequent",
    }
}

params! {
    /// Which level gets no column.
    pub enum Drop {
        /// The first.
        First = "first",
        /// The first, where there are two levels.
        IfBinary = "if_binary",
    }
}

/// How often a level must be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frequency {
    /// In so many rows.
    Rows(usize),
    /// In this share of the rows.
    Share(f64),
}

impl Declared for Frequency {
    const KIND: Kind = Kind::OneOf(&[Kind::Int, Kind::Share]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Int(rows) => usize::try_from(*rows).ok().map(Self::Rows),
            Setting::Share(share) | Setting::Float(share) => Some(Self::Share(*share)),
            _ => None,
        }
    }

    fn to_setting(&self) -> Setting {
        match self {
            Self::Rows(rows) => Setting::Int(i64::try_from(*rows).unwrap_or(i64::MAX)),
            Self::Share(share) => Setting::Share(*share),
        }
    }
}

impl Frequency {
    fn is_rare(self, count: usize, rows: usize) -> bool {
        match self {
            Self::Rows(least) => count < least,
            Self::Share(share) => (count as f64) < rows as f64 * share,
        }
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoded {
    levels: Levels,
    /// The output of each level: its place among the outputs before any is dropped.
    outputs: Vec<u32>,
    /// The output of missing values, if training rows had some.
    missing: Option<u32>,
    /// The output of rare levels, if there are some.
    infrequent: Option<u32>,
    /// How many outputs there are before one is dropped.
    width: u32,
    /// The output that is left out.
    dropped: Option<u32>,
    /// What happens to levels that aren't known.
    unknown: OnUnknown,
}

/// [`Unknown`] as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum OnUnknown {
    Ignore,
    Error,
    Infrequent,
}

impl OneHot {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "one_hot",
            columns: self.columns.as_ref(),
            takes: |sort| sort != Sort::Time,
            suits: is_category,
            expected: "text, categories, bools and numbers; use `date_parts` first",
        }
    }

    fn learn(&self, coded: Coded) -> Encoded {
        // A missing value is the last level, as rare or frequent as any.
        let has_missing = coded.missing > 0;
        let counts: Vec<usize> =
            coded.counts.iter().copied().chain(has_missing.then_some(coded.missing)).collect();
        let rare = self.rare(&counts, coded.codes.len());
        let mut width = 0;
        let mut next = || {
            width += 1;
            width - 1
        };
        let own: Vec<Option<u32>> = rare.iter().map(|rare| (!rare).then(&mut next)).collect();
        let infrequent = rare.contains(&true).then(&mut next);
        let mut outputs: Vec<u32> = own.iter().filter_map(|output| output.or(infrequent)).collect();
        let missing = if has_missing { outputs.pop() } else { None };
        let dropped = match self.drop {
            Some(Drop::First) => (width > 0).then_some(0),
            Some(Drop::IfBinary) => (width == 2).then_some(0),
            None => None,
        };
        let unknown = match self.unknown {
            Unknown::Ignore => OnUnknown::Ignore,
            Unknown::Error => OnUnknown::Error,
            Unknown::Infrequent => OnUnknown::Infrequent,
        };
        let levels = coded.levels;
        Encoded { levels, outputs, missing, infrequent, width, dropped, unknown }
    }

    /// Tells which levels are put together.
    fn rare(&self, counts: &[usize], rows: usize) -> Vec<bool> {
        let limit = self.min_frequency;
        let mut rare: Vec<bool> = counts
            .iter()
            .map(|count| limit.is_some_and(|limit| limit.is_rare(*count, rows)))
            .collect();
        let columns = counts.len() + 1 - rare.iter().filter(|rare| **rare).count();
        if let Some(most) = self.max_categories.filter(|most| *most < columns) {
            let mut order: Vec<usize> = (0..counts.len()).collect();
            order.sort_by_key(|level| counts[*level]);
            let kept = most.saturating_sub(1).min(order.len());
            for level in &order[..order.len() - kept] {
                rare[*level] = true;
            }
        }
        rare
    }
}

impl Step for OneHot {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            let refused = || super::picked::other_sort(name, column, "levels");
            Coded::of(column).map(|coded| self.learn(coded)).ok_or_else(refused)
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let after = reshaped(before, &picked, |_, _| Vec::new());
        Ok(Shape { open: after.open || !picked.is_empty(), ..after })
    }
}

impl Declaration for OneHot {
    type Learnt = ByColumn<Encoded>;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong =
            |message: &str| Err(BadSetting { param: "min_frequency", message: message.to_owned() });
        match self.min_frequency {
            Some(Frequency::Rows(0)) => wrong("`min_frequency` is at least 1 row"),
            Some(Frequency::Share(share)) if !(share > 0.0 && share < 1.0) => {
                wrong("`min_frequency` as a share lies above 0% and below 100%")
            }
            _ => Ok(()),
        }
    }
}

impl Encoded {
    /// Gives the names of the outputs, the dropped one among them.
    fn names(&self, name: &str) -> Vec<String> {
        let mut names = vec![String::new(); self.width as usize];
        let mut put = |output: u32, own: String| {
            if let Some(slot) = names.get_mut(output as usize) {
                *slot = own;
            }
        };
        for (level, output) in self.outputs.iter().enumerate() {
            put(*output, format!("{name}={}", self.levels.name(level)));
        }
        if let Some(output) = self.missing {
            put(output, format!("{name}_missing"));
        }
        if let Some(output) = self.infrequent {
            put(output, format!("{name}_infrequent"));
        }
        names
    }

    /// Gives the output of a code; none for a level that isn't known.
    fn output(&self, code: u32) -> Option<u32> {
        let known =
            if code == MISSING { self.missing } else { self.outputs.get(code as usize).copied() };
        match self.unknown {
            OnUnknown::Infrequent => known.or(self.infrequent),
            OnUnknown::Ignore | OnUnknown::Error => known,
        }
    }
}

impl Rule for Encoded {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let codes = self.levels.codes(name, column)?;
        let mut flags: Vec<Vec<f64>> = vec![vec![0.0; codes.len()]; self.width as usize];
        for (row, code) in codes.iter().enumerate() {
            match self.output(*code) {
                Some(output) => {
                    if let Some(flag) =
                        flags.get_mut(output as usize).and_then(|own| own.get_mut(row))
                    {
                        *flag = 1.0;
                    }
                }
                None if self.unknown == OnUnknown::Error => return Err(unseen(name, column, row)),
                None => {}
            }
        }
        let kept = |output: usize| self.dropped.is_none_or(|dropped| dropped as usize != output);
        let columns = self.names(name).into_iter().zip(flags).enumerate();
        let columns = columns.filter(|(output, _)| kept(*output));
        Ok(columns.map(|(_, (name, flags))| (name, Column::Flag(flags.into()))).collect())
    }

    fn summary(&self) -> String {
        let columns = self.width - u32::from(self.dropped.is_some());
        format!("{columns} column{}", if columns == 1 { "" } else { "s" })
    }

    fn sound(&self) -> bool {
        let inside = |output: &u32| *output < self.width;
        let others = [self.missing, self.infrequent, self.dropped];
        // A file that was tampered with must not ask for more columns than it has levels.
        self.width as usize <= self.levels.len() + 2
            && self.outputs.len() == self.levels.len()
            && self.levels.sound()
            && self.outputs.iter().all(inside)
            && others.iter().flatten().all(inside)
    }
}

/// Says that a row has a level that no training row had.
pub(super) fn unseen(name: &str, column: &Column, row: usize) -> FitError {
    let found = match column {
        Column::Number(values) | Column::Flag(values) => values.get(row).map(f64::to_string),
        Column::Category { codes, levels } => codes
            .get(row)
            .and_then(|code| levels.get(*code as usize))
            .map(|level| format!("{level:?}")),
        Column::Text(texts) => {
            texts.get(row).and_then(|text| text.as_ref().map(|text| format!("{text:?}")))
        }
        Column::Time(_) => None,
    };
    FitError::BadValue {
        column: name.to_owned(),
        found: match found {
            Some(found) if found != "NaN" => {
                format!("the value {found}, which no training row has,")
            }
            _ => "a missing value, which no training row has,".to_owned(),
        },
        row,
        hint: "allow such values with `unknown:`, or leave the row out".to_owned(),
    }
}
