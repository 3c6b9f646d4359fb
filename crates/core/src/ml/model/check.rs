//! What is wrong with a model's settings, said before any run.
//!
//! Findings are data: which field, which column, what is wrong, what to do. Who knows the user's text
//! makes diagnostics of them.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};

use super::door::refusal;
use super::prepare::spoken_classes;
use super::task::NoTask;
use super::{ClassWeight, ModelSpec, Steps, kinds};
use crate::data::{Sort, sorts};
use crate::diag::nearest;
use crate::ml::columns::{NoColumn, Shape};
use crate::ml::estimator::{BadSetting, EstimatorKind, Tags, Task};
use crate::params::Call;
use crate::text::Span;

/// The part of a model that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `target`.
    Target,
    /// `features`.
    Features,
    /// `task`.
    Task,
    /// One of `steps`, counted from 0.
    Step(usize),
    /// `estimator`.
    Estimator,
    /// `weight`.
    Weight,
    /// `class_weight`.
    ClassWeight,
    /// `positive`.
    Positive,
}

impl Part {
    /// Gives the field that holds the part.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Features => "features",
            Self::Task => "task",
            Self::Step(_) => "steps",
            Self::Estimator => "estimator",
            Self::Weight => "weight",
            Self::ClassWeight => "class_weight",
            Self::Positive => "positive",
        }
    }
}

/// One thing that is wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable name, such as `unknown-column`.
    pub code: &'static str,
    /// Which part is wrong.
    pub part: Part,
    /// The place inside the part, where one is known: a column's name, a setting.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Vec<String>,
}

impl Finding {
    fn new(code: &'static str, part: Part, message: String) -> Self {
        Self { code, part, span: None, message, help: Vec::new() }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    fn at(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }

    fn no_column(part: Part, name: &str, schema: &Schema) -> Self {
        let own = Self::new("unknown-column", part, format!("the data has no column `{name}`"));
        own.help_with(known_columns(
            name,
            schema.fields().iter().map(|field| field.name().as_str()),
        ))
    }

    fn help_with(mut self, help: Option<String>) -> Self {
        self.help.extend(help);
        self
    }
}

impl From<NoTask> for Finding {
    fn from(trouble: NoTask) -> Self {
        Self::new(trouble.code, trouble.part, trouble.message).help(trouble.help)
    }
}

impl ModelSpec {
    /// Says all that is wrong with the settings, held against the columns of the data if they are
    /// known.
    #[must_use]
    pub fn check(&self, schema: Option<&Schema>) -> Vec<Finding> {
        let mut findings = self.check_settings();
        if let Some(schema) = schema {
            self.check_columns(schema, &mut findings);
        }
        findings
    }

    /// Gives what the model is for, as far as it is known before a run and nothing is wrong.
    #[must_use]
    pub fn known_task(&self, schema: Option<&Schema>) -> Option<Task> {
        let tags = self.kind()?.tags();
        match (&self.target, schema) {
            (None, _) => self.settle_task(None, tags).ok(),
            (Some(name), Some(schema)) => {
                self.settle_task(Some(schema.column_with_name(name)?.1), tags).ok()
            }
            (Some(_), None) => {
                let only = if let [task] = tags.tasks { Some(*task) } else { None };
                self.task.or(only).filter(|task| tags.tasks.contains(task))
            }
        }
    }

    /// Checks what needs no data.
    fn check_settings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let bad = |call: &Call, part: Part, error: BadSetting| {
            let span =
                call.args.get(error.param).filter(|bound| bound.written).map(|bound| bound.span);
            Finding::new("bad-setting", part, error.message).at(span)
        };
        match self.bind_estimator() {
            Err(error) => findings.push(bad(&self.estimator, Part::Estimator, error)),
            Ok(_) => self.check_estimator(None, &mut findings),
        }
        if let Steps::List(calls) = &self.steps {
            for (at, call) in calls.iter().enumerate() {
                if let Some(Err(error)) = kinds::step(call).map(|kind| kind.bind(&call.args)) {
                    findings.push(bad(call, Part::Step(at), error));
                }
            }
        }
        if self.features.0.is_empty() {
            let message = "the list of features is empty".to_owned();
            findings.push(Finding::new("no-features", Part::Features, message));
        }
        if let Some(tags) = self.kind().map(EstimatorKind::tags) {
            self.check_tags(tags, &mut findings);
        }
        if let ClassWeight::Map(map) = &self.class_weight {
            let bad = map.iter().filter(|(_, weight)| !(weight.is_finite() && *weight >= 0.0));
            findings.extend(bad.map(|(class, weight)| {
                let message =
                    format!("the weight of class `{class}` is {weight}; a weight is at least 0");
                Finding::new("out-of-range", Part::ClassWeight, message)
            }));
        }
        findings
    }

