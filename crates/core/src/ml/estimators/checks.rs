//! What is true of every registered estimator: one loop over the registry a claim.
//!
//! Each kind is tried on an easy set for each of its tasks, with its defaults (`quick` names the few
//! that are set), and with each of the settings that `variants` lists. Where a claim can't hold for a
//! kind, the claim names it and says why.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::RngExt;
use serde_json::{Value as Json, json};

use super::ESTIMATORS;
use super::tree::trials::kind;
use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{
    BadSetting, Estimator, EstimatorKind, FitContext, FitError, Fitted, LoadError, Prediction,
    Sample, Tags, Task,
};
use crate::ml::settle::written;
use crate::ml::steps::fixture::args_of;
use crate::params::{Args, Setting, Signature};

/// Rows to learn from, and the answers.
#[derive(Clone)]
struct Set {
    features: Frame,
    target: Target,
    weights: Option<Vec<f64>>,
}

impl Set {
    /// Makes an easy set: three blobs, told apart (or summed up) by two of four columns.
    fn easy(task: Task, rows: usize, seed: u64) -> Self {
        let mut generator = Seed::new(seed).generator();
        let mut noise = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
        let group: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        let centres = [(-4.0, 0.0), (0.0, 5.0), (4.0, -1.0)];
        let left: Vec<f64> = group.iter().map(|group| centres[*group].0 + noise()).collect();
        let right: Vec<f64> = group.iter().map(|group| centres[*group].1 + noise()).collect();
        // Groups are found by distance, which a wide idle column would be most of.
        let width = if task == Task::Clustering { 0.2 } else { 20.0 };
        let idle: Vec<f64> = group.iter().map(|_| 100.0 + width * noise()).collect();
        let flag: Vec<f64> = group.iter().map(|_| f64::from(u8::from(noise() > 0.0))).collect();
        let target = match task {
            Task::Classification => Target::Classes {
                codes: group.iter().map(|group| u32::try_from(*group).unwrap()).collect(),
                classes: ["blue", "green", "red"].map(|name| Label::Text(name.into())).into(),
            },
            Task::Regression => {
                let sums = left
                    .iter()
                    .zip(&right)
                    .map(|(left, right)| 10.0 + 3.0 * left - right + 0.1 * noise());
                Target::Numbers(sums.collect())
            }
            Task::Clustering | Task::Anomaly => Target::Absent { rows },
        };
        let features = Frame::new(rows)
            .with("left", Column::Number(left.into()))
            .with("right", Column::Number(right.into()))
            .with("idle", Column::Number(idle.into()))
            .with("flag", Column::Flag(flag.into()));
        Self { features, target, weights: None }
    }

    fn take(&self, rows: &[usize]) -> Self {
        let weights = self.weights.as_ref();
        Self {
            features: self.features.take(rows),
            target: self.target.take(rows),
            weights: weights.map(|weights| rows.iter().map(|row| weights[*row]).collect()),
        }
    }

    fn with(&self, name: &str, column: Column) -> Self {
        Self { features: self.features.clone().with(name, column), ..self.clone() }
    }

    /// Changes the first column.
    fn changed(&self, change: impl Fn(usize, f64) -> f64) -> Self {
        let mut features = Frame::new(self.features.rows());
        for (index, (name, column)) in self.features.iter().enumerate() {
            let changed = column.numbers().filter(|_| index == 0).map(|values| {
                Column::Number(
                    values.iter().enumerate().map(|(row, value)| change(row, *value)).collect(),
                )
            });
            features = features.with(name, changed.unwrap_or_else(|| column.clone()));
        }
        Self { features, ..self.clone() }
    }
}

