//! The reference of the language's words, made of the declarations that bind them.

use serde_json::{Value as Json, json};

use super::grid;
use crate::diag::nearest;
use crate::params::{Family, Kind, Param, Setting, Signature, Vocabulary};
use crate::sql::{FunctionDoc, FunctionKind};

/// The families, in the order in which people meet them, each under the name of its list.
pub const FAMILIES: &[(Family, &str)] = &[
    (Family::Stage, "stages"),
    (Family::Source, "sources"),
    (Family::Check, "checks"),
    (Family::Measure, "measures"),
    (Family::Assignment, "assignments"),
    (Family::Selector, "selectors"),
    (Family::Step, "steps"),
    (Family::Estimator, "estimators"),
    (Family::Layer, "layers"),
    (Family::Optimizer, "optimizers"),
    (Family::Schedule, "schedules"),
    (Family::Stopping, "stoppings"),
    (Family::Fold, "folds"),
    (Family::Metric, "metrics"),
    (Family::Space, "spaces"),
    (Family::Search, "searches"),
    (Family::Pruner, "pruners"),
];

/// The kinds of functions of SQL, each under the name of its list.
const KINDS: &[(FunctionKind, &str)] = &[
    (FunctionKind::Scalar, "of the values of one row"),
    (FunctionKind::Aggregate, "of the rows of a group, or of a window with OVER"),
    (FunctionKind::Window, "of the rows of a window, with OVER"),
];

/// Lists every word with its first line, family by family.
#[must_use]
pub fn overview(words: Vocabulary<'_>) -> String {
    let families = FAMILIES.iter().map(|(family, title)| list(words, *family, title));
    families.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Lists the functions of SQL, each with its first line.
#[must_use]
pub fn functions(functions: &[FunctionDoc]) -> String {
    let list = |(kind, title): &(FunctionKind, &str)| {
        let own = functions.iter().filter(|function| function.kind == *kind);
        let rows: Vec<Vec<String>> =
            own.map(|own| vec![own.name.clone(), sentence(&own.doc)]).collect();
        format!("functions {title}\n{}", grid::align(&rows, |_| false, 2))
    };
    KINDS.iter().map(list).collect::<Vec<_>>().join("\n")
}

/// Explains a function of SQL: how it is called, and what it does.
#[must_use]
pub fn function(function: &FunctionDoc) -> String {
    let kind = KINDS.iter().find(|(kind, _)| *kind == function.kind);
    let title = kind.map_or("", |(_, title)| title);
    format!(
        "{} is a function of SQL, {title}\n\n{}",
        function.signature,
        paragraphs(&function.doc, "")
    )
}

/// Explains a word, or lists a family; gives what could have been meant where neither is known.
///
/// # Errors
/// Gives the nearest word, if one is near.
pub fn explain<'a>(words: Vocabulary<'a>, word: &str) -> Result<String, Option<&'a str>> {
    if let Some((family, title)) = FAMILIES.iter().find(|(_, title)| *title == word) {
        let text = list(words, *family, title);
        if !text.is_empty() {
            return Ok(text);
        }
    }
    let pages: Vec<String> = FAMILIES
        .iter()
        .filter_map(|(family, _)| Some((family, words.find(*family, word)?)))
        .map(|(family, signature)| page(*family, signature))
        .collect();
    if pages.is_empty() {
        let known = FAMILIES
            .iter()
            .flat_map(|(family, _)| words.signatures(*family))
            .map(|signature| signature.name);
        Err(nearest(word, known.chain(FAMILIES.iter().map(|(_, title)| *title))))
    } else {
        Ok(pages.join("\n"))
    }
}

fn list(words: Vocabulary<'_>, family: Family, title: &str) -> String {
    let rows: Vec<Vec<String>> = words
        .signatures(family)
        .map(|signature| vec![signature.name.to_owned(), sentence(signature.doc)])
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("{title}\n{}", grid::align(&rows, |_| false, 2))
    }
}

/// Gives the first sentence of a doc, whatever lines it stands on.
#[must_use]
pub fn sentence(doc: &str) -> String {
    let first = doc.trim().split("\n\n").next().unwrap_or_default();
    let text = first.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}

/// Explains a word: how it is called, what it is, and each parameter.
fn page(family: Family, signature: &Signature) -> String {
    let mut text = format!("{} is {}\n\n", usage(family, signature), family.spoken());
    text.push_str(&paragraphs(signature.doc, ""));
    for param in signature.params {
        text.push_str(&format!("\n  {}: {}\n", param.name, bounds(param)));
        text.push_str(&paragraphs(param.doc, "      "));
    }
    text
}

fn usage(family: Family, signature: &Signature) -> String {
    if family == Family::Stage {
        return format!("{} NAME {{ … }}", signature.name);
    }
    let args: Vec<&str> = signature.params.iter().map(|param| param.name).collect();
    format!("{}({})", signature.name, args.join(", "))
}

