//! Estimators against scikit-learn on real data.
//!
//! The values lie in `tests/fixtures/reference`; each file states its rules. Features are prepared
//! here, from the rules alone: median imputation and standard scaling for numbers, the most frequent
//! value and one-hot columns for the rest, learnt on the training rows. Row i is in fold i mod 5.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value as Json;

use super::ESTIMATORS;
use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, Fitted, Prediction, Sample};
use crate::ml::metric::Judged;
use crate::ml::metrics::METRICS;
use crate::ml::settle::written;
use crate::params::Setting;

type Settings<'a> = &'a [(&'static str, Setting)];

/// A data set and what scikit-learn made of it.
pub(super) struct Data {
    pub(super) reference: Json,
    cells: BTreeMap<String, Vec<String>>,
    pub(super) target: Target,
    pub(super) positive: Option<u32>,
}

fn read(places: &[&str], file: &str) -> String {
    let found = places.iter().map(|place| Path::new(place).join(file)).find(|path| path.exists());
    std::fs::read_to_string(found.unwrap_or_else(|| panic!("no {file}"))).unwrap()
}

impl Data {
    pub(super) fn read(name: &str) -> Self {
        let reference = read(&["tests/fixtures/reference"], &format!("{name}.json"));
        let reference: Json = serde_json::from_str(&reference).unwrap();
        let text = read(&["tests/fixtures/data", "../../pipelines/data"], &format!("{name}.csv"));
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let place = |column: &str| header.iter().position(|own| *own == column).unwrap();
        let goal = place(reference["target"].as_str().unwrap());
        let rows: Vec<Vec<&str>> = lines
            .map(|line| line.split(',').collect())
            .filter(|row: &Vec<&str>| !row[goal].is_empty())
            .collect();
        let cells = |at: usize| rows.iter().map(|row| row[at].to_owned()).collect::<Vec<_>>();
        let used = words(&reference["numeric"]).into_iter().chain(words(&reference["categorical"]));
        let cells_of = used.map(|column| (column.clone(), cells(place(&column)))).collect();
        let (target, positive) = match reference["task"].as_str().unwrap() {
            "regression" => {
                (Target::Numbers(cells(goal).iter().map(|cell| number(cell)).collect()), None)
            }
            _ => classes(&cells(goal), &reference["positive"]),
        };
        assert_eq!(target.len() as u64, reference["rows"].as_u64().unwrap(), "{name}");
        Self { reference, cells: cells_of, target, positive }
    }

    /// Prepares all rows with what the training rows teach.
    pub(super) fn prepared(&self, train: &[usize]) -> Frame {
        let mut frame = Frame::new(self.target.len());
        for name in words(&self.reference["numeric"]) {
            let values: Vec<f64> = self.cells[&name].iter().map(|cell| number(cell)).collect();
            let mut there: Vec<f64> =
                train.iter().map(|row| values[*row]).filter(|value| !value.is_nan()).collect();
            there.sort_by(f64::total_cmp);
            let median = f64::midpoint(there[(there.len() - 1) / 2], there[there.len() / 2]);
            let filled: Vec<f64> =
                values.iter().map(|value| if value.is_nan() { median } else { *value }).collect();
            let count = train.len() as f64;
            let mean = train.iter().map(|row| filled[*row]).sum::<f64>() / count;
            let spread = train.iter().map(|row| (filled[*row] - mean).powi(2)).sum::<f64>() / count;
            let scale = if spread < 1e-20 { 1.0 } else { spread.sqrt() };
            let scaled = filled.iter().map(|value| (value - mean) / scale).collect();
            frame = frame.with(&name, Column::Number(scaled));
        }
        for name in words(&self.reference["categorical"]) {
            let cells = &self.cells[&name];
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for row in train {
                *counts.entry(&cells[*row]).or_default() += usize::from(!cells[*row].is_empty());
            }
            let most = counts.values().max().unwrap();
            let mode = counts.iter().find(|(_, count)| *count == most).unwrap().0;
            let missing = train.iter().any(|row| cells[*row].is_empty());
            for (level, count) in &counts {
                if *count == 0 && !(missing && level == mode) {
                    continue;
                }
                let is = |cell: &String| {
                    let cell = if cell.is_empty() { mode } else { cell.as_str() };
                    f64::from(u8::from(cell == *level))
                };
                let flags = Column::Flag(cells.iter().map(is).collect());
                frame = frame.with(&format!("{name}={level}"), flags);
            }
        }
        frame
    }

    /// Scores each of the five folds with a metric of the reference's naming.
    fn scores(
        &self,
        word: &str,
        settings: Settings<'_>,
        metrics: &[String],
    ) -> Vec<BTreeMap<String, f64>> {
        let rows = self.target.len();
        let fold = |fold: usize| {
            let (test, train): (Vec<usize>, Vec<usize>) =
                (0..rows).partition(|row| row % 5 == fold);
            let frame = self.prepared(&train);
            let fitted = fit(word, settings, &frame.take(&train), &self.target.take(&train), None);
            let prediction = fitted.predict(&frame.take(&test)).unwrap();
            let target = self.target.take(&test);
            metrics
                .iter()
                .map(|metric| (metric.clone(), self.score(metric, &target, &prediction)))
                .collect()
        };
        (0..5).map(fold).collect()
    }

    /// Compares the scores of each fold, and says every one that is off.
    fn check(&self, word: &str, settings: Settings<'_>, expected: &Json, tolerance: f64) {
        let metrics: Vec<String> = expected[0].as_object().unwrap().keys().cloned().collect();
        let mut wrong = Vec::new();
        for (fold, found) in self.scores(word, settings, &metrics).iter().enumerate() {
            for (metric, value) in found {
                let wanted = expected[fold][metric].as_f64().unwrap();
                if (value - wanted).abs() > tolerance * wanted.abs().max(0.1) {
                    wrong.push(format!("fold {fold} {metric}: {value} instead of {wanted}"));
                }
            }
        }
        let name = &self.reference["name"];
        assert!(wrong.is_empty(), "{word} on {name}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
    }

    pub(super) fn score(&self, metric: &str, target: &Target, prediction: &Prediction) -> f64 {
        let average = |word: &str| vec![("average", Setting::Word(word.to_owned()))];
        let (name, settings) = match metric {
            "f1_macro" => ("f1", average("macro")),
            "f1_weighted" => ("f1", average("weighted")),
            "roc_auc_ovr_macro" => ("roc_auc", vec![]),
            other => (other, vec![]),
        };
        let kind = METRICS.iter().find(|kind| kind.signature().name == name).unwrap();
        let judged =
            Judged { target, prediction, weights: None, positive: self.positive, features: None };
        kind.bind(&written(kind.signature(), &settings)).unwrap().score(&judged).unwrap()
    }
}

/// Fits an estimator of the registry.
pub(super) fn fit(
    word: &str,
    settings: Settings<'_>,
    features: &Frame,
    target: &Target,
    weights: Option<&[f64]>,
) -> Box<dyn Fitted> {
    let kind = ESTIMATORS.iter().find(|kind| kind.signature().name == word).unwrap();
    let estimator = kind.bind(&written(kind.signature(), settings)).unwrap();
    let (stop, seed) = (AtomicBool::new(false), Seed::new(0));
    let context = FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
    let fitted = estimator.fit(&Sample { features, target, weights }, &context).unwrap();
    assert_eq!(fitted.warnings(), [""; 0], "{word}");
    fitted
}

fn words(json: &Json) -> Vec<String> {
    json.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn number(cell: &str) -> f64 {
    match cell {
        "" => f64::NAN,
        "true" | "True" => 1.0,
        "false" | "False" => 0.0,
        digits => digits.parse().unwrap(),
    }
}

fn classes(cells: &[String], positive: &Json) -> (Target, Option<u32>) {
    let levels: BTreeSet<&str> = cells.iter().map(String::as_str).collect();
    let code =
        |cell: &str| u32::try_from(levels.iter().position(|own| *own == cell).unwrap()).unwrap();
    let classes = levels.iter().map(|level| Label::Text(Arc::from(*level))).collect();
    let codes = cells.iter().map(|cell| code(cell)).collect();
    let positive = match positive {
        Json::Null => None,
        Json::String(word) => Some(code(word)),
        other => Some(code(&other.to_string())),
    };
    (Target::Classes { codes, classes }, positive)
}

/// Compares the scores of each fold with those of the reference.
fn check(data: &[&str], word: &str, settings: Settings<'_>, model: &str, tolerance: f64) {
    for name in data {
        let data = Data::read(name);
        data.check(word, settings, &data.reference["exact"][model]["folds"], tolerance);
    }
}

/// Reads what scikit-learn says where the reference has no figures; `make.py` beside it made it.
fn more() -> Json {
    let text = read(&["tests/fixtures/estimators"], "estimators.json");
    serde_json::from_str(&text).unwrap()
}

fn floats(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|own| own.as_f64().unwrap()).collect()
}

/// The sets with classes; `pipelines/data` holds some of them.
const CLASSES: &[&str] = &["iris", "wine", "breast_cancer", "penguins", "titanic"];

#[test]
fn the_dummy_scores_as_scikit_learn_s() {
    check(CLASSES, "dummy", &[], "dummy_prior", 1e-12);
    check(&["diabetes", "isl_bikeshare"], "dummy", &[], "dummy_mean", 1e-12);
}

#[test]
fn logistic_regression_scores_as_scikit_learn_s() {
    // scikit-learn's solver stops at a slope of 1e-7.
    check(CLASSES, "logistic_regression", &[], "logistic", 1e-4);
    check(&["credit"], "logistic_regression", &[], "logistic", 1e-4);
}

#[test]
fn logistic_regression_finds_scikit_learn_s_probabilities() {
    for name in CLASSES {
        let data = Data::read(name);
        let rows: Vec<usize> = (0..data.target.len()).collect();
        let frame = data.prepared(&rows);
        let fitted = fit("logistic_regression", &[], &frame, &data.target, None);
        let loss = data.score("log_loss", &data.target, &fitted.predict(&frame).unwrap());
        let wanted =
            data.reference["full_data_fit"]["logistic"]["log_loss_train"].as_f64().unwrap();
        assert!((loss - wanted).abs() < 1e-6 * wanted, "{name}: {loss} instead of {wanted}");
    }
}

/// The sets with numbers; one-hot columns make the second one's depend on each other.
const NUMBERS: &[&str] = &["diabetes", "isl_bikeshare"];

#[test]
fn linear_regression_scores_as_scikit_learn_s() {
    check(NUMBERS, "linear_regression", &[], "ols", 1e-9);
}

#[test]
fn ridge_scores_as_scikit_learn_s() {
    check(NUMBERS, "ridge", &[("alpha", Setting::Float(1.0))], "ridge_1", 1e-9);
}

#[test]
fn elastic_net_scores_as_scikit_learn_s() {
    // scikit-learn's solver stops at a gap of 1e-4.
    check(NUMBERS, "elastic_net", &[("alpha", Setting::Float(0.1))], "elastic_net_0.1", 1e-3);
}

#[test]
fn lasso_scores_as_scikit_learn_s() {
    let expected = more();
    for name in NUMBERS {
        let settings = [("alpha", Setting::Float(0.1))];
        Data::read(name).check("lasso", &settings, &expected["lasso"][*name], 1e-6);
    }
}

#[test]
fn linear_regression_of_columns_that_depend_on_each_other_is_scikit_learn_s_shortest() {
    let case = &more()["rank_deficient"];
    let frame = |columns: &Json| {
        let columns: Vec<Vec<f64>> = columns.as_array().unwrap().iter().map(floats).collect();
        let rows = columns[0].len();
        columns.into_iter().enumerate().fold(Frame::new(rows), |frame, (at, own)| {
            frame.with(&format!("x{at}"), Column::Number(own.into()))
        })
    };
    let target = Target::Numbers(floats(&case["y"]).into());
    let fitted = fit("linear_regression", &[], &frame(&case["x"]), &target, None);
    let Prediction::Values(found) = fitted.predict(&frame(&case["asked"])).unwrap() else {
        panic!("numbers")
    };
    for (found, wanted) in found.iter().zip(floats(&case["said"])) {
        assert!((found - wanted).abs() < 1e-9, "{found} instead of {wanted}");
    }
}

#[test]
fn isolation_forests_find_rows_as_odd_as_scikit_learn_s() {
    let data = Data::read("breast_cancer");
    let expected = &more()["isolation_forest"]["breast_cancer"];
    let (test, train): (Vec<usize>, Vec<usize>) =
        (0..data.target.len()).partition(|row| row % 5 == 0);
    let frame = data.prepared(&train);
    let rows = Target::Absent { rows: train.len() };
    let fitted = fit("isolation_forest", &[], &frame.take(&train), &rows, None);
    let Prediction::Anomalies { scores, .. } = fitted.predict(&frame.take(&test)).unwrap() else {
        panic!("scores")
    };
    let Target::Classes { codes, .. } = data.target.take(&test) else { panic!("classes") };
    let of = |odd: bool| {
        let own = scores.iter().zip(codes.iter());
        own.filter(move |(_, code)| (Some(**code) == data.positive) == odd).map(|(score, _)| *score)
    };
    let pairs = of(true).flat_map(|odd| of(false).map(move |plain| (odd, plain)));
    let won = pairs.clone().filter(|(odd, plain)| odd > plain).count() as f64;
    let area = won / pairs.count() as f64;
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    for (what, found) in [("roc_auc", area), ("mean_score", mean)] {
        // One forest of ours may lie as far off as theirs do, and half as far again.
        let theirs = floats(&expected[what]);
        let middle = theirs.iter().sum::<f64>() / theirs.len() as f64;
        let furthest = theirs.iter().map(|own| (own - middle).abs()).fold(0.0, f64::max);
        assert!((found - middle).abs() <= 1.5 * furthest, "{what}: {found}, not {middle}");
    }
}

#[test]
fn gaussian_naive_bayes_scores_as_scikit_learn_s() {
    check(CLASSES, "gaussian_naive_bayes", &[], "gaussian_nb", 1e-9);
    check(&["credit"], "gaussian_naive_bayes", &[], "gaussian_nb", 1e-9);
    // Half of the densities of a pixel are 10^11 and more apart, and tie as rounding has it.
    check(&["digits"], "gaussian_naive_bayes", &[], "gaussian_nb", 1e-5);
}

#[test]
fn nearest_neighbours_score_as_scikit_learn_s() {
    let apart = ["iris", "wine", "breast_cancer", "diabetes", "digits"];
    check(&apart, "k_nearest_neighbors", &[], "knn5", 1e-9);
    // One-hot columns make many rows equally far, and scikit-learn takes any of those.
    check(&["penguins", "isl_bikeshare"], "k_nearest_neighbors", &[], "knn5", 0.01);
    check(&["titanic"], "k_nearest_neighbors", &[], "knn5", 0.1);
}

#[test]
fn k_means_finds_groups_as_tight_as_scikit_learn_s_best_of_100() {
    for (name, groups) in [("iris", 3), ("wine", 3), ("breast_cancer", 2)] {
        let data = Data::read(name);
        let rows: Vec<usize> = (0..data.target.len()).collect();
        let frame = data.prepared(&rows);
        let settings = [
            ("n_clusters", Setting::Int(groups)),
            ("n_init", Setting::Int(20)),
            ("tol", Setting::Float(0.0)),
        ];
        let fitted = fit("k_means", &settings, &frame, &Target::Absent { rows: rows.len() }, None);
        let said = fitted.predict(&frame).unwrap();
        let reference = read(&["tests/fixtures/reference"], &format!("clustering_{name}.json"));
        let reference: Json = serde_json::from_str(&reference).unwrap();
        let best = &reference["kmeans_best_of_100"];
        let near = |found: f64, wanted: &Json, what: &str| {
            let wanted = wanted.as_f64().unwrap();
            assert!(
                (found - wanted).abs() < 1e-6 * wanted,
                "{name} {what}: {found} instead of {wanted}"
            );
        };
        near(fitted.history().last().unwrap().train, &best["inertia"], "inertia");
        for (metric, expected) in [
            ("silhouette", "silhouette"),
            ("calinski_harabasz", "calinski_harabasz"),
            ("davies_bouldin", "davies_bouldin"),
            ("adjusted_rand", "ari"),
            ("normalized_mutual_info", "nmi"),
            ("homogeneity", "homogeneity"),
        ] {
            let kind = METRICS.iter().find(|kind| kind.signature().name == metric).unwrap();
            let target = &data.target;
            let features = Some(&frame);
            let judged =
                Judged { target, prediction: &said, weights: None, positive: None, features };
            let found = kind.bind(&written(kind.signature(), &[])).unwrap().score(&judged).unwrap();
            near(found, &best[expected], metric);
        }
    }
}
