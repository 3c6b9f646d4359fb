//! Trees and forests against scikit-learn, and what must hold whatever the data.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use super::cases::{cases, floats};
use crate::data::Target;
use crate::ml::Seed;
use crate::ml::estimators::parity::{Data, fit};
use crate::params::Setting;

type Settings<'a> = &'a [(&'static str, Setting)];

#[test]
fn a_tree_answers_as_scikit_learn_s() {
    let mut wrong = Vec::new();
    for case in cases("decision_tree") {
        match case.check(1e-7) {
            Err(message) => wrong.push(message),
            Ok(fitted) => {
                let (own, wanted) = (fitted.importance().unwrap(), floats(&case.json["importance"]));
                if own.iter().zip(&wanted).any(|(own, wanted)| (own - wanted).abs() > 1e-7) {
                    wrong.push(format!("{}: importance {own:?} {wanted:?}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
