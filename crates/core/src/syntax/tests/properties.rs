//! What holds for every text: valid ones of random shape and layout, damaged ones, and noise.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{parse, show, source};
use crate::syntax::format;
use crate::syntax::scan::{Kind, lexemes};

const PAGE: &str = include_str!("page.mlp");

/// Pieces of text, many of them in the wrong company.
const TOKENS: &[&str] = &[
    "a",
    "b c",
    "prep x {",
    "ingest y {\n",
    "pipeline p {",
    "param",
    "import",
    "\nparam q: int",
    "\nimport \"i\"",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    ": ",
    ",",
    "=",
    "==",
    ">=",
    "<",
    "..",
    " .. ",
    ".",
    "1",
    "-2",
    "0.5",
    "1e9",
    "20%",
    "5m",
    "4GiB",
    "9GB",
    "inf",
    "true",
    "null",
    "$",
    "$x",
    "\"",
    "\"s\"",
    "\"\\q\"",
    "\"\"\"",
    "\"\"\"\n  r\n\"\"\"",
    "#",
    "# c\n",
    "## d\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\\",
    "'",
    "“",
    "é",
    "\u{202E}",
    "\0",
    "\u{FEFF}",
    "\u{A0}",
    "-",
    "+",
    ";",
    "@",
    "as",
    "f(",
    "key: ",
    "m: {",
    "l: [",
];

fn gap() -> impl Strategy<Value = &'static str> {
    select(&["", "", " ", "\n", "\n\n\n  ", " # c\n", "\n## d\n\t", "\r\n", " #\n\n# e \n"][..])
}

fn separator() -> impl Strategy<Value = &'static str> {
    select(
        &[",", ", ", "\n", " # c\n", ",\n\n\n", ", # c\n", "\n\n # c\n\n", "\r\n\t", ",## c\r\n"][..],
    )
}

fn raw() -> impl Strategy<Value = String> {
    let pieces = &["\n", "\n", "\r\n", "  ", " ", "\t", "a", "é # {", "\"", "\\n", "\n    b"][..];
    vec(select(pieces), 0..12).prop_map(|pieces| {
        let inside = pieces.concat();
        let inside = if inside.contains("\"\"\"") { inside.replace('"', "'") } else { inside };
        format!("\"\"\"{inside}\"\"\"")
    })
}

fn leaf() -> impl Strategy<Value = String> {
    let literals = &[
        "1",
        "-2.50",
        "1_000",
        "1e-3",
        "inf",
        "20%",
        "1.5h",
        "4GiB",
        "true",
        "null",
        "$p",
        "$c.p",
        "word",
        "a.b.c",
        "\"text\"",
        "\"\\u{e9}\\n\"",
        "1..2",
        "0.1 ..  $hi",
        "f1>=0.5",
        "f(x)  < -1",
        "\"é\" != null",
        "a_very_long_word_that_takes_a_good_part_of_a_line",
    ][..];
    prop_oneof![4 => select(literals).prop_map(str::to_owned), 1 => raw()]
}

/// Joins entries with separators and closes them in.
fn enclosed(
    (open, close): (&'static str, &'static str),
    entries: impl Strategy<Value = String>,
    most: usize,
    keyed: impl Fn(usize, String) -> String,
) -> impl Strategy<Value = String> {
    let entries = vec((entries, separator(), gap()), 0..most);
    (gap(), entries, any::<bool>(), gap()).prop_map(move |(first, entries, trailing, last)| {
        let count = entries.len();
        let mut text = format!("{open}{first}");
        for (index, (entry, separator, gap)) in entries.into_iter().enumerate() {
            text += &keyed(index, entry);
            if index + 1 < count || trailing {
                text += separator;
                text += gap;
            }
        }
        text + last + close
    })
}

fn keyed() -> impl Fn(usize, String) -> String + Clone {
    |index, value| match index % 5 {
        0 => format!("k{index}: {value}"),
        1 => format!("k{index}.x:{value}"),
        2 => format!("\"k {index}\" :\n{value}"),
        3 => format!("{index}: # why\n {value}"),
        _ => format!("k{index}:\n\n# a\n\n# b\n{value}"),
    }
}

