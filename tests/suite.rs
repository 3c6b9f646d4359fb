//! Wrong pipelines, each with the whole of what is said about it.
//!
//! A file `suite/TOPIC/NAME.mlp` has its expected findings in `snapshots/TOPIC/NAME.snap`. What is
//! in `suite/right` is right: nothing is said about it. A first line `# args: --set a=b` gives what
//! the command line would.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mlp::cli::render::Renderer;
use mlp::cli::{Look, load_pipeline};
use mlp::plan::{Loaded, Request};
use mlp::store::Store;

use crate::program::{Project, root};

/// Lists the pipelines of the suite, by topic and name; those that others import are not of it.
fn pipelines() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut topics: Vec<PathBuf> = fs::read_dir(root().join("tests/suite"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    topics.sort();
    for topic in topics.iter().filter(|topic| topic.is_dir()) {
        let entries = fs::read_dir(topic).unwrap().map(|entry| entry.unwrap().path());
        found.extend(
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "mlp")),
        );
    }
    found.sort();
    found
}

/// Reads the `--set` words of a pipeline's first line.
fn request(text: &str) -> Request {
    let words =
        text.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default();
    let pairs = words.split("--set").filter_map(|pair| pair.trim().split_once('='));
    let sets = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Request { sets, ..Request::default() }
}

/// Checks a pipeline under the path that it has in the sources.
fn check(path: &Path, store: &Arc<Store>) -> Loaded {
    let text = fs::read_to_string(path).unwrap();
    let shown = path.strip_prefix(root()).unwrap();
    load_pipeline(shown, &text, &request(&text), store)
}

fn said(path: &Path, store: &Arc<Store>) -> String {
    let loaded = check(path, store);
    let text = Renderer::new(&loaded.sources, &Look::plain()).all(&loaded.diagnostics);
    let ok = if loaded.plan.is_some() { "can run" } else { "can't run" };
    format!("{text}{ok}\n")
}

#[test]
fn every_wrong_pipeline_is_told_what_is_wrong() {
    let project = Project::new();
    let store = project.store();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // A long list of words grows with the registries, and is none of this test's business.
    settings
        .add_filter(r"(known here|metrics for \w+): [^\n]*\n(        [^\n]*\n)+", "$1: [a list]\n");
    let mut silent = Vec::new();
    for path in pipelines() {
        let topic = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        if topic == "right" {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let said = said(&path, &store);
        if said == "can run\n" {
            silent.push(format!("{topic}/{name}"));
        }
        settings.set_snapshot_path(Path::new("snapshots").join(&topic));
        settings.bind(|| insta::assert_snapshot!(name, said));
    }
    assert_eq!(silent, worklist("silent"), "mend tests/suite/worklist.txt");
}

/// Reads the names of one kind from the list of what is still said badly.
fn worklist(kind: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("tests/suite/worklist.txt")).unwrap();
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.first() == Some(&kind)).map(|words| words[1].to_owned()).collect()
}

#[test]
fn nothing_is_said_about_a_right_pipeline() {
    let project = Project::new();
    let store = project.store();
    for path in pipelines().iter().filter(|path| path.parent().unwrap().ends_with("right")) {
        assert_eq!(said(path, &store), "can run\n", "{}", path.display());
    }
}

#[test]
fn the_suite_is_not_small() {
    assert!(pipelines().len() >= 60);
}
