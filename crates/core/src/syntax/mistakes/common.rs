//! Mistakes with marks, names and entries that people bring along from other languages.

use super::{RESERVED, Site, is_number, shortened};
use crate::diag::Diagnostic;
use crate::syntax::grammar::Rule;
use crate::syntax::outline;
use crate::syntax::scan::Kind;

/// Quotes of other languages and of word processors.
const QUOTES: [char; 10] = ['\'', '‘', '’', '‚', '“', '”', '„', '«', '»', '`'];

pub(super) fn quotes(site: &Site<'_>) -> Option<Diagnostic> {
    let quote = site.character().filter(|quote| QUOTES.contains(quote))?;
    let line = site.rest().lines().next().unwrap_or_default();
    let inner = &line[quote.len_utf8()..];
    let closing = inner.char_indices().find(|(_, character)| QUOTES.contains(character));
    let Some((length, closing)) = closing else {
        return Some(
            site.error("syntax-quote", format!("`{quote}` is no quote of this language"))
                .help("a string stands in straight double quotes"),
        );
    };
    let end = site.at + quote.len_utf8() + length + closing.len_utf8();
    let span = site.span(site.at, end);
    let written = shortened(&inner[..length]);
    let error =
        Diagnostic::error("syntax-quote", span, "a string stands in straight double quotes");
    Some(if written.contains('"') { error } else { error.help(format!("write `\"{written}\"`")) })
}

pub(super) fn comment_marks(site: &Site<'_>) -> Option<Diagnostic> {
    let mark = ["//", "/*", "--"].into_iter().find(|mark| site.rest().starts_with(mark))?;
    let span = site.span(site.at, site.at + mark.len());
    Some(
        Diagnostic::error("syntax-comment", span, format!("`{mark}` starts no comment"))
            .help("a comment starts with `#`"),
    )
}

pub(super) fn semicolon(site: &Site<'_>) -> Option<Diagnostic> {
    site.found_is(";").then(|| {
        site.error("syntax-comma", "an entry ends at a comma or a line end, not at `;`")
            .label("expected a comma or a line end")
    })
}

pub(super) fn equals(site: &Site<'_>) -> Option<Diagnostic> {
    let rest = site.rest();
    let turned = if rest.starts_with("=>") {
        Some(">=")
    } else if rest.starts_with("=<") {
        Some("<=")
    } else {
        None
    };
    if let Some(right) = turned.filter(|_| !site.expects(Rule::colon)) {
        let span = site.span(site.at, site.at + 2);
        let message = format!("`{}` is no comparison", &rest[..2]);
        return Some(
            Diagnostic::error("syntax-equals", span, message)
                .help(format!("did you mean `{right}`?")),
        );
    }
    if !rest.starts_with('=') || site.expected.is_empty() {
        return None;
    }
    let before = shortened(site.before_text());
    let in_param = site.text[site.start..].starts_with("param");
    Some(if in_param && site.expects(Rule::colon) {
        site.error("syntax-equals", "a parameter has a type before its default")
            .label("expected `:` and a type")
            .help(format!("write `param {before}: TYPE = DEFAULT`"))
    } else if site.expects(Rule::colon) {
        site.error("syntax-equals", format!("`=` stands where `:` belongs, after `{before}`"))
            .label("expected `:`")
            .help(format!("write `{before}: …`"))
    } else if site.expects(Rule::sep) {
        site.error("syntax-equals", "`=` gives no value and compares nothing")
            .help("a value is given with `:` and compared with `==`")
    } else {
        return None;
    })
}

/// The first word of the item, if what is found follows it.
fn only_word<'a>(site: &Site<'a>) -> Option<&'a str> {
    let before = site.before.filter(|before| before.start == site.start)?;
    (before.kind == Kind::Word).then(|| before.of(site.text))
}

pub(super) fn outside_of_blocks(site: &Site<'_>) -> Option<Diagnostic> {
    let word = only_word(site).filter(|_| site.found_is(":") || site.found_is("="))?;
    if word == "import" || word == "param" {
        return None;
    }
    let span = site.span(site.start, site.at);
    Some(
        Diagnostic::error("syntax-block-name", span, format!("the field `{word}` is in no block"))
            .label("expected a block, `param` or `import`")
            .help("fields stand between the braces of a block: `kind name { field: value }`"),
    )
}

