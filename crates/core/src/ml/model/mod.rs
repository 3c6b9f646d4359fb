//! A model: what is to be learnt, from what, and how; and what comes of it.
//!
//! [`ModelSpec`] holds the settings and [`ModelSpec::check`] says what is wrong with them before a
//! run. A table is [prepared](ModelSpec::prepare) once; then [steps](ModelSpec::fit_steps) and
//! [estimator](ModelSpec::fit_estimator) are fitted on some of its rows, as often as there are folds
//! and trials. A [`FittedModel`] answers for new rows and survives the store. No files, no folds, no
//! metrics.

mod auto;
mod check;
mod door;
mod fit;
mod fitted;
mod kinds;
mod prepare;
mod saved;
mod task;
#[cfg(test)]
mod tests;
mod tunable;

use arrow::datatypes::Schema;
use serde_json::{Value as Json, json};

pub use check::{Finding, Part};
pub use fit::Stepped;
pub use fitted::{FittedModel, Judgement};
pub use prepare::Prepared;

use super::columns::Columns;
use super::estimator::{EstimatorKind, Task};
use super::estimators::{Device, Estimators};
use super::step::StepKind;
use crate::data::{Label, declared_classes};
use crate::params::{Args, Bound, Call, Declared, Setting};

/// The settings of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// The column to tell; none for clustering and anomaly detection.
    pub target: Option<String>,
    /// The columns to learn from.
    pub features: Columns,
    /// What the model is for, if the user says so.
    pub task: Option<Task>,
    /// What is fitted and applied to the features before the estimator.
    pub steps: Steps,
    /// The learning algorithm.
    pub estimator: Call,
    /// The algorithms among which that one is found.
    pub estimators: Estimators,
    /// A column of row weights.
    pub weight: Option<String>,
    /// What rows weigh by their class.
    pub class_weight: ClassWeight,
    /// The class that binary metrics are about.
    pub positive: Option<Label>,
    /// Columns that are never features whatever `features` picks, such as a split's group.
    pub excluded: Vec<String>,
}

/// The steps of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Steps {
    /// Those that suit columns and estimator.
    Auto,
    /// Those that the user wrote, in order.
    List(Vec<Call>),
}

/// What rows weigh by their class.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeight {
    /// All the same.
    None,
    /// So that each class weighs the same in all: rows / (classes × rows of the class).
    Balanced,
    /// As the user says, by the class as it is written; others weigh 1.
    Map(Vec<(String, f64)>),
}

impl ModelSpec {
    /// Makes the settings of bound fields: `task`, `steps`, `estimator`, `weight`, `class_weight` and
    /// `positive`; none only where binding would have refused a field.
    #[must_use]
    pub fn from_settings(
        target: Option<String>,
        features: Columns,
        args: &Args,
        estimators: &Estimators,
    ) -> Option<Self> {
        let given = |name: &str| args.get(name).map(|bound| &bound.setting);
        let Setting::Call(estimator) = given("estimator")? else { return None };
        Some(Self {
            target,
            features,
            task: match given("task") {
                None | Some(Setting::Null) => None,
                Some(setting) => Some(task_of(setting)?),
            },
            steps: Steps::of(given("steps"))?,
            estimator: estimator.clone(),
            estimators: estimators.clone(),
            weight: match given("weight") {
                None | Some(Setting::Null) => None,
                Some(Setting::Column(name) | Setting::Text(name)) => Some(name.clone()),
                Some(_) => return None,
            },
            class_weight: ClassWeight::of(given("class_weight"))?,
            positive: match given("positive") {
                None | Some(Setting::Null) => None,
                Some(setting) => Some(label_of(setting)?),
            },
            excluded: Vec::new(),
        })
    }

    /// Lets the estimator be trained on a device, if it has the choice and the user made none.
    ///
    /// It is then a setting like any other, and part of what a fit is kept under.
    pub fn train_on(&mut self, device: Device) {
        let own = self.estimator.args.get_mut("device");
        if let Some(bound) = own.filter(|bound| !bound.written) {
            bound.setting = device.to_setting();
        }
    }

    /// Writes all that a fitted model depends on, the versions of the kinds too; `positive` besides,
    /// on which scores depend.
    #[must_use]
    pub fn canonical(&self) -> Json {
        json!({
            "target": self.target,
            "features": self.features.canonical(),
            "excluded": self.excluded,
            "task": self.task,
            "steps": self.steps.canonical(),
            "estimator": versioned(&self.estimator, self.kind().map(EstimatorKind::version)),
            "weight": self.weight,
            "class_weight": self.class_weight.canonical(),
            "positive": self.positive.as_ref().map(label_json),
        })
    }

    /// Writes all that the fitted steps depend on beside the rows: models with equal keys can share
    /// them.
    #[must_use]
    pub fn steps_key(&self) -> String {
        self.prefix_keys().pop().unwrap_or_default()
    }

