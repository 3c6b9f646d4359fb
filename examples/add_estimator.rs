//! Adds an estimator: a row gets the class whose mean is nearest.
//!
//! `cargo run --example add_estimator`. What stands here is all of it: pipelines may name the word
//! with checked settings, each fit and fold of it is kept, and `VERSION` says when it is another one.

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;

use mlp::Session;
use mlp::data::{Column, Frame, Label, Target};
use mlp::ml::estimator::{Estimator, FitContext, FitError, Fitted, Prediction, Sample, Tags, Task};
use mlp::ml::estimators::{Declaration, Kind, Model, saved};
use mlp::params::Limits;
use serde::{Deserialize, Serialize};

mlp::params! {
    /// Gives each row the class whose mean is nearest.
    struct NearestMean("nearest_mean", 0) {
        /// How sure it is: at 0 all classes are equally likely.
        sharpness: f64 = 1.0 => Limits::at_least(0.0),
    }
}

impl Declaration for NearestMean {
    type Model = Means;
    const VERSION: u32 = 1;
    // `steps: auto` reads this: it fills what is missing, encodes categories and scales.
    const TAGS: Tags = Tags {
        tasks: &[Task::Classification],
        missing: false,
        categories: false,
        scaled: true,
        weights: false,
    };
}

#[derive(Serialize, Deserialize)]
struct Means {
    classes: Arc<[Label]>,
    /// A mean a column, class by class; NaN of a class without rows.
    means: Vec<Vec<f64>>,
    sharpness: f64,
}

impl Estimator for NearestMean {
    fn fit(&self, rows: &Sample<'_>, _: &FitContext<'_>) -> Result<Box<dyn Fitted>, FitError> {
        let Target::Classes { codes, classes } = rows.target else { return Err(FitError::NoRows) };
        let mean = |class: usize, column: &[f64]| {
            let own = column.iter().zip(codes.iter()).filter(|(_, code)| **code as usize == class);
            own.clone().map(|(value, _)| value).sum::<f64>() / own.count() as f64
        };
        let of_class = |class| numbers(rows.features).map(|own| mean(class, own)).collect();
        let means = (0..classes.len()).map(of_class).collect();
        Ok(Box::new(Means { classes: Arc::clone(classes), means, sharpness: self.sharpness }))
    }
}

impl Fitted for Means {
    fn predict(&self, features: &Frame) -> Result<Prediction, FitError> {
        let mut probabilities = Vec::new();
        for row in 0..features.rows() {
            let far = self.means.iter().map(|mean| {
                let apart = numbers(features).zip(mean).map(|(column, mean)| column[row] - mean);
                apart.map(|apart| apart * apart).sum::<f64>().sqrt()
            });
            let least = far.clone().fold(f64::INFINITY, f64::min);
            // `max` makes 0 of the NaN of a class without rows.
            let near = far.map(|far| ((least - far) * self.sharpness).exp().max(0.0));
            let all: f64 = near.clone().sum();
            probabilities.extend(near.map(|near| near / all));
        }
        Ok(Prediction::Classes { probabilities, classes: Arc::clone(&self.classes) })
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }
}

impl Model for Means {
    fn sound(&self) -> bool {
        self.means.len() == self.classes.len()
    }
}

fn numbers(frame: &Frame) -> impl Iterator<Item = &[f64]> + Clone {
    frame.columns().iter().filter_map(Column::numbers)
}

static NEAREST_MEAN: Kind<NearestMean> = Kind::new();

pub(crate) fn run(folder: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let registry = mlp::stages::registry().with_estimator(&NEAREST_MEAN)?;
    let pipeline = Session::new(registry).open(folder.join("add_estimator.mlp"))?;
    for score in pipeline.run()?.scores() {
        writeln!(out, "{} of {}: {:.3}", score.metric, score.model, score.value)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Path::new("examples"), &mut stdout())
}