fn value() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            enclosed(("[", "]"), inner.clone(), 6, |_, value| value),
            enclosed(("{", "}"), inner.clone(), 6, keyed()),
            enclosed(("f(", ")"), inner.clone(), 6, |index, value| {
                if index % 2 == 0 { value } else { format!("n{index} : {value}") }
            }),
            enclosed(("x >= [", "]"), inner, 3, |_, value| value),
        ]
    })
}

fn item() -> impl Strategy<Value = String> {
    let between =
        || select(&["\n", "\n\n\n", " # c\n", "\n# c\n", "\n## d\n##  e\n", "\n## d\n\n"][..]);
    let block = enclosed(("{", "}"), value(), 5, |index, value| format!("f{index}:{value}"));
    prop_oneof![
        6 => (between(), gap(), block).prop_map(|(doc, gap, body)| format!("{doc}kind  name {gap}{body}")),
        1 => (between(), value()).prop_map(|(doc, value)| format!("{doc}param p:[ text ]={value} \"d\"")),
        1 => between().prop_map(|doc| format!("{doc}import \"x.mlp\"  as y")),
    ]
}

fn comments(text: &str) -> Vec<&str> {
    let all = lexemes(text, 0).filter(|found| found.kind == Kind::Comment);
    all.map(|found| found.of(text).trim_end()).collect()
}

/// Checks what holds for every text.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let file = source(text);
    let (tree, found) = parse(text);
    for diagnostic in found.iter() {
        let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.related);
        for label in labels {
            prop_assert!(text.get(label.span.range()).is_some(), "{:?}: {:?}", label, text);
        }
    }
    prop_assert!(found.has_errors() || tree.broken.is_empty(), "{text:?}");
    let Ok(formatted) = format(&file) else {
        prop_assert!(found.has_errors(), "{text:?}");
        return Ok(());
    };
    let (again, found) = parse(&formatted);
    prop_assert!(found.is_empty(), "{text}\n---\n{formatted}\n---\n{found:?}");
    prop_assert_eq!(show::file(&again), show::file(&tree), "{}\n---\n{}", text, formatted);
    let twice = format(&source(&formatted)).unwrap_or_default();
    prop_assert_eq!(&twice, &formatted, "{}\n---\n{}\n---\n{}", text, formatted, twice);
    prop_assert_eq!(comments(&formatted), comments(text), "{}\n---\n{}", text, formatted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Valid texts parse, and their layout changes nothing.
    #[test]
    fn valid_texts_keep_their_meaning(items in vec(item(), 0..6)) {
        let text = items.concat();
        let (_, found) = parse(&text);
        prop_assert!(found.is_empty(), "{text}\n---\n{found:?}");
        holds(&text)?;
    }

    #[test]
    fn damaged_texts_are_told_apart(
        items in vec(item(), 0..4),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..6,
        put in select(TOKENS),
    ) {
        let text = format!("{}{PAGE}", items.concat());
        let at = text.floor_char_boundary(at.index(text.len()));
        let end = text.ceil_char_boundary((at + cut).min(text.len()));
        holds(&format!("{}{put}{}", &text[..at], &text[end..]))?;
    }

    #[test]
    fn noise_is_read(tokens in vec(select(TOKENS), 0..60)) {
        holds(&tokens.concat())?;
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..200)) {
        holds(&String::from_utf8_lossy(&bytes))?;
    }

    /// One damaged block leaves the others as they are.
    #[test]
    fn a_broken_block_hides_no_other(tokens in vec(select(TOKENS), 0..12)) {
        let noise = tokens.concat();
        let text = format!("a first {{ x: 1 }}\na broken {{ {noise}\na last {{ x: 2 }}\n");
        let (tree, _) = parse(&text);
        let names: Vec<&str> = tree.blocks().map(|block| block.name.node.as_str()).collect();
        prop_assert_eq!(names.first(), Some(&"first"));
        let open_text = noise.matches("\"\"\"").count() % 2 == 1;
        prop_assert!(open_text || names.last() == Some(&"last") , "{}", text);
        holds(&text)?;
    }
}
