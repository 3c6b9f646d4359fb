//! The events of `mlp run --json`, held against their published schema.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::incremental::people;
use crate::program::{Project, root};

/// A pipeline that gives every kind of event: folds, trials, warnings, a failure and what it blocks.
const PIPELINE: &str = r#"
ingest people { from: "people.csv", on_bad_row: quarantine }
prep adults { sql: "SELECT age, kind, pay > 30 AS well FROM people WHERE age >= 18" }
expect usual { data: adults, checks: [between(age, 0, 20)], on_fail: warn }
split parts { data: adults, test: 25%, stratify: well }
model line { target: well, estimator: logistic_regression(C: 0.5) }
model naive { target: well, estimator: dummy() }
cross_validate compare {
  models: [line, naive]
  data: parts.train
  folds: stratified_k_fold(3)
  metrics: [accuracy, roc_auc]
}
tune best {
  model: line
  data: parts.train
  over: { estimator.C: log(0.01 .. 10) }
  search: random(trials: 3)
  folds: stratified_k_fold(2)
  minimize: log_loss
}
train final { model: best, data: parts.train }
evaluate judged { model: final, data: parts.test, metrics: [accuracy], require: [accuracy >= 2] }
export saved { model: final, to: "out/line.mlpmodel", needs: [judged] }
prep broken { sql: "SELECT CAST(kind AS INT) AS n FROM adults" }
"#;

