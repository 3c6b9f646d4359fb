//! Every metric against scikit-learn's values on small vectors, edge cases included.
//!
//! The values lie in `tests/fixtures/reference/metrics.json`; a metric agrees where it is within
//! 1e-12, relative. Where scikit-learn raises or gives NaN, the metric must have no value. No value
//! of the file is passed over: a name that no test knows is an error.

use std::sync::Arc;

use serde_json::Value as Json;

use super::curves::RecallPoint;
use super::groups::silhouette_samples;
use super::{METRICS, curves};
use crate::data::{Column, Frame, Label, Target};
use crate::ml::estimator::Prediction;
use crate::ml::metric::{Judged, MetricError};
use crate::ml::settle::written;
use crate::params::Setting;

/// Scores with a metric of the registry.
fn score(
    name: &str,
    settings: &[(&'static str, Setting)],
    judged: &Judged<'_>,
) -> Result<f64, MetricError> {
    let kind = METRICS.iter().find(|kind| kind.signature().name == name);
    let kind = kind.unwrap_or_else(|| panic!("no metric `{name}`"));
    kind.bind(&written(kind.signature(), settings)).unwrap().score(judged)
}

fn word(word: &str) -> Setting {
    Setting::Word(word.to_owned())
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|item| item.as_f64().unwrap()).collect()
}

fn weights(case: &Json) -> Option<Vec<f64>> {
    case["weights"].as_array().map(|_| numbers(&case["weights"]))
}

fn label(json: &Json) -> Label {
    json.as_i64().map_or_else(|| Label::Text(json.as_str().unwrap().into()), Label::Int)
}

/// Reads classes as codes into `labels`, or into 0 and 1 where the case names none.
fn target(case: &Json, field: &str) -> (Vec<u32>, Arc<[Label]>) {
    let classes: Arc<[Label]> = match case["labels"].as_array() {
        Some(labels) => labels.iter().map(label).collect(),
        None => [Label::Int(0), Label::Int(1)].into(),
    };
    let code = |item: &Json| {
        let own = label(item);
        u32::try_from(classes.iter().position(|class| *class == own).unwrap()).unwrap()
    };
    (case[field].as_array().unwrap().iter().map(code).collect(), classes)
}

/// Counts and compares; prints what differs and fails at the end.
#[derive(Default)]
struct Tally {
    compared: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn compare(&mut self, case: &Json, metric: &str, found: &Result<f64, MetricError>) {
        self.near(case, metric, found, &case["expected"][metric]);
    }

    fn near(
        &mut self,
        case: &Json,
        metric: &str,
        found: &Result<f64, MetricError>,
        expected: &Json,
    ) {
        self.compared += 1;
        let right = match (found, expected.as_f64()) {
            (Ok(found), Some(expected)) => {
                (found - expected).abs() <= 1e-12 * expected.abs().max(1e-3)
            }
            (Err(_), None) => {
                expected.is_null() || expected.is_string() || expected.get("error").is_some()
            }
            _ => false,
        };
        if !right {
            let line = format!("{} {metric}: {found:?} instead of {expected}", case["name"]);
            self.wrong.push(line);
        }
    }

    fn done(self, at_least: usize) {
        assert!(self.wrong.is_empty(), "{} wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.compared >= at_least, "only {} values were compared", self.compared);
    }
}

fn cases(kind: &str) -> Vec<Json> {
    let path = "tests/fixtures/reference/metrics.json";
    let all: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == kind).cloned().collect()
}

/// Says what `precision_macro@zd1` asks of which metric; what it asks of each class, `binary` gives.
fn averaged(name: &str) -> (&'static str, Vec<(&'static str, Setting)>) {
    let (rest, zero) = name.split_once("@zd").unwrap_or((name, "0"));
    let (metric, average) = rest.split_once('_').unwrap_or_else(|| panic!("what is `{name}`?"));
    let average = if average == "per_class" { "binary" } else { average };
    let zero = zero.parse().map_or(Setting::Null, Setting::Float);
    let zero = if zero == Setting::Float(f64::NAN) { Setting::Null } else { zero };
    let mut settings = vec![("average", word(average)), ("zero_division", zero)];
    let metric = match metric {
        "precision" => "precision",
        "recall" => "recall",
        "f1" => "f1",
        "jaccard" => "jaccard",
        "f2" | "f0.5" => {
            settings.push(("beta", Setting::Float(metric[1..].parse().unwrap())));
            "fbeta"
        }
        _ => panic!("what is `{name}`?"),
    };
    (metric, settings)
}