/// Says what a parameter may be, and what it is when left out.
#[must_use]
pub fn bounds(param: &Param) -> String {
    let default = param.default.map(|default| default());
    let mut text = match (&param.kind, &default) {
        (Kind::Optional(inner), Some(Setting::Null)) => inner.spoken(),
        (kind, _) => kind.spoken(),
    };
    let limits = param.limits.spoken();
    if !limits.is_empty() {
        text.push_str(&format!(", {limits}"));
    }
    match default {
        None => text.push_str("; must be given"),
        Some(Setting::Null) => text.push_str("; may be left out"),
        Some(Setting::List(items)) if items.is_empty() => text.push_str("; may be left out"),
        Some(Setting::Map(items)) if items.is_empty() => text.push_str("; may be left out"),
        Some(default) => text.push_str(&format!("; default {}", default.spoken())),
    }
    text
}

/// Takes the comment's own margin off a doc and sets another.
fn paragraphs(doc: &str, margin: &str) -> String {
    doc.trim()
        .lines()
        .map(|line| {
            let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
            if line.is_empty() { "\n".to_owned() } else { format!("{margin}{line}\n") }
        })
        .collect()
}

/// Writes every word, its parameters and every function, for programs.
#[must_use]
pub fn json(words: Vocabulary<'_>, functions: &[FunctionDoc]) -> Json {
    let param = |own: &Param| {
        json!({
            "name": own.name,
            "value": bounds(own),
            "required": own.default.is_none(),
            "doc": paragraphs(own.doc, "").trim(),
        })
    };
    let word = |own: &Signature| {
        json!({
            "name": own.name,
            "doc": paragraphs(own.doc, "").trim(),
            "parameters": own.params.iter().map(param).collect::<Json>(),
        })
    };
    let families: serde_json::Map<String, Json> = FAMILIES
        .iter()
        .map(|(family, title)| {
            ((*title).to_owned(), words.signatures(*family).map(word).collect::<Json>())
        })
        .collect();
    let function = |own: &FunctionDoc| {
        json!({
            "name": own.name,
            "signature": own.signature,
            "over": match own.kind {
                FunctionKind::Scalar => "row",
                FunctionKind::Aggregate => "group",
                FunctionKind::Window => "window",
            },
            "doc": own.doc,
        })
    };
    json!({ "words": families, "functions": functions.iter().map(function).collect::<Json>() })
}

/// Writes the reference page of a family in Markdown, for the users' book.
#[must_use]
pub fn markdown(words: Vocabulary<'_>, family: Family, title: &str) -> String {
    let mut text = format!(
        "# {}\n\nThis page is made of the declarations in the program by `mlp docs {title} --markdown`.\n",
        capital(title)
    );
    for signature in words.signatures(family) {
        text.push_str(&format!("\n## `{}`\n\n{}", signature.name, paragraphs(signature.doc, "")));
        if signature.params.is_empty() {
            continue;
        }
        text.push_str("\n| parameter | value | what it does |\n| --- | --- | --- |\n");
        for param in signature.params {
            let doc = paragraphs(param.doc, "").trim().replace('\n', " ");
            let row = format!("| `{}` | {} | {} |\n", param.name, cell(&bounds(param)), cell(&doc));
            text.push_str(&row);
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + chars.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;
    use crate::params::{Limits, Params};

    params! {
        /// Mixes things. Slowly,
        /// and well.
        ///
        /// More of it.
        struct Mix("mix", 1) {
            /// How much.
            share: f64 = 0.5 => Limits::between(0.0, 1.0),
            /// How long,
            /// in rounds.
            rounds: u64,
            /// Who.
            who: Option<String> = None,
        }
    }

    const WORDS: &[(Family, &[&Signature])] = &[(Family::Step, &[&Mix::SIGNATURE])];

    #[test]
    fn a_word_is_explained_with_its_parameters() {
        let text = explain(Vocabulary::new(WORDS), "mix").unwrap();
        insta::assert_snapshot!(text, @r"
        mix(share, rounds, who) is a step

        Mixes things. Slowly,
        and well.

        More of it.

          share: a number, at least 0 and at most 1; default 0.5
              How much.

          rounds: a whole number, at least 0; must be given
              How long,
              in rounds.

          who: a string; may be left out
              Who.
        ");
    }

    #[test]
    fn a_family_is_listed_by_first_sentences() {
        assert_eq!(
            explain(Vocabulary::new(WORDS), "steps").unwrap(),
            "steps\n  mix  Mixes things.\n"
        );
        assert_eq!(overview(Vocabulary::new(WORDS)), "steps\n  mix  Mixes things.\n");
    }

    #[test]
    fn an_unknown_word_gives_the_nearest() {
        assert_eq!(explain(Vocabulary::new(WORDS), "mxi"), Err(Some("mix")));
        assert_eq!(explain(Vocabulary::new(WORDS), "zzzzzz"), Err(None));
    }

    #[test]
    fn a_page_holds_a_table_of_the_parameters() {
        let page = markdown(Vocabulary::new(WORDS), Family::Step, "steps");
        assert!(
            page.starts_with("# Steps\n")
                && page.contains("| `who` | a string; may be left out | Who. |"),
            "{page}"
        );
    }
}
