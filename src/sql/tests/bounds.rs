//! No text overflows a stack, hangs or panics.

use proptest::prelude::*;

use super::*;
use crate::sql::parse::canonical;

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
        format!(
            "SELECT {} 1 {} AS x",
            "CASE WHEN true THEN ".repeat(20_000),
            " END".repeat(20_000)
        ),
        format!("SELECT {}1{} AS x", "abs(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT x FROM {}people{} s", "(SELECT * FROM ".repeat(20_000), ")".repeat(20_000)),
        format!(
            "SELECT p0.id FROM people p0{}",
            (1..5_000)
                .map(|at| format!(" JOIN people p{at} ON p{at}.id = p0.id"))
                .collect::<String>()
        ),
        format!("SELECT {}1{} AS x", "[".repeat(20_000), "]".repeat(20_000)),
        format!("SELECT list{} AS x FROM odd", "[1]".repeat(20_000)),
        format!("SELECT 1 AS {}", "x".repeat(2 << 20)),
    ];
    for text in texts {
        let begin = text.chars().take(40).collect::<String>();
        for error in on_a_small_stack(text).err().into_iter().flatten() {
            assert!(["sql-too-deep", "sql-too-long"].contains(&error.code), "{begin}: {error:?}");
        }
    }
}

#[test]
fn long_sums_work() {
    for (operand, operator, length) in
        [("id", " + ", 400), ("amount", " - ", 30), ("Total", " * ", 400), ("id", " % ", 400)]
    {
        let text = format!("SELECT {} AS x FROM orders", vec![operand; length].join(operator));
        let found = on_a_small_stack(text);
        assert!(found.is_ok(), "{operand}{operator}: {found:?}");
    }
}

/// Pieces of SQL that are put together at random.
const PIECES: &[&str] = &[
    "SELECT",
    "FROM",
    "people",
    "orders",
    "id",
    "name",
    "age",
    "*",
    ",",
    "(",
    ")",
    "AS",
    "x",
    "WHERE",
    "=",
    "+",
    "-",
    "/",
    "%",
    "1",
    "0",
    "'a'",
    "NULL",
    "AND",
    "OR",
    "NOT",
    "IN",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "UNION ALL",
    "JOIN",
    "ON",
    "USING",
    "WITH",
    "t",
    "sum(",
    "count(*)",
    "max(",
    "lower(",
    "OVER (",
    "PARTITION BY",
    "$n",
    "$cities",
    "::",
    "int",
    "CAST(",
    "INTERVAL '1 day'",
    "DATE '2024-01-01'",
    "\"",
    "'",
    ";",
    "--",
    "/*",
    "[",
    "]",
    ".",
    "DISTINCT",
    "EXISTS",
    "unnest(",
    "list",
    "odd",
    "born",
    "seen",
    "parts.train",
    "\u{1}0",
    "é",
    "LATERAL",
    "VALUES",
    "FILTER",
    "now()",
    "||",
    "->",
    "IS NULL",
    "extract(year from born)",
    "interval",
    "array_agg(",
    "ROLLUP(",
    "QUALIFY",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(picks in prop::collection::vec(0..PIECES.len(), 0..30)) {
        let text = picks.iter().map(|at| PIECES[*at]).collect::<Vec<_>>().join(" ");
        for text in [text.clone(), format!("SELECT {text} FROM people"), format!("SELECT id FROM people WHERE {text}")] {
            let _ = outline(&text);
            let _ = canonical(&text);
            for error in analysed(&text).err().into_iter().flatten() {
                if let Some(range) = &error.range {
                    prop_assert!(text.get(range.clone()).is_some(), "{text}: {error:?}");
                }
            }
        }
    }
}
