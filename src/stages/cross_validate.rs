//! `cross_validate`: judges models on rows that they were not fitted on, fold by fold.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::folded::{At, Cut, Fit, Folded, Inside, Keyed, side_by_side};
use super::learning::{self, Known, Scorer, mean_sd};
use super::tables::{self, Predicted, ScoreRow, SummaryRow};
use crate::data::Table;
use crate::ml::Seed;
use crate::ml::estimator::Prediction;
use crate::ml::model::ModelSpec;
use crate::ml::splitter::Splitter;
use crate::params;
use crate::params::{Args, Call, Family, Kind, Limits, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Facts, Failure, Output, Produced, Progress, Running,
    Score, StageKind, Task, Tuned, Work,
};

params! {
    /// Judges models on rows that they were not fitted on, fold by fold.
    ///
    /// All models see the same folds. Everything that is fitted is fitted on the training rows of
    /// a fold alone.
    pub(super) struct CrossValidate("cross_validate", 0) {
        /// The model.
        model: Option<Setting> as (Kind::Optional(&Kind::Stage)) = None,
        /// Several models to compare.
        models: Option<Setting> as (Kind::Optional(&Kind::List(&Kind::Stage))) = None,
        /// The rows.
        data: Setting as (Kind::Stage),
        /// How the rows are cut.
        folds: Call as (Kind::Call(Family::Fold)) = learning::k_fold(),
        /// What is measured.
        metrics: Setting as (Kind::List(&Kind::Call(Family::Metric))),
        /// How often all of it is done, each time with other folds.
        repeats: usize = 1 => Limits::between(1.0, 10_000.0),
    }
}

/// The registered kind.
pub(super) struct CrossValidateKind;

impl StageKind for CrossValidateKind {
    fn signature(&self) -> &'static Signature {
        const { &CrossValidate::SIGNATURE }
    }

    fn groups(&self, args: &Args) -> Vec<String> {
        learning::groups(args)
    }

    fn learns(&self) -> bool {
        true
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let fields = CrossValidate::from_args(args)?;
        let models = learning::models(args, checking)?;
        let data = checking.table(args.get("data")?)?;
        let mut known = Known::default();
        for model in &models {
            known = learning::check_model(model, &data, checking)?.and(known);
        }
        let first = models.first()?;
        let scorers = Scorer::list(args.get("metrics")?, &known, checking)?;
        let folds = args.get("folds")?;
        let splitter = learning::splitter(&fields.folds, folds.span, &data, &known, checking)?;
        let reads = models
            .iter()
            .map(|model| learning::reads(&model.kind.spec, splitter.by(), &data))
            .reduce(learning::both)?;
        let settings = json!({
            "models": models.iter().map(|model| json!({
                "name": model.name,
                "model": model.kind.spec.canonical(),
                "search": model.kind.tuned.as_ref().map(|tuned| tuned.canonical()),
            })).collect::<Vec<_>>(),
            "folds": fields.folds.canonical(),
            "metrics": scorers.iter().map(|scorer| scorer.canonical.clone()).collect::<Vec<_>>(),
            "repeats": fields.repeats,
            "seed": checking.seed,
        });
        let schema = learning::planned(&first.kind.spec, &data);
        let predictions = tables::predictions_type(&first.kind.spec.interface(schema.as_deref()));
        let outputs = vec![
            ("", Output::Table(tables::summary_type())),
            ("scores", Output::Table(tables::scores_type())),
            ("predictions", Output::Table(predictions)),
        ];
        let candidates = models
            .iter()
            .map(|model| Candidate {
                name: model.name.clone(),
                keyed: Keyed::of(ModelSpec::clone(&model.kind.spec)),
                tuned: model.kind.tuned.clone(),
            })
            .collect();
        let work = Validating {
            candidates,
            scorers,
            splitter,
            folds: fields.folds,
            repeats: fields.repeats,
        };
        let task = Task {
            inputs: vec![data.input(reads)],
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(work),
            caching: Caching::Keyed,
        };
        Some(Checked { outputs, task: Some(task) })
    }
}

/// One of the models that are compared.
struct Candidate {
    name: String,
    keyed: Keyed,
    tuned: Option<Arc<dyn Tuned>>,
}

