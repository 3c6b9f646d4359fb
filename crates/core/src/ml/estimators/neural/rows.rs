//! Rows as a network takes them: numbers of 32 bits row by row, and a code for each category.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::layers::Given;
use super::net::{Goal, Input};
use crate::data::{Column, Frame, NO_CATEGORY};
use crate::ml::estimator::FitError;
use crate::ml::estimators::tree::cart::door::{self, Takes};

/// The columns that a network was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Columns {
    names: Vec<Arc<str>>,
    /// The levels of each column of categories; none for numbers.
    levels: Vec<Option<usize>>,
    /// How many columns of numbers lie behind each other that belong to one position; columns come
    /// channel by channel, a network takes them position by position.
    channels: usize,
}

/// Rows as a network takes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// How many.
    pub(super) count: usize,
    numbers: Vec<f32>,
    codes: Vec<u32>,
}

/// The right answers of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Goals {
    /// The place of each row's class among those that are learnt.
    Classes(Vec<u32>),
    /// Each row's number.
    Numbers(Vec<f32>),
}

/// Rows to learn from or to watch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lesson {
    /// What comes in.
    pub(super) rows: Rows,
    /// What should come out.
    pub(super) goals: Goals,
    /// A weight a row; none means one each.
    pub(super) weights: Option<Vec<f32>>,
}

impl Columns {
    /// Notes the columns of a frame that is read in channels.
    pub(super) fn of(frame: &Frame, channels: usize) -> Self {
        let levels = |column: &Column| match column {
            Column::Category { levels, .. } => Some(levels.len()),
            _ => None,
        };
        let names = frame.names().to_vec();
        Self { names, levels: frame.columns().iter().map(levels).collect(), channels }
    }

    /// Gives what the layers need to know of them.
    pub(super) fn given(&self) -> Given {
        let categories: Vec<_> = self.levels.iter().filter(|own| own.is_some()).copied().collect();
        Given { numbers: self.levels.len() - categories.len(), categories }
    }

    /// Tells whether the columns are what a network of such sizes takes.
    pub(super) fn fit(&self, numbers: usize, levels: &[usize]) -> bool {
        let given = self.given();
        self.names.len() == self.levels.len()
            && given.numbers == numbers
            && given.categories.iter().flatten().eq(levels)
            && self.channels > 0
            && numbers.is_multiple_of(self.channels)
    }

    /// Refuses columns other than those that were noted, and values that a network can't take.
    pub(super) fn check(&self, frame: &Frame) -> Result<(), FitError> {
        door::check_names(frame, &self.names)?;
        door::check_sorts(frame, Takes::Categories)?;
        for ((name, column), levels) in frame.iter().zip(&self.levels) {
            if matches!(column, Column::Category { .. }) != levels.is_some() {
                let learnt = if levels.is_some() { "categories" } else { "numbers" };
                return Err(FitError::Column {
                    column: name.to_string(),
                    found: column.spoken().to_owned(),
                    expected: format!("the network has learnt from {learnt}"),
                });
            }
            check_values(name, column)?;
        }
        Ok(())
    }

    /// Reads rows of a checked frame, in the order given.
    pub(super) fn rows(&self, frame: &Frame, picked: impl Iterator<Item = usize> + Clone) -> Rows {
        let count = picked.clone().count();
        let given = self.given();
        let (width, categories) = (given.numbers, given.categories.len());
        let positions = (width / self.channels.max(1)).max(1);
        let mut rows = Rows {
            count,
            numbers: vec![0.0; count * width],
            codes: vec![NO_CATEGORY; count * categories],
        };
        let (mut number, mut category) = (0, 0);
        for column in frame.columns() {
            if let Column::Category { codes, .. } = column {
                let places = rows.codes.iter_mut().skip(category).step_by(categories);
                places.zip(picked.clone()).for_each(|(place, row)| *place = codes[row]);
                category += 1;
            } else if let Some(values) = column.numbers() {
                let at = number % positions * self.channels + number / positions;
                let places = rows.numbers.iter_mut().skip(at).step_by(width);
                places.zip(picked.clone()).for_each(|(place, row)| *place = values[row] as f32);
                number += 1;
            }
        }
        rows
    }
}

