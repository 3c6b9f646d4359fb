//! How a text is taken apart into terms: runs of words, or runs of characters.
//!
//! Follows scikit-learn's `CountVectorizer` on Python's strings, where a character belongs to a word if
//! it is a letter, a number (Unicode's categories L and N) or `_`. Rust's `\w` counts marks and all
//! connecting punctuation besides, and leaves out numbers that are no digits, such as `½`. Lower case is
//! the same mapping in both, final sigmas too. Unicode itself is newer here than in Python 3.11 (14.0).

use std::borrow::Cow;
use std::ops::Range;

use regex::{Captures, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// What a word is unless the user says otherwise: two characters or more.
pub(super) const TWO_OR_MORE: &str = r"(?u)\b\w\w+\b";

/// How texts are taken apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Terms {
    pub lowercase: bool,
    pub accents: Option<Strip>,
    pub parts: Parts,
    /// The fewest and the most parts of a term.
    pub ngrams: (usize, usize),
}

/// Which accents are taken off.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Strip {
    /// Marks are left out.
    Marks,
    /// All but ASCII is left out.
    ToAscii,
}

/// What a term consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Parts {
    /// Words, some left out.
    Words { pattern: Pattern, stop: Vec<String> },
    /// Characters.
    Characters,
    /// Characters of a word and the blanks around it.
    CharactersOfWords,
}

impl Terms {
    /// Brings a text into the form in which it is taken apart.
    pub(super) fn prepared<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text =
            if self.lowercase { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
        match self.accents {
            Some(_) if text.is_ascii() => text,
            Some(Strip::ToAscii) => text.nfkd().filter(char::is_ascii).collect(),
            Some(Strip::Marks) => {
                text.nfkd().filter(|own| canonical_combining_class(*own) == 0).collect()
            }
            None => text,
        }
    }

    /// Calls back for each term of a text.
    pub(super) fn each(&self, text: &str, found: impl FnMut(&str)) {
        let text = self.prepared(text);
        match &self.parts {
            Parts::Words { pattern, stop } => {
                let mut words = Vec::new();
                pattern.each(&text, |word| {
                    if stop.binary_search_by(|own| own.as_str().cmp(word)).is_err() {
                        words.push(word);
                    }
                });
                self.runs_of_words(&words, found);
            }
            Parts::Characters => self.runs_of_characters(&squeezed(&text), found),
            Parts::CharactersOfWords => self.runs_inside_words(&text, found),
        }
    }

    fn runs_of_words(&self, words: &[&str], mut found: impl FnMut(&str)) {
        let (least, most) = self.ngrams;
        let mut term = String::new();
        for count in least..=most.min(words.len()) {
            for run in words.windows(count) {
                if let [word] = run {
                    found(word);
                    continue;
                }
                term.clear();
                for (place, word) in run.iter().enumerate() {
                    term.push_str(if place > 0 { " " } else { "" });
                    term.push_str(word);
                }
                found(&term);
            }
        }
    }

    fn runs_of_characters(&self, text: &str, mut found: impl FnMut(&str)) {
        let (least, most) = self.ngrams;
        let bounds: Vec<usize> = bounds(text).collect();
        for count in least..=most.min(bounds.len() - 1) {
            bounds.windows(count + 1).for_each(|run| found(&text[run[0]..run[count]]));
        }
    }

    fn runs_inside_words(&self, text: &str, mut found: impl FnMut(&str)) {
        let (least, most) = self.ngrams;
        let (mut padded, mut places) = (String::new(), Vec::new());
        for word in text.split(is_space).filter(|word| !word.is_empty()) {
            padded.clear();
            padded.extend([" ", word, " "]);
            places.clear();
            places.extend(bounds(&padded));
            let length = places.len() - 1;
            for count in least..=most.min(length) {
                places.windows(count + 1).for_each(|run| found(&padded[run[0]..run[count]]));
            }
            // A word that is shorter than the shortest run is one, as there.
            if length < least {
                found(&padded);
            }
        }
    }
}

/// Gives where each character starts, and where the last one ends.
fn bounds(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(place, _)| place).chain([text.len()])
}

/// Tells what separates words for Python: Unicode's white space, and four separators of ASCII.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

