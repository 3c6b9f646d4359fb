//! How `tune` runs a search: batches of trials, fold by fold, and the best of them.
//!
//! What runs, and against what a trial is held, follows from the numbers of trials and folds alone,
//! so the results are the same at any number of threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::folded::{At, Cut, Fit, Folded, Keyed, side_by_side};
use super::learning::{self, Scorer, better, mean_sd};
use super::tables::{self, TrialRow};
use super::tune::{Portions, Tunable};
use super::values;
use crate::data::{Table, Target};
use crate::ml::Seed;
use crate::ml::metric::Direction;
use crate::ml::model::ModelSpec;
use crate::ml::prune::{Pruner, Standing};
use crate::ml::search::{self, Dimension, Finished, Means, Outcome, Search, Trial};
use crate::ml::splitter::Splitter;
use crate::params::{Call, Setting};
use crate::plan::{Artifact, Facts, Failure, Produced, Progress, Running, Score, Tuned, Work};

/// How many trials run side by side where trials are given up: those of one wave are held against
/// the waves before, so a wave must not depend on the number of threads.
const WAVE: usize = 8;

/// A search, ready to be run on some rows.
pub(super) struct Searching {
    pub(super) spec: Arc<ModelSpec>,
    pub(super) space: Vec<Tunable>,
    pub(super) search: Box<dyn Search>,
    /// What the search gives in portions.
    pub(super) portions: Option<Portions>,
    pub(super) pruner: Option<Box<dyn Pruner>>,
    pub(super) splitter: Box<dyn Splitter>,
    pub(super) folds: Call,
    pub(super) scorer: Scorer,
    pub(super) direction: Direction,
    pub(super) canonical: Json,
}

impl std::fmt::Debug for Searching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Searching").finish_non_exhaustive()
    }
}

/// A trial with the scores of the folds that were judged.
struct Scored {
    trial: Trial,
    scores: Vec<f64>,
    end: End,
}

/// How a trial ended.
enum End {
    /// All folds are judged, or nothing speaks against going on.
    Complete,
    Pruned,
    Failed(Failure),
}

impl Scored {
    fn mean_sd(&self) -> (f64, f64) {
        match self.end {
            End::Failed(_) => (f64::NAN, f64::NAN),
            End::Complete | End::Pruned => mean_sd(&self.scores),
        }
    }

    /// Gives the mean over the first folds.
    fn mean(&self, folds: usize) -> Option<f64> {
        self.scores.get(..folds).map(|scores| mean_sd(scores).0)
    }

    const fn is_open(&self) -> bool {
        matches!(self.end, End::Complete)
    }

    const fn status(&self) -> &'static str {
        match self.end {
            End::Complete => "complete",
            End::Pruned => "pruned",
            End::Failed(_) => "failed",
        }
    }

    fn finished(&self) -> Finished {
        let score = self.mean_sd().0;
        let outcome = match self.end {
            End::Complete => Outcome::Complete(score),
            End::Pruned => Outcome::Pruned { folds: self.scores.len(), score },
            End::Failed(_) => Outcome::Failed,
        };
        Finished { trial: self.trial.clone(), outcome }
    }
}

/// One run of a search.
struct Run<'a> {
    searching: &'a Searching,
    folded: &'a Folded,
    running: &'a dyn Running,
    task: search::Task<'a>,
    /// The folds that are judged, and the trials that are asked for at most; for progress.
    judged: AtomicU64,
    total: u64,
}

impl Searching {
    /// Runs every trial that the search asks for.
    fn trials(
        &self,
        table: &Table,
        seed: Seed,
        running: &dyn Running,
    ) -> Result<Vec<Scored>, Failure> {
        let space: Vec<Dimension> = self.space.iter().map(|own| own.dimension.clone()).collect();
        let canonical = self.folds.canonical();
        let cut = Cut { splitter: self.splitter.as_ref(), canonical: &canonical, repeats: 1 };
        let folded = Folded::new(&self.spec, table, &cut, seed)?;
        let task = search::Task {
            space: &space,
            seed: seed.derive("search", 0),
            direction: self.direction,
            means: self.means(&folded)?,
        };
        self.search.afford(&task).map_err(Failure::new)?;
        let run = Run {
            searching: self,
            folded: &folded,
            running,
            task,
            judged: AtomicU64::new(0),
            total: self.search.trials(&task) as u64,
        };
        run.all()
    }

    /// Says how much there is to give to a trial.
    fn means(&self, folded: &Folded) -> Result<Means, Failure> {
        let rows = folded.rows() as u64;
        match self.portions {
            None => Ok(Means { least: 1, most: 1 }),
            Some(Portions::Rounds(_, most)) => Ok(Means { least: 1, most: most.max(1) }),
            Some(Portions::Rows(Some(most))) if most > rows => Err(Failure::new(format!(
                "`max_resources` is {most}, but there are only {rows} rows"
            ))
            .help("leave `max_resources` out: a trial then gets all rows at most")),
            Some(Portions::Rows(most)) => {
                let most = most.unwrap_or(rows).max(1);
                let classes = match &folded.prepared.target {
                    Target::Classes { classes, .. } => classes.len().max(1) as u64,
                    Target::Numbers(_) | Target::Absent { .. } => 1,
                };
                let least = 2 * classes * folded.places().len() as u64;
                Ok(Means { least: least.clamp(1, most), most })
            }
        }
    }

