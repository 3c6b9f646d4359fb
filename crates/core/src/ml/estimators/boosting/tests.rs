//! Gradient boosting against scikit-learn, and what must hold whatever the data.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::seq::SliceRandom;

use crate::data::{Column, Frame, NO_CATEGORY, Target};
use crate::ml::Seed;
use crate::ml::estimator::{FitContext, FitError, Fitted};
use crate::ml::estimators::tree::cases::cases;
use crate::ml::estimators::tree::trials::{
    Rows, along, classes, kind, monotone, numbers, on_threads, refuses_bad_data, stops,
    survives_odd_data, survives_the_store,
};
use crate::ml::settle::written;
use crate::params::{Bound, Setting};
use crate::text::{FileId, Span};

const WORD: &str = "gradient_boosting";

fn rounds(count: i64) -> Vec<(&'static str, Setting)> {
    vec![("max_iter", Setting::Int(count)), ("early_stopping", Setting::Bool(false))]
}

fn with(
    mut settings: Vec<(&'static str, Setting)>,
    name: &'static str,
    value: Setting,
) -> Vec<(&'static str, Setting)> {
    settings.push((name, value));
    settings
}

#[test]
fn it_answers_as_scikit_learn_s() {
    // scikit-learn keeps gradients in single precision.
    let wrong: Vec<String> = cases(WORD).iter().filter_map(|case| case.check(1e-4).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_order_of_rows_changes_no_bit() {
    for rows in
        [Rows::new(400, 4), Rows::new(400, 4).classified(2), Rows::new(400, 4).classified(3)]
    {
        let mut order: Vec<usize> = (0..400).collect();
        order.shuffle(&mut Seed::new(1).generator());
        let expected = rows.answers(WORD, &rounds(10), &rows.frame);
        assert_eq!(rows.take(&order).answers(WORD, &rounds(10), &rows.frame), expected);
    }
}

#[test]
fn the_order_of_columns_changes_no_bit() {
    let rows = Rows::new(400, 3);
    let turned = rows
        .clone()
        .with(0, rows.frame.columns()[2].clone())
        .with(2, rows.frame.columns()[0].clone());
    let expected = rows.answers(WORD, &rounds(10), &rows.frame);
    assert_eq!(turned.answers(WORD, &rounds(10), &turned.frame), expected);
}

#[test]
fn threads_change_no_bit() {
    let flag = Column::Flag((0..70_000).map(|row| f64::from(row % 2)).collect());
    let rows = Rows::new(70_000, 5).with(4, flag);
    for rows in [rows.clone(), rows.classified(2)] {
        let run = || rows.answers(WORD, &rounds(12), &rows.frame);
        assert_eq!(on_threads(1, run), on_threads(3, run));
    }
}

#[test]
fn a_weight_of_k_is_nearly_k_copies() {
    let rows = Rows::new(150, 3).classified(2);
    let copies: Vec<usize> = (0..150).flat_map(|row| vec![row; row % 4]).collect();
    let weighted = rows.clone().weighted((0..150).map(|row| f64::from(row % 4)).collect());
    let settings = with(rounds(10), "min_samples_leaf", Setting::Int(1));
    let settings = with(settings, "max_leaf_nodes", Setting::Int(5));
    let expected = rows.take(&copies).answers(WORD, &settings, &rows.frame);
    let found = weighted.answers(WORD, &settings, &rows.frame);
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst}");
}

#[test]
fn doubling_a_column_changes_nothing() {
    let rows = Rows::new(400, 3).classified(3);
    let scaled = rows.values(1).iter().map(|value| value * 4096.0).collect();
    let scaled = rows.clone().with(1, Column::Number(scaled));
    let expected = rows.answers(WORD, &rounds(10), &rows.frame);
    assert_eq!(scaled.answers(WORD, &rounds(10), &scaled.frame), expected);
}

#[test]
fn a_constant_column_changes_nothing() {
    let rows = Rows::new(400, 3);
    let more = rows.clone().with(9, Column::Number(vec![3.0; 400].into()));
    let expected = rows.answers(WORD, &rounds(10), &rows.frame);
    assert_eq!(more.answers(WORD, &rounds(10), &more.frame), expected);
}

#[test]
fn swapping_two_classes_swaps_their_probabilities() {
    let rows = Rows::new(300, 3).classified(2);
    let Target::Classes { codes, .. } = &rows.target else { unreachable!() };
    let codes = codes.iter().map(|code| 1 - code).collect();
    let swapped = Rows { target: Target::Classes { codes, classes: classes(2) }, ..rows.clone() };
    let expected = rows.answers(WORD, &rounds(10), &rows.frame);
    let found = swapped.answers(WORD, &rounds(10), &rows.frame);
    for (found, expected) in found.chunks(2).zip(expected.chunks(2)) {
        assert!((found[0] - expected[1]).abs() < 1e-12);
    }
}

#[test]
fn a_class_without_rows_gets_no_probability() {
    let rows = Rows::new(300, 3).classified(2);
    let Target::Classes { codes, .. } = &rows.target else { unreachable!() };
    let codes = codes.iter().map(|code| code * 2).collect();
    let spread = Rows { target: Target::Classes { codes, classes: classes(4) }, ..rows.clone() };
    let found = spread.answers(WORD, &rounds(5), &rows.frame);
    let expected = rows.answers(WORD, &rounds(5), &rows.frame);
    for (found, expected) in found.chunks(4).zip(expected.chunks(2)) {
        assert_eq!(found, [expected[0], 0.0, expected[1], 0.0]);
    }
}

fn levels(names: &[&str]) -> Arc<[Arc<str>]> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

#[test]
fn an_unseen_category_is_a_missing_one() {
    let rows = Rows::new(300, 2);
    let code = |row: u32| if row.is_multiple_of(5) { NO_CATEGORY } else { row % 3 };
    let codes: Arc<[u32]> = (0..300).map(code).collect();
    let target = (0..300).map(|row| f64::from(code(row).min(7))).collect();
    let known = Column::Category { codes, levels: levels(&["a", "c", "e"]) };
    let rows = Rows { target: Target::Numbers(target), ..rows.with(0, known) };
    let fitted = rows.try_fit(WORD, &rounds(20)).unwrap();
    let ask = |codes: Vec<u32>, names: &[&str]| {
        let column = Column::Category { codes: codes.into(), levels: levels(names) };
        let frame =
            Frame::new(3).with("c0", column).with("c1", Column::Number(vec![0.5; 3].into()));
        numbers(fitted.predict(&frame).unwrap())
    };
    let known = ask(vec![0, 1, NO_CATEGORY], &["a", "c", "e"]);
    // The same levels under other codes, among levels that training never saw.
    assert_eq!(ask(vec![1, 3, 0], &["0", "a", "b", "c"]), known);
    assert_eq!(ask(vec![1, 3, 2], &["0", "a", "b", "c"]), known);
    assert!((known[0] - 0.0).abs() < 0.5 && (known[1] - 1.0).abs() < 0.5 && known[2] > 6.0);
}

#[test]
fn more_categories_than_bins_are_no_error() {
    let names: Vec<String> = (0..600).map(|level| format!("{level:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let codes: Arc<[u32]> =
        (0..1200).map(|row| if row < 600 { row % 2 } else { row - 600 }).collect();
    let target = codes.iter().map(|code| f64::from(code % 2)).collect();
    let column = Column::Category { codes, levels: levels(&names) };
    let rows = Rows { target: Target::Numbers(target), ..Rows::new(1200, 1).with(0, column) };
    let answers = rows.answers(WORD, &rounds(50), &rows.frame);
    assert!(answers[0] < 0.2 && answers[1] > 0.8);
}

#[test]
fn monotone_columns_are_obeyed() {
    let rows = Rows::new(500, 3);
    let settings = [rounds(30), vec![monotone(&[("c0", -1)])]].concat();
    for answers in along(&*rows.try_fit(WORD, &settings).unwrap(), 0) {
        assert!(answers.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12));
    }
    let error = rows.classified(3).try_fit(WORD, &settings).err().unwrap().to_string();
    assert!(error.contains("monotonic_cst") && error.contains('3'), "{error}");
}

fn meeting(sets: &[&[&str]]) -> Setting {
    let place = Span::new(FileId(0), 0, 0);
    let bound = |setting| Bound { setting, span: place, written: true };
    let column = |name: &&str| bound(Setting::Column((*name).to_owned()));
    let set = |set: &&[&str]| bound(Setting::List(set.iter().map(column).collect()));
    Setting::List(sets.iter().map(set).collect())
}

/// Tells how much two columns work together: by how much answers aren't a sum of one part each.
fn interplay(fitted: &dyn Fitted, (a, b): (usize, usize)) -> f64 {
    let steps = 12;
    let grid = |column: usize, step: usize| (step as f64 + 0.3) / 12.0 + 0.01 * column as f64;
    let rows = steps * steps;
    let values = |own: usize| {
        let value = |row: usize| match own {
            _ if own == a => grid(own, row / steps),
            _ if own == b => grid(own, row % steps),
            _ => 0.4,
        };
        Column::Number((0..rows).map(value).collect())
    };
    let frame =
        (0..4).fold(Frame::new(rows), |frame, own| frame.with(&format!("c{own}"), values(own)));
    let said = numbers(fitted.predict(&frame).unwrap());
    let at = |row: usize, column: usize| said[row * steps + column];
    let part = |row: usize, column: usize| at(row, column) - at(row, 0) - at(0, column) + at(0, 0);
    (0..rows).map(|row| part(row / steps, row % steps).abs()).fold(0.0, f64::max)
}

#[test]
fn columns_meet_only_as_they_may() {
    let word = |word: &str| Setting::Word(word.into());
    let all = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
    let cases: [(Setting, &[(usize, usize)]); 6] = [
        (Setting::Null, &[]),
        (word("no_interactions"), &all),
        (meeting(&[&["c0", "c1"]]), &[(0, 2), (0, 3), (1, 2), (1, 3)]),
        (meeting(&[&["c0"], &["c1"], &["c2"], &["c3"]]), &all),
        (meeting(&[&["c0", "c1"], &["c1", "c2"], &["c3"]]), &[(0, 2), (0, 3), (1, 3), (2, 3)]),
        (meeting(&[&["c0", "c1", "c2", "c3"]]), &[]),
    ];
    let rows = Rows::new(600, 4);
    let Target::Numbers(target) = &rows.target else { unreachable!() };
    let values: Vec<Vec<f64>> = (0..4).map(|column| rows.values(column)).collect();
    let product = |row: usize| values.iter().map(|own| own[row] - 0.5).product::<f64>();
    let pairs =
        |row: usize| all.iter().map(|(a, b)| values[*a][row] * values[*b][row]).sum::<f64>();
    let target = (0..600).map(|row| target[row] + 30.0 * product(row) + pairs(row)).collect();
    let rows = Rows { target: Target::Numbers(target), ..rows };
    for flags in [false, true] {
        // Flags share a histogram.
        let flag = || Column::Flag(values[3].iter().map(|own| own.round()).collect());
        let rows = if flags { rows.clone().with(3, flag()) } else { rows.clone() };
        for (setting, apart) in &cases {
            let settings = with(rounds(20), "interaction_cst", setting.clone());
            let settings = with(settings, "min_samples_leaf", Setting::Int(5));
            let fitted = rows.try_fit(WORD, &settings).unwrap();
            for pair in all {
                let (found, may) = (interplay(&*fitted, pair), !apart.contains(&pair));
                assert!(found < 1e-9 || may, "{pair:?} meet by {found} in {setting:?}");
                assert!(found > 1e-3 || !may, "{pair:?} don't meet in {setting:?}");
            }
        }
    }
}

#[test]
fn pairwise_is_a_list_of_all_pairs() {
    let rows = Rows::new(400, 4).classified(2);
    let answers = |setting: Setting, share: f64| {
        let settings = with(rounds(10), "interaction_cst", setting);
        rows.answers(WORD, &with(settings, "max_features", Setting::Float(share)), &rows.frame)
    };
    let names = ["c0", "c1", "c2", "c3"];
    let pairs: Vec<[&str; 2]> =
        (0..4).flat_map(|b| (0..b).map(move |a| [names[a], names[b]])).collect();
    let pairs: Vec<&[&str]> = pairs.iter().map(|pair| &pair[..]).collect();
    let pairwise = || Setting::Word("pairwise".into());
    for share in [1.0, 0.5] {
        assert_eq!(answers(meeting(&pairs), share), answers(pairwise(), share));
    }
    assert_ne!(answers(pairwise(), 1.0), answers(Setting::Null, 1.0));
    assert_eq!(answers(meeting(&[&names]), 0.5), answers(Setting::Null, 0.5));
}

#[test]
fn a_column_that_is_none_is_refused() {
    let settings = with(rounds(2), "interaction_cst", meeting(&[&["c0", "c9"]]));
    let error = Rows::new(60, 2).try_fit(WORD, &settings).err().unwrap().to_string();
    assert_eq!(error, "`interaction_cst` names `c9`, which is no feature");
}

#[test]
fn given_rows_end_the_training() {
    let (rows, other) = (Rows::new(300, 3).classified(2), Rows::new(301, 3).classified(2));
    let stop = AtomicBool::new(false);
    let context = FitContext {
        seed: Seed::new(0),
        stop: &stop,
        validation: Some(other.sample()),
        progress: &|_, _| {},
    };
    let settings = [("max_iter", Setting::Int(500)), ("learning_rate", Setting::Float(0.5))];
    let kind = kind(WORD);
    let fitted = kind.bind(&written(kind.signature(), &settings)).unwrap();
    let fitted = fitted.fit(&rows.sample(), &context).unwrap();
    let history = fitted.history();
    assert!(history.len() < 200, "{}", history.len());
    let best = history.iter().map(|round| round.validation.unwrap()).fold(f64::INFINITY, f64::min);
    let last = &history[history.len() - 11..];
    assert!(last.iter().skip(1).all(|round| round.validation.unwrap() >= best));
    assert!(history.iter().zip(1..).all(|(round, number)| round.iteration == number));
    assert_eq!(history[0].metric, "log_loss");
}

#[test]
fn a_share_is_held_out_to_end_the_training() {
    let rows = Rows::new(600, 3).classified(2);
    let settings = [
        ("max_iter", Setting::Int(400)),
        ("learning_rate", Setting::Float(0.5)),
        ("early_stopping", Setting::Bool(true)),
    ];
    let fitted = rows.try_fit(WORD, &settings).unwrap();
    assert!(fitted.history().len() < 200 && fitted.history()[0].validation.is_some());
    let settings = with(settings.to_vec(), "validation_fraction", Setting::Null);
    let fitted = rows.try_fit(WORD, &settings).unwrap();
    assert!(fitted.history()[0].validation.is_none());
}

#[test]
fn the_loss_on_the_training_rows_falls() {
    for rows in
        [Rows::new(300, 3), Rows::new(300, 3).classified(2), Rows::new(300, 3).classified(3)]
    {
        let fitted = rows.try_fit(WORD, &rounds(20)).unwrap();
        let losses: Vec<f64> = fitted.history().iter().map(|round| round.train).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    }
}

#[test]
fn drawing_columns_follows_the_seed() {
    let rows = Rows::new(300, 5);
    let settings = with(rounds(5), "max_features", Setting::Float(0.4));
    let found = rows.answers(WORD, &settings, &rows.frame);
    assert_eq!(rows.answers(WORD, &settings, &rows.frame), found);
    assert_ne!(rows.answers(WORD, &rounds(5), &rows.frame), found);
}

#[test]
fn many_values_and_many_leaves_are_fine() {
    let rows = Rows::new(100_000, 1);
    let settings = with(rounds(2), "max_leaf_nodes", Setting::Null);
    let answers = rows.answers(WORD, &settings, &rows.frame);
    assert!(answers.iter().all(|answer| answer.is_finite()));
}

#[test]
fn odd_data_are_survived_or_refused() {
    survives_odd_data(WORD, &rounds(5));
    survives_odd_data(
        WORD,
        &[("min_samples_leaf", Setting::Int(1)), ("max_iter", Setting::Int(5))],
    );
    for loss in ["absolute_error", "poisson", "gamma"] {
        survives_odd_data(WORD, &with(rounds(5), "loss", Setting::Word(loss.into())));
    }
}

#[test]
fn bad_data_are_refused() {
    refuses_bad_data(WORD);
    stops(WORD);
    let one = Rows::new(40, 2).classified(2);
    let Target::Classes { classes, .. } = one.target.clone() else { unreachable!() };
    let target = Target::Classes { codes: vec![1; 40].into(), classes };
    let error = Rows { target, ..one }.try_fit(WORD, &[]).err();
    assert_eq!(error, Some(FitError::OneClass { class: "1".to_owned() }));
}

#[test]
fn a_model_survives_the_store_whatever_happens_to_its_bytes() {
    let codes = (0..60).map(|row| row % 3).collect();
    let column = Column::Category { codes, levels: levels(&["x", "y", "z"]) };
    let rows = Rows::new(60, 3).with(2, column);
    let settings = with(rounds(2), "min_samples_leaf", Setting::Int(8));
    for rows in [rows.clone(), rows.clone().classified(2), rows.classified(3)] {
        survives_the_store(WORD, &settings, &rows);
    }
}

#[test]
fn one_row_is_answered_as_in_a_crowd() {
    let rows = Rows::new(2000, 3).classified(3);
    let fitted = rows.try_fit(WORD, &rounds(40)).unwrap();
    let all = numbers(fitted.predict(&rows.frame).unwrap());
    for row in [0, 511, 512, 1999] {
        let alone = numbers(fitted.predict(&rows.frame.take(&[row])).unwrap());
        assert_eq!(alone, all[row * 3..(row + 1) * 3]);
    }
}
