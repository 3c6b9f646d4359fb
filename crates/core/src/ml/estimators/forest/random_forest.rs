//! `random_forest`: trees on drawn rows and columns, after scikit-learn's `RandomForestClassifier`
//! and `RandomForestRegressor`.

use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Sample, Tags, Task,
};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::tree::cart::fit::{Plan, Rows};
use crate::ml::estimators::tree::cart::settings::{self, DRAWS, Measure, ROWS};
use crate::ml::estimators::tree::cart::{Splitter, Stops, TreeModel};
use crate::params;
use crate::params::{Limits, Setting};

params! {
    /// Many trees, each on other rows and columns; their answers are averaged.
    ///
    /// Takes missing values as they are, and needs hardly any tuning. Names, meanings and defaults are
    /// those of scikit-learn's `RandomForestClassifier` and `RandomForestRegressor`.
    pub(crate) struct RandomForest("random_forest", 0) {
        /// How many trees are grown; more never overfit, they only take time.
        n_estimators: usize = 100 => Limits::at_least(1.0),
        /// How mixed rows are measured; `auto` is `gini` for classes, `squared_error` for numbers.
        criterion: Measure = Measure::Auto,
        /// The most tests from the root to a leaf; `null` for no limit.
        max_depth: Option<usize> = None => Limits::at_least(1.0),
        /// The fewest rows that are split: a number, or a share of the rows.
        min_samples_split: Setting as (ROWS) = Setting::Int(2) => Limits::above(0.0),
        /// The fewest rows of a leaf: a number, or a share of the rows.
        min_samples_leaf: Setting as (ROWS) = Setting::Int(1) => Limits::above(0.0),
        /// The least share of all weights in a leaf.
        min_weight_fraction_leaf: f64 = 0.0 => Limits::between(0.0, 0.5),
        /// How many columns are tried at a node: a number, a share, `sqrt`, `log2`, `null` for all;
        /// `auto` is `sqrt` for classes and all for numbers.
        max_features: Setting as (settings::FEATURES) = Setting::Word("auto".to_owned())
            => Limits::above(0.0),
        /// The most leaves of a tree; the best ones are split first; `null` for no limit.
        max_leaf_nodes: Option<usize> = None => Limits::at_least(2.0),
        /// By how much a split must lower the impurity, as a share of the whole tree's weight.
        min_impurity_decrease: f64 = 0.0 => Limits::at_least(0.0),
        /// Whether each tree is grown on rows drawn anew, with replacement.
        bootstrap: bool = true,
        /// How many rows are drawn for a tree: a number, a share; `null` is as many as there are.
        max_samples: Setting as (DRAWS) = Setting::Null => Limits::above(0.0),
        /// The price of a leaf: tests that lower the impurity by less are pruned.
        ccp_alpha: f64 = 0.0 => Limits::at_least(0.0),
    }
}

impl Declaration for RandomForest {
    type Model = TreeModel;
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification, Task::Regression],
        missing: true,
        categories: false,
        scaled: false,
        weights: true,
    };

    fn check(&self) -> Result<(), BadSetting> {
        settings::check_features(&self.max_features)?;
        settings::check_rows("min_samples_split", &self.min_samples_split, 2)?;
        settings::check_rows("min_samples_leaf", &self.min_samples_leaf, 1)?;
        settings::check_rows("max_samples", &self.max_samples, 1)?;
        if !self.bootstrap && self.max_samples != Setting::Null {
            return Err(BadSetting {
                param: "max_samples",
                message: "`max_samples` is used with `bootstrap: true` alone".to_owned(),
            });
        }
        Ok(())
    }
}

impl Estimator for RandomForest {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let rows = Rows::new(sample)?;
        let leaf = settings::rows(&self.min_samples_leaf, rows.len(), 1);
        let split = settings::rows(&self.min_samples_split, rows.len(), 2).max(2 * leaf);
        let draws = settings::draws(&self.max_samples, rows.len());
        // Drawn rows count once a draw, whatever their weight.
        let weight = if self.bootstrap { draws as f64 } else { rows.weight() };
        let stops = Stops {
            splitter: Splitter::Best,
            max_features: settings::features(
                &self.max_features,
                sample.features.width(),
                sample.target,
            ),
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: split,
            min_samples_leaf: leaf,
            min_weight_leaf: self.min_weight_fraction_leaf * weight,
            max_leaf_nodes: self.max_leaf_nodes,
            min_impurity_decrease: self.min_impurity_decrease,
        };
        let plan = Plan {
            trees: self.n_estimators,
            draws: self.bootstrap.then_some(draws),
            measure: self.criterion,
            stops,
            ccp_alpha: self.ccp_alpha,
        };
        Ok(Box::new(rows.fit(&plan, context)?))
    }
}
