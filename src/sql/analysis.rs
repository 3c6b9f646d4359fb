//! What is known of a query before it runs.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::error::SqlError;

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
    /// The columns that each column of the output is made of, each as table and column.
    pub lineage: BTreeMap<String, BTreeSet<(String, String)>>,
    /// For each column of the output that an aggregate or a window went into: over which tables'
    /// rows that ran.
    pub aggregated: BTreeMap<String, BTreeSet<String>>,
    /// The tables over whose rows an aggregate or a window runs anywhere in the query.
    pub aggregates_over: BTreeSet<String>,
    /// The parameters that it uses, without `$`.
    pub parameters: BTreeSet<String>,
    /// The added functions that it calls, with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, u32>,
    /// Its calls of functions that read the clock: errors in a stage that is cached.
    pub clocks: Vec<SqlError>,
    /// What is likely not what the user wants.
    pub lints: Vec<SqlError>,
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
