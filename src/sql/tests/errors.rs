//! What is refused, with which words, and where.

use super::*;

#[test]
fn what_is_no_query_is_refused_at_its_word() {
    let cases = [
        ("CREATE TABLE t (a int)", "sql-not-a-query at 'CREATE': `CREATE` is no query"),
        ("  -- c\n insert into t values (1)", "sql-not-a-query at 'insert': `INSERT` is no query"),
        ("COPY t TO 'x'", "sql-not-a-query at 'COPY': `COPY` is no query"),
        ("SET a = 1", "sql-not-a-query at 'SET': `SET` is no query"),
        ("EXPLAIN SELECT 1 AS x", "sql-not-a-query at 'EXPLAIN': `EXPLAIN` is no query"),
        ("VALUES (1)", "sql-not-a-query at 'VALUES': `VALUES` is no query"),
        ("FROM people", "sql-not-a-query at 'FROM': `FROM` is no query"),
        ("", "sql-not-a-query at '': there is no query here"),
        (
            "SELECT 1 AS x; SELECT 2 AS y",
            "sql-not-a-query at 'SELECT 2 AS y': a second statement follows the query",
        ),
        (
            "SELECT 1 AS x; DROP TABLE t",
            "sql-not-a-query at 'DROP TABLE t': a second statement follows the query",
        ),
        ("SELECT a FROM", "sql-syntax at '': the query ends too early"),
        ("SELECT a FRM people", "sql-syntax at 'FRM': `FRM` is read as a name here"),
        ("SELECT (a FROM people", "sql-syntax at 'FROM': `FROM` is not expected here"),
        ("SELECT id FROM people WHERE name = 'x", "sql-syntax at ''': unterminated string literal"),
        ("SELECT id INTO x FROM people", "sql-unsupported at 'SELECT': `INTO` is not supported"),
        (
            "SELECT id FROM people FOR UPDATE",
            "sql-unsupported at 'SELECT id FROM people': `FOR UPDATE` is not supported",
        ),
        (
            "SELECT id FROM people TABLESAMPLE (10)",
            "sql-unsupported at 'people': `TABLESAMPLE` is not supported",
        ),
        (
            "SELECT lower(name) OVER () AS x FROM people",
            "sql-unsupported at 'lower(name)': `lower` is no aggregate and takes no OVER",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), [expected], "{text}");
    }
    assert!(analysed("SELECT 1 AS x ;  ").is_ok());
    assert!(analysed("(SELECT id FROM people) UNION (SELECT id FROM orders)").is_ok());
}

