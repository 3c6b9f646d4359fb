//! `profile`: says what each column of a table holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use serde_json::json;

use super::tables::{self, FLOAT, INT, Named, TEXT};
use crate::data::Table;
use crate::ml::profile::{Figures, Profile as Column, profile};
use crate::params;
use crate::params::{Args, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Output, Produced, Reads, Running, StageKind,
    Task, Work,
};

params! {
    /// Says what each column of a table holds, a row a column.
    ///
    /// `missing` counts nulls and NaN, `distinct` the different values that are there. `top` is the value
    /// that stands most often, of several the least; nothing if every value stands once.
    ///
    /// `mean`, `sd`, `min`, `p25`, `p50`, `p75` and `max` are numbers: of a bool's 0 and 1, of a date's or time's
    /// seconds since 1970 in UTC (`to_timestamp(min)` gives it back), of a time of day's or duration's seconds,
    /// of a text's number of characters. `sd` is that of a sample (divided by `n - 1`), and a quantile is
    /// interpolated in a straight line, as in NumPy and pandas.
    pub(super) struct Profile("profile", 0) {
        /// The table.
        data: Setting as (Kind::Stage),
    }
}

/// The columns of the table.
const COLUMNS: &[Named<'_>] = &[
    ("column", TEXT),
    ("type", TEXT),
    ("rows", INT),
    ("missing", INT),
    ("distinct", INT),
    ("mean", FLOAT),
    ("sd", FLOAT),
    ("min", FLOAT),
    ("p25", FLOAT),
    ("p50", FLOAT),
    ("p75", FLOAT),
    ("max", FLOAT),
    ("top", TEXT),
];

/// The registered kind.
pub(super) struct ProfileKind;

impl StageKind for ProfileKind {
    fn signature(&self) -> &'static Signature {
        const { &Profile::SIGNATURE }
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let data = checking.table(args.get("data")?)?;
        let task = Task {
            inputs: vec![data.input(Reads::All)],
            settings: json!({}),
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(Looking),
            caching: Caching::Keyed,
        };
        let table = tables::plain(tables::schema(COLUMNS));
        Some(Checked { outputs: vec![("", Output::Table(table))], task: Some(task) })
    }
}

/// The work of a profile.
struct Looking;

impl Work for Looking {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let columns = running
            .pool()
            .install(|| profile(table, running.stop()))
            .map_err(|error| Failure::new(error.to_string()))?
            .ok_or_else(Failure::stopped)?;
        Ok(Produced { outputs: vec![Artifact::Table(written(&columns)?)], ..Produced::default() })
    }
}

fn written(columns: &[Column]) -> Result<Table, Failure> {
    let whole = |value: &dyn Fn(&Column) -> Option<usize>| -> ArrayRef {
        let count = |column| value(column).map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        Arc::new(columns.iter().map(count).collect::<Int64Array>())
    };
    let figure = |value: &dyn Fn(&Figures) -> f64| {
        tables::floats(columns.iter().map(|own| own.figures.as_ref().map_or(f64::NAN, value)))
    };
    // Of infinite values there is no mean that says anything.
    let finite = |value: f64| if value.is_finite() { value } else { f64::NAN };
    tables::table(
        tables::schema(COLUMNS),
        vec![
            tables::texts(columns.iter().map(|own| own.column.as_str())),
            tables::texts(columns.iter().map(|own| own.kind.as_str())),
            whole(&|own| Some(own.rows)),
            whole(&|own| Some(own.missing)),
            whole(&|own| own.distinct),
            figure(&|own| finite(own.mean)),
            figure(&|own| finite(own.sd)),
            figure(&|own| own.min),
            figure(&|own| own.quartiles[0]),
            figure(&|own| own.quartiles[1]),
            figure(&|own| own.quartiles[2]),
            figure(&|own| own.max),
            Arc::new(columns.iter().map(|own| own.top.as_deref()).collect::<StringArray>()),
        ],
    )
}
