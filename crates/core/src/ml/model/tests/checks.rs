//! What is said of wrong settings before a run.

use std::sync::Arc;

use serde_json::json;

use super::{estimator, fit, passengers, spec, step};
use crate::data::Label;
use crate::ml::columns::Columns;
use crate::ml::estimator::Task;
use crate::ml::model::{ClassWeight, ModelSpec, Part, Steps};
use crate::params::Call;

/// A model, the columns' types, and what is found.
fn found(change: impl Fn(&mut ModelSpec)) -> Vec<(Part, &'static str, String, Vec<String>)> {
    let mut own = spec(Some("survived"), "made_up_plain");
    change(&mut own);
    let findings = own.check(Some(passengers().schema()));
    findings.into_iter().map(|own| (own.part, own.code, own.message, own.help)).collect()
}

fn one(change: impl Fn(&mut ModelSpec)) -> (Part, &'static str, String, Vec<String>) {
    let mut found = found(change);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn help(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[test]
fn leftover_columns_are_named_with_what_to_do() {
    let listed = |steps: Vec<Call>, word: &str| {
        let spec = ModelSpec { steps: Steps::List(steps), ..spec(Some("fare"), word) };
        (
            fit(&spec, &passengers()).unwrap_err().to_string(),
            spec.check(Some(passengers().schema())),
        )
    };
    let (error, findings) = listed(vec![step("impute", &json!({}))], "made_up_line");
    assert_eq!(
        error,
        "column `port` holds text, but `made_up_line` takes numbers; add `one_hot(port)`, `target_encode(port)` or, for long texts, `tf_idf(port)` to `steps`, or leave the column out of `features`",
    );
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "column `port` holds text, but `made_up_line` takes numbers",
            "column `story` holds text, but `made_up_line` takes numbers",
            "column `ticket` holds text, but `made_up_line` takes numbers",
            "column `boarded` holds a date, but `made_up_line` takes numbers",
            "column `ship` holds text, but `made_up_line` takes numbers",
        ]
    );
    assert_eq!(
        findings[3].help,
        ["add `date_parts(boarded)` to `steps`, or leave the column out of `features`"],
    );
    let encoded = vec![
        step("one_hot", &json!({})),
        step("date_parts", &json!({})),
        step("drop_constant", &json!({})),
    ];
    let (error, findings) = listed(encoded, "made_up_line");
    assert_eq!(
        error,
        "column `age` has a missing value in row 0; `made_up_line` takes no missing values: add `impute(age)` to `steps`, or use `steps: auto`",
    );
    assert_eq!(findings, []);
}

#[test]
fn a_right_model_has_no_findings() {
    assert_eq!(found(|_| ()), []);
    let own = spec(Some("survived"), "made_up_plain");
    assert_eq!(own.known_task(Some(passengers().schema())), Some(Task::Classification));
    assert_eq!(own.known_task(None), None);
    assert_eq!(spec(Some("y"), "made_up_line").known_task(None), Some(Task::Regression));
    assert_eq!(spec(None, "made_up_groups").known_task(None), Some(Task::Clustering));
    assert_eq!(own.known_classes(passengers().schema()).map(|classes| classes.len()), Some(2));
}

#[test]
fn targets_and_tasks_are_checked() {
    let unknown = |what: &str| format!("the data has no column `{what}`");
    assert_eq!(
        one(|own| own.target = Some("survivd".to_owned())),
        (Part::Target, "unknown-column", unknown("survivd"), help("did you mean `survived`?")),
    );
    assert_eq!(
        one(|own| own.target = Some("class".to_owned())),
        (
            Part::Task,
            "no-task",
            "the target `class` holds whole numbers: they may be classes or amounts".to_owned(),
            help("add `task: classification` or `task: regression`"),
        ),
    );
    assert_eq!(
        found(|own| (own.target, own.task) = (Some("class".to_owned()), Some(Task::Regression))),
        []
    );
    assert_eq!(
        found(|own| (own.target, own.estimator) =
            (Some("class".to_owned()), estimator("made_up_line"))),
        []
    );
    assert_eq!(
        one(|own| own.target = Some("boarded".to_owned())),
        (
            Part::Target,
            "target-type",
            "the target `boarded` holds a date, which can't be told".to_owned(),
            help("make a number or a class of it in SQL"),
        ),
    );
    assert_eq!(
        one(|own| own.estimator = estimator("made_up_line")),
        (
            Part::Estimator,
            "task-misfit",
            "the target `survived` holds classes, but `made_up_line` does regression".to_owned(),
            help("use an estimator for classification"),
        ),
    );
    assert_eq!(
        one(|own| own.task = Some(Task::Regression)),
        (
            Part::Task,
            "task-misfit",
            "the target `survived` holds classes, which regression can't tell".to_owned(),
            help("`survived` is for classification"),
        ),
    );
    assert_eq!(
        one(|own| own.estimator = estimator("made_up_groups")),
        (
            Part::Target,
            "needless-target",
            "`made_up_groups` does clustering and takes no target".to_owned(),
            help("remove `target`, and leave the column out of `features` if it must not be seen"),
        ),
    );
    assert_eq!(
        one(|own| own.target = None),
        (
            Part::Estimator,
            "no-target",
            "`made_up_plain` needs a target".to_owned(),
            help("add `target: COLUMN`")
        ),
    );
}

