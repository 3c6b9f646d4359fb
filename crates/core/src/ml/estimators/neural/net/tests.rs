//! Networks against PyTorch: answers, slopes and steps.

use super::*;
use crate::ml::Seed;
use crate::ml::estimators::neural::cases::{Case, near};
use crate::ml::estimators::neural::engine::Processor;

const TOLERANCE: f32 = 1e-5;

#[test]
fn answers_losses_and_slopes_are_pytorch_s() {
    for case in Case::all() {
        let mut pass = Pass::default();
        let mut figures = case.first_figures.clone();
        let mut slopes = vec![f32::NAN; case.first.len()];
        pass.learn(&case.net, (&case.first, &mut figures), case.input(), Seed::new(0));
        let near = |found: &[f32], expected: &[f32], what: &str| {
            near(found, expected, TOLERANCE, &format!("{what} of {}", case.name));
        };
        near(pass.answers(), &case.answers, "answers");
        let classes = case.classes();
        let goal = (case.goal(&classes), case.weights.as_deref(), 1.0 / case.rows as f32);
        let sum = pass.back(&case.net, &case.first, &case.codes, goal, &mut slopes);
        let loss = sum / case.rows as f64;
        assert!((loss - case.loss).abs() < 1e-5 * case.loss.max(1.0), "loss of {}", case.name);
        near(&slopes, &case.slopes, "slopes");
        near(&figures, &case.figures, "running figures");
        let applied =
            Applied { net: &case.net, weights: &case.first, figures: &case.first_figures };
        near(pass.apply(applied, case.input()), &case.applied, "fitted answers");
        let weights = case.weights.as_deref();
        let judged = total(pass.apply(applied, case.input()), case.goal(&classes), weights);
        let mut unused = vec![0.0; case.applied.len()];
        let sum = loss::slopes(&case.applied, case.goal(&classes), weights, 1.0, &mut unused);
        assert!((judged - sum).abs() < 1e-4 * sum.max(1.0), "judged {}", case.name);
    }
}

#[test]
fn three_steps_lead_where_pytorch_s_lead() {
    for case in &Case::all() {
        case.follow(TOLERANCE, |net, learnt, changing| {
            Box::new(Processor::new(net, learnt, changing))
        });
    }
}
