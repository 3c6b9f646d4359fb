//! `tf_idf`: a column for each word, weighed by how much it tells.
//!
//! Follows scikit-learn's `TfidfVectorizer`: lower case, words of two characters and more, sorted
//! vocabulary, smoothed idf `ln((1 + n) / (1 + df)) + 1`, rows of length one. How a text is taken apart
//! stands in `terms`. A missing text counts as an empty one. Of terms that are as frequent `max_features`
//! keeps the first by name, where scikit-learn keeps what its sort leaves in front.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::one_hot::Frequency;
use super::picked::{ByColumn, Picking, Rule, applied, other_sort, reshaped};
use super::statistics::total;
use super::stop_words::ENGLISH;
use super::terms::{Parts, Pattern, Strip, TWO_OR_MORE, Terms};
use crate::data::{Column, Frame, NO_CATEGORY, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{BadSetting, FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::ml::steps::interval::Interval;
use crate::params;
use crate::params::{Declared, Kind, Limits, Setting};

/// The most cells that come out of one column: 4 GiB of numbers.
const MOST_CELLS: usize = 1 << 29;

/// So many texts are not worth a thread.
const FEW_TEXTS: usize = 64;

params! {
    /// Makes a column for each word of a text, weighed by how much the word tells.
    ///
    /// The columns are called `NAME:WORD`. Each takes memory for each row, so set `max_features` for
    /// long texts. As scikit-learn's `TfidfVectorizer`, and with `use_idf: false, norm: null` as its
    /// `CountVectorizer`.
    pub struct TfIdf("tf_idf", 1) {
        /// The columns; left out, all text whose values are no declared categories.
        columns: Option<Columns> = None,
        /// Keeps only so many terms, the most frequent ones.
        max_features: Option<usize> = None => Limits::at_least(1.0),
        /// Leaves out terms in fewer texts than this, a number of rows or a share.
        min_df: Frequency = Frequency::Rows(1),
        /// Leaves out terms in more texts than this, a number of rows or a share.
        max_df: Frequency = Frequency::Share(1.0),
        /// How many words, or characters, in a row make one term: `1 .. 2` for words and pairs; `1 .. 1`
        /// if left out.
        ngram_range: Option<Interval> = None,
        /// Counts a term that stands `n` times as `1 + ln n`.
        sublinear_tf: bool = false,
        /// Words to leave out: a list, or `english` for 318 common ones.
        stop_words: StopWords = StopWords::Listed(Vec::new()),
        /// What a term consists of.
        analyzer: Analyzer = Analyzer::Word,
        /// For `analyzer: word`: what a word is, a regular expression without look-around; one group in
        /// it says which part is the word. `\w` is a letter, a number or `_`, as in Python; scripts that
        /// write vowels as marks need `"""[\p{L}\p{M}\p{N}_]{2,}"""`.
        token_pattern: String = TWO_OR_MORE.to_owned(),
        /// Reads all in lower case.
        lowercase: bool = true,
        /// Takes accents off: `ascii` leaves out what has no letter of ASCII, `unicode` nothing but marks.
        strip_accents: Option<Accents> = None,
        /// The only terms to look for, in the order of their columns; one that no training row has gets a
        /// column of zeros. Left out, the terms of the training rows, sorted.
        vocabulary: Option<Vec<String>> = None,
        /// Counts a term that stands in a text as 1, however often.
        binary: bool = false,
        /// Weighs a term by how few texts it stands in.
        use_idf: bool = true,
        /// Counts as if one more text had every term: nothing is divided by nought.
        smooth_idf: bool = true,
        /// Brings each row to length one; `null` leaves it as it is.
        norm: Option<Norm> = Some(Norm::L2),
    }
}

params! {
    /// What a term consists of.
    pub enum Analyzer {
        /// Words.
        Word = "word",
        /// Characters, those between words too.
        Char = "char",
        /// Characters of one word, with a blank in front and behind.
        CharWb = "char_wb",
    }
}

params! {
    /// Which accents are taken off.
    pub enum Accents {
        /// What has no letter of ASCII is left out.
        Ascii = "ascii",
        /// Marks are left out.
        Unicode = "unicode",
    }
}

params! {
    /// What the length of a row is.
    pub enum Norm {
        /// The root of the sum of squares.
        L2 = "l2",
        /// The sum.
        L1 = "l1",
    }
}

params! {
    /// A list of words that is known by name.
    pub enum Language {
        /// Common English words.
        English = "english",
    }
}

/// Words to leave out.
#[derive(Clone, Debug)]
pub enum StopWords {
    /// Those of a language.
    Of(Language),
    /// Those that the user lists.
    Listed(Vec<String>),
}

impl Declared for StopWords {
    const KIND: Kind = Kind::OneOf(&[Language::KIND, Vec::<String>::KIND]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        let language = Language::from_setting(setting).map(Self::Of);
        language.or_else(|| Vec::from_setting(setting).map(Self::Listed))
    }

    fn to_setting(&self) -> Setting {
        match self {
            Self::Of(language) => language.to_setting(),
            Self::Listed(words) => words.to_setting(),
        }
    }
}

/// What was learnt of a column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    /// The terms, in the order of their columns.
    terms: Vec<String>,
    /// What each term's count is multiplied with.
    idf: Vec<f64>,
    parts: Terms,
    count: Count,
    length: Length,
}

/// What a term counts that stands several times in a text.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Count {
    Times,
    Logarithm,
    Once,
}

