//! Registries: what a folder holds is what its slice lists.

use std::fs;

use crate::program::root;

/// The folders whose files each register words, with the name of their slice.
const REGISTRIES: &[(&str, &str)] = &[
    ("src/stages", "STAGES"),
    ("src/ml/estimators", "ESTIMATORS"),
    ("src/ml/steps", "STEPS"),
    ("src/ml/folds", "FOLDS"),
    ("src/ml/metrics", "METRICS"),
    ("src/ml/search", "SEARCHES"),
];

/// Lists the modules of a folder that hold registered words, folders of families opened.
fn modules(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(modules(&format!("{folder}/{stem}")));
        } else if stem != "mod" {
            found.push((stem, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}
