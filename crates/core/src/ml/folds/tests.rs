//! Folds against scikit-learn's, and what is true of every splitter and every cut.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Cut, FOLDS, Parts, holdout, share_of};
use crate::data::{Label, Target};
use crate::ml::Seed;
use crate::ml::settle::written;
use crate::ml::splitter::{Fold, FoldRows, SplitError, Splitter};
use crate::params::Setting;

fn splitter(word: &str, settings: &[(&'static str, Setting)]) -> Box<dyn Splitter> {
    let kind = FOLDS.iter().find(|kind| kind.signature().name == word).unwrap();
    let mut settings = settings.to_vec();
    let needs = |param: &crate::params::Param| param.name == "by" && param.default.is_none();
    if kind.signature().params.iter().any(needs) {
        settings.push(("by", Setting::Column("group".to_owned())));
    }
    kind.bind(&written(kind.signature(), &settings)).unwrap()
}

fn target(codes: &[u32]) -> Target {
    let classes = codes.iter().max().map_or(0, |most| i64::from(*most) + 1);
    let classes = (0..classes).map(Label::Int).collect();
    Target::Classes { codes: Arc::from(codes), classes }
}

fn whole(json: &Json) -> Option<Vec<u64>> {
    json.as_array().map(|items| items.iter().map(|item| item.as_u64().unwrap()).collect())
}

fn small(json: &Json) -> Option<Vec<u32>> {
    whole(json).map(|items| items.iter().map(|item| u32::try_from(*item).unwrap()).collect())
}

/// The parameters that the cases set, by name.
fn settings(json: &Json) -> Vec<(&'static str, Setting)> {
    let known = ["n", "gap", "test_size", "max_train_size"];
    let given = json.as_object().unwrap().iter();
    given
        .map(|(name, value)| {
            let name = known.iter().find(|known| *known == name).unwrap();
            (*name, Setting::Int(value.as_i64().unwrap()))
        })
        .collect()
}

#[test]
fn unshuffled_folds_are_scikit_learn_s() {
    let cases = ["reference", "folds"].map(|folder| {
        let path = format!("tests/fixtures/{folder}/folds.json");
        let all: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        all["cases"].as_array().unwrap().clone()
    });
    for case in cases.iter().flatten() {
        let word = case["word"].as_str().unwrap();
        let rows = usize::try_from(case["rows"].as_u64().unwrap()).unwrap();
        let target = small(&case["classes"]).map(|codes| target(&codes));
        let by = whole(&case["by"]);
        let rows = FoldRows { rows, target: target.as_ref(), by: by.as_deref() };
        let found = splitter(word, &settings(&case["settings"])).split(&rows, Seed::new(0));
        let expected = case["folds"].as_array();
        assert_eq!(found.is_ok(), expected.is_some(), "{case}: {found:?}");
        for (fold, expected) in found.iter().flatten().zip(expected.into_iter().flatten()) {
            let index = |rows: &[usize]| rows.iter().map(|row| *row as u64).collect::<Vec<_>>();
            if word == "time_series_split" {
                assert_eq!(Some(index(&fold.train)), whole(&expected[0]), "{case}");
                assert_eq!(Some(index(&fold.test)), whole(&expected[1]), "{case}");
            } else {
                assert_eq!(Some(index(&fold.test)), whole(expected), "{case}");
            }
        }
    }
}

#[test]
fn the_page_s_example_of_stratified_folds() {
    let target = target(&[1, 0, 0, 1, 0, 0, 1, 0, 2, 2]);
    let rows = FoldRows { rows: 10, target: Some(&target), by: None };
    let found = splitter("stratified_k_fold", &[("n", Setting::Int(3))]).split(&rows, Seed::new(0));
    let tests: Vec<Vec<usize>> = found.unwrap().into_iter().map(|fold| fold.test).collect();
    assert_eq!(tests, [vec![0, 1, 2, 8], vec![3, 4, 5], vec![6, 7, 9]]);
}

#[test]
fn rows_of_one_moment_stay_together_in_time() {
    let by: Vec<u64> = (0..100).map(|row| row / 10).collect();
    let rows = FoldRows { rows: 100, target: None, by: Some(&by) };
    let found = splitter("time_series_split", &[("n", Setting::Int(3))]);
    let found = found.split(&rows, Seed::new(0)).unwrap();
    let ends: Vec<_> = found.iter().map(|fold| (fold.train.len(), fold.test.len())).collect();
    assert_eq!(ends, [(20, 30), (50, 20), (70, 30)]);
    let one = FoldRows { rows: 100, target: None, by: Some(&[7; 100]) };
    let refused = splitter("time_series_split", &[]).split(&one, Seed::new(0));
    assert!(refused.unwrap_err().0.contains("of one moment"));
}

#[test]
fn time_need_not_be_the_order_of_the_rows() {
    let by = [5, 0, 4, 1, 3, 2];
    let rows = FoldRows { rows: 6, target: None, by: Some(&by) };
    let found = splitter("time_series_split", &[("n", Setting::Int(2))]);
    let found = found.split(&rows, Seed::new(0)).unwrap();
    assert_eq!(found[0], Fold { train: vec![1, 3], test: vec![4, 5] });
    assert_eq!(found[1], Fold { train: vec![1, 3, 4, 5], test: vec![0, 2] });
}

#[test]
fn shuffled_folds_follow_the_seed() {
    let codes: Vec<u32> = (0..60).map(|row| row % 3).collect();
    let (target, by) = (target(&codes), (0..60).map(|row| row / 4).collect::<Vec<u64>>());
    let rows = FoldRows { rows: 60, target: Some(&target), by: Some(&by) };
    for word in ["k_fold", "stratified_k_fold", "group_k_fold", "stratified_group_k_fold"] {
        let shuffled = splitter(word, &[("shuffle", Setting::Bool(true))]);
        assert!(shuffled.shuffled());
        let one = shuffled.split(&rows, Seed::new(1)).unwrap();
        assert_eq!(one, shuffled.split(&rows, Seed::new(1)).unwrap(), "{word}");
        assert_ne!(one, shuffled.split(&rows, Seed::new(2)).unwrap(), "{word}");
        let plain = splitter(word, &[]);
        assert!(!plain.shuffled());
        assert_ne!(one, plain.split(&rows, Seed::new(1)).unwrap(), "{word}");
        let seeds = [1, 2].map(|seed| plain.split(&rows, Seed::new(seed)).unwrap());
        assert_eq!(seeds[0], seeds[1], "{word}");
    }
}

#[test]
fn messages_say_what_is_wrong() {
    let numbers = Target::Numbers(Arc::from([1.0, 2.0, 3.0]));
    let rows = FoldRows { rows: 3, target: Some(&numbers), by: None };
    let said = |word: &str| splitter(word, &[]).split(&rows, Seed::new(0)).unwrap_err().0;
    assert_eq!(
        said("k_fold"),
        "5 folds need 5 rows at least, but there are 3; ask for fewer folds"
    );
    assert!(said("group_k_fold").contains("the column of the groups is missing"));
    let two = splitter("stratified_k_fold", &[("n", Setting::Int(2))]);
    assert!(two.split(&rows, Seed::new(0)).unwrap_err().0.contains("use `k_fold`"));
    let many = FoldRows { rows: 6_000, target: None, by: None };
    let refused = splitter("leave_one_out", &[]).split(&many, Seed::new(0)).unwrap_err();
    assert!(refused.0.contains("would fit 6000 models"));
}

#[test]
fn shares_are_rounded_up_but_not_by_rounding_errors() {
    let cases = [
        (0.2, 10, 2),
        (0.2, 11, 3),
        (0.07, 100, 7),
        (0.1, 3, 1),
        (1.0 / 3.0, 9, 3),
        (0.0, 5, 0),
        (1.0, 5, 5),
    ];
    for (share, rows, expected) in cases {
        assert_eq!(share_of(share, rows), expected, "{share} of {rows}");
    }
}

#[test]
fn stratified_cuts_keep_the_shares() {
    // Largest remainders: 10 test rows of 60/30/10 are 6/3/1.
    let codes: Vec<u32> = (0..100).map(|row| [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][row % 10]).collect();
    let target = target(&codes);
    let cut =
        Cut { rows: 100, test: 10, validation: 20, stratify: Some(&target), ..Cut::default() };
    let parts = holdout(&cut, Seed::new(3)).unwrap();
    let counts = |rows: &[usize]| {
        let mut counts = [0; 3];
        rows.iter().for_each(|row| counts[codes[*row] as usize] += 1);
        counts
    };
    assert_eq!(counts(&parts.test), [6, 3, 1]);
    assert_eq!(counts(&parts.validation), [12, 6, 2]);
    assert_eq!(counts(&parts.train), [42, 21, 7]);
}

#[test]
fn cuts_that_make_no_sense_are_refused() {
    let said = |cut: Cut<'_>| holdout(&cut, Seed::new(0)).unwrap_err().0;
    let lonely = target(&[0, 0, 0, 1, 0, 0]);
    let two = target(&[0, 0, 0, 1, 1, 1]);
    let base = Cut { rows: 6, test: 2, ..Cut::default() };
    assert!(said(Cut { test: 6, ..base }).contains("nothing is left to learn from"));
    assert!(said(Cut { test: 0, ..base }).contains("the test part of"));
    assert!(
        said(Cut { stratify: Some(&lonely), ..base }).contains("the class `1` has one row alone")
    );
    assert!(
        said(Cut { stratify: Some(&two), test: 1, ..base }).contains("can't hold all 2 classes")
    );
    assert!(said(Cut { groups: Some(&[3; 6]), ..base }).contains("need as many groups"));
    assert!(said(Cut { time: Some(&[3; 6]), ..base }).contains("of one moment"));
}

#[test]
fn the_latest_rows_are_the_test_rows() {
    let time = [9, 1, 8, 2, 7, 3, 3, 3, 0, 5];
    let cut = Cut { rows: 10, test: 2, validation: 2, time: Some(&time), ..Cut::default() };
    let parts = holdout(&cut, Seed::new(0)).unwrap();
    assert_eq!(
        parts,
        Parts { train: vec![1, 3, 5, 6, 7, 8], test: vec![0, 2], validation: vec![4, 9] }
    );
}

#[test]
fn a_fold_that_no_group_would_come_to_is_refused() {
    let target = target(&[1, 2, 1, 0, 2, 2, 2, 1, 1, 1, 1]);
    let by = [10, 7, 4, 8, 10, 2, 7, 8, 2, 3, 10];
    let seen = FoldRows { rows: by.len(), target: Some(&target), by: Some(&by) };
    let settings = [("n", Setting::Int(6)), ("shuffle", Setting::Bool(false))];
    let refused = splitter("stratified_group_k_fold", &settings).split(&seen, Seed::new(0));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("6 groups can't be dealt to 6 folds"), "{message}");
}

fn is_partition(parts: &Parts, rows: usize) -> bool {
    let mut all = [&parts.train[..], &parts.test, &parts.validation].concat();
    let ascending = |rows: &[usize]| rows.windows(2).all(|pair| pair[0] < pair[1]);
    let sorted = [&parts.train, &parts.test, &parts.validation].iter().all(|rows| ascending(rows));
    all.sort_unstable();
    sorted && all == (0..rows).collect::<Vec<_>>()
}

proptest! {
    #[test]
    fn cuts_take_each_row_once(
        codes in prop::collection::vec(0_u32..4, 2..80),
        ranks in prop::collection::vec(0_u64..9, 80),
        (test, validation) in (0_usize..30, 0_usize..20),
        way in 0..5,
        seed in any::<u64>(),
    ) {
        let (target, rows) = (target(&codes), codes.len());
        let stratify = (way == 1 || way == 4).then_some(&target);
        let groups = (way == 2 || way == 4).then_some(&ranks[..rows]);
        let time = (way == 3).then_some(&ranks[..rows]);
        let cut = Cut { rows, test, validation, stratify, groups, time };
        let found: Result<Parts, SplitError> = holdout(&cut, Seed::new(seed));
        if let Ok(parts) = found {
            prop_assert!(is_partition(&parts, rows));
            prop_assert!(!parts.train.is_empty() && !parts.test.is_empty());
            prop_assert_eq!(parts.validation.is_empty(), validation == 0);
            if way < 2 {
                prop_assert_eq!((parts.test.len(), parts.validation.len()), (test, validation));
            }
            if let Some(ranks) = groups.or(time) {
                for (left, right) in [(&parts.train, &parts.test), (&parts.train, &parts.validation), (&parts.test, &parts.validation)] {
                    prop_assert!(left.iter().all(|l| right.iter().all(|r| ranks[*l] != ranks[*r])));
                }
            }
        }
    }

    #[test]
    fn folds_test_each_row_once_and_never_learn_from_it(
        codes in prop::collection::vec(0_u32..3, 2..60),
        ranks in prop::collection::vec(0_u64..12, 60),
        folds in 2_i64..7,
        shuffle in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (target, rows) = (target(&codes), codes.len());
        for kind in FOLDS {
            let word = kind.signature().name;
            let mut settings = vec![("n", Setting::Int(folds)), ("shuffle", Setting::Bool(shuffle))];
            settings.retain(|(name, _)| kind.signature().param(name).is_some());
            let by = Some(&ranks[..rows]);
            let seen = FoldRows { rows, target: Some(&target), by };
            let Ok(found) = splitter(word, &settings).split(&seen, Seed::new(seed)) else { continue };
            for fold in &found {
                prop_assert!(!fold.train.is_empty() && !fold.test.is_empty(), "{word}");
                prop_assert!(fold.train.iter().all(|row| !fold.test.contains(row)), "{word}");
            }
            let mut tested: Vec<usize> = found.iter().flat_map(|fold| fold.test.clone()).collect();
            tested.sort_unstable();
            let distinct = tested.windows(2).all(|pair| pair[0] < pair[1]);
            prop_assert!(distinct, "{word}");
            prop_assert!(word == "time_series_split" || tested.len() == rows, "{word}");
            if word.contains("group") {
                for fold in &found {
                    let apart = |row: &usize| fold.test.iter().all(|test| ranks[*test] != ranks[*row]);
                    prop_assert!(fold.train.iter().all(apart), "{word}");
                }
            }
        }
    }
}
