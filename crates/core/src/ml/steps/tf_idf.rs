//! `tf_idf`: a column for each word, weighed by how much it tells.
//!
//! Follows scikit-learn's `TfidfVectorizer`: lower case, words of two characters and more, sorted
//! vocabulary, smoothed idf `ln((1 + n) / (1 + df)) + 1`, rows of length one. A character belongs to a
//! word if it is a letter, a digit or `_`; vowel signs of Indic scripts belong to words too, where
//! Python's `\w` cuts words at them. A missing text counts as an empty one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::one_hot::Frequency;
use super::picked::{ByColumn, Picking, Rule, applied, other_sort, reshaped};
use super::statistics::total;
use crate::data::{Column, Frame, NO_CATEGORY, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::ml::steps::interval::Interval;
use crate::params;
use crate::params::Limits;

/// The most cells that come out of one column: 4 GiB of numbers.
const MOST_CELLS: usize = 1 << 29;

params! {
    /// Makes a column for each word of a text, weighed by how much the word tells.
    ///
    /// The columns are called `NAME:WORD`. Each takes memory for each row, so set `max_features` for
    /// long texts.
    pub struct TfIdf("tf_idf", 1) {
        /// The columns; left out, all text whose values are no declared categories.
        columns: Option<Columns> = None,
        /// Keeps only so many words, the most frequent ones.
        max_features: Option<usize> = None => Limits::at_least(1.0),
        /// Leaves out words in fewer texts than this, a number of rows or a share.
        min_df: Frequency = Frequency::Rows(1),
        /// Leaves out words in more texts than this, a number of rows or a share.
        max_df: Frequency = Frequency::Share(1.0),
        /// How many words in a row make one term: `1 .. 2` for words and pairs.
        ngram_range: Option<Interval> = None,
        /// Counts a word that stands `n` times as `1 + ln n`.
        sublinear_tf: bool = false,
        /// Words to leave out.
        stop_words: Vec<String> = Vec::new(),
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    /// The terms, sorted.
    terms: Vec<String>,
    /// What each term's count is multiplied with.
    idf: Vec<f64>,
    words: Words,
    sublinear: bool,
}

/// How a text is taken apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Words {
    /// The least and the most words of a term.
    ngrams: (usize, usize),
    /// The words that are left out, sorted.
    stop: Vec<String>,
}

impl Words {
    /// Calls back for each term of a text.
    fn each(&self, text: &str, mut found: impl FnMut(&str)) {
        let text = text.to_lowercase();
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let words = text.split(|letter| !is_word(letter)).filter(|word| {
            word.chars().nth(1).is_some()
                && self.stop.binary_search_by(|stop| stop.as_str().cmp(word)).is_err()
        });
        if self.ngrams == (1, 1) {
            words.for_each(found);
            return;
        }
        let words: Vec<&str> = words.collect();
        let (least, most) = self.ngrams;
        for count in least..=most.min(words.len()) {
            words.windows(count).for_each(|term| found(&term.join(" ")));
        }
    }
}

impl TfIdf {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "tf_idf",
            columns: self.columns.as_ref(),
            takes: super::picked::is_category,
            suits: |sort| sort == Sort::Text,
            expected: "text",
        }
    }

    fn words(&self) -> Words {
        let mut stop: Vec<String> =
            self.stop_words.iter().map(|word| word.to_lowercase()).collect();
        stop.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: 1 to 10"
        )]
        let ngrams =
            self.ngram_range.map_or((1, 1), |range| (range.low as usize, range.high as usize));
        Words { ngrams, stop }
    }

    fn learn(&self, name: &str, column: &Column) -> Result<Vocabulary, FitError> {
        let texts = texts(column).ok_or_else(|| other_sort(name, column, "text"))?;
        let words = self.words();
        // Of each term: in how many texts it stands, how often in all, and in which text last.
        let mut seen: HashMap<String, (usize, usize, usize)> = HashMap::new();
        for (row, text) in texts.iter().enumerate() {
            words.each(text, |term| match seen.get_mut(term) {
                Some((texts, times, last)) => {
                    *texts += usize::from(*last != row);
                    *times += 1;
                    *last = row;
                }
                None => {
                    seen.insert(term.to_owned(), (1, 1, row));
                }
            });
        }
        let rows = texts.len();
        let (least, most) = (count(self.min_df, rows), count(self.max_df, rows));
        let kept =
            seen.into_iter().filter(|(_, (texts, ..))| (least..=most).contains(&(*texts as f64)));
        let mut terms: Vec<(String, usize, usize)> =
            kept.map(|(term, (texts, times, _))| (term, texts, times)).collect();
        if terms.is_empty() {
            return Err(FitError::Other(format!(
                "`tf_idf` finds no word in column `{name}`; a word has two letters or digits at least"
            )));
        }
        // The name settles ties, so that the order of a hash map reaches nothing.
        terms.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
        terms.truncate(self.max_features.unwrap_or(usize::MAX));
        terms.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let idf = |texts: usize| ((1 + rows) as f64 / (1 + texts) as f64).ln() + 1.0;
        let idf = terms.iter().map(|(_, texts, _)| idf(*texts)).collect();
        let terms = terms.into_iter().map(|(term, ..)| term).collect();
        Ok(Vocabulary { terms, idf, words, sublinear: self.sublinear_tf })
    }
}

