//! Texts that are right, and their trees.

use super::{parse, show, source};
use crate::syntax::ast::{Item, Value};

#[track_caller]
fn check(text: &str, tree: &str) {
    let (file, found) = parse(text);
    assert_eq!(show::findings(&source(text), &found), "", "{text}");
    assert_eq!(show::file(&file), tree, "{text}");
}

/// Checks one value, written as the field of a block.
#[track_caller]
fn value(written: &str, tree: &str) {
    check(&format!("a b {{ c: {written} }}"), &format!("a b {{c: {tree}}}"));
}

#[test]
fn the_page_of_the_contract_parses() {
    let (file, found) = parse(include_str!("page.mlp"));
    assert!(found.is_empty(), "{found:?}");
    let names: Vec<&str> = file.blocks().map(|block| block.name.node.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "passengers clean clean_is_sane parts logit forest boost compare best final holdout scored scores"
    );
    let Some(Item::Header(header)) = file.items.first() else { panic!("no header") };
    assert_eq!(header.doc, "Which passengers survive?");
    let sql = file
        .blocks()
        .find(|block| block.kind.node == "prep")
        .map(|prep| &prep.fields[0].value.node);
    let Some(Value::Text(sql)) = sql else { panic!("no text") };
    assert!(sql.value.starts_with("SELECT survived = 1 AS survived, class"), "{}", sql.value);
    assert!(
        sql.value.contains("\n       sibsp + parch AS family\nFROM passengers\n"),
        "{}",
        sql.value
    );
    assert!(sql.value.ends_with("WHERE fare IS NOT NULL"), "{}", sql.value);
}

#[test]
fn entries_end_at_commas_and_lines() {
    check("", "");
    check("# nothing\n", "");
    check("a b {}", "a b {}");
    check("a b { c: 1, }", "a b {c: 1}");
    check("a b\n# why\n{\nc: 1\nd: 2 # too\n\n e: 3,\n# last\n}", "a b {c: 1, d: 2, e: 3}");
    check("a b { c:\n# why\n1 }", "a b {c: 1}");
    check("a b {c:[1\n2,3,\n\n4,]\nd:f(1\nx:2,)}", "a b {c: [1, 2, 3, 4], d: f(1, x: 2)}");
    check("a b { c: {\n\n} d: 1\n}".replace("} d", "}\nd").as_str(), "a b {c: {}, d: 1}");
    check("a b {\r\n  c: 1\r\n  d: [\r\n]\r\n}\r\n", "a b {c: 1, d: []}");
    check("  a b { c: 1 } # end\n\tc d {}", "a b {c: 1}\nc d {}");
    check("\u{FEFF}a b {}", "a b {}");
    check("a b { c\t:\t1 }", "a b {c: 1}");
}

#[test]
fn docs_stand_directly_above() {
    check("## one\n## two\na b {}", "<\"one\\ntwo\"> a b {}");
    check("## no\n\n##yes\npipeline p {}", "header <\"yes\"> pipeline p {}");
    check("## yes\nparam p: int", "<\"yes\"> param p: int");
    check("a b {\n## no\nc: 1 }\n## no\n", "a b {c: 1}");
    check("a b {} ## no\nc d {}", "a b {}\nc d {}");
    check("## no\n# no\nc d {}", "c d {}");
}

#[test]
fn parameters_and_imports() {
    check("param h: int", "param h: int");
    check("param h: int = 7 \"days\"", "param h: int = 7 \"days\"");
    check("param h : [ text ]=[\"a\",\n\"b\"]\"x\" # c", "param h: [text] = [\"a\", \"b\"] \"x\"");
    check("param h:\n  category(\"a\", \"b\") \"doc\"", "param h: category(\"a\", \"b\") \"doc\"");
    check("param d: duration = -2d", "param d: duration = -172800000000000ns");
    check(
        "param q: text = \"\"\"\n  a\n  \"\"\"\nimport \"c.mlp\" as c",
        "param q: text = \"a\"\nimport \"c.mlp\" as c",
    );
    check("import \"a\"\nimport \"b\"", "import \"a\"\nimport \"b\"");
}

#[test]
fn words_like_reserved_ones_are_names() {
    check(
        "imports params { nullable: truely, as: as, a: info }",
        "imports params {nullable: truely, as: as, a: info}",
    );
    check("pipelines p {}", "pipelines p {}");
    check("import \"x\" as as", "import \"x\" as as");
}

#[test]
fn numbers() {
    value("1_000", "1000");
    value("-2", "-2");
    value("007", "7");
    value("0.5", "0.5f");
    value("1e-3", "0.001f");
    value("1E3", "1000.0f");
    value("1_0.2_5e+2", "1025.0f");
    value("inf", "inff");
    value("-inf", "-inff");
    value("9223372036854775807", "9223372036854775807");
    value("-9223372036854775808", "-9223372036854775808");
    value("9223372036854775808", "9.223372036854776e18f");
}

#[test]
fn quantities() {
    value("20%", "0.2%");
    value("0.1%", "0.001%");
    value("33.3%", "0.333%");
    value("500ms", "500000000ns");
    value("1.5h", "5400000000000ns");
    value("2w", "1209600000000000ns");
    value("0.000001ms", "1ns");
    value("1_000s", "1000000000000ns");
    value("7d", "604800000000000ns");
    value("512MiB", "536870912B");
    value("0.5KiB", "512B");
    value("16777215TiB", "18446742974197923840B");
    value("12B", "12B");
}

