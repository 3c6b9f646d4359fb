//! Made-up rows and short ways to fit them, for the tests of trees, forests and boosting.

#![expect(clippy::cast_possible_truncation, reason = "codes of made-up classes are small")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::RngExt;

use crate::data::{Column, Frame, Label, Target};
use crate::ml::Seed;
use crate::ml::estimator::{EstimatorKind, FitContext, FitError, Fitted, Prediction, Sample};
use crate::ml::estimators::ESTIMATORS;
use crate::ml::settle::written;
use crate::params::{Bound, Setting};
use crate::text::{FileId, Span};

/// Rows with a target and, where wanted, weights.
#[derive(Clone)]
pub(in crate::ml::estimators) struct Rows {
    /// The features.
    pub(in crate::ml::estimators) frame: Frame,
    /// The target.
    pub(in crate::ml::estimators) target: Target,
    /// The weights.
    pub(in crate::ml::estimators) weights: Option<Vec<f64>>,
}

/// Gives the classes 0, 1, …
pub(in crate::ml::estimators) fn classes(count: i64) -> Arc<[Label]> {
    (0..count).map(Label::Int).collect()
}

impl Rows {
    /// Makes rows of `columns` numbers; the target follows the first three.
    pub(in crate::ml::estimators) fn new(rows: usize, columns: usize) -> Self {
        let mut random = Seed::new(rows as u64).generator();
        let values: Vec<Vec<f64>> =
            (0..columns).map(|_| (0..rows).map(|_| random.random::<f64>()).collect()).collect();
        let part = |column: usize, row: usize| values.get(column).map_or(0.0, |values| values[row]);
        let target = (0..rows)
            .map(|row| {
                2.0 * part(0, row) - part(1, row) * part(2, row) + 0.2 * random.random::<f64>()
            })
            .collect();
        let frame = (0..).zip(&values).fold(Frame::new(rows), |frame, (index, values)| {
            frame.with(&format!("c{index}"), Column::Number(values.as_slice().into()))
        });
        Self { frame, target: Target::Numbers(target), weights: None }
    }

    /// Cuts the target into classes of about the same size.
    pub(in crate::ml::estimators) fn classified(mut self, count: u32) -> Self {
        let Target::Numbers(values) = &self.target else { return self };
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let place = |value: &f64| sorted.partition_point(|other| other < value);
        let code = |value: &f64| (place(value) * count as usize / sorted.len()) as u32;
        let codes = values.iter().map(code).collect();
        self.target = Target::Classes { codes, classes: classes(i64::from(count)) };
        self
    }

    /// Puts a column in the place of another, or at the end.
    pub(in crate::ml::estimators) fn with(mut self, place: usize, column: Column) -> Self {
        let mut columns = self.frame.columns().to_vec();
        if place < columns.len() {
            columns[place] = column;
        } else {
            columns.push(column);
        }
        self.frame =
            (0..).zip(columns).fold(Frame::new(self.frame.rows()), |frame, (index, column)| {
                frame.with(&format!("c{index}"), column)
            });
        self
    }

    /// Gives the numbers of a column.
    pub(in crate::ml::estimators) fn values(&self, place: usize) -> Vec<f64> {
        self.frame.columns()[place].numbers().unwrap().to_vec()
    }

    /// Picks rows.
    pub(in crate::ml::estimators) fn take(&self, rows: &[usize]) -> Self {
        Self {
            frame: self.frame.take(rows),
            target: self.target.take(rows),
            weights: self.weights.as_ref().map(|own| rows.iter().map(|row| own[*row]).collect()),
        }
    }

    /// Gives weights.
    pub(in crate::ml::estimators) fn weighted(mut self, weights: Vec<f64>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Lends the rows.
    pub(in crate::ml::estimators) fn sample(&self) -> Sample<'_> {
        Sample { features: &self.frame, target: &self.target, weights: self.weights.as_deref() }
    }

