//! The layers: a module imports only from lower lines, never from a neighbour on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the two crates; together they are one house.
const SOURCES: &[&str] = &["src", "crates/core/src"];

/// Each line's modules may use those of the lines after it.
const LAYERS: &[&[&str]] = &[
    &["session"],
    &["cli", "lsp"],
    &["stages", "engine"],
    &["plan", "report"],
    &["ml", "sources", "sql", "store"],
    &["params"],
    &["syntax", "data"],
    &["diag"],
    &["text"],
];

/// What only one part of the house may name.
const BORDERS: &[(&str, &[&str])] = &[
    ("datafusion", &["sql"]),
    ("miette", &["cli"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("pest", &["syntax"]),
    ("pest_derive", &["syntax"]),
    ("parquet", &["sources"]),
    ("candle_core", &["ml"]),
];

fn source_files() -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| walk(Path::new(folder), &mut files));
    files
}

/// Names the top-level module that a file belongs to.
fn module(path: &Path) -> String {
    let inside = SOURCES.iter().find_map(|folder| path.strip_prefix(folder).ok()).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Takes comments and the contents of strings out, so that only code is left.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) =
            raw_string(rest).filter(|_| !code.ends_with(char::is_alphanumeric))
        {
            length
        } else if c == '"' {
            string(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// Measures a string, from its opening quote.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return index + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// Measures a raw string, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.find(|c| c != '#')?;
    let open = 1 + hashes;
    if !text[open..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    Some(text[open + 1..].find(&close).map_or(text.len(), |end| open + 1 + end + close.len()))
}

/// Finds the names behind `crate::`, those in `use crate::{a, b}` too.
fn mentioned(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = BTreeSet::new();
    for (index, _) in code.match_indices("crate::") {
        if code[..index].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let after = &code[index + "crate::".len()..];
        match after.strip_prefix('{') {
            Some(list) => found.extend(braced(list).into_iter().map(word)),
            None => drop(found.insert(word(after))),
        }
    }
    found.retain(|name| LAYERS.iter().any(|layer| layer.contains(&name.as_str())));
    found
}

/// Splits what stands between two braces at its commas, nested braces left whole.
fn braced(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 1_i32);
    for (index, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            parts.push(&list[start..index]);
            start = index + 1;
        }
        if depth == 0 {
            break;
        }
    }
    parts
}

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn modules_import_only_from_lower_layers() {
    let mut wrong = Vec::new();
    for path in source_files() {
        let own = module(&path);
        let Some(level_of_own) = level(&own) else { continue };
        for other in mentioned(&code(&fs::read_to_string(&path).unwrap())) {
            let lower = level(&other).is_some_and(|level| level > level_of_own);
            if other != own && !lower {
                wrong.push(format!("{}: `{own}` must not know `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let known: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    let own: BTreeSet<String> = source_files().iter().map(|path| module(path)).collect();
    let homeless: Vec<&String> = own
        .iter()
        .filter(|name| !matches!(name.as_str(), "main" | "lib") && !known.contains(name.as_str()))
        .collect();
    assert!(homeless.is_empty(), "modules without a layer: {homeless:?}");
}

#[test]
fn each_large_dependency_has_one_door() {
    let doors: BTreeMap<&str, &[&str]> = BORDERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in source_files() {
        let own = module(&path);
        let code = code(&fs::read_to_string(&path).unwrap());
        for (name, allowed) in &doors {
            let named = code.match_indices(&format!("{name}::")).any(|(index, _)| {
                !code[..index].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named && !allowed.contains(&own.as_str()) {
                wrong.push(format!("{}: only {allowed:?} may name `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_layer_test_reads_is_code() {
    let text = r##"
        // use crate::cli;
        let a = "crate::cli"; let b = r#"crate::cli " "#;
        use crate::{text::{Span, FileId}, diag};
        let c = crate::plan::load; let d = other_crate::cli::x; let e = '"'; crate::engine::run();
    "##;
    let found: Vec<String> = mentioned(&code(text)).into_iter().collect();
    assert_eq!(found, ["diag", "engine", "plan", "text"]);
}
