//! Bounds and absolute penalties: against scikit-learn, and against what is true at an optimum.

use std::sync::atomic::AtomicBool;

use rand::RngExt;
use serde_json::Value as Json;

use super::classifier::LinearClassifier;
use super::regressor::LinearRegressor;
use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, Fitted, Prediction, Sample};
use crate::ml::estimators::ESTIMATORS;
use crate::ml::estimators::parity::{Data, fit};
use crate::ml::settle::written;
use crate::params::Setting;

fn floats(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|own| own.as_f64().unwrap()).collect()
}

fn lists(json: &Json) -> Vec<Vec<f64>> {
    json.as_array().unwrap().iter().map(floats).collect()
}

fn frame(columns: &[Vec<f64>]) -> Frame {
    let empty = Frame::new(columns[0].len());
    columns.iter().enumerate().fold(empty, |frame, (at, own)| {
        frame.with(&format!("x{at}"), Column::Number(own.clone().into()))
    })
}

fn classes(codes: &[u32]) -> Target {
    let count = i64::from(codes.iter().max().unwrap() + 1);
    Target::Classes { codes: codes.into(), classes: (0..count).map(Label::Int).collect() }
}

/// Gives a model's coefficients an output, and its intercepts.
fn parts(fitted: &dyn Fitted) -> (Vec<Vec<f64>>, Vec<f64>) {
    if let Ok((model, [])) = postcard::take_from_bytes::<LinearRegressor>(&fitted.save()) {
        return (vec![model.coefficients], vec![model.intercept]);
    }
    let model: LinearClassifier = postcard::from_bytes(&fitted.save()).unwrap();
    let width = model.names.len();
    (model.coefficients.chunks(width).map(<[f64]>::to_vec).collect(), model.intercepts)
}

fn near(found: f64, wanted: f64, tolerance: f64, what: &str) {
    let scale = wanted.abs().max(1.0);
    assert!((found - wanted).abs() <= tolerance * scale, "{what}: {found} instead of {wanted}");
}

fn settings_of(case: &Json) -> Vec<(&'static str, Setting)> {
    let known = ["alpha", "positive", "l1_ratio", "C", "fit_intercept"];
    let given = case["settings"].as_object().unwrap();
    let name = |own: &str| *known.iter().find(|name| **name == own).unwrap();
    let setting = |own: &Json| match own.as_bool() {
        Some(flag) => Setting::Bool(flag),
        None => Setting::Float(own.as_f64().unwrap()),
    };
    given.iter().map(|(own, value)| (name(own), setting(value))).collect()
}

#[test]
fn bounded_and_sparse_models_are_scikit_learn_s() {
    let text = std::fs::read_to_string("tests/fixtures/linear/linear.json").unwrap();
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    for case in &cases {
        let (name, data) = (case["name"].as_str().unwrap(), case["data"].as_str());
        let word = name.split(' ').next().unwrap();
        let label = format!("{name} {} {}", data.unwrap_or(""), case["settings"]);
        let (features, target) = match data {
            Some(data) => {
                let data = Data::read(data);
                let rows: Vec<usize> = (0..data.target.len()).collect();
                (data.prepared(&rows), data.target)
            }
            None if case["y"].is_null() => {
                let codes: Vec<u32> =
                    floats(&case["classes"]).into_iter().map(|code| code as u32).collect();
                (frame(&lists(&case["x"])), classes(&codes))
            }
            None => (frame(&lists(&case["x"])), Target::Numbers(floats(&case["y"]).into())),
        };
        let weights = case["weights"].as_array().map(|_| floats(&case["weights"]));
        let fitted = fit(word, &settings_of(case), &features, &target, weights.as_deref());
        let prediction = fitted.predict(&features).unwrap();
        let (coefficients, intercepts) = parts(&*fitted);
        if !case["coefficients"].is_null() {
            for (output, wanted) in lists(&case["coefficients"]).iter().enumerate() {
                let largest = wanted.iter().fold(0.0_f64, |most, own| most.max(own.abs()));
                for (column, wanted) in wanted.iter().enumerate() {
                    let found = coefficients[output][column];
                    assert_eq!(found == 0.0, *wanted == 0.0, "{label}, column {column}: {found}");
                    let what = format!("{label}, output {output}, column {column}");
                    near(found / largest.max(1e-9), wanted / largest.max(1e-9), 1e-7, &what);
                }
                near(intercepts[output], floats(&case["intercepts"])[output], 1e-7, &label);
            }
        }
        let said = match (&prediction, &target) {
            (Prediction::Classes { probabilities, classes }, _) => {
                probabilities.chunks(classes.len()).map(<[f64]>::to_vec).collect::<Vec<_>>()
            }
            (Prediction::Values(values), Target::Numbers(truth)) => {
                if let Some(loose) = case["loose_squares"].as_f64() {
                    let left = truth.iter().zip(values).map(|(own, said)| (own - said).powi(2));
                    let left: f64 = left.sum();
                    assert!(left <= loose * (1.0 + 1e-9), "{label}: {left}, and {loose} there");
                    continue;
                }
                values.iter().map(|value| vec![*value]).collect()
            }
            _ => panic!("{label} answers with another sort"),
        };
        for (row, wanted) in case["said"].as_array().unwrap().iter().enumerate() {
            let wanted = wanted.as_f64().map_or_else(|| floats(wanted), |own| vec![own]);
            for (found, wanted) in said[row].iter().zip(wanted) {
                near(*found, wanted, 1e-7, &format!("{label}, row {row}"));
            }
        }
    }
}

