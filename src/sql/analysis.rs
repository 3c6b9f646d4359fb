//! What is known of a query before it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::check::Clock;
use super::lineage::Lineage;

/// What is known of a query before it runs; remembered by its text, its tables' schemas, its
/// parameters and [`VERSION`](super::VERSION).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The columns that it gives, in the normal form of tables.
    #[serde(with = "schema_words")]
    pub schema: SchemaRef,
    /// The columns that it reads, by the dotted name of each table. A table of which only the rows
    /// are counted has no columns; one that cannot matter, as under `WHERE false`, is missing.
    pub reads: BTreeMap<String, BTreeSet<String>>,
    /// What each column of `schema` is made of.
    pub lineage: Vec<Lineage>,
    /// The tables over whose rows an aggregate or a window runs anywhere in the query.
    pub aggregates_over: BTreeSet<String>,
    /// The parameters that it uses, without `$`.
    pub parameters: BTreeSet<String>,
    /// Its calls of functions that read the clock.
    pub clocks: Vec<Clock>,
    /// What is likely not what the user wants.
    pub lints: Vec<Lint>,
}

/// Something in a query that is likely not what the user wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// A stable name such as `sql-integer-division`.
    pub code: String,
    /// What was found.
    pub message: String,
    /// The bytes of the SQL text.
    pub range: Range<usize>,
    /// What to do about it.
    pub help: String,
}

impl Lint {
    /// Makes the lint of a whole-number division.
    pub(super) fn integer_division(range: Range<usize>, text: &str) -> Self {
        Self {
            code: "sql-integer-division".to_owned(),
            message: format!("`{text}` divides whole numbers and drops the remainder"),
            range,
            help: "write `CAST(x AS DOUBLE) / y` for a fraction, or `floor(…)` to say it is meant"
                .to_owned(),
        }
    }
}

/// Writes a schema as names and the language's words for types.
mod schema_words {
    use std::sync::Arc;

    use arrow::datatypes::{Schema, SchemaRef};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::data::ColumnType;

    pub(super) fn serialize<S: Serializer>(
        schema: &SchemaRef,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let fields = schema.fields().iter();
        serializer.collect_seq(
            fields.map(|field| (field.name().clone(), ColumnType::of_field(field).to_string())),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SchemaRef, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        let fields = pairs.iter().map(|(name, word)| {
            let kind: ColumnType = word.parse().map_err(D::Error::custom)?;
            Ok(kind.to_field(name))
        });
        Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, D::Error>>()?)))
    }
}
