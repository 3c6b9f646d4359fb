//! From what a user wrote to a list of files: a path, a list, a pattern or a folder.
//!
//! The order never depends on the file system: a list keeps its order, a pattern and a folder give
//! their files sorted by name. Knows formats by their extensions alone; reads no file.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use regex::bytes::Regex;

use super::input::missing;
use super::{Format, Input, SourceError};

/// How deep `**` looks into folders.
const MAX_DEPTH: usize = 64;

/// Gives the files that some paths, patterns and folders stand for.
///
/// Relative paths begin at `base`. In a pattern `*` and `?` stand for characters of one name,
/// `[a-z]` for one of a set and `**` for folders at any depth. A path that exists is itself, not a
/// pattern. A folder stands for the files in it whose extension is known; hidden files, and those
/// whose name begins with `_`, are left out.
///
/// # Errors
///
/// Fails where nothing is found, and where a file is named twice.
pub fn resolve(base: &Path, paths: &[String]) -> Result<Vec<Input>, SourceError> {
    if paths.iter().all(String::is_empty) {
        return Err(SourceError::NoPath);
    }
    let mut inputs = Vec::new();
    let mut seen = HashSet::new();
    for path in paths {
        for input in resolve_one(base, path)? {
            if !seen.insert(input.path.clone()) {
                return Err(SourceError::NamedTwice { file: input.name });
            }
            inputs.push(input);
        }
    }
    Ok(inputs)
}

fn resolve_one(base: &Path, written: &str) -> Result<Vec<Input>, SourceError> {
    if let Some((scheme, _)) = written.split_once("://") {
        let (address, scheme) = (written.to_owned(), scheme.to_owned());
        return Err(SourceError::Remote { address, scheme });
    }
    let name = written.replace('\\', "/");
    let path = base.join(&name);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => folder(&path, name.trim_end_matches('/'), written),
        Ok(_) => Ok(vec![Input { path, name }]),
        Err(_) if is_pattern(&name) => pattern(base, &name),
        Err(_) => Err(missing(&path, name)),
    }
}

fn folder(path: &Path, name: &str, written: &str) -> Result<Vec<Input>, SourceError> {
    let inputs: Vec<Input> = Listing::of(path, written)?
        .files
        .into_iter()
        .filter(|file| !file.starts_with(['.', '_']) && Format::of_name(file).is_some())
        .map(|file| Input { path: path.join(&file), name: format!("{name}/{file}") })
        .collect();
    if inputs.is_empty() {
        return Err(SourceError::EmptyFolder { folder: written.to_owned() });
    }
    Ok(inputs)
}

/// What is in a folder, sorted; names that are no UTF-8 are left out.
#[derive(Default)]
struct Listing {
    files: Vec<String>,
    folders: Vec<String>,
    /// Links to folders, which `**` doesn't follow: they may lead in a circle.
    links: Vec<String>,
}

impl Listing {
    fn of(folder: &Path, name: &str) -> Result<Self, SourceError> {
        let fail = |error| SourceError::io(name, "list", error);
        // The folder of a pipeline that is named without one has no name.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut listing = Self::default();
        for entry in fs::read_dir(folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_dir() && is_link => listing.links.push(name),
                Ok(metadata) if metadata.is_dir() => listing.folders.push(name),
                Ok(metadata) if metadata.is_file() => listing.files.push(name),
                _ => {}
            }
        }
        listing.files.sort();
        Ok(listing)
    }

    /// Lists a folder that a pattern leads to; what isn't there, or is no folder, is empty.
    fn below(base: &Path, prefix: &str) -> Result<Self, Box<SourceError>> {
        let name = if prefix.is_empty() { "." } else { prefix.trim_end_matches('/') };
        match Self::of(&base.join(prefix), name) {
            Err(SourceError::Io { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(Self::default())
            }
            listing => listing.map_err(Box::new),
        }
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Walks the folders that a pattern can reach, part by part.
fn pattern(base: &Path, written: &str) -> Result<Vec<Input>, SourceError> {
    let no_match = || SourceError::NoMatch { pattern: written.to_owned() };
    let parts: Vec<&str> = written.split('/').collect();
    let mut found = Vec::new();
    walk(base, String::new(), &parts, 0, &mut found)
        .map_err(|trouble| trouble.map_or_else(no_match, |error| *error))?;
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(no_match());
    }
    Ok(found.into_iter().map(|name| Input { path: base.join(&name), name }).collect())
}

/// Collects what the parts of a pattern match below `prefix`.
///
/// # Errors
///
/// Gives nothing if a part is malformed, else why a folder can't be listed.
fn walk(
    base: &Path,
    prefix: String,
    parts: &[&str],
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), Option<Box<SourceError>>> {
    let Some((part, rest)) = parts.split_first() else { return Ok(()) };
    let below = |name: &str| format!("{prefix}{name}");
    if !is_pattern(part) {
        let name = below(part);
        if rest.is_empty() {
            found.extend(base.join(&name).is_file().then_some(name));
            return Ok(());
        }
        return walk(base, format!("{name}/"), rest, depth, found);
    }
    let listing = Listing::below(base, &prefix)?;
    if *part == "**" {
        // At the end `**` stands for all data files at any depth.
        if rest.is_empty() {
            let data = listing.files.iter().filter(|file| Format::of_name(file).is_some());
            found.extend(data.map(|file| below(file)));
        }
        walk(base, prefix.clone(), rest, depth, found)?;
        let folders =
            listing.folders.iter().filter(|name| depth < MAX_DEPTH && !name.starts_with('.'));
        return folders.into_iter().try_for_each(|folder| {
            walk(base, format!("{}/", below(folder)), parts, depth + 1, found)
        });
    }
    let matcher = name_pattern(part).ok_or(None)?;
    let hidden = part.starts_with('.');
    let fits =
        |name: &&String| matcher.is_match(name.as_bytes()) && (hidden || !name.starts_with('.'));
    if rest.is_empty() {
        found.extend(listing.files.iter().filter(fits).map(|name| below(name)));
        return Ok(());
    }
    let folders = listing.folders.iter().chain(&listing.links);
    folders
        .filter(fits)
        .try_for_each(|name| walk(base, format!("{}/", below(name)), rest, depth, found))
}

/// Turns a part of a pattern into a regular expression over a whole name.
fn name_pattern(part: &str) -> Option<Regex> {
    let mut text = String::from("(?s)^");
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '[' => {
                let end = rest.char_indices().skip(1).find(|(_, c)| *c == ']').map(|(at, _)| at)?;
                let (set, after) = rest.split_at(end);
                text.push_str(&character_set(set));
                rest = &after[1..];
            }
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push('$');
    Regex::new(&text).ok()
}

fn character_set(set: &str) -> String {
    let (negated, set) = match set.strip_prefix(['!', '^']) {
        Some(set) => ("^", set),
        None => ("", set),
    };
    let escape = |c: char| if c == '-' { "-".to_owned() } else { regex::escape(&c.to_string()) };
    format!("[{negated}{}]", set.chars().map(escape).collect::<String>())
}
