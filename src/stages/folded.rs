//! Rows cut into folds: what is fitted and judged on them, and kept in the cache.
//!
//! Knows no metric and no search.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::SchemaRef;
use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::learning::{fit_failure, worded};
use crate::data::{Frame, Hash, Ranks, Table, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Prediction};
use crate::ml::folds;
use crate::ml::model::{ModelSpec, Prepared, Stepped};
use crate::ml::splitter::{Fold, FoldRows, Splitter};
use crate::plan::{Artifact, Failure, Progress, Registry, Running, TableSink, fingerprint};
use crate::sql;

/// Rows cut into folds, ready to be fitted again and again.
pub(super) struct Folded {
    /// The rows as the model reads them; models that read them alike share them.
    pub(super) prepared: Arc<Prepared>,
    /// The folds of each repeat.
    pub(super) repeats: Vec<Vec<Fold>>,
    /// What the rows are, for keys.
    data: Hash,
    /// How the folds came about, for keys.
    origin: Json,
    /// The source of every random choice.
    seed: Seed,
    /// The training rows of each fold that was asked for, in the order in which a sample takes them.
    orders: Mutex<BTreeMap<At, Arc<[usize]>>>,
    /// Fitted steps, shared by all trials of a fold.
    stepped: Mutex<Shared>,
}

/// Steps that were fitted lately.
#[derive(Default)]
struct Shared {
    steps: BTreeMap<StepsKey, Arc<OnceLock<Result<Arc<Stepped>, FitError>>>>,
    /// Their keys, the oldest first.
    order: VecDeque<StepsKey>,
}

/// Names fitted steps: the fold, the number of training rows, the steps.
type StepsKey = (At, usize, String);

/// How many settings of steps are kept for each fold: what is kept holds the rows behind the steps.
const KEPT_STEPS: usize = 3;

/// A model's settings, with the keys under which its fits and its steps are found.
pub(super) struct Keyed {
    pub(super) spec: ModelSpec,
    model: Hash,
    pub(super) steps: String,
}

impl Keyed {
    /// Names the settings of a model, once for all folds.
    pub(super) fn of(spec: ModelSpec) -> Self {
        let (model, steps) = (fingerprint(&spec.canonical()), spec.steps_key());
        Self { spec, model, steps }
    }
}

/// What is fitted and judged on one fold.
pub(super) struct Fit<'a> {
    pub(super) keyed: &'a Keyed,
    pub(super) at: At,
    /// Of all rows so many are learnt from, those that are judged counted in; none means all.
    pub(super) rows: Option<u64>,
    /// What it is, for people.
    pub(super) label: &'a str,
}

/// Where in a plan of folds some work stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) repeat: usize,
    pub(super) fold: usize,
}

/// How rows are cut, as the user asked.
pub(super) struct Cut<'a> {
    pub(super) splitter: &'a dyn Splitter,
    pub(super) canonical: &'a Json,
    pub(super) repeats: usize,
}

impl Folded {
    /// Cuts the rows of a table for a model.
    pub(super) fn new(
        spec: &ModelSpec,
        table: &Table,
        cut: &Cut<'_>,
        seed: Seed,
    ) -> Result<Self, Failure> {
        let prepared = Arc::new(spec.prepare(table).map_err(fit_failure)?);
        Self::of(prepared, spec, (table, cut), seed)
    }

