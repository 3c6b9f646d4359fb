//! Texts that are long, deep or twisted; read in time that grows with their length. What is not
//! linear here takes minutes, so that no clock is needed to see it.

use super::{parse, source};
use crate::syntax::format;
use crate::syntax::outline::DEEPEST;

const BYTES: usize = 1 << 16;

fn long(piece: &str) -> String {
    piece.repeat(BYTES / piece.len())
}

#[track_caller]
fn fails_soon(text: &str) {
    let (_, found) = parse(text);
    assert!(found.has_errors());
    assert!(format(&source(text)).is_err());
}

#[test]
fn unclosed_brackets_and_quotes() {
    fails_soon(&format!("a b {{ c: {}", long("[")));
    fails_soon(&long("a b {\n"));
    fails_soon(&long("a b { c: \"\n"));
    fails_soon(&long("a b { c: \"\"\"\n"));
    fails_soon(&format!("a b {{\n{}", long("  c: {\n}\n")));
    fails_soon(&long("}"));
    fails_soon(&long("\"\"\"\n"));
}

/// Each block opens a raw string that only the far end closes, whichever is taken first.
#[test]
fn interleaved_raw_strings() {
    fails_soon(&long("a b {\n# \"\"\"\n\"\"\"\n"));
}

#[test]
fn nested_calls_that_fail_inside() {
    let deep = |depth: usize| {
        format!("a b {{ c: {}1 1{} }}\n", "f(x: {a: [".repeat(depth), "]})".repeat(depth))
    };
    fails_soon(&long(&deep(20)));
    fails_soon(&deep(10_000));
}

#[test]
fn items_on_one_line() {
    fails_soon(&long("a b {} "));
    fails_soon(&long("a b "));
    fails_soon(&format!("a b\n{}", long("c d # e\n\n")));
}

#[test]
fn long_literals() {
    fails_soon(&format!("a b {{ c: \"{}\" }}", long("\\n\\q")));
    fails_soon(&format!("a b {{ c: {}s }}", long("1")));
    fails_soon(&format!("a b {{ c: {}a }}", long("a.")));
    fails_soon(&long("\0\n"));
}

#[test]
fn long_files_that_are_right() {
    let fields = (0..3_000).map(|index| format!("f{index}: \"\\n\" # c\n\n"));
    let fields = fields.collect::<Vec<_>>().concat();
    let texts = [
        format!("a b {{ {fields} }}"),
        format!("a b {{ c: \"\"\"{}\"\"\" }}", long("  a\n")),
        format!("a b {{ c: [{}] }}", long("f(f(1)), ")),
        long("## d\n"),
        long("a b {}\n"),
    ];
    for text in texts {
        assert!(parse(&text).1.is_empty());
        assert!(format(&source(&text)).is_ok());
    }
}

/// What nests as deep as it may needs a small stack.
#[test]
fn the_deepest_values_fit_a_small_stack() {
    let nests = [("[", "]"), ("{ a: ", " }"), ("f(", ")"), ("x >= [", "]")];
    let texts = nests.map(|(open, close)| {
        format!("a b {{ c: {}1{} }}", open.repeat(DEEPEST - 1), close.repeat(DEEPEST - 1))
    });
    let read = move || texts.iter().all(|text| format(&source(text)).is_ok());
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok_and(|fits| fits)));
}

#[test]
fn a_file_has_a_largest_size() {
    let (tree, found) = parse(&" ".repeat((16 << 20) + 1));
    assert!(tree.items.is_empty());
    let codes: Vec<&str> = found.iter().map(|it| it.code).collect();
    assert_eq!(codes, ["syntax-file-size"]);
}

#[test]
fn findings_have_an_end() {
    let (_, found) = parse(&"a b {\n".repeat(20_500));
    assert_eq!(found.len(), 20_001);
}
