//! Whole numbers and decimals don't wrap around, and a failure names its expression.

use arrow::array::{
    Date32Array, Decimal128Array, Float64Array, Int8Array, Int64Array, StringArray,
};

use super::*;

fn numbers() -> Vec<(Vec<String>, Table)> {
    let decimals = Decimal128Array::from(vec![Some(99_999_999), Some(1), None]);
    let decimals = decimals.with_precision_and_scale(38, 2).expect("digits");
    named(vec![(
        "t",
        table(vec![
            (
                "big",
                Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None])) as ArrayRef,
            ),
            ("small", Arc::new(Int8Array::from(vec![Some(100), Some(-128), None]))),
            ("zero", Arc::new(Int64Array::from(vec![Some(0), Some(0), None]))),
            ("one", Arc::new(Int64Array::from(vec![1, 1, 1]))),
            ("f", Arc::new(Float64Array::from(vec![0.0, 1e300, f64::NAN]))),
            ("d", Arc::new(decimals)),
            ("text", Arc::new(StringArray::from(vec!["12", "abc", "3"]))),
            ("day", Arc::new(Date32Array::from(vec![0, i32::MAX, 3]))),
        ]),
    )])
}

#[test]
fn overflow_and_division_by_zero_name_the_expression() {
    let cases = [
        ("SELECT big + one AS x FROM t", "sql-overflow", "big + one"),
        ("SELECT 1 AS y, (one * 3 + (big - one)) AS x FROM t", "sql-overflow", "big - one"),
        ("SELECT big * 2 AS x FROM t", "sql-overflow", "big * 2"),
        ("SELECT -big AS x FROM t", "sql-overflow", "-big"),
        ("SELECT small * small AS x FROM t", "sql-overflow", "small * small"),
        ("SELECT one / zero AS x FROM t", "sql-division-by-zero", "one / zero"),
        ("SELECT one % zero AS x FROM t", "sql-division-by-zero", "one % zero"),
        ("SELECT d / zero AS x FROM t", "sql-division-by-zero", "d / zero"),
        ("SELECT one FROM t WHERE big + one > 3", "sql-overflow", "big + one"),
        ("SELECT one FROM t ORDER BY big - 1", "sql-overflow", "big - 1"),
        ("SELECT max(big + 1) AS m FROM t GROUP BY one", "sql-overflow", "big + 1"),
        (
            "SELECT sum(big) AS s FROM (SELECT big FROM t WHERE big > 0 UNION ALL SELECT big FROM t WHERE big > 0) u",
            "sql-overflow",
            "sum(big)",
        ),
        (
            "SELECT one, SUM(big) AS s FROM (SELECT one, big FROM t WHERE big > 0 UNION ALL SELECT one, big FROM t WHERE big > 0) u GROUP BY one",
            "sql-overflow",
            "SUM(big)",
        ),
        (
            "SELECT sum(big) OVER (ORDER BY big DESC) AS s FROM (SELECT big FROM t WHERE big > 0 UNION ALL SELECT one FROM t) u",
            "sql-overflow",
            "sum(big)",
        ),
        ("SELECT CAST(big AS INT) AS x FROM t", "sql-cast", "CAST(big AS INT)"),
        ("SELECT big::smallint AS x FROM t", "sql-cast", "big::smallint"),
        ("SELECT CAST(f AS BIGINT) AS x FROM t", "sql-cast", "CAST(f AS BIGINT)"),
        ("SELECT 2 * CAST(text AS BIGINT) AS x FROM t", "sql-cast", "CAST(text AS BIGINT)"),
        ("SELECT 9223372036854775807 + 1 AS x", "sql-overflow", "9223372036854775807 + 1"),
        ("SELECT 1 / 0 AS x", "sql-division-by-zero", "1 / 0"),
        ("SELECT d * d * d * d * d * d AS x FROM t", "sql-overflow", "d * d * d * d * d"),
        (
            "SELECT one FROM t t1 JOIN (SELECT zero FROM t) t2 ON t1.one = 1 / t2.zero",
            "sql-division-by-zero",
            "1 / t2.zero",
        ),
    ];
    for (text, code, place) in cases {
        let error = run(text, &numbers()).err().unwrap_or_else(|| panic!("{text} is fine"));
        let underlined = error.range.clone().map_or("?", |range| &text[range]);
        assert_eq!((error.code, underlined), (code, place), "{text}: {error:?}");
    }
}

#[test]
fn what_fits_is_computed() {
    let cases: &[(&str, &[&str])] = &[
        (
            "SELECT big - one * 0 AS x FROM t",
            &["9223372036854775807", "-9223372036854775808", "null"],
        ),
        ("SELECT one / f AS x FROM t", &["inf", "1e-300", "NaN"]),
        ("SELECT f * 1e300 AS x FROM t", &["0.0", "inf", "NaN"]),
        ("SELECT one + 1.5 AS x FROM t", &["2.5", "2.5", "2.5"]),
        ("SELECT 7 / 2 AS a, -7 / 2 AS b, 7 % -4 AS c, -(-7) AS d", &["3 | -3 | 3 | 7"]),
        ("SELECT TRY_CAST(text AS BIGINT) AS x FROM t", &["12", "null", "3"]),
        ("SELECT NULLIF(zero, 0) + 1 AS x FROM t", &["null", "null", "null"]),
        ("SELECT CASE WHEN zero = 0 THEN 0 ELSE one / zero END AS x FROM t", &["0", "0", "null"]),
        (
            "SELECT sum(one) AS a, sum(DISTINCT one) AS b, sum(f) AS c, sum(d) AS d, sum(zero) AS e FROM t WHERE f < 1e301",
            &["2 | 1 | 1e300 | 1000000.00 | 0"],
        ),
        ("SELECT sum(one) AS s FROM t WHERE false", &["null"]),
        ("SELECT sum(one) FILTER (WHERE f = 0) AS s, one FROM t GROUP BY one", &["1 | 1"]),
        (
            "SELECT sum(one) OVER (ORDER BY one ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM t",
            &["1", "2", "2"],
        ),
        ("SELECT -9223372036854775808 AS x", &["-9223372036854775808"]),
        ("SELECT - INTERVAL '1 day' + DATE '2024-01-02' AS x", &["2024-01-01"]),
        ("SELECT DATE '2024-03-01' - DATE '2024-02-01' AS x", &["29"]),
        ("SELECT INTERVAL '1' MONTH + DATE '2024-01-31' AS x", &["2024-02-29"]),
    ];
    for (text, expected) in cases {
        let table = run(text, &numbers()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(rows(&table), *expected, "{text}");
    }
}

#[test]
fn dates_out_of_range_are_errors_and_no_panics() {
    for text in [
        "SELECT day + INTERVAL '1 day' AS x FROM t",
        "SELECT day + INTERVAL '100000 years' AS x FROM t",
        "SELECT CAST(day AS TIMESTAMP) + INTERVAL '300000 years' AS x FROM t",
        "SELECT CAST(day AS TIMESTAMP(9)) AS x FROM t",
    ] {
        let result = run(text, &numbers());
        assert!(result.is_err(), "{text}: {:?}", result.map(|table| rows(&table)));
    }
}