    /// Cuts the rows of a table, read for this model or one that reads them alike.
    pub(super) fn of(
        prepared: Arc<Prepared>,
        spec: &ModelSpec,
        (table, cut): (&Table, &Cut<'_>),
        seed: Seed,
    ) -> Result<Self, Failure> {
        let by = cut.splitter.by().map(|column| by_ranks(table, column)).transpose()?;
        let rows = FoldRows {
            rows: table.rows(),
            target: Some(&prepared.target),
            by: by.as_ref().map(|ranks| ranks.ranks.as_slice()),
        };
        let mut repeats = Vec::new();
        for repeat in 0..cut.repeats {
            let seed = seed.derive("folds", repeat as u64);
            let folds =
                cut.splitter.split(&rows, seed).map_err(|error| worded(&error.to_string()))?;
            repeats.push(folds);
        }
        let read = spec.columns_read(table.schema());
        let read: Vec<&str> = read.iter().map(String::as_str).collect();
        let data = table
            .columns_hash(&read)
            .ok_or_else(|| Failure::new("a column of the model is not in the table"))?;
        let by_column = cut.splitter.by().and_then(|column| table.columns_hash(&[column]));
        let origin = json!({ "folds": cut.canonical, "by": by_column, "seed": seed.bits() });
        let (orders, stepped) = (Mutex::default(), Mutex::default());
        Ok(Self { prepared, repeats, data, origin, seed, orders, stepped })
    }

    /// Counts the rows.
    pub(super) fn rows(&self) -> usize {
        self.prepared.features.rows()
    }

    /// Lists every fold of every repeat.
    pub(super) fn places(&self) -> Vec<At> {
        self.repeats
            .iter()
            .enumerate()
            .flat_map(|(repeat, folds)| (0..folds.len()).map(move |fold| At { repeat, fold }))
            .collect()
    }

    /// Gives the rows of one fold.
    pub(super) fn fold(&self, at: At) -> &Fold {
        &self.repeats[at.repeat][at.fold]
    }

    /// Fits a model on training rows of a fold and predicts the others, or finds the predictions in
    /// the cache.
    pub(super) fn predict(
        &self,
        fit: &Fit<'_>,
        running: &dyn Running,
    ) -> Result<Prediction, Failure> {
        let train = self.train(fit);
        let mut key = json!({
            "part": "fold",
            "model": fit.keyed.model,
            "data": self.data,
            "origin": self.origin,
            "repeat": fit.at.repeat,
            "fold": fit.at.fold,
        });
        if train.len() < self.fold(fit.at).train.len() {
            key["rows"] = json!(train.len());
        }
        let made = running.part(fit.label, &key, &|| {
            let prediction = self.fit(fit, &train, running)?;
            let bytes = postcard::to_allocvec(&prediction)
                .map_err(|error| Failure::new(format!("a prediction can't be kept: {error}")))?;
            Ok(Artifact::Blob { kind: "prediction".to_owned(), bytes: bytes.into() })
        })?;
        postcard::from_bytes(made.blob("prediction")?)
            .map_err(|error| Failure::new(format!("a kept prediction can't be read: {error}")))
    }

    fn fit(
        &self,
        fit: &Fit<'_>,
        train: &[usize],
        running: &dyn Running,
    ) -> Result<Prediction, Failure> {
        let context = context(self.seed_of(fit.at), running);
        let stepped = self.stepped(fit, train, &context).map_err(fit_failure)?;
        let fitted = fit.keyed.spec.fit_estimator(&stepped, &context).map_err(fit_failure)?;
        fitted.predict_prepared(&stepped).map_err(fit_failure)
    }

    /// Gives the judged rows of a fold behind the steps: what scores of groups look at.
    pub(super) fn judged(&self, fit: &Fit<'_>, running: &dyn Running) -> Result<Frame, Failure> {
        let context = context(self.seed_of(fit.at), running);
        let stepped = self.stepped(fit, &self.train(fit), &context).map_err(fit_failure)?;
        stepped.test().cloned().ok_or_else(|| Failure::new("a fold has no rows to judge"))
    }

    fn seed_of(&self, at: At) -> Seed {
        self.seed.derive("fit", at.repeat as u64).derive("fold", at.fold as u64)
    }

    /// Gives the rows that a fit learns from.
    fn train(&self, fit: &Fit<'_>) -> Cow<'_, [usize]> {
        let all = &self.fold(fit.at).train;
        let whole = self.rows().max(1) as u128;
        match fit.rows {
            Some(rows) if u128::from(rows) < whole => {
                let share = all.len() as u128 * u128::from(rows) / whole;
                let count = usize::try_from(share).unwrap_or(all.len()).max(1);
                let mut rows: Vec<usize> = self.order(fit.at).iter().copied().take(count).collect();
                rows.sort_unstable();
                Cow::Owned(rows)
            }
            _ => Cow::Borrowed(all),
        }
    }

    /// Gives the training rows of a fold in an order of which any beginning is a fair sample.
    fn order(&self, at: At) -> Arc<[usize]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = orders.entry(at).or_insert_with(|| {
            let seed = self.seed.derive("sample", at.repeat as u64).derive("fold", at.fold as u64);
            folds::sample_order(&self.fold(at).train, &self.prepared.target, seed).into()
        });
        Arc::clone(order)
    }

    /// Fits the steps of a model on a fold, once for all models with the same steps.
    fn stepped(
        &self,
        fit: &Fit<'_>,
        train: &[usize],
        context: &FitContext<'_>,
    ) -> Result<Arc<Stepped>, FitError> {
        let slot = self.slot((fit.at, train.len(), fit.keyed.steps.clone()));
        if let Some(done) = slot.get() {
            return done.clone();
        }
        // Two threads may both get here; the steps are the same, and the second result is dropped.
        let test = &self.fold(fit.at).test;
        let made = fit.keyed.spec.fit_steps(&self.prepared, train, test, context).map(Arc::new);
        slot.get_or_init(|| made).clone()
    }

    /// Lets go of the steps of a fit for which nothing will ask again: they hold a copy of the rows.
    pub(super) fn forget(&self, fit: &Fit<'_>) {
        let key = (fit.at, self.train(fit).len(), fit.keyed.steps.clone());
        let mut shared = self.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        shared.steps.remove(&key);
        shared.order.retain(|own| *own != key);
    }

    /// Finds the place of fitted steps, and lets the oldest go where there are many.
    fn slot(&self, key: StepsKey) -> Arc<OnceLock<Result<Arc<Stepped>, FitError>>> {
        let mut shared = self.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = shared.steps.get(&key) {
            return Arc::clone(slot);
        }
        if shared.order.len() >= KEPT_STEPS * self.places().len()
            && let Some(oldest) = shared.order.pop_front()
        {
            shared.steps.remove(&oldest);
        }
        shared.order.push_back(key.clone());
        Arc::clone(shared.steps.entry(key).or_default())
    }

    /// Gives the true targets of the judged rows of a fold.
    pub(super) fn truth(&self, at: At) -> Target {
        self.prepared.target.take(&self.fold(at).test)
    }
}

/// Makes the surroundings of a fit.
pub(super) fn context(seed: Seed, running: &dyn Running) -> FitContext<'_> {
    FitContext { seed, stop: running.stop(), validation: None, progress: &|_, _| {} }
}

