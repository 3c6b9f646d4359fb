//! The head of a model file: what may be known of a fitted model without what it learnt.
//!
//! It is JSON with a hash of its own, so that a check reads a few kilobytes of a file of any size, and
//! so that other programs can read it too. It says how long what follows is, and its hash.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::kinds;
use crate::data::{Hash, Label, Sort};
use crate::ml::estimator::{LoadError, Task};
use crate::ml::estimators::Estimators;

/// What every model file begins with.
const MARK: &[u8; 8] = b"mlpmodel";

/// Counts up when the bytes are laid out otherwise than before.
const FORMAT: u32 = 2;

/// How many bytes stand before the head: mark, format, the head's length and its hash.
const BEFORE: usize = 8 + 4 + 4 + 32;

/// The longest head that is read.
const LONGEST: usize = 64 << 20;

/// What a model file says of itself before what was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelHead {
    /// What it is for.
    pub task: Task,
    /// The column that it tells.
    pub target: Option<String>,
    /// The column of row weights.
    pub weight: Option<String>,
    /// The classes of the target, sorted; none where it has no classes.
    #[serde(with = "plain_labels")]
    pub classes: Vec<Label>,
    /// The positive class, if one is settled.
    #[serde(with = "plain_label")]
    pub positive: Option<Label>,
    /// The columns that it reads, as they are before the steps.
    pub columns: Vec<HeadColumn>,
    /// The words of the steps, in order.
    pub steps: Vec<String>,
    /// The word of the estimator.
    pub estimator: String,
    /// The settings, canonically.
    pub settings: Json,
    /// What it was learnt from.
    pub training: Training,
    /// What follows the head.
    pub(super) body: Body,
}

/// A column that a model reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadColumn {
    /// Its name.
    pub name: String,
    /// Its type in the training rows, in the language's words.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it held, as learning sees it.
    pub holds: Sort,
}

/// What a model was learnt from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// The version of `mlp` that fitted the model.
    pub mlp: String,
    /// How many rows.
    pub rows: u64,
    /// The hash of the columns that were read of them.
    pub content: Option<Hash>,
    /// The hash of what was read of the rows that were watched for early stopping.
    pub validation: Option<Hash>,
    /// The seed of the stage.
    pub seed: Option<u64>,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    /// Its length.
    bytes: u64,
    /// Its hash.
    content: Hash,
}

impl Body {
    /// Describes bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, content: Hash::of(bytes) }
    }
}

/// Why bytes are no model that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadModel {
    /// They are something else.
    #[error("it doesn't begin as one")]
    Foreign,
    /// There are none.
    #[error("it is empty")]
    Empty,
    /// They end too early.
    #[error("it is cut off after {0} bytes")]
    Cut(u64),
    /// Some of them are not what they were.
    #[error("some of its bytes were changed")]
    Damaged,
    /// A later version of `mlp` wrote them.
    #[error("a later mlp wrote it, in format {0}; this mlp reads format {FORMAT}")]
    Newer(u32),
    /// An earlier version of `mlp` wrote them.
    #[error("an earlier mlp wrote it, in format {0}; this mlp reads format {FORMAT}")]
    Older(u32),
    /// It needs an estimator or a step that there isn't.
    #[error("it needs {0}, which this mlp doesn't have")]
    Unknown(String),
    /// A part of it doesn't make sense, though it is as it was written.
    #[error("{0}")]
    Part(String),
}

impl BadModel {
    /// Names the trouble for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Foreign | Self::Empty => "not-a-model",
            Self::Cut(_) | Self::Damaged | Self::Part(_) => "damaged-model",
            Self::Newer(_) | Self::Unknown(_) => "newer-model",
            Self::Older(_) => "older-model",
        }
    }

    /// Says what is wrong with a file.
    #[must_use]
    pub fn spoken(&self, file: &str) -> String {
        match self {
            Self::Foreign | Self::Empty => format!("`{file}` is no model file: {self}"),
            Self::Cut(_) | Self::Damaged | Self::Part(_) => {
                format!("the model file `{file}` is damaged: {self}")
            }
            Self::Newer(_) | Self::Older(_) | Self::Unknown(_) => {
                format!("the model file `{file}` can't be used: {self}")
            }
        }
    }

    /// Says what to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Foreign | Self::Empty => {
                "a model file is written by `export NAME { model: …, to: \"NAME.mlpmodel\" }`"
            }
            Self::Cut(_) | Self::Damaged | Self::Part(_) => {
                "copy it anew, or export the model again"
            }
            Self::Newer(_) | Self::Unknown(_) => {
                "use the mlp that wrote it or a later one, or export the model again with this one"
            }
            Self::Older(_) => "export the model again with this mlp",
        }
    }
}

impl From<LoadError> for BadModel {
    fn from(error: LoadError) -> Self {
        Self::Part(error.to_string())
    }
}

