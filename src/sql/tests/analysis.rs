//! What is known of a query before it runs.

use std::collections::BTreeSet;

use super::*;
use crate::sql::parse::canonical;

#[test]
fn mentions_are_tables_and_not_what_with_defines() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT a FROM t", &["t"]),
        (
            "SELECT a FROM parts.train JOIN c.parts.train USING (x)",
            &["parts.train", "c.parts.train"],
        ),
        (
            "WITH a AS (SELECT 1 AS x FROM t), b AS (SELECT * FROM a) SELECT * FROM b, u",
            &["t", "u"],
        ),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", &["t"]),
        (
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
            &[],
        ),
        (
            "SELECT (SELECT max(x) FROM a) AS m FROM b WHERE EXISTS (SELECT 1 FROM c)",
            &["a", "b", "c"],
        ),
        ("WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x FROM b) SELECT x FROM a, b", &["b"]),
        ("SELECT 1 AS x FROM \"select\" UNION SELECT 2 FROM `odd one`", &["select", "odd one"]),
        ("SELECT x FROM (SELECT x FROM a) s", &["a"]),
    ];
    for (text, expected) in cases {
        let found = outline(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).mentions;
        let names: Vec<String> = found.iter().map(|mention| mention.parts.join(".")).collect();
        assert_eq!(names, *expected, "{text}");
        for mention in found {
            let written = text[mention.range].replace(['"', '`'], "");
            assert_eq!(written, mention.parts.join("."), "{text}");
        }
    }
}

#[test]
fn schemas_are_in_the_normal_form() {
    let cases = [
        (
            "SELECT * FROM people",
            "id int, name text, age float, city text, born date, seen timestamp",
        ),
        (
            "SELECT id, upper(name) AS NAME, age + 1 AS older FROM people",
            "id int, NAME text, older float",
        ),
        (
            "SELECT count(*) AS n, avg(id) AS m, sum(id) AS s, max(name) AS x FROM people",
            "n int, m float, s int, x text",
        ),
        (
            "SELECT CAST(age AS VARCHAR) AS t, arrow_cast(name, 'Utf8View') AS v, arrow_cast(name, 'Dictionary(Int32, Utf8)') AS d FROM people",
            "t text, v text, d text",
        ),
        (
            "SELECT seen - INTERVAL '1 day' AS a, CAST('2024-01-01' AS TIMESTAMP) AS b, TIMESTAMP '2024-01-01 10:00:00' AS c FROM people",
            "a timestamp, b timestamp, c timestamp",
        ),
        ("SELECT \"Pool.QC\", \"Case\" FROM odd", "Pool.QC text, Case int"),
        ("SELECT Total, amount * 2 AS twice FROM orders", "Total float, twice decimal(31, 2)"),
        ("SELECT x FROM parts.train UNION ALL SELECT x FROM c.parts.train", "x float"),
        ("SELECT train.x FROM parts.train", "x float"),
        ("SELECT parts.train.x, parts.test.y FROM parts.train, parts.test", "x float, y int"),
        (
            "SELECT $n AS a, $rate AS b, $flag AS c, $word AS d, $day AS e, $at AS f FROM people",
            "a int, b float, c bool, d text, e date, f timestamp",
        ),
        ("SELECT row_number() OVER (ORDER BY id) AS r FROM people", "r uint64"),
        ("SELECT unnest(list) AS one FROM odd", "one int"),
    ];
    for (text, expected) in cases {
        assert_eq!(columns(&found(text).schema), expected, "{text}");
        assert!(found(text).schema.fields().iter().all(|field| field.is_nullable()), "{text}");
    }
}

