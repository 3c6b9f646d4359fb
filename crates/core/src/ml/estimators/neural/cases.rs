//! What PyTorch computes for small networks; `tests/fixtures/networks/make.py` made it.

use serde::Deserialize;

use super::engine::{Batch, Changing, Engine, Learnt};
use super::net::{Goal, Input, Net};
use super::optimize::{Clipping, Rule};
use crate::ml::Seed;

/// A network, rows, and what comes of them.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) net: Net,
    pub(super) rows: usize,
    numbers: Vec<f32>,
    pub(super) codes: Vec<u32>,
    goal: Vec<f32>,
    pub(super) weights: Option<Vec<f32>>,
    pub(super) first: Vec<f32>,
    pub(super) first_figures: Vec<f32>,
    /// While learning.
    pub(super) answers: Vec<f32>,
    pub(super) loss: f64,
    pub(super) figures: Vec<f32>,
    pub(super) slopes: Vec<f32>,
    /// Of the fitted network.
    pub(super) applied: Vec<f32>,
    steps: Vec<Step>,
}

/// Where three steps lead.
#[derive(Deserialize)]
struct Step {
    rule: String,
    clip: Option<f64>,
    weights: Vec<f32>,
    figures: Vec<f32>,
}

impl Case {
    pub(super) fn all() -> Vec<Self> {
        let text = std::fs::read_to_string("tests/fixtures/networks/steps.json").unwrap();
        let cases: Vec<Self> = serde_json::from_str(&text).unwrap();
        for case in &cases {
            assert!(case.net.is_sound(), "{}", case.name);
            assert_eq!(case.net.weights(), Some(case.first.len()), "{}", case.name);
            assert_eq!(case.net.figures(), case.first_figures.len(), "{}", case.name);
        }
        cases
    }

    pub(super) fn input(&self) -> Input<'_> {
        Input { rows: self.rows, numbers: &self.numbers, codes: &self.codes }
    }

    pub(super) fn classes(&self) -> Vec<u32> {
        self.goal.iter().map(|goal| *goal as u32).collect()
    }

    pub(super) fn goal<'a>(&'a self, classes: &'a [u32]) -> Goal<'a> {
        if self.net.answers() > 1 { Goal::Classes(classes) } else { Goal::Numbers(&self.goal) }
    }

    pub(super) fn batch<'a>(&'a self, classes: &'a [u32]) -> Batch<'a> {
        let weights = self.weights.as_deref();
        Batch { input: self.input(), goal: self.goal(classes), weights }
    }

    pub(super) fn learnt(&self) -> Learnt {
        Learnt { weights: self.first.clone(), figures: self.first_figures.clone() }
    }

    /// Lets engines go three steps by each rule, and compares where they get.
    pub(super) fn follow<'n>(
        &'n self,
        tolerance: f32,
        make: impl Fn(&'n Net, Learnt, Changing) -> Box<dyn Engine + 'n>,
    ) {
        let classes = self.classes();
        for step in &self.steps {
            let (rule, rate) = step.rule();
            let clipping = Clipping { norm: step.clip, value: None };
            let mut engine = make(&self.net, self.learnt(), Changing { rule, clipping });
            for _ in 0..3 {
                engine.learn(&self.batch(&classes), rate, Seed::new(0)).unwrap();
            }
            let found = engine.learnt().unwrap();
            let what = format!("{} after three steps of {}", self.name, step.rule);
            // A slope that is rounding alone, as that of what all keys share, sends AdamW anywhere.
            let told = |at: &usize| step.rule != "adam_w" || self.slopes[*at].abs() > 1e-7;
            let told: Vec<usize> = (0..self.slopes.len()).filter(told).collect();
            let of = |weights: &[f32]| told.iter().map(|at| weights[*at]).collect::<Vec<_>>();
            near(&of(&found.weights), &of(&step.weights), tolerance, &what);
            near(&found.figures, &step.figures, tolerance, &what);
        }
    }
}

impl Step {
    fn rule(&self) -> (Rule, f64) {
        let sgd = |momentum, dampening, weight_decay, nesterov| {
            (Rule::Sgd { momentum, dampening, weight_decay, nesterov }, 0.05)
        };
        match self.rule.as_str() {
            "adam_w" => {
                let (beta_1, beta_2) = (0.8, 0.99);
                (Rule::AdamW { beta_1, beta_2, epsilon: 1e-6, weight_decay: 0.1 }, 0.01)
            }
            "sgd" => sgd(0.0, 0.0, 0.0, false),
            "momentum" => sgd(0.9, 0.2, 0.01, false),
            "nesterov" => sgd(0.9, 0.0, 0.0, true),
            other => panic!("{other}"),
        }
    }
}

pub(super) fn near(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        let allowed = tolerance * expected.abs().max(1.0);
        assert!(off <= allowed, "{what}, {at}: {found}, not {expected}");
    }
}