/// [`Norm`] as it is stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Length {
    Root,
    Sum,
    Free,
}

/// How often a term was seen.
#[derive(Clone, Copy)]
struct Seen {
    /// In how many texts.
    texts: usize,
    /// How often in all.
    times: usize,
    /// In which text last.
    last: usize,
}

impl TfIdf {
    /// Takes the most frequent words of some columns, all else left at its default.
    #[must_use]
    pub fn of(columns: Columns, max_features: usize) -> Self {
        Self {
            columns: Some(columns),
            max_features: Some(max_features),
            min_df: Frequency::Rows(1),
            max_df: Frequency::Share(1.0),
            ngram_range: None,
            sublinear_tf: false,
            stop_words: StopWords::Listed(Vec::new()),
            analyzer: Analyzer::Word,
            token_pattern: TWO_OR_MORE.to_owned(),
            lowercase: true,
            strip_accents: None,
            vocabulary: None,
            binary: false,
            use_idf: true,
            smooth_idf: true,
            norm: Some(Norm::L2),
        }
    }

    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "tf_idf",
            columns: self.columns.as_ref(),
            takes: super::picked::is_category,
            suits: |sort| sort == Sort::Text,
            expected: "text",
        }
    }

    fn terms(&self) -> Result<Terms, String> {
        let accents = self.strip_accents.map(|accents| match accents {
            Accents::Ascii => Strip::ToAscii,
            Accents::Unicode => Strip::Marks,
        });
        let ngrams =
            self.ngram_range.map_or((1, 1), |range| (range.low as usize, range.high as usize));
        let whole = Terms { lowercase: self.lowercase, accents, parts: Parts::Characters, ngrams };
        let parts = match self.analyzer {
            Analyzer::Char => Parts::Characters,
            Analyzer::CharWb => Parts::CharactersOfWords,
            Analyzer::Word => {
                let pattern = Pattern::try_from(self.token_pattern.clone())?;
                Parts::Words { pattern, stop: self.stop_words(&whole) }
            }
        };
        Ok(Terms { parts, ..whole })
    }

    /// Gives the words to leave out, written as texts are read, sorted.
    fn stop_words(&self, terms: &Terms) -> Vec<String> {
        let mut words: Vec<String> = match &self.stop_words {
            StopWords::Of(Language::English) => ENGLISH.iter().map(|word| (*word).into()).collect(),
            StopWords::Listed(words) => {
                words.iter().map(|word| terms.prepared(word).into_owned()).collect()
            }
        };
        words.sort_unstable();
        words
    }

    fn learn(&self, name: &str, column: &Column) -> Result<Vocabulary, FitError> {
        let texts = texts(column).ok_or_else(|| other_sort(name, column, "text"))?;
        let parts = self.terms().map_err(FitError::Other)?;
        let (terms, in_texts) = match &self.vocabulary {
            Some(terms) => (terms.clone(), self.texts_with(name, terms, &texts, &parts)?),
            None => self.found(name, &texts, &parts)?,
        };
        let extra = usize::from(self.smooth_idf);
        let idf = |own: &usize| {
            let rarity = (extra + texts.len()) as f64 / (extra + own) as f64;
            if self.use_idf { rarity.ln() + 1.0 } else { 1.0 }
        };
        let count = match (self.binary, self.sublinear_tf) {
            (true, _) => Count::Once,
            (false, true) => Count::Logarithm,
            (false, false) => Count::Times,
        };
        let length = match self.norm {
            Some(Norm::L2) => Length::Root,
            Some(Norm::L1) => Length::Sum,
            None => Length::Free,
        };
        Ok(Vocabulary { terms, idf: in_texts.iter().map(idf).collect(), parts, count, length })
    }

    /// Counts in how many texts each term of a given vocabulary stands.
    fn texts_with(
        &self,
        name: &str,
        terms: &[String],
        texts: &[&str],
        parts: &Terms,
    ) -> Result<Vec<usize>, FitError> {
        if !self.use_idf {
            return Ok(vec![0; terms.len()]);
        }
        let places = places(terms);
        let mut in_texts = vec![0; terms.len()];
        for row in rows(texts, parts, &places) {
            row.iter().for_each(|(at, _)| in_texts[*at as usize] += 1);
        }
        match in_texts.iter().position(|texts| *texts == 0) {
            Some(at) if !self.smooth_idf => Err(FitError::Other(format!(
                "no text of column `{name}` has the term {:?}, so that it would weigh infinitely much; leave out `smooth_idf: false`, or the term",
                terms[at]
            ))),
            _ => Ok(in_texts),
        }
    }

    /// Finds the terms of the training rows that are kept, and in how many texts each stands.
    fn found(
        &self,
        name: &str,
        texts: &[&str],
        parts: &Terms,
    ) -> Result<(Vec<String>, Vec<usize>), FitError> {
        let seen = seen(texts, parts);
        if seen.is_empty() {
            let hint = match self.analyzer {
                Analyzer::Word if self.token_pattern == TWO_OR_MORE => {
                    "; a word has two letters or digits at least"
                }
                Analyzer::Word => "; `token_pattern` says what a word is",
                Analyzer::Char | Analyzer::CharWb => "; its texts are shorter than `ngram_range`",
            };
            return Err(FitError::Other(format!(
                "`tf_idf` finds no word in column `{name}`{hint}"
            )));
        }
        let (least, most) = (count(self.min_df, texts.len()), count(self.max_df, texts.len()));
        let kept =
            seen.into_iter().filter(|(_, seen)| (least..=most).contains(&(seen.texts as f64)));
        let mut terms: Vec<(String, Seen)> = kept.collect();
        if terms.is_empty() {
            return Err(FitError::Other(format!(
                "`min_df` and `max_df` of `tf_idf` leave no term of column `{name}`"
            )));
        }
        let times = |seen: &Seen| if self.binary { seen.texts } else { seen.times };
        // The name settles ties, so that the order of a hash map reaches nothing.
        terms.sort_unstable_by(|a, b| times(&b.1).cmp(&times(&a.1)).then_with(|| a.0.cmp(&b.0)));
        terms.truncate(self.max_features.unwrap_or(usize::MAX));
        terms.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(terms.into_iter().map(|(term, seen)| (term, seen.texts)).unzip())
    }

    /// Names a setting that says nothing beside the others, or contradicts them.
    fn idle(&self) -> Option<(&'static str, &'static str)> {
        let words = matches!(self.analyzer, Analyzer::Word);
        let stop = !matches!(&self.stop_words, StopWords::Listed(words) if words.is_empty());
        let (min, max) = (Frequency::Rows(1), Frequency::Share(1.0));
        let given = self.vocabulary.is_some();
        [
            (!words && stop, ("stop_words", "is for `analyzer: word` alone")),
            (
                !words && self.token_pattern != TWO_OR_MORE,
                ("token_pattern", "is for `analyzer: word` alone"),
            ),
            (
                given && self.max_features.is_some(),
                ("max_features", "has nothing to choose from beside `vocabulary`"),
            ),
            (given && self.min_df != min, ("min_df", "leaves no term of a `vocabulary` out")),
            (given && self.max_df != max, ("max_df", "leaves no term of a `vocabulary` out")),
            (!self.use_idf && !self.smooth_idf, ("smooth_idf", "is for `use_idf: true` alone")),
            (
                self.binary && self.sublinear_tf,
                ("sublinear_tf", "changes nothing where `binary: true` counts each term once"),
            ),
        ]
        .into_iter()
        .find(|(idle, _)| *idle)
        .map(|(_, setting)| setting)
    }

    /// Says what is wrong with the vocabulary.
    fn vocabulary_flaw(&self, terms: &Terms) -> Option<String> {
        let vocabulary = self.vocabulary.as_ref()?;
        if vocabulary.is_empty() {
            return Some("`vocabulary` holds no term".to_owned());
        }
        let mut before = std::collections::HashSet::new();
        vocabulary.iter().find_map(|term| {
            if !before.insert(term) {
                return Some(format!("the term {term:?} stands twice"));
            }
            let read = terms.prepared(term);
            (read != term.as_str()).then(|| {
                format!("no text has the term {term:?}, since it is read as {read:?}; write it so")
            })
        })
    }
}