pub(super) fn nameless_items(site: &Site<'_>) -> Option<Diagnostic> {
    let word = only_word(site).filter(|_| site.expects(Rule::name))?;
    let what = match word {
        "param" => "a parameter needs a name".to_owned(),
        "pipeline" => "the header needs a name".to_owned(),
        _ if site.found_is("{") => format!("this block of kind `{word}` needs a name"),
        _ => format!("`{word}` alone is no block"),
    };
    let written = match word {
        "param" => "param NAME: TYPE = DEFAULT".to_owned(),
        _ => format!("{word} NAME {{ … }}"),
    };
    let nothing =
        site.found_is("{") || site.found.is_none() || site.found_kind() == Some(Kind::LineEnd);
    if nothing {
        let span = site.span(site.start, site.start + word.len());
        return Some(
            Diagnostic::error("syntax-block-name", span, what)
                .label("expected a name behind this word")
                .help(format!("write `{written}`")),
        );
    }
    matches!(site.found_kind(), Some(Kind::Text { .. } | Kind::Raw { .. })).then(|| {
        site.error("syntax-block-name", "a name is a bare word, not a string")
            .label("expected a name")
            .help(format!("write `{written}`"))
    })
}

pub(super) fn import_path(site: &Site<'_>) -> Option<Diagnostic> {
    only_word(site).filter(|word| *word == "import" && site.expects(Rule::string)).map(|_| {
        site.error("syntax-expected", "the path of an import is a string")
            .label("expected a string")
            .help("write `import \"clean.mlp\"`")
    })
}

pub(super) fn reserved_words(site: &Site<'_>) -> Option<Diagnostic> {
    let dotted = site.found_is(".");
    let rest = if dotted { &site.rest()[1..] } else { site.rest() };
    let length = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_');
    let word = &rest[..length.unwrap_or(rest.len())];
    let names = [Rule::name, Rule::path, Rule::field, Rule::key, Rule::item, Rule::kind];
    let wanted = dotted || site.expects_value() || names.iter().any(|rule| site.expects(*rule));
    if !RESERVED.contains(&word) || !wanted || (site.at == site.start) {
        return None;
    }
    let start = site.at + usize::from(dotted);
    let span = site.span(start, start + word.len());
    let message = format!("`{word}` is a word of the language and names nothing");
    let error = Diagnostic::error("syntax-reserved", span, message).label("expected a name");
    let column = !dotted && !site.expects(Rule::name);
    Some(if column { error.help(column_help(word)) } else { error })
}

pub(super) fn letters_of_names(site: &Site<'_>) -> Option<Diagnostic> {
    let mark = site.character()?;
    let is_joint = mark == '-' && site.adjacent() && !is_number(site.before_text());
    let is_foreign = !mark.is_ascii() && mark.is_alphabetic();
    let begins = is_number(site.found_text()) && (site.expects(Rule::name));
    let before = site.before.filter(|before| before.kind == Kind::Word && site.adjacent());
    if !(is_joint && before.is_some() || is_foreign || begins) {
        return None;
    }
    let start = before.map_or(site.at, |before| before.start);
    let word = site.text[start..].split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let word = word.into_iter().next().unwrap_or_default();
    let span = site.span(start, start + word.len());
    let rule = "a name is made of the letters `A`–`Z` `a`–`z`, digits and `_`, no digit first";
    let message = format!("`{}` is no name", shortened(word));
    let error = Diagnostic::error("syntax-name", span, message).label(rule);
    let mended = word.replace('-', "_");
    let is_name = mended.is_ascii() && !is_number(&mended);
    let error =
        if is_name { error.help(format!("did you mean `{}`?", shortened(&mended))) } else { error };
    let in_header = outline::open_at(site.text, site.start, start).is_empty();
    Some(if in_header { error } else { error.help(column_help(word)) })
}

fn column_help(word: &str) -> String {
    format!("a column of that name is written as a string: `\"{}\"`", shortened(word))
}

