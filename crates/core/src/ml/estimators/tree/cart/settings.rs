//! Settings of several shapes that trees and forests share.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares and logarithms of counts are small and not negative"
)]

use crate::data::Target;
use crate::ml::estimator::BadSetting;
use crate::params;
use crate::params::{Declared, Kind, Setting};

params! {
    /// Rules for how many columns are tried at a node.
    pub(crate) enum FeatureRule {
        /// `sqrt` for classes, all for numbers.
        Auto = "auto",
        /// The square root of the number of columns.
        Sqrt = "sqrt",
        /// The logarithm of the number of columns to base 2.
        Log2 = "log2",
    }
}

/// `auto`, `sqrt`, `log2`, a number of columns, or a share of them; `null` is all.
pub(crate) const FEATURES: Kind =
    Kind::Optional(&Kind::OneOf(&[FeatureRule::KIND, Kind::Int, Kind::Share]));

/// A number of rows, or a share of them.
pub(crate) const ROWS: Kind = Kind::OneOf(&[Kind::Int, Kind::Share]);

/// A number of rows, or a share of them; `null` is as many as there are.
pub(crate) const DRAWS: Kind = Kind::Optional(&ROWS);

params! {
    /// Measures of how mixed the rows of a node are.
    pub(crate) enum Measure {
        /// `gini` for classes, `squared_error` for numbers.
        Auto = "auto",
        /// The Gini index, for classes.
        Gini = "gini",
        /// The entropy, for classes.
        Entropy = "entropy",
        /// The entropy, for classes.
        LogLoss = "log_loss",
        /// The squared error around the mean, for numbers.
        SquaredError = "squared_error",
        /// The absolute error around the median, for numbers.
        AbsoluteError = "absolute_error",
        /// The Poisson deviance around the mean, for numbers from 0 on.
        Poisson = "poisson",
    }
}

/// Checks a number of rows that is at least `least`, or a share above 0.
pub(in crate::ml::estimators) fn check_rows(
    param: &'static str,
    setting: &Setting,
    least: i64,
) -> Result<(), BadSetting> {
    let fine = match setting {
        Setting::Null => true,
        Setting::Int(number) => *number >= least,
        Setting::Float(share) | Setting::Share(share) => *share > 0.0 && *share <= 1.0,
        _ => false,
    };
    let message = || {
        format!(
            "`{param}` is a number from {least} on or a share above 0, but is {}",
            setting.spoken()
        )
    };
    if fine { Ok(()) } else { Err(BadSetting { param, message: message() }) }
}

/// Checks how many columns are tried.
pub(in crate::ml::estimators) fn check_features(setting: &Setting) -> Result<(), BadSetting> {
    match setting {
        Setting::Word(_) => Ok(()),
        other => check_rows("max_features", other, 1),
    }
}

/// Counts rows: a share is rounded up.
pub(in crate::ml::estimators) fn rows(setting: &Setting, all: usize, least: usize) -> usize {
    match setting {
        Setting::Int(number) => usize::try_from(*number).unwrap_or(least).max(least),
        Setting::Float(share) | Setting::Share(share) => {
            ((share * all as f64).ceil() as usize).max(least)
        }
        _ => least,
    }
}

/// Counts draws: a share is rounded down; left out means as many as there are rows.
pub(in crate::ml::estimators) fn draws(setting: &Setting, all: usize) -> usize {
    match setting {
        Setting::Int(number) => usize::try_from(*number).unwrap_or(all).max(1),
        Setting::Float(share) | Setting::Share(share) => ((share * all as f64) as usize).max(1),
        _ => all,
    }
}

/// Counts the columns that are tried at a node.
pub(in crate::ml::estimators) fn features(
    setting: &Setting,
    columns: usize,
    target: &Target,
) -> usize {
    let sqrt = || (columns as f64).sqrt() as usize;
    let count = match setting {
        Setting::Word(word) => match word.as_str() {
            "sqrt" => sqrt(),
            "log2" => (columns as f64).log2() as usize,
            _ if matches!(target, Target::Classes { .. }) => sqrt(),
            _ => columns,
        },
        Setting::Int(number) => usize::try_from(*number).unwrap_or(columns).min(columns),
        Setting::Float(share) | Setting::Share(share) => (share * columns as f64) as usize,
        _ => columns,
    };
    count.max(1)
}