    /// Fits an estimator.
    pub(in crate::ml::estimators) fn try_fit(
        &self,
        word: &str,
        settings: &[(&'static str, Setting)],
    ) -> Result<Box<dyn Fitted>, FitError> {
        let stop = AtomicBool::new(false);
        let seed = Seed::new(3);
        let context = FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
        let kind = kind(word);
        kind.bind(&written(kind.signature(), settings)).unwrap().fit(&self.sample(), &context)
    }

    /// Fits an estimator and gives what it says of `asked`.
    pub(in crate::ml::estimators) fn answers(
        &self,
        word: &str,
        settings: &[(&'static str, Setting)],
        asked: &Frame,
    ) -> Vec<f64> {
        numbers(self.try_fit(word, settings).unwrap().predict(asked).unwrap())
    }
}

/// Finds an estimator.
pub(in crate::ml::estimators) fn kind(word: &str) -> &'static dyn EstimatorKind {
    *ESTIMATORS.iter().find(|kind| kind.signature().name == word).unwrap()
}

/// Writes `monotonic_cst` for some columns.
pub(in crate::ml::estimators) fn monotone(signs: &[(&str, i64)]) -> (&'static str, Setting) {
    let span = Span::new(FileId(0), 0, 0);
    let bound = |sign| Bound { setting: Setting::Int(sign), span, written: true };
    let map = signs.iter().map(|(name, sign)| ((*name).to_owned(), bound(*sign))).collect();
    ("monotonic_cst", Setting::Map(map))
}

/// Gives a model's answers along one column of three, the others held at some value.
pub(in crate::ml::estimators) fn along(fitted: &dyn Fitted, column: usize) -> Vec<Vec<f64>> {
    let sweep: Vec<f64> = (0..200).map(|step| f64::from(step) / 200.0).collect();
    let ask = |rest: f64| {
        let values = |own| if own == column { sweep.clone() } else { vec![rest; 200] };
        let frame = (0..3).fold(Frame::new(200), |frame, own| {
            frame.with(&format!("c{own}"), Column::Number(values(own).into()))
        });
        numbers(fitted.predict(&frame).unwrap())
    };
    [0.1, 0.3, 0.5, 0.7, 0.9].map(ask).to_vec()
}

/// Gives the numbers of an answer.
pub(in crate::ml::estimators) fn numbers(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Classes { probabilities, .. } => probabilities,
        Prediction::Values(values) => values,
        Prediction::Anomalies { scores, .. } => scores,
        Prediction::Clusters(groups) => groups.iter().map(|group| *group as f64).collect(),
    }
}

/// Runs something on a pool of so many threads.
pub(in crate::ml::estimators) fn on_threads<T: Send>(
    threads: usize,
    run: impl FnOnce() -> T + Send,
) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

/// Fits on data that are hard in some way; each must give finite answers or say why not.
pub(in crate::ml::estimators) fn survives_odd_data(
    word: &str,
    settings: &[(&'static str, Setting)],
) {
    let base = Rows::new(60, 3);
    let ramp = |scale: f64| Column::Number((0..60).map(|row| scale * f64::from(row)).collect());
    let nan = Column::Number(vec![f64::NAN; 60].into());
    let half: Vec<f64> =
        (0..60).map(|row| if row % 2 == 0 { f64::NAN } else { f64::from(row) }).collect();
    let all = [
        base.clone(),
        base.clone().with(0, nan.clone()),
        base.clone().with(0, nan.clone()).with(1, nan.clone()).with(2, nan),
        base.clone().with(0, Column::Number(half.into())),
        base.clone().with(0, ramp(1e300)).with(1, ramp(1e-310)).with(2, ramp(-1e38)),
        base.clone().with(0, Column::Number(vec![5.0; 60].into())),
        base.clone().with(0, Column::Flag((0..60).map(|row| f64::from(row % 2)).collect())),
        base.clone().weighted((0..60).map(|row| f64::from(row % 3)).collect()),
        base.clone().weighted((0..60).map(|row| if row == 7 { 1e12 } else { 1e-12 }).collect()),
        Rows { target: Target::Numbers(vec![7.25; 60].into()), ..base.clone() },
        Rows {
            target: Target::Numbers((0..60).map(|row| 1e150 * f64::from(row)).collect()),
            ..base.clone()
        },
        Rows {
            target: Target::Numbers((0..60).map(|row| 1e-200 * f64::from(row)).collect()),
            ..base.clone()
        },
        base.take(&[0]),
        base.take(&[0, 1]),
        Rows { frame: Frame::new(60), ..base.clone() },
    ];
    for (number, rows) in all.iter().enumerate() {
        for rows in [rows.clone(), rows.clone().classified(2), rows.clone().classified(3)] {
            match rows.try_fit(word, settings) {
                Ok(fitted) => {
                    let answers = numbers(fitted.predict(&rows.frame).unwrap());
                    assert!(answers.iter().all(|answer| answer.is_finite()), "{word} {number}");
                    assert!(!fitted.save().is_empty());
                }
                Err(error) => assert!(!error.to_string().is_empty(), "{word} {number}"),
            }
        }
    }
}

/// Refuses what can't be learnt from, with the right error.
pub(in crate::ml::estimators) fn refuses_bad_data(word: &str) {
    let base = Rows::new(40, 2).classified(2);
    let bad = |rows: Rows| rows.try_fit(word, &[]).map(|_| ()).unwrap_err();
    let mut values = base.values(1);
    values[5] = f64::INFINITY;
    let error = bad(base.clone().with(1, Column::Number(values.into())));
    assert!(
        matches!(error, FitError::BadValue { ref column, row: 5, .. } if column == "c1"),
        "{error}"
    );
    assert_eq!(bad(base.take(&[])), FitError::NoRows);
    assert_eq!(bad(base.clone().weighted(vec![0.0; 40])), FitError::NoRows);
    assert!(bad(base.clone().weighted(vec![-1.0; 40])).to_string().contains("weight"));
    assert!(bad(base.clone().weighted(vec![f64::NAN; 40])).to_string().contains("weight"));
    let texts = Column::Text(vec![None; 40].into());
    assert!(matches!(bad(base.with(0, texts)), FitError::Column { .. }));
}

/// Reads a saved model back to the bit, and survives any change of its bytes.
pub(in crate::ml::estimators) fn survives_the_store(
    word: &str,
    settings: &[(&'static str, Setting)],
    rows: &Rows,
) {
    let fitted = rows.try_fit(word, settings).unwrap();
    let expected = fitted.predict(&rows.frame).unwrap();
    let bytes = fitted.save();
    let back = kind(word).load(&bytes).unwrap();
    assert_eq!(back.predict(&rows.frame).unwrap(), expected);
    assert_eq!(back.importance(), fitted.importance());
    assert_eq!(back.history(), fitted.history());
    for end in 0..bytes.len() {
        assert!(kind(word).load(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    for place in 0..bytes.len() {
        for change in [1, 0x80, 0xFF] {
            let mut broken = bytes.clone();
            broken[place] ^= change;
            // What still fits together may answer otherwise, but it answers.
            if let Ok(model) = kind(word).load(&broken) {
                let _ = model.predict(&rows.frame);
            }
        }
    }
}

/// Ends a fit whose user wants to stop.
pub(in crate::ml::estimators) fn stops(word: &str) {
    let rows = Rows::new(200, 3).classified(2);
    let stop = AtomicBool::new(true);
    let seed = Seed::new(3);
    let context = FitContext { seed, stop: &stop, validation: None, progress: &|_, _| {} };
    let kind = kind(word);
    let estimator = kind.bind(&written(kind.signature(), &[])).unwrap();
    assert_eq!(estimator.fit(&rows.sample(), &context).err(), Some(FitError::Stopped), "{word}");
}
