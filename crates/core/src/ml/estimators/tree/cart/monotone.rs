//! `monotonic_cst`: the columns with which answers must rise or fall, as trees, forests and boosting
//! read it.

use crate::data::{Frame, Sort, Target};
use crate::diag::nearest;
use crate::ml::columns::Shape;
use crate::ml::estimator::{FitError, Flaw, Sample};
use crate::params::{Bound, Kind, Setting};

/// A map from columns to −1, 0 or 1.
pub(crate) const MONOTONE: Kind = Kind::Optional(&Kind::Map(&Kind::Int));

const NAME: &str = "monotonic_cst";

/// Says which entries name no column, or one without an order, as far as columns are known.
pub(in crate::ml::estimators) fn flaws(setting: &Setting, columns: Option<&Shape>) -> Vec<Flaw> {
    let (Setting::Map(wanted), Some(shape)) = (setting, columns) else { return Vec::new() };
    let flaw = |(name, bound): (&String, &Bound)| flaw(NAME, (name.as_str(), bound), shape, false);
    wanted.iter().filter_map(flaw).collect()
}

/// Says what is wrong with a column that a setting names.
pub(in crate::ml::estimators) fn flaw(
    setting: &str,
    (name, bound): (&str, &Bound),
    shape: &Shape,
    takes_categories: bool,
) -> Option<Flaw> {
    let span = Some(bound.span);
    match shape.sort(name) {
        None if shape.open => None,
        None => {
            let names = shape.columns.iter().map(|(own, _)| &**own);
            let help = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            Some(Flaw { span, message: no_feature(setting, name), help })
        }
        Some(Sort::Category) if !takes_categories => {
            Some(Flaw { span, message: no_order(name), help: None })
        }
        Some(_) => None,
    }
}

/// Says that a setting names what is no feature.
pub(in crate::ml::estimators) fn no_feature(setting: &str, name: &str) -> String {
    format!("`{setting}` names `{name}`, which is no feature")
}

fn no_order(name: &str) -> String {
    format!("`{NAME}` is for numbers, but `{name}` holds categories")
}

/// Reads the sign of each column; nothing where all are free.
pub(in crate::ml::estimators) fn signs(
    setting: &Setting,
    sample: &Sample<'_>,
) -> Result<Vec<i8>, FitError> {
    let Setting::Map(wanted) = setting else { return Ok(Vec::new()) };
    let mut signs = vec![0; sample.features.width()];
    for (name, bound) in wanted {
        signs[place(NAME, name, sample.features)?] = match bound.setting {
            Setting::Int(1) => 1,
            Setting::Int(-1) => -1,
            _ => 0,
        };
    }
    let shape = Shape::of(sample.features);
    if let Some(flaw) = flaws(setting, Some(&shape)).pop() {
        return Err(FitError::Other(flaw.message));
    }
    if signs.iter().all(|sign| *sign == 0) {
        return Ok(Vec::new());
    }
    match sample.target {
        Target::Classes { classes, .. } if classes.len() > 2 => Err(FitError::Other(format!(
            "`{NAME}` is for numbers and for two classes, but the target has {}",
            classes.len()
        ))),
        _ => Ok(signs),
    }
}

/// Finds a column that a setting names.
pub(in crate::ml::estimators) fn place(
    setting: &str,
    name: &str,
    features: &Frame,
) -> Result<usize, FitError> {
    let found = features.names().iter().position(|own| **own == *name);
    found.ok_or_else(|| FitError::Other(no_feature(setting, name)))
}
