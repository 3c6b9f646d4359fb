//! The paths that a search may set: `estimator.max_depth`, `steps.impute.strategy`.

use super::{ModelSpec, Steps, kinds};
use crate::ml::estimator::BadSetting;
use crate::params::{Call, Param, Setting, Signature};

impl ModelSpec {
    /// Lists every path that can be set, with the parameter behind it.
    ///
    /// A step is named by its word; where a word stands twice, the first one is meant.
    #[must_use]
    pub fn tunable(&self) -> Vec<(String, &'static Param)> {
        let mut paths = Vec::new();
        let mut add = |owner: &str, signature: &'static Signature| {
            let path = |param: &'static Param| (format!("{owner}.{}", param.name), param);
            paths.extend(signature.params.iter().map(path));
        };
        if let Some(kind) = self.kind() {
            add("estimator", kind.signature());
        }
        if let Steps::List(calls) = &self.steps {
            let mut seen: Vec<&str> = Vec::new();
            for call in calls {
                if let (false, Some(kind)) = (seen.contains(&call.name), kinds::step(call)) {
                    seen.push(call.name);
                    add(&format!("steps.{}", call.name), kind.signature());
                }
            }
        }
        paths
    }

    /// Sets the parameter behind a path; what isn't a path changes nothing.
    ///
    /// # Errors
    /// The value doesn't go together with other parameters.
    pub fn set(&mut self, path: &str, value: Setting) -> Result<(), BadSetting> {
        let Some((owner, param)) = path.rsplit_once('.') else { return Ok(()) };
        let call = match owner {
            "estimator" => Some(&mut self.estimator),
            _ => owner.strip_prefix("steps.").and_then(|word| self.step_mut(word)),
        };
        let Some(call) = call else { return Ok(()) };
        if let Some(bound) = call.args.get_mut(param) {
            bound.setting = value;
            bound.written = true;
        }
        match (owner, kinds::step(call)) {
            ("estimator", _) => self.bind_estimator().map(drop),
            (_, Some(kind)) => kind.bind(&call.args).map(drop),
            (_, None) => Ok(()),
        }
    }

    /// Gives the value behind a path, if there is such a path.
    #[must_use]
    pub fn setting(&self, path: &str) -> Option<&Setting> {
        let (owner, param) = path.rsplit_once('.')?;
        let call = match (owner, &self.steps) {
            ("estimator", _) => &self.estimator,
            (_, Steps::List(calls)) => {
                let word = owner.strip_prefix("steps.")?;
                calls.iter().find(|call| call.name == word)?
            }
            (_, Steps::Auto) => return None,
        };
        call.args.get(param).map(|bound| &bound.setting)
    }

    fn step_mut(&mut self, word: &str) -> Option<&mut Call> {
        match &mut self.steps {
            Steps::Auto => None,
            Steps::List(calls) => calls.iter_mut().find(|call| call.name == word),
        }
    }
}