    /// Writes a key for no step, for the first, for the first two …: models can share the steps up to
    /// the last key that they have in common.
    #[must_use]
    pub fn prefix_keys(&self) -> Vec<String> {
        let rows = json!({
            "target": self.target,
            "features": self.features.canonical(),
            "excluded": self.excluded,
            "task": self.task,
            "weight": self.weight,
        });
        match &self.steps {
            Steps::Auto => {
                // What `auto` picks depends on what the estimator takes.
                let tags = self.kind().map(EstimatorKind::tags);
                let takes =
                    tags.map(|tags| (tags.missing, tags.categories, tags.scaled, tags.tasks));
                vec![json!([rows, self.steps.canonical(), takes]).to_string()]
            }
            Steps::List(calls) => (0..=calls.len())
                .map(|count| {
                    json!([rows, calls[..count].iter().map(step_json).collect::<Json>()])
                        .to_string()
                })
                .collect(),
        }
    }

    /// Gives the columns that are features in a table, in its order.
    #[must_use]
    pub fn features_of(&self, schema: &Schema) -> Vec<String> {
        let mut features = self.features.of_schema(schema).0;
        features.retain(|name| !self.is_no_feature(name));
        features
    }

    /// Gives the columns that a fit reads of a table: features, target, weight.
    #[must_use]
    pub fn columns_read(&self, schema: &Schema) -> Vec<String> {
        let there = |name: &&String| schema.column_with_name(name).is_some();
        let others = self.target.iter().chain(&self.weight).filter(there);
        self.features_of(schema).into_iter().chain(others.cloned()).collect()
    }

    /// Gives the classes that the target has as far as a table's types tell.
    #[must_use]
    pub fn known_classes(&self, schema: &Schema) -> Option<Vec<Label>> {
        let (_, field) = schema.column_with_name(self.target.as_deref()?)?;
        Some(declared_classes(field)).filter(|classes| !classes.is_empty())
    }

    fn is_no_feature(&self, name: &str) -> bool {
        self.target.as_deref() == Some(name)
            || self.weight.as_deref() == Some(name)
            || self.excluded.iter().any(|own| own == name)
    }
}

impl Steps {
    fn of(setting: Option<&Setting>) -> Option<Self> {
        match setting {
            None | Some(Setting::Null) => Some(Self::Auto),
            Some(Setting::Word(word)) if word == "auto" => Some(Self::Auto),
            Some(Setting::List(items)) => {
                let call = |item: &Bound| match &item.setting {
                    Setting::Call(call) => Some(call.clone()),
                    _ => None,
                };
                items.iter().map(call).collect::<Option<_>>().map(Self::List)
            }
            Some(Setting::Call(call)) => Some(Self::List(vec![call.clone()])),
            Some(_) => None,
        }
    }

    fn canonical(&self) -> Json {
        match self {
            // What `auto` picks may use any step.
            Self::Auto => json!({ "auto": auto::VERSION, "steps": kinds::step_versions() }),
            Self::List(calls) => calls.iter().map(step_json).collect(),
        }
    }
}

impl ClassWeight {
    fn of(setting: Option<&Setting>) -> Option<Self> {
        match setting {
            None | Some(Setting::Null) => Some(Self::None),
            Some(Setting::Word(word)) if word == "balanced" => Some(Self::Balanced),
            Some(Setting::Map(map)) => {
                let weight = |(class, bound): (&String, &Bound)| {
                    Some((class.clone(), bound.setting.as_f64()?))
                };
                map.iter().map(weight).collect::<Option<_>>().map(Self::Map)
            }
            Some(_) => None,
        }
    }

    fn canonical(&self) -> Json {
        match self {
            Self::None => Json::Null,
            Self::Balanced => json!("balanced"),
            Self::Map(weights) => {
                let mut weights = weights.clone();
                weights.sort_by(|a, b| a.0.cmp(&b.0));
                json!(weights)
            }
        }
    }
}

fn step_json(call: &Call) -> Json {
    versioned(call, kinds::step(call).map(StepKind::version))
}

fn versioned(call: &Call, version: Option<u32>) -> Json {
    json!([call.canonical(), version])
}

fn label_json(label: &Label) -> Json {
    match label {
        Label::Bool(flag) => json!(flag),
        Label::Int(number) => json!(number),
        Label::Text(text) => json!(&**text),
    }
}

fn task_of(setting: &Setting) -> Option<Task> {
    let Setting::Word(word) = setting else { return None };
    let tasks = [Task::Classification, Task::Regression, Task::Clustering, Task::Anomaly];
    tasks.into_iter().find(|task| task.word() == word)
}

fn label_of(setting: &Setting) -> Option<Label> {
    match setting {
        Setting::Bool(flag) => Some(Label::Bool(*flag)),
        Setting::Int(number) => Some(Label::Int(*number)),
        Setting::Text(text) | Setting::Word(text) => Some(Label::Text(text.as_str().into())),
        _ => None,
    }
}
