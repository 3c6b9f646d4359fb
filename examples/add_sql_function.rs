//! Adds a function to SQL: the way over ground between two places, in kilometres.
//!
//! `cargo run --example add_sql_function`, or with a command of `mlp` behind it: `-- docs distance_km`.
//! Its arguments are checked and cast like those of any function; queries that call it run anew when
//! its version counts up, and no others do.

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use mlp::plan::RegistryError;
use mlp::sql::ScalarFunction;
use mlp::{Registry, Session};

struct Distance;

impl ScalarFunction for Distance {
    fn name(&self) -> &'static str {
        "distance_km"
    }

    fn doc(&self) -> &'static str {
        "The way over ground between two places given in degrees, in kilometres."
    }

    fn version(&self) -> u32 {
        1
    }

    fn arguments(&self) -> Vec<(&'static str, DataType)> {
        ["from_latitude", "from_longitude", "to_latitude", "to_longitude"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn result(&self) -> DataType {
        DataType::Float64
    }

    fn call(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef, String> {
        let columns: Vec<&Float64Array> =
            arguments.iter().map(AsArray::as_primitive::<Float64Type>).collect();
        let distance = |row: usize| {
            let value = |column: &&Float64Array| column.is_valid(row).then(|| column.value(row));
            // Of a missing place there is no distance: null.
            let values: Option<Vec<f64>> = columns.iter().map(value).collect();
            let [from_latitude, from_longitude, to_latitude, to_longitude] = values?[..] else {
                return None;
            };
            Some(haversine((from_latitude, from_longitude), (to_latitude, to_longitude)))
        };
        Ok(Arc::new((0..rows).map(distance).collect::<Float64Array>()))
    }
}

/// The haversine formula on a ball of the Earth's mean radius.
fn haversine(from: (f64, f64), to: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let across = from.0.to_radians().cos() * to.0.to_radians().cos() * half(from.1, to.1);
    2.0 * 6371.009 * (half(from.0, to.0) + across).sqrt().asin()
}

/// What is built in, and the function.
pub(crate) fn registry() -> Result<Registry, RegistryError> {
    mlp::stages::registry().with_function(&Distance)
}

pub(crate) fn run(folder: &Path, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let pipeline = Session::new(registry()?).open(folder.join("add_sql_function.mlp"))?;
    pipeline.run()?;
    for rows in pipeline.table("flights")?.batches() {
        arrow::csv::Writer::new(&mut *out).write(rows)?;
    }
    Ok(())
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::args().len() > 1 {
        // With arguments it is the whole program `mlp`, which knows the function too.
        return Ok(mlp::cli::main_with(registry()?));
    }
    run(Path::new("examples"), &mut stdout())?;
    Ok(ExitCode::SUCCESS)
}