pub(super) fn missing_colon(site: &Site<'_>) -> Option<Diagnostic> {
    if !site.expects(Rule::colon) || site.expects(Rule::sep) || site.found_is(":") {
        return None;
    }
    let key = shortened(site.before_text());
    let next = site.found_kind();
    let ends = matches!(next, None | Some(Kind::LineEnd | Kind::Comment | Kind::Close(_)));
    if ends || site.found_is(",") {
        let before = site.before?;
        let span = site.span(before.start, before.end);
        if site.text[site.start..].starts_with("param") && before.start > site.start {
            let error = Diagnostic::error("syntax-expected", span, "a parameter has a type");
            return Some(error.help(format!("write `param {key}: TYPE = DEFAULT`")));
        }
        let message = format!("`{key}` has no value");
        return Some(
            Diagnostic::error("syntax-expected", span, message)
                .label("expected `:` and a value behind this")
                .help(format!("write `{key}: …`")),
        );
    }
    site.finds_entry().then(|| {
        site.error("syntax-expected", format!("`:` is missing after `{key}`"))
            .label("expected `:` before this")
            .help(format!("write `{key}: …`"))
    })
}

pub(super) fn missing_value(site: &Site<'_>) -> Option<Diagnostic> {
    let ends = matches!(site.found_kind(), Some(Kind::Close(_))) || site.found_is(",");
    let colon = site.before.filter(|before| before.of(site.text) == ":" && ends)?;
    let span = site.span(colon.start, colon.end);
    Some(
        Diagnostic::error("syntax-expected", span, "this `:` has no value behind it")
            .label("expected a value behind this"),
    )
}

pub(super) fn spaced_call(site: &Site<'_>) -> Option<Diagnostic> {
    let before = site.before.filter(|before| before.kind == Kind::Word && site.same_line)?;
    (site.found_is("(") && !site.adjacent()).then(|| {
        let name = shortened(before.of(site.text));
        site.error("syntax-call", "the `(` of a call follows its name without a blank")
            .help(format!("write `{name}(…)`"))
    })
}

pub(super) fn loose_comma(site: &Site<'_>) -> Option<Diagnostic> {
    let entry = site.expects_value() || site.expects(Rule::field) || site.expects(Rule::key);
    if !site.found_is(",") || site.expects(Rule::sep) || !entry {
        return None;
    }
    let error = site.error("syntax-comma", "this comma ends no entry");
    Some(if site.same_line || site.before_text() == "," {
        error.label("expected an entry before it")
    } else {
        error
            .label("the line end above has ended the entry")
            .help("put the comma behind the entry, or leave it out")
    })
}

pub(super) fn missing_comma(site: &Site<'_>) -> Option<Diagnostic> {
    let apart = site.expects(Rule::sep) && site.same_line && site.finds_entry();
    apart.then(|| {
        site.error("syntax-comma", "two entries on one line need a comma between them")
            .label("expected a comma or a line end before this")
            .help("a text of several words stands in double quotes")
    })
}

pub(super) fn dollar(site: &Site<'_>) -> Option<Diagnostic> {
    (site.before_text() == "$" && site.expects(Rule::name)).then(|| {
        site.error("syntax-parameter", "a parameter is written `$name`")
            .label("expected the name of a parameter")
            .help("braces stand around a parameter only inside strings: `\"in/{$day}.csv\"`")
    })
}

pub(super) fn template(site: &Site<'_>) -> Option<Diagnostic> {
    (site.found_is("{") && site.before_text() == "{" && site.adjacent()).then(|| {
        site.error("syntax-parameter", "the language has no templates")
            .label("expected a key or `}`")
            .help("a parameter is written `$name`")
    })
}

pub(super) fn bare_default(site: &Site<'_>) -> Option<Diagnostic> {
    (site.expects(Rule::assign) && site.finds_entry()).then(|| {
        site.error("syntax-expected", "the default of a parameter stands behind `=`")
            .label("expected `=` before this")
            .help("write `param NAME: TYPE = DEFAULT \"what it is\"`")
    })
}

pub(super) fn second_colon(site: &Site<'_>) -> Option<Diagnostic> {
    (site.found_is(":") && site.expects(Rule::sep)).then(|| {
        let error = site.error("syntax-expected", "this `:` follows a value");
        let error = error.label("expected a comma or a line end");
        if site.expects(Rule::unbracket) {
            error.help("a list has no keys: a map is written `{ key: value }`")
        } else {
            error
        }
    })
}

pub(super) fn chained(site: &Site<'_>) -> Option<Diagnostic> {
    let sign = ["<", ">", "==", "!=", ".."].iter().any(|sign| site.rest().starts_with(sign));
    (sign && site.expects(Rule::sep)).then(|| {
        site.error("syntax-comparison", "a value holds one comparison or one range")
            .label("expected a comma or a line end")
    })
}
