//! Features and targets: what learning sees of a table.
//!
//! A [`Frame`] is columns of numbers, categories, texts and times, each shared and never copied
//! until rows are picked. Missing is one thing in each: NaN, [`NO_CATEGORY`], `None`, [`NO_TIME`].

use std::sync::Arc;

/// The code of a missing category.
pub const NO_CATEGORY: u32 = u32::MAX;

/// The value of a missing time.
pub const NO_TIME: i64 = i64::MIN;

/// One column of features.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN is missing.
    Number(Arc<[f64]>),
    /// Zeros and ones (bools, one-hot columns, indicators, hash buckets): no `numeric()` column.
    Flag(Arc<[f64]>),
    /// Categories as codes into sorted levels; [`NO_CATEGORY`] is missing.
    Category {
        /// A code a row.
        codes: Arc<[u32]>,
        /// The levels, sorted, without doubles.
        levels: Arc<[Arc<str>]>,
    },
    /// Free text; `None` is missing.
    Text(Arc<[Option<Arc<str>>]>),
    /// Moments in microseconds since 1970, dates at midnight; [`NO_TIME`] is missing.
    Time(Arc<[i64]>),
}

impl Column {
    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) | Self::Flag(values) => values.len(),
            Self::Category { codes, .. } => codes.len(),
            Self::Text(texts) => texts.len(),
            Self::Time(times) => times.len(),
        }
    }

    /// Tells whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the values if they are numbers or flags.
    #[must_use]
    pub fn numbers(&self) -> Option<&[f64]> {
        match self {
            Self::Number(values) | Self::Flag(values) => Some(values),
            Self::Category { .. } | Self::Text(_) | Self::Time(_) => None,
        }
    }

    /// Names what it holds, as a user would.
    #[must_use]
    pub const fn spoken(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Flag(_) => "a bool",
            Self::Category { .. } => "a category",
            Self::Text(_) => "text",
            Self::Time(_) => "a date",
        }
    }

    /// Picks rows, in the order given; every index must be a row.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Arc<[T]> {
            rows.iter().map(|row| values[*row].clone()).collect()
        }
        match self {
            Self::Number(values) => Self::Number(pick(values, rows)),
            Self::Flag(values) => Self::Flag(pick(values, rows)),
            Self::Category { codes, levels } => {
                Self::Category { codes: pick(codes, rows), levels: Arc::clone(levels) }
            }
            Self::Text(texts) => Self::Text(pick(texts, rows)),
            Self::Time(times) => Self::Time(pick(times, rows)),
        }
    }
}

/// Named columns of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    rows: usize,
    names: Vec<Arc<str>>,
    columns: Vec<Column>,
}

impl Frame {
    /// Starts a frame of so many rows without columns.
    #[must_use]
    pub const fn new(rows: usize) -> Self {
        Self { rows, names: Vec::new(), columns: Vec::new() }
    }

    /// Adds a column; its length must be the frame's.
    #[must_use]
    pub fn with(mut self, name: &str, column: Column) -> Self {
        debug_assert_eq!(column.len(), self.rows, "column `{name}` has another length");
        self.names.push(Arc::from(name));
        self.columns.push(column);
        self
    }

    /// Counts the rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Counts the columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Gives names and columns in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Column)> {
        self.names.iter().zip(&self.columns)
    }

    /// Gives the columns in order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Gives the names in order.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Gives a column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.names.iter().position(|own| &**own == name).map(|index| &self.columns[index])
    }

    /// Picks rows, in the order given; every index must be a row.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| column.take(rows)).collect();
        Self { rows: rows.len(), names: self.names.clone(), columns }
    }
}

/// A class of a target, as the table held it; ordered bool, then number, then text.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Label {
    /// `false`, `true`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Arc<str>),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What a model learns to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Codes into sorted classes.
    Classes {
        /// A code a row.
        codes: Arc<[u32]>,
        /// The classes, sorted, without doubles; some may have no row.
        classes: Arc<[Label]>,
    },
    /// Numbers.
    Numbers(Arc<[f64]>),
    /// Nothing: clustering and anomaly detection.
    Absent {
        /// How many rows there are.
        rows: usize,
    },
}

impl Target {
    /// Counts the rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Numbers(values) => values.len(),
            Self::Absent { rows } => *rows,
        }
    }

    /// Tells whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Picks rows, in the order given; the classes stay.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { codes, classes } => Self::Classes {
                codes: rows.iter().map(|row| codes[*row]).collect(),
                classes: Arc::clone(classes),
            },
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|row| values[*row]).collect()),
            Self::Absent { .. } => Self::Absent { rows: rows.len() },
        }
    }
}
