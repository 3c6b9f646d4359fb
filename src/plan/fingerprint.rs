//! Fingerprints: a key is everything that is read, and nothing else.

use serde_json::{Value as Json, json};

use super::stage::{Input, Reads};
use crate::data::{Hash, TableDigest};

/// Counts up when fingerprints are made in another way.
const FORMAT: u32 = 1;

/// What an input of some work turned out to be.
#[derive(Clone, Debug)]
pub enum InputDigest {
    /// A table, column by column.
    Table(TableDigest),
    /// Opaque bytes.
    Blob(Hash),
}

/// Describes what goes into a piece of work, readably: kept beside its result, so that `mlp plan`
/// can say what changed.
#[must_use]
pub fn describe(kind: &str, version: u32, settings: &Json, inputs: &[Json]) -> Json {
    json!({
        "format": FORMAT,
        "kind": kind,
        "version": version,
        "settings": settings,
        "inputs": inputs,
    })
}

/// Hashes a description.
#[must_use]
pub fn fingerprint(description: &Json) -> Hash {
    Hash::of_json(&sorted(description))
}

/// Puts the keys of every map in order, so that the order of fields counts for nothing.
fn sorted(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<(&String, &Json)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Json::Array(items) => items.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

impl InputDigest {
    /// Describes what some work reads of this input.
    #[must_use]
    pub fn describe(&self, input: &Input) -> Json {
        match (self, &input.reads) {
            (Self::Blob(hash), _) => json!({ "content": hash }),
            (Self::Table(digest), Reads::All) => {
                let columns: Vec<Json> = digest
                    .columns
                    .iter()
                    .map(|own| json!([own.name, own.column_type, own.hash]))
                    .collect();
                json!({ "rows": digest.rows, "columns": columns })
            }
            (Self::Table(digest), Reads::Columns(wanted)) => {
                // The columns are in the order of their names, so that their place in the table,
                // which this work doesn't see, counts for nothing.
                let columns: serde_json::Map<String, Json> = wanted
                    .iter()
                    .filter_map(|name| digest.column(name))
                    .map(|own| (own.name.clone(), json!([own.column_type, own.hash])))
                    .collect();
                json!({ "rows": digest.rows, "columns": columns })
            }
        }
    }
}

/// Says how two descriptions of the same stage differ: why it has to run again.
///
/// A description holds contents of files, never their names: `files` gives those, in the order of the
/// task.
#[must_use]
pub fn difference(before: &Json, after: &Json, files: &[String]) -> String {
    let mut found = Vec::new();
    if before["version"] != after["version"] || before["format"] != after["format"] {
        found.push("this version of mlp computes it anew".to_owned());
    }
    changed("", &before["settings"], &after["settings"], &mut found);
    let empty = Vec::new();
    let inputs = |side: &Json| side["inputs"].as_array().unwrap_or(&empty).clone();
    let mut files = files.iter();
    for (old, new) in inputs(before).iter().zip(&inputs(after)) {
        if new.get("file").is_some() {
            let file = files.next().map_or_else(|| "a file".to_owned(), |file| format!("`{file}`"));
            if old != new {
                found.push(format!("{file} changed"));
            }
        } else if old["rows"] == new["rows"] {
            let changed = changed_columns(&old["columns"], &new["columns"]);
            if !changed.is_empty() {
                found.push(format!("input changed in {}", changed.join(", ")));
            } else if old != new {
                found.push("its input changed".to_owned());
            }
        } else {
            found.push(format!("its input has {} rows, not {}", new["rows"], old["rows"]));
        }
    }
    if inputs(before).len() != inputs(after).len() {
        found.push("it has other inputs".to_owned());
    }
    found.dedup();
    match found.len() {
        0 => "its result is no longer in the cache".to_owned(),
        1..=3 => found.join("; "),
        more => format!("{}; and {} more changes", found[..2].join("; "), more - 2),
    }
}

/// Lists the settings that differ, by path.
fn changed(path: &str, before: &Json, after: &Json, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (parts(before), parts(after)) {
        (Some(old), Some(new)) if comparable(before, after, &old, &new) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let path = joined(path, name);
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => changed(&path, old, new, found),
                    (None, _) => found.push(format!("`{path}` is new")),
                    (_, None) => found.push(format!("`{path}` is gone")),
                }
            }
        }
        _ => found.push(replaced(path, before, after)),
    }
}

/// Tells whether two settings differ in their parts, rather than as a whole: choices of another kind
/// (another estimator) and lists of plain values of another length don't.
fn comparable(before: &Json, after: &Json, old: &Parts<'_>, new: &Parts<'_>) -> bool {
    let named = |value: &Json| value.as_array().is_some_and(|items| items.iter().all(is_named));
    let same_names = || old.keys().eq(new.keys());
    before.is_object() && after.is_object() || named(before) && named(after) || same_names()
}

/// The parts of a setting by their names.
type Parts<'a> = std::collections::BTreeMap<String, &'a Json>;

/// Takes a setting apart: a map by its keys, a list of named things by their names, another list by
/// places; a call and the version of what it names are the call, as the text has it.
fn parts(value: &Json) -> Option<Parts<'_>> {
    let part = |(place, item): (usize, &'_ Json)| match item["name"].as_str() {
        Some(name) => name.to_owned(),
        None => format!("[{place}]"),
    };
    match value {
        Json::Object(map) => Some(map.iter().map(|(key, value)| (key.clone(), value)).collect()),
        Json::Array(items) => Some(match items.as_slice() {
            [call @ Json::Object(_), version @ Json::Number(_)] => {
                [(String::new(), call), ("version".to_owned(), version)].into()
            }
            _ => items.iter().enumerate().map(|item| (part(item), item.1)).collect(),
        }),
        _ => None,
    }
}

fn is_named(item: &Json) -> bool {
    item["name"].is_string()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() || name.is_empty() || name.starts_with('[') {
        format!("{path}{name}")
    } else {
        format!("{path}.{name}")
    }
}

/// Words a setting that has another value.
fn replaced(path: &str, before: &Json, after: &Json) -> String {
    let short = |value: &Json| {
        let text = value.to_string();
        (text.chars().count() <= 32).then_some(text)
    };
    match (short(before), short(after)) {
        (Some(old), Some(new)) => format!("`{path}` is {new}, was {old}"),
        _ => format!("`{path}` changed"),
    }
}

/// Lists the columns that differ.
fn changed_columns(before: &Json, after: &Json) -> Vec<String> {
    let list = |side: &Json| -> std::collections::BTreeMap<String, String> {
        match side {
            Json::Object(map) => map.iter().map(|(k, v)| (k.clone(), v.to_string())).collect(),
            Json::Array(items) => items
                .iter()
                .filter_map(|item| Some((item[0].as_str()?.to_owned(), item.to_string())))
                .collect(),
            _ => std::collections::BTreeMap::new(),
        }
    };
    let (old, new) = (list(before), list(after));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| format!("`{name}`"))
        .collect()
}
