//! `neural_network`: a network of layers, trained by gradient descent.

use rand::seq::SliceRandom;

use super::answers::Answers;
use super::devices::Device;
use super::engine::{Changing, Engine, Learnt};
use super::fitted::Network;
use super::layers::{self, Dense, Given, Misplaced};
use super::net::Net;
use super::optimize::Clipping;
use super::optimizers::{AdamW, Descent, OPTIMIZERS};
use super::rows::{Columns, Goals, Lesson};
use super::schedules::{SCHEDULES, Schedule};
use super::stopping::{Patience, STOPPINGS};
use super::train::Training;
use super::words::{call, list, made};
use crate::data::{Frame, Sort, Target};
use crate::ml::Seed;
use crate::ml::columns::Shape;
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Flaw, Sample, Tags, Task,
};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::tree::cart::door::{self, Takes};
use crate::params;
use crate::params::{Args, Bound, Family, Kind, Limits, Setting};

/// Numbers beyond this make a network slow to learn.
const LARGE: f64 = 1e3;

params! {
    /// A network of layers, trained by gradient descent.
    ///
    /// For classes a softmax and the cross-entropy stand behind the layers, for numbers the squared
    /// error of the target, which is brought to mean 0 and spread 1. The head that gives the answers is
    /// added behind the layers. First weights are drawn as PyTorch draws them by default.
    pub(crate) struct NeuralNetwork("neural_network", 0) {
        /// The layers between the columns and the head, in order.
        layers: Setting as (Kind::List(&Kind::Call(Family::Layer)))
            = list(vec![call::<Dense>(&[("units", Setting::Int(100))])]),
        /// How the columns are read for `conv1d` and `conv2d`: `[channels, length]` or
        /// `[channels, height, width]`, column after column, the last size first.
        input_shape: Option<Vec<usize>> = None => Limits::between(1.0, 1_000_000.0),
        /// How weights go down their slopes, and how fast.
        optimizer: Setting as (Kind::Call(Family::Optimizer)) = call::<AdamW>(&[]),
        /// How the learning rate changes from epoch to epoch; several are multiplied.
        schedule: Setting as (Kind::List(&Kind::Call(Family::Schedule))) = list(Vec::new()),
        /// How often each row is learnt from, at most.
        epochs: u64 = 200 => Limits::between(1.0, 1_000_000.0),
        /// How many rows make a step.
        batch_size: usize = 200 => Limits::between(1.0, 1_000_000.0),
        /// When to end before the epochs are through, keeping the best weights.
        early_stopping: Option<Setting> as (Kind::Optional(&Kind::Call(Family::Stopping))) = None,
        /// The share of rows held out to watch, where early stopping has no `validation` rows.
        validation_fraction: f64 = 0.1 => Limits::inside(0.0, 1.0),
        /// The longest that all slopes of a step together may be; longer ones are shortened.
        clip_grad_norm: Option<f64> = None => Limits::above(0.0),
        /// The largest that one slope may be.
        clip_grad_value: Option<f64> = None => Limits::above(0.0),
        /// Where it is trained, whatever `--device` says; a program has to be built for other devices than
        /// the processor.
        device: Device = Device::Cpu,
    }
}

impl Declaration for NeuralNetwork {
    type Model = Network;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: false,
        categories: true,
        scaled: true,
        weights: true,
    };
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        let bad = |param, message: String| Err(BadSetting { param, message });
        if self.batch_size == 1 && self.names_layer("batch_norm") {
            return bad("batch_size", "`batch_norm` needs batches of two rows at least".to_owned());
        }
        self.device.missing().map_or(Ok(()), |missing| bad("device", missing))
    }

    fn flaws(&self, args: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        match self.lay(columns.and_then(given), 1) {
            Ok(_) => Vec::new(),
            Err(misplaced) => vec![flaw(misplaced, args)],
        }
    }
}

/// Counts the columns that come in, if they are known.
fn given(shape: &Shape) -> Option<Given> {
    let mut given = Given::default();
    for (_, sort) in &shape.columns {
        match sort {
            Sort::Number | Sort::Flag => given.numbers += 1,
            Sort::Category => given.categories.push(None),
            Sort::Text | Sort::Time => return None,
        }
    }
    (!shape.open).then_some(given)
}

/// Words a layer that can't be laid, with its place.
fn flaw(misplaced: Misplaced, args: &Args) -> Flaw {
    let shape = args.given("input_shape").map(|bound| bound.span);
    let span = if misplaced.layer.is_some() { misplaced.span } else { shape };
    let help = misplaced.trouble.help.clone();
    Flaw { span, message: worded(&misplaced), help }
}

