//! Trees and forests against scikit-learn, and what must hold whatever the data.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;

use super::cases::{cases, floats};
use super::trials::{
    Rows, along, monotone, numbers, on_threads, refuses_bad_data, stops, survives_odd_data,
    survives_the_store,
};
use crate::data::{Column, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitError, Round};
use crate::ml::estimators::parity::{Data, fit};
use crate::params::Setting;

type Settings<'a> = &'a [(&'static str, Setting)];

const FORESTS: [&str; 2] = ["random_forest", "extra_trees"];

fn few(trees: i64) -> (&'static str, Setting) {
    ("n_estimators", Setting::Int(trees))
}

fn criterion(word: &str) -> (&'static str, Setting) {
    ("criterion", Setting::Word(word.into()))
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
    for rows in [Rows::new(3000, 6), Rows::new(3000, 6).classified(3)] {
        let settings = [few(30), ("oob_score", Setting::Bool(true))];
        let run = || rows.try_fit("random_forest", &settings).unwrap().history().to_vec();
        assert_eq!(on_threads(1, run), on_threads(4, run));
    }
}

#[test]
fn a_weight_of_k_is_k_copies() {
    let numbers = Rows::new(150, 3);
    for (settings, rows) in [
        (vec![], numbers.clone().classified(3)),
        (vec![criterion("entropy")], numbers.clone().classified(3)),
        (vec![criterion("absolute_error")], numbers.clone()),
        (vec![criterion("absolute_error"), monotone(&[("c0", 1), ("c1", -1)])], numbers.clone()),
        (vec![monotone(&[("c0", 1)])], numbers.classified(2)),
    ] {
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
    survives_odd_data("decision_tree", &[criterion("poisson")]);
    survives_odd_data("decision_tree", &[criterion("absolute_error")]);
    survives_odd_data("decision_tree", &[monotone(&[("c0", 1), ("c2", -1)])]);
    survives_odd_data("random_forest", &[few(5), ("oob_score", Setting::Bool(true))]);
    survives_odd_data("extra_trees", &[few(5), criterion("absolute_error")]);
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
        let settings = [&settings[..], &[("oob_score", Setting::Bool(true))]].concat();
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

#[test]
fn forests_answer_and_score_themselves_as_scikit_learn_s() {
    const SEEDS: u64 = 12;
    for case in cases("forests") {
        let mut means: Vec<f64> = Vec::new();
        let mut score = 0.0;
        for seed in 0..SEEDS {
            let fitted = case.fit(seed);
            let answers = case.answers(&*fitted);
            means.resize(answers.len(), 0.0);
            means.iter_mut().zip(answers).for_each(|(mean, own)| *mean += own / SEEDS as f64);
            let last = fitted.history().last();
            score += last.map_or(0.0, |last| last.validation.unwrap()) / SEEDS as f64;
        }
        // Answers of a few dozen trees differ by chance; their mean over all rows hardly does.
        let wanted = floats(&case.json["answers"]);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!(case.off(&means) < 0.25, "{}: {}", case.name, case.off(&means));
        let off = (mean(&means) - mean(&wanted)).abs();
        assert!(off < 0.01, "{}: {off} off in the mean", case.name);
        if let (Some(wanted), Some(sd)) =
            (case.json["oob"]["mean"].as_f64(), case.json["oob"]["sd"].as_f64())
        {
            let error = sd * (1.0 / 40.0 + 1.0 / SEEDS as f64).sqrt();
            let off = (score - wanted) / error;
            assert!(off.abs() < 3.5, "{}: {score} and {wanted}, {off} deviations", case.name);
        }
    }
}

/// The mean absolute error around a median, the slow way.
fn spread(rows: &[(f64, f64)]) -> (f64, f64) {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = rows.iter().map(|row| row.1).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let at = rows.iter().position(|row| {
        below += row.1;
        below >= half
    });
    let at = at.unwrap();
    let next = if below <= half { rows[at + 1].0 } else { rows[at].0 };
    let median = f64::midpoint(rows[at].0, next);
    (rows.iter().map(|row| row.1 * (row.0 - median).abs()).sum(), median)
}

#[test]
fn the_best_absolute_cut_is_found_whatever_the_weights() {
    for seed in 0..60 {
        let mut random = Seed::new(seed).generator();
        let count = random.random_range(2..90);
        let whole = seed % 3 == 0;
        // Of the last sort, heavy rows left and right of many light ones drag the median along.
        let weight = |row: usize| match seed % 4 {
            0 => 1.0,
            1 => f64::from(row as u32 % 5 + 1),
            2 => 10.0_f64.powi(row as i32 % 9 - 5) * 1.1,
            _ if row.is_multiple_of(2) => 1000.0,
            _ => 1e-3,
        };
        let weights: Vec<f64> = (0..count).map(weight).collect();
        let values: Vec<f64> =
            (0..count).map(|_| (random.random::<f64>() * 40.0).round()).collect();
        let target: Vec<f64> = (0..count)
            .map(|_| random.random::<f64>() * 20.0)
            .map(|own| if whole { own.round() } else { own })
            .collect();
        let rows = Rows {
            target: Target::Numbers(target.as_slice().into()),
            ..Rows::new(count, 1).with(0, Column::Number(values.as_slice().into()))
        };
        let rows = rows.weighted(weights.clone());
        let settings = [criterion("absolute_error"), ("max_depth", Setting::Int(1))];
        let said = rows.answers("decision_tree", &settings, &rows.frame);
        let side = |keep: &dyn Fn(usize) -> bool| -> Vec<(f64, f64)> {
            (0..count).filter(|row| keep(*row)).map(|row| (target[row], weights[row])).collect()
        };
        let sums = |keep: &dyn Fn(usize) -> bool| {
            let (own, other) = (side(keep), side(&|row| !keep(row)));
            (!own.is_empty() && !other.is_empty()).then(|| spread(&own).0 + spread(&other).0)
        };
        let cuts = (0..40).filter_map(|cut| sums(&|row| values[row] <= f64::from(cut)));
        let least = cuts.fold(f64::INFINITY, f64::min);
        let found: f64 = (0..count).map(|row| weights[row] * (said[row] - target[row]).abs()).sum();
        assert!((found - least).abs() <= 1e-9 * least.max(1.0), "{seed}: {found}, not {least}");
    }
}

#[test]
fn an_absolute_leaf_says_the_weighted_median() {
    for (weights, median) in [
        (vec![1.0; 4], 2.5),
        (vec![1.0, 1.0, 1.0, 0.0], 2.0),
        (vec![3.0, 1.0, 1.0, 1.0], 1.5),
        (vec![3.0, 1.0, 1.0, 0.5], 1.0),
    ] {
        let rows = Rows {
            target: Target::Numbers([2.0, 3.0, 1.0, 9.0].into()),
            ..Rows::new(4, 1).with(0, Column::Number(vec![0.0; 4].into()))
        };
        let rows = rows.weighted([1, 2, 0, 3].map(|place| weights[place]).to_vec());
        let said = rows.answers("decision_tree", &[criterion("absolute_error")], &rows.frame);
        assert_eq!(said, vec![median; 4], "{weights:?}");
    }
}

#[test]
fn monotone_columns_are_obeyed() {
    let more = |word: &str| if word == "decision_tree" { vec![] } else { vec![few(12)] };
    for word in ["decision_tree", "random_forest", "extra_trees"] {
        for (rows, criteria) in [
            (Rows::new(400, 3), &["squared_error", "absolute_error", "poisson"][..]),
            (Rows::new(400, 3).classified(2), &["gini", "entropy"]),
        ] {
            let holes =
                rows.values(1).into_iter().map(|own| if own < 0.1 { f64::NAN } else { own });
            let rows = rows.clone().with(1, Column::Number(holes.collect()));
            let classes = matches!(rows.target, Target::Classes { .. });
            let rows = if let Target::Numbers(own) = &rows.target {
                let target = Target::Numbers(own.iter().map(|own| own + 1.0).collect());
                Rows { target, ..rows }
            } else {
                rows
            };
            for own in criteria {
                // Against the grain of the data, and along it.
                for signs in [[("c0", -1), ("c1", 1)], [("c0", 1), ("c1", -1)]] {
                    let settings = [more(word), vec![criterion(own), monotone(&signs)]].concat();
                    let fitted = rows.try_fit(word, &settings).unwrap();
                    for (column, (_, sign)) in signs.iter().enumerate() {
                        for answers in along(&*fitted, column) {
                            let answers: Vec<f64> = if classes {
                                answers.chunks(2).map(|row| row[1]).collect()
                            } else {
                                answers
                            };
                            let obeys = answers
                                .windows(2)
                                .all(|pair| (pair[1] - pair[0]) * (*sign as f64) >= -1e-12);
                            assert!(obeys, "{word} {own} {column} {sign}: {answers:?}");
                        }
                    }
                }
            }
        }
        let free = monotone(&[("c0", 0), ("c1", 0)]);
        let rows = Rows::new(100, 3);
        let settings = [more(word), vec![free]].concat();
        assert_eq!(
            rows.answers(word, &settings, &rows.frame),
            rows.answers(word, &more(word), &rows.frame)
        );
        let settings = [more(word), vec![monotone(&[("c1", 1)])]].concat();
        let error = rows.clone().classified(3).try_fit(word, &settings).err().unwrap();
        assert!(error.to_string().contains("two classes"), "{error}");
        let settings = [more(word), vec![monotone(&[("c7", 1)])]].concat();
        let error = rows.try_fit(word, &settings).err().unwrap();
        assert_eq!(error.to_string(), "`monotonic_cst` names `c7`, which is no feature");
    }
}

#[test]
fn the_score_out_of_the_bag_is_that_of_rows_not_seen() {
    let oob = ("oob_score", Setting::Bool(true));
    for rows in [Rows::new(500, 3), Rows::new(500, 3).classified(3)] {
        for word in FORESTS {
            let settings = [few(40), oob.clone(), ("bootstrap", Setting::Bool(true))];
            let fitted = rows.try_fit(word, &settings).unwrap();
            assert!(fitted.warnings().is_empty());
            let numbers_too = numbers(fitted.predict(&rows.frame).unwrap());
            assert_eq!(
                rows.answers(word, &[few(40), settings[2].clone()], &rows.frame),
                numbers_too
            );
            let history: &[Round] = fitted.history();
            assert!((1..=40).eq(history.iter().map(|round| round.iteration)), "{word}");
            let last = history.last().unwrap();
            let (own, out) = (last.train, last.validation.unwrap());
            assert!(own > 0.95 && out < own - 0.01 && out > 0.7, "{word}: {own}, {out}");
            assert!(history[0].validation.unwrap() < out, "{word}");
            let classes = matches!(rows.target, Target::Classes { .. });
            assert_eq!(last.metric, if classes { "accuracy" } else { "r2" });
        }
    }
}

#[test]
fn rows_that_every_tree_drew_are_told() {
    let settings = [few(2), ("oob_score", Setting::Bool(true))];
    let fitted = Rows::new(100, 2).try_fit("random_forest", &settings).unwrap();
    let [warning] = fitted.warnings() else { panic!("{:?}", fitted.warnings()) };
    assert!(warning.contains("of 100 rows were drawn for every tree"), "{warning}");
    // Of one row, or where all rows are drawn, nothing is out of the bag.
    let fitted = Rows::new(2, 1).classified(2).try_fit("random_forest", &settings).unwrap();
    assert!(fitted.history().iter().all(|round| round.train.is_finite()));
}

#[test]
fn what_single_precision_can_t_hold_is_refused_with_its_row() {
    for word in ["decision_tree", "random_forest", "extra_trees", "isolation_forest"] {
        let rows = Rows::new(80, 2);
        let fitted = rows.try_fit(word, &[]).unwrap();
        for (value, refused) in [(3.4e38, false), (-3.41e38, true), (f64::INFINITY, true)] {
            let mut values = rows.values(1);
            values[70] = value;
            let odd = rows.clone().with(1, Column::Number(values.into()));
            let errors = [
                odd.try_fit(word, &[]).map(|_| ()).err(),
                fitted.predict(&odd.frame).map(|_| ()).err(),
            ];
            for error in errors {
                match error {
                    Some(FitError::BadValue { column, row: 70, .. }) if refused => {
                        assert_eq!(column, "c1", "{word}");
                    }
                    None if !refused => {}
                    other => panic!("{word}: {value} {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_weightier_row_of_an_isolation_forest_is_drawn_more_often() {
    // One value is rare, but weighs as much as the others: it stands out no more.
    let values = (0..300).map(|row| if row < 6 { 9.0 } else { f64::from(row) / 300.0 });
    let rows = Rows::new(300, 1).with(0, Column::Number(values.collect()));
    let heavy =
        rows.clone().weighted((0..300).map(|row| if row < 6 { 49.0 } else { 1.0 }).collect());
    let same = rows.clone().weighted(vec![2.0; 300]);
    for bootstrap in [false, true] {
        let settings = [
            ("bootstrap", Setting::Bool(bootstrap)),
            ("max_samples", Setting::Int(if bootstrap { 128 } else { 16 })),
        ];
        let light = rows.answers("isolation_forest", &settings, &rows.frame);
        let heavy = heavy.answers("isolation_forest", &settings, &rows.frame);
        assert!(light[0] > 0.6 && heavy[0] < light[0] - 0.05, "{} {}", light[0], heavy[0]);
        assert_eq!(same.answers("isolation_forest", &settings, &rows.frame), light);
    }
}