/// Refuses a value that a network can't take.
fn check_values(name: &str, column: &Column) -> Result<(), FitError> {
    let Some(values) = column.numbers() else { return Ok(()) };
    let taken = |value: &f64| (*value as f32).is_finite();
    let Some(row) = values.iter().position(|value| !taken(value)) else { return Ok(()) };
    let (found, hint) = match values[row] {
        value if value.is_nan() => ("a missing value", "add `impute` to the model's steps"),
        value if value.is_infinite() => ("infinity", "replace it in SQL, or leave the row out"),
        _ => (
            "a number beyond ±3.4e38, the largest of 32 bits",
            "add `scale` to the model's steps, or bound it with `clip`",
        ),
    };
    Err(FitError::BadValue {
        column: name.to_owned(),
        found: found.to_owned(),
        row,
        hint: hint.to_owned(),
    })
}

impl Rows {
    /// Gives the rows as a network takes them.
    pub(super) fn input(&self) -> Input<'_> {
        Input { rows: self.count, numbers: &self.numbers, codes: &self.codes }
    }

    /// Gives the code of each row in a column of categories.
    pub(super) fn codes(&self, column: usize) -> impl Iterator<Item = u32> {
        let categories = self.codes.len() / self.count.max(1);
        self.codes.iter().skip(column).step_by(categories.max(1)).copied()
    }

    /// Puts some rows of others in the place of its own.
    fn take(&mut self, all: &Self, picked: &[u32]) {
        fn pick<T: Copy>(own: &mut Vec<T>, all: &[T], rows: usize, picked: &[u32]) {
            let width = all.len() / rows.max(1);
            own.clear();
            for row in picked {
                own.extend_from_slice(&all[*row as usize * width..][..width]);
            }
        }
        self.count = picked.len();
        pick(&mut self.numbers, &all.numbers, all.count, picked);
        pick(&mut self.codes, &all.codes, all.count, picked);
    }
}

impl Goals {
    /// Gives the right answers as a loss takes them.
    pub(super) fn goal(&self) -> Goal<'_> {
        match self {
            Self::Classes(codes) => Goal::Classes(codes),
            Self::Numbers(numbers) => Goal::Numbers(numbers),
        }
    }

    fn take(&mut self, all: &Self, picked: &[u32]) {
        match (self, all) {
            (Self::Classes(own), Self::Classes(all)) => {
                own.clear();
                own.extend(picked.iter().map(|row| all[*row as usize]));
            }
            (Self::Numbers(own), Self::Numbers(all)) => {
                own.clear();
                own.extend(picked.iter().map(|row| all[*row as usize]));
            }
            (own, all) => {
                *own = all.clone();
            }
        }
    }
}

impl Lesson {
    /// Starts without rows, for answers of the same sort.
    pub(super) fn empty(&self) -> Self {
        let goals = match &self.goals {
            Goals::Classes(_) => Goals::Classes(Vec::new()),
            Goals::Numbers(_) => Goals::Numbers(Vec::new()),
        };
        let weights = self.weights.as_ref().map(|_| Vec::new());
        Self { rows: Rows::default(), goals, weights }
    }

    /// Puts some rows of another lesson in the place of its own.
    pub(super) fn take(&mut self, all: &Self, picked: &[u32]) {
        self.rows.take(&all.rows, picked);
        self.goals.take(&all.goals, picked);
        if let (Some(own), Some(all)) = (&mut self.weights, &all.weights) {
            own.clear();
            own.extend(picked.iter().map(|row| all[*row as usize]));
        }
    }

    /// Gives the sum of the weights.
    pub(super) fn total(&self) -> f64 {
        match &self.weights {
            None => self.rows.count as f64,
            Some(weights) => weights.iter().map(|weight| f64::from(*weight)).sum(),
        }
    }
}
