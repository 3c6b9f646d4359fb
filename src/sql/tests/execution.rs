//! Results: their order, their bits, and what stops a query.

use arrow::array::{Float64Array, Int64Array, StringArray};
use proptest::prelude::*;

use super::*;

fn people() -> Vec<(Vec<String>, Table)> {
    let names = ["Ada", "Bo", "Cy", "Di", "Ed"];
    let cities = [Some("Oslo"), None, Some("Bergen"), Some("Oslo"), Some("Tromsø")];
    named(vec![
        (
            "people",
            table(vec![
                ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef),
                ("name", Arc::new(StringArray::from(names.to_vec()))),
                ("city", Arc::new(StringArray::from(cities.to_vec()))),
                (
                    "age",
                    Arc::new(Float64Array::from(vec![
                        Some(30.0),
                        Some(f64::NAN),
                        None,
                        Some(7.5),
                        Some(61.0),
                    ])),
                ),
            ]),
        ),
        ("parts.train", table(vec![("id", Arc::new(Int64Array::from(vec![5, 1, 9])) as ArrayRef)])),
    ])
}

#[test]
fn the_columns_of_our_own_outputs_need_no_quotes() {
    let one = |name| (name, Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef);
    let tables = named(vec![("t", table(vec![one("cluster"), one("top"), one("distinct")]))]);
    let texts = [
        "SELECT cluster, top, distinct FROM t",
        "SELECT top, t.distinct, cluster AS cluster FROM t WHERE distinct > 0 ORDER BY top, cluster",
        "SELECT cluster, max(top) AS top, max(distinct) AS distinct FROM t GROUP BY cluster",
        "SELECT DISTINCT top, cluster, distinct AS d FROM t",
    ];
    for text in texts {
        assert_eq!(rows(&run(text, &tables).expect(text)), ["1 | 1 | 1", "2 | 2 | 2"], "{text}");
    }
    let rows = rows(&run("SELECT count(DISTINCT top) AS n FROM t", &tables).expect("a count"));
    assert_eq!(rows, ["2"]);
    assert_eq!(
        run("SELECT TOP 1 cluster FROM t", &tables).expect_err("no TOP").code,
        "sql-unsupported"
    );
}

#[test]
fn queries_give_rows_in_a_fixed_order() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT name FROM people WHERE age < 50", &["Ada", "Di"]),
        (
            "SELECT city, count(*) AS n FROM people GROUP BY city",
            &["Oslo | 2", "null | 1", "Bergen | 1", "Tromsø | 1"],
        ),
        (
            "SELECT DISTINCT ON (city) city, name FROM people ORDER BY city, name DESC",
            &["Bergen | Cy", "Oslo | Di", "Tromsø | Ed", "null | Bo"],
        ),
        ("SELECT id FROM people WHERE id > $c.limit", &["4", "5"]),
        (
            "SELECT t.id, name FROM parts.train t LEFT JOIN people p ON p.id = t.id",
            &["5 | Ed", "1 | Ada", "9 | null"],
        ),
        (
            "SELECT id FROM people UNION ALL SELECT id FROM parts.train",
            &["1", "2", "3", "4", "5", "5", "1", "9"],
        ),
        (
            "SELECT name FROM people WHERE city IN ($cities) ORDER BY name DESC",
            &["Di", "Cy", "Ada"],
        ),
        ("SELECT name FROM people WHERE city IN ($none)", &[]),
        (
            "SELECT name FROM people WHERE city IN ('Tromsø', $cities) AND id < $n",
            &["Ada", "Cy", "Di"],
        ),
    ];
    for (text, expected) in cases {
        let table = run(text, &people()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(rows(&table), *expected, "{text}");
        let analysis = found_in(text, &people());
        assert_eq!(columns(table.schema()), columns(&analysis.schema), "{text}");
    }
}

fn found_in(text: &str, tables: &[(Vec<String>, Table)]) -> Analysis {
    let schemas = tables.iter().map(|(name, table)| (name.clone(), Arc::clone(table.schema())));
    let schemas: Vec<_> = schemas.collect();
    analyse(&Query {
        text,
        tables: &schemas,
        parameters: &parameters(),
        functions: &Functions::default(),
    })
    .expect("a query")
}

#[test]
fn conditions_find_failing_rows_and_nan_is_missing() {
    let (stop, runtime) = (AtomicBool::new(false), runtime());
    let limits = Limits { memory: &Memory::unbounded(), stop: &stop };
    let tables = people();
    let table = &tables[0].1;
    let cases: &[(&str, &[usize])] = &[
        ("age > 10", &[3]),
        ("id <> 2 AND name <> 'Ed'", &[1, 4]),
        ("city IS NOT NULL", &[1]),
        ("true", &[]),
        ("id < $n", &[4]),
    ];
    for (text, expected) in cases {
        let condition = condition(text, table.schema(), &parameters(), &Functions::default())
            .expect("a condition");
        let found = condition.failing(table, limits, runtime.handle()).expect("rows");
        assert_eq!(found.len(), table.rows(), "{text}");
        assert_eq!(found.set_indices().collect::<Vec<_>>(), *expected, "{text}");
    }
    let condition =
        condition("age > 10", table.schema(), &[], &Functions::default()).expect("a condition");
    assert_eq!(condition.reads().into_iter().collect::<Vec<_>>(), ["age"]);
}

