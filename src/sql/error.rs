//! What can be wrong with a query, in the user's words.
//!
//! Knows places as byte ranges in the SQL text; where that text lies in a pipeline is the caller's
//! business. `fault` turns what DataFusion says into these.

use std::ops::Range;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::diag;

/// Every code of a finding; a code that is read back is looked up here.
const CODES: &[&str] = &[
    "sql-ambiguous-column",
    "sql-cast",
    "sql-division-by-zero",
    "sql-doubled-column",
    "sql-integer-division",
    "sql-internal",
    "sql-memory",
    "sql-not-a-query",
    "sql-overflow",
    "sql-regex",
    "sql-runtime",
    "sql-stopped",
    "sql-syntax",
    "sql-too-deep",
    "sql-too-long",
    "sql-type",
    "sql-ungrouped",
    "sql-unknown-column",
    "sql-unknown-function",
    "sql-unknown-parameter",
    "sql-unknown-table",
    "sql-unnamed",
    "sql-unsupported",
    "sql-volatile",
];

/// The stable name of a kind of finding; an alias, so that serde takes it for a plain field.
pub type Code = &'static str;

/// One finding about a query: at planning, or while it ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct SqlError {
    /// A stable name such as `sql-unknown-column`.
    #[serde(deserialize_with = "known_code")]
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The bytes of the SQL text that are wrong, where they are known.
    pub range: Option<Range<usize>>,
    /// What stands under the underlined text; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Vec<String>,
}

impl SqlError {
    /// Starts an error without a place.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let (label, help) = (String::new(), Vec::new());
        Self { code, message: message.into(), range: None, label, help }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, range: impl Into<Option<Range<usize>>>) -> Self {
        self.range = range.into();
        self
    }

    /// Says what stands under the underlined text.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Offers the nearest of the right names if one is near, and lists them all if they are few.
    #[must_use]
    pub(super) fn suggest<'a>(
        self,
        word: &str,
        names: impl IntoIterator<Item = &'a str>,
        what: &str,
    ) -> Self {
        let mut names: Vec<&str> = names.into_iter().collect();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        match diag::nearest(word, names.iter().copied()) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if names.is_empty() || names.len() > 40 => self,
            None => {
                let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                self.help(format!("{what}: {}", list.join(", ")))
            }
        }
    }
}

fn known_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = CODES.iter().find(|code| **code == text).copied();
    known.ok_or_else(|| D::Error::custom(format!("no such code: {text}")))
}
