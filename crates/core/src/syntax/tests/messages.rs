//! Texts that are wrong, and every word that is said about them.
//!
//! `messages.txt` is the worklist: a text, `----`, the findings; `====` between two texts.

use super::{parse, show, source};

fn findings(text: &str) -> String {
    show::findings(&source(text), &parse(text).1)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(findings(text), expected, "{text}");
}

#[test]
fn every_message_of_the_worklist() {
    let cases = include_str!("messages.txt").split("\n====\n");
    for case in cases {
        let (text, expected) = case.trim_end_matches('\n').split_once("\n----\n").expect("a case");
        let found = findings(text);
        assert_eq!(found, expected, "\n{text}\n----\n{found}\n");
    }
}

/// All of the text of a broken block goes, up to the next item and the lines directly above it.
#[test]
fn broken_items_are_named() {
    let (tree, found) = parse(
        "a one { x = 1 }\n## d\nb two {}\nparam p = 1\nimport x as y\nc three {\n}\nprep {}\nd four {",
    );
    let names: Vec<&str> = tree.broken.iter().map(|name| name.node.as_str()).collect();
    assert_eq!(names, ["one", "p", "four"]);
    let names: Vec<&str> = tree.blocks().map(|block| block.name.node.as_str()).collect();
    assert_eq!(names, ["two", "three"]);
    assert_eq!(tree.blocks().next().map(|block| block.doc.as_str()), Some("d"));
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn a_doubled_thing_is_read_once() {
    let (tree, _) = parse("pipeline a {}\npipeline b {}\nx y { c: 1, c: 2 }");
    assert_eq!(show::file(&tree), "header pipeline a {}\nx y {c: 1}");
}

#[test]
fn characters_that_show_nothing() {
    check(
        "a b { c: 1\u{A0} }",
        "syntax-expected at 1:11 \"\\u{a0}\": expected a comma, a line end or `}`, found the character U+00A0 (no-break space)\n  = expected a comma, a line end or `}`",
    );
    let bidi = "the character U+202E (right-to-left override) may not stand here\n  = it changes the order in which the text is shown\n  ? inside a string it is written `\\u{202E}`";
    check("a b\u{202E} { c: 1 }", &format!("syntax-character at 1:4 \"\\u{{202e}}\": {bidi}"));
    check(
        "a b { c: \"x\u{202E}y\" }",
        &format!("syntax-character at 1:12 \"\\u{{202e}}\": {bidi}"),
    );
    check("# \u{202E}\n", &format!("syntax-character at 1:3 \"\\u{{202e}}\": {bidi}"));
    check("a b { c: \"\\u{202E}\" }", "");
    check(
        "a \0\0b {}",
        "syntax-character at 1:3 \"\\0\": the character U+0000 (NUL) may not stand here\n  ? save the file as UTF-8 text",
    );
    check(
        "a b {}\rc d {}",
        "syntax-character at 1:7 \"\\r\": the character U+000D (carriage return) may not stand here\n  ? end lines with a line feed, or with both",
    );
    check(
        "a b { \u{7} }",
        "syntax-expected at 1:7 \"\\u{7}\": expected a key or `}`, found the character U+0007 (control character)\n  = expected a key or `}`",
    );
}

#[test]
fn brackets_that_nest_too_deep() {
    let found = findings(&format!("a b {{ c: {} }}", "[".repeat(70)));
    assert_eq!(found, "syntax-depth at 1:73 \"[\": brackets nest deeper than 64");
}