/// Settings that make a kind quick enough for tests, or fit for three groups.
fn quick(kind: &dyn EstimatorKind) -> Vec<(&'static str, Setting)> {
    let wanted = [("n_clusters", 3), ("n_estimators", 10), ("max_iter", 20), ("epochs", 100)];
    let mut settings: Vec<_> = wanted
        .into_iter()
        .filter(|(name, _)| kind.signature().param(name).is_some())
        .map(|(name, number)| (name, Setting::Int(number)))
        .collect();
    if kind.signature().name != "gradient_boosting" {
        settings.retain(|(name, _)| *name != "max_iter");
    }
    settings
}

fn fit_at(kind: &dyn EstimatorKind, set: &Set, seed: u64) -> Result<Box<dyn Fitted>, FitError> {
    let estimator = kind.bind(&written(kind.signature(), &quick(kind))).unwrap();
    let stop = AtomicBool::new(false);
    let context =
        FitContext { seed: Seed::new(seed), stop: &stop, validation: None, progress: &|_, _| {} };
    let weights = set.weights.as_deref();
    estimator.fit(&Sample { features: &set.features, target: &set.target, weights }, &context)
}

fn fit(kind: &dyn EstimatorKind, set: &Set) -> Box<dyn Fitted> {
    fit_at(kind, set, 1).unwrap_or_else(|error| panic!("{}: {error}", kind.signature().name))
}

/// A kind with some settings that are not its defaults.
struct Variant {
    kind: &'static dyn EstimatorKind,
    tasks: &'static [Task],
    settings: Json,
}

impl EstimatorKind for Variant {
    fn signature(&self) -> &'static Signature {
        self.kind.signature()
    }

    fn tags(&self) -> Tags {
        self.kind.tags()
    }

    fn bind(&self, args: &Args) -> Result<Box<dyn Estimator>, BadSetting> {
        let mut args = args.clone();
        let own = args_of(self.signature(), &self.settings);
        for name in self.settings.as_object().unwrap().keys() {
            *args.get_mut(name).unwrap() = own.get(name).unwrap().clone();
        }
        self.kind.bind(&args)
    }

    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Fitted>, LoadError> {
        self.kind.load(bytes)
    }
}

/// Lists the settings that change how a kind learns so much that all claims are tried with them.
fn variants() -> Vec<Variant> {
    const CLASSES: &[Task] = &[Task::Classification];
    const NUMBERS: &[Task] = &[Task::Regression];
    let signs = json!({ "left": 1, "right": -1 });
    let listed = [
        ("logistic_regression", CLASSES, json!({ "l1_ratio": 1.0 })),
        ("logistic_regression", CLASSES, json!({ "l1_ratio": 0.5 })),
        ("linear_regression", NUMBERS, json!({ "positive": true })),
        ("ridge", NUMBERS, json!({ "positive": true })),
        ("lasso", NUMBERS, json!({ "positive": true })),
        ("elastic_net", NUMBERS, json!({ "positive": true })),
        ("decision_tree", NUMBERS, json!({ "criterion": "absolute_error" })),
        // In nodes of a few rows columns tie, and then bounds hang on which is taken.
        ("decision_tree", NUMBERS, json!({ "monotonic_cst": signs, "max_depth": 4 })),
        (
            "decision_tree",
            NUMBERS,
            json!({ "monotonic_cst": signs, "criterion": "absolute_error", "max_depth": 4 }),
        ),
        (
            "random_forest",
            NUMBERS,
            json!({ "bootstrap": true, "oob_score": true, "criterion": "absolute_error" }),
        ),
        ("random_forest", NUMBERS, json!({ "monotonic_cst": signs })),
        ("random_forest", CLASSES, json!({ "bootstrap": true, "oob_score": true })),
        (
            "extra_trees",
            NUMBERS,
            json!({
                "bootstrap": true, "oob_score": true,
                "criterion": "absolute_error", "monotonic_cst": signs,
            }),
        ),
        ("gradient_boosting", NUMBERS, json!({ "monotonic_cst": signs })),
        ("gradient_boosting", NUMBERS, json!({ "interaction_cst": "pairwise" })),
        ("gradient_boosting", CLASSES, json!({ "interaction_cst": "no_interactions" })),
        ("k_nearest_neighbors", CLASSES, json!({ "metric": "chebyshev" })),
        ("k_nearest_neighbors", CLASSES, json!({ "metric": "minkowski", "p": 1.5 })),
        ("k_nearest_neighbors", NUMBERS, json!({ "metric": "minkowski", "p": "inf" })),
        ("k_nearest_neighbors", CLASSES, json!({ "metric": "cosine", "weights": "distance" })),
        (
            "gaussian_naive_bayes",
            CLASSES,
            json!({ "priors": { "blue": 0.1, "green": 0.2, "red": 0.7 } }),
        ),
        ("dummy", CLASSES, json!({ "strategy": "constant", "constant": "blue" })),
    ];
    let variant = |(name, tasks, settings)| Variant { kind: kind(name), tasks, settings };
    listed.into_iter().map(variant).collect()
}

