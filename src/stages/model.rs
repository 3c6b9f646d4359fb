//! `model`: says what is to be learnt, from what, and how. Nothing is fitted here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ml::columns::Columns;
use crate::ml::model::ModelSpec;
use crate::params;
use crate::params::{Args, Call, Family, Kind, Params, Setting, Signature};
use crate::plan::{Checked, Checking, ModelType, Output, Registry, Role, StageKind};
use crate::text::Span;

params! {
    /// What is to be learnt, from what, and how.
    ///
    /// A model is not fitted. `train`, `cross_validate` and `tune` fit it, on training rows alone.
    pub(super) struct Model("model", 0) {
        /// The column to tell; none for clustering and anomaly detection.
        target: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// The columns to learn from; the target, the weight and the columns by which rows are
        /// grouped (`group` of a split, `by` of group folds) never belong to them.
        features: Columns = Columns::all(),
        /// What the model is for, where target and estimator don't tell.
        task: Option<TaskWord> = None,
        /// What is fitted and applied to the features before the estimator.
        steps: Setting as (Kind::OneOf(&[AUTO, Kind::List(&Kind::Call(Family::Step))])) = auto(),
        /// The learning algorithm.
        estimator: Call as (Kind::Call(Family::Estimator)),
        /// A column of row weights.
        weight: Option<String> as (Kind::Optional(&Kind::Column)) = None,
        /// Weights of the classes: `balanced`, or a map from class to weight.
        class_weight: Option<Setting> as (Kind::Optional(&Kind::OneOf(&[BALANCED, Kind::Map(&Kind::Float)]))) = None,
        /// The class that `f1`, `precision`, `recall` and the like are about.
        positive: Option<Setting> as (Kind::Optional(&Kind::Label)) = None,
    }
}

params! {
    /// What a model is for.
    pub(super) enum TaskWord {
        /// Tells classes.
        Classification = "classification",
        /// Tells numbers.
        Regression = "regression",
        /// Finds groups.
        Clustering = "clustering",
        /// Finds odd rows.
        Anomaly = "anomaly",
    }
}

/// `steps: auto`.
const AUTO: Kind = Kind::Choice(&[params::Choice {
    word: "auto",
    doc: "The steps that suit the columns and the estimator.",
}]);

/// `class_weight: balanced`.
const BALANCED: Kind =
    Kind::Choice(&[params::Choice { word: "balanced", doc: "Each class weighs the same in all." }]);

fn auto() -> Setting {
    Setting::Word("auto".to_owned())
}

/// The registered kind.
pub(super) struct ModelKind;

impl StageKind for ModelKind {
    fn signature(&self) -> &'static Signature {
        const { &Model::SIGNATURE }
    }

    fn role(&self) -> Role {
        Role::Definition
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let mut spec = Model::from_args(args)?.spec(args, checking.registry())?;
        spec.train_on(checking.head.device);
        spec.excluded = checking.groups();
        if !super::learning::check_settings(&spec, checking) {
            return None;
        }
        let mut places: BTreeMap<&'static str, Span> = args
            .iter()
            .filter(|(_, bound)| bound.written)
            .map(|(field, bound)| (field, bound.span))
            .collect();
        places.insert("", checking.place);
        let (spec, places) = (Arc::new(spec), Arc::new(places));
        let model = ModelType { spec, tuned: None, searched_on: None, places };
        Some(Checked { outputs: vec![("", Output::Model(model))], task: None })
    }
}

impl Model {
    /// Makes the settings that learning takes.
    fn spec(self, args: &Args, registry: &Registry) -> Option<ModelSpec> {
        ModelSpec::from_settings(self.target, self.features, args, registry.estimators())
    }
}