    /// Checks what an estimator's settings make of columns, if those are known.
    fn check_estimator(&self, columns: Option<&Shape>, findings: &mut Vec<Finding>) {
        let Some(kind) = self.kind() else { return };
        findings.extend(kind.flaws(&self.estimator.args, columns).into_iter().map(|flaw| {
            let mut finding =
                Finding::new("bad-setting", Part::Estimator, flaw.message).at(flaw.span);
            finding.help.extend(flaw.help);
            finding
        }));
    }

    fn check_tags(&self, tags: Tags, findings: &mut Vec<Finding>) {
        let estimator = self.estimator.name;
        let no = |part: Part| {
            let message =
                format!("`{estimator}` takes no row weights, so `{}` can't be used", part.field());
            Finding::new("no-weights", part, message)
        };
        if self.weight.is_some() && !tags.weights {
            findings.push(no(Part::Weight));
        }
        if self.class_weight != ClassWeight::None && !tags.weights {
            findings.push(no(Part::ClassWeight));
        }
        if self.target.is_none()
            && let Err(trouble) = self.settle_task(None, tags)
        {
            findings.push(trouble.into());
        }
    }

    /// Checks what is held against the data.
    fn check_columns(&self, schema: &Schema, findings: &mut Vec<Finding>) {
        let tags = self.kind().map(EstimatorKind::tags);
        if let (Some(target), Some(tags)) = (&self.target, tags) {
            match schema.column_with_name(target) {
                None => findings.push(Finding::no_column(Part::Target, target, schema)),
                Some((_, field)) => self.check_target(field, tags, findings),
            }
        }
        if let Some(weight) = &self.weight {
            match schema.column_with_name(weight).map(|(_, field)| Sort::of_field(field)) {
                None => findings.push(Finding::no_column(Part::Weight, weight, schema)),
                Some(Some(Sort::Number | Sort::Flag)) => {}
                Some(sort) => {
                    let held = sort.map_or("lists or bytes", Sort::spoken);
                    let message = format!("the weight `{weight}` holds {held}, not numbers");
                    findings.push(Finding::new("weight-type", Part::Weight, message));
                }
            }
        }
        self.check_features(schema, findings);
        if let Some(tags) = tags
            && findings.is_empty()
        {
            self.check_steps(schema, tags, findings);
        }
    }

    fn check_target(&self, field: &Field, tags: Tags, findings: &mut Vec<Finding>) {
        match self.settle_task(Some(field), tags) {
            Err(trouble) => findings.push(trouble.into()),
            Ok(Task::Classification) => self.check_classes(field, findings),
            Ok(task) => {
                if self.class_weight != ClassWeight::None {
                    let message =
                        format!("`class_weight` is for classification, not {}", task.word());
                    findings.push(Finding::new("task-misfit", Part::ClassWeight, message));
                }
                if self.positive.is_some() {
                    let message = format!("`positive` is for classification, not {}", task.word());
                    findings.push(Finding::new("task-misfit", Part::Positive, message));
                }
            }
        }
    }

    fn check_classes(&self, field: &Field, findings: &mut Vec<Finding>) {
        let classes = crate::data::declared_classes(field);
        if classes.is_empty() {
            return;
        }
        let known: Vec<String> = classes.iter().map(ToString::to_string).collect();
        let unknown = |part: Part, class: &str| {
            let message = format!("`{class}` is no class of `{}`", field.name());
            let own = Finding::new("unknown-class", part, message);
            match nearest(class, known.iter().map(String::as_str)) {
                Some(near) => own.help(format!("did you mean `{near}`?")),
                None => own.help(format!("its classes are {}", spoken_classes(&classes))),
            }
        };
        if let Some(positive) = &self.positive
            && !known.contains(&positive.to_string())
        {
            findings.push(unknown(Part::Positive, &positive.to_string()));
        }
        if let ClassWeight::Map(map) = &self.class_weight {
            let missing = map.iter().filter(|(class, _)| !known.contains(class));
            findings.extend(missing.map(|(class, _)| unknown(Part::ClassWeight, class)));
        }
    }

