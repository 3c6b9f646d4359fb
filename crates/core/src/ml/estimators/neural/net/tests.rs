//! Networks against PyTorch: answers, slopes and steps; `tests/fixtures/networks/make.py` made them.

use serde::Deserialize;

use super::*;
use crate::ml::Seed;
use crate::ml::estimators::neural::engine::{Batch, Changing, Engine, Learnt, Processor};
use crate::ml::estimators::neural::optimize::{Clipping, Rule};

#[derive(Deserialize)]
struct Case {
    name: String,
    net: Net,
    rows: usize,
    numbers: Vec<f32>,
    codes: Vec<u32>,
    goal: Vec<f32>,
    weights: Option<Vec<f32>>,
    first: Vec<f32>,
    first_figures: Vec<f32>,
    answers: Vec<f32>,
    loss: f64,
    figures: Vec<f32>,
    slopes: Vec<f32>,
    applied: Vec<f32>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    rule: String,
    clip: Option<f64>,
    weights: Vec<f32>,
    figures: Vec<f32>,
}

impl Case {
    fn all() -> Vec<Self> {
        let text = std::fs::read_to_string("tests/fixtures/networks/steps.json").unwrap();
        let cases: Vec<Self> = serde_json::from_str(&text).unwrap();
        for case in &cases {
            assert!(case.net.is_sound(), "{}", case.name);
            assert_eq!(case.net.weights(), Some(case.first.len()), "{}", case.name);
            assert_eq!(case.net.figures(), case.first_figures.len(), "{}", case.name);
        }
        cases
    }

    fn input(&self) -> Input<'_> {
        Input { rows: self.rows, numbers: &self.numbers, codes: &self.codes }
    }

    fn codes(&self) -> Vec<u32> {
        self.goal.iter().map(|goal| *goal as u32).collect()
    }

    fn goal<'a>(&'a self, codes: &'a [u32]) -> Goal<'a> {
        if self.net.answers() > 1 { Goal::Classes(codes) } else { Goal::Numbers(&self.goal) }
    }
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(off <= 1e-5 * expected.abs().max(1.0), "{what}, {at}: {found}, not {expected}");
    }
}

#[test]
fn answers_losses_and_slopes_are_pytorch_s() {
    for case in Case::all() {
        let mut pass = Pass::default();
        let mut figures = case.first_figures.clone();
        let mut slopes = vec![f32::NAN; case.first.len()];
        pass.learn(&case.net, (&case.first, &mut figures), case.input(), Seed::new(0));
        near(pass.answers(), &case.answers, &format!("answers of {}", case.name));
        let codes = case.codes();
        let goal = (case.goal(&codes), case.weights.as_deref(), 1.0 / case.rows as f32);
        let sum = pass.back(&case.net, &case.first, &case.codes, goal, &mut slopes);
        let loss = sum / case.rows as f64;
        assert!((loss - case.loss).abs() < 1e-5 * case.loss.max(1.0), "loss of {}", case.name);
        near(&slopes, &case.slopes, &format!("slopes of {}", case.name));
        near(&figures, &case.figures, &format!("running figures of {}", case.name));
        let applied =
            Applied { net: &case.net, weights: &case.first, figures: &case.first_figures };
        let name = format!("answers of the fitted {}", case.name);
        near(pass.apply(applied, case.input()), &case.applied, &name);
        let weights = case.weights.as_deref();
        let judged = total(pass.apply(applied, case.input()), case.goal(&codes), weights);
        let mut unused = vec![0.0; case.applied.len()];
        let sum = loss::slopes(&case.applied, case.goal(&codes), weights, 1.0, &mut unused);
        assert!((judged - sum).abs() < 1e-4 * sum.max(1.0), "judged {}", case.name);
    }
}

#[test]
fn three_steps_lead_where_pytorch_s_lead() {
    let sgd = |momentum, dampening, weight_decay, nesterov| {
        (Rule::Sgd { momentum, dampening, weight_decay, nesterov }, 0.05)
    };
    for case in Case::all() {
        for step in &case.steps {
            let (rule, rate) = match step.rule.as_str() {
                "adam_w" => {
                    let (beta_1, beta_2) = (0.8, 0.99);
                    (Rule::AdamW { beta_1, beta_2, epsilon: 1e-6, weight_decay: 0.1 }, 0.01)
                }
                "sgd" => sgd(0.0, 0.0, 0.0, false),
                "momentum" => sgd(0.9, 0.2, 0.01, false),
                "nesterov" => sgd(0.9, 0.0, 0.0, true),
                other => panic!("{other}"),
            };
            let clipping = Clipping { norm: step.clip, value: None };
            let learnt =
                Learnt { weights: case.first.clone(), figures: case.first_figures.clone() };
            let mut engine = Processor::new(&case.net, learnt, Changing { rule, clipping });
            let codes = case.codes();
            let batch = Batch {
                input: case.input(),
                goal: case.goal(&codes),
                weights: case.weights.as_deref(),
            };
            for _ in 0..3 {
                engine.learn(&batch, rate, Seed::new(0)).unwrap();
            }
            let found = engine.learnt().unwrap();
            let what = format!("{} after three steps of {}", case.name, step.rule);
            near(&found.weights, &step.weights, &what);
            near(&found.figures, &step.figures, &what);
        }
    }
}