/// Makes one blank of each run of white space; a single line end stays, as there.
fn squeezed(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_space) {
        squeezed.push_str(&rest[..start]);
        let after = rest[start..].trim_start_matches(is_space);
        let run = &rest[start..rest.len() - after.len()];
        squeezed.push_str(if run.chars().nth(1).is_some() { " " } else { run });
        rest = after;
    }
    squeezed.push_str(rest);
    squeezed
}

/// A regular expression that finds words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Pattern {
    written: String,
    regex: Regex,
    /// There is a group, and it is what counts.
    grouped: bool,
    /// Boundaries of words are Python's.
    boundaries: Option<Differing>,
}

/// Characters that belong to words for one of two alone: Python, and the engine's `\b`.
#[derive(Clone, Debug)]
struct Differing {
    python: Regex,
    engine: Regex,
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.written
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        // The default's boundaries hold by themselves, and are what makes an engine slow.
        let pythonic = if written == TWO_OR_MORE {
            Pythonic { text: r"[\p{L}\p{N}_]{2,}".to_owned(), boundaries: false }
        } else {
            Pythonic::of(&written)
        };
        let regex = compiled(&pythonic.text)?;
        let grouped = match regex.captures_len() {
            1 => false,
            2 => true,
            more => {
                return Err(format!(
                    "it has {} groups; one at most says which part is the word, others are written `(?:…)`",
                    more - 1
                ));
            }
        };
        if regex.is_match("") {
            return Err("it fits an empty text; a word has one character at least".to_owned());
        }
        let boundaries = if pythonic.boundaries {
            Some(Differing {
                python: compiled(r"[[\p{L}\p{N}_]--\w]")?,
                engine: compiled(r"[\w--[\p{L}\p{N}_]]")?,
            })
        } else {
            None
        };
        Ok(Self { written, regex, grouped, boundaries })
    }
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

/// A pattern whose classes are Python's.
struct Pythonic {
    text: String,
    /// It speaks of boundaries, and of no class of Unicode by name: what a word is, is Python's.
    boundaries: bool,
}

impl Pythonic {
    fn of(written: &str) -> Self {
        let mut text = String::with_capacity(written.len());
        let (mut boundaries, mut named) = (false, false);
        let mut rest = written.chars();
        while let Some(own) = rest.next() {
            if own != '\\' {
                text.push(own);
                continue;
            }
            match rest.next() {
                Some('w') => text.push_str(r"[\p{L}\p{N}_]"),
                Some('W') => text.push_str(r"[^\p{L}\p{N}_]"),
                Some('s') => text.push_str(r"[\s\x1c-\x1f]"),
                Some('S') => text.push_str(r"[^\s\x1c-\x1f]"),
                escaped => {
                    boundaries |= matches!(escaped, Some('b' | 'B'));
                    named |= matches!(escaped, Some('p' | 'P'));
                    text.push('\\');
                    text.extend(escaped);
                }
            }
        }
        Self { text, boundaries: boundaries && !named && written.is_ascii() }
    }
}

impl Pattern {
    /// Calls back for each word of a text.
    fn each<'a>(&self, text: &'a str, mut found: impl FnMut(&'a str)) {
        let seen = match &self.boundaries {
            Some(differing) if !text.is_ascii() => differing.levelled(text),
            _ => Cow::Borrowed(text),
        };
        // What is looked at is as long as the text, character by character.
        let mut word = |range: Range<usize>| found(text.get(range).unwrap_or_default());
        if self.grouped {
            for captures in self.regex.captures_iter(&seen) {
                word(captures.get(1).map_or(0..0, |group| group.range()));
            }
        } else {
            self.regex.find_iter(&seen).for_each(|own| word(own.range()));
        }
    }
}