    /// Gives the best trial of those that got the most; ties go to the earlier, failed and pruned
    /// ones are never best.
    fn best<'s>(&self, scored: &'s [Scored]) -> Option<&'s Scored> {
        let complete = || scored.iter().filter(|own| own.is_open());
        let most = complete().map(|own| own.trial.budget).max()?;
        let mut best: Option<(f64, &Scored)> = None;
        for own in complete().filter(|own| own.trial.budget == most) {
            let mean = own.mean_sd().0;
            if best.is_none_or(|(best, _)| better(self.direction, mean, best)) {
                best = Some((mean, own));
            }
        }
        best.map(|(_, own)| own)
    }

    fn values(&self, scored: &Scored) -> IndexMap<String, Setting> {
        self.space
            .iter()
            .map(|own| own.path.clone())
            .zip(scored.trial.values.iter().cloned())
            .collect()
    }

    /// Puts the values of a trial, and what it gets, into the model's settings.
    fn spec_of(&self, trial: &Trial) -> Result<ModelSpec, Failure> {
        let paths = self.space.iter().map(|own| own.path.as_str());
        let budget = match (&self.portions, trial.budget) {
            (Some(Portions::Rounds(path, _)), Some(budget)) => {
                Some((path.as_str(), Setting::Int(i64::try_from(budget).unwrap_or(i64::MAX))))
            }
            _ => None,
        };
        let budget = budget.iter().map(|(path, setting)| (*path, setting));
        values::with_values(&self.spec, paths.zip(&trial.values).chain(budget))
    }

    fn no_best(scored: &[Scored]) -> Failure {
        let first = scored.iter().find_map(|own| match &own.end {
            End::Failed(failure) => Some(failure),
            End::Complete | End::Pruned => None,
        });
        match first {
            Some(failure) => failure.help.iter().cloned().fold(
                Failure::new(format!("every trial failed, the first with: {failure}")),
                Failure::help,
            ),
            None => Failure::new("no trial has a score"),
        }
    }

    fn rows(&self, scored: &[Scored]) -> Vec<TrialRow> {
        let row = |own: &Scored| {
            let (mean, sd) = own.mean_sd();
            TrialRow {
                trial: own.trial.index,
                status: own.status(),
                metric: self.scorer.name.clone(),
                mean,
                sd,
                values: own.trial.values.clone(),
                budget: own.trial.budget,
            }
        };
        scored.iter().map(row).collect()
    }
}

