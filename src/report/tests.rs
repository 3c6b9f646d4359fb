//! Pages as a whole: nothing a user wrote becomes markup, nothing is loaded, huge things are cut.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::*;
use crate::data::{Hash, Table};

/// What a user might call things who wants to break out of the page.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\u{202E}\u{0}";

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Table::new(batch.schema(), vec![batch]).unwrap()
}

fn words(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn entry(name: &str, kind: &str, before: &[&str]) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: kind.to_owned(),
        before: before.iter().map(|name| (*name).to_owned()).collect(),
        shown: true,
        ..Entry::default()
    }
}

fn found(outputs: Vec<(&str, Table)>) -> Found {
    let output = |(name, table): (&str, Table)| Output {
        name: name.to_owned(),
        digest: table.digest().hash(),
        content: Content::Table(table),
    };
    Found { outputs: outputs.into_iter().map(output).collect(), ..Found::default() }
}

fn page(stages: Vec<(Entry, Found)>) -> Page {
    let (entries, found) = stages.into_iter().unzip();
    let title = "test".to_owned();
    Page { outline: Outline { title, stages: entries, ..Outline::default() }, found }
}

/// A page that has every kind of stage, each name and text of which is `word`.
fn every_kind(word: &str) -> Page {
    let (a, b) = (format!("{word}1"), format!("{word}2"));
    let both = [a.as_str(), b.as_str()];
    let models = || words(&[word; 4]);
    let confusion = table(vec![
        ("model", models()),
        ("actual", words(&[&a, &a, &b, &b])),
        ("predicted", words(&[&a, &b, &a, &b])),
        ("count", ints(&[5, 1, 2, 6])),
    ]);
    let roc = table(vec![
        ("model", words(&[word; 6])),
        ("class", words(&[&a, &a, &a, &b, &b, &b])),
        ("threshold", floats(&[f64::INFINITY, 0.5, 0.1, f64::INFINITY, 0.6, 0.2])),
        ("fpr", floats(&[0.0, 0.25, 1.0, 0.0, 0.2, 1.0])),
        ("tpr", floats(&[0.0, 0.75, 1.0, 0.0, 0.8, 1.0])),
    ]);
    let calibration = table(vec![
        ("model", words(&[word; 2])),
        ("class", words(&both)),
        ("bin", ints(&[1, 2])),
        ("mean_predicted", floats(&[0.2, 0.7])),
        ("fraction_positive", floats(&[0.1, 0.9])),
        ("count", ints(&[4, 4])),
    ]);
    let metrics = |name: &str| {
        vec![
            ("model", words(&[word])),
            ("metric", words(&[word])),
            (if name == "mean" { "mean" } else { "value" }, floats(&[0.5])),
        ]
    };
    let mut summary = metrics("mean");
    summary.extend([("sd", floats(&[0.1])), ("folds", ints(&[2]))]);
    let scores = table(vec![
        ("model", words(&[word; 2])),
        ("metric", words(&[word; 2])),
        ("repeat", ints(&[0, 0])),
        ("fold", ints(&[0, 1])),
        ("value", floats(&[0.4, 0.6])),
    ]);
    let chance = format!("probability_{a}");
    let predictions = table(vec![
        ("model", models()),
        ("repeat", ints(&[0; 4])),
        ("fold", ints(&[0, 0, 1, 1])),
        ("row", ints(&[0, 1, 2, 3])),
        ("target", words(&[&a, &b, &a, &b])),
        ("prediction", words(&[&a, &b, &b, &b])),
        (&chance, floats(&[0.9, 0.2, 0.4, 0.3])),
    ]);
    let trials = table(vec![
        ("trial", ints(&[0, 1])),
        ("status", words(&[word; 2])),
        ("metric", words(&[word; 2])),
        ("mean", floats(&[0.4, 0.6])),
        ("sd", floats(&[0.1, 0.1])),
        (word, floats(&[1.0, 100.0])),
    ]);
    let profile = {
        let counts = |value| (value, ints(&[7]));
        let mut columns = vec![("column", words(&[word])), ("type", words(&[word]))];
        columns.extend(["rows", "missing", "distinct"].map(counts));
        let figures = ["mean", "sd", "min", "p25", "p50", "p75", "max"];
        columns.extend(figures.map(|name| (name, floats(&[1.5]))));
        columns.push(("top", words(&[word])));
        table(columns)
    };
    let pairs = table(vec![
        ("left", words(&[word, word, &a])),
        ("right", words(&[&a, &b, &b])),
        ("method", words(&[word; 3])),
        ("coefficient", floats(&[0.5, -0.25, f64::NAN])),
        ("p", floats(&[1e-9, 0.5, f64::NAN])),
        ("p_adjusted", floats(&[1e-9, 0.5, f64::NAN])),
        ("rows", ints(&[7; 3])),
    ]);
    let importance =
        table(vec![("feature", words(&both)), ("importance", floats(&[0.75, f64::NAN]))]);
    let history = table(vec![
        ("iteration", ints(&[1, 2])),
        ("metric", words(&[word; 2])),
        ("train", floats(&[0.9, 0.5])),
        ("validation", floats(&[1.0, 0.75])),
    ]);
    let rows = || table(vec![(word, words(&[word; 3])), (&b, floats(&[0.5, 1.5, f64::NAN]))]);
    let failures = table(vec![("check", words(&[word])), ("row", ints(&[1]))]);
    let kinds: Vec<(&str, Vec<(&str, Table)>)> = vec![
        ("ingest", vec![("", rows()), ("rejects", rows())]),
        ("prep", vec![("", rows())]),
        ("expect", vec![("failures", failures)]),
        ("split", vec![("train", rows()), ("test", rows())]),
        ("model", Vec::new()),
        ("train", vec![("importance", importance), ("history", history)]),
        (
            "cross_validate",
            vec![("", table(summary)), ("scores", scores), ("predictions", predictions)],
        ),
        ("tune", vec![("trials", trials)]),
        (
            "evaluate",
            vec![
                ("", table(metrics("value"))),
                ("confusion", confusion),
                ("roc", roc),
                ("calibration", calibration),
            ],
        ),
        (
            "predict",
            vec![("", table(vec![("prediction", words(&both)), (&chance, floats(&[0.5; 2]))]))],
        ),
        ("profile", vec![("", profile)]),
        ("correlate", vec![("", pairs)]),
        ("export", Vec::new()),
        ("another", vec![("", rows())]),
    ];
    let mut stages = Vec::new();
    for (at, (kind, outputs)) in kinds.into_iter().enumerate() {
        let own = Entry {
            doc: format!("{word}\n\n{word}"),
            fields: vec![("sql".to_owned(), word.to_owned()), (word.to_owned(), word.to_owned())],
            ..entry(&format!("{word}{at}"), kind, &[&format!("{word}{}", at.saturating_sub(1))])
        };
        stages.push((own, Found { notes: vec![word.to_owned()], ..found(outputs) }));
    }
    let mut page = page(stages);
    page.outline.title = word.to_owned();
    page.outline.doc = word.to_owned();
    page.outline.problem = Some(word.to_owned());
    page.outline.owner = Some(word.to_owned());
    page
}

