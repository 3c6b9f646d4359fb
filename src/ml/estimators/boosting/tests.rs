//! Gradient boosting against scikit-learn, and what must hold whatever the data.

use crate::ml::estimators::tree::cases::cases;

#[test]
fn it_answers_as_scikit_learn_s() {
    // scikit-learn keeps gradients in single precision.
    let wrong: Vec<String> =
        cases("gradient_boosting").iter().filter_map(|case| case.check(1e-4).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
