//! The columns that a step is for, and frames with some of their columns put in another's place.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kind::{Learnt, saved};
use crate::data::{Column, Frame, Sort};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::FitError;
use crate::ml::step::{FittedStep, Misfit};

/// How many cells of work are worth a thread of their own.
const PARALLEL_CELLS: usize = 1 << 16;

/// A step's word, the columns that the user picked for it, and those that it can take.
pub(super) struct Picking<'a> {
    /// The step, for messages.
    pub step: &'static str,
    /// What the user picked; none means what the step suits.
    pub columns: Option<&'a Columns>,
    /// What the step can take.
    pub takes: fn(Sort) -> bool,
    /// What the step is meant for when nothing is picked.
    pub suits: fn(Sort) -> bool,
    /// What it can take, as a user would say it, and what to do with others.
    pub expected: &'static str,
}

impl Picking<'_> {
    /// Finds the picked columns in a frame.
    pub(super) fn of(&self, frame: &Frame) -> Result<Vec<usize>, FitError> {
        let columns = Shape::of(frame).columns;
        self.find(&columns, false).map_err(|misfit| FitError::Other(misfit.to_string()))
    }

    /// Finds the picked columns among those known before a run.
    pub(super) fn known(&self, shape: &Shape) -> Result<Vec<usize>, Misfit> {
        self.find(&shape.columns, shape.open)
    }

    fn find(&self, columns: &[(Arc<str>, Sort)], open: bool) -> Result<Vec<usize>, Misfit> {
        let Some(picks) = self.columns else {
            let suited = columns.iter().enumerate().filter(|(_, (_, sort))| (self.suits)(*sort));
            return Ok(suited.map(|(at, _)| at).collect());
        };
        let (picked, missing) = picks.pick(columns);
        if let (Some(missing), false) = (missing.into_iter().next(), open) {
            return Err(Misfit::missing(self.step, missing));
        }
        match picked.iter().map(|at| &columns[*at]).find(|(_, sort)| !(self.takes)(*sort)) {
            Some((name, sort)) => Err(Misfit {
                step: self.step,
                column: Some(name.to_string()),
                span: picks.span_of(name),
                message: format!(
                    "column `{name}` holds {}, but `{}` takes {}",
                    sort.spoken(),
                    self.step,
                    self.expected
                ),
                help: None,
            }),
            None => Ok(picked),
        }
    }
}

/// What was learnt of one column, and how it makes others of it.
pub(super) trait Rule: Send + Sync {
    /// Makes the columns that stand in the column's place.
    fn apply(&self, name: &str, column: &Column) -> Result<Vec<(String, Column)>, FitError>;

    /// Says in a few words what was learnt.
    fn summary(&self) -> String;

    /// Tells whether what was read back can be used.
    fn sound(&self) -> bool {
        true
    }
}

/// A fitted step that treats each of its columns on its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ByColumn<R>(pub Vec<(String, R)>);

impl<R: Rule> ByColumn<R> {
    /// Learns a rule for each picked column.
    pub(super) fn learn(
        frame: &Frame,
        picked: &[usize],
        learn: impl Fn(&str, &Column) -> Result<R, FitError> + Sync,
    ) -> Result<Self, FitError> {
        let one = |at: &usize| {
            let (name, column) = (&frame.names()[*at], &frame.columns()[*at]);
            Ok((name.to_string(), learn(name, column)?))
        };
        each(picked, frame.rows(), one).map(Self)
    }
}

impl<R: Rule> ByColumn<R> {
    fn apply(&self, frame: &Frame) -> Result<Frame, FitError> {
        let places = places(frame, self.0.iter().map(|(name, _)| name.as_str()))?;
        let work: Vec<(usize, &(String, R))> = places.into_iter().zip(&self.0).collect();
        let one = |(at, (name, rule)): &(usize, &(String, R))| {
            Ok((*at, rule.apply(name, &frame.columns()[*at])?))
        };
        Ok(replaced(frame, each(&work, frame.rows(), one)?))
    }
}

impl<R: Rule + Serialize> FittedStep for ByColumn<R> {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        self.apply(frame)
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        listed(self.0.iter().map(|(name, rule)| format!("{name}: {}", rule.summary())))
    }
}

impl<R: Rule + Serialize + serde::de::DeserializeOwned + 'static> Learnt for ByColumn<R> {
    fn sound(&self) -> bool {
        self.0.iter().all(|(_, rule)| rule.sound())
    }
}

/// Works on each item, on several threads where that pays; the first error in order counts.
pub(super) fn each<T: Sync, U: Send>(
    items: &[T],
    rows: usize,
    work: impl Fn(&T) -> Result<U, FitError> + Sync,
) -> Result<Vec<U>, FitError> {
    if rows.saturating_mul(items.len()) < PARALLEL_CELLS {
        return items.iter().map(work).collect();
    }
    let done: Vec<Result<U, FitError>> = items.par_iter().map(&work).collect();
    done.into_iter().collect()
}