/// A table that was drawn; some columns are copies or sums of others, or constant.
struct Drawn {
    columns: Vec<Vec<f64>>,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    weights: Vec<f64>,
}

impl Drawn {
    fn new(seed: u64, rows: usize, width: usize, outputs: usize) -> Self {
        let mut generator = Seed::new(seed).generator();
        let mut normal = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for column in 0..width {
            let before =
                |back: usize, row: usize, columns: &[Vec<f64>]| columns[column - back][row];
            let own = (0..rows).map(|row| match column % 7 {
                4 => before(4, row, &columns),
                5 => before(5, row, &columns) + before(3, row, &columns),
                6 => 2.5,
                _ => (normal() * 100.0).round() / 100.0 * 10_f64.powi(column as i32 % 3),
            });
            let own = own.collect();
            columns.push(own);
        }
        let scores: Vec<Vec<f64>> = (0..outputs)
            .map(|_| {
                let truth: Vec<f64> = columns.iter().map(|_| normal()).collect();
                let score = |row: usize| -> f64 {
                    let sums = columns.iter().zip(&truth).enumerate();
                    sums.map(|(at, (own, truth))| own[row] * truth / 10_f64.powi(at as i32 % 3))
                        .sum()
                };
                (0..rows).map(|row| score(row) + normal()).collect()
            })
            .collect();
        let best = |row: usize| {
            (0..outputs).max_by(|left, right| scores[*left][row].total_cmp(&scores[*right][row]))
        };
        // Each class has a row with weight.
        let code = |row: usize| if row < outputs { Some(row) } else { best(row) };
        let codes = (0..rows).map(|row| code(row).map_or(0, |own| own as u32)).collect();
        let weight = |row: usize| if row < outputs { 1.0 } else { (normal().abs() * 2.0).round() };
        let weights = (0..rows).map(weight).collect();
        Self { columns, numbers: scores[0].clone(), codes, weights }
    }

