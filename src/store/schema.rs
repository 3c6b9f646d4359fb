//! Schemas as bytes, to be remembered as facts: names and types in the language's words.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use crate::data::ColumnType;

/// Writes a schema as a JSON list of names and types; nothing if its types have no words.
#[must_use]
pub fn schema_bytes(schema: &Schema) -> Option<Vec<u8>> {
    let column = |field: &arrow::datatypes::FieldRef| {
        let word = ColumnType::of_field(field).to_string();
        let read: ColumnType = word.parse().ok()?;
        (read.to_string() == word).then(|| (field.name().clone(), word))
    };
    let columns = schema.fields().iter().map(column).collect::<Option<Vec<(String, String)>>>()?;
    serde_json::to_vec(&columns).ok()
}

/// Reads a schema that [`schema_bytes`] wrote; nothing if the bytes are anything else.
#[must_use]
pub fn schema_of(bytes: &[u8]) -> Option<SchemaRef> {
    let columns: Vec<(String, String)> = serde_json::from_slice(bytes).ok()?;
    let field = |(name, word): &(String, String)| {
        word.parse().ok().map(|kind: ColumnType| kind.to_field(name))
    };
    let fields = columns.iter().map(field).collect::<Option<Vec<_>>>()?;
    Some(Arc::new(Schema::new(fields)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_reads_back() {
        let words = ["int", "category(\"A\", \"B\")", "list(struct(\"x\": decimal(5, 2)))", "null"];
        let fields =
            words.map(|word| word.parse::<ColumnType>().unwrap().to_field(&format!("c {word}")));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        assert_eq!(schema_of(&schema_bytes(&schema).unwrap()), Some(schema));
        assert_eq!(schema_of(b"[[\"x\", \"no type\"]]"), None);
        assert_eq!(schema_of(b"\xff"), None);
    }

    #[test]
    fn a_type_without_a_word_is_not_written() {
        let union = arrow::datatypes::DataType::Union(
            arrow::datatypes::UnionFields::empty(),
            arrow::datatypes::UnionMode::Sparse,
        );
        let field = arrow::datatypes::Field::new("u", union, true);
        assert_eq!(schema_bytes(&Schema::new(vec![field])), None);
    }
}
