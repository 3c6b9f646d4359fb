//! No text overflows a stack, hangs or panics.

use proptest::prelude::*;

use super::*;

/// Analyses on a small stack, as a worker thread has.
fn on_a_small_stack(text: String) -> Result<Analysis, Vec<SqlError>> {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(move || analysed(&text)).expect("a thread").join().expect("no panic")
}

#[test]
fn deep_texts_are_errors_or_work() {
    let texts = [
        format!("SELECT {}1{} AS x", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT {}1 AS x", "(".repeat(100_000)),
        format!("SELECT 1{} AS x", " + 1".repeat(5_000)),
        format!("SELECT id{} AS x FROM people", " + id".repeat(5_000)),
        format!("SELECT id FROM people WHERE true{}", " AND id > 0".repeat(5_000)),
        format!("SELECT {}1 AS x", "- ".repeat(50_000)),
        format!("SELECT {}true AS x", "NOT ".repeat(50_000)),
        format!("SELECT 1{} AS x", "::int".repeat(50_000)),
        format!("SELECT id{} AS x FROM people", " IS NULL".repeat(50_000)),
        format!("SELECT 1 AS x{}", " UNION ALL SELECT 1".repeat(20_000)),
        format!("SELECT {} 1 {} AS x", "CASE WHEN true THEN ".repeat(20_000), " END".repeat(20_000)),
        format!("SELECT {}1{} AS x", "abs(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT x FROM {}people{} s", "(SELECT * FROM ".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT p0.id FROM people p0{}", (1..5_000).map(|at| format!(" JOIN people p{at} ON p{at}.id = p0.id")).collect::<String>()),
        format!("SELECT p0.id FROM people p0{}", (1..5_000).map(|at| format!(", people p{at}")).collect::<String>()),
        format!("SELECT {}1{} AS x", "[".repeat(20_000), "]".repeat(20_000)),
        format!("SELECT list{} AS x FROM odd", "[1]".repeat(20_000)),
        format!("SELECT 1 AS {}", "x".repeat(2 << 20)),
        (1..60).fold("WITH t0 AS (SELECT id FROM people)".to_owned(), |text, at| {
            format!("{text}, t{at} AS (SELECT a.id FROM t{0} a, t{0} b)", at - 1)
        }) + " SELECT id FROM t59",
    ];
    for text in texts {
        let begin = text.chars().take(40).collect::<String>();
        for error in on_a_small_stack(text).err().into_iter().flatten() {
            assert!(["sql-too-deep", "sql-too-long"].contains(&error.code), "{begin}: {error:?}");
        }
    }
}

#[test]
fn what_stays_below_the_bounds_works() {
    let texts = [
        format!("SELECT {}1{} AS x", "(".repeat(60), ")".repeat(60)),
        format!("SELECT id{} AS x FROM people", " + id".repeat(990)),
        format!("SELECT id FROM people WHERE true{}", " OR id > 0".repeat(490)),
        format!("SELECT id FROM people WHERE id IN ({}0)", "1, ".repeat(20_000)),
        format!("SELECT {} FROM people", (0..2_000).map(|at| format!("id + {at} AS c{at}")).collect::<Vec<_>>().join(", ")),
        format!("SELECT CASE {} END AS x FROM people", "WHEN id = 1 THEN 2 ".repeat(1_000)),
        format!("SELECT 1 AS x{}", " UNION ALL SELECT 1".repeat(150)),
    ];
    for text in texts {
        let begin = text.chars().take(40).collect::<String>();
        if let Err(errors) = on_a_small_stack(text) {
            panic!("{begin}: {errors:?}");
        }
    }
}

#[test]
fn deep_expressions_run() {
    let tables = named(vec![("t", table(vec![("a", Arc::new(arrow::array::Int64Array::from(vec![1])) as ArrayRef)]))]);
    let text = format!("SELECT a{} AS x FROM t UNION ALL SELECT 3 FROM t", " + a".repeat(990));
    assert_eq!(rows(&run(&text, &tables).expect("a result")), ["991", "3"]);
}

/// Pieces of SQL that are put together at random.
const PIECES: &[&str] = &[
    "SELECT", "FROM", "people", "orders", "id", "name", "age", "*", ",", "(", ")", "AS", "x", "WHERE", "=", "+",
    "-", "/", "%", "1", "0", "'a'", "NULL", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "CASE", "WHEN", "THEN",
    "ELSE", "END", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "UNION ALL", "JOIN", "ON", "USING", "WITH", "t",
    "sum(", "count(*)", "max(", "lower(", "OVER (", "PARTITION BY", "$n", "$cities", "::", "int", "CAST(",
    "INTERVAL '1 day'", "DATE '2024-01-01'", "\"", "'", ";", "--", "/*", "[", "]", ".", "DISTINCT", "EXISTS",
    "unnest(", "list", "odd", "born", "seen", "parts.train", "\u{1}0", "é", "LATERAL", "VALUES", "FILTER",
    "now()", "||", "->", "IS NULL", "extract(year from born)", "interval", "array_agg(", "ROLLUP(", "QUALIFY",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(picks in prop::collection::vec(0..PIECES.len(), 0..30)) {
        let text = picks.iter().map(|at| PIECES[*at]).collect::<Vec<_>>().join(" ");
        for text in [text.clone(), format!("SELECT {text} FROM people"), format!("SELECT id FROM people WHERE {text}")] {
            let _ = mentions(&text);
            let _ = canonical(&text);
            for error in analysed(&text).err().into_iter().flatten() {
                if let Some(range) = &error.range {
                    prop_assert!(text.get(range.clone()).is_some(), "{text}: {error:?}");
                }
            }
        }
    }
}