#[test]
fn a_doubled_column_is_refused_at_the_second() {
    let cases = [
        ("SELECT id, name, id FROM people", "id", "id"),
        ("SELECT id AS x, name AS x FROM people", "name AS x", "x"),
        ("SELECT p.id, o.id FROM people p JOIN orders o ON o.person = p.id", "o.id", "id"),
        ("WITH a AS (SELECT id, age AS id FROM people) SELECT id FROM a", "age AS id", "id"),
        ("SELECT p.*, o.id FROM people p JOIN orders o ON o.person = p.id", "p.*", "id"),
        ("SELECT *, name FROM people", "*", "name"),
    ];
    for (text, place, name) in cases {
        let expected = format!("sql-doubled-column at '{place}': two columns are named `{name}`");
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn unknown_names_are_found_all_at_once() {
    let text = "SELECT lowr(name) AS a, $nn AS b FROM poeple, parts.trian";
    assert_eq!(
        errors(text),
        [
            "sql-unknown-function at 'lowr': there is no function `lowr`",
            "sql-unknown-parameter at '$nn': there is no parameter `$nn`",
            "sql-unknown-table at 'poeple': there is no table `poeple`",
            "sql-unknown-table at 'parts.trian': there is no table `parts.trian`",
        ]
    );
    let help: Vec<_> =
        analysed(text).unwrap_err().into_iter().flat_map(|error| error.help).collect();
    assert_eq!(
        help,
        [
            "did you mean `lower`?",
            "did you mean `n`?",
            "did you mean `people`?",
            "did you mean `parts.train`?"
        ]
    );
}

#[test]
fn unknown_columns_are_underlined() {
    let cases = [
        ("SELECT nam FROM people", "nam", "there is no column `nam`", "did you mean `name`?"),
        ("SELECT Name FROM people", "Name", "there is no column `Name`", "did you mean `name`?"),
        (
            "SELECT total FROM orders",
            "total",
            "there is no column `total`",
            "did you mean `Total`?",
        ),
    ];
    for (text, place, message, help) in cases {
        let error = analysed(text).unwrap_err().remove(0);
        assert_eq!(
            shown(text, &error),
            format!("sql-unknown-column at '{place}': {message}"),
            "{text}"
        );
        assert_eq!(error.help, [help], "{text}");
    }
}

#[test]
fn columns_need_one_name_each() {
    let cases: &[(&str, &[&str])] = &[
        (
            "SELECT id + 1, count(*) FROM people GROUP BY id",
            &[
                "sql-unnamed at 'id + 1': this expression needs a name",
                "sql-unnamed at 'count(*)': this expression needs a name",
            ],
        ),
        (
            "SELECT CAST(id AS text), (age) FROM people",
            &["sql-unnamed at 'CAST(id AS text)': this expression needs a name"],
        ),
        (
            "WITH a AS (SELECT max(id) FROM people) SELECT * FROM a",
            &["sql-unnamed at 'max(id)': this expression needs a name"],
        ),
        (
            "SELECT * FROM (SELECT -id FROM people) s",
            &["sql-unnamed at '-id': this expression needs a name"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), *expected, "{text}");
    }
}

/// Gives the first error of a query, which must stand at a place.
fn refused_at(text: &str, place: &str) -> SqlError {
    let error = analysed(text).err().unwrap_or_else(|| panic!("{text} is fine")).remove(0);
    let underlined = error.range.clone().map_or("?", |range| &text[range]);
    assert_eq!(underlined, place, "{text}: {error:?}");
    error
}

#[test]
fn types_are_checked_at_the_expression() {
    let cases = [
        ("SELECT id + name AS x, born FROM people", "id + name"),
        ("SELECT id FROM people WHERE lower(name) = 'x' AND abs(name) > 3", "abs(name)"),
    ];
    for (text, place) in cases {
        let error = refused_at(text, place);
        assert!(!error.message.contains('\u{1}'), "{error:?}");
        assert!(!error.message.contains("Utf8") && !error.message.contains("Int64"), "{error:?}");
    }
}

#[test]
fn chance_is_refused_and_the_clock_is_noted() {
    assert_eq!(
        errors("SELECT id, random() AS r FROM people ORDER BY uuid()"),
        [
            "sql-volatile at 'random()': `random()` gives another result in each run",
            "sql-volatile at 'uuid()': `uuid()` gives another result in each run",
        ]
    );
    assert_eq!(
        found("SELECT now() AS a, current_date AS b, today() AS c FROM people").clocks.len(),
        3
    );
}

#[test]
fn conditions_are_checked() {
    let schema = schema("age float, name text");
    let cases = [
        (
            "age + 1",
            "sql-type at 'age + 1': a condition is true or false, and this is of type `float`",
        ),
        ("agee > 1", "sql-unknown-column at 'agee': there is no column `agee`"),
        (
            "count(*) > 1",
            "sql-unsupported at 'count(*)': an aggregate cannot stand in a condition over single rows",
        ),
        ("age > 1 AND", "sql-syntax at '': the query ends too early"),
        ("age > 1, name", "sql-syntax at ',': `,` is not expected here"),
        ("age > $max", "sql-unknown-parameter at '$max': there is no parameter `$max`"),
        (
            "age > (SELECT 1)",
            "sql-unsupported at '(SELECT 1)': a subquery cannot stand in a condition over single rows",
        ),
    ];
    for (text, expected) in cases {
        let error = condition(text, &schema, &[], &Functions::default())
            .err()
            .unwrap_or_else(|| panic!("{text}"))
            .remove(0);
        let found = shown(text, &error);
        assert!(found == expected, "{text}: {found}");
    }
}

#[test]
fn what_fails_whatever_the_rows_are_is_underlined() {
    let cases = [
        ("SELECT id FROM people LIMIT -1", "-1"),
        ("SELECT id FROM people ORDER BY id LIMIT 3 OFFSET -2", "-2"),
        ("SELECT id FROM people ORDER BY id, abs(name)", "abs(name)"),
        ("WITH a AS (SELECT id FROM people LIMIT -1) SELECT id FROM a LIMIT 3", "-1"),
        ("SELECT id FROM people UNION ALL (SELECT id FROM people LIMIT -1)", "-1"),
    ];
    for (text, place) in cases {
        refused_at(text, place);
    }
}