    fn fit(&self, word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Fitted> {
        let target = match word {
            "logistic_regression" => classes(&self.codes),
            _ => Target::Numbers(self.numbers.clone().into()),
        };
        fit(word, settings, &frame(&self.columns), &target, Some(&self.weights))
    }

    fn total(&self) -> f64 {
        self.weights.iter().sum()
    }
}

/// Checks slopes of a mean loss: a coefficient stays where the penalty holds against the slope.
fn settled(coefficient: f64, slope: f64, size: f64, tolerance: f64, what: &str) {
    if coefficient == 0.0 {
        assert!(slope.abs() <= size + tolerance, "{what}: 0 slopes by {slope:e}, held by {size:e}");
    } else {
        let off = slope + size.copysign(coefficient);
        assert!(off.abs() <= tolerance, "{what}: {coefficient} slopes by {off:e}");
    }
}

#[test]
fn sparse_logistic_regression_ends_where_no_slope_is_steeper_than_the_penalty() {
    for seed in 0..24_u64 {
        let outputs = [2, 3, 4][seed as usize % 3];
        // Every fourth has more columns than rows.
        let (rows, width) = if seed % 4 == 3 { (25, 40) } else { (90, 8) };
        let drawn = Drawn::new(seed, rows, width, outputs);
        let (c, l1_ratio) =
            ([0.05, 1.0, 100.0][seed as usize / 3 % 3], [1.0, 0.6][seed as usize % 2]);
        let settings = [("C", Setting::Float(c)), ("l1_ratio", Setting::Float(l1_ratio))];
        let fitted = drawn.fit("logistic_regression", &settings);
        let (coefficients, _) = parts(&*fitted);
        let said = fitted.predict(&frame(&drawn.columns)).unwrap();
        let Prediction::Classes { probabilities, classes } = said else { panic!("classes") };
        let count = classes.len();
        let what = format!("seed {seed}, C {c}, l1_ratio {l1_ratio}, {count} classes");
        for (output, own) in coefficients.iter().enumerate() {
            let class = if count == 2 { 1 } else { output };
            let rest = |row: usize| {
                let truth = f64::from(u8::from(drawn.codes[row] as usize == class));
                drawn.weights[row] * (probabilities[row * count + class] - truth) / drawn.total()
            };
            let along = |column: &[f64]| -> f64 {
                column.iter().enumerate().map(|(row, value)| rest(row) * value).sum()
            };
            settled(1.0, along(&vec![1.0; rows]), 0.0, 1e-9, &what);
            for (column, coefficient) in own.iter().enumerate() {
                let penalty = (1.0 - l1_ratio) * coefficient / (c * drawn.total());
                let slope = along(&drawn.columns[column]) + penalty;
                let size = l1_ratio / (c * drawn.total());
                // Columns are up to a hundred times as wide as those on which `tol` is meant.
                settled(*coefficient, slope, size, 2e-8, &format!("{what}, column {column}"));
                assert!(column % 7 != 6 || *coefficient == 0.0, "{what}: a constant counts");
            }
        }
        if count > 2 && l1_ratio == 1.0 {
            let left_out = |column: usize| coefficients.iter().any(|own| own[column] == 0.0);
            assert!((0..width).all(left_out), "{what}: a column counts for every class");
        }
    }
}

#[test]
fn positive_least_squares_end_where_only_a_bound_holds_a_slope() {
    for seed in 0..40_u64 {
        let (rows, width) = if seed % 4 == 3 { (20, 36) } else { (60, 9) };
        let drawn = Drawn::new(seed, rows, width, 1);
        let (word, alpha) =
            [("linear_regression", 0.0), ("ridge", 3.0), ("lasso", 0.05), ("lasso", 0.0)]
                [seed as usize / 4 % 4];
        let mut settings = vec![("positive", Setting::Bool(true))];
        if word != "linear_regression" {
            settings.push(("alpha", Setting::Float(alpha)));
        }
        let fitted = drawn.fit(word, &settings);
        let (coefficients, _) = parts(&*fitted);
        let Prediction::Values(said) = fitted.predict(&frame(&drawn.columns)).unwrap() else {
            panic!("numbers")
        };
        let rest =
            |row: usize| drawn.weights[row] * (said[row] - drawn.numbers[row]) / drawn.total();
        let size: f64 = drawn.numbers.iter().map(|own| own.abs()).fold(0.0, f64::max);
        for (column, coefficient) in coefficients[0].iter().enumerate() {
            let values = &drawn.columns[column];
            let along: f64 = values.iter().enumerate().map(|(row, own)| rest(row) * own).sum();
            let penalty = if word == "ridge" { alpha * coefficient / drawn.total() } else { alpha };
            let slope = along + penalty;
            let width = values.iter().map(|own| own.abs()).fold(0.0, f64::max);
            // Lasso ends by its gap, in which a slope is squared.
            let tolerance =
                if alpha > 0.0 && word == "lasso" { 1e-6 } else { 1e-11 } * width * size;
            let what =
                format!("seed {seed}, {word} {alpha}, column {column}: {coefficient}, {slope:e}");
            assert!(*coefficient >= 0.0 && slope >= -tolerance, "{what}");
            assert!(*coefficient == 0.0 || slope <= tolerance, "{what}");
        }
    }
}

#[test]
fn of_the_best_positive_coefficients_the_smallest_are_taken() {
    for seed in 0..30_u64 {
        let drawn = Drawn::new(100 + seed, 50, 13, 1);
        let positive = ("positive", Setting::Bool(true));
        let (found, _) = parts(&*drawn.fit("linear_regression", std::slice::from_ref(&positive)));
        // As a ridge's penalty goes to 0, its coefficients go to these.
        let alpha = ("alpha", Setting::Float(1e-5));
        let (wanted, _) = parts(&*drawn.fit("ridge", &[positive, alpha]));
        for (column, (found, wanted)) in found[0].iter().zip(&wanted[0]).enumerate() {
            near(*found, *wanted, 1e-5, &format!("seed {seed}, column {column}"));
        }
    }
}

#[test]
fn a_penalty_that_leaves_all_columns_out_leaves_the_shares() {
    let drawn = Drawn::new(7, 80, 5, 3);
    let settings = [("C", Setting::Float(1e-6)), ("l1_ratio", Setting::Float(1.0))];
    let fitted = drawn.fit("logistic_regression", &settings);
    assert!(parts(&*fitted).0.iter().flatten().all(|own| *own == 0.0));
    let said = fitted.predict(&frame(&drawn.columns)).unwrap();
    let Prediction::Classes { probabilities, .. } = said else { panic!("classes") };
    for class in 0..3_usize {
        let own = drawn.codes.iter().zip(&drawn.weights);
        let own = own.filter(|(code, _)| **code as usize == class).map(|(_, weight)| weight);
        near(probabilities[class], own.sum::<f64>() / drawn.total(), 1e-12, "a share");
    }
}

#[test]
fn without_a_penalty_its_shares_do_not_count() {
    let drawn = Drawn::new(8, 90, 4, 3);
    let endless = ("C", Setting::Float(f64::INFINITY));
    let plain = drawn.fit("logistic_regression", std::slice::from_ref(&endless)).save();
    for l1_ratio in [0.5, 1.0] {
        let share = ("l1_ratio", Setting::Float(l1_ratio));
        let fitted = drawn.fit("logistic_regression", &[endless.clone(), share]);
        assert_eq!(fitted.save(), plain, "{l1_ratio}");
    }
}

#[test]
fn too_few_steps_are_told() {
    let drawn = Drawn::new(9, 90, 6, 2);
    for (word, setting) in [("logistic_regression", "l1_ratio"), ("lasso", "positive")] {
        let kind = ESTIMATORS.iter().find(|kind| kind.signature().name == word).unwrap();
        let on = if setting == "positive" { Setting::Bool(true) } else { Setting::Float(1.0) };
        let mut settings = vec![(setting, on), ("max_iter", Setting::Int(1))];
        if word == "lasso" {
            settings.push(("alpha", Setting::Float(1e-3)));
        }
        let estimator = kind.bind(&written(kind.signature(), &settings)).unwrap();
        let target = match word {
            "lasso" => Target::Numbers(drawn.numbers.clone().into()),
            _ => classes(&drawn.codes),
        };
        let (stop, seed) = (AtomicBool::new(false), Seed::new(0));
        let context = FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
        let features = frame(&drawn.columns);
        let sample = Sample { features: &features, target: &target, weights: None };
        let fitted = estimator.fit(&sample, &context).unwrap();
        let warnings = fitted.warnings().join("\n");
        assert!(warnings.contains("did not converge in 1 "), "{word}: {warnings}");
    }
}
