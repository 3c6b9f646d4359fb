//! Networks as estimators: what a training keeps, where it ends, and what it refuses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::RngExt;

use super::NeuralNetwork;
use super::layers::Dense;
use super::optimizers::{AdamW, Sgd};
use super::stopping::Patience;
use super::words::{call, list, made};
use crate::data::{Column, Frame, Label, NO_CATEGORY, Target};
use crate::ml::Seed;
use crate::ml::estimator::{EstimatorKind, FitContext, FitError, Fitted, Prediction, Sample};
use crate::ml::estimators::kind::Kind;
use crate::ml::estimators::parity::Data;
use crate::ml::settle::written;
use crate::params::{Call, Setting, Signature};

pub(super) type Settings<'a> = &'a [(&'static str, Setting)];

/// Rows to learn from, and the answers.
pub(super) struct Set {
    pub(super) features: Frame,
    target: Target,
    weights: Option<Vec<f64>>,
}

impl Set {
    /// Makes rows of numbers whose sign of a sum, or the sum, is to be told, with some noise.
    pub(super) fn noisy(rows: usize, columns: usize, seed: u64, classes: bool) -> Self {
        let mut generator = Seed::new(seed).generator();
        let mut draw = || 2.0 * generator.random::<f64>() - 1.0;
        let columns: Vec<Vec<f64>> =
            (0..columns).map(|_| (0..rows).map(|_| draw()).collect()).collect();
        let sum = |row: usize| columns[0][row] - columns[columns.len() - 1][row];
        let sums: Vec<f64> = (0..rows).map(|row| sum(row) + 0.8 * draw()).collect();
        let target = if classes {
            let codes = sums.iter().map(|sum| u32::from(*sum > 0.0)).collect();
            Target::Classes { codes, classes: [Label::Bool(false), Label::Bool(true)].into() }
        } else {
            Target::Numbers(sums.into())
        };
        let features =
            columns.into_iter().enumerate().fold(Frame::new(rows), |frame, (at, own)| {
                frame.with(&format!("x{at}"), Column::Number(own.into()))
            });
        Self { features, target, weights: None }
    }

    fn sample(&self) -> Sample<'_> {
        Sample { features: &self.features, target: &self.target, weights: self.weights.as_deref() }
    }
}

pub(super) const KIND: &dyn EstimatorKind = &Kind::<NeuralNetwork>::new();

pub(super) fn fit_with(
    settings: Settings<'_>,
    set: &Set,
    validation: Option<&Set>,
) -> Result<Box<dyn Fitted>, FitError> {
    let estimator = KIND.bind(&written(KIND.signature(), settings)).unwrap();
    fit_by(set, validation, |sample, context| estimator.fit(sample, context))
}

/// Fits in some way, with what every fit here has beside its rows.
pub(super) fn fit_by(
    set: &Set,
    validation: Option<&Set>,
    fit: impl FnOnce(&Sample<'_>, &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError>,
) -> Result<Box<dyn Fitted>, FitError> {
    let stop = AtomicBool::new(false);
    let context = FitContext {
        seed: Seed::new(4),
        stop: &stop,
        validation: validation.map(Set::sample),
        progress: &|_, _| {},
    };
    fit(&set.sample(), &context)
}

fn fit(settings: Settings<'_>, set: &Set) -> Box<dyn Fitted> {
    fit_with(settings, set, None).unwrap()
}

fn numbers(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Classes { probabilities, .. } => probabilities,
        Prediction::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

fn said(fitted: &dyn Fitted, features: &Frame) -> Vec<f64> {
    numbers(fitted.predict(features).unwrap())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn dense(units: i64) -> Setting {
    call::<Dense>(&[("units", Setting::Int(units))])
}

/// Writes a layer by its word.
fn layer(word: &'static str, settings: Settings<'_>) -> Setting {
    let signature: &'static Signature = super::layers::LAYERS
        .iter()
        .map(|layer| layer.signature())
        .find(|signature| signature.name == word)
        .unwrap();
    let own = Call { name: signature.name, args: written(signature, settings) };
    assert!(made(super::layers::LAYERS, &own).is_some(), "{word}");
    Setting::Call(own)
}

fn adam(rate: f64) -> Setting {
    call::<AdamW>(&[("learning_rate", Setting::Float(rate))])
}

fn patience(epochs: i64) -> Setting {
    call::<Patience>(&[("epochs", Setting::Int(epochs))])
}

fn sizes(sizes: &[i64]) -> Setting {
    list(sizes.iter().map(|size| Setting::Int(*size)).collect())
}

#[test]
fn early_stopping_keeps_the_weights_of_the_best_epoch() {
    let (train, watched) = (Set::noisy(60, 6, 1, true), Set::noisy(200, 6, 2, true));
    let settings = [
        ("layers", list(vec![dense(32)])),
        ("optimizer", adam(0.02)),
        ("epochs", Setting::Int(200)),
        ("batch_size", Setting::Int(16)),
        ("early_stopping", patience(12)),
    ];
    let fitted = fit_with(&settings, &train, Some(&watched)).unwrap();
    let losses: Vec<f64> = fitted.history().iter().map(|round| round.validation.unwrap()).collect();
    let (best, least) = losses.iter().enumerate().fold((0, f64::INFINITY), |best, (at, loss)| {
        if *loss < best.1 { (at, *loss) } else { best }
    });
    assert_eq!(losses.len(), best + 1 + 12, "it ends twelve epochs after the best");
    assert!(*losses.last().unwrap() > least + 0.01, "{losses:?}");
    let Target::Classes { codes, .. } = &watched.target else { panic!("classes") };
    let shares = said(&*fitted, &watched.features);
    let rows = shares.chunks(2).zip(codes.iter());
    let loss = rows.map(|(row, code)| -row[*code as usize].ln()).sum::<f64>() / codes.len() as f64;
    assert!((loss - least).abs() < 1e-6, "{loss} instead of {least}");
}

#[test]
fn without_validation_rows_some_are_held_out_to_watch() {
    let set = Set::noisy(80, 3, 3, true);
    let settings = [("early_stopping", patience(3)), ("epochs", Setting::Int(30))];
    let fitted = fit(&settings, &set);
    assert!(fitted.history().iter().all(|round| round.validation.is_some()));
    let alone = [("early_stopping", patience(3)), ("validation_fraction", Setting::Float(0.001))];
    let error = fit_with(&alone, &set, None).map(drop).unwrap_err().to_string();
    assert!(error.contains("none can be held out"), "{error}");
}

#[test]
fn a_level_that_no_row_had_answers_like_the_mean_of_those_that_rows_had() {
    let codes: Vec<u32> = (0..60).map(|row| [0, 0, 1, 2][row % 4]).collect();
    let values = codes.iter().map(|code| [10.0, 16.0, 40.0][*code as usize]).collect();
    // Level 3 has no rows.
    let levels: Arc<[Arc<str>]> = ["a", "b", "c", "d"].map(Arc::from).into();
    let column = |codes: Vec<u32>| Column::Category { codes: codes.into(), levels: levels.clone() };
    let features = Frame::new(60).with("kind", column(codes));
    let set = Set { features, target: Target::Numbers(values), weights: None };
    // Without layers the answer is a sum, so that the mean of vectors gives the mean of answers.
    let settings = [("layers", list(Vec::new())), ("optimizer", adam(0.05))];
    let fitted = fit(&settings, &set);
    let asked = Frame::new(5).with("kind", column(vec![0, 1, 2, 3, NO_CATEGORY]));
    let answers = said(&*fitted, &asked);
    for (answer, wanted) in answers.iter().zip([10.0, 16.0, 40.0, 19.0, 19.0]) {
        assert!((answer - wanted).abs() < 0.2, "{answers:?}");
    }
}

#[test]
fn a_training_that_goes_astray_fails_and_says_what_to_do() {
    for classes in [true, false] {
        let set = Set::noisy(100, 4, 5, classes);
        let wild = [
            adam(1e6),
            call::<AdamW>(&[
                ("learning_rate", Setting::Float(1e6)),
                ("weight_decay", Setting::Float(0.0)),
            ]),
            call::<Sgd>(&[("learning_rate", Setting::Float(1e6))]),
        ];
        for optimizer in wild {
            let settings = [("optimizer", optimizer), ("epochs", Setting::Int(20))];
            let error = fit_with(&settings, &set, None).map(drop).unwrap_err().to_string();
            assert!(error.contains("went astray") && error.contains("learning_rate"), "{error}");
        }
    }
}

#[test]
fn bounded_slopes_keep_a_training_that_would_go_astray() {
    let mut set = Set::noisy(120, 3, 6, false);
    let features = set.features.iter().fold(Frame::new(120), |frame, (name, column)| {
        let wide = column.numbers().unwrap().iter().map(|x| 60.0 * x).collect();
        frame.with(name, Column::Number(wide))
    });
    set.features = features;
    let descent = || call::<Sgd>(&[("learning_rate", Setting::Float(0.05))]);
    let bare = [("optimizer", descent()), ("epochs", Setting::Int(10))];
    assert!(fit_with(&bare, &set, None).is_err());
    for bound in ["clip_grad_norm", "clip_grad_value"] {
        let bounded =
            [("optimizer", descent()), ("epochs", Setting::Int(10)), (bound, Setting::Float(0.01))];
        let answers = said(&*fit(&bounded, &set), &set.features);
        assert!(answers.iter().all(|answer| answer.is_finite()), "{bound}");
    }
}

#[test]
fn a_batch_larger_than_the_rows_is_all_rows() {
    let set = Set::noisy(37, 3, 7, true);
    let with = |size: i64| [("batch_size", Setting::Int(size)), ("epochs", Setting::Int(8))];
    let (same, larger) = (fit(&with(37), &set), fit(&with(1_000_000), &set));
    assert_eq!(same.save(), larger.save());
}

#[test]
fn one_row_is_learnt_by_heart() {
    let set = Set {
        features: Frame::new(1).with("x", Column::Number([3.0].into())),
        target: Target::Numbers([1234.5].into()),
        weights: None,
    };
    assert_eq!(said(&*fit(&[], &set), &set.features), [1234.5]);
    let norm = [("layers", list(vec![dense(4), layer("batch_norm", &[])]))];
    let error = fit_with(&norm, &set, None).map(drop).unwrap_err().to_string();
    assert!(error.contains("two rows"), "{error}");
}

#[test]
fn a_constant_target_is_answered_exactly() {
    for constant in [0.0, -7.25, 1e9] {
        let features = Set::noisy(50, 3, 8, false).features;
        let set = Set { features, target: Target::Numbers([constant; 50].into()), weights: None };
        let fitted = fit(&[("epochs", Setting::Int(3))], &set);
        assert_eq!(said(&*fitted, &set.features), [constant; 50]);
    }
}

#[test]
fn a_hundred_thousand_rows_are_learnt() {
    let set = Set::noisy(100_000, 2, 9, true);
    let settings = [
        ("layers", list(vec![dense(4)])),
        ("epochs", Setting::Int(1)),
        ("batch_size", Setting::Int(1000)),
        ("optimizer", adam(0.02)),
    ];
    let fitted = fit(&settings, &set);
    let Target::Classes { codes, .. } = &set.target else { panic!("classes") };
    let labels = fitted.predict(&set.features).unwrap().labels().unwrap();
    let hits = labels.iter().zip(codes.iter()).filter(|(found, code)| found == code).count();
    assert!(hits > 80_000, "{hits}");
}

/// Networks that use every layer between them, on 64 columns.
pub(super) fn networks() -> Vec<(&'static str, Vec<(&'static str, Setting)>)> {
    let kernel = |channels: i64| {
        [("out_channels", Setting::Int(channels)), ("kernel_size", Setting::Int(3))]
    };
    let rows = list(vec![
        dense(96),
        layer("batch_norm", &[]),
        layer("dropout", &[("p", Setting::Float(0.3))]),
        dense(32),
        layer("layer_norm", &[]),
    ]);
    let image = list(vec![
        layer("conv2d", &kernel(6)),
        layer("batch_norm", &[]),
        layer("max_pool2d", &[("kernel_size", Setting::Int(2))]),
        layer("conv2d", &kernel(4)),
        layer("flatten", &[]),
    ]);
    let sequence = list(vec![layer("conv1d", &kernel(5)), layer("flatten", &[])]);
    let (whole, both) =
        (("return_sequences", Setting::Bool(true)), ("bidirectional", Setting::Bool(true)));
    let hidden = |size: i64| ("hidden_size", Setting::Int(size));
    let stacked = ("num_layers", Setting::Int(2));
    let states = list(vec![
        layer("lstm", &[hidden(5), whole.clone(), both.clone(), stacked.clone()]),
        layer("gru", &[hidden(4), both, stacked]),
    ]);
    let point = [("out_channels", Setting::Int(6)), ("kernel_size", Setting::Int(1))];
    let heads = [("nhead", Setting::Int(2)), ("num_layers", Setting::Int(2))];
    let looks = list(vec![
        layer("conv1d", &point),
        layer(
            "transformer",
            &[heads[0].clone(), heads[1].clone(), ("dropout", Setting::Float(0.0))],
        ),
        layer("gru", &[hidden(6), whole]),
        layer("attention_pool", &[]),
    ]);
    vec![
        ("rows", vec![("layers", rows)]),
        ("image", vec![("layers", image), ("input_shape", sizes(&[1, 8, 8]))]),
        ("sequence", vec![("layers", sequence), ("input_shape", sizes(&[2, 32]))]),
        ("states", vec![("layers", states), ("input_shape", sizes(&[8, 8]))]),
        ("looks", vec![("layers", looks), ("input_shape", sizes(&[4, 16]))]),
    ]
}

#[test]
fn every_layer_gives_the_same_bits_on_any_number_of_threads_and_survives_the_store() {
    let set = Set::noisy(400, 64, 10, true);
    let pools =
        [1, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for (name, mut settings) in networks() {
        settings.extend([("epochs", Setting::Int(2)), ("batch_size", Setting::Int(256))]);
        let [one, three] = pools.each_ref().map(|pool| {
            pool.install(|| {
                let fitted = fit(&settings, &set);
                (fitted.save(), bits(&said(&*fitted, &set.features)))
            })
        });
        assert!(one == three, "{name}");
        let loaded = KIND.load(&one.0).unwrap();
        assert_eq!(bits(&said(&*loaded, &set.features)), one.1, "{name}");
        assert_eq!(loaded.save(), one.0, "{name}");
    }
}

#[test]
fn a_weight_of_k_is_k_copies_where_all_rows_make_one_batch() {
    let all = Set::noisy(48, 64, 11, true);
    let copies: Vec<usize> = (0..48).flat_map(|row| std::iter::repeat_n(row, row % 3)).collect();
    for (name, mut settings) in networks() {
        // Masks and figures of a batch are by row: they see copies, not weights.
        if matches!(name, "rows" | "image") {
            continue;
        }
        settings.extend([("epochs", Setting::Int(5)), ("batch_size", Setting::Int(1000))]);
        let weighted = Set {
            weights: Some((0..48_u8).map(|row| f64::from(row % 3)).collect()),
            features: all.features.clone(),
            target: all.target.clone(),
        };
        let copied = Set {
            features: all.features.take(&copies),
            target: all.target.take(&copies),
            weights: None,
        };
        let (one, two) = (fit(&settings, &weighted), fit(&settings, &copied));
        let pairs = said(&*one, &all.features).into_iter().zip(said(&*two, &all.features));
        pairs.for_each(|(one, two)| assert!((one - two).abs() < 1e-4, "{name}: {one}, {two}"));
    }
}

/// Gives mean and squared standard error.
fn estimate(scores: &[f64]) -> (f64, f64) {
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let square = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>();
    (mean, square / (count - 1.0) / count)
}

/// `tests/fixtures/networks/parity.py` says how the others were trained. Their mean scores differ from
/// each other by chance as well, so ours may be three standard errors off, and half a point.
#[test]
fn networks_score_as_pytorch_s_and_scikit_learn_s() {
    let text = std::fs::read_to_string("tests/fixtures/networks/parity.json").unwrap();
    let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
    let optimizer = call::<AdamW>(&[
        ("learning_rate", Setting::Float(0.01)),
        ("weight_decay", Setting::Float(0.0)),
    ]);
    let settings = [
        ("layers", list(vec![dense(16)])),
        ("optimizer", optimizer),
        ("epochs", Setting::Int(30)),
        ("batch_size", Setting::Int(32)),
    ];
    let estimator = KIND.bind(&written(KIND.signature(), &settings)).unwrap();
    for (name, metrics) in [("breast_cancer", &["accuracy", "log_loss"][..]), ("diabetes", &["r2"])]
    {
        let data = Data::read(name);
        let (judged, learnt): (Vec<usize>, Vec<usize>) =
            (0..data.target.len()).partition(|row| row % 5 == 0);
        let frame = data.prepared(&learnt);
        let (features, target) = (frame.take(&learnt), data.target.take(&learnt));
        let (asked, truth) = (frame.take(&judged), data.target.take(&judged));
        let stop = AtomicBool::new(false);
        let predictions: Vec<Prediction> = (0..6)
            .map(|seed| {
                let sample = Sample { features: &features, target: &target, weights: None };
                let seed = Seed::new(seed);
                let context =
                    FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
                estimator.fit(&sample, &context).unwrap().predict(&asked).unwrap()
            })
            .collect();
        for metric in metrics {
            let ours: Vec<f64> =
                predictions.iter().map(|own| data.score(metric, &truth, own)).collect();
            let (mean, error) = estimate(&ours);
            for who in ["torch", "sklearn"] {
                let scores = theirs[name][who][metric].as_array().unwrap();
                let scores: Vec<f64> = scores.iter().map(|own| own.as_f64().unwrap()).collect();
                let (other, other_error) = estimate(&scores);
                let allowed = 3.0 * (error + other_error).sqrt() + 0.005;
                assert!(
                    (mean - other).abs() <= allowed,
                    "{name} {metric}: {mean}, and {who} has {other} ± {allowed}"
                );
            }
        }
    }
}
