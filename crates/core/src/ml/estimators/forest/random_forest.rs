//! `random_forest`: trees on drawn rows and columns, after scikit-learn's `RandomForestClassifier`
//! and `RandomForestRegressor`.

use super::grown::{self, Growth, forest};
use crate::ml::columns::Shape;
use crate::ml::estimator::{
    BadSetting, Estimator, FitContext, FitError, Fitted, Flaw, Sample, Tags,
};
use crate::ml::estimators::kind::Declaration;
use crate::ml::estimators::tree::cart::monotone::{self, MONOTONE};
use crate::ml::estimators::tree::cart::settings::{self, DRAWS, Measure, ROWS};
use crate::ml::estimators::tree::cart::{Splitter, TreeModel};
use crate::params::{Args, Limits, Setting};

forest! {
    /// Many trees, each on other rows and columns; their answers are averaged.
    ///
    /// Takes missing values as they are, and needs hardly any tuning. Names, meanings and defaults are
    /// those of scikit-learn's `RandomForestClassifier` and `RandomForestRegressor`.
    RandomForest("random_forest"), bootstrap: true
}

impl Declaration for RandomForest {
    type Model = TreeModel;
    const TAGS: Tags = grown::TAGS;
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        self.growth(Splitter::Best).check()
    }

    fn flaws(&self, _: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        monotone::flaws(&self.monotonic_cst, columns)
    }
}

impl Estimator for RandomForest {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        self.growth(Splitter::Best).fit(sample, context)
    }
}
