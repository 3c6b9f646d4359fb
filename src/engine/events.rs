//! What happens during a run, told as it happens.
//!
//! Events are the product's own hook: the live view, `--json` and the tests all listen to them.

use serde::Serialize;

use crate::plan::{Facts, Progress, Score};

/// Hears what happens; called from many threads.
pub trait Observer: Sync {
    /// Takes one event.
    fn on(&self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// The run begins.
    RunStarted {
        /// The stages that have work, in plan order.
        stages: Vec<&'a str>,
        /// How many may run side by side.
        threads: usize,
    },
    /// A stage begins to run.
    StageStarted {
        /// Its name.
        stage: &'a str,
        /// Its kind.
        kind: &'a str,
        /// Why it wasn't taken from the cache.
        why: &'a str,
    },
    /// A running stage got further.
    StageProgress {
        /// Its name.
        stage: &'a str,
        /// How far it is.
        #[serde(flatten)]
        progress: Progress,
    },
    /// A part of a stage (a fold, a trial, a score) was made or found.
    PartFinished {
        /// The stage's name.
        stage: &'a str,
        /// What the part is, for people.
        part: &'a str,
        /// It was found in the cache.
        cached: bool,
    },
    /// A stage came to its end.
    StageFinished {
        /// Everything that is known of it.
        #[serde(flatten)]
        report: &'a StageReport,
    },
    /// The run came to its end.
    RunFinished {
        /// How it ended.
        ok: bool,
        /// How long it took.
        seconds: f64,
    },
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran.
    Ran,
    /// Its result was in the cache.
    Cached,
    /// It failed, or what it found isn't as required.
    Failed,
    /// It didn't run, because a stage that it depends on failed.
    Blocked,
    /// It didn't run to its end, because the user ended the run.
    Stopped,
}

/// What is known of a stage after a run.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// Its name.
    pub stage: String,
    /// Its kind.
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ran, failed or was blocked; empty where there is nothing to say.
    pub why: String,
    /// What to do about a failure.
    pub help: Vec<String>,
    /// What isn't as it should be, but let the stage pass.
    pub warnings: Vec<String>,
    /// Its outputs, in the order of its kind.
    pub outputs: Vec<OutputReport>,
    /// Its small results.
    pub facts: Facts,
    /// How long it ran.
    pub seconds: f64,
    /// Where a failure points to in the user's text; several places where several entries fail.
    #[serde(skip)]
    pub places: Vec<crate::text::Span>,
}

/// What is known of one output of a stage.
#[derive(Clone, Debug, Serialize)]
pub struct OutputReport {
    /// Its name; the main output has none.
    pub name: String,
    /// Its rows, if it is a table.
    pub rows: Option<u64>,
    /// The hash of its content.
    pub digest: crate::data::Hash,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Every stage with work, in plan order.
    pub stages: Vec<StageReport>,
    /// How long the run took.
    pub seconds: f64,
    /// The user ended it.
    pub stopped: bool,
}

impl Report {
    /// Tells whether every stage ran or was found.
    #[must_use]
    pub fn ok(&self) -> bool {
        !self.stopped
            && self
                .stages
                .iter()
                .all(|stage| matches!(stage.outcome, Outcome::Ran | Outcome::Cached))
    }

    /// Gives every score, in plan order.
    pub fn scores(&self) -> impl Iterator<Item = &Score> {
        self.stages.iter().flat_map(|stage| &stage.facts.metrics)
    }
}