#[test]
fn reads_are_the_columns_that_matter() {
    let cases: &[(&str, &[(&str, &[&str])])] = &[
        ("SELECT name FROM people WHERE age > 3", &[("people", &["age", "name"])]),
        ("SELECT count(*) AS n FROM people", &[("people", &[])]),
        ("SELECT * FROM parts.train", &[("parts.train", &["x", "y"])]),
        ("WITH a AS (SELECT * FROM people) SELECT name FROM a", &[("people", &["name"])]),
        (
            "SELECT p.name FROM people p JOIN orders o ON o.person = p.id WHERE o.open",
            &[("people", &["id", "name"]), ("orders", &["person", "open"])],
        ),
        (
            "SELECT name FROM people WHERE id IN (SELECT person FROM orders WHERE Total > 1)",
            &[("people", &["id", "name"]), ("orders", &["Total", "person"])],
        ),
        ("SELECT name FROM people WHERE false", &[]),
        ("SELECT name FROM people ORDER BY age LIMIT 3", &[("people", &["age", "name"])]),
        ("SELECT 1 AS x", &[]),
        (
            "SELECT (SELECT max(Total) FROM orders o WHERE o.person = p.id) AS m FROM people p",
            &[("people", &["id"]), ("orders", &["Total", "person"])],
        ),
        (
            "SELECT name, rank() OVER (PARTITION BY city ORDER BY age) AS r FROM people",
            &[("people", &["age", "city", "name"])],
        ),
    ];
    for (text, expected) in cases {
        let expected = expected.iter().map(|(table, columns)| {
            let columns: BTreeSet<String> = columns.iter().map(ToString::to_string).collect();
            ((*table).to_owned(), columns)
        });
        assert_eq!(found(text).reads, expected.collect(), "{text}");
    }
}

#[test]
fn lineage_follows_values_and_not_conditions() {
    let cases: &[(&str, &[(&str, &[&str], &[&str])])] = &[
        (
            "SELECT age + id AS s FROM people WHERE city = 'Oslo'",
            &[("s", &["people.age", "people.id"], &[])],
        ),
        (
            "SELECT CASE WHEN y = 1 THEN x ELSE 0 END AS leak FROM parts.train",
            &[("leak", &["parts.train.x", "parts.train.y"], &[])],
        ),
        (
            "SELECT city, avg(age) AS m, count(*) AS n FROM people GROUP BY city",
            &[
                ("city", &["people.city"], &[]),
                ("m", &["people.age"], &["people"]),
                ("n", &[], &["people"]),
            ],
        ),
        (
            "SELECT x, rank() OVER (ORDER BY y) AS r FROM parts.train",
            &[("x", &["parts.train.x"], &[]), ("r", &["parts.train.y"], &["parts.train"])],
        ),
        (
            "SELECT lag(x) OVER (ORDER BY y) AS a, lag(x, 0) OVER (ORDER BY y) AS b, lead(x) OVER (ORDER BY y) AS c,
                    sum(x) OVER (ORDER BY y ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) AS d,
                    sum(x) OVER (ORDER BY y ROWS BETWEEN 7 PRECEDING AND 0 PRECEDING) AS e,
                    first_value(x) OVER (ORDER BY y RANGE BETWEEN 24 PRECEDING AND 24 PRECEDING) AS f,
                    sum(x) OVER (ORDER BY y ROWS BETWEEN 7 PRECEDING AND CURRENT ROW) AS g,
                    rank() OVER (ORDER BY y ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) AS h FROM parts.train",
            &[
                ("a", &[], &["parts.train"]),
                ("b", &["parts.train.x", "parts.train.y"], &["parts.train"]),
                ("c", &["parts.train.x", "parts.train.y"], &["parts.train"]),
                ("d", &[], &["parts.train"]),
                ("e", &["parts.train.x", "parts.train.y"], &["parts.train"]),
                ("f", &[], &["parts.train"]),
                ("g", &["parts.train.x", "parts.train.y"], &["parts.train"]),
                ("h", &["parts.train.y"], &["parts.train"]),
            ],
        ),
        (
            "SELECT avg(age) OVER (PARTITION BY city ORDER BY seen RANGE BETWEEN INTERVAL '7 days' PRECEDING
                                   AND INTERVAL '1 hour' PRECEDING) AS m FROM people",
            &[("m", &[], &["people"])],
        ),
        (
            "WITH m AS (SELECT avg(age) AS a FROM people) SELECT p.age - m.a AS c FROM people p, m",
            &[("c", &["people.age"], &["people"])],
        ),
        (
            "SELECT (SELECT max(Total) FROM orders o WHERE o.person = p.id) AS m FROM people p",
            &[("m", &["orders.Total"], &["orders"])],
        ),
        (
            "SELECT x AS v FROM parts.train UNION ALL SELECT z FROM c.parts.train",
            &[("v", &["c.parts.train.z", "parts.train.x"], &[])],
        ),
        (
            "WITH RECURSIVE t AS (SELECT id AS a, age AS b FROM people UNION ALL SELECT a, a * 1.0 FROM t WHERE a < 3) SELECT b FROM t",
            &[("b", &["people.age", "people.id"], &[])],
        ),
    ];
    for (text, expected) in cases {
        let analysis = found(text);
        for (column, from, over) in *expected {
            let dotted =
                analysis.lineage[*column].iter().map(|(table, column)| format!("{table}.{column}"));
            let expected: BTreeSet<String> = from.iter().map(ToString::to_string).collect();
            assert_eq!(dotted.collect::<BTreeSet<_>>(), expected, "{text}: {column}");
            let found = analysis.aggregated.get(*column).cloned().unwrap_or_default();
            assert_eq!(found, over.iter().map(ToString::to_string).collect(), "{text}: {column}");
        }
        let over: BTreeSet<String> =
            expected.iter().flat_map(|(_, _, over)| over.iter().map(ToString::to_string)).collect();
        assert_eq!(analysis.aggregates_over, over, "{text}");
    }
}

