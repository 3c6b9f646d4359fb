//! Networks from a user's side: devices, nested paths of a search, odd data.

use serde_json::Value as Json;

use crate::incremental::{people, run};
use crate::program::Project;

const PIPELINE: &str = r#"
pipeline pay { seed: 3 }

ingest people { from: "people.csv" }
prep adults { sql: "SELECT age, kind, pay > 30 AS well FROM people WHERE age >= 18" }

model net {
  target: well
  estimator: neural_network(layers: [dense(8), dropout(0.1)], epochs: EPOCHS, optimizer: adam_w(learning_rate: RATE))
}

REST
"#;

/// Makes a project with a network, and other stages.
fn project(rate: &str, rest: &str) -> Project {
    let project = Project::new();
    let text = PIPELINE.replace("EPOCHS", "4").replace("RATE", rate).replace("REST", rest);
    project.write("people.csv", &people(|_| {})).write("pay.mlp", &text);
    project
}

const TRAIN: &str = "train final { model: net, data: adults }";

#[test]
fn a_search_sets_what_stands_inside_of_a_setting() {
    let tune = r"
tune best {
  model: net
  data: adults
  over: {
    estimator.optimizer.learning_rate: log(0.001 .. 0.1)
    estimator.layers.dense.units: 2 .. 9
    estimator.layers.dropout.p: [0.0, 0.5]
  }
  search: random(trials: 4)
  folds: stratified_k_fold(2)
  minimize: log_loss
}
train final { model: best, data: adults }
";
    let project = project("0.01", tune);
    run(&project, &[]);
    let shown = project.run(&["show", "pay.mlp", "best.trials", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    let trials = shown["data"].as_array().unwrap();
    let rates: Vec<f64> = trials
        .iter()
        .map(|trial| trial["estimator.optimizer.learning_rate"].as_f64().unwrap())
        .collect();
    assert!(rates.iter().all(|rate| (0.001..=0.1).contains(rate)), "{rates:?}");
    let mut means: Vec<u64> =
        trials.iter().map(|trial| trial["mean"].as_f64().unwrap().to_bits()).collect();
    means.sort_unstable();
    means.dedup();
    assert_eq!(means.len(), 4, "each trial is another network");
    let again = run(&project, &[]);
    assert!(again.ran.is_empty(), "{:?}", again.ran);
}

#[test]
fn a_training_that_goes_astray_fails_the_stage_and_says_what_to_do() {
    let project = project("1e6", TRAIN);
    let ran = project.run(&["run", "pay.mlp"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("the training went astray"), "{}", ran.stderr);
    assert!(ran.stderr.contains("take a smaller `learning_rate`"), "{}", ran.stderr);
}

#[test]
fn naming_the_device_that_is_the_default_runs_nothing_again() {
    let project = project("0.01", TRAIN);
    run(&project, &[]);
    let again = run(&project, &["--device", "cpu"]);
    assert!(again.ran.is_empty(), "{:?}", again.ran);
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn a_device_that_is_not_built_is_refused_on_the_command_line() {
    let project = project("0.01", TRAIN);
    for (device, said) in [
        ("cuda", "built without `cuda`"),
        ("cuda:1", "--features cuda"),
        ("metal", "--features metal"),
        ("gpu", "expected `cpu`, `cuda`, `cuda:1` or `metal`"),
    ] {
        for command in ["run", "check", "plan"] {
            let ran = project.run(&[command, "pay.mlp", "--device", device]);
            assert_eq!(ran.status, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
    }
}

/// A network is trained on some rows and answers for others.
const ODD: &str = r#"
ingest seen { from: "seen.csv" }
ingest asked { from: "asked.csv", schema: { empty: float } }
prep typed { sql: "SELECT x, CAST(empty AS DOUBLE) AS empty, kind, y FROM seen" }
model net { target: y, steps: STEPS, estimator: neural_network(layers: [dense(4)], epochs: 3) }
train final { model: net, data: typed }
predict answers { model: final, data: asked }
"#;

fn odd(steps: &str) -> Project {
    let project = Project::new();
    let rows: String = (0..40).map(|at| format!("{at},,k{},{}.5\n", at % 3, at % 7)).collect();
    project
        .write("odd.mlp", &ODD.replace("STEPS", steps))
        .write("seen.csv", &format!("x,empty,kind,y\n{rows}"))
        .write("asked.csv", "x,empty,kind\n3,,k1\n4,,never\n5,,\n");
    project
}

#[test]
fn columns_without_values_and_levels_never_seen_are_answered() {
    for steps in ["auto", "[drop_constant(), scale(numeric()), category()]"] {
        let project = odd(steps);
        run_file(&project, "odd.mlp");
        let shown = project.run(&["show", "odd.mlp", "answers", "--json"]);
        let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
        let answers: Vec<f64> = shown["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["prediction"].as_f64().unwrap())
            .collect();
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|answer| answer.is_finite()), "{answers:?}");
    }
}

#[test]
fn a_column_without_values_that_is_left_in_is_an_error_with_its_name() {
    let project = odd("[scale(numeric()), category()]");
    let ran = project.run(&["run", "odd.mlp"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("column `empty`"), "{}", ran.stderr);
}

fn run_file(project: &Project, file: &str) {
    let ran = project.run(&["run", file]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}
