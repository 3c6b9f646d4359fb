//! Associations against scipy's and scikit-learn's.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn values(json: &Json) -> Values {
    let items = json.as_array().unwrap();
    if items.iter().any(Json::is_string) {
        let mut words: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
        words.sort_unstable();
        words.dedup();
        let code = |item: &Json| {
            item.as_str().map_or(NO_LEVEL, |word| words.binary_search(&word).unwrap() as u32)
        };
        return Values::Levels { codes: items.iter().map(code).collect(), count: words.len() };
    }
    Values::Numbers(items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN)).collect())
}

fn one(method: Method, left: Values, right: Values) -> Association {
    let columns = [left, right];
    associate(method, &columns, &[(0, 1)], Seed::new(0), &AtomicBool::new(false)).unwrap()[0]
}

fn numbers(values: &[f64]) -> Values {
    Values::Numbers(values.to_vec())
}

fn fixture() -> Json {
    let text = std::fs::read_to_string("tests/fixtures/statistics/association.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

/// scipy's `pearsonr`, `spearmanr`, `kendalltau`, `association` and `chi2_contingency`, scikit-learn's
/// `mutual_info_*`; tolerance 1e-12 on coefficients, 1e-9 relative on p-values, and 1e-9 where
/// noise of 1e-10 is part of the estimate.
#[test]
fn associations_agree_with_scipy_and_scikit_learn() {
    let methods = [
        ("pearson", Method::Pearson),
        ("spearman", Method::Spearman),
        ("kendall", Method::Kendall),
        ("cramers_v", Method::CramersV),
        ("mutual_info", Method::MutualInfo),
    ];
    for (at, case) in fixture()["cases"].as_array().unwrap().iter().enumerate() {
        let name = case["method"].as_str().unwrap();
        let method = methods.iter().find(|(own, _)| *own == name).unwrap().1;
        let found = one(method, values(&case["left"]), values(&case["right"]));
        let expected = case["coefficient"].as_f64();
        assert_eq!(found.coefficient.is_nan(), expected.is_none(), "{at} {name}: {found:?}");
        let off = (found.coefficient - expected.unwrap_or(f64::NAN)).abs();
        let tolerance = if name == "mutual_info" { 1e-9 } else { 1e-12 };
        assert!(
            expected.is_none() || off <= tolerance,
            "{at} {name}: {found:?}, expected {expected:?}"
        );
        let expected = case["p"].as_f64();
        assert_eq!(found.p.is_nan(), expected.is_none(), "{at} {name}: {found:?} {expected:?}");
        if matches!(name, "pearson" | "spearman") && found.coefficient.abs() > 1.0 - 1e-12 {
            // How far from a perfect line is rounding alone, and p follows its square root.
            continue;
        }
        let expected = expected.unwrap_or(f64::NAN);
        let off = (found.p - expected).abs();
        assert!(
            expected.is_nan() || off <= 1e-9 * expected.max(1e-300),
            "{at} {name}: {found:?}, p {expected}"
        );
    }
}

/// scipy's `false_discovery_control`; tolerance 1e-14.
#[test]
fn adjusted_values_agree_with_scipy() {
    let list = |json: &Json| -> Vec<f64> {
        json.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect()
    };
    let fixture = fixture();
    let mut p = list(&fixture["p"]);
    let found = benjamini_hochberg(&p);
    for (found, expected) in found.iter().zip(list(&fixture["p_adjusted"])) {
        assert!((found - expected).abs() < 1e-14);
    }
    p.insert(7, f64::NAN);
    let mut with_hole = benjamini_hochberg(&p);
    assert!(with_hole.remove(7).is_nan());
    assert_eq!(with_hole, found);
}

#[test]
fn what_has_no_spread_has_no_association() {
    let constant = numbers(&[0.1; 9]);
    let line = numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    for method in [Method::Pearson, Method::Spearman, Method::Kendall] {
        let found = one(method, constant.clone(), line.clone());
        assert!(found.coefficient.is_nan() && found.p.is_nan(), "{method:?}");
        let nothing = one(method, numbers(&[f64::NAN]), numbers(&[1.0]));
        assert!(nothing.coefficient.is_nan() && nothing.rows == 0);
    }
    let level = Values::Levels { codes: vec![0, 0, NO_LEVEL], count: 1 };
    assert!(one(Method::CramersV, level.clone(), level.clone()).coefficient.is_nan());
    assert_eq!(one(Method::MutualInfo, level.clone(), level).coefficient, 0.0);
    assert!(one(Method::MutualInfo, numbers(&[1.0]), numbers(&[2.0])).coefficient.is_nan());
}

#[test]
fn sizes_that_overflow_when_squared_do_no_harm() {
    let far = numbers(&[1e200, 2e200, 4e200, 3e200]);
    let near = numbers(&[1e-200, 2e-200, 4e-200, 3e-200]);
    assert!((one(Method::Pearson, far, near).coefficient - 1.0).abs() < 1e-15);
}

/// Counts pairs one by one.
fn tau_by_pairs(x: &[f64], y: &[f64]) -> f64 {
    let (mut balance, mut untied_x, mut untied_y) = (0.0, 0.0, 0.0);
    for i in 0..x.len() {
        for j in 0..i {
            let sign = |a: f64, b: f64| {
                if a > b {
                    1.0
                } else if a < b {
                    -1.0
                } else {
                    0.0
                }
            };
            let (a, b) = (sign(x[i], x[j]), sign(y[i], y[j]));
            balance += a * b;
            untied_x += a * a;
            untied_y += b * b;
        }
    }
    balance / f64::sqrt(untied_x * untied_y)
}

/// Tells whether two values are near each other, or both not there.
fn near(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance || (one.is_nan() && other.is_nan())
}

proptest! {
    #[test]
    fn tau_is_what_counting_pairs_gives(pairs in prop::collection::vec((-4_i8..5, -4_i8..5), 2..60)) {
        let (x, y): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|(x, y)| (f64::from(*x), f64::from(*y))).unzip();
        let found = one(Method::Kendall, numbers(&x), numbers(&y));
        let expected = tau_by_pairs(&x, &y);
        prop_assert_eq!(found.coefficient.is_nan(), expected.is_nan());
        prop_assert!(near(found.coefficient, expected, 1e-12));
        prop_assert!(found.p.is_nan() || (0.0..=1.0).contains(&found.p));
    }

    #[test]
    fn sides_may_be_swapped(pairs in prop::collection::vec((-4_i8..5, 0_u32..4), 0..60)) {
        let x: Vec<f64> = pairs.iter().map(|(x, _)| f64::from(*x)).collect();
        let y: Vec<f64> = pairs.iter().map(|(_, y)| f64::from(*y)).collect();
        for method in [Method::Pearson, Method::Spearman, Method::Kendall] {
            let found = one(method, numbers(&x), numbers(&y));
            let other = one(method, numbers(&y), numbers(&x));
            prop_assert!(near(found.coefficient, other.coefficient, 1e-12));
            prop_assert!(near(found.p, other.p, 1e-9));
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let column = |factor: u64| {
        Values::Numbers((0..9000_u64).map(|row| (row * factor % 9973) as f64).collect())
    };
    let columns = [column(3), column(31), column(977)];
    let all = |method| {
        let pairs = [(0, 1), (0, 2), (1, 2)];
        let found = associate(method, &columns, &pairs, Seed::new(1), &AtomicBool::new(false));
        found
            .unwrap()
            .iter()
            .map(|own| (own.coefficient.to_bits(), own.p.to_bits()))
            .collect::<Vec<_>>()
    };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for method in [Method::Pearson, Method::Spearman, Method::Kendall, Method::MutualInfo] {
        assert_eq!(alone.install(|| all(method)), all(method), "{method:?}");
    }
}
