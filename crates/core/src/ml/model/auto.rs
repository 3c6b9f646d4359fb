//! `steps: auto`: the steps that suit the columns and the estimator.
//!
//! Choices by content are made on the training rows given, so that nothing of the rows that a model
//! is judged on reaches them. What is picked are ordinary steps; a fitted model doesn't know that
//! nobody wrote them.

use super::fit::{Entry, Fitting};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::Columns;
use crate::ml::estimator::{FitError, Tags};
use crate::ml::step::Step;
use crate::ml::steps::{
    Category, DateParts, DropConstant, Frequency, Hash, Impute, Method, OneHot, Scale, Strategy,
    TargetEncode, TfIdf, Unknown,
};

/// Counts up when other steps are picked for the same columns than before.
pub(super) const VERSION: u32 = 1;

/// Above so many levels, one-hot columns cost more than they tell.
const MOST_ONE_HOT: usize = 50;

/// Above so many levels, estimators don't take categories as they are.
const MOST_NATIVE: usize = 255;

/// From so many words a text on, texts are read word by word.
const WORDS_OF_A_TEXT: f64 = 5.0;

/// So many words of a text become columns at most.
const MOST_WORDS: usize = 1000;

/// So many columns take the levels that can't be told by a target.
const BUCKETS: usize = 64;

/// Steps that are being picked and fitted one after another.
struct Picking<'a> {
    fitting: &'a Fitting<'a>,
    tags: Tags,
    frame: Frame,
    entries: Vec<Entry>,
}

/// Picks and fits the steps for some rows.
pub(super) fn fit(
    frame: &Frame,
    tags: Tags,
    fitting: &Fitting<'_>,
) -> Result<(Vec<Entry>, Frame), FitError> {
    let mut picking = Picking { fitting, tags, frame: frame.clone(), entries: Vec::new() };
    picking.step("drop_constant", &DropConstant { columns: None })?;
    let numbers = picking.names(|column| matches!(column, Column::Number(_)));
    picking.numbers(&numbers)?;
    picking.flags()?;
    picking.categories()?;
    picking.texts()?;
    picking.dates()?;
    Ok((picking.entries, picking.frame))
}

impl Picking<'_> {
    fn step(&mut self, word: &'static str, step: &dyn Step) -> Result<(), FitError> {
        let (entry, frame) = self.fitting.step(word, step, &self.frame)?;
        self.entries.push(entry);
        self.frame = frame;
        Ok(())
    }

    fn names(&self, is: impl Fn(&Column) -> bool) -> Vec<String> {
        let picked = self.frame.iter().filter(|(_, column)| is(column));
        picked.map(|(name, _)| name.to_string()).collect()
    }

    /// Fits a step and gives the columns that it made.
    fn making(&mut self, word: &'static str, step: &dyn Step) -> Result<Vec<String>, FitError> {
        let before: std::collections::HashSet<String> = self.names(|_| true).into_iter().collect();
        self.step(word, step)?;
        let mut after = self.names(|_| true);
        after.retain(|name| !before.contains(name));
        Ok(after)
    }

    /// Fills and scales numbers as the estimator needs it.
    fn numbers(&mut self, names: &[String]) -> Result<(), FitError> {
        if names.is_empty() {
            return Ok(());
        }
        if !self.tags.missing {
            self.step("impute", &impute(names, Strategy::Median))?;
        }
        self.scale(names)
    }

    fn scale(&mut self, names: &[String]) -> Result<(), FitError> {
        if names.is_empty() || !self.tags.scaled {
            return Ok(());
        }
        let step = Scale {
            columns: Some(columns(names)),
            method: Method::Standard,
            feature_range: None,
            quantile_range: None,
            clip: false,
            with_mean: true,
            with_std: true,
            with_centering: true,
            with_scaling: true,
            unit_variance: false,
        };
        self.step("scale", &step)
    }

    fn flags(&mut self) -> Result<(), FitError> {
        // The indicators of missing numbers are flags without a missing value; they stay out.
        let indicated = |name: &String| self.fitting.given.column(name).is_some();
        let flags = self.names(|column| matches!(column, Column::Flag(_)));
        let flags: Vec<String> = flags.into_iter().filter(indicated).collect();
        if flags.is_empty() || self.tags.missing {
            return Ok(());
        }
        self.step("impute", &impute(&flags, Strategy::MostFrequent))
    }

    fn categories(&mut self) -> Result<(), FitError> {
        let (mut native, mut one_hot, mut many) = (Vec::new(), Vec::new(), Vec::new());
        for (name, column) in self.frame.iter() {
            if !matches!(Sort::of(column), Sort::Category | Sort::Text) || is_long_text(column) {
                continue;
            }
            let levels = crate::ml::steps::count_levels(column);
            let names = if self.tags.categories && levels <= MOST_NATIVE {
                &mut native
            } else if levels <= MOST_ONE_HOT {
                &mut one_hot
            } else {
                &mut many
            };
            names.push(name.to_string());
        }
        if !native.is_empty() {
            self.step("category", &Category { columns: Some(columns(&native)) })?;
        }
        if !one_hot.is_empty() {
            let step = OneHot {
                columns: Some(columns(&one_hot)),
                min_frequency: Some(Frequency::Share(0.01)),
                max_categories: None,
                unknown: Unknown::Ignore,
                drop: None,
                categories: None,
            };
            self.step("one_hot", &step)?;
        }
        self.many_levels(&many)
    }

    fn many_levels(&mut self, names: &[String]) -> Result<(), FitError> {
        if names.is_empty() {
            return Ok(());
        }
        if matches!(self.fitting.target, Target::Absent { .. }) {
            return self.step("hash", &Hash { columns: Some(columns(names)), buckets: BUCKETS });
        }
        let step =
            TargetEncode { columns: Some(columns(names)), smooth: None, cv: 5, shuffle: true };
        // With up to two classes or numbers the encoding keeps the column's name.
        let mut encoded = self.making("target_encode", &step)?;
        encoded.extend(names.iter().filter(|name| self.frame.column(name).is_some()).cloned());
        self.scale(&encoded)
    }

    fn texts(&mut self) -> Result<(), FitError> {
        let texts = self.names(|column| matches!(column, Column::Text(_)));
        for name in texts {
            let step = TfIdf::of(columns(std::slice::from_ref(&name)), MOST_WORDS);
            self.step("tf_idf", &step)?;
        }
        Ok(())
    }

    fn dates(&mut self) -> Result<(), FitError> {
        let dates = self.names(|column| matches!(column, Column::Time(_)));
        if dates.is_empty() {
            return Ok(());
        }
        let parts =
            self.making("date_parts", &DateParts { columns: Some(columns(&dates)), parts: None })?;
        self.numbers(&parts)
    }
}

fn columns(names: &[String]) -> Columns {
    Columns::named(names.iter().map(String::as_str))
}

fn impute(names: &[String], strategy: Strategy) -> Impute {
    Impute {
        columns: Some(columns(names)),
        strategy,
        fill_value: None,
        indicator: true,
        keep_empty: false,
    }
}

/// Tells a text to be read word by word from one that is the name of a level.
fn is_long_text(column: &Column) -> bool {
    let Column::Text(texts) = column else { return false };
    let (mut words, mut rows) = (0_usize, 0_usize);
    for text in texts.iter().flatten() {
        words += text.split_whitespace().count();
        rows += 1;
    }
    rows > 0 && words as f64 >= WORDS_OF_A_TEXT * rows as f64
}