    fn check_features(&self, schema: &Schema, findings: &mut Vec<Finding>) {
        let (picked, missing) = self.features.of_schema(schema);
        let whole = missing.is_empty();
        findings.extend(missing.into_iter().map(|NoColumn { name, span, .. }| {
            Finding::no_column(Part::Features, &name, schema).at(Some(span))
        }));
        for name in self.features.named_columns() {
            let (role, help) = if self.target.as_ref() == Some(&name.node) {
                ("is the target", None)
            } else if self.weight.as_ref() == Some(&name.node) {
                ("is the weight", None)
            } else if self.excluded.contains(&name.node) {
                let help =
                    "a model that knows a row's group is judged on groups that it can't know";
                ("is what a `split` or folds keep rows together by", Some(help))
            } else {
                continue;
            };
            let message = format!("`{}` {role}, so it can't be a feature", name.node);
            let finding = Finding::new("target-as-feature", Part::Features, message);
            findings.push(finding.at(Some(name.span)).help_with(help.map(str::to_owned)));
        }
        for (name, _) in sorts(schema).filter(|(_, sort)| sort.is_none()) {
            if picked.iter().any(|own| own == name) && !self.is_no_feature(name) {
                let message =
                    format!("column `{name}` holds lists, structs or bytes, which no model takes");
                let finding = Finding::new("feature-type", Part::Features, message).help(format!(
                    "leave it out, `features: all(except: [{name}])`, or take it apart in SQL"
                ));
                findings.push(finding.at(self.features.span_of(name)));
            }
        }
        if whole && !self.features.0.is_empty() && self.features_of(schema).is_empty() {
            let message = "`features` picks no column of the data".to_owned();
            findings.push(Finding::new("no-features", Part::Features, message));
        }
    }

    /// Follows the columns through the steps, as far as they are known.
    fn check_steps(&self, schema: &Schema, tags: Tags, findings: &mut Vec<Finding>) {
        let Steps::List(calls) = &self.steps else { return };
        let sort = |name: &String| Sort::of_field(schema.column_with_name(name)?.1);
        let columns = self.features_of(schema).into_iter();
        let columns = columns.filter_map(|name| sort(&name).map(|sort| (Arc::from(name), sort)));
        let mut shape = Shape { columns: columns.collect(), open: false };
        for (at, call) in calls.iter().enumerate() {
            let Some(Ok(step)) = kinds::step(call).map(|kind| kind.bind(&call.args)) else {
                return;
            };
            match step.reshape(&shape) {
                Ok(after) => shape = after,
                Err(misfit) => {
                    let mut finding =
                        Finding::new("step-misfit", Part::Step(at), misfit.message).at(misfit.span);
                    finding.help.extend(misfit.help);
                    if let Some(column) = &misfit.column
                        && finding.help.is_empty()
                        && schema.column_with_name(column).is_none()
                    {
                        let names = shape.columns.iter().map(|(name, _)| &**name);
                        finding = finding.help_with(known_columns(column, names));
                    }
                    if let Some(column) = misfit.column
                        && schema.column_with_name(&column).is_some()
                        && shape.sort(&column).is_none()
                    {
                        let gone = if self.is_no_feature(&column) {
                            format!("`{column}` is in the data, but it is no feature of this model")
                        } else {
                            format!(
                                "an earlier step has put other columns in the place of `{column}`, or `features` leaves it out"
                            )
                        };
                        finding = finding.help(gone);
                    }
                    findings.push(finding);
                    return;
                }
            }
        }
        for (name, sort) in &shape.columns {
            if let Some(expected) = refusal(name, *sort, self.estimator.name, tags) {
                let message = format!(
                    "column `{name}` holds {}, but {}",
                    sort.spoken(),
                    first_part(&expected)
                );
                let help = expected.split_once("; ").map_or("", |(_, help)| help);
                findings.push(Finding::new("unfit-column", Part::Estimator, message).help(help));
            }
        }
        if findings.is_empty() {
            self.check_estimator(Some(&shape), findings);
        }
    }
}

/// Names the nearest of some columns, or all of them if they are few.
fn known_columns<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    match nearest(wanted, names.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if names.is_empty() || names.len() > 40 => None,
        None => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("its columns are {}", list.join(", ")))
        }
    }
}

fn first_part(text: &str) -> &str {
    text.split_once("; ").map_or(text, |(first, _)| first)
}