/// Counts how often each term was seen.
fn seen(texts: &[&str], parts: &Terms) -> HashMap<String, Seen> {
    let count = |mut seen: HashMap<String, Seen>, (row, text): (usize, &&str)| {
        parts.each(text, |term| match seen.get_mut(term) {
            Some(own) => {
                own.texts += usize::from(own.last != row);
                own.times += 1;
                own.last = row;
            }
            None => {
                seen.insert(term.to_owned(), Seen { texts: 1, times: 1, last: row });
            }
        });
        seen
    };
    // Each row is read on one thread, so sums don't depend on how many there are.
    let counted = texts.par_iter().enumerate().with_min_len(FEW_TEXTS).fold(HashMap::new, count);
    counted.reduce(HashMap::new, |left, right| {
        let (mut more, fewer) =
            if left.len() < right.len() { (right, left) } else { (left, right) };
        #[expect(clippy::iter_over_hash_type, reason = "sums of whole numbers have no order")]
        for (term, own) in fewer {
            let both = more.entry(term).or_insert(Seen { texts: 0, times: 0, ..own });
            both.texts += own.texts;
            both.times += own.times;
        }
        more
    })
}

fn places(terms: &[String]) -> HashMap<&str, u32> {
    terms.iter().map(String::as_str).zip(0..).collect()
}

