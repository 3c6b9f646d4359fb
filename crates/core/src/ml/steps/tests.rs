//! Every step against scikit-learn, and what is true of all steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::STEPS;
use super::fixture::{
    check_cases, check_round_trip, check_settings, context, fit, kind, same_bits, step,
};
use crate::data::{Column, Frame, Label, NO_CATEGORY, NO_TIME, Sort, Target};
use crate::ml::columns::Shape;
use crate::ml::estimator::FitError;

/// Settings with which each step learns something of every sort of column that it takes.
fn settings(word: &str) -> Vec<Json> {
    match word {
        "impute" => vec![
            json!({ "indicator": true }),
            json!({ "strategy": "most_frequent", "indicator": true, "keep_empty": true }),
            json!({ "strategy": "constant" }),
        ],
        "scale" => vec![
            json!({}),
            json!({ "method": "robust" }),
            json!({ "method": "min_max", "clip": true }),
            json!({ "method": "robust", "unit_variance": true, "with_centering": false }),
            json!({ "with_mean": false }),
        ],
        "one_hot" => vec![
            json!({}),
            json!({ "min_frequency": 2, "unknown": "infrequent", "drop": "first" }),
            json!({ "columns": ["city"], "categories": ["Ulm", "never", null, "Köln"] }),
            json!({ "columns": ["city", "grade"], "drop": { "city": "Ulm", "grade": null } }),
            json!({ "columns": ["city", "number"], "categories": { "number": [4, -3, 1.5] }, "max_categories": 3 }),
        ],
        "ordinal" => vec![
            json!({ "unknown": "encode", "missing_value": -2.0 }),
            json!({ "unknown": "encode", "max_categories": 2 }),
            json!({ "unknown": "encode", "min_frequency": 3, "columns": ["city"], "order": ["Ulm", "x", "Köln"] }),
        ],
        "target_encode" => vec![json!({}), json!({ "smooth": 3.0, "shuffle": false })],
        "tf_idf" => vec![
            json!({ "ngram_range": { "range": [1, 2] }, "max_features": 9 }),
            json!({ "analyzer": "char_wb", "ngram_range": { "range": [2, 3] }, "strip_accents": "ascii", "norm": "l1" }),
            json!({ "analyzer": "char", "lowercase": false, "use_idf": false, "norm": null }),
            json!({ "token_pattern": "\\b\\w+\\b", "stop_words": "english", "strip_accents": "unicode", "binary": true }),
            json!({ "vocabulary": ["cat", "zzz", "mat"], "sublinear_tf": true }),
        ],
        "hash" => vec![json!({ "buckets": 8 })],
        "date_parts" => vec![
            json!({}),
            json!({ "parts": ["year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "hour", "minute", "second", "days"] }),
        ],
        "bin" => vec![
            json!({}),
            json!({ "encode": "ordinal", "strategy": "kmeans", "n_bins": 3 }),
            json!({ "quantile_method": "hazen", "n_bins": 3 }),
            json!({ "encode": "ordinal", "subsample": 5 }),
        ],
        "clip" => vec![
            json!({ "lower": -1.0, "upper": 2.0 }),
            json!({ "quantiles": { "range": [0.1, 0.9] } }),
        ],
        "power" => vec![json!({}), json!({ "standardize": false })],
        "quantile" => vec![json!({}), json!({ "output_distribution": "normal", "subsample": 4 })],
        "polynomial" => vec![json!({ "degree": 3 })],
        "pca" => vec![
            json!({ "columns": ["plain", "Größe"] }),
            json!({ "columns": ["plain", "Größe"], "n": { "share": 0.5 } }),
            json!({ "columns": ["plain", "Größe"], "n": "mle", "whiten": true }),
        ],
        "select_k_best" => vec![
            json!({ "k": 1, "columns": ["plain", "Größe", "zahl"] }),
            json!({ "k": 1, "columns": ["plain", "zahl"], "score": "mutual_info" }),
        ],
        "category" => vec![json!({}), json!({ "columns": ["number", "flag", "city"] })],
        "drop_constant" => vec![json!({})],
        other => panic!("say how `{other}` is tested"),
    }
}

fn texts(values: &[Option<&str>]) -> Column {
    Column::Text(values.iter().map(|text| text.map(Arc::from)).collect())
}

/// Twelve rows with every sort of column, missing values, an empty and a constant column.
fn mixed() -> Frame {
    let nan = f64::NAN;
    let number = vec![1.5, nan, -3.0, 4.0, 4.0, 0.0, 1e9, -0.0, 2.0, nan, 7.0, 1.5];
    let plain: Vec<f64> = (0..12).map(|row| f64::from(row * row % 7)).collect();
    let size: Vec<f64> = (0..12).map(|row| f64::from(row) * 0.5 - 2.0).collect();
    let city = ["Ulm", "Köln", "Ulm", "東京", "Ulm", "Köln", "a=b", "", "Ulm", "Köln", "x", "Ulm"];
    let city: Vec<Option<&str>> =
        city.iter().enumerate().map(|(row, city)| (row != 5).then_some(*city)).collect();
    let note = ["the cat sat on a mat", "no", "cat cat cat", "die Katze saß", "", "42 cats"];
    let note: Vec<Option<&str>> =
        (0..12).map(|row| (row != 7).then(|| note[row % note.len()])).collect();
    let codes = [0, 1, 2, NO_CATEGORY, 1, 1, 0, 2, 2, 2, 0, 1];
    let times: Vec<i64> =
        (0..12).map(|row| if row == 4 { NO_TIME } else { row * 40_000_000_000_000 - 1 }).collect();
    Frame::new(12)
        .with("number", Column::Number(number.into()))
        .with("plain", Column::Number(plain.into()))
        .with("Größe", Column::Number(size.into()))
        .with("empty", Column::Number(vec![nan; 12].into()))
        .with("constant", Column::Number(vec![4.25; 12].into()))
        .with("flag", Column::Flag((0..12).map(|row| f64::from(row % 2)).collect()))
        .with("city", texts(&city))
        .with("note", texts(&note))
        .with(
            "grade",
            Column::Category {
                codes: codes.to_vec().into(),
                levels: ["A", "B", "C", "never"].into_iter().map(Arc::from).collect(),
            },
        )
        .with("seen", Column::Time(times.into()))
}

/// Rows unlike those of [`mixed`]: unseen levels, missing and huge values, other levels of a category.
fn strange() -> Frame {
    let nan = f64::NAN;
    Frame::new(3)
        .with("number", Column::Number(vec![nan, -1e300, 5e-324].into()))
        .with("plain", Column::Number(vec![1e300, -4.0, 0.5].into()))
        .with("Größe", Column::Number(vec![0.0, 9.0, -9.0].into()))
        .with("empty", Column::Number(vec![1.0, nan, 2.0].into()))
        .with("constant", Column::Number(vec![nan, 4.25, 0.0].into()))
        .with("flag", Column::Flag(vec![nan, 1.0, 0.0].into()))
        .with("city", texts(&[Some("Oslo"), None, Some("Ulm")]))
        .with("note", texts(&[None, Some("Ein ganz neuer Satz"), Some("cat")]))
        .with(
            "grade",
            Column::Category {
                codes: vec![1, 0, NO_CATEGORY].into(),
                levels: ["B", "Z"].into_iter().map(Arc::from).collect(),
            },
        )
        .with("seen", Column::Time(vec![NO_TIME, i64::MAX, i64::MIN + 1].into()))
}

fn classes(rows: usize, count: u32) -> Target {
    let codes = (0..).map(|row| row % count).take(rows).collect();
    Target::Classes { codes, classes: (0..i64::from(count)).map(Label::Int).collect() }
}

/// Columns that a step can be fitted on with left-out columns.
fn suited(word: &str) -> Frame {
    let frame = mixed();
    match word {
        // Neither takes missing values.
        "select_k_best" => Frame::new(12)
            .with("plain", frame.column("plain").unwrap().clone())
            .with("Größe", frame.column("Größe").unwrap().clone())
            .with("zahl", Column::Number((0..12).map(f64::from).collect())),
        _ => frame,
    }
}

fn strange_for(word: &str) -> Frame {
    let frame = strange();
    match word {
        "select_k_best" => Frame::new(3)
            .with("plain", frame.column("plain").unwrap().clone())
            .with("Größe", frame.column("Größe").unwrap().clone())
            .with("zahl", Column::Number(vec![1.0; 3].into())),
        _ => frame,
    }
}

#[test]
fn numbers_agree_with_scikit_learn() {
    let own = ["category", "drop_constant", "clip", "date_parts"];
    for kind in STEPS.iter().filter(|kind| !own.contains(&kind.signature().name)) {
        check_cases(kind.signature().name);
    }
    check_settings();
}

#[test]
fn words_are_unique_and_documented() {
    let mut words: Vec<&str> = STEPS.iter().map(|kind| kind.signature().name).collect();
    words.sort_unstable();
    assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
    for kind in STEPS {
        let signature = kind.signature();
        assert!(signature.summary().ends_with(['.', ':']), "{}", signature.name);
        for param in signature.params {
            assert!(!param.doc.trim().is_empty(), "{}.{}", signature.name, param.name);
            assert!(param.default.is_some(), "{}.{} can't be left out", signature.name, param.name);
        }
    }
}

#[test]
fn every_step_survives_the_store_and_strange_rows() {
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word) {
            for target in
                [classes(12, 2), classes(12, 3), Target::Numbers((0..12).map(f64::from).collect())]
            {
                let frame = suited(word);
                let (fitted, _) = fit(word, &settings, &frame, &target)
                    .unwrap_or_else(|error| panic!("{word} {settings}: {error}"));
                let new = strange_for(word);
                let transformed = fitted
                    .transform(&new)
                    .unwrap_or_else(|error| panic!("{word} {settings}: {error}"));
                assert_eq!(transformed.rows(), 3, "{word}");
                check_round_trip(word, fitted.as_ref(), &new, &transformed);
                let none = new.take(&[]);
                let transformed =
                    fitted.transform(&none).unwrap_or_else(|error| panic!("{word}: {error}"));
                assert_eq!(transformed.rows(), 0, "{word}");
            }
        }
    }
}

#[test]
fn rows_are_transformed_each_on_its_own() {
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word) {
            let frame = suited(word);
            let (fitted, _) = fit(word, &settings, &frame, &classes(12, 2)).unwrap();
            let whole = fitted.transform(&frame).unwrap();
            let order = [7, 0, 11, 3, 3, 9];
            let moved = fitted.transform(&frame.take(&order)).unwrap();
            assert!(same_bits(&moved, &whole.take(&order)), "{word} {settings} mixes rows");
            for row in 0..12 {
                let single = fitted.transform(&frame.take(&[row])).unwrap();
                assert!(same_bits(&single, &whole.take(&[row])), "{word} {settings} row {row}");
            }
        }
    }
}