/// The work of a cross-validation.
struct Validating {
    candidates: Vec<Candidate>,
    scorers: Vec<Scorer>,
    splitter: Box<dyn Splitter>,
    folds: Call,
    repeats: usize,
}

/// A model on a fold.
struct Part<'a> {
    candidate: &'a Candidate,
    folded: &'a Folded,
    at: At,
}

impl Work for Validating {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let canonical = self.folds.canonical();
        let cut =
            Cut { splitter: self.splitter.as_ref(), canonical: &canonical, repeats: self.repeats };
        let folded = self.folded(table, &cut, running.seed())?;
        let parts: Vec<Part<'_>> = self
            .candidates
            .iter()
            .zip(&folded)
            .flat_map(|(candidate, folded)| {
                folded.places().into_iter().map(move |at| Part { candidate, folded, at })
            })
            .collect();
        let so_far = Mutex::new(SoFar::new(&self.candidates));
        let total = Some(parts.len() as u64);
        let answers = side_by_side(running, &parts, |part| {
            let answer = part.answer(table, &self.scorers, running)?;
            let score = answer.scores.first().and_then(|own| own.as_ref().ok());
            let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
            so_far.add(&part.candidate.name, score.copied());
            let (done, note) = (so_far.done, so_far.note(self.scorers.first()));
            running.progress(Progress { done, total, unit: "folds", note });
            Ok(answer)
        })?;
        let scores = self.scores(&parts, &answers)?;
        let summary = summary(&self.candidates, &self.scorers, &scores);
        let facts =
            Facts { metrics: summary.iter().map(SummaryRow::score).collect(), ..Facts::default() };
        Ok(Produced {
            outputs: vec![
                Artifact::Table(tables::summary(&summary)?),
                Artifact::Table(tables::scores(&scores)?),
                Artifact::Table(out_of_fold(&parts, &answers)?),
            ],
            facts,
            ..Produced::default()
        })
    }
}

/// How the models stand while folds are judged, for people.
struct SoFar<'a> {
    done: u64,
    /// For each model the sum of the first metric, and over how many folds.
    models: Vec<(&'a str, f64, f64)>,
}

impl<'a> SoFar<'a> {
    fn new(candidates: &'a [Candidate]) -> Self {
        let models = candidates.iter().map(|own| (own.name.as_str(), 0.0, 0.0)).collect();
        Self { done: 0, models }
    }

    /// Takes a fold; what has no score is told when all folds are judged.
    fn add(&mut self, model: &str, score: Option<f64>) {
        self.done += 1;
        let model = self.models.iter_mut().find(|own| own.0 == model);
        if let (Some(model), Some(score)) = (model, score) {
            (model.1, model.2) = (model.1 + score, model.2 + 1.0);
        }
    }

    /// Names the best model with its mean; of a single model, the mean alone.
    fn note(&self, scorer: Option<&Scorer>) -> String {
        let Some(scorer) = scorer else { return String::new() };
        let mut best: Option<(&str, f64)> = None;
        for (name, sum, folds) in self.models.iter().filter(|own| own.2 > 0.0) {
            let mean = sum / folds;
            if best.is_none_or(|(_, best)| learning::better(scorer.tags.direction, mean, best)) {
                best = Some((name, mean));
            }
        }
        match best {
            None => String::new(),
            Some((_, mean)) if self.models.len() == 1 => format!("{} {mean:.4}", scorer.name),
            Some((name, mean)) => format!("best {} {mean:.4} ({name})", scorer.name),
        }
    }
}

impl Validating {
    /// Cuts the rows for each model; models that read them alike share them.
    fn folded(&self, table: &Table, cut: &Cut<'_>, seed: Seed) -> Result<Vec<Folded>, Failure> {
        let mut all: Vec<Folded> = Vec::new();
        for candidate in &self.candidates {
            let spec = &candidate.keyed.spec;
            let like = |(other, _): &(&Candidate, &Folded)| {
                spec.reads_like(&other.keyed.spec, table.schema())
            };
            let folded = match self.candidates.iter().zip(&all).find(like) {
                Some((_, other)) => {
                    Folded::of(Arc::clone(&other.prepared), spec, (table, cut), seed)
                }
                None => Folded::new(spec, table, cut, seed),
            };
            all.push(folded?);
        }
        Ok(all)
    }