/// Gives of each text the places of its terms, ascending, and how often each stands in it.
fn rows(texts: &[&str], parts: &Terms, places: &HashMap<&str, u32>) -> Vec<Vec<(u32, f64)>> {
    let one = |text: &&str| {
        let mut found: Vec<u32> = Vec::new();
        parts.each(text, |term| found.extend(places.get(term)));
        found.sort_unstable();
        found.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect()
    };
    texts.par_iter().with_min_len(FEW_TEXTS).map(one).collect()
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
        let column = |name: &str, term: &String| (format!("{name}:{term}"), Sort::Number);
        let after = reshaped(before, &picked, |name, _| match &self.vocabulary {
            Some(terms) => terms.iter().map(|term| column(name, term)).collect(),
            None => Vec::new(),
        });
        let learnt = self.vocabulary.is_none() && !picked.is_empty();
        Ok(Shape { open: after.open || learnt, ..after })
    }
}

impl Declaration for TfIdf {
    type Learnt = ByColumn<Vocabulary>;
    const VERSION: u32 = 2;

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
        if let Some((param, why)) = self.idle() {
            return wrong(param, &format!("`{param}` {why}"));
        }
        let terms = match self.terms() {
            Ok(terms) => terms,
            Err(why) => {
                let message = format!("{:?} finds no words: {why}", self.token_pattern);
                return wrong("token_pattern", &message);
            }
        };
        if let Some(flaw) = self.vocabulary_flaw(&terms) {
            return wrong("vocabulary", &flaw);
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
        // Filled in the place where they stay: there may be gigabytes of them.
        let empty = || std::iter::repeat_n(0.0, texts.len()).collect::<Arc<[f64]>>();
        let mut columns: Vec<Arc<[f64]>> = self.terms.iter().map(|_| empty()).collect();
        let mut cells: Vec<&mut [f64]> = columns.iter_mut().filter_map(Arc::get_mut).collect();
        for (row, counts) in rows(&texts, &self.parts, &places(&self.terms)).iter().enumerate() {
            let weight = |(at, times): &(u32, f64)| {
                let count = match self.count {
                    Count::Times => *times,
                    Count::Logarithm => times.ln() + 1.0,
                    Count::Once => 1.0,
                };
                count * self.idf[*at as usize]
            };
            let length = match self.length {
                Length::Root => total(counts.iter().map(|own| weight(own) * weight(own))).sqrt(),
                Length::Sum => total(counts.iter().map(weight)),
                Length::Free => 1.0,
            };
            for own in counts {
                cells[own.0 as usize][row] = weight(own) / length;
            }
        }
        let named = self.terms.iter().zip(columns);
        Ok(named.map(|(term, own)| (format!("{name}:{term}"), Column::Number(own))).collect())
    }

    fn summary(&self) -> String {
        format!("{} terms", self.terms.len())
    }

    fn sound(&self) -> bool {
        let (least, most) = self.parts.ngrams;
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
