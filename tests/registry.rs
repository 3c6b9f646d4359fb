//! Registries: what a folder holds is what its slice lists, and what is listed explains itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mlp::cli::reference::{FAMILIES, sentence};
use mlp::params::{Family, Signature, Vocabulary};

use crate::program::root;

/// The folders whose files register words: what stands before the name of each, and the slice in
/// their `mod.rs`.
const REGISTRIES: &[(&str, &str, &str)] = &[
    ("src/stages", " StageKind for ", "STAGES"),
    ("crates/core/src/ml/estimators", " Declaration for ", "ESTIMATORS"),
    ("crates/core/src/ml/estimators/neural/layers", "impl Layer for ", "LAYERS"),
    ("crates/core/src/ml/estimators/neural", "impl Makes<Descent> for ", "OPTIMIZERS"),
    ("crates/core/src/ml/estimators/neural", "impl Schedule for ", "SCHEDULES"),
    ("crates/core/src/ml/estimators/neural", "impl Makes<Patience> for ", "STOPPINGS"),
    ("crates/core/src/ml/steps", " Declaration for ", "STEPS"),
    ("crates/core/src/ml/folds", " Splitter for ", "FOLDS"),
    ("crates/core/src/ml/metrics", "pub(super) static ", "METRICS"),
    ("crates/core/src/ml/search", " Declaration for ", "SEARCHES"),
    ("crates/core/src/ml/prune", " Declaration for ", "PRUNERS"),
];

/// Gives the code of every file below a folder, tests left out.
fn code_below(folder: &Path) -> String {
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut code = String::new();
    for path in entries {
        if path.is_dir() {
            code.push_str(&code_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
    code
}

/// Takes the name off the front of a text.
fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Lists the names behind a mark.
fn declared(code: &str, mark: &str) -> BTreeSet<String> {
    code.match_indices(mark).map(|(index, found)| word(&code[index + found.len()..])).collect()
}

/// Lists the types that a slice names.
fn listed(code: &str, slice: &str) -> BTreeSet<String> {
    let start = code.find(&format!("static {slice}:")).expect(slice);
    let after = &code[start..];
    let value = &after[after.find('=').expect(slice)..];
    let open = value.find("&[").expect(slice) + 2;
    let entries = value[open..].split("];").next().unwrap();
    entries
        .split(',')
        .filter_map(|entry| entry.trim().strip_prefix('&'))
        .map(|path| {
            // `Kind::<linear::Ridge>::new()` is of `Ridge`, `prep::PrepKind` of itself.
            let path = path.split_once('<').map_or(path, |(_, inner)| inner);
            word(path.split('>').next().unwrap().rsplit("::").next().unwrap())
        })
        .collect()
}

#[test]
fn every_kind_in_a_folder_is_in_its_slice() {
    for (folder, mark, slice) in REGISTRIES {
        let code = code_below(&root().join(folder));
        assert_eq!(declared(&code, mark), listed(&code, slice), "{folder}");
    }
}

fn words() -> Vec<(Family, &'static Signature)> {
    let vocabulary: Vocabulary<'_> = mlp::stages::vocabulary();
    let all = FAMILIES.iter().flat_map(|(family, _)| {
        vocabulary.signatures(*family).map(move |signature| (*family, signature))
    });
    all.collect()
}

#[test]
fn every_word_is_registered_once_in_its_family() {
    let mut seen = BTreeSet::new();
    for (family, signature) in words() {
        assert!(
            seen.insert((family, signature.name)),
            "{family:?} {} stands twice",
            signature.name
        );
    }
}

#[test]
fn every_word_and_parameter_says_what_it_is() {
    for (_, signature) in words() {
        assert!(sentence(signature.doc).ends_with('.'), "`{}` has no sentence", signature.name);
        for param in signature.params {
            assert!(
                !param.doc.trim().is_empty(),
                "`{}` of `{}` has no doc",
                param.name,
                signature.name
            );
        }
    }
}

#[test]
fn every_default_lies_in_its_own_range() {
    for (_, signature) in words() {
        for param in signature.params {
            let default = param.default.map(|default| default());
            if let Some(number) = default.and_then(|setting| setting.as_f64()) {
                assert!(param.limits.allow(number), "`{}` of `{}`", param.name, signature.name);
            }
        }
    }
}

#[test]
fn every_family_has_a_page_name() {
    let vocabulary: Vocabulary<'_> = mlp::stages::vocabulary();
    for family in vocabulary.families() {
        let named = FAMILIES.iter().any(|(own, _)| *own == family);
        let empty = vocabulary.signatures(family).next().is_none();
        assert!(named || empty, "{family:?} is missing in `mlp docs`");
    }
}

#[test]
fn what_other_libraries_call_otherwise_is_there() {
    let registry = mlp::stages::registry();
    for (family, words, here) in mlp::params::elsewhere::WORDS {
        let (name, settings) = here.split_once('(').unwrap_or((here, ")"));
        let signature = registry.vocabulary().find(*family, name);
        let signature = signature.unwrap_or_else(|| panic!("{words:?} isn't called `{here}`"));
        if let Some((param, _)) = settings.split_once(':') {
            assert!(signature.param(param).is_some(), "`{here}` can't be written");
        }
    }
}