    fn scores(&self, parts: &[Part<'_>], answers: &[Answer]) -> Result<Vec<ScoreRow>, Failure> {
        let mut rows = Vec::new();
        for (place, scorer) in self.scorers.iter().enumerate() {
            for (part, answer) in parts.iter().zip(answers) {
                rows.push(ScoreRow {
                    model: part.candidate.name.clone(),
                    metric: scorer.name.clone(),
                    repeat: part.at.repeat,
                    fold: part.at.fold,
                    value: answer.scores[place].clone()?,
                });
            }
        }
        // Model by model, as the summary is.
        let place = |row: &ScoreRow| self.candidates.iter().position(|own| own.name == row.model);
        rows.sort_by_key(place);
        Ok(rows)
    }
}

/// What a model says of the judged rows of a fold.
struct Answer {
    prediction: Prediction,
    /// What each metric makes of it, in the order of the metrics.
    scores: Vec<Result<f64, Failure>>,
}

impl Part<'_> {
    fn answer(
        &self,
        table: &Table,
        scorers: &[Scorer],
        running: &dyn Running,
    ) -> Result<Answer, Failure> {
        let At { repeat, fold } = self.at;
        let label = format!("{} fold {fold} of repeat {repeat}", self.candidate.name);
        let answer = |keyed: &Keyed| {
            let fit = Fit { keyed, at: self.at, rows: None, label: &label };
            let prediction = self.folded.predict(&fit, running)?;
            let columns = scorers.iter().any(Scorer::looks_at_columns);
            let columns = columns.then(|| self.folded.judged(&fit, running)).transpose()?;
            let (truth, positive) = (self.folded.truth(self.at), self.folded.prepared.positive);
            let score = |own: &Scorer| own.score(&truth, &prediction, positive, columns.as_ref());
            let scores = scorers.iter().map(score).collect();
            self.folded.forget(&fit);
            Ok(Answer { prediction, scores })
        };
        match &self.candidate.tuned {
            None => answer(&self.candidate.keyed),
            Some(tuned) => {
                let train = table
                    .take(&self.folded.fold(self.at).train)
                    .map_err(|error| Failure::new(error.to_string()))?;
                let seed =
                    running.seed().derive("repeat", repeat as u64).derive("fold", fold as u64);
                let inside = Inside { running, name: &label };
                let best = tuned.search(&train, seed, &inside)?;
                answer(&Keyed::of(best))
            }
        }
    }
}

fn summary(candidates: &[Candidate], scorers: &[Scorer], scores: &[ScoreRow]) -> Vec<SummaryRow> {
    let mut rows = Vec::new();
    for candidate in candidates {
        for scorer in scorers {
            let values: Vec<f64> = scores
                .iter()
                .filter(|row| row.model == candidate.name && row.metric == scorer.name)
                .map(|row| row.value)
                .collect();
            let (mean, sd) = mean_sd(&values);
            rows.push(SummaryRow {
                model: candidate.name.clone(),
                metric: scorer.name.clone(),
                mean,
                sd,
                folds: values.len(),
            });
        }
    }
    rows
}

impl SummaryRow {
    fn score(&self) -> Score {
        Score {
            model: self.model.clone(),
            metric: self.metric.clone(),
            value: self.mean,
            sd: Some(self.sd),
        }
    }
}

/// Puts the predictions of all folds into one table, in the order of models, repeats and rows.
fn out_of_fold(parts: &[Part<'_>], answers: &[Answer]) -> Result<Table, Failure> {
    let predicted: Vec<Predicted<'_>> = parts
        .iter()
        .zip(answers)
        .map(|(part, answer)| Predicted {
            model: &part.candidate.name,
            repeat: part.at.repeat,
            fold: part.at.fold,
            rows: &part.folded.fold(part.at).test,
            target: part.folded.truth(part.at),
            prediction: &answer.prediction,
        })
        .collect();
    tables::out_of_fold(&predicted)
}
