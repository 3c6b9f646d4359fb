//! What forests of grown trees share: their settings, and how these become trees.
//!
//! `random_forest` and `extra_trees` differ in how a tree cuts a column, and in whether it draws rows
//! if nothing is said.

use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Sample, Tags, Task,
};
use crate::ml::estimators::tree::cart::fit::{Plan, Rows};
use crate::ml::estimators::tree::cart::monotone;
use crate::ml::estimators::tree::cart::settings::{self, Measure};
use crate::ml::estimators::tree::cart::{Splitter, Stops};
use crate::params::Setting;

/// What each forest can do.
pub(super) const TAGS: Tags = Tags {
    tasks: &[Task::Classification, Task::Regression],
    missing: true,
    categories: false,
    scaled: false,
    weights: true,
};

/// Declares a forest, and gives its settings as a [`Growth`].
macro_rules! forest {
    ($(#[doc = $doc:literal])* $name:ident($word:literal), bootstrap: $bootstrap:literal) => {
        $crate::params! {
            $(#[doc = $doc])*
            pub(crate) struct $name($word, 0) {
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
                bootstrap: bool = $bootstrap,
                /// How many rows are drawn for a tree: a number, a share; `null` is as many as there are.
                max_samples: Setting as (DRAWS) = Setting::Null => Limits::above(0.0),
                /// Whether each row is judged by the trees that did not draw it, which costs a prediction.
                /// `.history` of `train` has the score after each tree, `accuracy` for classes and `r2` for
                /// numbers: `validation` is that of those trees, `train` that of all.
                oob_score: bool = false,
                /// The price of a leaf: tests that lower the impurity by less are pruned.
                ccp_alpha: f64 = 0.0 => Limits::at_least(0.0),
                /// Columns that answers must rise with (1) or fall with (−1): `{ age: 1, price: -1 }`; of
                /// two classes the probability of the second, more are refused.
                monotonic_cst: Setting as (MONOTONE) = Setting::Null => Limits::between(-1.0, 1.0),
            }
        }

        impl $name {
            const fn growth(&self, splitter: Splitter) -> Growth<'_> {
                Growth {
                    splitter,
                    trees: self.n_estimators,
                    criterion: self.criterion,
                    max_depth: self.max_depth,
                    min_samples_split: &self.min_samples_split,
                    min_samples_leaf: &self.min_samples_leaf,
                    min_weight_fraction_leaf: self.min_weight_fraction_leaf,
                    max_features: &self.max_features,
                    max_leaf_nodes: self.max_leaf_nodes,
                    min_impurity_decrease: self.min_impurity_decrease,
                    bootstrap: self.bootstrap,
                    max_samples: &self.max_samples,
                    oob_score: self.oob_score,
                    ccp_alpha: self.ccp_alpha,
                    monotonic_cst: &self.monotonic_cst,
                }
            }
        }
    };
}

pub(super) use forest;

/// How the trees of a forest are grown; the fields are the settings of the same names.
pub(super) struct Growth<'a> {
    pub(super) splitter: Splitter,
    pub(super) trees: usize,
    pub(super) criterion: Measure,
    pub(super) max_depth: Option<usize>,
    pub(super) min_samples_split: &'a Setting,
    pub(super) min_samples_leaf: &'a Setting,
    pub(super) min_weight_fraction_leaf: f64,
    pub(super) max_features: &'a Setting,
    pub(super) max_leaf_nodes: Option<usize>,
    pub(super) min_impurity_decrease: f64,
    pub(super) bootstrap: bool,
    pub(super) max_samples: &'a Setting,
    pub(super) oob_score: bool,
    pub(super) ccp_alpha: f64,
    pub(super) monotonic_cst: &'a Setting,
}

impl Growth<'_> {
    /// Refuses settings that don't go together.
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        settings::check_features(self.max_features)?;
        settings::check_rows("min_samples_split", self.min_samples_split, 2)?;
        settings::check_rows("min_samples_leaf", self.min_samples_leaf, 1)?;
        settings::check_rows("max_samples", self.max_samples, 1)?;
        let param = match (self.max_samples, self.oob_score) {
            _ if self.bootstrap => return Ok(()),
            (Setting::Null, false) => return Ok(()),
            (Setting::Null, true) => "oob_score",
            _ => "max_samples",
        };
        let message = format!("`{param}` is used with `bootstrap: true` alone");
        Err(BadSetting { param, message })
    }
}

impl Estimator for Growth<'_> {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let rows = Rows::new(sample)?;
        let leaf = settings::rows(self.min_samples_leaf, rows.len(), 1);
        let split = settings::rows(self.min_samples_split, rows.len(), 2).max(2 * leaf);
        let draws = settings::draws(self.max_samples, rows.len());
        // Drawn rows count once a draw, whatever their weight.
        let weight = if self.bootstrap { draws as f64 } else { rows.weight() };
        let stops = Stops {
            splitter: self.splitter,
            max_features: settings::features(
                self.max_features,
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
            trees: self.trees,
            draws: self.bootstrap.then_some(draws),
            measure: self.criterion,
            stops,
            ccp_alpha: self.ccp_alpha,
            monotone: monotone::signs(self.monotonic_cst, sample)?,
            oob_score: self.oob_score,
        };
        Ok(Box::new(rows.fit(&plan, context)?))
    }
}