/// Calls for each kind and each of its tasks.
fn each(check: impl Fn(&dyn EstimatorKind, Task, &str)) {
    for kind in ESTIMATORS {
        for task in kind.tags().tasks {
            check(*kind, *task, &format!("{} for {}", kind.signature().name, task.word()));
        }
    }
    for variant in &variants() {
        for task in variant.tasks {
            let (name, settings) = (variant.signature().name, &variant.settings);
            check(variant, *task, &format!("{name} with {settings} for {}", task.word()));
        }
    }
}

/// How near two fits must come whose sums are added up in another order.
fn tolerance(kind: &dyn EstimatorKind) -> f64 {
    // Networks count in 32 bits, and many steps build on each other.
    if kind.signature().name == "neural_network" { 1e-4 } else { 1e-7 }
}

/// Lays a prediction out as numbers, for comparing.
fn numbers(prediction: &Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Classes { probabilities, .. } => probabilities.clone(),
        Prediction::Values(values) => values.clone(),
        #[expect(clippy::cast_precision_loss, reason = "groups are few")]
        Prediction::Clusters(groups) => groups.iter().map(|group| *group as f64).collect(),
        Prediction::Anomalies { scores, .. } => scores.clone(),
    }
}

fn said(fitted: &dyn Fitted, set: &Set) -> Vec<f64> {
    numbers(&fitted.predict(&set.features).unwrap())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn near(left: &[f64], right: &[f64], tolerance: f64, name: &str) {
    assert_eq!(left.len(), right.len(), "{name}");
    for (row, (left, right)) in left.iter().zip(right).enumerate() {
        let scale = 1.0_f64.max(left.abs()).max(right.abs());
        assert!(
            (left - right).abs() <= tolerance * scale,
            "{name}, value {row}: {left} and {right}"
        );
    }
}

#[test]
fn defaults_bind() {
    for kind in ESTIMATORS {
        let signature = kind.signature();
        assert!(kind.bind(&written(signature, &[])).is_ok(), "{}", signature.name);
        assert!(!signature.summary().is_empty() && !kind.tags().tasks.is_empty());
        assert!(
            ESTIMATORS.iter().filter(|other| other.signature().name == signature.name).count() == 1
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    each(|kind, task, name| {
        let set = Set::easy(task, 150, 1);
        let (one, two) = (fit(kind, &set), fit(kind, &set));
        assert_eq!(one.save(), two.save(), "{name}");
        assert_eq!(bits(&said(&*one, &set)), bits(&said(&*two, &set)), "{name}");
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let pools =
        [1, 4].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    each(|kind, task, name| {
        // So many rows that work is split.
        let set = Set::easy(task, 1_300, 2);
        let found = pools.each_ref().map(|pool| {
            pool.install(|| {
                let fitted = fit(kind, &set);
                (fitted.save(), bits(&said(&*fitted, &set)))
            })
        });
        assert!(found[0] == found[1], "{name}");
    });
}

#[test]
fn a_model_survives_the_store_to_the_bit() {
    each(|kind, task, name| {
        let set = Set::easy(task, 90, 3);
        let fitted = fit(kind, &set);
        let bytes = fitted.save();
        let loaded = kind.load(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(bits(&said(&*fitted, &set)), bits(&said(&*loaded, &set)), "{name}");
        assert_eq!(loaded.save(), bytes, "{name}");
        assert_eq!(loaded.importance(), fitted.importance(), "{name}");
        assert_eq!(loaded.history(), fitted.history(), "{name}");
        assert_eq!(loaded.warnings(), fitted.warnings(), "{name}");
    });
}

#[test]
fn broken_bytes_are_refused_or_harmless() {
    each(|kind, task, name| {
        let set = Set::easy(task, 60, 4);
        let bytes = fit(kind, &set).save();
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            assert!(kind.load(&bytes[..cut]).is_err(), "{name} loads {cut} of {}", bytes.len());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(kind.load(&longer).is_err(), "{name} loads too many bytes");
        // A flipped bit may leave a sound model; it must never panic, loaded or used.
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            if let Ok(loaded) = kind.load(&flipped) {
                let _ = loaded.predict(&set.features);
                let _ = (loaded.importance(), loaded.history().len(), loaded.warnings().len());
            }
        }
        for noise in 0..40_u64 {
            let mut generator = Seed::new(noise).generator();
            let junk: Vec<u8> = (0..noise * 9).map(|_| generator.random::<u8>()).collect();
            if let Ok(loaded) = kind.load(&junk) {
                let _ = loaded.predict(&set.features);
            }
        }
    });
}

#[test]
fn a_weight_of_k_counts_as_k_copies() {
    // These count rows where they decide (leaves of so many rows, rows drawn, bins), or draw rows.
    let exempt = [
        "gradient_boosting",
        "random_forest",
        "extra_trees",
        "isolation_forest",
        "decision_tree",
        "k_means",
    ];
    each(|kind, task, name| {
        if !kind.tags().weights || exempt.contains(&kind.signature().name) {
            return;
        }
        let set = Set::easy(task, 80, 5);
        let weights: Vec<f64> =
            (0..80).map(|row| f64::from(u8::try_from(row % 4).unwrap())).collect();
        let copies: Vec<usize> =
            (0..80).flat_map(|row| std::iter::repeat_n(row, row % 4)).collect();
        let weighted = fit(kind, &Set { weights: Some(weights), ..set.clone() });
        let copied = fit(kind, &set.take(&copies));
        near(&said(&*weighted, &set), &said(&*copied, &set), tolerance(kind), name);
    });
}

#[test]
fn rows_without_weight_count_for_nothing() {
    // They draw rows by their number.
    let exempt = ["random_forest", "extra_trees", "k_means"];
    each(|kind, task, name| {
        if !kind.tags().weights || exempt.contains(&kind.signature().name) {
            return;
        }
        let set = Set::easy(task, 90, 6);
        let odd = set.changed(|row, value| if row % 5 == 0 { 1e3 - value } else { value });
        let weights: Vec<f64> = (0..90).map(|row| f64::from(u8::from(row % 5 != 0))).collect();
        let kept: Vec<usize> = (0..90).filter(|row| row % 5 != 0).collect();
        let weighted = fit(kind, &Set { weights: Some(weights), ..odd });
        let left = fit(kind, &set.take(&kept));
        near(&said(&*weighted, &set), &said(&*left, &set), 1e-9, name);
    });
}

#[test]
fn a_constant_column_is_harmless() {
    // Columns, or the first weights of each, are drawn by their number.
    let exempt =
        ["random_forest", "extra_trees", "isolation_forest", "decision_tree", "neural_network"];
    each(|kind, task, name| {
        if exempt.contains(&kind.signature().name) {
            return;
        }
        let set = Set::easy(task, 100, 7);
        let wider = set.with("same", Column::Number(vec![7.5; 100].into()));
        let (narrow, wide) = (fit(kind, &set), fit(kind, &wider));
        near(&said(&*narrow, &set), &said(&*wide, &wider), 1e-8, name);
    });
}

#[test]
fn too_few_rows_are_an_error_or_a_model_and_never_a_panic() {
    each(|kind, task, name| {
        let set = Set::easy(task, 30, 8);
        assert!(fit_at(kind, &set.take(&[]), 1).is_err(), "{name} learns from nothing");
        for rows in [&[0_usize][..], &[0, 1], &[0, 1, 2]] {
            if let Ok(fitted) = fit_at(kind, &set.take(rows), 1) {
                assert!(said(&*fitted, &set).iter().all(|value| value.is_finite()), "{name}");
            }
        }
        if kind.tags().weights {
            let weightless = Set { weights: Some(vec![0.0; 30]), ..set };
            assert!(fit_at(kind, &weightless, 1).is_err(), "{name} learns from no weight");
        }
    });
}

#[test]
fn one_class_is_an_error() {
    each(|kind, task, name| {
        if task != Task::Classification || kind.signature().name == "dummy" {
            return;
        }
        let set = Set::easy(task, 60, 9);
        let red: Vec<usize> = (0..60).filter(|row| row % 3 == 2).collect();
        let error = fit_at(kind, &set.take(&red), 1).map(|_| ()).unwrap_err();
        assert_eq!(error, FitError::OneClass { class: "red".to_owned() }, "{name}");
    });
}

#[test]
fn a_class_without_rows_gets_no_probability() {
    each(|kind, task, name| {
        if task != Task::Classification {
            return;
        }
        let set = Set::easy(task, 90, 10);
        let two: Vec<usize> = (0..90).filter(|row| row % 3 != 1).collect();
        let weights = (0..90).map(|row| f64::from(u8::from(row % 3 != 1))).collect();
        let weightless = Set { weights: Some(weights), ..set.clone() };
        let sets = [set.take(&two), weightless];
        let count = if kind.tags().weights { 2 } else { 1 };
        for fitted in sets[..count].iter().map(|set| fit(kind, set)) {
            let Prediction::Classes { probabilities, classes } =
                fitted.predict(&set.features).unwrap()
            else {
                panic!("{name} tells no classes");
            };
            assert_eq!(classes.len(), 3, "{name}");
            for row in probabilities.chunks(3) {
                assert!(
                    row[1] < 1e-3 && (row.iter().sum::<f64>() - 1.0).abs() < 1e-9,
                    "{name}: {row:?}"
                );
            }
        }
    });
}

#[test]
fn missing_values_are_taken_or_refused_as_tagged() {
    each(|kind, task, name| {
        let set = Set::easy(task, 90, 11);
        let holes = set.changed(|row, value| if row % 7 == 3 { f64::NAN } else { value });
        match fit_at(kind, &holes, 1) {
            Ok(fitted) => {
                assert!(kind.tags().missing, "{name} takes NaN but is not tagged so");
                assert!(said(&*fitted, &holes).iter().all(|value| value.is_finite()), "{name}");
            }
            Err(FitError::BadValue { column, row, .. }) => {
                assert!(!kind.tags().missing, "{name} is tagged to take NaN");
                assert_eq!((column.as_str(), row), ("left", 3), "{name}");
                let refused = fit(kind, &set).predict(&holes.features);
                assert!(matches!(refused, Err(FitError::BadValue { row: 3, .. })), "{name}");
            }
            Err(other) => panic!("{name}: {other}"),
        }
    });
}

#[test]
fn infinity_is_refused_with_its_row() {
    each(|kind, task, name| {
        if kind.signature().name == "dummy" {
            return;
        }
        let set = Set::easy(task, 60, 12);
        let endless = set.changed(|row, value| if row == 4 { f64::INFINITY } else { value });
        match fit_at(kind, &endless, 1).map(|_| ()) {
            Err(FitError::BadValue { column, row: 4, .. }) => assert_eq!(column, "left", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    });
}

#[test]
fn categories_are_taken_or_refused_as_tagged() {
    each(|kind, task, name| {
        let set = Set::easy(task, 60, 13);
        let codes = (0..60).map(|row| row % 2).collect();
        let levels = Arc::from([Arc::from("a"), Arc::from("b")]);
        let categories = set.with("kind", Column::Category { codes, levels });
        match fit_at(kind, &categories, 1) {
            Ok(_) => {
                assert!(kind.tags().categories, "{name} takes categories but is not tagged so");
            }
            Err(FitError::Column { column, .. }) => {
                assert!(!kind.tags().categories, "{name} is tagged to take categories");
                assert_eq!(column, "kind", "{name}");
            }
            Err(other) => panic!("{name}: {other}"),
        }
        let texts = set.with("note", Column::Text(vec![Some("x".into()); 60].into()));
        let refused = fit_at(kind, &texts, 1);
        assert!(refused.is_err() || kind.signature().name == "dummy", "{name} takes text");
    });
}

#[test]
fn the_order_of_rows_does_not_matter() {
    // They draw rows by their number, or start from drawn ones; neighbours tie by it.
    let exempt = ["random_forest", "isolation_forest", "k_means", "extra_trees"];
    each(|kind, task, name| {
        if exempt.contains(&kind.signature().name) {
            return;
        }
        let set = Set::easy(task, 91, 14);
        let turned: Vec<usize> = (0..91).map(|row| (row * 34 + 5) % 91).collect();
        let (one, two) = (fit(kind, &set), fit(kind, &set.take(&turned)));
        near(&said(&*one, &set), &said(&*two, &set), tolerance(kind), name);
    });
}

#[test]
fn a_row_is_judged_the_same_alone_and_among_others() {
    each(|kind, task, name| {
        let set = Set::easy(task, 1_300, 15);
        let fitted = fit(kind, &set.take(&(0..120).collect::<Vec<_>>()));
        let together = said(&*fitted, &set);
        let width = together.len() / 1_300;
        for row in (0..1_300).step_by(37) {
            let alone = said(&*fitted, &set.take(&[row]));
            assert_eq!(
                bits(&alone),
                bits(&together[row * width..(row + 1) * width]),
                "{name} row {row}"
            );
        }
        assert!(said(&*fitted, &set.take(&[])).is_empty(), "{name}");
    });
}

#[test]
fn other_columns_are_refused() {
    each(|kind, task, name| {
        if kind.signature().name == "dummy" {
            return;
        }
        let set = Set::easy(task, 60, 16);
        let fitted = fit(kind, &set);
        let wider = set.with("more", Column::Number(vec![0.0; 60].into()));
        assert!(fitted.predict(&wider.features).is_err(), "{name} takes a column too many");
        assert!(fitted.predict(&Frame::new(60)).is_err(), "{name} takes no columns");
    });
}

#[test]
fn classes_are_learnt_by_their_order_and_not_their_names() {
    each(|kind, task, name| {
        let set = Set::easy(task, 90, 17);
        let Target::Classes { codes, .. } = &set.target else { return };
        // These settings name classes.
        if ["priors", "constant"].iter().any(|setting| name.contains(setting)) {
            return;
        }
        let classes = [7, 8, 9].map(Label::Int).into();
        let renamed =
            Set { target: Target::Classes { codes: codes.clone(), classes }, ..set.clone() };
        assert_eq!(
            bits(&said(&*fit(kind, &set), &set)),
            bits(&said(&*fit(kind, &renamed), &set)),
            "{name}"
        );
    });
}

#[test]
fn huge_tiny_and_equal_values_never_panic() {
    let changes: [fn(usize, f64) -> f64; 5] = [
        |_, value| value * 1e300,
        |_, value| value * 1e-300,
        |_, _| 0.0,
        |row, value| if row == 0 { f64::MAX } else { value },
        |row, _| if row == 0 { f64::MIN_POSITIVE } else { -0.0 },
    ];
    each(|kind, task, name| {
        for change in changes {
            let set = Set::easy(task, 60, 18).changed(change);
            if let Ok(fitted) = fit_at(kind, &set, 1) {
                let found = said(&*fitted, &set);
                assert!(!found.iter().any(|value| value.is_nan()), "{name} says NaN");
            }
        }
    });
}

#[test]
fn no_columns_are_an_error_or_a_model_and_never_a_panic() {
    each(|kind, task, name| {
        let set = Set { features: Frame::new(60), ..Set::easy(task, 60, 23) };
        if let Ok(fitted) = fit_at(kind, &set, 1) {
            let loaded =
                kind.load(&fitted.save()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(bits(&said(&*fitted, &set)), bits(&said(&*loaded, &set)), "{name}");
        }
    });
}

#[test]
fn a_stopped_fit_ends() {
    each(|kind, task, name| {
        let set = Set::easy(task, 90, 19);
        let estimator = kind.bind(&written(kind.signature(), &quick(kind))).unwrap();
        let stop = AtomicBool::new(true);
        let context =
            FitContext { seed: Seed::new(1), stop: &stop, validation: None, progress: &|_, _| {} };
        let sample = Sample { features: &set.features, target: &set.target, weights: None };
        match estimator.fit(&sample, &context) {
            Ok(_) | Err(FitError::Stopped) => {}
            Err(other) => panic!("{name}: {other}"),
        }
    });
}

#[test]
fn the_wrong_sort_of_target_is_an_error() {
    each(|kind, task, name| {
        let own = kind.tags().tasks;
        for other in [Task::Classification, Task::Regression] {
            let set = Set { target: Set::easy(other, 60, 20).target, ..Set::easy(task, 60, 20) };
            let refused = fit_at(kind, &set, 1).is_err();
            let needs =
                own.iter().any(|task| matches!(task, Task::Classification | Task::Regression));
            assert!(refused || own.contains(&other) || !needs, "{name} learns {}", other.word());
        }
    });
}

#[test]
fn every_estimator_beats_the_dummy_on_an_easy_set() {
    each(|kind, task, name| {
        if kind.signature().name == "dummy" {
            return;
        }
        let (train, test) = (Set::easy(task, 150, 21), Set::easy(task, 90, 22));
        let fitted = fit(kind, &train);
        let prediction = fitted.predict(&test.features).unwrap();
        let right = match (&test.target, &prediction) {
            (Target::Classes { codes, .. }, prediction @ Prediction::Classes { .. }) => {
                let labels = prediction.labels().unwrap();
                let hits =
                    labels.iter().zip(codes.iter()).filter(|(left, right)| left == right).count();
                hits as f64 / 90.0
            }
            (Target::Numbers(truth), Prediction::Values(values)) => {
                let mean = truth.iter().sum::<f64>() / 90.0;
                let total: f64 = truth.iter().map(|own| (own - mean).powi(2)).sum();
                let left: f64 =
                    truth.iter().zip(values).map(|(own, said)| (own - said).powi(2)).sum();
                1.0 - left / total
            }
            (_, Prediction::Clusters(groups)) => {
                // Rows of one blob are in one group, and no two blobs share one.
                let same = |left: usize, right: usize| {
                    (left % 3 == right % 3) == (groups[left] == groups[right])
                };
                (0..90)
                    .flat_map(|left| (0..left).map(move |right| (left, right)))
                    .filter(|(left, right)| same(*left, *right))
                    .count() as f64
                    / (90.0 * 89.0 / 2.0)
            }
            (_, Prediction::Anomalies { .. }) => 1.0,
            _ => panic!("{name} answers with another sort"),
        };
        assert!(right > 0.85, "{name}: {right}");
    });
}