/// Says which layer can't be laid, and why.
fn worded(misplaced: &Misplaced) -> String {
    let message = &misplaced.trouble.message;
    match misplaced.layer {
        Some((place, word)) => format!("layer {}, `{word}`: {message}", place + 1),
        None => message.clone(),
    }
}

impl NeuralNetwork {
    fn listed(&self) -> &[Bound] {
        if let Setting::List(layers) = &self.layers { layers } else { &[] }
    }

    fn names_layer(&self, word: &str) -> bool {
        self.listed()
            .iter()
            .any(|bound| matches!(&bound.setting, Setting::Call(call) if call.name == word))
    }

    fn lay(&self, given: Option<Given>, answers: usize) -> Result<Net, Misplaced> {
        layers::lay(self.listed(), self.input_shape.as_deref(), given, answers)
    }

    /// Lays the layers over columns that are known.
    fn net(&self, columns: &Columns, answers: usize) -> Result<Net, FitError> {
        let net = self.lay(Some(columns.given()), answers).map_err(|misplaced| {
            let help = misplaced.trouble.help.as_ref();
            let help = help.map(|help| format!("; {help}")).unwrap_or_default();
            FitError::Other(format!("{}{help}", worded(&misplaced)))
        })?;
        if net.is_sound() {
            Ok(net)
        } else {
            Err(FitError::Other("there are no columns to learn from".to_owned()))
        }
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        let Setting::List(schedules) = &self.schedule else { return Vec::new() };
        let of = |bound: &Bound| match &bound.setting {
            Setting::Call(call) => made(SCHEDULES, call),
            _ => None,
        };
        schedules.iter().filter_map(of).collect()
    }

    fn descent(&self) -> Result<Descent, FitError> {
        let Setting::Call(call) = &self.optimizer else { return Err(unread("optimizer")) };
        made(OPTIMIZERS, call).ok_or_else(|| unread("optimizer"))
    }

    fn patience(&self) -> Result<Option<Patience>, FitError> {
        match &self.early_stopping {
            Some(Setting::Call(call)) => {
                made(STOPPINGS, call).map(Some).ok_or_else(|| unread("early_stopping"))
            }
            _ => Ok(None),
        }
    }
}

/// Says that a setting can't be read, which binding refuses first.
fn unread(param: &str) -> FitError {
    FitError::Other(format!("`{param}` doesn't have the type that it declares"))
}

impl Estimator for NeuralNetwork {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        self.fit_on(sample, context, |net, learnt, changing| {
            self.device.engine(net, learnt, changing)
        })
    }
}

impl NeuralNetwork {
    /// Learns from rows, with the engine that is made for the network, its first weights and the way in
    /// which these are changed.
    pub(super) fn fit_on(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
        engine: impl FnOnce(&Net, Learnt, Changing) -> Result<Box<dyn Engine + '_>, FitError>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let columns = Columns::of(sample.features, self.channels());
        door::check(sample, Takes::Categories)?;
        columns.check(sample.features)?;
        let rows = kept(sample)?;
        let answers = Answers::of(sample.target, &rows, sample.weights)?;
        let net = self.net(&columns, answers.count())?;
        let patience = self.patience()?;
        let given = context.validation.as_ref();
        let (train, held) = match (&patience, given) {
            (Some(_), None) => hold_out(rows, sample, self.validation_fraction, context.seed)?,
            _ => (rows, Vec::new()),
        };
        let reader = Reader { columns: &columns, answers: &answers };
        let lesson = reader.lesson(sample, &train)?;
        let watched = match given {
            Some(given) => Some(reader.watched(given)?),
            None if held.is_empty() => None,
            None => Some(reader.lesson(sample, &held)?),
        };
        if net.needs_two_rows() && lesson.rows.count < 2 {
            return Err(FitError::Other("`batch_norm` needs two rows at least".to_owned()));
        }
        let descent = self.descent()?;
        let training = Training {
            epochs: self.epochs,
            batch_size: self.batch_size,
            rate: descent.rate,
            schedules: self.schedules(),
            patience,
            pairs: net.needs_two_rows(),
            metric: answers.metric(),
            lesson: &lesson,
            watched: watched.as_ref(),
        };
        let clipping = Clipping { norm: self.clip_grad_norm, value: self.clip_grad_value };
        let changing = Changing { rule: descent.rule, clipping };
        let learnt = Learnt { weights: net.draw(context.seed), figures: net.first_figures() };
        let mut engine = engine(&net, learnt, changing)?;
        let trained = training.run(engine.as_mut(), context)?;
        drop(engine);
        let mut network = Network::new(columns, net, answers, trained.learnt);
        network.settle_unseen(&lesson);
        network.history = trained.history;
        network.warnings = warnings(sample.features);
        Ok(Box::new(network))
    }

