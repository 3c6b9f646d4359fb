//! Columns by which rows are kept together: no model has them for features, in whatever stage it is.

use serde_json::Value as Json;

use crate::program::Project;

/// Visits of twelve patients, and a model that is compared by ward, tuned by patient, and trained.
const PIPELINE: &str = r#"
ingest visits { from: "visits.csv" }
split parts { data: visits, test: 25%, group: patient }
prep seen { sql: "SELECT * FROM parts.train" }
model line { target: cost, estimator: ridge() }
model other { target: cost, estimator: ridge() }
model apart { target: cost, estimator: ridge() }
cross_validate compare { models: [line, other], data: visits, folds: group_k_fold(2, by: ward), metrics: [mae] }
tune best { model: line, data: seen, over: { estimator.alpha: [0.1, 1.0] }, folds: k_fold(2), minimize: mae }
train tuned { model: best, data: visits }
train plain { model: other, data: visits }
train free { model: apart, data: visits }
"#;

fn project() -> Project {
    let project = Project::new();
    let row = |visit: usize| {
        let (patient, ward) = (visit / 3, ["north", "south", "east"][visit / 3 % 3]);
        format!("p{patient},{ward},{},{}.5\n", 20 + visit * 7 % 60, visit * 11 % 30)
    };
    let rows: String = (0..36).map(row).collect();
    project.write("visits.csv", &format!("patient,ward,age,cost\n{rows}"));
    project.write("visits.mlp", PIPELINE);
    project
}

/// Gives the columns that a model was fitted on.
fn features(project: &Project, stage: &str) -> Vec<String> {
    let table = format!("{stage}.importance");
    let shown = project.run(&["show", "visits.mlp", &table, "--rows", "100", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    let name = |row: &Json| row["feature"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = shown["data"].as_array().unwrap().iter().map(name).collect();
    names.iter_mut().for_each(|name| name.truncate(name.find('=').unwrap_or(name.len())));
    names.dedup();
    names
}

#[test]
fn a_group_is_no_feature_in_any_stage_that_fits_the_model() {
    let project = project();
    let ran = project.run(&["run", "visits.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(features(&project, "tuned"), ["age"]);
    assert_eq!(features(&project, "plain"), ["patient", "age"]);
    assert_eq!(features(&project, "free"), ["patient", "ward", "age"]);
}

#[test]
fn a_group_that_comes_or_goes_reruns_the_models_that_it_concerns() {
    let project = project();
    project.run(&["run", "visits.mlp", "--quiet"]);
    let without = PIPELINE.replace("group_k_fold(2, by: ward)", "k_fold(2)");
    project.write("visits.mlp", &without);
    let plan = project.run(&["plan", "visits.mlp", "--json"]);
    let plan: Json = serde_json::from_str(&plan.stdout).unwrap();
    let stages = plan["stages"].as_array().unwrap().iter();
    let again: Vec<&str> = stages
        .filter(|stage| stage["verdict"] != "cached")
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    // Without the group, `plain` is fitted as `free` was.
    assert_eq!(again, ["compare", "best", "tuned"]);
}

#[test]
fn a_model_says_which_columns_are_no_features_of_it() {
    let project = project();
    let said = |stage: &str| project.run(&["explain", "visits.mlp", stage]).stdout;
    insta::assert_snapshot!(said("line"), @r"
    model line

    settings
      target     cost
      features   [all]
      steps      auto
      estimator  ridge(alpha: 1.0, fit_intercept: true, positive: false)

    no feature: patient, by which a split or folds keep rows together

    no feature: ward, by which a split or folds keep rows together

    line: a model
    ");
    assert!(!said("apart").contains("no feature"), "{}", said("apart"));
    let json = project.run(&["explain", "visits.mlp", "line", "--json"]).stdout;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["groups"], serde_json::json!(["patient", "ward"]));
}
