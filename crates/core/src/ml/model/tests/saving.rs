//! The head of a model file: read alone, told apart from what is no head, never a way to a panic.

use std::io::Read;

use proptest::prelude::*;

use super::{estimators, fit, passengers, spec};
use crate::data::Label;
use crate::ml::estimator::Task;
use crate::ml::model::{BadModel, FittedModel, ModelHead};

fn saved() -> Vec<u8> {
    fit(&spec(Some("survived"), "made_up_plain"), &passengers()).unwrap().with_seed(3).save()
}

fn head_of(bytes: &[u8]) -> Result<ModelHead, BadModel> {
    ModelHead::read(&mut &*bytes, bytes.len() as u64, &estimators()).unwrap()
}

/// Counts what is read of it.
struct Counting<'a> {
    rest: &'a [u8],
    read: usize,
}

impl Read for Counting<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.rest.read(to)?;
        self.read += count;
        Ok(count)
    }
}

#[test]
fn a_head_is_read_without_what_follows() {
    let bytes = saved();
    let head = head_of(&bytes).unwrap();
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let mut counting = Counting { rest: &bytes, read: 0 };
    assert_eq!(
        ModelHead::read(&mut counting, bytes.len() as u64, &estimators()).unwrap().unwrap(),
        head
    );
    assert_eq!(counting.read, 48 + length);
    // What follows may be anything of the same length, until it is used.
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(head_of(&other).unwrap(), head);
    assert_eq!(FittedModel::load(&other, &estimators()).unwrap_err(), BadModel::Damaged);
}

#[test]
fn a_head_says_what_the_model_is() {
    let table = passengers();
    let spec = spec(Some("survived"), "made_up_plain");
    let fitted = fit(&spec, &table).unwrap().with_seed(3);
    let head = head_of(&fitted.save()).unwrap();
    assert_eq!((head.task, head.target.as_deref()), (Task::Classification, Some("survived")));
    assert_eq!(head.classes, [Label::Bool(false), Label::Bool(true)]);
    assert_eq!(head.positive, Some(Label::Bool(true)));
    assert_eq!((head.training.rows, head.training.seed), (20, Some(3)));
    assert!(fitted.learnt_from(&table) && !fitted.learnt_from(&table.slice(0..19).unwrap()));
    let kinds: Vec<(&str, &str)> =
        head.columns.iter().map(|own| (own.name.as_str(), own.kind.as_str())).collect();
    assert_eq!(kinds[..3], [("age", "float"), ("class", "int"), ("port", "text")]);
    assert!(kinds.contains(&("boarded", "date")) && kinds.contains(&("alone", "bool")));
    // What is known before the fit is what the file says after it.
    let before = spec.interface(Some(table.schema()));
    let after = head.interface();
    assert_eq!((before.features, before.classes), (after.features, after.classes));
    assert_eq!(
        (before.task, before.answer, before.target),
        (after.task, after.answer, after.target)
    );
    assert_eq!(head.settings.to_string(), fitted.canonical());
}

#[test]
fn what_is_no_model_is_told_apart() {
    let bytes = saved();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(head_of(b"").unwrap_err(), BadModel::Empty);
    assert_eq!(head_of(b"PAR1").unwrap_err(), BadModel::Foreign);
    assert_eq!(head_of(&bytes[..5]).unwrap_err(), BadModel::Cut(5));
    assert_eq!(head_of(&bytes[..47]).unwrap_err(), BadModel::Cut(47));
    assert_eq!(head_of(&bytes[..60]).unwrap_err(), BadModel::Cut(60));
    assert_eq!(head_of(&with(8, 1)).unwrap_err(), BadModel::Older(1));
    assert_eq!(head_of(&with(8, 9)).unwrap_err(), BadModel::Newer(9));
    assert_eq!(head_of(&with(20, bytes[20] ^ 4)).unwrap_err(), BadModel::Damaged);
    assert_eq!(head_of(&with(15, 200)).unwrap_err(), BadModel::Damaged);
    let unknown = head_of(&saved()).map(|head| ModelHead { estimator: "later".to_owned(), ..head });
    let body = &bytes[48 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize..];
    let unknown = unknown.unwrap().before(body);
    assert_eq!(
        head_of(&unknown).unwrap_err(),
        BadModel::Unknown("the estimator `later`".to_owned())
    );
}

proptest! {
    #[test]
    fn no_bytes_are_a_way_to_a_panic(
        at in 0_usize..4000,
        more in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<bool>(),
    ) {
        let mut bytes = saved();
        let at = at % bytes.len();
        let end = (at + more.len()).min(bytes.len());
        bytes.splice(at..end, more);
        if cut {
            bytes.truncate(at);
        }
        let (head, model) = (head_of(&bytes), FittedModel::load(&bytes, &estimators()));
        prop_assert!(model.is_err() || head.is_ok());
    }

    #[test]
    fn a_forged_head_is_an_error_or_a_model(
        columns in 0_usize..12,
        steps in 0_usize..6,
        task in 0_usize..4,
        classes in 0_usize..4,
    ) {
        let bytes = saved();
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let mut head = head_of(&bytes).unwrap();
        head.columns.truncate(columns);
        head.steps.truncate(steps);
        head.task = [Task::Classification, Task::Regression, Task::Clustering, Task::Anomaly][task];
        head.classes = (0..classes).map(|at| Label::Int(at as i64)).collect();
        let forged = head.before(&bytes[48 + length..]);
        if let Ok(model) = FittedModel::load(&forged, &estimators()) {
            let table = passengers();
            drop((model.predict(&table), model.judge(&table), model.explain()));
        }
    }
}