impl Differing {
    /// Puts characters of the same length, on which both agree, in place of those on which they don't.
    fn levelled<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let instead = |of: [&'static str; 3]| {
            move |found: &Captures<'_>| match found[0].len() {
                2 => of[0],
                3 => of[1],
                _ => of[2],
            }
        };
        let (letters, signs) = (instead(["ª", "ꀀ", "𐀀"]), instead(["¬", "■", "𝄀"]));
        match self.python.replace_all(text, letters) {
            Cow::Borrowed(text) => self.engine.replace_all(text, signs),
            Cow::Owned(text) => Cow::Owned(self.engine.replace_all(&text, signs).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(parts: Parts, ngrams: (usize, usize), text: &str) -> Vec<String> {
        let terms = Terms { lowercase: true, accents: None, parts, ngrams };
        let mut found = Vec::new();
        terms.each(text, |term| found.push(term.to_owned()));
        found
    }

    fn words(pattern: &str, text: &str) -> Vec<String> {
        let pattern = Pattern::try_from(pattern.to_owned()).unwrap();
        terms(Parts::Words { pattern, stop: Vec::new() }, (1, 1), text)
    }

    #[test]
    fn words_are_those_that_python_finds() {
        // Each checked with `re.findall(pattern, text.lower())` of Python 3.11.
        let text = "Ça va? x² हिन्दी e\u{301}te\u{301} ab‿cd Ⓐⓑ 4½ _a \u{1c}ΟΔΟΣ";
        for (pattern, found) in [
            (TWO_OR_MORE, "ça|va|x²|te|ab|cd|4½|_a|οδος"),
            (r"\b\w+\b", "ça|va|x²|ह|न|द|e|te|ab|cd|4½|_a|οδος"),
            (r"\w\w+", "ça|va|x²|te|ab|cd|4½|_a|οδος"),
            (r"\b[a-z]+\b", "va|e|te|ab|cd"),
            (r"\B\w", "a|a|²|e|b|d|½|a|δ|ο|ς"),
            (r"(\w)\w", "ç|v|x|t|a|c|4|_|ο|ο"),
            (r"\S+", "ça|va?|x²|हिन्दी|e\u{301}te\u{301}|ab‿cd|ⓐⓑ|4½|_a|οδος"),
            (r"[^\W\d_]+", "ça|va|x²|ह|न|द|e|te|ab|cd|½|a|οδος"),
        ] {
            assert_eq!(words(pattern, text).join("|"), found, "{pattern}");
        }
        // A class by name means what it says, and boundaries are the engine's.
        assert_eq!(words(r"\b[\p{L}\p{M}]+\b", "हिन्दी"), ["हिन्दी"]);
    }

    #[test]
    fn patterns_that_find_no_words_say_why() {
        for (pattern, why) in [
            (r"\w*", "it fits an empty text; a word has one character at least"),
            ("(a", "unclosed group"),
            ("(?<=a)b", "look-around, including look-ahead and look-behind, is not supported"),
            (
                "(a)(b)",
                "it has 2 groups; one at most says which part is the word, others are written `(?:…)`",
            ),
            (r"\w{10000}", "it is too large"),
        ] {
            assert_eq!(Pattern::try_from(pattern.to_owned()).unwrap_err(), why, "{pattern}");
        }
    }

    #[test]
    fn runs_of_characters_are_those_of_scikit_learn() {
        assert_eq!(
            terms(Parts::Characters, (1, 2), "A \n\u{1c}b\t"),
            ["a", " ", "b", "\t", "a ", " b", "b\t"]
        );
        assert_eq!(
            terms(Parts::CharactersOfWords, (3, 4), "ab  é\u{1f}"),
            [" ab", "ab ", " ab ", " é "]
        );
        assert_eq!(terms(Parts::CharactersOfWords, (5, 6), "ab éàè"), [" ab ", " éàè "]);
        assert!(terms(Parts::Characters, (1, 3), "").is_empty());
    }

    #[test]
    fn accents_are_taken_off() {
        let prepared = |accents, text| {
            let parts = Parts::Characters;
            Terms { lowercase: false, accents, parts, ngrams: (1, 1) }.prepared(text).into_owned()
        };
        // `strip_accents_unicode` and `strip_accents_ascii` of scikit-learn.
        let text = "Éßﬁ Å½ 東 가 İ ø हि";
        assert_eq!(prepared(Some(Strip::Marks), text), "Eßfi A1⁄2 東 \u{1100}\u{1161} I ø हि");
        assert_eq!(prepared(Some(Strip::ToAscii), text), "Efi A12   I  ");
    }
}