#[test]
fn compounds() {
    value("[]", "[]");
    value(
        "{ x.y: 1, \"Pool.QC\": 2, 3: 4, -1.5: 5, true: 6, false: 7 }",
        "{x.y: 1, \"Pool.QC\": 2, 3: 4, -1.5f: 5, true: 6, false: 7}",
    );
    value("f()", "f()");
    value("c.boost.f1(average: macro) >= 0.8", "(c.boost.f1(average: macro) >= 0.8f)");
    value("roc_auc>=0.75", "(roc_auc >= 0.75f)");
    value("\"Pool.QC\" != null", "(\"Pool.QC\" != null)");
    value("min(x) < -inf", "(min(x) < -inff)");
    value("a == $b", "(a == $b)");
    value("1 .. 10", "(1 .. 10)");
    value("0.1..0.9", "(0.1f .. 0.9f)");
    value("-1..-0.5", "(-1 .. -0.5f)");
    value("$lo .. $c.hi", "($lo .. $c.hi)");
    value("10% .. 20%", "(0.1% .. 0.2%)");
    value("log(0.01 .. 0.3)", "log((0.01f .. 0.3f))");
    value("c.parts.train", "c.parts.train");
    value("[true, false, null]", "[true, false, null]");
    value("f(a, [b, g(c: { d: e })], h: null)", "f(a, [b, g(c: {d: e})], h: null)");
}

#[test]
fn strings() {
    value(r#""""#, r#""""#);
    value(r#""a # { \n\t\"\\ \u{e9}\u{1F600}""#, "\"a # { \\n\\t\\\"\\\\ é😀\"");
    value("\"\t\"", "\"\\t\"");
    value("\"\\u{202E}\\u{0}\"", "\"\\u{202e}\\0\"");
}

#[test]
fn raw_strings() {
    let quoted = |inside: &str| format!("\"\"\"{inside}\"\"\"");
    let raw = |inside: &str, says: &str| value(&quoted(inside), &format!("{says:?}"));
    raw("", "");
    raw("a", "a");
    raw("  a  ", "  a  ");
    raw("\n", "");
    raw("  \n  ", "");
    raw("\n\n", "");
    raw("\n\n\n", "\n");
    raw("\n  a\n    b\n\n  c\n", "a\n  b\n\nc");
    raw("\n  a\n  b", "a\nb");
    raw("\n  a\n  b\n", "a\nb");
    raw("\n\ta\n\t b\n  ", "a\n b");
    raw("\n \ta\n  b", "\ta\n b");
    raw("\r\n  a\r\n  b\r\n  ", "a\nb");
    raw("a\n    b\n  c", "a\n  b\nc");
    raw("\n  a\n      \n  b\n", "a\n    \nb");
    raw("\n  \\n \\u{e9} # { \n", "\\n \\u{e9} # { ");
    raw("\"a\"\"b\"\"", "\"a\"\"b\"\"");
    raw("\"", "\"");
    raw("\nparam x\nimport y\na b {\n", "param x\nimport y\na b {");
}

/// Every character of a value stands in the file where its text says, but for escapes.
#[test]
fn texts_know_where_they_stand() {
    let check = |text: &str| {
        let (file, _) = parse(text);
        let Some(Value::Text(found)) = file.blocks().next().map(|it| &it.fields[0].value.node)
        else {
            panic!("no text in {text:?}")
        };
        for (at, character) in found.value.char_indices() {
            let rest = &text[found.source_offset(at)..];
            let escaped = rest.starts_with('\\') && character != '\\';
            assert!(
                escaped || rest.starts_with(character),
                "{character:?} of {text:?} at {rest:?}"
            );
        }
        let end = &text[found.source_offset(found.value.len())..];
        assert!(end.starts_with(['"', '\n', '\r']), "{text:?} ends at {end:?}");
        let ascending =
            found.anchors.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
        assert!(ascending, "{:?} of {text:?}", found.anchors);
    };
    check("a b { c: \"abc\" }");
    check("a b { c: \"a\\nb\\u{1F600}cé\\\"d\\\\\" }");
    check("a b { c: \"\\n\" }");
    check("a b { c: \"\"\"\n    SELECT é\n      FROM x\n\n    WHERE y\n    \"\"\" }");
    check("a b { c: \"\"\"\r\n    SELECT é\r\n      FROM x\r\n\r\n    WHERE y\r\n    \"\"\" }");
    check("a b { c: \"\"\"SELECT\n   FROM x\n  WHERE y\"\"\" }");
    check("a b { c: \"\"\"\"\"\" }");
    check("a b { c: \"\"\"\n\n\"\"\" }");
}

#[test]
fn spans_cover_what_was_written() {
    let text = "## d\nprep clean {\n  sql: f(x: [1 .. 2])  # c\n}\n";
    let (file, _) = parse(text);
    let source = source(text);
    let block = file.blocks().next().expect("a block");
    assert_eq!(source.slice(block.span), "prep clean {\n  sql: f(x: [1 .. 2])  # c\n}");
    assert_eq!(source.slice(block.fields[0].key.span), "sql");
    assert_eq!(source.slice(block.fields[0].value.span), "f(x: [1 .. 2])");
}
