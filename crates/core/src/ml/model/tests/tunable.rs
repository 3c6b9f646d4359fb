//! Paths to settings, and settings that the command line gives.

use serde_json::json;

use super::{spec, step};
use crate::ml::estimators::Device;
use crate::ml::model::{ModelSpec, Steps};
use crate::params::Setting;

/// A network behind two steps of one word.
fn network() -> ModelSpec {
    let steps = [step("clip", &json!({})), step("clip", &json!({}))];
    ModelSpec { steps: Steps::List(steps.to_vec()), ..spec(Some("y"), "neural_network") }
}

#[test]
fn paths_go_through_calls_and_lists_of_calls() {
    let paths: Vec<String> = network().tunable().into_iter().map(|(path, _)| path).collect();
    for path in [
        "estimator.epochs",
        "estimator.optimizer",
        "estimator.optimizer.learning_rate",
        "estimator.layers.dense.units",
        "steps.clip.lower",
    ] {
        assert!(paths.iter().any(|own| own == path), "{path}: {paths:?}");
    }
    let mut once = paths.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), paths.len(), "a path stands once");
    // What there is none of has no paths.
    assert!(!paths.iter().any(|path| path.contains("dropout") || path.contains("early_stopping.")));
}

#[test]
fn every_path_leads_to_a_setting() {
    let network = network();
    for (path, param) in network.tunable() {
        assert!(network.setting(&path).is_some(), "{path}");
        assert!(path.ends_with(param.name), "{path}");
    }
    for path in ["estimator", "estimator.optimizer.nothing", "steps.clip", "layers.dense.units", ""]
    {
        assert_eq!(network.setting(path), None, "{path}");
    }
}

#[test]
fn what_is_set_is_keyed_and_said() {
    let mut network = network();
    let before = network.canonical();
    for (path, value) in [
        ("estimator.optimizer.learning_rate", Setting::Float(0.25)),
        ("estimator.layers.dense.units", Setting::Int(7)),
    ] {
        let key = network.canonical();
        network.set(path, value.clone()).unwrap();
        assert_eq!(network.setting(path), Some(&value));
        assert_ne!(network.canonical(), key, "{path}");
    }
    let said = network.estimator.spoken();
    assert!(said.contains("dense(7)") && said.contains("adam_w(0.25)"), "{said}");
    network.set("estimator.nothing.inside", Setting::Int(1)).unwrap();
    network.set("estimator.epochs.inside", Setting::Int(1)).unwrap();
    network.set("steps.nothing.at", Setting::Int(1)).unwrap();
    let mut back = network.clone();
    back.set("estimator.optimizer.learning_rate", Setting::Float(1e-3)).unwrap();
    back.set("estimator.layers.dense.units", Setting::Int(100)).unwrap();
    assert_eq!(back.canonical(), before);
}

#[test]
fn the_device_that_trains_is_part_of_the_key_unless_the_model_says_it() {
    let mut network = network();
    let bound = network.estimator.args.get_mut("device").unwrap();
    bound.written = false;
    let on_the_processor = network.canonical();
    let on = |device| {
        let mut own = network.clone();
        own.train_on(device);
        own.canonical()
    };
    assert_eq!(on(Device::Cpu), on_the_processor);
    assert_ne!(on(Device::Cuda(0)), on_the_processor);
    assert_ne!(on(Device::Cuda(0)), on(Device::Cuda(1)));
    assert_ne!(on(Device::Cuda(0)), on(Device::Metal));
    let mut written = network.clone();
    written.estimator.args.get_mut("device").unwrap().written = true;
    written.train_on(Device::Metal);
    assert_eq!(written.canonical(), on_the_processor);
    let mut line = spec(Some("y"), "linear_regression");
    let before = line.canonical();
    line.train_on(Device::Metal);
    assert_eq!(line.canonical(), before);
}
