//! What a fitted model takes and gives, told before any row is seen.
//!
//! It is known of a model that will be fitted, from its settings and the columns of the rows that it
//! will be fitted on, and of one in a file, from the file's head.

use arrow::datatypes::{DataType, Field, Schema};

use super::ModelSpec;
use super::head::{HeadColumn, ModelHead};
use crate::data::{ColumnType, Label, Sort};
use crate::ml::estimator::Task;

/// What a fitted model takes and gives, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// The column that it tells.
    pub target: Option<String>,
    /// The column of row weights.
    pub weight: Option<String>,
    /// What it is for.
    pub task: Option<Task>,
    /// The columns that it reads, in order; none if the training rows' columns are not known.
    pub features: Option<Vec<Feature>>,
    /// All classes, sorted; none if they are not known before the model is fitted.
    pub classes: Option<Vec<Label>>,
    /// The positive class, if one is named or settled.
    pub positive: Option<Label>,
    /// Nothing tells which class is the positive one.
    pub unsettled: bool,
    /// The type of a class that it tells.
    pub answer: DataType,
}

/// A column that a fitted model reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its type in the training rows.
    pub kind: ColumnType,
    /// What it held, as learning sees it.
    pub sort: Sort,
}

impl Feature {
    /// Tells whether a column of another table can stand for it, as far as types tell.
    #[must_use]
    pub fn takes(&self, field: &Field) -> bool {
        if *field.data_type() == DataType::Null {
            return true;
        }
        match (self.sort, Sort::of_field(field)) {
            (own, Some(other)) if own == other => true,
            // Zeros and ones stand for a bool; whether there are others, the rows tell.
            (Sort::Number | Sort::Flag, Some(Sort::Number | Sort::Flag)) => true,
            (Sort::Category | Sort::Text, Some(Sort::Category | Sort::Text)) => true,
            _ => false,
        }
    }
}

impl Interface {
    /// Gives every column that a fit or a judgement reads: features, target, weight; none if the
    /// features are not known.
    pub fn columns(&self) -> Option<impl Iterator<Item = &str>> {
        let features = self.features.as_ref()?.iter().map(|feature| feature.name.as_str());
        let others = self.target.iter().chain(&self.weight).map(String::as_str);
        Some(features.chain(others))
    }
}

impl ModelSpec {
    /// Tells what the model takes and gives once it is fitted on rows of some columns.
    #[must_use]
    pub fn interface(&self, schema: Option<&Schema>) -> Interface {
        let task = self.known_task(schema);
        let target = schema.zip(self.target.as_ref());
        let target = target.and_then(|(schema, name)| schema.field_with_name(name).ok());
        let sort = target.and_then(Sort::of_field);
        let is_open = task == Some(Task::Classification)
            && self.positive.is_none()
            && matches!(sort, Some(Sort::Text | Sort::Category));
        Interface {
            target: self.target.clone(),
            weight: self.weight.clone(),
            task,
            features: schema.map(|schema| self.features_with_types(schema)),
            classes: schema.and_then(|schema| self.known_classes(schema)),
            positive: self.positive.clone(),
            unsettled: is_open,
            answer: target.map_or(DataType::Utf8, |field| match sort {
                Some(Sort::Flag) => DataType::Boolean,
                _ if field.data_type().is_integer() => DataType::Int64,
                _ => DataType::Utf8,
            }),
        }
    }

    fn features_with_types(&self, schema: &Schema) -> Vec<Feature> {
        let feature = |name: String| {
            let field = schema.field_with_name(&name).ok()?;
            let (kind, sort) = (ColumnType::of_field(field), Sort::of_field(field)?);
            Some(Feature { name, kind, sort })
        };
        self.features_of(schema).into_iter().filter_map(feature).collect()
    }
}

impl ModelHead {
    /// Tells what the model takes and gives.
    #[must_use]
    pub fn interface(&self) -> Interface {
        let classes = (self.task == Task::Classification).then(|| self.classes.clone());
        Interface {
            target: self.target.clone(),
            weight: self.weight.clone(),
            task: Some(self.task),
            features: Some(self.columns.iter().map(HeadColumn::feature).collect()),
            unsettled: classes.is_some() && self.positive.is_none(),
            answer: match classes.as_ref().and_then(|classes| classes.first()) {
                Some(Label::Bool(_)) => DataType::Boolean,
                Some(Label::Int(_)) => DataType::Int64,
                Some(Label::Text(_)) | None => DataType::Utf8,
            },
            classes,
            positive: self.positive.clone(),
        }
    }
}

impl HeadColumn {
    fn feature(&self) -> Feature {
        // What isn't a type of this version is at least of a sort.
        let kind = self.kind.parse().unwrap_or_else(|_| ColumnType::new(self.holds.arrow()));
        Feature { name: self.name.clone(), kind, sort: self.holds }
    }
}