/// Gives a limit in rows; a share may give a broken number of them, as in scikit-learn.
fn count(limit: Frequency, rows: usize) -> f64 {
    match limit {
        Frequency::Rows(rows) => rows as f64,
        Frequency::Share(share) => share * rows as f64,
    }
}

impl Step for TfIdf {
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
        let after = reshaped(before, &picked, |_, _| Vec::new());
        Ok(Shape { open: after.open || !picked.is_empty(), ..after })
    }
}

impl Declaration for TfIdf {
    type Learnt = ByColumn<Vocabulary>;

    fn check(&self) -> Result<(), BadSetting> {
        let wrong = |param, message: &str| Err(BadSetting { param, message: message.to_owned() });
        if let Some(range) = self.ngram_range {
            let whole = range.low.fract() == 0.0 && range.high.fract() == 0.0;
            if !(whole && 1.0 <= range.low && range.low <= range.high && range.high <= 10.0) {
                return wrong(
                    "ngram_range",
                    "`ngram_range` is a range of whole numbers from 1 to 10",
                );
            }
        }
        match (self.min_df, self.max_df) {
            (Frequency::Share(share), _) if !(0.0..=1.0).contains(&share) => {
                wrong("min_df", "`min_df` as a share lies between 0% and 100%")
            }
            (_, Frequency::Share(share)) if !(0.0..=1.0).contains(&share) => {
                wrong("max_df", "`max_df` as a share lies between 0% and 100%")
            }
            (Frequency::Rows(least), Frequency::Rows(most)) if least > most => {
                wrong("max_df", "`max_df` is smaller than `min_df`")
            }
            _ => Ok(()),
        }
    }
}

impl Rule for Vocabulary {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let texts = texts(column).ok_or_else(|| other_sort(name, column, "text"))?;
        let cells = texts.len().saturating_mul(self.terms.len());
        if cells > MOST_CELLS {
            return Err(FitError::Other(format!(
                "`tf_idf` of column `{name}` would make {} columns of {} rows; set `max_features`, for example to 1000",
                self.terms.len(),
                texts.len()
            )));
        }
        let places: HashMap<&str, usize> =
            self.terms.iter().enumerate().map(|(at, term)| (term.as_str(), at)).collect();
        let mut columns = vec![vec![0.0; texts.len()]; self.terms.len()];
        for (row, text) in texts.iter().enumerate() {
            let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
            self.words.each(text, |term| {
                if let Some(at) = places.get(term) {
                    *counts.entry(*at).or_insert(0.0) += 1.0;
                }
            });
            for (at, count) in &mut counts {
                let frequency = if self.sublinear { count.ln() + 1.0 } else { *count };
                *count = frequency * self.idf[*at];
            }
            let length = total(counts.values().map(|weight| weight * weight)).sqrt();
            for (at, weight) in counts {
                columns[at][row] = weight / length;
            }
        }
        let named = self.terms.iter().zip(columns);
        Ok(named
            .map(|(term, own)| (format!("{name}:{term}"), Column::Number(own.into())))
            .collect())
    }

    fn summary(&self) -> String {
        format!("{} terms", self.terms.len())
    }

    fn sound(&self) -> bool {
        let (least, most) = self.words.ngrams;
        self.idf.len() == self.terms.len() && (1..=most).contains(&least) && most <= 10
    }
}

/// Gives the texts of a column, an empty one for a missing one.
pub(super) fn texts(column: &Column) -> Option<Vec<&str>> {
    match column {
        Column::Text(texts) => Some(
            texts.iter().map(|text| text.as_ref().map_or("", |text: &Arc<str>| text)).collect(),
        ),
        Column::Category { codes, levels } => {
            let text = |code: &u32| levels.get(*code as usize).map_or("", |level| &**level);
            debug_assert!(levels.len() < NO_CATEGORY as usize);
            Some(codes.iter().map(text).collect())
        }
        Column::Number(_) | Column::Flag(_) | Column::Time(_) => None,
    }
}
