//! `extra_trees`: trees cut at random values, after scikit-learn's `ExtraTreesClassifier` and
//! `ExtraTreesRegressor`.

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
    /// Many trees that cut columns at random values; their answers are averaged.
    ///
    /// Smoother and faster than a random forest. Takes missing values as they are. Names, meanings and
    /// defaults are those of scikit-learn's `ExtraTreesClassifier` and `ExtraTreesRegressor`.
    ExtraTrees("extra_trees"), bootstrap: false
}

impl Declaration for ExtraTrees {
    type Model = TreeModel;
    const TAGS: Tags = grown::TAGS;
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), BadSetting> {
        self.growth(Splitter::Random).check()
    }

    fn flaws(&self, _: &Args, columns: Option<&Shape>) -> Vec<Flaw> {
        monotone::flaws(&self.monotonic_cst, columns)
    }
}

impl Estimator for ExtraTrees {
    fn fit(
        &self,
        sample: &Sample<'_>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        self.growth(Splitter::Random).fit(sample, context)
    }
}
