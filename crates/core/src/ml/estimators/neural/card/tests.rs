//! The device's way of computing, tried on candle's own processor: against PyTorch, and against the
//! kernels that train without a device.

use super::*;
use crate::ml::estimator::{Fitted, Prediction};
use crate::ml::estimators::neural::NeuralNetwork;
use crate::ml::estimators::neural::cases::{Case, near};
use crate::ml::estimators::neural::engine::Processor;
use crate::ml::estimators::neural::net::Op;
use crate::ml::estimators::neural::optimize::{Clipping, Rule};
use crate::ml::estimators::neural::tests::{KIND, Set, Settings, fit_by, fit_with, networks};
use crate::ml::settle::{settled, written};
use crate::params::Setting;

const TOLERANCE: f32 = 1e-4;

const DESCENT: Changing = Changing {
    rule: Rule::Sgd { momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false },
    clipping: Clipping { norm: None, value: None },
};

fn card(net: &Net, learnt: Learnt, changing: Changing) -> Box<dyn Engine + '_> {
    Box::new(Card::new(net, &learnt, changing, candle_core::Device::Cpu).unwrap())
}

#[test]
fn answers_and_losses_are_pytorch_s() {
    for case in Case::all() {
        let mut engine =
            Card::new(&case.net, &case.learnt(), DESCENT, candle_core::Device::Cpu).unwrap();
        let classes = case.classes();
        let batch = case.batch(&classes);
        let applied = engine.apply(&batch).unwrap().flatten_all().unwrap();
        near(&applied.to_vec1().unwrap(), &case.applied, TOLERANCE, &case.name);
        let weights = engine.weights(Var::as_detached_tensor);
        let (answers, _) = engine.forward(&weights).learn(batch.input, Seed::new(0)).unwrap();
        let answers = answers.flatten_all().unwrap().to_vec1().unwrap();
        near(&answers, &case.answers, TOLERANCE, &case.name);
        let judged = engine.judge(&batch).unwrap();
        let own = Processor::new(&case.net, case.learnt(), DESCENT).judge(&batch).unwrap();
        assert!((judged - own).abs() < 1e-4 * own.max(1.0), "{}: {judged}, {own}", case.name);
        let loss = engine.learn(&batch, 0.0, Seed::new(0)).unwrap() / case.rows as f64;
        assert!((loss - case.loss).abs() < 1e-4 * case.loss.max(1.0), "{}: {loss}", case.name);
    }
}

#[test]
fn slopes_are_pytorch_s_and_no_part_of_the_weights_is_without() {
    for case in Case::all() {
        let mut engine = card(&case.net, case.learnt(), DESCENT);
        engine.learn(&case.batch(&case.classes()), 1.0, Seed::new(0)).unwrap();
        // A step of plain descent at a rate of 1 takes the slopes off.
        let learnt = engine.learnt().unwrap();
        let slopes: Vec<f32> =
            case.first.iter().zip(&learnt.weights).map(|(before, after)| before - after).collect();
        near(&slopes, &case.slopes, TOLERANCE, &case.name);
        let (tables, ops) = case.net.places();
        for place in tables.into_iter().chain(ops).filter(|place| !place.is_empty()) {
            let steepest = slopes[place.clone()].iter().map(|own| own.abs()).fold(0.0, f32::max);
            assert!(steepest > 1e-6, "{}: weights {place:?} have no slope", case.name);
        }
    }
}

#[test]
fn three_steps_lead_where_pytorch_s_lead() {
    for case in &Case::all() {
        case.follow(TOLERANCE, card);
    }
}

/// Trains on candle's processor in the place of a device.
fn fit_on_card(settings: Settings<'_>, set: &Set, validation: Option<&Set>) -> Box<dyn Fitted> {
    let network: NeuralNetwork = settled(&written(KIND.signature(), settings)).unwrap();
    fit_by(set, validation, |sample, context| {
        network.fit_on(sample, context, |net, learnt, changing| Ok(card(net, learnt, changing)))
    })
    .unwrap()
}

fn numbers(fitted: &dyn Fitted, set: &Set) -> Vec<f32> {
    match fitted.predict(&set.features).unwrap() {
        Prediction::Classes { probabilities, .. } => {
            probabilities.iter().map(|own| *own as f32).collect()
        }
        Prediction::Values(values) => values.iter().map(|own| *own as f32).collect(),
        other => panic!("{other:?}"),
    }
}

/// Dropout's masks, the order of rows, schedules and stopping are the same on every device, so that
/// whole trainings agree.
#[test]
fn a_training_on_a_device_gives_the_network_of_the_processor_up_to_rounding() {
    for classes in [true, false] {
        let (set, watched) = (Set::noisy(90, 64, 21, classes), Set::noisy(40, 64, 22, classes));
        for (name, mut settings) in networks() {
            settings.extend([
                ("epochs", Setting::Int(4)),
                ("batch_size", Setting::Int(32)),
                ("clip_grad_norm", Setting::Float(0.5)),
            ]);
            let own = fit_with(&settings, &set, Some(&watched)).unwrap();
            let other = fit_on_card(&settings, &set, Some(&watched));
            let what = format!("{name} for {}", if classes { "classes" } else { "numbers" });
            near(&numbers(&*other, &watched), &numbers(&*own, &watched), TOLERANCE, &what);
            for (one, two) in own.history().iter().zip(other.history()) {
                assert!((one.train - two.train).abs() < 1e-3 * one.train.max(1.0), "{what}");
            }
            // What is kept is a network like any other.
            let loaded = KIND.load(&other.save()).unwrap();
            assert_eq!(numbers(&*loaded, &watched), numbers(&*other, &watched), "{what}");
        }
    }
}

#[test]
fn a_training_on_a_device_is_repeatable() {
    let set = Set::noisy(60, 64, 23, true);
    for (name, mut settings) in networks() {
        settings.push(("epochs", Setting::Int(2)));
        let once = || fit_on_card(&settings, &set, None).save();
        assert!(once() == once(), "{name}");
    }
}

#[test]
fn the_deepest_network_that_is_taken_takes_no_more_stack_than_a_thread_of_the_pool_has() {
    let deep = |count: usize| {
        let mut ops = Vec::new();
        for _ in 0..count / 2 {
            ops.push(Op::LayerNorm { width: 2, eps: 1e-5 });
            ops.push(Op::Dense { inputs: 2, outputs: 2, bias: true });
        }
        Net { numbers: 2, embeddings: Vec::new(), ops }
    };
    let learnt = |net: &Net| Learnt { weights: net.draw(Seed::new(1)), figures: Vec::new() };
    let refused = deep(MOST_OPERATIONS + 2);
    let device = candle_core::Device::Cpu;
    assert!(Card::new(&refused, &learnt(&refused), DESCENT, device).is_err());
    let run = move || {
        let net = deep(MOST_OPERATIONS);
        let mut engine = card(&net, learnt(&net), DESCENT);
        let input =
            super::super::net::Input { rows: 2, numbers: &[1.0, 2.0, 0.5, -1.0], codes: &[] };
        let batch = Batch { input, goal: Goal::Classes(&[0, 1]), weights: None };
        engine.learn(&batch, 0.1, Seed::new(0)).unwrap();
        engine.judge(&batch).unwrap();
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}
