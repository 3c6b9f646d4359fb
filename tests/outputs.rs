//! Every output of every stage has the columns that the language's page promises, and SQL reads them.

use std::fs;

use serde_json::Value as Json;

use crate::incremental::people;
use crate::program::{Project, root};

/// A pipeline with every kind of output.
const PIPELINE: &str = r#"
ingest people { from: "people.csv" }
prep told { sql: "SELECT age, kind, pay, pay > 30 AS well FROM people" }
expect odd { data: told, checks: [between(age, 20, 40)], on_fail: warn }
split parts { data: told, test: 25%, stratify: well }
model line { target: well, features: [age, kind], estimator: logistic_regression() }
model boost { target: well, features: [age, kind], estimator: gradient_boosting(max_iter: 3) }
model amount { target: pay, task: regression, features: [age, kind], estimator: ridge() }
model groups { features: [age, pay], estimator: k_means(n_clusters: 2) }
model strange { features: [age, pay], estimator: isolation_forest(n_estimators: 5) }
cross_validate compare {
  models: [line, boost]
  data: parts.train
  folds: stratified_k_fold(3)
  metrics: [accuracy, f1(average: macro)]
}
cross_validate amounts { model: amount, data: parts.train, folds: k_fold(3), metrics: [rmse] }
tune best {
  model: line
  data: parts.train
  over: { estimator.C: log(0.01 .. 10) }
  search: random(trials: 2)
  folds: stratified_k_fold(2)
  maximize: roc_auc
}
tune halved {
  model: line
  data: parts.train
  over: { estimator.C: log(0.01 .. 10) }
  search: halving()
  folds: stratified_k_fold(2)
  maximize: roc_auc
}
train final { model: boost, data: parts.train, validation: parts.test }
train told_amount { model: amount, data: parts.train }
train grouped { model: groups, data: parts.train }
train found { model: strange, data: parts.train }
evaluate judged { model: final, data: parts.test, metrics: [accuracy, roc_auc] }
evaluate far { model: told_amount, data: parts.test, metrics: [rmse] }
predict scored { model: final, data: parts.test, keep: [age, well] }
predict amounts_told { model: told_amount, data: parts.test, keep: [age] }
predict clusters { model: grouped, data: parts.test, keep: [age] }
predict oddities { model: found, data: parts.test, keep: [age] }
profile shape { data: told }
correlate pairs { data: told, columns: [age, pay] }
"#;

/// Each output, the row of the page that it belongs to, and the columns that the row leaves open.
const OUTPUTS: &[(&str, &str, &[&str])] = &[
    ("compare", "cross_validate", &[]),
    ("compare.scores", "cross_validate.scores", &[]),
    (
        "compare.predictions",
        "cross_validate.predictions",
        &["probability_false", "probability_true"],
    ),
    ("best.trials", "tune.trials", &["estimator.C"]),
    ("halved.trials", "tune.trials", &["estimator.C", "rows"]),
    ("judged", "evaluate", &[]),
    ("far", "evaluate", &[]),
    ("judged.intervals", "evaluate.intervals", &[]),
    ("judged.confusion", "evaluate.confusion", &[]),
    ("judged.roc", "evaluate.roc", &[]),
    ("judged.calibration", "evaluate.calibration", &[]),
    ("final.importance", "train.importance", &[]),
    ("final.history", "train.history", &[]),
    ("odd.failures", "expect.failures", &["age", "kind", "pay", "well"]),
    ("shape", "profile", &[]),
    ("pairs", "correlate", &[]),
];

/// Reads the page's table: the name of each output, and the columns in the first code of its row.
fn page() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join("docs/language.md")).unwrap();
    let section = text.split("## Columns of the outputs").nth(1).unwrap().split("\n## ").next();
    let mut stage = String::new();
    let mut rows = Vec::new();
    for line in section.unwrap().lines().filter(|line| line.starts_with("| `")) {
        let mut code = line.split('`').skip(1).step_by(2);
        let (name, columns) = (code.next().unwrap(), code.next().unwrap());
        let name = match name.strip_prefix('.') {
            Some(output) => format!("{stage}.{output}"),
            None => {
                name.split('.').next().unwrap_or_default().clone_into(&mut stage);
                name.to_owned()
            }
        };
        let columns = columns.split(", ").filter(|name| !name.ends_with('…'));
        rows.push((name, columns.map(str::to_owned).collect()));
    }
    rows
}

fn project() -> Project {
    let project = Project::new();
    // Every output is read by a query that names each of its columns.
    let mut text = PIPELINE.to_owned();
    for (at, (output, row, open)) in OUTPUTS.iter().enumerate() {
        let columns = expected(row, open);
        let list: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let query = format!("SELECT {} FROM {output}", list.join(", "));
        text.push_str(&format!("prep read_{at} {{ sql: \"\"\"{query}\"\"\" }}\n"));
    }
    project.write("people.csv", &people(|_| {})).write("all.mlp", &text);
    let ran = project.run(&["run", "all.mlp", "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    project
}

fn expected(row: &str, open: &[&str]) -> Vec<String> {
    let (_, columns) = page().into_iter().find(|(name, _)| name == row).expect(row);
    columns.into_iter().chain(open.iter().map(|name| (*name).to_owned())).collect()
}

fn columns(project: &Project, output: &str) -> (Vec<String>, u64) {
    let shown = project.run(&["show", "all.mlp", output, "--json", "--rows", "0"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    let schema = shown["schema"].as_array().unwrap_or_else(|| panic!("{output}: {shown}"));
    let names = schema.iter().map(|own| own["name"].as_str().unwrap().to_owned()).collect();
    (names, shown["rows"].as_u64().unwrap())
}

#[test]
fn outputs_have_the_columns_of_the_page_and_sql_reads_them() {
    let project = project();
    for (at, (output, row, open)) in OUTPUTS.iter().enumerate() {
        let (names, rows) = columns(&project, output);
        assert_eq!(names, expected(row, open), "{output}");
        assert!(rows > 0, "{output} has no rows");
        assert_eq!(columns(&project, &format!("read_{at}")), (names, rows), "{output}");
    }
    // Every row of the page belongs to an output here, but that of `predict`, which has several forms.
    for (name, _) in page().iter().filter(|(name, _)| name != "predict") {
        assert!(OUTPUTS.iter().any(|(_, row, _)| row == name), "`{name}` is not looked at");
    }
    let answers: [(&str, &[&str]); 4] = [
        ("scored", &["age", "well", "prediction", "probability_false", "probability_true"]),
        ("amounts_told", &["age", "prediction"]),
        ("clusters", &["age", "cluster"]),
        ("oddities", &["age", "anomaly_score", "is_anomaly"]),
    ];
    for (output, names) in answers {
        assert_eq!(columns(&project, output).0, names, "{output}");
    }
    // Of numbers there is no probability.
    let told = ["model", "repeat", "fold", "row", "target", "prediction"];
    assert_eq!(columns(&project, "amounts.predictions").0, told);
}

#[test]
fn models_and_metrics_are_named_as_they_are_written() {
    let project = project();
    let shown = project.run(&["show", "all.mlp", "compare", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    let told: Vec<(&str, &str)> = shown["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["model"].as_str().unwrap(), row["metric"].as_str().unwrap()))
        .collect();
    let f1 = "f1(average: macro)";
    assert_eq!(told, [("line", "accuracy"), ("line", f1), ("boost", "accuracy"), ("boost", f1)]);
}
