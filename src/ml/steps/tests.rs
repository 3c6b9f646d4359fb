//! Every step against scikit-learn, and what is true of all steps.

use std::sync::Arc;

use super::STEPS;
use super::fixture::{check_cases, check_round_trip, fit, same_bits};
use crate::data::{Column, Frame, NO_CATEGORY, NO_TIME, Target};

#[test]
fn numbers_agree_with_scikit_learn() {
    for kind in STEPS {
        let word = kind.signature().name;
        if std::env::var("WORD").is_ok_and(|own| own != word) { continue; }
        if !["category", "drop_constant", "clip", "date_parts"].contains(&word) {
            check_cases(word);
        }
    }
}
