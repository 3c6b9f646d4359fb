//! A fitted model as bytes: a mark, a version, a hash, and what was learnt.
//!
//! The hash tells a broken file from a right one before anything in it is looked at; everything in it
//! is checked nevertheless, as a file may be forged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::door::Known;
use super::fit::Entry;
use super::fitted::FittedModel;
use super::kinds;
use crate::data::{Hash, Label};
use crate::ml::estimator::{LoadError, Task};
use crate::ml::estimators::Estimators;

/// What every fitted model begins with.
const MARK: &[u8; 8] = b"mlpmodel";

/// Counts up when the bytes are laid out otherwise than before.
const VERSION: u32 = 1;

/// Where the content begins: behind mark, version and hash.
const CONTENT: usize = 8 + 4 + 32;

/// A fitted model in plain data.
#[derive(Serialize, Deserialize)]
struct Content {
    spec: String,
    target: Option<String>,
    weight: Option<String>,
    task: Task,
    classes: Vec<SavedLabel>,
    positive: Option<SavedLabel>,
    given: Vec<Known>,
    steps: Vec<(String, Vec<u8>)>,
    inputs: Vec<Known>,
    estimator: (String, Vec<u8>),
}

/// A class in plain data.
#[derive(Serialize, Deserialize)]
enum SavedLabel {
    Bool(bool),
    Int(i64),
    Text(String),
}

impl From<&Label> for SavedLabel {
    fn from(label: &Label) -> Self {
        match label {
            Label::Bool(flag) => Self::Bool(*flag),
            Label::Int(number) => Self::Int(*number),
            Label::Text(text) => Self::Text(text.to_string()),
        }
    }
}

impl From<SavedLabel> for Label {
    fn from(label: SavedLabel) -> Self {
        match label {
            SavedLabel::Bool(flag) => Self::Bool(flag),
            SavedLabel::Int(number) => Self::Int(number),
            SavedLabel::Text(text) => Self::Text(Arc::from(text)),
        }
    }
}

impl FittedModel {
    /// Writes the model; [`Self::load`] reads it back to the bit.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let content = Content {
            spec: self.spec.clone(),
            target: self.target.clone(),
            weight: self.weight.clone(),
            task: self.task,
            classes: self.classes.iter().map(SavedLabel::from).collect(),
            positive: self.positive.as_ref().map(SavedLabel::from),
            given: self.given.clone(),
            steps: self
                .steps
                .iter()
                .map(|entry| (entry.word.to_owned(), entry.fitted.save()))
                .collect(),
            inputs: self.inputs.clone(),
            estimator: (self.estimator.to_owned(), self.fitted.save()),
        };
        // Writing plain data to memory has no way to fail; nothing reads an empty content back.
        let content = postcard::to_stdvec(&content).unwrap_or_default();
        let mut bytes = Vec::with_capacity(CONTENT + content.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(Hash::of(&content).as_bytes());
        bytes.extend_from_slice(&content);
        bytes
    }

    /// Reads a model back; its estimator must be among these.
    ///
    /// # Errors
    /// The bytes are no model, or one of another version of `mlp`.
    pub fn load(bytes: &[u8], estimators: &Estimators) -> Result<Self, LoadError> {
        let content = content(bytes)?;
        let read =
            postcard::from_bytes::<Content>(content).map_err(|error| broken(&error.to_string()))?;
        let steps = read
            .steps
            .iter()
            .map(|(word, bytes)| load_step(word, bytes))
            .collect::<Result<_, _>>()?;
        let (word, bytes) = &read.estimator;
        let kind = estimators.named(word).ok_or_else(|| {
            broken(&format!("it was fitted by `{word}`, which this `mlp` doesn't know"))
        })?;
        let fitted = kind.load(bytes)?;
        Ok(Self {
            spec: read.spec,
            target: read.target,
            weight: read.weight,
            task: read.task,
            classes: read.classes.into_iter().map(Label::from).collect(),
            positive: read.positive.map(Label::from),
            given: read.given,
            steps,
            inputs: read.inputs,
            estimator: kind.signature().name,
            tags: kind.tags(),
            fitted: Arc::from(fitted),
        })
    }
}

fn load_step(word: &str, bytes: &[u8]) -> Result<Entry, LoadError> {
    let unknown = || broken(&format!("it has a step `{word}`, which this `mlp` doesn't know"));
    let kind = kinds::step_named(word).ok_or_else(unknown)?;
    Ok(Entry { word: kind.signature().name, fitted: Arc::from(kind.load(bytes)?) })
}

/// Checks mark, version and hash, and gives what stands behind them.
fn content(bytes: &[u8]) -> Result<&[u8], LoadError> {
    let (mark, rest) =
        bytes.split_first_chunk::<8>().ok_or_else(|| broken("they are too short"))?;
    if mark != MARK {
        return Err(broken("they don't begin like one"));
    }
    let (version, rest) =
        rest.split_first_chunk::<4>().ok_or_else(|| broken("they are too short"))?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(broken(&format!(
            "they are of version {version}, and this `mlp` reads version {VERSION}"
        )));
    }
    let (hash, content) =
        rest.split_first_chunk::<32>().ok_or_else(|| broken("they are too short"))?;
    if Hash::of(content).as_bytes() != hash {
        return Err(broken("some of them were changed or lost"));
    }
    Ok(content)
}

fn broken(reason: &str) -> LoadError {
    LoadError { kind: "model", reason: reason.to_owned() }
}