impl ModelHead {
    /// Reads the head of a file of a known size, and nothing behind it; the estimator must be among
    /// these.
    ///
    /// # Errors
    /// The file can't be read; or, inside, it is no model that can be used.
    pub fn read(
        file: &mut dyn Read,
        size: u64,
        estimators: &Estimators,
    ) -> io::Result<Result<Self, BadModel>> {
        let mut bytes = Vec::new();
        file.take(BEFORE as u64).read_to_end(&mut bytes)?;
        let length = match head_length(&bytes) {
            Ok(length) => length,
            Err(bad) => return Ok(Err(bad)),
        };
        file.take(length as u64).read_to_end(&mut bytes)?;
        Ok(Self::of(&bytes, size.max(bytes.len() as u64), estimators).map(|(head, _)| head))
    }

    /// Reads a head and what follows it.
    pub(super) fn split<'b>(
        bytes: &'b [u8],
        estimators: &Estimators,
    ) -> Result<(Self, &'b [u8]), BadModel> {
        let (head, length) = Self::of(bytes, bytes.len() as u64, estimators)?;
        let body = bytes.get(length..).unwrap_or_default();
        if Body::of(body) == head.body { Ok((head, body)) } else { Err(BadModel::Damaged) }
    }

    /// Reads the head at the beginning of some bytes, and says where it ends.
    fn of(bytes: &[u8], size: u64, estimators: &Estimators) -> Result<(Self, usize), BadModel> {
        let end = BEFORE + head_length(bytes)?;
        let text = bytes.get(BEFORE..end).ok_or(BadModel::Cut(size))?;
        if bytes.get(BEFORE - 32..BEFORE) != Some(Hash::of(text).as_bytes()) {
            return Err(BadModel::Damaged);
        }
        let head: Self = serde_json::from_slice(text)
            .map_err(|error| BadModel::Part(format!("its head can't be read: {error}")))?;
        match (end as u64).checked_add(head.body.bytes) {
            Some(whole) if whole > size => return Err(BadModel::Cut(size)),
            Some(whole) if whole == size => {}
            _ => return Err(BadModel::Damaged),
        }
        head.known(estimators)?;
        Ok((head, end))
    }

    /// Checks that all words are registered.
    fn known(&self, estimators: &Estimators) -> Result<(), BadModel> {
        if estimators.named(&self.estimator).is_none() {
            return Err(BadModel::Unknown(format!("the estimator `{}`", self.estimator)));
        }
        match self.steps.iter().find(|word| kinds::step_named(word).is_none()) {
            Some(word) => Err(BadModel::Unknown(format!("the step `{word}`"))),
            None => Ok(()),
        }
    }

    /// Writes the head, and behind it what it describes.
    pub(super) fn before(&self, body: &[u8]) -> Vec<u8> {
        // Writing plain data to memory has no way to fail; nothing reads an empty head back.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(BEFORE + text.len() + body.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(Hash::of(&text).as_bytes());
        bytes.extend_from_slice(&text);
        bytes.extend_from_slice(body);
        bytes
    }
}

/// Reads mark, format and the length of the head.
fn head_length(bytes: &[u8]) -> Result<usize, BadModel> {
    if bytes.is_empty() {
        return Err(BadModel::Empty);
    }
    let marked = bytes.len().min(MARK.len());
    if bytes.get(..marked) != MARK.get(..marked) {
        return Err(BadModel::Foreign);
    }
    let cut = || BadModel::Cut(bytes.len() as u64);
    let number = |at: usize| -> Result<u32, BadModel> {
        let four = bytes.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        four.map(u32::from_le_bytes).ok_or_else(cut)
    };
    match number(8)? {
        FORMAT => {}
        format if format > FORMAT => return Err(BadModel::Newer(format)),
        format => return Err(BadModel::Older(format)),
    }
    let length = usize::try_from(number(12)?).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(BadModel::Damaged);
    }
    if bytes.len() < BEFORE { Err(cut()) } else { Ok(length) }
}

/// A class as JSON has it: a bool, a number or a text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PlainLabel {
    Bool(bool),
    Int(i64),
    Text(String),
}

impl From<&Label> for PlainLabel {
    fn from(label: &Label) -> Self {
        match label {
            Label::Bool(flag) => Self::Bool(*flag),
            Label::Int(number) => Self::Int(*number),
            Label::Text(text) => Self::Text(text.to_string()),
        }
    }
}

impl From<PlainLabel> for Label {
    fn from(label: PlainLabel) -> Self {
        match label {
            PlainLabel::Bool(flag) => Self::Bool(flag),
            PlainLabel::Int(number) => Self::Int(number),
            PlainLabel::Text(text) => Self::Text(text.into()),
        }
    }
}

/// Classes as plain JSON.
mod plain_labels {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Label, PlainLabel};

    pub(super) fn serialize<S: Serializer>(labels: &[Label], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(labels.iter().map(PlainLabel::from))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Label>, D::Error> {
        let labels = Vec::<PlainLabel>::deserialize(from)?;
        Ok(labels.into_iter().map(Label::from).collect())
    }
}

/// A class that may be missing as plain JSON.
mod plain_label {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Label, PlainLabel};

    pub(super) fn serialize<S: Serializer>(
        label: &Option<Label>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        label.as_ref().map(PlainLabel::from).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Label>, D::Error> {
        Ok(Option::<PlainLabel>::deserialize(from)?.map(Label::from))
    }
}
