//! `decision_tree`: one tree, after scikit-learn's `DecisionTreeClassifier` and
//! `DecisionTreeRegressor`.

use super::cart::fit::{Plan, Rows};
use super::cart::monotone::{self, MONOTONE};
use super::cart::settings::{self, Measure, ROWS};
use super::cart::{self, Stops, TreeModel};
use crate::ml::columns::Shape;
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Flaw, Sample, Tags, Task,
};
use crate::ml::estimators::kind::Declaration;
use crate::params;
use crate::params::{Args, Limits, Setting};

params! {
    /// Where a column is cut.
    pub(crate) enum Splitter {
        /// At the best value.
        Best = "best",
        /// At a random value.
        Random = "random",
    }
}

params! {
    /// One tree of yes-or-no questions; easy to read, quick to overfit.
    ///
    /// Takes missing values as they are. Names, meanings and defaults are those of scikit-learn's
    /// `DecisionTreeClassifier` and `DecisionTreeRegressor`.
    pub(crate) struct DecisionTree("decision_tree", 0) {
        /// How mixed rows are measured; `auto` is `gini` for classes, `squared_error` for numbers.
        criterion: Measure = Measure::Auto,
        /// Where a column is cut.
        splitter: Splitter = Splitter::Best,
        /// The most tests from the root to a leaf; `null` for no limit.
        max_depth: Option<usize> = None => Limits::at_least(1.0),
        /// The fewest rows that are split: a number, or a share of the rows.
        min_samples_split: Setting as (ROWS) = Setting::Int(2) => Limits::above(0.0),
        /// The fewest rows of a leaf: a number, or a share of the rows.
        min_samples_leaf: Setting as (ROWS) = Setting::Int(1) => Limits::above(0.0),
        /// The least share of all weights in a leaf.
        min_weight_fraction_leaf: f64 = 0.0 => Limits::between(0.0, 0.5),
        /// How many columns are tried at a node: a number, a share, `sqrt`, `log2`; `null` is all.
        max_features: Setting as (settings::FEATURES) = Setting::Null => Limits::above(0.0),
        /// The most leaves; the best ones are split first; `null` for no limit.
        max_leaf_nodes: Option<usize> = None => Limits::at_least(2.0),
        /// By how much a split must lower the impurity, as a share of the whole tree's weight.
        min_impurity_decrease: f64 = 0.0 => Limits::at_least(0.0),
        /// The price of a leaf: tests that lower the impurity by less are pruned.
        ccp_alpha: f64 = 0.0 => Limits::at_least(0.0),
        /// Columns that answers must rise with (1) or fall with (−1): `{ age: 1, price: -1 }`; of two
        /// classes the probability of the second, more are refused.
        monotonic_cst: Setting as (MONOTONE) = Setting::Null => Limits::between(-1.0, 1.0),
    }
}

impl Declaration for DecisionTree {
    type Model = TreeModel;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: true,
        categories: false,
        scaled: false,
        weights: true,
    };
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        settings::check_features(&self.max_features)?;
        settings::check_rows("min_samples_split", &self.min_samples_split, 2)?;
        settings::check_rows("min_samples_leaf", &self.min_samples_leaf, 1)
    }

    fn flaws(&self, _: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        monotone::flaws(&self.monotonic_cst, columns)
    }
}

impl Estimator for DecisionTree {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let rows = Rows::new(sample)?;
        let leaf = settings::rows(&self.min_samples_leaf, rows.len(), 1);
        let split = settings::rows(&self.min_samples_split, rows.len(), 2).max(2 * leaf);
        let splitter = match self.splitter {
            Splitter::Best => cart::Splitter::Best,
            Splitter::Random => cart::Splitter::Random,
        };
        let stops = Stops {
            splitter,
            max_features: settings::features(
                &self.max_features,
                sample.features.width(),
                sample.target,
            ),
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: split,
            min_samples_leaf: leaf,
            min_weight_leaf: self.min_weight_fraction_leaf * rows.weight(),
            max_leaf_nodes: self.max_leaf_nodes,
            min_impurity_decrease: self.min_impurity_decrease,
        };
        let plan = Plan {
            trees: 1,
            draws: None,
            measure: self.criterion,
            stops,
            ccp_alpha: self.ccp_alpha,
            monotone: monotone::signs(&self.monotonic_cst, sample)?,
            oob_score: false,
        };
        Ok(Box::new(rows.fit(&plan, context)?))
    }
}
