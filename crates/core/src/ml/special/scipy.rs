//! The functions against scipy's.

use serde_json::Value as Json;

use super::{chi_squared_upper_tail, digamma, normal, student};

/// Compares every case of the fixture: its last number is scipy's answer to the others.
///
/// Relative tolerance 1e-12. What is below 1e-300 may be anything as small.
#[test]
fn functions_agree_with_scipy() {
    let text = std::fs::read_to_string("tests/fixtures/statistics/special.json").unwrap();
    let all: Json = serde_json::from_str(&text).unwrap();
    let ours: [(&str, &dyn Fn(&[f64]) -> f64); 5] = [
        ("normal", &|x| normal::upper_tail(x[0])),
        ("student", &|x| student::two_sided(x[0], x[1])),
        ("student_quantile", &|x| student::two_sided_quantile(x[0], x[1])),
        ("chi_squared", &|x| chi_squared_upper_tail(x[0], x[1])),
        ("digamma", &|x| digamma(x[0])),
    ];
    for (name, ours) in ours {
        for case in all[name].as_array().unwrap() {
            let case: Vec<f64> =
                case.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let (expected, arguments) = case.split_last().unwrap();
            let found = ours(arguments);
            let off = (found - expected).abs();
            assert!(off <= 1e-12 * expected.abs().max(1e-300), "{name} {arguments:?}: {found}");
        }
    }
}

#[test]
fn far_and_broken_arguments_come_to_an_end() {
    let odd = [0.0, -0.0, -1.0, 1e-320, 1e-9, 0.3, 1e9, 1e18, 1e300, f64::INFINITY, f64::NAN];
    for x in odd {
        for y in odd {
            for p in [chi_squared_upper_tail(x, y), student::two_sided(x, y)] {
                assert!(p.is_nan() || (0.0..=1.0).contains(&p), "{x} {y}: {p}");
            }
        }
        assert!(normal::upper_tail(x).is_nan() || (0.0..=1.0).contains(&normal::upper_tail(x)));
    }
    assert!(student::two_sided_quantile(0.05, f64::NAN).is_nan());
}

#[test]
fn a_perfect_correlation_is_no_accident_and_none_is_no_surprise() {
    assert_eq!([student::of_correlation(1.0, 10), student::of_correlation(0.0, 10)], [0.0, 1.0]);
    assert!(student::of_correlation(0.5, 2).is_nan());
}
