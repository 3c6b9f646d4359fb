//! What runs again after an edit, and what doesn't; read from the event log, never from timings.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::program::Project;

const PEOPLE: &str = "id,name,age,pay,kind\n";

const PIPELINE: &str = r#"
## Who is paid well?
pipeline pay { seed: 3 }

param least: int = 18 "the least age"

ingest people { from: "people.csv" }

prep adults {
  sql: """
    SELECT age, kind, pay > 30 AS well
    FROM people
    WHERE age >= $least
  """
}

split parts { data: adults, test: 25%, stratify: well }

model line { target: well, estimator: logistic_regression(C: 0.5) }
model naive { target: well, estimator: dummy() }

cross_validate compare {
  models: [line, naive]
  data: parts.train
  folds: stratified_k_fold(3)
  metrics: [accuracy]
}

train final { model: line, data: parts.train }
evaluate judged { model: final, data: parts.test, metrics: [accuracy, roc_auc] }
predict scored { model: final, data: parts.test }
export saved { data: scored, to: "out/scored.csv" }
"#;

/// Makes a project with a table of 120 people.
fn project() -> Project {
    let project = Project::new();
    project.write("people.csv", &people(|_| {})).write("pay.mlp", PIPELINE);
    project
}

/// Writes the table, after a change to its rows.
pub(crate) fn people(change: impl FnOnce(&mut Vec<[String; 5]>)) -> String {
    let mut rows: Vec<[String; 5]> = (0..120_u32)
        .map(|id| {
            let (age, noise) = (16 + id * 7 % 50, id * 13 % 17);
            let kind = ["a", "b", "c"][id as usize % 3];
            [
                id.to_string(),
                format!("n{id}"),
                age.to_string(),
                (age / 2 + noise).to_string(),
                kind.to_owned(),
            ]
        })
        .collect();
    change(&mut rows);
    rows.iter().fold(PEOPLE.to_owned(), |text, row| text + &row.join(",") + "\n")
}

/// What a run did.
pub(crate) struct Done {
    /// The stages that ran.
    pub(crate) ran: BTreeSet<String>,
    /// The parts of stages that were made.
    pub(crate) made: usize,
    /// The parts that were found.
    pub(crate) found: usize,
}

/// Runs the pipeline and reads its events.
pub(crate) fn run(project: &Project, more: &[&str]) -> Done {
    let args = [&["run", "pay.mlp", "--json"], more].concat();
    let ran = project.run(&args);
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    let lines = ran.stdout.lines().chain(ran.stderr.lines());
    let events: Vec<Json> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is = |event: &&Json, name: &str| event["event"] == name;
    let parts = |cached: bool| {
        let part = |event: &&Json| is(event, "part_finished") && event["cached"] == cached;
        events.iter().filter(part).count()
    };
    let stages =
        events.iter().filter(|event| is(event, "stage_finished") && event["outcome"] == "ran");
    Done {
        ran: stages.filter_map(|event| event["stage"].as_str().map(str::to_owned)).collect(),
        made: parts(false),
        found: parts(true),
    }
}

/// Runs once, applies an edit to the pipeline's text, and says which stages the second run ran.
fn after(from: &str, to: &str) -> Vec<String> {
    let project = project();
    run(&project, &[]);
    assert!(PIPELINE.contains(from), "`{from}` is in the pipeline");
    project.write("pay.mlp", &PIPELINE.replace(from, to));
    run(&project, &[]).ran.into_iter().collect()
}

const AFTER_TRAINING: [&str; 4] = ["final", "judged", "saved", "scored"];

#[test]
fn a_first_run_runs_everything() {
    let done = run(&project(), &[]);
    let all = ["adults", "compare", "final", "judged", "parts", "people", "saved", "scored"];
    assert_eq!(done.ran, all.map(str::to_owned).into());
    assert_eq!((done.made, done.found), (6, 0), "two models on three folds");
}

#[test]
fn a_second_run_runs_nothing() {
    let project = project();
    run(&project, &[]);
    let again = run(&project, &[]);
    assert_eq!((again.ran.len(), again.made), (0, 0));
}

#[test]
fn editing_a_comment_runs_nothing() {
    assert_eq!(after("## Who is paid well?", "# nobody"), [""; 0]);
}

#[test]
fn another_layout_runs_nothing() {
    assert_eq!(after("dummy() }", "dummy()\n\n  # the floor\n}"), [""; 0]);
    assert_eq!(after("SELECT age, kind,", "SELECT age,\n           kind, -- both\n"), [""; 0]);
}