#[test]
fn fitted_rows_come_back_as_they_are_transformed_but_for_cross_fitting() {
    for kind in STEPS.iter().filter(|kind| kind.signature().name != "target_encode") {
        let word = kind.signature().name;
        for settings in settings(word) {
            let frame = suited(word);
            let (fitted, transformed) = fit(word, &settings, &frame, &classes(12, 2)).unwrap();
            assert!(
                same_bits(&transformed, &fitted.transform(&frame).unwrap()),
                "{word} {settings}"
            );
        }
    }
    let frame = mixed();
    let (fitted, transformed) = fit("target_encode", &json!({}), &frame, &classes(12, 2)).unwrap();
    assert!(!same_bits(&transformed, &fitted.transform(&frame).unwrap()));
}

#[test]
fn order_of_training_rows_counts_for_nothing() {
    // The order decides which rows are drawn, which noise tells equal ones apart and which fold a row is
    // in; nothing else may.
    let drawn =
        |settings: &Json| settings.get("subsample").is_some() || settings["score"] == "mutual_info";
    let order = [3, 11, 0, 7, 1, 10, 2, 9, 4, 8, 5, 6];
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word).iter().filter(|settings| !drawn(settings)) {
            let (frame, target) = (suited(word), classes(12, 2));
            let (fitted, _) = fit(word, settings, &frame, &target).unwrap();
            let (moved, _) =
                fit(word, settings, &frame.take(&order), &target.take(&order)).unwrap();
            let (left, right) =
                (fitted.transform(&frame).unwrap(), moved.transform(&frame).unwrap());
            assert_eq!(left.names(), right.names(), "{word} {settings}");
            for ((name, left), right) in left.iter().zip(right.columns()) {
                let (Some(left), Some(right)) = (left.numbers(), right.numbers()) else {
                    assert_eq!(left, right, "{word} {settings} {name}");
                    continue;
                };
                for (left, right) in left.iter().zip(right) {
                    let same = left.to_bits() == right.to_bits()
                        || (left - right).abs() <= 1e-9 * left.abs().max(1.0);
                    assert!(same, "{word} {settings} {name}: {left} {right}");
                }
            }
        }
    }
}

