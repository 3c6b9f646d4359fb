//! `drop_constant`: leaves out columns that tell nothing.

use serde::{Deserialize, Serialize};

use super::impute::{has_missing, is_empty};
use super::kind::{Declaration, Learnt, saved};
use super::picked::{Picking, applied, joined, listed};
use crate::data::{Column, Frame, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;

params! {
    /// Leaves out columns that are empty, or have the same value in every training row.
    ///
    /// A column with one value that is missing in some rows stays: that it is missing may tell
    /// something.
    pub struct DropConstant("drop_constant", 1) {
        /// The columns to look at; left out, all.
        columns: Option<Columns> = None,
    }
}

/// The columns that are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dropped {
    empty: Vec<String>,
    constant: Vec<String>,
}

impl DropConstant {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "drop_constant",
            columns: self.columns.as_ref(),
            takes: |_| true,
            suits: |_| true,
            expected: "every column",
        }
    }
}

/// Tells whether all rows have the same value.
fn is_constant(column: &Column) -> bool {
    fn same<T: PartialEq>(values: &[T]) -> bool {
        values.windows(2).all(|pair| pair[0] == pair[1])
    }
    !has_missing(column)
        && match column {
            Column::Number(values) | Column::Flag(values) => same(values),
            Column::Category { codes, .. } => same(codes),
            Column::Text(texts) => same(texts),
            Column::Time(times) => same(times),
        }
}

impl Step for DropConstant {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let named = |is: fn(&Column) -> bool| {
            let dropped = picked.iter().filter(|at| is(&frame.columns()[**at]));
            dropped.map(|at| frame.names()[*at].to_string()).collect()
        };
        let fitted = Dropped {
            empty: named(is_empty),
            constant: named(|column| !is_empty(column) && is_constant(column)),
        };
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        self.picking().known(before)?;
        Ok(before.clone())
    }
}

impl Declaration for DropConstant {
    type Learnt = Dropped;
}

impl FittedStep for Dropped {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let dropped = |name: &str| self.empty.iter().chain(&self.constant).any(|own| own == name);
        let without: Vec<usize> =
            (0..frame.width()).filter(|at| dropped(&frame.names()[*at])).collect();
        Ok(joined(frame, &without, Vec::new()))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        let why = |why: &'static str| move |name: &String| format!("{name} ({why})");
        let parts =
            self.empty.iter().map(why("empty")).chain(self.constant.iter().map(why("constant")));
        match self.empty.len() + self.constant.len() {
            0 => "nothing to drop".to_owned(),
            _ => listed(parts),
        }
    }
}

impl Learnt for Dropped {}
