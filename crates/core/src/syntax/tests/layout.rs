//! Texts and their canonical layout.

use super::{show, source};
use crate::syntax::format;

/// Checks a layout, and that it is its own.
#[track_caller]
fn check(text: &str, layout: &str) {
    let once = format(&source(text)).map_err(|found| show::findings(&source(text), &found));
    assert_eq!(once.as_deref(), Ok(layout), "{text}");
    assert_eq!(format(&source(layout)).as_deref(), Ok(layout), "the layout of {text}");
}

#[test]
fn the_page_of_the_contract_is_laid_out_already() {
    let page = include_str!("page.mlp");
    check(page, &page.replace("logit  {", "logit {").replace("boost  {", "boost {"));
}

#[test]
fn an_empty_file_stays_empty() {
    check("", "");
    check("\u{FEFF}\r\n \n", "");
    check("\n\n# only\r\n\r\n\r\n\r\n# this", "# only\n\n# this\n");
}

#[test]
fn blocks_stay_on_one_line_if_begun_on_one() {
    check("a  b{c:1,\nd:[ 1,2 , ]}", "a b { c: 1, d: [1, 2] }\n");
    check("a b\n{\nc:1,d:2}", "a b {\n  c: 1\n  d: 2\n}\n");
    check("a b { }", "a b {}\n");
    check("a b {\n\n}", "a b {}\n");
    let long = "a_word_of_twenty_four_ch";
    check(
        &format!("a b {{ c: {long}, d: {long}, e: {long}, f: {long} }}"),
        &format!("a b {{\n  c: {long}\n  d: {long}\n  e: {long}\n  f: {long}\n}}\n"),
    );
}

#[test]
fn lists_and_calls_stand_on_one_line_if_they_fit() {
    check(
        "a b {\nc: [\n1\n2\n]\nd: f(\nx\ny : 2,\n)\n}",
        "a b {\n  c: [1, 2]\n  d: f(x, y: 2)\n}\n",
    );
    let word = "a_word_of_twenty_four_ch";
    check(
        &format!("a b {{ c: f([{word}, {word}, {word}, {word}], d: 1) }}"),
        &format!(
            "a b {{\n  c: f(\n    [\n      {word},\n      {word},\n      {word},\n      {word},\n    ],\n    d: 1,\n  )\n}}\n"
        ),
    );
    // 100 columns fit, 101 don't; the comma counts.
    let fits = "x".repeat(100 - "  c: [, 1]".len());
    check(&format!("a b {{\nc: [{fits},1]\n}}"), &format!("a b {{\n  c: [{fits}, 1]\n}}\n"));
    check(
        &format!("a b {{\nc: [{fits}x,1]\n}}"),
        &format!("a b {{\n  c: [\n    {fits}x,\n    1,\n  ]\n}}\n"),
    );
}

#[test]
fn maps_stay_on_one_line_if_begun_on_one() {
    check("a b {\nc: {x.y:1,\"z\":2}\n}", "a b {\n  c: { x.y: 1, \"z\": 2 }\n}\n");
    check("a b { c: {\nx: 1, y: 2 } }", "a b {\n  c: {\n    x: 1\n    y: 2\n  }\n}\n");
    check("a b { c: [{\nx: 1}] }", "a b {\n  c: [\n    {\n      x: 1\n    },\n  ]\n}\n");
}

#[test]
fn literals_are_kept() {
    let line = "a b { c: [1_000, 1E3, 20%, 1.50h, \"\\u{e9}\\n\", -inf, \"\"\" x \"\"\"] }\n";
    check(line, line);
    check(
        "a b { c: 1..2, d: x>=1, e: log( $lo  ..  $hi ) }",
        "a b { c: 1 .. 2, d: x >= 1, e: log($lo .. $hi) }\n",
    );
}

#[test]
fn parameters_and_imports() {
    check(
        "import   \"a.mlp\"  as  a # c\nparam x:int=5   \"doc\"\n\n\nparam y : [ text ] = [\"a\",\"b\"]\na b {}",
        "import \"a.mlp\" as a # c\nparam x: int = 5 \"doc\"\n\nparam y: [text] = [\"a\", \"b\"]\na b {}\n",
    );
    check("param x: # why\nint", "param x: # why\n  int\n");
}

#[test]
fn blank_lines() {
    check("a b {}\nc d {}\n\n\n\ne f {}", "a b {}\nc d {}\n\ne f {}\n");
    check("a b {}\nc d {\nx: 1\n}\ne f {}", "a b {}\n\nc d {\n  x: 1\n}\n\ne f {}\n");
    check("a b {\n\n\nx: 1\n\n\ny: 2\nz: 3\n\n}", "a b {\n  x: 1\n\n  y: 2\n  z: 3\n}\n");
    check("a b {\nx: 1\n}\n# of c\nc d {}", "a b {\n  x: 1\n}\n\n# of c\nc d {}\n");
    check("a b {\nx: 1\n}\n# of a\n\nc d {}", "a b {\n  x: 1\n}\n# of a\n\nc d {}\n");
}

#[test]
fn comments_keep_their_places() {
    check(
        "## doc\n  # not doc\na b { # open\n# first\nc: 1 # one\n\n# two\nd: [ # list\n1, # in\n2\n# end\n] # behind\n# last\n} # close\n# end",
        "## doc\n# not doc\na b { # open\n  # first\n  c: 1 # one\n\n  # two\n  d: [ # list\n    1, # in\n    2,\n    # end\n  ] # behind\n  # last\n} # close\n# end\n",
    );
    check("a b # why\n# more\n{ # open\nc: 1 }", "a b { # why\n  # more\n  # open\n  c: 1\n}\n");
    check(
        "a b { c: # why\n\n\n# more\n1, d: f( # call\n) }",
        "a b {\n  c: # why\n\n    # more\n    1\n  d: f( # call\n  )\n}\n",
    );
    check("a b { # none\n}", "a b { # none\n}\n");
    check("a b {\n# none\n}", "a b {\n  # none\n}\n");
}

#[test]
fn raw_strings_move_with_their_field() {
    check(
        "a b { sql: \"\"\"\n        SELECT 1\n\n          FROM x\n      \"\"\" }",
        "a b {\n  sql: \"\"\"\n    SELECT 1\n\n      FROM x\n  \"\"\"\n}\n",
    );
    check(
        "a b { c: file(\"\"\"\r\n\tx\r\n\t  \r\n\ty\"\"\") }",
        "a b {\n  c: file(\n    \"\"\"\n      x\n        \n      y\"\"\",\n  )\n}\n",
    );
    check("a b { c: \"\"\"x\n y\n  z\"\"\" }", "a b {\n  c: \"\"\"x\n    y\n     z\"\"\"\n}\n");
    check("a b { c: \"\"\"\n\n \n\n\"\"\" }", "a b {\n  c: \"\"\"\n\n \n\n  \"\"\"\n}\n");
}

#[test]
fn a_broken_file_is_not_laid_out() {
    let found = format(&source("a b { c = 1 }")).expect_err("broken");
    assert!(found.has_errors());
}