/// Finds columns by name.
pub(super) fn places<'a>(
    frame: &Frame,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<usize>, FitError> {
    let known: std::collections::HashMap<&str, usize> =
        frame.names().iter().enumerate().map(|(at, name)| (&**name, at)).collect();
    let place = |name: &str| {
        let missing = || FitError::Other(format!("there is no column `{name}`"));
        known.get(name).copied().ok_or_else(missing)
    };
    names.map(place).collect()
}

/// Puts columns in the places of others; `with` holds positions and what stands there instead.
pub(super) fn replaced(frame: &Frame, with: Vec<(usize, Vec<(String, Column)>)>) -> Frame {
    let mut instead: Vec<Option<Vec<(String, Column)>>> = vec![None; frame.width()];
    for (at, columns) in with {
        instead[at] = Some(columns);
    }
    let kept = frame.names().iter().zip(&instead).filter(|(_, instead)| instead.is_none());
    let mut taken: HashSet<String> = kept.map(|(name, _)| name.to_string()).collect();
    let mut result = Frame::new(frame.rows());
    for ((name, column), instead) in frame.iter().zip(instead) {
        match instead {
            None => result = result.with(name, column.clone()),
            Some(columns) => {
                for (name, column) in columns {
                    result = result.with(&fresh(&name, &mut taken), column);
                }
            }
        }
    }
    result
}

/// Takes columns out of a frame and puts others at its end.
pub(super) fn joined(frame: &Frame, without: &[usize], with: Vec<(String, Column)>) -> Frame {
    let mut left_out = vec![false; frame.width()];
    for at in without {
        left_out[*at] = true;
    }
    let kept = frame.iter().enumerate().filter(|(at, _)| !left_out[*at]);
    let mut result = Frame::new(frame.rows());
    let mut taken = HashSet::new();
    for (_, (name, column)) in kept {
        taken.insert(name.to_string());
        result = result.with(name, column.clone());
    }
    for (name, column) in with {
        result = result.with(&fresh(&name, &mut taken), column);
    }
    result
}

/// Gives a name that no other column has: a doubled one is numbered.
fn fresh(name: &str, taken: &mut HashSet<String>) -> String {
    let mut own = name.to_owned();
    let mut number = 2_usize;
    while !taken.insert(own.clone()) {
        own = format!("{name}_{number}");
        number += 1;
    }
    own
}

/// Gives a step that was just fitted, with what it makes of the rows it was fitted on.
pub(super) fn applied(
    fitted: impl FittedStep + 'static,
    frame: &Frame,
) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
    let transformed = fitted.transform(frame)?;
    Ok((Box::new(fitted), transformed))
}

/// Changes the shape as a step does that makes one column of each picked one, under its name.
pub(super) fn retyped(before: &Shape, picked: &[usize], sort: Sort) -> Shape {
    reshaped(before, picked, |name, _| vec![(name.to_owned(), sort)])
}

/// Changes the shape as a step does that makes columns of each picked one.
pub(super) fn reshaped(
    before: &Shape,
    picked: &[usize],
    becomes: impl Fn(&str, Sort) -> Vec<(String, Sort)>,
) -> Shape {
    let mut columns = Vec::with_capacity(before.columns.len());
    for (at, (name, sort)) in before.columns.iter().enumerate() {
        if picked.contains(&at) {
            let new = becomes(name, *sort).into_iter();
            columns.extend(new.map(|(name, sort)| (Arc::from(name.as_str()), sort)));
        } else {
            columns.push((Arc::clone(name), *sort));
        }
    }
    Shape { columns, open: before.open }
}

/// Joins the parts of a summary, the first few of many.
pub(super) fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    let (shown, rest) = parts.split_at(parts.len().min(8));
    match rest.len() {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

/// Says that a column holds something else than when the step was fitted.
pub(super) fn other_sort(name: &str, column: &Column, expected: &str) -> FitError {
    FitError::Column {
        column: name.to_owned(),
        found: column.spoken().to_owned(),
        expected: format!("it held {expected} when the step was fitted"),
    }
}

/// Gives a column's numbers, or says that it held some when the step was fitted.
pub(super) fn numbers_of<'a>(name: &str, column: &'a Column) -> Result<&'a [f64], FitError> {
    column.numbers().ok_or_else(|| other_sort(name, column, "numbers"))
}

pub(super) const fn is_number(sort: Sort) -> bool {
    matches!(sort, Sort::Number | Sort::Flag)
}

pub(super) const fn is_category(sort: Sort) -> bool {
    matches!(sort, Sort::Category | Sort::Text)
}
