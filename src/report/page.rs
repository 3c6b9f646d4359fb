//! What a page is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::data::{Hash, Table};
use crate::ml::estimators::Estimators;
use crate::ml::model::FittedModel;

/// The pipeline as the page tells of it: everything but results.
///
/// It holds all that the page says beside the results, so that it can be keyed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outline {
    /// The pipeline's name.
    pub title: String,
    /// The `##` lines above its head.
    pub doc: String,
    /// The problem that it solves.
    pub problem: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The seed of its random choices.
    pub seed: u64,
    /// The stages, each after those that it waits for.
    pub stages: Vec<Entry>,
}

/// A stage as the page tells of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The lines that say what it is for.
    pub doc: String,
    /// Its fields as they were written, parameters put in.
    pub fields: Vec<(String, String)>,
    /// The names of the stages that it waits for.
    pub before: Vec<String>,
    /// Its results belong on the page; of others only the graph tells.
    pub shown: bool,
}

impl Outline {
    /// Puts the stages in an order that the text of the pipeline has no part in: by how many others
    /// come before, then by name.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        let depths = self.depths();
        self.stages.sort_by(|a, b| {
            let depth = |entry: &Entry| depths.get(&entry.name).copied().unwrap_or(0);
            depth(a).cmp(&depth(b)).then_with(|| a.name.cmp(&b.name))
        });
        for entry in &mut self.stages {
            entry.before.sort();
            entry.before.dedup();
        }
        self
    }

    /// Gives for each stage the length of the longest way to it.
    fn depths(&self) -> BTreeMap<String, usize> {
        let places: BTreeMap<&str, usize> =
            self.stages.iter().zip(0..).map(|(entry, at)| (entry.name.as_str(), at)).collect();
        let mut depths = vec![0; self.stages.len()];
        // As many rounds as the longest way has steps; each stage after those before it needs one.
        for _ in 0..self.stages.len() {
            let mut changed = false;
            for (at, entry) in self.stages.iter().enumerate() {
                let before = entry.before.iter().filter_map(|name| places.get(name.as_str()));
                let depth = before.map(|other| depths[*other] + 1).max().unwrap_or(0);
                changed |= depth != depths[at];
                depths[at] = depth;
            }
            if !changed {
                break;
            }
        }
        self.stages.iter().map(|entry| entry.name.clone()).zip(depths).collect()
    }
}

/// A pipeline and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The pipeline.
    pub outline: Outline,
    /// What came of each stage, in the order of the outline.
    pub found: Vec<Found>,
}

/// What came of a stage.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How it stands.
    pub state: State,
    /// What isn't as it should be.
    pub notes: Vec<String>,
    /// How long it took when it ran, if that is to be told.
    pub seconds: Option<f64>,
    /// The fingerprint of the work, if that is to be told.
    pub fingerprint: Option<Hash>,
    /// Its outputs.
    pub outputs: Vec<Output>,
}

/// How a stage stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Its result is that of the pipeline as it is.
    #[default]
    Done,
    /// It only says something that others use.
    Defined,
    /// What it found isn't as required.
    Failed,
    /// Its result is that of an earlier run.
    Outdated,
    /// There is no result.
    Missing,
}

/// An output of a stage.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name; the main output has none.
    pub name: String,
    /// The hash of its content.
    pub digest: Hash,
    /// What it is.
    pub content: Content,
}

/// What an output is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A table.
    Table(Table),
    /// A fitted model.
    Fitted(Box<FittedModel>),
    /// Something that a page doesn't show.
    Other,
}

impl Content {
    /// Reads bytes of a kind; what they hold may be nothing to show.
    #[must_use]
    pub fn of_blob(bytes: &Arc<[u8]>, estimators: &Estimators) -> Self {
        FittedModel::load(bytes, estimators)
            .map_or(Self::Other, |model| Self::Fitted(Box::new(model)))
    }
}

/// A stage and what came of it.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) entry: &'a Entry,
    pub(super) found: &'a Found,
}

impl<'a> Stage<'a> {
    /// Gives an output's table.
    pub(super) fn table(&self, output: &str) -> Option<&'a Table> {
        self.found.outputs.iter().find(|own| own.name == output).and_then(|own| {
            match &own.content {
                Content::Table(table) => Some(table),
                Content::Fitted(_) | Content::Other => None,
            }
        })
    }

    /// Gives the fitted model among the outputs.
    pub(super) fn fitted(&self) -> Option<&'a FittedModel> {
        self.found.outputs.iter().find_map(|own| match &own.content {
            Content::Fitted(model) => Some(model.as_ref()),
            Content::Table(_) | Content::Other => None,
        })
    }

    /// Gives a field as it was written.
    pub(super) fn field(&self, name: &str) -> Option<&'a str> {
        self.entry.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Names the place of the stage on the page: letters, digits and points alone.
    pub(super) fn anchor(&self) -> String {
        format!("stage-{}", self.entry.name)
    }
}

impl Page {
    /// Gives the stages that a stage waits for, and those that they wait for in turn, the last first.
    pub(super) fn behind(&self, stage: &Stage<'_>) -> Vec<Stage<'_>> {
        let mut wanted: BTreeSet<&str> = stage.entry.before.iter().map(String::as_str).collect();
        let mut behind = Vec::new();
        // The order of the outline puts each stage after those that it waits for.
        for own in self.stages().collect::<Vec<_>>().into_iter().rev() {
            if wanted.contains(own.entry.name.as_str()) {
                wanted.extend(own.entry.before.iter().map(String::as_str));
                behind.push(own);
            }
        }
        behind
    }

    /// Gives the stages and what came of them.
    pub(super) fn stages(&self) -> impl Iterator<Item = Stage<'_>> {
        self.outline.stages.iter().zip(&self.found).map(|(entry, found)| Stage { entry, found })
    }
}
