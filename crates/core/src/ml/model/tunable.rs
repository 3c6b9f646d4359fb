//! The paths that a search may set: `estimator.max_depth`, `steps.impute.strategy`,
//! `estimator.optimizer.learning_rate`.
//!
//! A path goes through calls by the names of their parameters, and through lists of calls by their
//! words; where a word stands twice, the first one is meant.

use super::{ModelSpec, Steps, kinds};
use crate::ml::estimator::BadSetting;
use crate::params::{Bound, Call, Family, Kind, Param, Setting, Signature};

impl ModelSpec {
    /// Lists every path that can be set, with the parameter behind it.
    #[must_use]
    pub fn tunable(&self) -> Vec<(String, &'static Param)> {
        let mut paths = Vec::new();
        if let Some(kind) = self.kind() {
            of_call("estimator", kind.signature(), &self.estimator, &mut paths);
        }
        if let Steps::List(calls) = &self.steps {
            of_calls("steps", Family::Step, calls.iter(), &mut paths);
        }
        paths
    }

    /// Sets the parameter behind a path; what isn't a path changes nothing.
    ///
    /// # Errors
    /// The value doesn't go together with other parameters.
    pub fn set(&mut self, path: &str, value: Setting) -> Result<(), BadSetting> {
        let is_step = path.starts_with("steps.");
        let Some((call, inside)) = self.root_mut(path) else { return Ok(()) };
        put(call, inside, value);
        match kinds::step(call) {
            Some(kind) if is_step => kind.bind(&call.args).map(drop),
            _ => self.bind_estimator().map(drop),
        }
    }

    /// Gives the value behind a path, if there is such a path.
    #[must_use]
    pub fn setting(&self, path: &str) -> Option<&Setting> {
        let (call, inside) = match (path.split_once('.')?, &self.steps) {
            (("estimator", inside), _) => (&self.estimator, inside),
            (("steps", inside), Steps::List(calls)) => {
                let (word, inside) = inside.split_once('.')?;
                (calls.iter().find(|call| call.name == word)?, inside)
            }
            _ => return None,
        };
        look_up(call, inside)
    }

    /// Finds the estimator or the step that a path begins with, and gives the rest of the path.
    fn root_mut<'p>(&mut self, path: &'p str) -> Option<(&mut Call, &'p str)> {
        match (path.split_once('.')?, &mut self.steps) {
            (("estimator", inside), _) => Some((&mut self.estimator, inside)),
            (("steps", inside), Steps::List(calls)) => {
                let (word, inside) = inside.split_once('.')?;
                Some((calls.iter_mut().find(|call| call.name == word)?, inside))
            }
            _ => None,
        }
    }
}

/// Lists the paths inside of a call.
fn of_call(
    owner: &str,
    signature: &'static Signature,
    call: &Call,
    paths: &mut Vec<(String, &'static Param)>,
) {
    for param in signature.params {
        let path = format!("{owner}.{}", param.name);
        paths.push((path.clone(), param));
        let (Some(family), Some(bound)) = (family_of(&param.kind), call.args.get(param.name))
        else {
            continue;
        };
        match &bound.setting {
            Setting::Call(inner) => {
                if let Some(signature) = kinds::signature(family, inner.name) {
                    of_call(&path, signature, inner, paths);
                }
            }
            Setting::List(items) => of_calls(&path, family, items.iter().filter_map(called), paths),
            _ => {}
        }
    }
}

/// Lists the paths inside of a list of calls.
fn of_calls<'c>(
    owner: &str,
    family: Family,
    calls: impl Iterator<Item = &'c Call>,
    paths: &mut Vec<(String, &'static Param)>,
) {
    let mut seen: Vec<&str> = Vec::new();
    for call in calls {
        if let (false, Some(signature)) =
            (seen.contains(&call.name), kinds::signature(family, call.name))
        {
            seen.push(call.name);
            of_call(&format!("{owner}.{}", call.name), signature, call, paths);
        }
    }
}

/// Gives the family of the calls that a parameter takes.
fn family_of(kind: &Kind) -> Option<Family> {
    match kind {
        Kind::Call(family) => Some(*family),
        Kind::Optional(inner) | Kind::List(inner) => family_of(inner),
        _ => None,
    }
}

fn called(item: &Bound) -> Option<&Call> {
    if let Setting::Call(call) = &item.setting { Some(call) } else { None }
}

/// Sets the parameter behind a path inside of a call; all on the way then counts as written.
fn put(call: &mut Call, path: &str, value: Setting) {
    let (name, inside) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let Some(bound) = call.args.get_mut(name) else { return };
    bound.written = true;
    let Some(inside) = inside else {
        bound.setting = value;
        return;
    };
    match &mut bound.setting {
        Setting::Call(inner) => put(inner, inside, value),
        Setting::List(items) => {
            let Some((word, inside)) = inside.split_once('.') else { return };
            let inner = items.iter_mut().find_map(|item| match &mut item.setting {
                Setting::Call(inner) if inner.name == word => Some(inner),
                _ => None,
            });
            if let Some(inner) = inner {
                put(inner, inside, value);
            }
        }
        _ => {}
    }
}

/// Gives the value behind a path inside of a call.
fn look_up<'c>(call: &'c Call, path: &str) -> Option<&'c Setting> {
    let Some((name, inside)) = path.split_once('.') else {
        return call.args.get(path).map(|bound| &bound.setting);
    };
    match &call.args.get(name)?.setting {
        Setting::Call(inner) => look_up(inner, inside),
        Setting::List(items) => {
            let (word, inside) = inside.split_once('.')?;
            look_up(items.iter().filter_map(called).find(|inner| inner.name == word)?, inside)
        }
        _ => None,
    }
}
