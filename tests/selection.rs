//! Running a part of a pipeline: by names and by tags.

use std::collections::BTreeSet;

use crate::incremental::{people, run};
use crate::program::Project;

const PIPELINE: &str = r#"
ingest people { from: "people.csv" }
prep adults { sql: "SELECT age, pay FROM people WHERE age >= 18" }
prep young { sql: "SELECT age, pay FROM people WHERE age < 18", tags: ["daily"] }
prep rich { sql: "SELECT age FROM adults WHERE pay > 30", tags: ["nightly", "money"] }
prep poor { sql: "SELECT age FROM adults WHERE pay <= 30", tags: ["nightly"] }
model line { target: pay, task: regression, estimator: dummy(), tags: ["idea"] }
train fitted { model: line, data: adults }
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("people.csv", &people(|_| {})).write("pay.mlp", PIPELINE);
    project
}

/// Says which stages a run of a fresh project runs.
fn ran(args: &[&str]) -> BTreeSet<String> {
    run(&project(), args).ran
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn named_stages_run_with_what_they_need() {
    assert_eq!(ran(&["rich"]), names(&["people", "adults", "rich"]));
    assert_eq!(ran(&["--only", "rich"]), names(&["people", "adults", "rich"]));
    assert_eq!(ran(&["young", "fitted"]), names(&["people", "young", "adults", "fitted"]));
    assert_eq!(ran(&[]).len(), 6);
}

#[test]
fn tagged_stages_run_with_what_they_need() {
    assert_eq!(ran(&["--tag", "nightly"]), names(&["people", "adults", "rich", "poor"]));
    assert_eq!(ran(&["--tag", "money"]), names(&["people", "adults", "rich"]));
    let both = ran(&["--tag", "money", "--tag", "daily"]);
    assert_eq!(both, names(&["people", "adults", "rich", "young"]));
    assert_eq!(ran(&["poor", "--tag", "daily"]), names(&["people", "adults", "poor", "young"]));
}

#[test]
fn what_is_not_there_is_refused() {
    let said = |args: &[&str]| {
        let ran = project().run(&[&["run", "pay.mlp"], args].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{args:?}");
        ran.stderr.replace("  help: ", "/ ").replace('\n', " ")
    };
    assert_eq!(said(&["ritch"]), "error: `pay` has no stage `ritch` / did you mean `rich`? ");
    let tag = said(&["--tag", "nightli"]);
    assert_eq!(tag, "error: no stage of `pay` has the tag `nightli` / did you mean `nightly`? ");
    let tag = said(&["--tag", "idea"]);
    assert!(tag.starts_with("error: no stage of `pay` has the tag `idea` / its tags: "), "{tag}");
}