#[test]
fn same_seed_same_bits_on_any_number_of_threads() {
    // Enough cells for several threads.
    let rows: Vec<usize> = (0..20_000).map(|row| row * 7 % 12).collect();
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word) {
            let (frame, target) = (suited(word).take(&rows), classes(12, 2).take(&rows));
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (fitted, transformed) = fit(word, &settings, &frame, &target).unwrap();
                    (fitted.save(), transformed)
                })
            };
            let (one, four) = (on(1), on(4));
            assert!(one.0 == four.0 && same_bits(&one.1, &four.1), "{word} {settings}");
        }
    }
}

#[test]
fn one_row_and_no_row_never_panic() {
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word) {
            for rows in [&[][..], &[0], &[1], &[4], &[1, 1]] {
                for target in [
                    classes(12, 2),
                    classes(12, 3),
                    Target::Numbers(vec![1.0; 12].into()),
                    Target::Absent { rows: 12 },
                ] {
                    if let Ok((fitted, _)) =
                        fit(word, &settings, &suited(word).take(rows), &target.take(rows))
                    {
                        let _ = fitted.transform(&strange_for(word));
                        let _ = fitted.summary();
                    }
                }
            }
        }
    }
}

#[test]
fn weights_count_as_copies_where_they_count() {
    let copies = [1, 2, 0, 3, 1, 1, 0, 2, 4, 1, 1, 1];
    let weights = copies.map(f64::from);
    let rows: Vec<usize> = (0..12).flat_map(|row| (0..copies[row]).map(move |_| row)).collect();
    let frame = Frame::new(12)
        .with("number", mixed().column("number").unwrap().clone())
        .with("plain", mixed().column("plain").unwrap().clone());
    let stop = AtomicBool::new(false);
    for (word, settings) in [
        ("scale", json!({})),
        ("bin", json!({ "encode": "ordinal" })),
        ("bin", json!({ "encode": "ordinal", "strategy": "uniform" })),
    ] {
        let step = step(word, &settings);
        let target = Target::Absent { rows: 12 };
        let (weighted, _) = step.fit(&frame, &target, Some(&weights), &context(&stop, 1)).unwrap();
        let (copied, _) =
            step.fit(&frame.take(&rows), &target.take(&rows), None, &context(&stop, 1)).unwrap();
        let (left, right) =
            (weighted.transform(&frame).unwrap(), copied.transform(&frame).unwrap());
        for (left, right) in left.columns().iter().zip(right.columns()) {
            for (left, right) in left.numbers().unwrap().iter().zip(right.numbers().unwrap()) {
                assert!(
                    (left.is_nan() && right.is_nan())
                        || (left - right).abs() <= 1e-12 * left.abs().max(1.0)
                );
            }
        }
    }
}