fn schema() -> Json {
    let text = std::fs::read_to_string(root().join("docs/run-events.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Holds a value against a schema; every word that the schema uses must be known here.
fn misfit(value: &Json, schema: &Json, whole: &Json) -> Option<String> {
    let fields = schema.as_object().expect("a schema is an object");
    fields.iter().find_map(|(word, rule)| match word.as_str() {
        "$schema" | "title" | "description" | "$defs" => None,
        "$ref" => {
            let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            misfit(value, &whole["$defs"][name], whole)
        }
        "oneOf" => {
            let fits = |one: &&Json| misfit(value, one, whole).is_none();
            let count = rule.as_array().unwrap().iter().filter(fits).count();
            (count != 1).then(|| format!("{count} of the alternatives fit {value}"))
        }
        "const" => (value != rule).then(|| format!("{value} is not {rule}")),
        "enum" => (!rule.as_array().unwrap().contains(value))
            .then(|| format!("{value} is none of {rule}")),
        "type" => {
            let names: Vec<&Json> =
                rule.as_array().map_or_else(|| vec![rule], |list| list.iter().collect());
            (!names.iter().any(|name| is_of_type(value, name.as_str().unwrap())))
                .then(|| format!("{value} is no {rule}"))
        }
        "minimum" => value
            .as_f64()
            .is_some_and(|number| number < rule.as_f64().unwrap())
            .then(|| format!("{value} is below {rule}")),
        "pattern" => {
            let pattern = regex::Regex::new(rule.as_str().unwrap()).unwrap();
            value
                .as_str()
                .is_some_and(|text| !pattern.is_match(text))
                .then(|| format!("{value} doesn't match {rule}"))
        }
        "required" => rule.as_array().unwrap().iter().find_map(|name| {
            let has = value.get(name.as_str().unwrap()).is_some();
            (!has).then(|| format!("{value} has no {name}"))
        }),
        "properties" => rule.as_object().unwrap().iter().find_map(|(name, rule)| {
            let found = misfit(value.get(name)?, rule, whole)?;
            Some(format!("{name}: {found}"))
        }),
        "items" => value.as_array()?.iter().find_map(|item| misfit(item, rule, whole)),
        other => panic!("the schema uses `{other}`, which this check doesn't know"),
    })
}

fn is_of_type(value: &Json, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("`{other}` is no type of JSON"),
    }
}

/// Lists the fields of an event that its schema doesn't name, by path.
fn unnamed(value: &Json, schema: &Json, whole: &Json) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return unnamed(value, &whole["$defs"][name.trim_start_matches("#/$defs/")], whole);
    }
    match value {
        Json::Array(items) => {
            items.iter().flat_map(|item| unnamed(item, &schema["items"], whole)).collect()
        }
        Json::Object(fields) if schema["properties"].is_object() => fields
            .iter()
            .flat_map(|(name, value)| match schema["properties"].get(name) {
                None => vec![name.clone()],
                Some(rule) => unnamed(value, rule, whole)
                    .into_iter()
                    .map(|inner| format!("{name}.{inner}"))
                    .collect(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Runs a pipeline, and gives the events of standard output and of standard error.
fn events(project: &Project, args: &[&str]) -> (Vec<Json>, Vec<Json>) {
    let ran = project.run(&[&["run", "pay.mlp", "--json"], args].concat());
    let read = |text: &str| -> Vec<Json> {
        let event = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        text.lines().map(event).collect()
    };
    (read(&ran.stdout), read(&ran.stderr))
}

#[test]
fn every_event_of_a_run_is_as_its_published_schema_says() {
    let whole = schema();
    let project = Project::new();
    project.write("people.csv", &format!("{}oops\n", people(|_| {}))).write("pay.mlp", PIPELINE);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for args in [&[][..], &[], &["--threads", "1"]] {
        let (out, err) = events(&project, args);
        all.extend(out.into_iter().chain(err));
    }
    project.write("pay.mlp", &PIPELINE.replace("kind, pay", "kindd, pay"));
    all.extend(events(&project, &[]).0);
    for event in &all {
        if let Some(found) = misfit(event, &whole, &whole) {
            panic!("{event}\n{found}");
        }
        let name = event["event"].as_str().unwrap();
        let more = unnamed(event, &whole["$defs"][name], &whole);
        assert!(more.is_empty(), "{name} has fields that the schema doesn't name: {more:?}");
        seen.insert(name.to_owned());
        let outcome = event["outcome"].as_str().map(|outcome| format!("{name} {outcome}"));
        let unit = event["unit"].as_str().map(|unit| format!("{name} {unit}"));
        seen.extend(outcome.into_iter().chain(unit));
        for list in ["warnings", "help", "related"] {
            if event[list].as_array().is_some_and(|list| !list.is_empty()) {
                seen.insert(format!("{name} {list}"));
            }
        }
    }
    let expected = [
        "diagnostic",
        "run_started",
        "stage_started",
        "stage_progress folds",
        "stage_progress trials",
        "stage_progress rows",
        "part_finished",
        "stage_finished ran",
        "stage_finished cached",
        "stage_finished failed",
        "stage_finished blocked",
        "stage_finished warnings",
        "run_finished",
    ];
    for word in expected {
        assert!(seen.contains(word), "no `{word}` in {seen:?}");
    }
}

#[test]
fn a_changed_event_is_found_by_the_schema() {
    let whole = schema();
    let good = serde_json::json!({
        "event": "stage_progress", "stage": "a", "done": 1, "total": null, "unit": "folds", "note": ""
    });
    assert_eq!(misfit(&good, &whole, &whole), None);
    for (field, value) in [
        ("event", serde_json::json!("stage_progressed")),
        ("done", serde_json::json!(-1)),
        ("done", serde_json::json!("1")),
        ("unit", serde_json::json!("miles")),
        ("total", serde_json::json!(1.5)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(misfit(&bad, &whole, &whole).is_some(), "{bad}");
    }
    let mut lacking = good;
    lacking.as_object_mut().unwrap().shift_remove("note");
    assert!(misfit(&lacking, &whole, &whole).is_some());
}

#[test]
fn the_program_prints_the_schema() {
    let printed = Project::new().run(&["docs", "events"]);
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    assert_eq!(serde_json::from_str::<Json>(&printed.stdout).unwrap(), schema());
}