/// Makes a table of many rows whose float sums depend on their order.
fn many(rows: i64) -> Vec<(Vec<String>, Table)> {
    let key: Int64Array = (0..rows).map(|row| Some((row * 7_919) % 997)).collect();
    let value: Float64Array = (0..rows)
        .map(|row| Some(1.0 / f64::from(i32::try_from(row % 1_013 + 1).unwrap())))
        .collect();
    let other: Int64Array = (0..997).map(Some).collect();
    named(vec![
        ("facts", table(vec![("key", Arc::new(key) as ArrayRef), ("value", Arc::new(value))])),
        ("keys", table(vec![("key", Arc::new(other) as ArrayRef)])),
    ])
}

#[test]
fn the_same_bits_at_any_thread_count() {
    let tables = many(400_000);
    let texts = [
        "SELECT key + 1 AS k, value * 2 AS v FROM facts WHERE value < 0.01",
        "SELECT f.key, f.value, k.key AS other FROM facts f LEFT JOIN keys k ON f.key = k.key + 3 WHERE f.value > 0.5",
        "SELECT sum(value) AS s, min(key) AS k FROM facts WHERE key % 7 = 3",
        "SELECT key, sum(value) AS s, avg(value) AS a FROM facts GROUP BY key",
        "SELECT sum(value) AS s, stddev(value) AS d FROM facts",
        "SELECT key % 100 AS k, sum(value) AS s, var(value) FILTER (WHERE value > 0.5) AS v FROM facts WHERE key % 3 > 0 GROUP BY key % 100",
        "SELECT k.key, sum(value) AS s FROM facts f JOIN keys k ON f.key = k.key GROUP BY k.key",
        "SELECT key, value FROM facts WHERE value < 0.01 UNION ALL SELECT key, 2.0 FROM keys",
        "SELECT sum(v) AS s FROM (SELECT value AS v FROM facts UNION ALL SELECT value * 3 FROM facts) u",
        "SELECT sum(DISTINCT value) AS s, count(DISTINCT key) AS c, avg(DISTINCT value) AS a FROM facts",
        "SELECT key, row_number() OVER (PARTITION BY key ORDER BY value) AS r FROM facts ORDER BY value LIMIT 100",
        "SELECT array_agg(DISTINCT key) AS k FROM facts",
        "SELECT key, value FROM facts ORDER BY key",
        "SELECT key, sum(value) OVER (PARTITION BY key ORDER BY value) AS s FROM facts WHERE value > 0.1",
        "SELECT key, lag(value) OVER (PARTITION BY key % 5 ORDER BY key) AS v FROM facts",
    ];
    for text in texts {
        let results: Vec<Vec<String>> = [1, 2, 5]
            .map(|threads| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(threads)
                    .enable_all()
                    .build()
                    .expect("threads");
                let stop = AtomicBool::new(false);
                let limits = Limits { memory: &Memory::unbounded(), stop: &stop };
                let execution = Execution {
                    text,
                    tables: &tables,
                    parameters: &[],
                    functions: &Functions::default(),
                    limits,
                    rows: &|_| {},
                };
                rows(&execute(&execution, runtime.handle()).expect("a result"))
            })
            .to_vec();
        assert_eq!(results[0], results[1], "{text}");
        assert_eq!(results[0], results[2], "{text}");
    }
}

#[test]
fn a_sort_of_many_runs_gives_each_row_once_and_in_order() {
    let tables = many(400_000);
    let text = "SELECT key, value FROM facts WHERE key <> 5 ORDER BY key DESC, value";
    let unsorted = "SELECT key, value FROM facts WHERE key <> 5";
    let pair = |row: &String| {
        let (key, value) = row.split_once(" | ").unwrap();
        (key.parse::<i64>().unwrap(), value.parse::<f64>().unwrap())
    };
    let read = |text| rows(&run(text, &tables).unwrap()).iter().map(pair).collect::<Vec<_>>();
    let mut expected = read(unsorted);
    expected.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.total_cmp(&right.1)));
    assert_eq!(read(text), expected);
}