#[test]
fn another_order_of_blocks_and_fields_runs_nothing() {
    let project = project();
    run(&project, &[]);
    let (head, tail) = PIPELINE.split_at(PIPELINE.find("split parts").expect("the split"));
    project.write("pay.mlp", &format!("{tail}\n{head}"));
    assert!(run(&project, &[]).ran.is_empty());
    let swapped = PIPELINE.replace(
        "model: final, data: parts.test, metrics",
        "data: parts.test, model: final, metrics",
    );
    assert_ne!(swapped, PIPELINE);
    project.write("pay.mlp", &swapped);
    assert!(run(&project, &[]).ran.is_empty());
}

#[test]
fn spelling_out_a_default_runs_nothing() {
    assert_eq!(
        after("data: parts.train\n  folds", "data: parts.train\n  repeats: 1\n  folds"),
        [""; 0]
    );
}

#[test]
fn setting_a_parameter_to_its_default_runs_nothing() {
    let project = project();
    run(&project, &[]);
    assert!(run(&project, &["--set", "least=18"]).ran.is_empty());
}

#[test]
fn setting_a_parameter_reruns_what_uses_it_and_what_follows() {
    let project = project();
    run(&project, &[]);
    let ran = run(&project, &["--set", "least=30"]).ran;
    assert!(ran.contains("adults") && ran.contains("final") && !ran.contains("people"), "{ran:?}");
}

#[test]
fn a_hyper_parameter_reruns_what_fits_with_it() {
    let ran = after("C: 0.5", "C: 0.25");
    assert_eq!(ran, ["compare", "final", "judged", "saved", "scored"]);
}

#[test]
fn a_hyper_parameter_refits_the_folds_of_its_model_alone() {
    let project = project();
    run(&project, &[]);
    project.write("pay.mlp", &PIPELINE.replace("C: 0.5", "C: 0.25"));
    let done = run(&project, &[]);
    assert_eq!((done.made, done.found), (3, 3));
}