#[test]
fn shapes_known_before_a_run_hold_at_the_run() {
    for kind in STEPS {
        let word = kind.signature().name;
        for settings in settings(word) {
            let frame = suited(word);
            let shape = step(word, &settings).reshape(&Shape::of(&frame)).unwrap();
            let (_, transformed) = fit(word, &settings, &frame, &classes(12, 2)).unwrap();
            let found = Shape::of(&transformed);
            let dropped = ["empty", "constant"];
            for (name, sort) in &shape.columns {
                if shape.open && found.sort(name).is_none() || dropped.contains(&&**name) {
                    continue;
                }
                assert_eq!(found.sort(name), Some(*sort), "{word} {settings}: {name}");
            }
            if !shape.open {
                for (name, _) in &found.columns {
                    assert!(shape.sort(name).is_some(), "{word} {settings} makes {name}");
                }
            }
        }
    }
}

#[test]
fn a_step_says_which_column_it_does_not_take() {
    let frame = mixed();
    let target = classes(12, 2);
    for (word, settings, message) in [
        (
            "scale",
            json!({ "columns": ["city"] }),
            "column `city` holds text, but `scale` takes numbers",
        ),
        (
            "scale",
            json!({ "columns": ["plian"] }),
            "`scale` finds no column `plian`; did you mean `plain`?",
        ),
        (
            "scale",
            json!({ "columns": ["numeric"] }),
            "`scale` finds no column `numeric`; did you mean `numeric()`?",
        ),
        (
            "one_hot",
            json!({ "columns": ["seen"] }),
            "column `seen` holds a date, but `one_hot` takes text, categories, bools and numbers; use `date_parts` first",
        ),
        (
            "impute",
            json!({ "columns": ["city"] }),
            "column `city` holds text, but `impute` takes numbers; use `strategy: most_frequent` for it",
        ),
        (
            "pca",
            json!({ "columns": ["number"] }),
            "column `number` has a missing value in row 1; `pca` takes none: put `impute` or `clip` in front of it",
        ),
        (
            "power",
            json!({ "columns": ["Größe"], "method": "box_cox" }),
            "column `Größe` has -2 in row 0; `power` with `method: box_cox` takes numbers above 0; use `method: yeo_johnson`",
        ),
        (
            "pca",
            json!({ "columns": ["plain"], "n": 5 }),
            "`pca(5)` asks for more directions than there are: 1 columns of 12 rows have 1",
        ),
        (
            "polynomial",
            json!({ "columns": ["plain", "Größe", "number", "constant"], "degree": 10 }),
            "",
        ),
        (
            "tf_idf",
            json!({ "columns": ["note"], "smooth_idf": false, "vocabulary": ["cat", "zzz"] }),
            "no text of column `note` has the term \"zzz\", so that it would weigh infinitely much; leave out `smooth_idf: false`, or the term",
        ),
        (
            "tf_idf",
            json!({ "columns": ["note"], "token_pattern": "\\d{3}" }),
            "`tf_idf` finds no word in column `note`; `token_pattern` says what a word is",
        ),
        (
            "tf_idf",
            json!({ "columns": ["note"], "min_df": 9, "max_df": 12 }),
            "`min_df` and `max_df` of `tf_idf` leave no term of column `note`",
        ),
        (
            "one_hot",
            json!({ "columns": ["city"], "drop": { "city": "Bonn" } }),
            "`one_hot` can't drop \"Bonn\" of column `city`: it is none of the levels",
        ),
        (
            "one_hot",
            json!({ "columns": ["city"], "drop": { "city": "x" }, "min_frequency": 2 }),
            "`one_hot` can't drop \"x\" of column `city`: it is rare, and shares its column with others",
        ),
        (
            "one_hot",
            json!({ "columns": ["city"], "categories": [1, 2] }),
            "`one_hot`: the categories of column `city` must be texts, as its values are",
        ),
        (
            "one_hot",
            json!({ "columns": ["city"], "categories": ["Ulm", "Köln"], "unknown": "error" }),
            "column `city` has the value \"東京\", which no training row has, in row 3; allow such values with `unknown:`, or leave the row out",
        ),
    ] {
        match fit(word, &settings, &frame, &target) {
            Err(error) => assert_eq!(error.to_string(), message, "{word} {settings}"),
            Ok(_) => assert_eq!("", message, "{word} {settings}"),
        }
    }
}