/// Lists the elements of a page as they open and close; fails where they don't fit into each other.
fn elements(html: &str) -> Vec<&str> {
    const VOID: &[&str] = &["meta", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag.find('>').expect("a tag ends");
        let name = tag[..end].split_whitespace().next().unwrap();
        assert!(!tag[..end].contains('<'), "a tag in a tag: {}", &tag[..end]);
        match name.strip_prefix('/') {
            Some(name) => {
                assert_eq!(open.pop(), Some(name), "near {}", &rest[..80.min(rest.len())]);
            }
            None if VOID.contains(&name) => {}
            None => {
                open.push(name);
                all.push(name);
            }
        }
        rest = &tag[end..];
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

/// Takes the style sheet out, which is ours and has signs of its own.
fn without_style(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").unwrap();
    format!("{before}{}", rest.split_once("</style>").unwrap().1)
}

#[test]
fn nothing_that_a_user_wrote_becomes_markup() {
    let plain = without_style(&render(&every_kind("word")));
    let hostile = without_style(&render(&every_kind(HOSTILE)));
    // The same elements in the same order, whatever the words are.
    assert_eq!(elements(&plain), elements(&hostile));
    assert!(!elements(&hostile).contains(&"script") && !elements(&hostile).contains(&"img"));
    assert!(!hostile.contains('\u{202E}') && !hostile.contains('\0'));
    // `on…` stands in text and in quoted attributes only, where quotes are escaped.
    assert!(!hostile.contains("\" onerror") && !hostile.contains("' onerror"));
    assert!(hostile.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = render(&every_kind("word"));
    for way in
        ["http:", "https:", "//", "url(", "@import", " src=", "<link", "<script", "javascript:"]
    {
        assert!(!html.contains(way), "{way}");
    }
    assert!(html.contains("default-src 'none'"));
    // Every link leads to a place on the page itself.
    for link in html.split("href=\"").skip(1) {
        let target = link.split('"').next().unwrap().strip_prefix('#').unwrap();
        assert!(html.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn each_kind_of_result_is_on_the_page() {
    let html = render(&every_kind("word"));
    for part in [
        "At a glance",
        "The stages",
        "Judged on other rows",
        "ROC of",
        "Precision and recall",
        "Calibration of",
        "Confusion matrix, word",
        "Leaderboard",
        "fold by fold",
        "The best trials",
        "Best score so far",
        "Feature importance",
        "word while training",
        "What the columns hold",
        "Coefficients (word)",
        "What doesn&#39;t hold",
        "The parts",
        "All rows",
        "How it is written",
        "Outputs and their contents",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn the_same_results_give_the_same_page() {
    assert_eq!(render(&every_kind("word")), render(&every_kind("word")));
}

#[test]
fn every_drawing_tells_what_it_shows() {
    let html = without_style(&render(&every_kind("word")));
    for svg in html.split("<svg ").skip(1) {
        let attributes = svg.split('>').next().unwrap();
        assert!(
            attributes.contains("aria-label=") || attributes.contains("aria-hidden="),
            "{attributes}"
        );
    }
    let headings: Vec<&str> = elements(&html)
        .into_iter()
        .filter(|name| name.starts_with('h') && name.len() == 2)
        .collect();
    let level = |name: &str| name[1..].parse::<u8>().unwrap_or(0);
    let headings: Vec<u8> = headings.into_iter().map(level).filter(|level| *level > 0).collect();
    assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{headings:?}");
}

#[test]
fn huge_pipelines_and_tables_are_cut_with_a_count() {
    let wide: Vec<(String, ArrayRef)> =
        (0..3000).map(|at| (format!("c{at}"), floats(&[0.5; 30]))).collect();
    let fields: Vec<Field> =
        wide.iter().map(|(name, _)| Field::new(name, DataType::Float64, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = wide.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let wide = Table::new(schema, vec![batch]).unwrap();
    let mut stages = vec![(entry("wide", "ingest", &[]), found(vec![("", wide)]))];
    for at in 0..2000 {
        let before = if at == 0 { "wide".to_owned() } else { format!("s{}", at - 1) };
        stages.push((entry(&format!("s{at}"), "prep", &[&before]), Found::default()));
    }
    let html = render(&page(stages));
    assert!(html.len() < 2_000_000, "{}", html.len());
    for count in ["A graph of more than 150 stages", "and 1,701 more rows", "and 2,850 more rows"] {
        assert!(html.contains(count), "{count}");
    }
    elements(&without_style(&html));
}

#[test]
fn a_page_stands_whatever_is_not_there() {
    let empty = |columns: &[&str]| {
        let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
        Table::empty(Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())))
    };
    let kinds = [
        "ingest",
        "prep",
        "expect",
        "split",
        "model",
        "train",
        "cross_validate",
        "tune",
        "evaluate",
        "predict",
        "profile",
        "correlate",
    ];
    let outputs = [
        "",
        "rejects",
        "failures",
        "train",
        "test",
        "importance",
        "history",
        "scores",
        "predictions",
        "trials",
        "confusion",
        "roc",
        "calibration",
    ];
    let names: &[&[&str]] = &[&[], &["x"], &["model", "metric", "value", "mean", "actual"]];
    for columns in names {
        let stages = kinds.iter().map(|kind| {
            let tables = outputs.iter().map(|name| (*name, empty(columns))).collect();
            (entry(kind, kind, &["nowhere"]), found(tables))
        });
        elements(&without_style(&render(&page(stages.collect()))));
    }
    elements(&without_style(&render(&Page::default())));
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let odd = [f64::NAN, f64::INFINITY, -f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 0.0, -0.0];
    let rows = odd.len();
    let same = |word: &str| words(&vec![word; rows]);
    let trials = table(vec![
        ("trial", floats(&odd)),
        ("status", same("s")),
        ("metric", same("m")),
        ("mean", floats(&odd)),
        ("sd", floats(&odd)),
        ("estimator.x", floats(&odd)),
    ]);
    let history = table(vec![
        ("iteration", floats(&odd)),
        ("metric", same("m")),
        ("train", floats(&odd)),
        ("validation", floats(&odd)),
    ]);
    let scores = |value: &'static str| {
        table(vec![
            ("model", same("a")),
            ("metric", same("rmse")),
            (value, floats(&odd)),
            ("sd", floats(&odd)),
            ("folds", floats(&odd)),
        ])
    };
    let predictions = table(vec![
        ("model", same("a")),
        ("repeat", floats(&odd)),
        ("fold", floats(&odd)),
        ("row", floats(&odd)),
        ("target", floats(&odd)),
        ("prediction", floats(&odd)),
    ]);
    let mut search = entry("t", "tune", &[]);
    search.fields = vec![("over".to_owned(), "{ estimator.x: log(0.1 .. 1) }".to_owned())];
    let html = render(&page(vec![
        (search, found(vec![("trials", trials)])),
        (entry("f", "train", &[]), found(vec![("history", history)])),
        (entry("e", "evaluate", &[]), found(vec![("", scores("value"))])),
        (
            entry("c", "cross_validate", &[]),
            found(vec![
                ("", scores("mean")),
                ("scores", scores("value")),
                ("predictions", predictions),
            ]),
        ),
        (entry("d", "prep", &[]), found(vec![("", table(vec![("x", floats(&odd))]))])),
    ]));
    let html = without_style(&html);
    elements(&html);
    for attribute in html.split(['"', '\'']).skip(1).step_by(2) {
        let coordinate = attribute.starts_with('M') || attribute.parse::<f64>().is_ok();
        assert!(
            !coordinate || !(attribute.contains("NaN") || attribute.contains("inf")),
            "{attribute}"
        );
    }
}

#[test]
fn the_order_of_the_text_has_no_part_in_the_page() {
    let stages =
        vec![entry("b", "prep", &["a"]), entry("a", "ingest", &[]), entry("c", "prep", &["a"])];
    let mut other = stages.clone();
    other.reverse();
    let ordered = |stages: Vec<Entry>| Outline { stages, ..Outline::default() }.ordered();
    assert_eq!(ordered(stages), ordered(other));
    let hash = Hash::of(b"x");
    assert_eq!(hash.to_string().len(), 64);
}
