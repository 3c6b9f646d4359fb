//! `tune`: what it tries, gives up, keeps and runs again.

use serde_json::Value as Json;

use crate::incremental::{people, run};
use crate::program::Project;

const PIPELINE: &str = r#"
pipeline pay { seed: 3 }

ingest people { from: "people.csv" }
prep adults { sql: "SELECT age, kind, pay > 30 AS well FROM people WHERE age >= 18" }

model trees { target: well, estimator: random_forest(n_estimators: 9) }

tune best {
  model: trees
  data: adults
  over: {
    estimator.max_depth: log(1 .. 6)
    estimator.max_features: [sqrt, 0.5, 1.0]
    estimator.min_samples_split: 2 .. 40
  }
  search: SEARCH
  folds: stratified_k_fold(3, shuffle: true)
  maximize: accuracy
}

train final { model: best, data: adults }
"#;

/// Makes a project whose pipeline searches in some way.
fn project(search: &str) -> Project {
    let project = Project::new();
    project.write("people.csv", &people(|_| {}));
    write(&project, search);
    project
}

fn write(project: &Project, search: &str) {
    project.write("pay.mlp", &PIPELINE.replace("SEARCH", search));
}

/// Gives the rows of `.trials`.
fn trials(project: &Project) -> Vec<Json> {
    let shown = project.run(&["show", "pay.mlp", "best.trials", "--json", "--rows", "1000"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    shown["data"].as_array().unwrap().clone()
}

/// Gives the values that the search found best.
fn best(project: &Project) -> Json {
    let shown = project.run(&["show", "pay.mlp", "best", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    shown["facts"]["best"].clone()
}

/// Gives the values of a trial, as the lock file names them.
fn values(trial: &Json) -> Json {
    let path =
        |(key, _): &(&String, &Json)| key.starts_with("estimator.max") || key.ends_with("split");
    trial
        .as_object()
        .unwrap()
        .iter()
        .filter(path)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[test]
fn five_more_trials_run_five() {
    for search in ["random(trials: TRIALS)", "tpe(trials: TRIALS, n_startup_trials: 4)"] {
        let project = project(&search.replace("TRIALS", "7"));
        run(&project, &[]);
        let before = trials(&project);
        write(&project, &search.replace("TRIALS", "12"));
        let done = run(&project, &[]);
        let after = trials(&project);
        assert_eq!((done.made, done.found), (15, 21), "{search}");
        assert_eq!((before[..].to_vec(), after.len()), (after[..7].to_vec(), 12), "{search}");
    }
}

#[test]
fn the_best_values_are_those_of_the_best_trial() {
    let project = project("tpe(trials: 9, n_startup_trials: 3)");
    run(&project, &[]);
    let trials = trials(&project);
    let mean = |trial: &Json| trial["mean"].as_f64().unwrap();
    // Of equal ones the earlier.
    let first = trials.iter().reduce(|best, own| if mean(own) > mean(best) { own } else { best });
    let expected = values(first.unwrap());
    let found = best(&project);
    assert_eq!(found["estimator.max_depth"], expected["estimator.max_depth"]);
    assert_eq!(found["estimator.min_samples_split"], expected["estimator.min_samples_split"]);
}

const SEARCHES: [&str; 6] = [
    "tpe(trials: 24, n_startup_trials: 6)\n  prune: median()",
    "tpe(trials: 12, n_startup_trials: 4, multivariate: false, batch: 3)",
    "random(trials: 20)\n  prune: percentile(25, n_startup_trials: 3)",
    "halving()",
    "hyperband(resource: estimator.n_estimators)",
    "hyperband(min_resources: 10)",
];

#[test]
fn any_number_of_threads_finds_the_same() {
    for search in SEARCHES {
        let results: Vec<(String, Vec<Json>)> = ["1", "2", "5"]
            .iter()
            .map(|threads| {
                let project = project(search);
                run(&project, &["--threads", threads]);
                (project.read("pay.lock"), trials(&project))
            })
            .collect();
        assert!(results[0] == results[1] && results[0] == results[2], "{search}");
    }
}

#[test]
fn a_search_over_a_warm_cache_fits_nothing() {
    for search in SEARCHES {
        let project = project(search);
        run(&project, &[]);
        let before = trials(&project);
        // What the stages came to is forgotten, what the folds came to isn't.
        std::fs::remove_dir_all(project.path(".mlp/records")).expect("the records");
        let again = run(&project, &[]);
        assert!(again.ran.contains("best") && again.made == 0 && again.found > 0, "{search}");
        assert_eq!(trials(&project), before, "{search}");
    }
}

#[test]
fn a_pruned_trial_is_given_up_after_a_fold_and_never_wins() {
    let project = project("random(trials: 24)\n  prune: median()");
    let done = run(&project, &[]);
    let trials = trials(&project);
    let count = |status: &str| trials.iter().filter(|trial| trial["status"] == status).count();
    assert_eq!(count("pruned") + count("complete"), 24);
    assert!(count("pruned") >= 4, "{trials:?}");
    // The first wave is never held against anything.
    assert!(trials[..8].iter().all(|trial| trial["status"] == "complete"));
    assert!(done.made < 24 * 3 && done.made >= count("complete") * 3 + count("pruned"));
    let mean = |trial: &Json| trial["mean"].as_f64().unwrap();
    let complete = || trials.iter().filter(|trial| trial["status"] == "complete");
    let first = complete().reduce(|best, own| if mean(own) > mean(best) { own } else { best });
    let expected = values(first.unwrap());
    assert_eq!(
        best(&project)["estimator.min_samples_split"],
        expected["estimator.min_samples_split"]
    );
    // Without pruning the same trials are tried; what is judged already is found.
    write(&project, "random(trials: 24)");
    let whole = run(&project, &[]);
    assert_eq!((whole.made, whole.found), (72 - done.made, done.made));
}

#[test]
fn halving_says_what_each_trial_got() {
    let project = project("halving()");
    run(&project, &[]);
    let rows = |trial: &Json| trial["rows"].as_i64().unwrap();
    let got: Vec<i64> = trials(&project).iter().map(rows).collect();
    // Of 115 adults, 3 folds and 2 classes: 12 rows, then 36, then 108, for 9, 3 and 1 candidates.
    let expected = [[12].repeat(9), [36].repeat(3), vec![108]].concat();
    assert_eq!(got, expected);
}

#[test]
fn rounds_can_be_given_in_portions() {
    let project = project("hyperband(resource: estimator.n_estimators)");
    run(&project, &[]);
    let trials = trials(&project);
    let got: Vec<i64> =
        trials.iter().map(|trial| trial["estimator.n_estimators"].as_i64().unwrap()).collect();
    let expected =
        [[1].repeat(9), [3].repeat(3), vec![9], [3].repeat(5), vec![9], [9].repeat(3)].concat();
    assert_eq!(got, expected);
    // The portions are not tuned: the model keeps its own number.
    assert!(best(&project).get("estimator.n_estimators").is_none());
}

#[test]
fn a_nested_search_is_searched_again_in_each_fold() {
    let project = project("tpe(trials: 5, n_startup_trials: 3)");
    let text = project.read("pay.mlp");
    let nested = "cross_validate honest { model: best, data: adults, folds: stratified_k_fold(2), metrics: [accuracy] }\n";
    project.write("pay.mlp", &(text.clone() + nested));
    assert_eq!(run(&project, &["--only", "best"]).made, 5 * 3);
    let done = run(&project, &["--only", "honest"]);
    // Two outer folds of five trials with three folds each, and two fits with what they found.
    assert_eq!(done.made, 2 * (5 * 3) + 2);
    project.write("pay.mlp", &(text + &nested.replace("[accuracy]", "[accuracy, log_loss]")));
    assert_eq!(run(&project, &["--only", "honest"]).made, 0);
}

#[test]
fn a_failed_trial_ranks_last_and_ends_nothing() {
    let project = Project::new();
    project.write("people.csv", &people(|_| {}));
    project.write(
        "pay.mlp",
        r#"
ingest people { from: "people.csv" }
prep adults { sql: "SELECT age, pay, pay > 30 AS well FROM people" }
model near { target: well, estimator: k_nearest_neighbors(), steps: [] }
tune best {
  model: near
  data: adults
  over: { estimator.n_neighbors: [500, 3, 1000, 5] }
  search: grid()
  maximize: accuracy
}
train final { model: best, data: adults }
"#,
    );
    run(&project, &[]);
    let statuses: Vec<Json> =
        trials(&project).iter().map(|trial| trial["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "complete", "failed", "complete"]);
    let shown = project.run(&["show", "pay.mlp", "best"]);
    assert!(shown.stdout.contains("2 of 4 trials failed"), "{}", shown.stdout);
}

#[test]
fn groups_are_searched_and_compared_by_how_far_apart_they_are() {
    let project = Project::new();
    // Three heaps on a line: 20 rows around each of 0, 100 and 200.
    let rows: String =
        (0..60).map(|row| format!("{},{}\n", row % 3 * 100 + row % 7, row)).collect();
    project.write("people.csv", &format!("x,id\n{rows}"));
    project.write(
        "pay.mlp",
        r#"
ingest people { from: "people.csv" }
model groups { features: [x], steps: [scale()], estimator: k_means(n_clusters: 2) }
tune best {
  model: groups
  data: people
  over: { estimator.n_clusters: 2 .. 5 }
  search: grid()
  folds: k_fold(3)
  maximize: silhouette
}
cross_validate compare {
  models: [groups, best]
  data: people
  folds: k_fold(3)
  metrics: [silhouette, calinski_harabasz]
}
"#,
    );
    run(&project, &[]);
    assert_eq!(best(&project), serde_json::json!({ "estimator.n_clusters": 3 }));
    let shown = project.run(&["show", "pay.mlp", "compare", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    let means: Vec<f64> =
        shown["data"].as_array().unwrap().iter().map(|row| row["mean"].as_f64().unwrap()).collect();
    // Two groups of three heaps, then three: silhouette and Calinski–Harabasz both see it.
    assert!(means[0] < 0.8 && means[2] > 0.95 && means[3] > 10.0 * means[1], "{means:?}");
}

#[test]
fn the_share_of_a_penalty_is_searched_from_end_to_end() {
    let project = project("random(trials: 6)");
    project.write(
        "pay.mlp",
        r#"
pipeline pay { seed: 3 }
ingest people { from: "people.csv" }
prep adults { sql: "SELECT age, kind, pay > 30 AS well FROM people WHERE age >= 18" }
model sparse { target: well, estimator: logistic_regression() }
tune best {
  model: sparse
  data: adults
  over: { estimator.l1_ratio: 0 .. 1, estimator.C: log(0.01 .. 10) }
  search: random(trials: 6)
  folds: stratified_k_fold(3)
  maximize: roc_auc
}
train final { model: best, data: adults }
"#,
    );
    run(&project, &[]);
    let shares: Vec<f64> = trials(&project)
        .iter()
        .map(|trial| {
            assert_eq!(trial["status"], "complete");
            trial["estimator.l1_ratio"].as_f64().unwrap()
        })
        .collect();
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    assert!(shares.iter().any(|share| *share < 0.5) && shares.iter().any(|share| *share > 0.5));
}