#[test]
fn rules_between_settings_are_checked() {
    for (word, settings, message) in [
        ("impute", json!({ "fill_value": 3 }), "`fill_value` is for `strategy: constant` alone"),
        ("scale", json!({ "clip": true }), "`clip` is for `method: min_max` alone"),
        (
            "scale",
            json!({ "quantile_range": { "range": [25, 75] } }),
            "`quantile_range` is for `method: robust` alone",
        ),
        (
            "scale",
            json!({ "method": "robust", "quantile_range": { "range": [75, 25] } }),
            "`quantile_range` is a range `low .. high` with low below high, from 0 to 100, not `75 .. 25`",
        ),
        (
            "scale",
            json!({ "with_centering": false }),
            "`with_centering` is for `method: robust` alone",
        ),
        (
            "scale",
            json!({ "method": "max_abs", "with_std": false }),
            "`with_std` is for `method: standard` alone",
        ),
        (
            "scale",
            json!({ "method": "robust", "with_scaling": false, "unit_variance": true }),
            "`unit_variance` changes nothing with `with_scaling: false`",
        ),
        (
            "scale",
            json!({ "method": "robust", "unit_variance": true, "quantile_range": { "range": [0, 50] } }),
            "`quantile_range` lies above 0 and below 100 with `unit_variance`: a normal distribution has no ends",
        ),
        ("one_hot", json!({ "min_frequency": 0 }), "`min_frequency` is at least 1 row"),
        ("ordinal", json!({ "min_frequency": 0 }), "`min_frequency` is at least 1 row"),
        ("one_hot", json!({ "categories": { "x": [1, 2, 1] } }), "the level 1 stands twice"),
        (
            "bin",
            json!({ "strategy": "uniform", "quantile_method": "linear" }),
            "`quantile_method` is for `strategy: quantile` alone",
        ),
        (
            "one_hot",
            json!({ "min_frequency": { "share": 1.0 } }),
            "`min_frequency` as a share lies above 0% and below 100%",
        ),
        ("clip", json!({}), "`clip` needs `lower`, `upper` or `quantiles`"),
        ("clip", json!({ "lower": 2.0, "upper": 1.0 }), "`upper` lies below `lower`"),
        ("ordinal", json!({ "order": ["a", "b", "a"] }), "the level \"a\" stands twice"),
        (
            "tf_idf",
            json!({ "ngram_range": { "range": [0, 2] } }),
            "`ngram_range` is a range of whole numbers from 1 to 10",
        ),
        ("tf_idf", json!({ "token_pattern": "(a" }), "\"(a\" finds no words: unclosed group"),
        (
            "tf_idf",
            json!({ "token_pattern": "(a)|(b)" }),
            "\"(a)|(b)\" finds no words: it has 2 groups; one at most says which part is the word, others are written `(?:…)`",
        ),
        (
            "tf_idf",
            json!({ "analyzer": "char", "token_pattern": "a" }),
            "`token_pattern` is for `analyzer: word` alone",
        ),
        (
            "tf_idf",
            json!({ "analyzer": "char_wb", "stop_words": "english" }),
            "`stop_words` is for `analyzer: word` alone",
        ),
        (
            "tf_idf",
            json!({ "use_idf": false, "smooth_idf": false }),
            "`smooth_idf` is for `use_idf: true` alone",
        ),
        ("tf_idf", json!({ "vocabulary": [] }), "`vocabulary` holds no term"),
        ("tf_idf", json!({ "vocabulary": ["a", "b", "a"] }), "the term \"a\" stands twice"),
        (
            "tf_idf",
            json!({ "vocabulary": ["Cat"] }),
            "no text has the term \"Cat\", since it is read as \"cat\"; write it so",
        ),
        (
            "tf_idf",
            json!({ "vocabulary": ["cat"], "max_features": 1 }),
            "`max_features` has nothing to choose from beside `vocabulary`",
        ),
        ("pca", json!({ "n": 0 }), "`n` is at least 1"),
        ("date_parts", json!({ "parts": [] }), "the list of parts is empty"),
    ] {
        let bound = kind(word).bind(&super::fixture::args(word, &settings));
        assert_eq!(
            bound.err().map(|bad| bad.message).as_deref(),
            Some(message),
            "{word} {settings}"
        );
    }
}

