//! Trees and forests against scikit-learn, and what must hold whatever the data.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::cases::{cases, floats};
use super::trials::{
    Rows, numbers, on_threads, refuses_bad_data, stops, survives_odd_data, survives_the_store,
};
use crate::data::{Column, Target};
use crate::ml::Seed;
use crate::ml::estimators::parity::{Data, fit};
use crate::params::Setting;

type Settings<'a> = &'a [(&'static str, Setting)];

const FORESTS: [&str; 2] = ["random_forest", "extra_trees"];

fn few(trees: i64) -> (&'static str, Setting) {
    ("n_estimators", Setting::Int(trees))
}

#[test]
fn a_tree_answers_as_scikit_learn_s() {
    let mut wrong = Vec::new();
    for case in cases("decision_tree") {
        match case.check(1e-7) {
            Err(message) => wrong.push(message),
            Ok(fitted) => {
                let (own, wanted) =
                    (fitted.importance().unwrap(), floats(&case.json["importance"]));
                if own.iter().zip(&wanted).any(|(own, wanted)| (own - wanted).abs() > 1e-7) {
                    wrong.push(format!("{}: importance {own:?} {wanted:?}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

/// Compares the mean scores over seeds and folds with scikit-learn's, for metrics without cliffs.
fn check_scores(sets: &[&str], word: &str, settings: Settings<'_>, model: &str) {
    let place = "tests/fixtures/reference/trees.json";
    let text = std::fs::read_to_string(place).unwrap();
    let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in sets {
        let data = Data::read(name);
        let wanted = reference["sets"][name][model].as_object().unwrap();
        // The log loss jumps by a tenth where one leaf is surely wrong; errors have units.
        let smooth = |metric: &&String| {
            !matches!(metric.as_str(), "log_loss" | "rmse" | "mae" | "median_ae")
        };
        let metrics: Vec<&String> = wanted.keys().filter(smooth).collect();
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for seed in 0..2 {
            let fold_of = folds(&data.target, seed);
            for fold in 0..5 {
                let (test, train): (Vec<usize>, Vec<usize>) =
                    (0..fold_of.len()).partition(|row| fold_of[*row] == fold);
                let frame = data.prepared(&train);
                let target = data.target.take(&train);
                let fitted = fit(word, settings, &frame.take(&train), &target, None);
                let prediction = fitted.predict(&frame.take(&test)).unwrap();
                let target = data.target.take(&test);
                for metric in &metrics {
                    *sums.entry(metric).or_default() +=
                        data.score(metric, &target, &prediction) / 10.0;
                }
            }
        }
        for (metric, mean) in sums {
            let (middle, sd) = (&wanted[metric]["mean"], &wanted[metric]["sd"]);
            let (middle, sd) = (middle.as_f64().unwrap(), sd.as_f64().unwrap());
            // The noise of ten folds of ours comes on top of that of the reference.
            let tolerance = (3.0 * sd).max(0.02);
            assert!(
                (mean - middle).abs() < tolerance,
                "{name} {word} {metric}: {mean}, not {middle}"
            );
        }
    }
}

#[test]
fn trees_and_forests_score_as_scikit_learn_s() {
    let sets = ["iris", "wine", "breast_cancer", "diabetes"];
    check_scores(&sets, "decision_tree", &[("max_depth", Setting::Int(5))], "cv_tree_depth5");
    check_scores(&sets, "random_forest", &[], "cv_random_forest_100");
    check_scores(&["iris", "breast_cancer"], "extra_trees", &[], "cv_extra_trees_100");
}

#[test]
fn threads_change_no_bit() {
    for word in ["random_forest", "extra_trees", "isolation_forest"] {
        let rows = Rows::new(3000, 6).classified(3);
        let run = || rows.answers(word, &[few(12)], &rows.frame);
        assert_eq!(on_threads(1, run), on_threads(4, run), "{word}");
    }
}

#[test]
fn a_weight_of_k_is_k_copies() {
    for settings in [vec![], vec![("criterion", Setting::Word("entropy".into()))]] {
        let rows = Rows::new(150, 3).classified(3);
        let copies: Vec<usize> = (0..150).flat_map(|row| vec![row; row % 4]).collect();
        let weighted = rows.clone().weighted((0..150).map(|row| f64::from(row % 4)).collect());
        let settings = [settings, vec![("max_depth", Setting::Int(4))]].concat();
        let expected = rows.take(&copies).answers("decision_tree", &settings, &rows.frame);
        assert_eq!(weighted.answers("decision_tree", &settings, &rows.frame), expected);
    }
}

#[test]
fn a_row_without_weight_is_no_row() {
    for word in ["decision_tree", "random_forest", "extra_trees"] {
        let rows = Rows::new(120, 3);
        let kept: Vec<usize> = (0..120).filter(|row| row % 3 != 0).collect();
        let weights: Vec<f64> = (0..120).map(|row| f64::from(u8::from(row % 3 != 0))).collect();
        let without = rows.take(&kept).weighted(vec![1.0; kept.len()]);
        let expected =
            without.answers(word, &[few(5)][..usize::from(word != "decision_tree")], &rows.frame);
        let found = rows.clone().weighted(weights).answers(
            word,
            &[few(5)][..usize::from(word != "decision_tree")],
            &rows.frame,
        );
        assert_eq!(found, expected, "{word}");
    }
}

#[test]
fn doubling_a_column_changes_nothing() {
    for word in ["decision_tree", "random_forest"] {
        let rows = Rows::new(200, 3).classified(2);
        let scaled = rows.values(1).iter().map(|value| value * 1024.0).collect();
        let scaled = rows.clone().with(1, Column::Number(scaled));
        let found = scaled.answers(word, &[], &scaled.frame);
        assert_eq!(found, rows.answers(word, &[], &rows.frame), "{word}");
    }
}

#[test]
fn a_constant_column_changes_nothing_for_a_tree() {
    let rows = Rows::new(200, 3);
    let settings = [("min_samples_leaf", Setting::Int(5))];
    let more = rows.clone().with(9, Column::Number(vec![3.0; 200].into()));
    let found = more.answers("decision_tree", &settings, &more.frame);
    assert_eq!(found, rows.answers("decision_tree", &settings, &rows.frame));
}

#[test]
fn forests_say_the_mean_of_their_leaves_in_each_class() {
    for word in FORESTS {
        let rows = Rows::new(300, 4).classified(3);
        let answers = rows.answers(word, &[few(7)], &rows.frame);
        for row in answers.chunks(3) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn a_full_tree_knows_its_rows_by_heart() {
    let rows = Rows::new(300, 3);
    let Target::Numbers(target) = &rows.target else { unreachable!() };
    let off = rows.answers("decision_tree", &[], &rows.frame);
    let worst = off.iter().zip(target.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-12, "{worst}");
}

#[test]
fn missing_values_unseen_in_training_go_with_the_crowd() {
    // 30 rows left of the only cut, 10 right: the missing value goes left.
    let values: Vec<f64> = (0..40).map(|row| if row < 30 { 0.0 } else { 1.0 }).collect();
    let rows = Rows {
        target: Target::Numbers(values.as_slice().into()),
        ..Rows::new(40, 1).with(0, Column::Number(values.into()))
    };
    let asked = rows.clone().with(0, Column::Number(vec![f64::NAN; 40].into()));
    assert_eq!(rows.answers("decision_tree", &[], &asked.frame), vec![0.0; 40]);
}

#[test]
fn odd_rows_stand_out() {
    let mut values = Rows::new(300, 1).values(0);
    values[17] = 9.0;
    let rows = Rows::new(300, 2).with(0, Column::Number(values.into()));
    let scores = rows.answers("isolation_forest", &[], &rows.frame);
    let most = (0..300).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
    assert_eq!(most, 17);
    assert!(scores[17] > 0.65 && scores.iter().sum::<f64>() / 300.0 < 0.5);
}

#[test]
fn contamination_sets_the_share_of_odd_rows() {
    let rows = Rows::new(200, 3);
    let settings = [("contamination", Setting::Share(0.1))];
    let fitted = rows.try_fit("isolation_forest", &settings).unwrap();
    let crate::ml::estimator::Prediction::Anomalies { odd, .. } =
        fitted.predict(&rows.frame).unwrap()
    else {
        unreachable!()
    };
    assert_eq!(odd.iter().filter(|odd| **odd).count(), 20);
}

#[test]
fn odd_data_are_survived_or_refused() {
    survives_odd_data("decision_tree", &[]);
    for word in ["random_forest", "extra_trees", "isolation_forest"] {
        survives_odd_data(word, &[few(5)]);
    }
    survives_odd_data("decision_tree", &[("max_leaf_nodes", Setting::Int(4))]);
    survives_odd_data("decision_tree", &[("ccp_alpha", Setting::Float(0.01))]);
    survives_odd_data("decision_tree", &[("criterion", Setting::Word("poisson".into()))]);
}

#[test]
fn bad_data_are_refused() {
    for word in ["decision_tree", "random_forest", "extra_trees", "isolation_forest"] {
        refuses_bad_data(word);
        if word != "isolation_forest" {
            stops(word);
        }
    }
}

#[test]
fn a_model_survives_the_store_whatever_happens_to_its_bytes() {
    let rows = Rows::new(50, 2);
    for rows in [rows.clone(), rows.clone().classified(2), rows.classified(3)] {
        survives_the_store("decision_tree", &[("max_depth", Setting::Int(3))], &rows);
        let settings = [few(2), ("max_depth", Setting::Int(3))];
        survives_the_store("random_forest", &settings, &rows);
        survives_the_store("isolation_forest", &[few(2)], &rows);
    }
}

#[test]
fn one_row_is_answered_as_in_a_crowd() {
    for word in ["random_forest", "isolation_forest"] {
        let rows = Rows::new(2500, 3).classified(2);
        let fitted = rows.try_fit(word, &[few(30)]).unwrap();
        let all = numbers(fitted.predict(&rows.frame).unwrap());
        let width = all.len() / 2500;
        for row in [0, 1024, 2499] {
            let alone = numbers(fitted.predict(&rows.frame.take(&[row])).unwrap());
            assert_eq!(alone, all[row * width..(row + 1) * width], "{word} {row}");
        }
    }
}

#[test]
fn a_wrong_criterion_is_refused() {
    let settings = [("criterion", Setting::Word("gini".into()))];
    let error = Rows::new(30, 2).try_fit("random_forest", &settings).err().unwrap().to_string();
    assert!(error.contains("gini") && error.contains("numbers"), "{error}");
}
