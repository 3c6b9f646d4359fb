//! Trees and forests against scikit-learn, and what must hold whatever the data.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::data::Target;
use crate::ml::Seed;
use crate::ml::estimators::parity::{Data, fit};
use crate::params::Setting;

type Settings<'a> = &'a [(&'static str, Setting)];

/// Scores folds and gives each metric's values, fold by fold.
fn scores(
    data: &Data,
    word: &str,
    settings: Settings<'_>,
    fold_of: &[usize],
) -> Vec<BTreeMap<String, f64>> {
    let folds = data.reference["exact"].as_object().unwrap().values().next().unwrap();
    let metrics: Vec<&String> = folds["folds"][0].as_object().unwrap().keys().collect();
    let fold = |fold: usize| {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
        let frame = data.prepared(&train);
        let fitted = fit(word, settings, &frame.take(&train), &data.target.take(&train), None);
        let prediction = fitted.predict(&frame.take(&test)).unwrap();
        let target = data.target.take(&test);
        let score =
            |metric: &&String| ((*metric).clone(), data.score(metric, &target, &prediction));
        metrics.iter().map(score).collect()
    };
    (0..5).map(fold).collect()
}

/// Deals rows out to five folds, each class alike.
fn folds(target: &Target, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..target.len()).collect();
    rows.shuffle(&mut Seed::new(seed).generator());
    if let Target::Classes { codes, .. } = target {
        rows.sort_by_key(|row| codes[*row]);
    }
    let mut folds = vec![0; rows.len()];
    for (place, row) in rows.iter().enumerate() {
        folds[*row] = place % 5;
    }
    folds
}

fn reference() -> serde_json::Value {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reference/trees.json");
    serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap()
}

#[test]
fn explore() {
    let reference = reference();
    for name in
        ["iris", "wine", "breast_cancer", "penguins", "titanic", "diabetes", "isl_bikeshare"]
    {
        let data = Data::read(name);
        let fold_of: Vec<usize> = (0..data.target.len()).map(|row| row % 5).collect();
        let found = scores(&data, "decision_tree", &[("max_depth", Setting::Int(5))], &fold_of);
        for (fold, found) in found.iter().enumerate() {
            for (metric, value) in found {
                let wanted = reference["sets"][name]["tree_depth5"][fold][metric].as_f64().unwrap();
                if (value - wanted).abs() > 1e-9 {
                    println!("{name} {fold} {metric} {value} {wanted}");
                }
            }
        }
        for (word, model, settings) in [
            ("random_forest", "random_forest_100", vec![]),
            ("gradient_boosting", "hist_gb_100", vec![("early_stopping", Setting::Bool(false))]),
        ] {
            let mut sums: BTreeMap<String, Vec<f64>> = BTreeMap::new();
            for seed in 0..4 {
                for found in scores(&data, word, &settings, &folds(&data.target, seed)) {
                    for (metric, value) in found {
                        sums.entry(metric).or_default().push(value);
                    }
                }
            }
            for (metric, values) in sums {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let wanted = &reference["sets"][name][format!("cv_{model}")][&metric];
                if let (Some(m), Some(sd)) = (wanted["mean"].as_f64(), wanted["sd"].as_f64()) {
                    println!(
                        "{name} {word} {metric} {mean:.4} wanted {m:.4} sd {sd:.4} {}",
                        if (mean - m).abs() > (2.0 * sd).max(0.01 * m.abs().max(1.0)) {
                            "BAD"
                        } else {
                            ""
                        }
                    );
                }
            }
        }
    }
}
