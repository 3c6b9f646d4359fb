//! `category`: makes categories of texts and numbers, for estimators that take categories as they are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::Declaration;
use super::levels::{Coded, Levels};
use super::picked::{ByColumn, Picking, Rule, applied, is_category, other_sort, retyped};
use crate::data::{Column, Frame, NO_CATEGORY, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;

params! {
    /// Makes categories of the values that the training rows have.
    ///
    /// For estimators that take categories as they are, such as `gradient_boosting`. A value that no training row has counts as missing.
    pub struct Category("category", 1) {
        /// The columns; left out, all text and categories.
        columns: Option<Columns> = None,
    }
}

/// The levels of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    levels: Levels,
}

impl Category {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "category",
            columns: self.columns.as_ref(),
            takes: |sort| sort != Sort::Time,
            suits: is_category,
            expected: "text, categories, bools and numbers",
        }
    }
}

impl Step for Category {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted = ByColumn::learn(frame, &picked, |name, column| {
            let refused = || other_sort(name, column, "levels");
            Coded::of(column).map(|coded| Known { levels: coded.levels }).ok_or_else(refused)
        })?;
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        Ok(retyped(before, &self.picking().known(before)?, Sort::Category))
    }
}

impl Declaration for Category {
    type Learnt = ByColumn<Known>;
}

impl Rule for Known {
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError> {
        let codes = self.levels.codes(name, column)?;
        // Numbers are sorted as numbers, categories as texts.
        let mut order: Vec<(String, usize)> =
            (0..self.levels.len()).map(|level| (self.levels.name(level), level)).collect();
        order.sort();
        let mut places = vec![NO_CATEGORY; order.len()];
        for (place, (_, level)) in (0..).zip(&order) {
            places[*level] = place;
        }
        let code = |code: &u32| places.get(*code as usize).copied().unwrap_or(NO_CATEGORY);
        let codes = codes.iter().map(code).collect();
        let levels = order.into_iter().map(|(name, _)| Arc::from(name)).collect();
        Ok(vec![(name.to_owned(), Column::Category { codes, levels })])
    }

    fn summary(&self) -> String {
        format!("{} levels", self.levels.len())
    }

    fn sound(&self) -> bool {
        self.levels.sound()
    }
}
