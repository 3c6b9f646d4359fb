//! A fitted model as bytes: a [head](super::head), and behind it what was learnt.
//!
//! The hashes tell a broken file from a right one before anything in it is looked at; everything in it
//! is checked nevertheless, as a file may be forged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::door::Known;
use super::fit::Entry;
use super::fitted::FittedModel;
use super::head::{BadModel, Body, HeadColumn, ModelHead};
use super::kinds;
use crate::ml::estimators::Estimators;

/// What was learnt, in plain data; what stands in the head doesn't stand here again.
#[derive(Serialize, Deserialize)]
struct Learnt {
    /// The levels of each column that is read.
    levels: Vec<Vec<String>>,
    /// What each step learnt.
    steps: Vec<Vec<u8>>,
    /// The columns that the estimator was fitted on.
    inputs: Vec<Known>,
    /// What the estimator learnt.
    estimator: Vec<u8>,
}

impl FittedModel {
    /// Writes the model; [`Self::load`] reads it back to the bit.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let learnt = Learnt {
            levels: self.given.iter().map(|known| known.levels.clone()).collect(),
            steps: self.steps.iter().map(|entry| entry.fitted.save()).collect(),
            inputs: self.inputs.clone(),
            estimator: self.fitted.save(),
        };
        // Writing plain data to memory has no way to fail; nothing reads an empty content back.
        let body = postcard::to_stdvec(&learnt).unwrap_or_default();
        self.head(Body::of(&body)).before(&body)
    }

    fn head(&self, body: Body) -> ModelHead {
        let column = |(known, kind): (&Known, &String)| HeadColumn {
            name: known.name.clone(),
            kind: kind.clone(),
            holds: known.sort,
        };
        ModelHead {
            task: self.task,
            target: self.target.clone(),
            weight: self.weight.clone(),
            classes: self.classes.to_vec(),
            positive: self.positive.clone(),
            columns: self.given.iter().zip(&self.kinds).map(column).collect(),
            steps: self.steps.iter().map(|entry| entry.word.to_owned()).collect(),
            estimator: self.estimator.to_owned(),
            settings: serde_json::from_str(&self.spec).unwrap_or_default(),
            training: self.training.clone(),
            body,
        }
    }

    /// Reads a model back; its estimator must be among these.
    ///
    /// # Errors
    /// The bytes are no model, or one of another version of `mlp`.
    pub fn load(bytes: &[u8], estimators: &Estimators) -> Result<Self, BadModel> {
        let (head, body) = ModelHead::split(bytes, estimators)?;
        let (learnt, rest) = postcard::take_from_bytes::<Learnt>(body)
            .map_err(|error| BadModel::Part(error.to_string()))?;
        let fitting = rest.is_empty()
            && learnt.levels.len() == head.columns.len()
            && learnt.steps.len() == head.steps.len();
        if !fitting {
            return Err(BadModel::Part("its parts don't fit together".to_owned()));
        }
        let steps = head.steps.iter().zip(&learnt.steps);
        let steps = steps.map(|(word, bytes)| load_step(word, bytes)).collect::<Result<_, _>>()?;
        let kind = estimators
            .named(&head.estimator)
            .ok_or_else(|| BadModel::Unknown(format!("the estimator `{}`", head.estimator)))?;
        let fitted = kind.load(&learnt.estimator)?;
        let columns = head.columns.iter().zip(learnt.levels);
        let given = columns.map(|(column, levels)| Known {
            name: column.name.clone(),
            sort: column.holds,
            levels,
        });
        Ok(Self {
            spec: head.settings.to_string(),
            given: given.collect(),
            kinds: head.columns.into_iter().map(|column| column.kind).collect(),
            target: head.target,
            weight: head.weight,
            task: head.task,
            classes: head.classes.into(),
            positive: head.positive,
            steps,
            inputs: learnt.inputs,
            estimator: kind.signature().name,
            tags: kind.tags(),
            fitted: Arc::from(fitted),
            training: head.training,
        })
    }
}

fn load_step(word: &str, bytes: &[u8]) -> Result<Entry, BadModel> {
    let unknown = || BadModel::Unknown(format!("the step `{word}`"));
    let kind = kinds::step_named(word).ok_or_else(unknown)?;
    Ok(Entry { word: kind.signature().name, fitted: Arc::from(kind.load(bytes)?) })
}