impl Run<'_> {
    fn all(&self) -> Result<Vec<Scored>, Failure> {
        let mut scored: Vec<Scored> = Vec::new();
        let mut done: Vec<Finished> = Vec::new();
        loop {
            let batch = self.searching.search.propose(&self.task, &done);
            if batch.is_empty() {
                return Ok(scored);
            }
            let mut batch = batch.into_iter().peekable();
            while let Some(first) = batch.next() {
                let mut wave = vec![first];
                while let Some(next) = batch.next_if(|next| self.together(&wave, next)) {
                    wave.push(next);
                }
                let wave = self.wave(wave, &scored)?;
                done.extend(wave.iter().map(Scored::finished));
                scored.extend(wave);
                self.tell(&scored);
            }
        }
    }

    /// Tells whether a trial may run beside those of a wave.
    fn together(&self, wave: &[Trial], next: &Trial) -> bool {
        let own = |trial: &Trial| trial.index / WAVE;
        self.searching.pruner.is_none() || wave.first().is_some_and(|first| own(first) == own(next))
    }

    /// Runs trials side by side; with a pruner fold by fold, so that some may be given up between.
    fn wave(&self, trials: Vec<Trial>, before: &[Scored]) -> Result<Vec<Scored>, Failure> {
        let mut specs = Vec::new();
        let mut wave = Vec::new();
        for trial in trials {
            // Values that don't go together fail the trial, not the search.
            let (spec, end) = match self.searching.spec_of(&trial) {
                Ok(spec) => (spec, End::Complete),
                Err(failure) => (ModelSpec::clone(&self.searching.spec), End::Failed(failure)),
            };
            specs.push(Keyed::of(spec));
            wave.push(Scored { trial, scores: Vec::new(), end });
        }
        let places = self.folded.places();
        let stretch = if self.searching.pruner.is_some() { 1 } else { places.len().max(1) };
        for (count, places) in (1..).zip(places.chunks(stretch)) {
            let mut parts: Vec<(At, usize)> = Vec::new();
            for (own, _) in wave.iter().enumerate().filter(|(_, own)| own.is_open()) {
                parts.extend(places.iter().map(|at| (*at, own)));
            }
            // Fold by fold, and in a fold those with the same steps together: these are fitted once.
            let key = |part: &(At, usize)| (part.0, &specs[part.1].steps);
            parts.sort_by(|one, other| key(one).cmp(&key(other)));
            let scores = side_by_side(self.running, &parts, |(at, own)| {
                self.part(&wave[*own].trial, &specs[*own], *at)
            })?;
            let mut scores: Vec<_> = parts.into_iter().zip(scores).collect();
            scores.sort_by_key(|((at, own), _)| (*own, *at));
            for ((_, own), score) in scores {
                wave[own].add(score);
            }
            self.give_up(&mut wave, before, count * stretch);
        }
        Ok(wave)
    }

    /// Fits and judges a trial on one fold; only a stopped run is an error.
    fn part(&self, trial: &Trial, keyed: &Keyed, at: At) -> Result<Result<f64, Failure>, Failure> {
        let label = format!("trial {} fold {}", trial.index, at.fold);
        let rows = match self.searching.portions {
            Some(Portions::Rows(_)) => trial.budget,
            Some(Portions::Rounds(..)) | None => None,
        };
        let fit = Fit { keyed, at, rows, label: &label };
        let scorer = &self.searching.scorer;
        let score = self.folded.predict(&fit, self.running).and_then(|prediction| {
            let positive = self.folded.prepared.positive;
            let judged = scorer.looks_at_columns().then(|| self.folded.judged(&fit, self.running));
            let judged = judged.transpose()?;
            scorer.score(&self.folded.truth(at), &prediction, positive, judged.as_ref())
        });
        let judged = self.judged.fetch_add(1, Ordering::Relaxed) + 1;
        let folds = self.folded.places().len().max(1) as u64;
        self.running.progress(Progress {
            done: judged / folds,
            total: Some(self.total),
            unit: "trials",
            note: String::new(),
        });
        match score {
            Err(failure) if failure.stopped => Err(failure),
            other => Ok(other),
        }
    }

    /// Gives up those of a wave that the pruner wouldn't go on with after some folds.
    fn give_up(&self, wave: &mut [Scored], before: &[Scored], folds: usize) {
        let Some(pruner) = &self.searching.pruner else { return };
        if folds >= self.folded.places().len() {
            return;
        }
        let others: Vec<f64> =
            before.iter().filter(|own| own.is_open()).filter_map(|own| own.mean(folds)).collect();
        for own in wave.iter_mut().filter(|own| own.is_open()) {
            let score = own.mean_sd().0;
            let direction = self.searching.direction;
            if pruner.gives_up(&Standing { folds, score, others: &others, direction }) {
                own.end = End::Pruned;
            }
        }
    }

    fn tell(&self, scored: &[Scored]) {
        let best = self.searching.best(scored).map(|own| own.mean_sd().0);
        let note = best.map(|best| format!("best {} {best:.4}", self.searching.scorer.name));
        self.running.progress(Progress {
            done: scored.len() as u64,
            total: Some(self.total),
            unit: "trials",
            note: note.unwrap_or_default(),
        });
    }
}

impl Scored {
    /// Takes the score of one more fold.
    fn add(&mut self, score: Result<f64, Failure>) {
        match score {
            Ok(score) if score.is_nan() => {
                self.end = End::Failed(Failure::new("the score of a fold is not a number"));
            }
            Ok(score) => self.scores.push(score),
            Err(failure) => {
                if self.is_open() {
                    self.end = End::Failed(failure);
                }
            }
        }
    }
}

impl Tuned for Searching {
    fn search(
        &self,
        rows: &Table,
        seed: Seed,
        running: &dyn Running,
    ) -> Result<ModelSpec, Failure> {
        let scored = self.trials(rows, seed, running)?;
        let best = self.best(&scored).ok_or_else(|| Self::no_best(&scored))?;
        let values = self.values(best);
        values::with_values(&self.spec, values.iter().map(|(path, value)| (path.as_str(), value)))
    }

    fn canonical(&self) -> Json {
        self.canonical.clone()
    }
}

impl Work for Searching {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let scored = self.trials(table, running.seed(), running)?;
        let best = self.best(&scored).ok_or_else(|| Self::no_best(&scored))?;
        let values = self.values(best);
        let (mean, sd) = best.mean_sd();
        let failed = scored.iter().filter(|own| matches!(own.end, End::Failed(_))).count();
        let warnings = (failed > 0).then(|| format!("{failed} of {} trials failed", scored.len()));
        let best: serde_json::Map<String, Json> =
            values.iter().map(|(path, value)| (path.clone(), values::plain(value))).collect();
        let score = Score {
            model: String::new(),
            metric: self.scorer.name.clone(),
            value: mean,
            sd: Some(sd),
        };
        let bytes = values::write_values(&values)?;
        let rows = self.rows(&scored);
        Ok(Produced {
            outputs: vec![
                Artifact::Blob { kind: learning::MODEL.to_owned(), bytes: bytes.into() },
                Artifact::Table(tables::trials(&rows, &self.space, self.portions.as_ref())?),
            ],
            facts: Facts { best, metrics: vec![score] },
            warnings: warnings.into_iter().collect(),
            ..Produced::default()
        })
    }
}