    /// Counts the channels in which the columns are read.
    fn channels(&self) -> usize {
        self.input_shape.as_ref().and_then(|sizes| sizes.first()).copied().unwrap_or(1)
    }
}

/// Gives the rows that count.
fn kept(sample: &Sample<'_>) -> Result<Vec<u32>, FitError> {
    let all = || (0..u32::try_from(sample.features.rows()).unwrap_or(u32::MAX)).collect();
    Ok(door::kept(sample.weights)?.unwrap_or_else(all))
}

/// Takes a share of the rows away to watch, of each class alike.
fn hold_out(
    rows: Vec<u32>,
    sample: &Sample<'_>,
    share: f64,
    seed: Seed,
) -> Result<(Vec<u32>, Vec<u32>), FitError> {
    let group = |row: u32| match sample.target {
        Target::Classes { codes, .. } => codes[row as usize] as usize,
        Target::Numbers(_) | Target::Absent { .. } => 0,
    };
    let most = rows.iter().map(|row| group(*row)).max().unwrap_or(0);
    let mut groups = vec![Vec::new(); most + 1];
    rows.iter().for_each(|row| groups[group(*row)].push(*row));
    let mut held = vec![false; sample.features.rows()];
    for (number, mut group) in (0..).zip(groups) {
        let wanted = (share * group.len() as f64).round() as usize;
        group.shuffle(&mut seed.derive("held out", number).generator());
        let most = group.len().saturating_sub(1);
        group.iter().take(wanted.min(most)).for_each(|row| held[*row as usize] = true);
    }
    let (held, train): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| held[**row as usize]);
    if held.is_empty() {
        return Err(FitError::Other(format!(
            "of {} rows none can be held out to watch for early stopping; give `validation` rows in `train`, raise `validation_fraction`, or leave `early_stopping` out",
            rows.len()
        )));
    }
    Ok((train, held))
}

/// Reads rows as a network takes them.
struct Reader<'a> {
    columns: &'a Columns,
    answers: &'a Answers,
}

impl Reader<'_> {
    /// Reads some rows of a sample; those of classes that aren't learnt are left out.
    fn lesson(&self, sample: &Sample<'_>, rows: &[u32]) -> Result<Lesson, FitError> {
        let goals = self.answers.goals(sample.target)?;
        let picked: Vec<(usize, f64)> =
            rows.iter().filter_map(|row| Some((*row as usize, goals[*row as usize]?))).collect();
        let weights = sample.weights.map(|weights| {
            // Only their proportions count: the mean is 1.
            let total: f64 = picked.iter().map(|(row, _)| weights[*row]).sum();
            let mean = total / picked.len().max(1) as f64;
            picked.iter().map(|(row, _)| (weights[*row] / mean) as f32).collect()
        });
        let goals = picked.iter().map(|(_, goal)| *goal);
        Ok(Lesson {
            goals: match self.answers {
                Answers::Classes { .. } => Goals::Classes(goals.map(|goal| goal as u32).collect()),
                Answers::Numbers { .. } => Goals::Numbers(goals.map(|goal| goal as f32).collect()),
            },
            rows: self.columns.rows(sample.features, picked.iter().map(|(row, _)| *row)),
            weights,
        })
    }

    /// Reads the rows that the user gave to watch.
    fn watched(&self, sample: &Sample<'_>) -> Result<Lesson, FitError> {
        door::check(sample, Takes::Categories)?;
        self.columns.check(sample.features)?;
        let lesson = self.lesson(sample, &kept(sample)?)?;
        if lesson.rows.count == 0 {
            return Err(FitError::Other(
                "no validation row has a class of the training rows".to_owned(),
            ));
        }
        Ok(lesson)
    }
}

/// Says which columns are so large that a network is slow to learn from them.
fn warnings(features: &Frame) -> Vec<String> {
    let largest = |values: &[f64]| values.iter().map(|value| value.abs()).fold(0.0, f64::max);
    let large = features.iter().filter_map(|(name, column)| {
        let largest = largest(column.numbers()?);
        (largest > LARGE).then_some((name, largest))
    });
    let large: Vec<_> = large.collect();
    let Some((name, largest)) = large.first() else { return Vec::new() };
    let others = match large.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    vec![format!(
        "column `{name}`{others} holds numbers up to {largest:.0}; a network learns better from columns of one scale: add `scale()` to `steps`, or use `steps: auto`"
    )]
}