#[test]
fn groups_of_many_runs_are_whole_and_in_the_order_of_their_first_rows() {
    let tables = many(400_000);
    let text = "SELECT key % 100 AS k, count(*) AS n, sum(key) AS s, min(key) AS lo, max(key) AS hi \
                FROM facts WHERE key % 3 > 0 GROUP BY key % 100";
    let mut groups: Vec<[i64; 5]> = Vec::new();
    for key in (0..400_000).map(|row| (row * 7_919) % 997).filter(|key| key % 3 > 0) {
        match groups.iter_mut().find(|group| group[0] == key % 100) {
            Some([_, count, sum, least, most]) => {
                (*count, *sum) = (*count + 1, *sum + key);
                (*least, *most) = ((*least).min(key), (*most).max(key));
            }
            None => groups.push([key % 100, 1, key, key, key]),
        }
    }
    let expected = groups.iter().map(|group| group.map(|own| own.to_string()).join(" | "));
    assert_eq!(rows(&run(text, &tables).unwrap()), expected.collect::<Vec<_>>());
}

#[test]
fn a_memory_limit_fails_a_query_or_changes_no_bit_of_it() {
    let tables = many(400_000);
    let text = "SELECT key, sum(value) AS s, avg(value) AS a FROM facts GROUP BY key";
    let (runtime, stop) = (runtime(), AtomicBool::new(false));
    let under = |memory: &Memory| {
        let limits = Limits { memory, stop: &stop };
        let functions = &Functions::default();
        let execution =
            Execution { text, tables: &tables, parameters: &[], functions, limits, rows: &|_| {} };
        execute(&execution, runtime.handle()).map(|table| rows(&table))
    };
    let whole = under(&Memory::unbounded()).unwrap();
    let outcomes: Vec<bool> = (10..24)
        .map(|bits| match under(&Memory::of(1 << bits)) {
            Ok(rows) => {
                assert_eq!(rows, whole, "under {} bytes", 1 << bits);
                true
            }
            Err(error) => {
                assert_eq!(error.code, "sql-memory");
                false
            }
        })
        .collect();
    assert!(outcomes.contains(&true) && outcomes.contains(&false), "{outcomes:?}");
}

#[test]
fn a_query_stops_when_asked_and_at_its_memory() {
    let endless = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n % 7 FROM t) SELECT n FROM t WHERE n < 0";
    let runtime = runtime();
    let stop = AtomicBool::new(true);
    let limits = Limits { memory: &Memory::unbounded(), stop: &stop };
    let error = execute(
        &Execution {
            text: endless,
            tables: &[],
            parameters: &[],
            functions: &Functions::default(),
            limits,
            rows: &|_| {},
        },
        runtime.handle(),
    );
    assert_eq!(error.unwrap_err().code, "sql-stopped");

    let tables = many(20_000);
    let stop = AtomicBool::new(false);
    let limits = Limits { memory: &Memory::of(1 << 20), stop: &stop };
    let text = "SELECT a.key AS x, b.value AS y FROM facts a JOIN facts b ON a.key = b.key ORDER BY b.value";
    let error = execute(
        &Execution {
            text,
            tables: &tables,
            parameters: &[],
            functions: &Functions::default(),
            limits,
            rows: &|_| {},
        },
        runtime.handle(),
    );
    assert_eq!(error.unwrap_err().code, "sql-memory");
}

#[test]
fn a_column_is_shared_and_not_copied() {
    let tables = people();
    let result = run("SELECT id, name FROM people", &tables).expect("rows");
    let (ours, theirs) = (&tables[0].1.batches()[0], &result.batches()[0]);
    assert_eq!(
        ours.column(0).to_data().buffers()[0].as_ptr(),
        theirs.column(0).to_data().buffers()[0].as_ptr()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn checked_sums_agree_with_wide_ones(values in prop::collection::vec(any::<Option<i64>>(), 1..40), groups in 1..4_i64) {
        let key: Int64Array = (0..).take(values.len()).map(|row: i64| Some(row % groups)).collect();
        let column = Int64Array::from(values.clone());
        let tables = named(vec![("t", table(vec![("k", Arc::new(key) as ArrayRef), ("v", Arc::new(column))]))]);
        let result = run("SELECT k, sum(v) AS s FROM t GROUP BY k ORDER BY k", &tables);
        let mut running: Vec<Option<i128>> = vec![None; 4];
        let mut fits = true;
        for (row, value) in values.iter().enumerate() {
            let group = row % usize::try_from(groups).unwrap();
            if let Some(value) = value {
                let sum = running[group].unwrap_or(0) + i128::from(*value);
                fits = fits && i64::try_from(sum).is_ok();
                running[group] = Some(sum);
            }
        }
        match result {
            Ok(table) => {
                prop_assert!(fits);
                let expected = (0..values.len().min(usize::try_from(groups).unwrap()))
                    .map(|group| format!("{group} | {}", running[group].map_or("null".to_owned(), |sum| sum.to_string())));
                prop_assert_eq!(rows(&table), expected.collect::<Vec<_>>());
            }
            Err(error) => {
                prop_assert!(!fits);
                prop_assert_eq!(error.code, "sql-overflow");
            }
        }
    }
}