#[test]
fn parameters_clocks_and_lints_are_reported() {
    let analysis = found(
        "SELECT name FROM people WHERE age > $n AND city IN ($cities) AND seen > now() - $horizon",
    );
    assert_eq!(analysis.parameters.iter().collect::<Vec<_>>(), ["cities", "horizon", "n"]);
    assert_eq!(analysis.clocks.len(), 1);
    assert_eq!(analysis.clocks[0].code, "sql-volatile");

    let text = "SELECT id / 2 AS half, age / 2 AS other, sum(id) / count(*) AS m FROM people GROUP BY id, age";
    let analysis = found(text);
    let lints: Vec<String> = analysis.lints.iter().map(|lint| shown(text, lint)).collect();
    assert_eq!(
        lints,
        [
            "sql-integer-division at 'id / 2': `id / 2` divides whole numbers and drops the remainder",
            "sql-integer-division at 'sum(id) / count(*)': `sum(id) / count(*)` divides whole numbers and drops the remainder",
        ]
    );
}

#[test]
fn an_analysis_survives_being_remembered() {
    let analysis = found("SELECT id / 2 AS half, name, born FROM people");
    let json = serde_json::to_string(&analysis).unwrap();
    assert_eq!(serde_json::from_str::<Analysis>(&json).unwrap(), analysis);
}

#[test]
fn layout_and_comments_are_not_canonical() {
    let text = "SELECT a ,'x -- y' AS b\n  FROM t -- all of it\nWHERE /* yes */ \"Pool.QC\" = 1";
    assert_eq!(canonical(text), canonical("SELECT a, 'x -- y' AS b FROM t WHERE \"Pool.QC\"=1"));
    assert_ne!(canonical(text), canonical("SELECT a, 'x  -- y' AS b FROM t WHERE \"Pool.QC\"=1"));
    assert_ne!(canonical("SELECT A FROM t"), canonical("SELECT a FROM t"));
}

#[test]
fn every_function_is_documented_by_name() {
    let functions = functions(&Functions::default());
    for name in ["sum", "lower", "row_number", "date_trunc", "abs"] {
        let doc = functions.iter().find(|doc| doc.name == name).unwrap_or_else(|| panic!("{name}"));
        assert!(doc.signature.starts_with(name) && !doc.doc.is_empty(), "{doc:?}");
    }
    assert!(functions.iter().all(|doc| doc.name != "input_file_name"));
}
