//! What a pipeline may name: what is built in, and what a program adds to it.
//!
//! A registry is handed down the one way, so that two of them never meet: what one run knows, no
//! other does.

use crate::ml::estimator::EstimatorKind;
use crate::ml::estimators::Estimators;
use crate::params::{Family, Signature, Vocabulary};
use crate::sources::{SourceKind, Sources};
use crate::sql::{Functions, ScalarFunction};

use super::stage::StageKind;

/// The stage kinds, the words of their fields and the functions of SQL.
#[derive(Clone)]
pub struct Registry {
    stages: &'static [&'static dyn StageKind],
    words: Vocabulary<'static>,
    added: Vec<(Family, &'static Signature)>,
    estimators: Estimators,
    sources: Sources,
    functions: Functions,
}

/// Why a word can't be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is one already.
    #[error("`{word}` is {what} already")]
    Taken {
        /// The word.
        word: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// Nobody could write it.
    #[error("`{word}` can't be written: a name is {rule}")]
    NoName {
        /// The word.
        word: &'static str,
        /// What a name is.
        rule: &'static str,
    },
}

impl Registry {
    /// Holds stage kinds and the words of their fields.
    #[must_use]
    pub fn new(stages: &'static [&'static dyn StageKind], words: Vocabulary<'static>) -> Self {
        Self {
            stages,
            words,
            added: Vec::new(),
            estimators: Estimators::default(),
            sources: Sources::default(),
            functions: Functions::default(),
        }
    }

    /// Adds an estimator: `model { estimator: WORD(…) }`.
    ///
    /// # Errors
    /// Its word is taken, or is no name.
    pub fn with_estimator(
        mut self,
        kind: &'static dyn EstimatorKind,
    ) -> Result<Self, RegistryError> {
        self.add(Family::Estimator, kind.signature())?;
        self.estimators = self.estimators.with(kind);
        Ok(self)
    }

    /// Adds a source: `ingest { from: WORD(…) }`.
    ///
    /// # Errors
    /// Its word is taken, or is no name.
    pub fn with_source(mut self, kind: &'static dyn SourceKind) -> Result<Self, RegistryError> {
        self.add(Family::Source, kind.signature())?;
        self.sources = self.sources.with(kind);
        Ok(self)
    }

    /// Adds a function of SQL over the values of a row.
    ///
    /// # Errors
    /// Its name is taken, or is no name in small letters.
    pub fn with_function(
        mut self,
        function: &'static dyn ScalarFunction,
    ) -> Result<Self, RegistryError> {
        let word = function.name();
        if !is_name(word) || word.chars().any(char::is_uppercase) {
            return Err(RegistryError::NoName {
                word,
                rule: "small letters, digits and `_`, and no digit first",
            });
        }
        if self.functions.has(word) {
            return Err(RegistryError::Taken { word, what: "a function" });
        }
        self.functions = self.functions.with(function);
        Ok(self)
    }

    fn add(&mut self, family: Family, signature: &'static Signature) -> Result<(), RegistryError> {
        let word = signature.name;
        if !is_name(word) {
            return Err(RegistryError::NoName {
                word,
                rule: "letters, digits and `_`, and no digit first",
            });
        }
        if self.vocabulary().find(family, word).is_some() {
            return Err(RegistryError::Taken { word, what: family.spoken() });
        }
        self.added.push((family, signature));
        Ok(())
    }

    /// Gives the stage kinds.
    #[must_use]
    pub const fn stages(&self) -> &'static [&'static dyn StageKind] {
        self.stages
    }

    /// Gives the words that the fields of blocks may use.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary<'_> {
        self.words.with(&self.added)
    }

    /// Gives the estimators.
    #[must_use]
    pub const fn estimators(&self) -> &Estimators {
        &self.estimators
    }

    /// Gives the sources.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Gives the functions of SQL.
    #[must_use]
    pub const fn functions(&self) -> &Functions {
        &self.functions
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("added", &self.added)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}

/// Tells whether a word can be written as a name.
fn is_name(word: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.chars().all(inner) && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