#[test]
fn names_that_are_taken_are_numbered() {
    let frame = Frame::new(2)
        .with("a", Column::Number(vec![1.0, f64::NAN].into()))
        .with("a_missing", Column::Number(vec![5.0, 6.0].into()));
    let (_, transformed) = fit(
        "impute",
        &json!({ "columns": ["a"], "indicator": true }),
        &frame,
        &Target::Absent { rows: 2 },
    )
    .unwrap();
    let names: Vec<&str> = transformed.names().iter().map(|name| &**name).collect();
    assert_eq!(names, ["a", "a_missing_2", "a_missing"]);
}

#[test]
fn clip_learns_its_ends_from_quantiles() {
    let frame = Frame::new(5).with("x", Column::Number(vec![0.0, 1.0, 2.0, 3.0, 100.0].into()));
    let settings = json!({ "quantiles": { "range": [0.25, 0.75] } });
    let (_, transformed) = fit("clip", &settings, &frame, &Target::Absent { rows: 5 }).unwrap();
    assert_eq!(transformed.columns()[0].numbers(), Some(&[1.0, 1.0, 2.0, 3.0, 3.0][..]));
}

#[test]
fn unseen_levels_are_refused_where_that_was_asked_for() {
    let (fitted, _) = fit(
        "one_hot",
        &json!({ "columns": ["city"], "unknown": "error" }),
        &mixed(),
        &classes(12, 2),
    )
    .unwrap();
    let error = fitted.transform(&strange()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `city` has the value \"Oslo\", which no training row has, in row 0; allow such values with `unknown:`, or leave the row out",
    );
    let missing = strange().take(&[1]);
    let (fitted, _) =
        fit("ordinal", &json!({ "columns": ["city"] }), &mixed(), &classes(12, 2)).unwrap();
    let transformed = fitted.transform(&missing).unwrap();
    assert!(transformed.column("city").unwrap().numbers().unwrap()[0].is_nan());
}