#[test]
fn metrics_of_labels_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("classification_labels") {
        let ((truth, classes), (predicted, _)) = (target(&case, "y_true"), target(&case, "y_pred"));
        let mut probabilities = vec![0.0; predicted.len() * classes.len()];
        for (row, code) in predicted.iter().enumerate() {
            probabilities[row * classes.len() + *code as usize] = 1.0;
        }
        let weights = weights(&case);
        let positive = case["positive"].as_null().is_none().then(|| label(&case["positive"]));
        let positive = positive.map(|own| classes.iter().position(|class| *class == own).unwrap());
        let judged = Judged {
            target: &Target::Classes { codes: truth.clone().into(), classes: Arc::clone(&classes) },
            prediction: &Prediction::Classes { probabilities, classes: Arc::clone(&classes) },
            weights: weights.as_deref(),
            positive: positive.map(|code| u32::try_from(code).unwrap()),
            features: None,
        };
        for (name, expected) in case["expected"].as_object().unwrap() {
            let found = match name.as_str() {
                "accuracy" | "balanced_accuracy" | "mcc" | "cohen_kappa" => {
                    score(name, &[], &judged)
                }
                "zero_one_loss" | "hamming_loss" => {
                    score("accuracy", &[], &judged).map(|share| 1.0 - share)
                }
                "balanced_accuracy_adjusted" => {
                    score("balanced_accuracy", &[("adjusted", Setting::Bool(true))], &judged)
                }
                "cohen_kappa_linear" => {
                    score("cohen_kappa", &[("weights", word("linear"))], &judged)
                }
                "cohen_kappa_quadratic" => {
                    score("cohen_kappa", &[("weights", word("quadratic"))], &judged)
                }
                "confusion_matrix" => {
                    let weights = weights.as_deref();
                    let found = super::Confusion::new(classes.len(), &truth, &predicted, weights);
                    for (actual, row) in expected.as_array().unwrap().iter().enumerate() {
                        for (guess, count) in numbers(row).into_iter().enumerate() {
                            assert_eq!(found.count(actual, guess), count, "{}", case["name"]);
                        }
                    }
                    tally.compared += 1;
                    continue;
                }
                name if name.contains("_per_class") => {
                    let (metric, settings) = averaged(name);
                    for (class, expected) in (0..).zip(expected.as_array().unwrap()) {
                        let judged = Judged { positive: Some(class), ..judged };
                        let found = score(metric, &settings, &judged);
                        tally.near(&case, name, &found, expected);
                    }
                    continue;
                }
                name => {
                    let (metric, settings) = averaged(name);
                    score(metric, &settings, &judged)
                }
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(2_000);
}

#[test]
fn metrics_of_two_classes_probabilities_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("binary_scores") {
        let ((truth, classes), scores) = (target(&case, "y_true"), numbers(&case["y_score"]));
        let weights = weights(&case);
        let judged = Judged {
            target: &Target::Classes { codes: truth.clone().into(), classes: Arc::clone(&classes) },
            prediction: &Prediction::Classes {
                probabilities: scores.iter().flat_map(|score| [1.0 - score, *score]).collect(),
                classes,
            },
            weights: weights.as_deref(),
            positive: Some(1),
            features: None,
        };
        let positive: Vec<bool> = truth.iter().map(|code| *code == 1).collect();
        for (name, expected) in case["expected"].as_object().unwrap() {
            let found = match name.as_str() {
                "roc_auc" | "average_precision" | "log_loss" | "brier" | "d2_log_loss" => {
                    score(name, &[], &judged)
                }
                "roc_auc_max_fpr_0.5" => {
                    score("roc_auc", &[("max_fpr", Setting::Float(0.5))], &judged)
                }
                "roc_curve_fpr_tpr" => {
                    // The reference keeps the points on straight lines.
                    let steps = curves::steps(&positive, &scores, weights.as_deref());
                    let points = curves::rates(&steps);
                    let (fpr, tpr) = (&expected[0], &expected[1]);
                    assert_eq!(points.len(), fpr.as_array().unwrap().len(), "{}", case["name"]);
                    for (index, point) in points.iter().enumerate() {
                        let finite = |rate: f64| {
                            if rate.is_nan() { Err(MetricError(String::new())) } else { Ok(rate) }
                        };
                        tally.near(&case, "fpr", &finite(point.false_positive_rate), &fpr[index]);
                        tally.near(&case, "tpr", &finite(point.true_positive_rate), &tpr[index]);
                    }
                    continue;
                }
                "precision_recall_curve" => {
                    let points = curves::precision_recall(&positive, &scores, weights.as_deref());
                    assert_eq!(points.len() + 1, expected[0].as_array().unwrap().len());
                    for (index, point) in points.iter().rev().enumerate() {
                        tally.near(&case, "precision", &Ok(point.precision), &expected[0][index]);
                        tally.near(&case, "recall", &Ok(point.recall), &expected[1][index]);
                    }
                    continue;
                }
                "pr_auc_trapezoid" => {
                    let points = curves::precision_recall(&positive, &scores, weights.as_deref());
                    Ok(trapezoids(&points))
                }
                "accuracy_at_0.5_strict" => score("accuracy", &[], &judged),
                name => panic!("what is `{name}`?"),
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(320);
}

/// The area under a curve of precision over recall, which no metric gives: it is too good.
fn trapezoids(points: &[RecallPoint]) -> f64 {
    let (mut area, mut before) = (0.0, (0.0, 1.0));
    for point in points {
        area += (point.recall - before.0) * f64::midpoint(point.precision, before.1);
        before = (point.recall, point.precision);
    }
    area
}

#[test]
fn metrics_of_many_classes_probabilities_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("multiclass_probabilities") {
        let (truth, classes) = target(&case, "y_true");
        let rows = case["y_proba"].as_array().unwrap();
        let weights = weights(&case);
        let target = Target::Classes { codes: truth.into(), classes: Arc::clone(&classes) };
        let prediction =
            Prediction::Classes { probabilities: rows.iter().flat_map(numbers).collect(), classes };
        let judged = Judged {
            target: &target,
            prediction: &prediction,
            weights: weights.as_deref(),
            positive: None,
            features: None,
        };
        // scikit-learn refuses weights with one against one; its values are those without.
        let unweighted = Judged { weights: None, ..judged };
        let auc = |judged: &Judged<'_>, split: &str, average: &str| {
            score("roc_auc", &[("multi_class", word(split)), ("average", word(average))], judged)
        };
        for name in case["expected"].as_object().unwrap().keys() {
            let found = match name.as_str() {
                "log_loss" => score(name, &[], &judged),
                "brier_multiclass" => score("brier", &[], &judged),
                "roc_auc_ovr_macro" => auc(&judged, "ovr", "macro"),
                "roc_auc_ovr_weighted" => auc(&judged, "ovr", "weighted"),
                "roc_auc_ovr_micro" => auc(&judged, "ovr", "micro"),
                "roc_auc_ovo_macro" => auc(&unweighted, "ovo", "macro"),
                "roc_auc_ovo_weighted" => auc(&unweighted, "ovo", "weighted"),
                "top_1_accuracy" => score("top_k_accuracy", &[("k", Setting::Int(1))], &judged),
                "top_2_accuracy" => score("top_k_accuracy", &[("k", Setting::Int(2))], &judged),
                name => panic!("what is `{name}`?"),
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(63);
}

#[test]
fn metrics_of_numbers_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("regression") {
        let target = Target::Numbers(numbers(&case["y_true"]).into());
        let prediction = Prediction::Values(numbers(&case["y_pred"]));
        let weights = weights(&case);
        let judged = Judged {
            target: &target,
            prediction: &prediction,
            weights: weights.as_deref(),
            positive: None,
            features: None,
        };
        for name in case["expected"].as_object().unwrap().keys() {
            let with = |metric: &str, param: &'static str, from: &str| {
                let value = name.strip_prefix(from).unwrap().parse().unwrap();
                score(metric, &[(param, Setting::Float(value))], &judged)
            };
            let found = match name.as_str() {
                name if name.starts_with("pinball_") => with("pinball", "alpha", "pinball_"),
                name if name.starts_with("d2_pinball_") => {
                    with("d2_pinball", "alpha", "d2_pinball_")
                }
                name if name.starts_with("tweedie_") => {
                    with("tweedie_deviance", "power", "tweedie_deviance_")
                }
                name if name.starts_with("d2_tweedie_") => {
                    with("d2_tweedie", "power", "d2_tweedie_")
                }
                name => score(name, &[], &judged),
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(300);
}

fn groups(json: &Json) -> Vec<i64> {
    json.as_array().unwrap().iter().map(|item| item.as_i64().unwrap()).collect()
}

#[test]
fn metrics_of_groups_and_classes_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("clustering_labels") {
        let truth = groups(&case["labels_true"]);
        let classes = (0..=truth.iter().copied().max().unwrap()).map(Label::Int).collect();
        let codes = truth.iter().map(|code| u32::try_from(*code).unwrap()).collect();
        let target = Target::Classes { codes, classes };
        let prediction = Prediction::Clusters(groups(&case["labels_pred"]));
        let judged = Judged {
            target: &target,
            prediction: &prediction,
            weights: None,
            positive: None,
            features: None,
        };
        let normalized =
            |average: &str| score("normalized_mutual_info", &[("average", word(average))], &judged);
        for name in case["expected"].as_object().unwrap().keys() {
            let found = match name.as_str() {
                "ari" => score("adjusted_rand", &[], &judged),
                "ami" => {
                    // A difference of two sums of logarithms of factorials: its rounding is absolute.
                    let found = score("adjusted_mutual_info", &[], &judged).unwrap();
                    let expected = case["expected"]["ami"].as_f64().unwrap();
                    assert!((found - expected).abs() < 1e-13, "{}: {found}", case["name"]);
                    tally.compared += 1;
                    continue;
                }
                "nmi" => score("normalized_mutual_info", &[], &judged),
                "nmi_min" => normalized("min"),
                "nmi_geometric" => normalized("geometric"),
                "nmi_max" => normalized("max"),
                name => score(name, &[], &judged),
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(72);
}

#[test]
fn metrics_of_groups_agree_with_scikit_learn() {
    let mut tally = Tally::default();
    for case in cases("clustering_points") {
        let rows: Vec<Vec<f64>> = case["X"].as_array().unwrap().iter().map(numbers).collect();
        let column = |index: usize| Column::Number(rows.iter().map(|row| row[index]).collect());
        let features = Frame::new(rows.len()).with("x", column(0)).with("y", column(1));
        let prediction = Prediction::Clusters(groups(&case["labels"]));
        let judged = Judged {
            target: &Target::Absent { rows: rows.len() },
            prediction: &prediction,
            weights: None,
            positive: None,
            features: Some(&features),
        };
        for name in case["expected"].as_object().unwrap().keys() {
            let found = match name.as_str() {
                "silhouette_samples" => {
                    // Where there is no silhouette at all there is none of a row.
                    let widths = silhouette_samples(&judged);
                    let expected = &case["expected"][name];
                    match (widths, expected.as_array()) {
                        (Ok(widths), Some(rows)) => {
                            assert_eq!(widths.len(), rows.len());
                            for (width, expected) in widths.into_iter().zip(rows) {
                                tally.near(&case, name, &Ok(width), expected);
                            }
                        }
                        (Err(error), _) => tally.near(&case, name, &Err(error), expected),
                        (Ok(widths), None) => panic!("{widths:?} instead of {expected}"),
                    }
                    continue;
                }
                "silhouette_manhattan" => {
                    score("silhouette", &[("metric", word("manhattan"))], &judged)
                }
                name => score(name, &[], &judged),
            };
            tally.compare(&case, name, &found);
        }
    }
    tally.done(24);
}
