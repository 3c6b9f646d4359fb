//! `interaction_cst`: the columns that may meet on one way down a tree, as a user writes them.

use super::engine::Interactions;
use crate::data::Frame;
use crate::ml::columns::Shape;
use crate::ml::estimator::{BadSetting, FitError, Flaw};
use crate::ml::estimators::tree::cart::monotone::{flaw, place};
use crate::params;
use crate::params::{Bound, Declared, Kind, Setting};

params! {
    /// Rules in place of lists of columns.
    pub(crate) enum Meeting {
        /// Any two columns.
        Pairwise = "pairwise",
        /// Each column by itself.
        NoInteractions = "no_interactions",
    }
}

/// Lists of columns, or a rule in their place.
pub(crate) const INTERACTIONS: Kind =
    Kind::Optional(&Kind::OneOf(&[Meeting::KIND, Kind::List(&Kind::List(&Kind::Column))]));

const NAME: &str = "interaction_cst";

fn sets(setting: &Setting) -> &[Bound] {
    if let Setting::List(sets) = setting { sets } else { &[] }
}

fn columns(set: &Bound) -> &[Bound] {
    if let Setting::List(columns) = &set.setting { columns } else { &[] }
}

/// Refuses columns that stand in no list of their own.
pub(super) fn check(setting: &Setting) -> Result<(), BadSetting> {
    // A single column is taken as a list of it, of which only its place tells.
    let is_bare = |set: &Bound| match columns(set) {
        [] => true,
        [only] => only.span == set.span && !set.span.range().is_empty(),
        _ => false,
    };
    if sets(setting).iter().any(is_bare) {
        let message =
            "`interaction_cst` is a list of lists of columns, such as `[[age, pay], [sex]]`";
        return Err(BadSetting { param: NAME, message: message.to_owned() });
    }
    Ok(())
}

/// Says which names are no columns, as far as those are known.
pub(super) fn flaws(setting: &Setting, shape: Option<&Shape>) -> Vec<Flaw> {
    let Some(shape) = shape else { return Vec::new() };
    let named = |column: &Bound| match &column.setting {
        Setting::Column(name) => flaw(NAME, (name.as_str(), column), shape, true),
        _ => None,
    };
    sets(setting).iter().flat_map(columns).filter_map(named).collect()
}

/// Reads the setting for some columns. Those that stand in no list may meet each other.
pub(super) fn read(setting: &Setting, features: &Frame) -> Result<Interactions, FitError> {
    let width = u32::try_from(features.width()).unwrap_or(u32::MAX);
    match Meeting::from_setting(setting) {
        Some(Meeting::Pairwise) => return Ok(Interactions::Pairs),
        Some(Meeting::NoInteractions) => {
            return Ok(Interactions::Sets((0..width).map(|column| vec![column]).collect()));
        }
        None => {}
    }
    let mut found: Vec<Vec<u32>> = Vec::new();
    for set in sets(setting) {
        let mut own = Vec::new();
        for column in columns(set) {
            let Setting::Column(name) = &column.setting else { continue };
            own.push(u32::try_from(place(NAME, name, features)?).unwrap_or(u32::MAX));
        }
        own.sort_unstable();
        own.dedup();
        found.push(own);
    }
    if found.is_empty() {
        return Ok(Interactions::Free);
    }
    let rest: Vec<u32> =
        (0..width).filter(|column| !found.iter().any(|set| set.contains(column))).collect();
    if !rest.is_empty() {
        found.push(rest);
    }
    Ok(Interactions::Sets(found))
}