#[test]
fn a_stopped_run_ends_in_the_middle_of_a_fit() {
    let stop = AtomicBool::new(true);
    let fitted =
        step("target_encode", &json!({})).fit(&mixed(), &classes(12, 2), None, &context(&stop, 1));
    assert_eq!(fitted.err(), Some(FitError::Stopped));
}

/// Numbers of every kind, the nasty ones often.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0,
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1e308), Just(-1e308), Just(5e-324), Just(1e-30)],
        1 => (-3_i8..4).prop_map(f64::from),
    ]
}

fn any_text() -> impl Strategy<Value = Option<Arc<str>>> {
    prop_oneof![
        1 => Just(None),
        4 => "[ab ]{0,3}".prop_map(|text| Some(Arc::from(text))),
        1 => ".{0,8}".prop_map(|text| Some(Arc::from(text))),
    ]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    (1..12_usize).prop_flat_map(|rows| {
        let times = prop_oneof![Just(NO_TIME), any::<i64>()];
        (
            prop::collection::vec(any_number(), rows),
            prop::collection::vec(-5.0..5.0_f64, rows),
            prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(f64::NAN)], rows),
            prop::collection::vec(any_text(), rows),
            prop::collection::vec(prop_oneof![Just(NO_CATEGORY), 0..3_u32], rows),
            prop::collection::vec(times, rows),
        )
            .prop_map(move |(number, plain, flag, text, codes, times)| {
                let levels = ["a", "b", "c"].into_iter().map(Arc::from).collect();
                Frame::new(rows)
                    .with("number", Column::Number(number.into()))
                    .with("plain", Column::Number(plain.clone().into()))
                    .with("Größe", Column::Number(plain.iter().map(|x| x * x).collect()))
                    .with("zahl", Column::Number(plain.iter().map(|x| x.floor()).collect()))
                    .with("flag", Column::Flag(flag.into()))
                    .with("city", Column::Text(text.into()))
                    .with("grade", Column::Category { codes: codes.into(), levels })
                    .with("seen", Column::Time(times.into()))
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_rows_make_a_step_panic(frame in any_frame(), new in any_frame(), count in 1..4_u32) {
        let target = classes(frame.rows(), count);
        for kind in STEPS {
            let word = kind.signature().name;
            for settings in settings(word) {
                if let Ok((fitted, transformed)) = fit(word, &settings, &frame, &target) {
                    prop_assert_eq!(transformed.rows(), frame.rows());
                    if let Ok(new) = fitted.transform(&new) {
                        prop_assert_eq!(new.names(), transformed.names(), "{}", word);
                        let sorts = |frame: &Frame| frame.columns().iter().map(Sort::of).collect::<Vec<_>>();
                        prop_assert_eq!(sorts(&new), sorts(&transformed), "{}", word);
                    }
                }
            }
        }
    }

    #[test]
    fn scaled_numbers_keep_their_order(values in prop::collection::vec(any_number(), 2..20)) {
        let frame = Frame::new(values.len()).with("x", Column::Number(values.clone().into()));
        for settings in [json!({}), json!({ "method": "robust" }), json!({ "method": "min_max" }), json!({ "method": "max_abs" })] {
            let (_, transformed) = fit("scale", &settings, &frame, &Target::Absent { rows: values.len() }).unwrap();
            let scaled = transformed.columns()[0].numbers().unwrap();
            for (i, j) in (0..values.len()).flat_map(|i| (0..values.len()).map(move |j| (i, j))) {
                if values[i] < values[j] && scaled[i].is_finite() && scaled[j].is_finite() {
                    prop_assert!(scaled[i] <= scaled[j], "{settings}: {} {}", values[i], values[j]);
                }
            }
        }
    }
}
