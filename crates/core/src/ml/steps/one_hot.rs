//! `one_hot`: a column of ones and zeros for each level.
//!
//! Follows scikit-learn's `OneHotEncoder`: sorted levels, a missing value a level of its own, rare
//! levels together. Row weights are not looked at.

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{
    Coded, LISTED, Levels, MISSING, UNSEEN, check_listed, doubled, listed, ordered,
};
use super::picked::{ByColumn, Picking, Rule, applied, is_category, other_sort, reshaped};
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
        /// Whether to leave out one level that the others imply: by a rule, or by column which,
        /// `{ city: "Ulm" }`.
        drop: Option<Dropped> = None,
        /// The levels, `["low", "high"]`, for all columns, or a map from column to levels; `null` among
        /// them is the missing value, whose column stands last. Others are not known. Left out, the
        /// levels of the training rows, sorted.
        categories: Option<Setting> as (Kind::Optional(&LISTED)) = None,
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

/// Which level gets no column: by a rule, or by column.
#[derive(Clone, Debug)]
pub enum Dropped {
    /// By a rule.
    Rule(Drop),
    /// By column: a map from columns to levels.
    Levels(Setting),
}

impl Declared for Dropped {
    const KIND: Kind = Kind::OneOf(&[Drop::KIND, Kind::Map(&Kind::Literal)]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Map(_) => Some(Self::Levels(setting.clone())),
            rule => Drop::from_setting(rule).map(Self::Rule),
        }
    }

    fn to_setting(&self) -> Setting {
        match self {
            Self::Rule(rule) => rule.to_setting(),
            Self::Levels(levels) => levels.clone(),
        }
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

    /// Checks a `min_frequency`.
    pub(super) fn check(self) -> Result<(), BadSetting> {
        let wrong =
            |message: &str| Err(BadSetting { param: "min_frequency", message: message.to_owned() });
        match self {
            Self::Rows(0) => wrong("`min_frequency` is at least 1 row"),
            Self::Share(share) if !(share > 0.0 && share < 1.0) => {
                wrong("`min_frequency` as a share lies above 0% and below 100%")
            }
            Self::Rows(_) | Self::Share(_) => Ok(()),
        }
    }
}