#[test]
fn a_plan_names_the_hyper_parameter_that_changed() {
    let project = project();
    run(&project, &[]);
    let edited = PIPELINE
        .replace("C: 0.5", "C: 0.25")
        .replace("metrics: [accuracy, roc_auc]", "metrics: [accuracy]")
        .replace("models: [line, naive]", "models: [line]");
    project.write("pay.mlp", &edited);
    insta::assert_snapshot!(project.run(&["plan", "pay.mlp"]).stdout, @r"
    people   ingest          cached
    adults   prep            cached
    parts    split           cached
    compare  cross_validate  will run: `models.line.model.estimator.logistic_regression.C` is 0.25, was 0.5; `models.naive` is gone
    final    train           will run: `model.estimator.logistic_regression.C` is 0.25, was 0.5
    judged   evaluate        depends on final
    scored   predict         depends on final
    saved    export          depends on scored

    3 in the cache, 2 to run, 3 that depend on those
    ");
}

#[test]
fn one_more_metric_only_scores() {
    let project = project();
    run(&project, &[]);
    project.write(
        "pay.mlp",
        &PIPELINE.replace("metrics: [accuracy]\n", "metrics: [accuracy, log_loss]\n"),
    );
    let done = run(&project, &[]);
    assert_eq!(done.ran, ["compare".to_owned()].into());
    assert_eq!((done.made, done.found), (0, 6));
}

#[test]
fn a_renamed_model_refits_nothing() {
    let project = project();
    run(&project, &[]);
    let renamed =
        PIPELINE.replace("model naive", "model floor").replace("[line, naive]", "[line, floor]");
    project.write("pay.mlp", &renamed);
    let done = run(&project, &[]);
    assert_eq!(done.ran, ["compare".to_owned()].into(), "the table that holds the name");
    assert_eq!(done.made, 0);
}

#[test]
fn a_renamed_table_runs_nothing() {
    let project = project();
    run(&project, &[]);
    project.write("pay.mlp", &PIPELINE.replace("adults", "grown"));
    assert!(run(&project, &[]).ran.is_empty());
}

#[test]
fn a_changed_column_that_nothing_reads_stops_at_the_ingest() {
    let project = project();
    run(&project, &[]);
    project.write("people.csv", &people(|rows| rows[5][1] = "Zoë".to_owned()));
    assert_eq!(run(&project, &[]).ran, ["people".to_owned()].into());
}

#[test]
fn a_changed_row_that_the_query_leaves_out_stops_at_the_query() {
    let project = project();
    run(&project, &[]);
    // Row 0 is 16 years old and therefore not an adult, before and after.
    project.write("people.csv", &people(|rows| rows[0][3] = "99".to_owned()));
    assert_eq!(run(&project, &[]).ran, ["adults".to_owned(), "people".to_owned()].into());
}

#[test]
fn a_changed_row_that_counts_reruns_what_follows() {
    let project = project();
    run(&project, &[]);
    project.write("people.csv", &people(|rows| rows[1][3] = "999".to_owned()));
    let ran = run(&project, &[]).ran;
    assert!(AFTER_TRAINING.iter().all(|stage| ran.contains(*stage)), "{ran:?}");
}

#[test]
fn going_back_runs_nothing() {
    let project = project();
    run(&project, &[]);
    project.write("pay.mlp", &PIPELINE.replace("C: 0.5", "C: 2.0"));
    run(&project, &[]);
    project.write("pay.mlp", PIPELINE);
    // The file on disk is that of the other model, so it alone is written again.
    assert_eq!(run(&project, &[]).ran, ["saved".to_owned()].into());
}

#[test]
fn a_deleted_export_is_written_again_alone() {
    let project = project();
    run(&project, &[]);
    let before = project.read("out/scored.csv");
    std::fs::remove_file(project.path("out/scored.csv")).expect("it was written");
    assert_eq!(run(&project, &[]).ran, ["saved".to_owned()].into());
    assert_eq!(project.read("out/scored.csv"), before);
}

#[test]
fn deleting_the_cache_loses_only_time() {
    let project = project();
    run(&project, &[]);
    let (lock, scored) = (project.read("pay.lock"), project.read("out/scored.csv"));
    std::fs::remove_dir_all(project.path(".mlp")).expect("the cache");
    assert_eq!(run(&project, &[]).ran.len(), 8);
    assert_eq!((project.read("pay.lock"), project.read("out/scored.csv")), (lock, scored));
}

#[test]
fn any_number_of_threads_and_any_folder_give_the_same_bytes() {
    let results: Vec<(String, String)> = ["1", "2", "5"]
        .iter()
        .map(|threads| {
            let project = project();
            run(&project, &["--threads", threads]);
            (project.read("pay.lock"), project.read("out/scored.csv"))
        })
        .collect();
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn a_seed_reruns_what_is_random() {
    let ran = after("seed: 3", "seed: 4");
    assert!(ran.contains(&"parts".to_owned()) && !ran.contains(&"adults".to_owned()), "{ran:?}");
}

#[test]
fn every_file_of_a_damaged_cache_is_made_anew() {
    let project = project();
    run(&project, &[]);
    let lock = project.read("pay.lock");
    for folder in ["objects", "records", "facts"] {
        damage(&project.path(".mlp").join(folder));
    }
    project
        .write("pay.mlp", &PIPELINE.replace("metrics: [accuracy, roc_auc]", "metrics: [accuracy]"));
    run(&project, &[]);
    project.write("pay.mlp", PIPELINE);
    run(&project, &[]);
    assert_eq!(project.read("pay.lock"), lock);
}

#[test]
fn a_damaged_table_is_made_anew_where_it_is_missed() {
    let project = project();
    run(&project, &[]);
    let before = project.read("pay.lock");
    // Every table and model is damaged, and their lengths stay as they were; the edit makes one
    // stage read them.
    damage(&project.path(".mlp/objects"));
    project.write(
        "pay.mlp",
        &PIPELINE.replace("metrics: [accuracy, roc_auc]", "metrics: [accuracy, f1]"),
    );
    let done = run(&project, &[]);
    assert!(done.ran.contains("judged") && done.ran.contains("final"), "{:?}", done.ran);
    project.write("pay.mlp", PIPELINE);
    run(&project, &[]);
    assert_eq!(project.read("pay.lock"), before);
}

/// Flips a bit in the middle of every file below a folder.
fn damage(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            damage(&path);
        } else if let Ok(mut bytes) = std::fs::read(&path)
            && !bytes.is_empty()
        {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            std::fs::write(&path, bytes).expect("it can be written");
        }
    }
}

#[test]
fn probabilities_that_no_text_names_are_read_by_a_star() {
    let project = Project::new();
    let text = r#"
ingest people { from: "people.csv" }
prep told { sql: "SELECT age, CASE WHEN pay > 30 THEN 'rich' ELSE 'poor' END AS state FROM people" }
model line { target: state, estimator: logistic_regression(C: 0.5) }
train final { model: line, data: told }
predict scored { model: final, data: told }
prep all { sql: "SELECT * FROM scored" }
"#;
    project.write("people.csv", &people(|_| {})).write("pay.mlp", text);
    run(&project, &[]);
    // The answers stay as they are, the probabilities behind them change a little.
    project.write("pay.mlp", &text.replace("C: 0.5", "C: 0.500001"));
    let ran = run(&project, &[]).ran;
    assert!(ran.contains("scored") && ran.contains("all"), "{ran:?}");
}