#[test]
fn features_weights_and_classes_are_checked() {
    assert_eq!(
        one(|own| own.features = Columns::named(["age", "prot"])),
        (
            Part::Features,
            "unknown-column",
            "the data has no column `prot`".to_owned(),
            help("did you mean `port`?")
        ),
    );
    assert_eq!(
        one(|own| own.features = Columns::named(["age", "survived"])),
        (
            Part::Features,
            "target-as-feature",
            "`survived` is the target, so it can't be a feature".to_owned(),
            Vec::new()
        ),
    );
    assert_eq!(
        one(|own| own.features = Columns::default()),
        (Part::Features, "no-features", "the list of features is empty".to_owned(), Vec::new()),
    );
    assert_eq!(
        one(|own| own.weight = Some("port".to_owned())),
        (
            Part::Weight,
            "weight-type",
            "the weight `port` holds text, not numbers".to_owned(),
            Vec::new()
        ),
    );
    assert_eq!(
        one(|own| (own.weight, own.estimator) =
            (Some("fare".to_owned()), estimator("made_up_unweighted"))),
        (
            Part::Weight,
            "no-weights",
            "`made_up_unweighted` takes no row weights, so `weight` can't be used".to_owned(),
            Vec::new(),
        ),
    );
    assert_eq!(
        one(|own| own.positive = Some(Label::Text(Arc::from("tru")))),
        (
            Part::Positive,
            "unknown-class",
            "`tru` is no class of `survived`".to_owned(),
            help("did you mean `true`?")
        ),
    );
    assert_eq!(
        one(|own| own.class_weight = ClassWeight::Map(vec![("yes".to_owned(), 1.0)])),
        (
            Part::ClassWeight,
            "unknown-class",
            "`yes` is no class of `survived`".to_owned(),
            help("its classes are `false`, `true`"),
        ),
    );
}

#[test]
fn steps_are_checked_as_the_columns_stand_at_their_turn() {
    let steps = |calls: Vec<Call>| {
        move |own: &mut ModelSpec| {
            own.features = Columns::named(["age", "port"]);
            own.steps = Steps::List(calls.clone());
        }
    };
    let one_hot = || step("one_hot", &json!({}));
    assert_eq!(
        one(steps(vec![step("scale", &json!({ "columns": ["agee"] })), one_hot()])),
        (
            Part::Step(0),
            "step-misfit",
            "`scale` finds no column `agee`".to_owned(),
            help("did you mean `age`?")
        ),
    );
    assert_eq!(
        one(steps(vec![step("scale", &json!({ "columns": ["port"] })), one_hot()])),
        (
            Part::Step(0),
            "step-misfit",
            "column `port` holds text, but `scale` takes numbers".to_owned(),
            Vec::new()
        ),
    );
    assert_eq!(
        one(steps(vec![
            step("ordinal", &json!({})),
            step("scale", &json!({ "columns": ["fare"] }))
        ])),
        (
            Part::Step(1),
            "step-misfit",
            "`scale` finds no column `fare`".to_owned(),
            help(
                "an earlier step has put other columns in the place of `fare`, or `features` leaves it out"
            ),
        ),
    );
    // Which columns `one_hot` makes is known at run time alone.
    assert_eq!(found(steps(vec![one_hot(), step("scale", &json!({ "columns": ["port=S"] }))])), []);
    assert_eq!(
        one(steps(vec![one_hot(), step("clip", &json!({}))])),
        (
            Part::Step(1),
            "bad-setting",
            "`clip` needs `lower`, `upper` or `quantiles`".to_owned(),
            Vec::new()
        ),
    );
}