/// Tells which levels are put together, of those with such counts among so many rows.
pub(super) fn rare(
    counts: &[usize],
    rows: usize,
    limit: Option<Frequency>,
    most: Option<usize>,
) -> Vec<bool> {
    let mut rare: Vec<bool> =
        counts.iter().map(|count| limit.is_some_and(|limit| limit.is_rare(*count, rows))).collect();
    let columns = counts.len() + 1 - rare.iter().filter(|rare| **rare).count();
    if let Some(most) = most.filter(|most| *most < columns) {
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|level| counts[*level]);
        let kept = most.saturating_sub(1).min(order.len());
        for level in &order[..order.len() - kept] {
            rare[*level] = true;
        }
    }
    rare
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

    fn learn(&self, name: &str, column: &Column) -> Result<Encoded, FitError> {
        let found = Coded::of(column).ok_or_else(|| other_sort(name, column, "levels"))?;
        let Some(list) = listed(self.categories.as_ref(), name) else {
            let places: Vec<usize> = (0..found.levels.len()).collect();
            let has_missing = found.missing > 0;
            return self.encoded(name, found, &places, has_missing);
        };
        let values: Vec<&Setting> =
            list.iter().copied().filter(|own| **own != Setting::Null).collect();
        let what = format!("`one_hot`: the categories of column `{name}`");
        let (levels, places) = ordered(&what, &found.levels, &values)?;
        let coded = Coded::by(levels, name, column)?;
        let has_missing = values.len() < list.len();
        let strange = |code: &u32| *code == UNSEEN || (*code == MISSING && !has_missing);
        match coded.codes.iter().position(strange).filter(|_| self.unknown == Unknown::Error) {
            Some(row) => Err(unseen(name, column, row)),
            None => self.encoded(name, coded, &places, has_missing),
        }
    }

    /// Gives each level its output; `places` says where each stands in order.
    fn encoded(
        &self,
        name: &str,
        coded: Coded,
        places: &[usize],
        has_missing: bool,
    ) -> Result<Encoded, FitError> {
        // A missing value is the last level, as rare or frequent as any.
        let mut counts = vec![0; places.len()];
        for (level, place) in places.iter().enumerate() {
            counts[*place] = coded.counts[level];
        }
        counts.extend(has_missing.then_some(coded.missing));
        let rare = rare(&counts, coded.codes.len(), self.min_frequency, self.max_categories);
        let mut width = 0;
        let mut next = || {
            width += 1;
            width - 1
        };
        let own: Vec<Option<u32>> = rare.iter().map(|rare| (!rare).then(&mut next)).collect();
        let infrequent = rare.contains(&true).then(&mut next);
        let mut by_place: Vec<u32> =
            own.iter().filter_map(|output| output.or(infrequent)).collect();
        let missing = if has_missing { by_place.pop() } else { None };
        let outputs = places.iter().map(|place| by_place[*place]).collect();
        let unknown = match self.unknown {
            Unknown::Ignore => OnUnknown::Ignore,
            Unknown::Error => OnUnknown::Error,
            Unknown::Infrequent => OnUnknown::Infrequent,
        };
        let levels = coded.levels;
        let whole = Encoded { levels, outputs, missing, infrequent, width, dropped: None, unknown };
        let dropped = match self.level_dropped(name) {
            Some(level) => Some(whole.output_of(name, level)?),
            None => self.rule_drops(width),
        };
        Ok(Encoded { dropped, ..whole })
    }

    /// Tells which of so many outputs a rule leaves out.
    fn rule_drops(&self, width: u32) -> Option<u32> {
        match self.drop {
            Some(Dropped::Rule(Drop::First)) => (width > 0).then_some(0),
            Some(Dropped::Rule(Drop::IfBinary)) => (width == 2).then_some(0),
            Some(Dropped::Levels(_)) | None => None,
        }
    }

    /// Gives the level of a column that the user leaves out.
    fn level_dropped(&self, name: &str) -> Option<&Setting> {
        match &self.drop {
            Some(Dropped::Levels(Setting::Map(levels))) => Some(&levels.get(name)?.setting),
            _ => None,
        }
    }

    /// Gives the names of the outputs of a column whose levels are listed, where the list alone says.
    fn known_names(&self, name: &str, sort: Sort) -> Option<Vec<String>> {
        let list = listed(self.categories.as_ref(), name)?;
        if self.min_frequency.is_some() || self.max_categories.is_some() {
            return None;
        }
        let level = |own: &Setting| match own {
            Setting::Text(text) | Setting::Word(text) => Some(text.clone()),
            Setting::Bool(flag) if sort == Sort::Flag => Some(flag.to_string()),
            Setting::Bool(flag) => Some(u8::from(*flag).to_string()),
            number if sort == Sort::Flag => number.as_f64().map(|own| (own != 0.0).to_string()),
            number => number.as_f64().map(|own| (own + 0.0).to_string()),
        };
        let values = list.iter().filter(|own| ***own != Setting::Null);
        let mut names: Vec<String> = values
            .map(|own| level(own).map(|level| format!("{name}={level}")))
            .collect::<Option<_>>()?;
        if names.len() < list.len() {
            names.push(format!("{name}_missing"));
        }
        let dropped = match self.level_dropped(name) {
            Some(Setting::Null) => names.iter().position(|own| *own == format!("{name}_missing")),
            Some(own) => {
                let own = format!("{name}={}", level(own)?);
                names.iter().position(|name| *name == own)
            }
            None => self.rule_drops(u32::try_from(names.len()).ok()?).map(|own| own as usize),
        };
        if let Some(dropped) = dropped {
            names.remove(dropped);
        }
        Some(names)
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
        let fitted = ByColumn::learn(frame, &picked, |name, column| self.learn(name, column))?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        check_listed("one_hot", self.categories.as_ref(), before, &picked)?;
        if let Some(Dropped::Levels(levels)) = &self.drop {
            check_listed("one_hot", Some(levels), before, &picked)?;
        }
        let after = reshaped(before, &picked, |name, sort| {
            let names = self.known_names(name, sort).unwrap_or_default();
            names.into_iter().map(|name| (name, Sort::Flag)).collect()
        });
        let learnt = picked.iter().any(|at| {
            let (name, sort) = &before.columns[*at];
            self.known_names(name, *sort).is_none()
        });
        Ok(Shape { open: after.open || learnt, ..after })
    }
}

impl Declaration for OneHot {
    type Learnt = ByColumn<Encoded>;

    fn check(&self) -> Result<(), BadSetting> {
        if let Some(level) = doubled(self.categories.as_ref()) {
            let message = format!("the level {level} stands twice");
            return Err(BadSetting { param: "categories", message });
        }
        self.min_frequency.map_or(Ok(()), Frequency::check)
    }
}

impl Encoded {
    /// Gives the output of a level that is to be left out.
    fn output_of(&self, name: &str, level: &Setting) -> Result<u32, FitError> {
        let output = match level {
            Setting::Null => self.missing,
            level => self.levels.place(level).and_then(|at| self.outputs.get(at).copied()),
        };
        let wrong = |what: &str| {
            let level = level.spoken();
            Err(FitError::Other(format!("`one_hot` can't drop {level} of column `{name}`: {what}")))
        };
        match output {
            None => wrong("it is none of the levels"),
            rare if rare == self.infrequent => {
                wrong("it is rare, and shares its column with others")
            }
            Some(output) => Ok(output),
        }
    }

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