/// Runs parts side by side; results come in the order of the parts, the first failure wins.
pub(super) fn side_by_side<T: Sync, R: Send>(
    running: &dyn Running,
    parts: &[T],
    work: impl Fn(&T) -> Result<R, Failure> + Sync + Send,
) -> Result<Vec<R>, Failure> {
    running.pool().install(|| {
        let results: Vec<Result<R, Failure>> = parts.par_iter().map(work).collect();
        results.into_iter().collect()
    })
}

fn by_ranks(table: &Table, column: &str) -> Result<Ranks, Failure> {
    let pieces = table.column(column).map_err(|error| Failure::new(error.to_string()))?;
    let ranks = Ranks::of(&pieces).map_err(|error| Failure::new(error.to_string()))?;
    match ranks.missing.first() {
        None => Ok(ranks),
        Some(row) => Err(Failure::new(format!(
            "`{column}` is missing in {} rows, first in row {row}; folds by it need a value in each",
            ranks.missing.len()
        ))
        .help(format!("leave them out before: `WHERE {column} IS NOT NULL`"))),
    }
}

/// A run of which a part is done: its progress isn't that of the whole, and its parts have a name in
/// front.
pub(super) struct Inside<'a> {
    pub(super) running: &'a dyn Running,
    pub(super) name: &'a str,
}

impl Running for Inside<'_> {
    fn seed(&self) -> Seed {
        self.running.seed()
    }

    fn stop(&self) -> &AtomicBool {
        self.running.stop()
    }

    fn pool(&self) -> &rayon::ThreadPool {
        self.running.pool()
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        self.running.runtime()
    }

    fn registry(&self) -> &Registry {
        self.running.registry()
    }

    fn limits(&self) -> sql::Limits<'_> {
        self.running.limits()
    }

    fn project(&self) -> &Path {
        self.running.project()
    }

    fn progress(&self, _: Progress) {}

    fn table(&self, schema: SchemaRef) -> Result<Box<dyn TableSink>, Failure> {
        self.running.table(schema)
    }

    fn part(
        &self,
        label: &str,
        key: &Json,
        make: &(dyn Fn() -> Result<Artifact, Failure> + Sync),
    ) -> Result<Artifact, Failure> {
        self.running.part(&format!("{}, {label}", self.name), key, make)
    }
}
