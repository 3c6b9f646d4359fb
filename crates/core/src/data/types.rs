//! The types of columns, in the language's words.
//!
//! Knows Arrow's types and nothing of files or SQL. A word reads into a type and a type shows as a
//! word: the same text stands in a pipeline's `schema`, in messages and in the lock file.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

/// The key of a field's metadata that holds its categories as a JSON list of texts.
const CATEGORIES: &str = "mlp.categories";

/// How deep a written type may nest.
const MAX_DEPTH: usize = 32;

/// A type as users write it: what Arrow stores, and what only the language knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// How the values are stored.
    pub arrow: DataType,
    /// The values that a text may have, if they are known.
    pub categories: Option<Vec<String>>,
    /// How dates or times are written in text files, in `strftime`'s words.
    pub format: Option<String>,
}

/// What can be wrong with a written type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// No type has this name; [`ColumnType::words`] has those that there are.
    #[error("there is no type `{0}`")]
    Unknown(String),
    /// The type takes no arguments.
    #[error("the type `{0}` takes no arguments")]
    NoArguments(String),
    /// The type takes other arguments.
    #[error("`{word}` is written `{expected}`")]
    Arguments {
        /// The type's name.
        word: String,
        /// How it is written.
        expected: &'static str,
    },
    /// A decimal has too many digits or a scale outside them.
    #[error(
        "a decimal has 1 to 76 digits, of which at most all stand after the point, not `decimal({precision}, {scale})`"
    )]
    Decimal {
        /// The digits in all.
        precision: i64,
        /// The digits after the point.
        scale: i64,
    },
    /// No time zone has this name.
    #[error("there is no time zone `{0}`")]
    Zone(String),
    /// The same category stands twice.
    #[error("the category `{0}` stands twice")]
    DoubledCategory(String),
    /// A format has no `%` in it, so that every value would read the same.
    #[error("the format `{0}` has no part such as `%Y`")]
    Format(String),
    /// The text isn't a type at all.
    #[error("`{0}` is no type")]
    Malformed(String),
}

/// How many of the first words are the language's own; the others are Arrow's.
const OWN: usize = 7;

/// The words that need no arguments, each with its type; the first word of a type is the one shown.
const WORDS: &[(&str, DataType)] = &[
    ("int", DataType::Int64),
    ("float", DataType::Float64),
    ("bool", DataType::Boolean),
    ("text", DataType::Utf8),
    ("date", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("duration", DataType::Duration(TimeUnit::Microsecond)),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float16", DataType::Float16),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("boolean", DataType::Boolean),
    ("utf8", DataType::Utf8),
    ("large_utf8", DataType::Utf8),
    ("utf8_view", DataType::Utf8),
    ("binary", DataType::Binary),
    ("large_binary", DataType::Binary),
    ("binary_view", DataType::Binary),
    ("date32", DataType::Date32),
    ("date64", DataType::Date64),
    ("time_s", DataType::Time32(TimeUnit::Second)),
    ("time_ms", DataType::Time32(TimeUnit::Millisecond)),
    ("time_us", DataType::Time64(TimeUnit::Microsecond)),
    ("time_ns", DataType::Time64(TimeUnit::Nanosecond)),
    ("timestamp_s", DataType::Timestamp(TimeUnit::Second, None)),
    ("timestamp_ms", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ("timestamp_us", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamp_ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
    ("duration_s", DataType::Duration(TimeUnit::Second)),
    ("duration_ms", DataType::Duration(TimeUnit::Millisecond)),
    ("duration_us", DataType::Duration(TimeUnit::Microsecond)),
    ("duration_ns", DataType::Duration(TimeUnit::Nanosecond)),
    ("interval_months", DataType::Interval(IntervalUnit::YearMonth)),
    ("interval_days", DataType::Interval(IntervalUnit::DayTime)),
    ("interval", DataType::Interval(IntervalUnit::MonthDayNano)),
    ("null", DataType::Null),
];

/// What other languages call a type, and what it is called here.
const ALIASES: &[(&str, &str)] = &[
    ("integer", "int"),
    ("bigint", "int"),
    ("long", "int"),
    ("number", "float"),
    ("numeric", "float"),
    ("double", "float"),
    ("real", "float"),
    ("string", "text"),
    ("str", "text"),
    ("varchar", "text"),
    ("char", "text"),
    ("object", "text"),
    ("logical", "bool"),
    ("datetime", "timestamp"),
    ("timedelta", "duration"),
    ("factor", "category"),
    ("enum", "category"),
    ("categorical", "category"),
];

/// The words that need arguments, each with how it is written.
const CALLS: &[(&str, &str)] = &[
    ("decimal", "decimal(precision, scale)"),
    ("decimal32", "decimal32(precision, scale)"),
    ("decimal64", "decimal64(precision, scale)"),
    ("decimal256", "decimal256(precision, scale)"),
    ("category", "category(\"A\", \"B\")"),
    ("fixed_size_binary", "fixed_size_binary(bytes)"),
    ("timestamp_tz_s", "timestamp_tz_s(\"UTC\")"),
    ("timestamp_tz_ms", "timestamp_tz_ms(\"UTC\")"),
    ("timestamp_tz", "timestamp_tz(\"UTC\")"),
    ("timestamp_tz_ns", "timestamp_tz_ns(\"UTC\")"),
];

impl ColumnType {
    /// Makes a type of which only the storage is known.
    #[must_use]
    pub const fn new(arrow: DataType) -> Self {
        Self { arrow, categories: None, format: None }
    }

    /// Gives every word that names a type, the language's own first.
    pub fn words() -> impl Iterator<Item = &'static str> {
        let plain = WORDS.iter().map(|(word, _)| *word);
        let calls = CALLS.iter().map(|(word, _)| *word);
        plain.clone().take(OWN).chain(calls).chain(plain.skip(OWN))
    }

    /// Gives the type that a word of another language or a misspelt one likely stands for.
    #[must_use]
    pub fn meant(word: &str) -> Option<&'static str> {
        let lower = word.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(other, _)| *other == lower).map(|(_, own)| *own);
        alias.or_else(|| crate::diag::nearest(word, Self::words()))
    }

    /// Lists the language's own types for a help line.
    #[must_use]
    pub fn spoken_words() -> String {
        let own: Vec<String> =
            WORDS.iter().take(OWN).map(|(word, _)| format!("`{word}`")).collect();
        format!(
            "types: {}, `decimal(10, 2)`, `category(\"A\", \"B\")`, `date(\"%d/%m/%Y\")`",
            own.join(", ")
        )
    }

    /// Makes a type from its word and its arguments, texts and numbers apart.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the word or the arguments.
    pub fn from_parts(word: &str, texts: &[&str], numbers: &[i64]) -> Result<Self, TypeError> {
        if let ("date" | "timestamp", [format], []) = (word, texts, numbers) {
            return Self::formatted(word, format);
        }
        if let Some((_, arrow)) = WORDS.iter().find(|(known, _)| *known == word) {
            if texts.is_empty() && numbers.is_empty() {
                return Ok(Self::new(arrow.clone()));
            }
            return Err(TypeError::NoArguments(word.to_owned()));
        }
        match CALLS.iter().find(|(known, _)| *known == word) {
            Some((_, expected)) => Self::called(word, texts, numbers)
                .unwrap_or_else(|| Err(TypeError::Arguments { word: word.to_owned(), expected })),
            None => Err(TypeError::Unknown(word.to_owned())),
        }
    }

    fn formatted(word: &str, format: &str) -> Result<Self, TypeError> {
        if !format.contains('%') {
            return Err(TypeError::Format(format.to_owned()));
        }
        let plain = Self::from_parts(word, &[], &[])?;
        Ok(Self { format: Some(format.to_owned()), ..plain })
    }

    /// Makes a type that takes arguments; nothing if they are of the wrong kind or number.
    fn called(word: &str, texts: &[&str], numbers: &[i64]) -> Option<Result<Self, TypeError>> {
        let zoned = |unit, zone: &str| match zone.parse::<Tz>() {
            Ok(_) => Ok(Self::new(DataType::Timestamp(unit, Some(zone.into())))),
            Err(_) => Err(TypeError::Zone(zone.to_owned())),
        };
        Some(match (word, texts, numbers) {
            ("category", [_, ..], []) => category(texts),
            ("fixed_size_binary", [], [bytes]) => {
                Ok(Self::new(DataType::FixedSizeBinary(u16::try_from(*bytes).ok()?.into())))
            }
            ("timestamp_tz_s", [zone], []) => zoned(TimeUnit::Second, zone),
            ("timestamp_tz_ms", [zone], []) => zoned(TimeUnit::Millisecond, zone),
            ("timestamp_tz", [zone], []) => zoned(TimeUnit::Microsecond, zone),
            ("timestamp_tz_ns", [zone], []) => zoned(TimeUnit::Nanosecond, zone),
            (_, [], [precision, scale]) if word.starts_with("decimal") => {
                decimal(word, *precision, *scale)
            }
            _ => return None,
        })
    }

    /// Makes the field of a column of this type.
    #[must_use]
    pub fn to_field(&self, name: &str) -> Field {
        let field = Field::new(name, self.arrow.clone(), true);
        let Some(categories) = &self.categories else { return field };
        let list = serde_json::Value::from(categories.clone()).to_string();
        field.with_metadata(HashMap::from([(CATEGORIES.to_owned(), list)]))
    }

    /// Gives the type of a field.
    #[must_use]
    pub fn of_field(field: &Field) -> Self {
        let list = field.metadata().get(CATEGORIES);
        let categories = list.and_then(|list| serde_json::from_str(list).ok());
        Self { categories, ..Self::new(field.data_type().clone()) }
    }
}

fn category(texts: &[&str]) -> Result<ColumnType, TypeError> {
    let doubled = texts.iter().enumerate().find(|(at, text)| texts[..*at].contains(text));
    if let Some((_, text)) = doubled {
        return Err(TypeError::DoubledCategory((*text).to_owned()));
    }
    let categories = texts.iter().map(|text| (*text).to_owned()).collect();
    Ok(ColumnType { categories: Some(categories), ..ColumnType::new(DataType::Utf8) })
}

fn decimal(word: &str, precision: i64, scale: i64) -> Result<ColumnType, TypeError> {
    let error = TypeError::Decimal { precision, scale };
    let widest = match word {
        "decimal32" => 9,
        "decimal64" => 18,
        _ => 76,
    };
    let (Ok(digits), Ok(after)) = (u8::try_from(precision), i8::try_from(scale)) else {
        return Err(error);
    };
    if !(1..=widest).contains(&precision) || scale > precision {
        return Err(error);
    }
    Ok(ColumnType::new(match word {
        "decimal32" => DataType::Decimal32(digits, after),
        "decimal64" => DataType::Decimal64(digits, after),
        "decimal" if digits <= 38 => DataType::Decimal128(digits, after),
        _ => DataType::Decimal256(digits, after),
    }))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.categories, &self.format) {
            (Some(categories), _) => {
                let list: Vec<String> = categories.iter().map(|text| quoted(text)).collect();
                write!(f, "category({})", list.join(", "))
            }
            (None, Some(format)) => {
                write_type(f, &self.arrow)?;
                write!(f, "({})", quoted(format))
            }
            (None, None) => write_type(f, &self.arrow),
        }
    }
}

/// Writes a text as JSON does, which the language reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_type(f: &mut fmt::Formatter<'_>, arrow: &DataType) -> fmt::Result {
    if let Some((word, _)) = WORDS.iter().find(|(_, known)| known == arrow) {
        return f.write_str(word);
    }
    match arrow {
        DataType::LargeUtf8 | DataType::Utf8View => f.write_str("text"),
        DataType::LargeBinary | DataType::BinaryView => f.write_str("binary"),
        DataType::Dictionary(_, value) => write_type(f, value),
        DataType::RunEndEncoded(_, value) => write_type(f, value.data_type()),
        DataType::Timestamp(unit, Some(zone)) => {
            write!(f, "timestamp_tz{}({})", suffix(*unit), quoted(zone))
        }
        DataType::FixedSizeBinary(bytes) => write!(f, "fixed_size_binary({bytes})"),
        DataType::Decimal32(digits, after) => write!(f, "decimal32({digits}, {after})"),
        DataType::Decimal64(digits, after) => write!(f, "decimal64({digits}, {after})"),
        DataType::Decimal128(digits, after) => write!(f, "decimal({digits}, {after})"),
        DataType::Decimal256(digits, after) if *digits > 38 => {
            write!(f, "decimal({digits}, {after})")
        }
        DataType::Decimal256(digits, after) => write!(f, "decimal256({digits}, {after})"),
        DataType::Struct(fields) => write_fields(f, fields),
        DataType::Map(entries, _) => write_map(f, entries.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            f.write_str("list(")?;
            write_type(f, item.data_type())?;
            f.write_str(")")
        }
        other => write!(f, "{other}"),
    }
}

const fn suffix(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "_s",
        TimeUnit::Millisecond => "_ms",
        TimeUnit::Microsecond => "",
        TimeUnit::Nanosecond => "_ns",
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &Fields) -> fmt::Result {
    f.write_str("struct(")?;
    for (at, field) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{}: ", quoted(field.name()))?;
        write_type(f, field.data_type())?;
    }
    f.write_str(")")
}

fn write_map(f: &mut fmt::Formatter<'_>, entries: &DataType) -> fmt::Result {
    let DataType::Struct(fields) = entries else { return f.write_str("map") };
    f.write_str("map(")?;
    for (at, field) in fields.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        write_type(f, field.data_type())?;
    }
    f.write_str(")")
}

/// Reads a type as [`Display`](fmt::Display) writes it, nested ones too.
impl FromStr for ColumnType {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let mut reader = Reader { rest: text };
        let read = reader.column_type(0)?;
        if reader.rest.trim().is_empty() { Ok(read) } else { Err(reader.malformed()) }
    }
}

/// What of a written type is still to read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn malformed(&self) -> TypeError {
        TypeError::Malformed(self.rest.trim().chars().take(40).collect())
    }

    fn eat(&mut self, mark: char) -> bool {
        let rest = self.rest.trim_start();
        self.rest = rest.strip_prefix(mark).unwrap_or(rest);
        self.rest.len() < rest.len()
    }

    fn need(&mut self, mark: char) -> Result<(), TypeError> {
        if self.eat(mark) { Ok(()) } else { Err(self.malformed()) }
    }

    /// Takes letters, digits, `_` and `-`: a word or a whole number.
    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let (word, rest) = rest.split_at(rest.find(|letter| !part(letter)).unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    fn text(&mut self) -> Result<String, TypeError> {
        let rest = self.rest.trim_start();
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let text = stream.next().and_then(Result::ok).ok_or_else(|| self.malformed())?;
        self.rest = rest.get(stream.byte_offset()..).unwrap_or_default();
        Ok(text)
    }

    fn column_type(&mut self, depth: usize) -> Result<ColumnType, TypeError> {
        if depth > MAX_DEPTH {
            return Err(self.malformed());
        }
        match self.word() {
            "" => Err(self.malformed()),
            "list" => self.list(depth),
            "struct" => self.structure(depth),
            "map" => self.map(depth),
            word => self.flat(word),
        }
    }

    fn flat(&mut self, word: &str) -> Result<ColumnType, TypeError> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        if self.eat('(') && !self.eat(')') {
            loop {
                if self.rest.trim_start().starts_with('"') {
                    texts.push(self.text()?);
                } else {
                    numbers.push(self.word().parse().map_err(|_| self.malformed())?);
                }
                if self.eat(')') {
                    break;
                }
                self.need(',')?;
            }
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        ColumnType::from_parts(word, &texts, &numbers)
    }

    fn item(&mut self, depth: usize) -> Result<DataType, TypeError> {
        Ok(self.column_type(depth + 1)?.arrow)
    }

    fn list(&mut self, depth: usize) -> Result<ColumnType, TypeError> {
        self.need('(')?;
        let item = self.item(depth)?;
        self.need(')')?;
        Ok(ColumnType::new(DataType::List(list_item(item))))
    }

    fn structure(&mut self, depth: usize) -> Result<ColumnType, TypeError> {
        self.need('(')?;
        let mut fields: Vec<Field> = Vec::new();
        while !self.eat(')') {
            if !fields.is_empty() {
                self.need(',')?;
            }
            let name = self.text()?;
            self.need(':')?;
            fields.push(Field::new(name, self.item(depth)?, true));
        }
        Ok(ColumnType::new(DataType::Struct(fields.into())))
    }

    fn map(&mut self, depth: usize) -> Result<ColumnType, TypeError> {
        self.need('(')?;
        let key = self.item(depth)?;
        self.need(',')?;
        let value = self.item(depth)?;
        self.need(')')?;
        Ok(ColumnType::new(DataType::Map(map_entries(key, value), false)))
    }
}

/// Makes the field of a list's items as the normal form has it.
pub(super) fn list_item(item: DataType) -> FieldRef {
    Arc::new(Field::new("item", item, true))
}

/// Makes the field of a map's entries as the normal form has it.
pub(super) fn map_entries(key: DataType, value: DataType) -> FieldRef {
    let parts = vec![Field::new("keys", key, false), Field::new("values", value, true)];
    Arc::new(Field::new("entries", DataType::Struct(parts.into()), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_and_show() {
        type Case<'a> = (&'a str, &'a [&'a str], &'a [i64], Result<&'a str, &'a str>);
        let cases: &[Case<'_>] = &[
            ("int", &[], &[], Ok("int")),
            ("int64", &[], &[], Ok("int")),
            ("int32", &[], &[], Ok("int32")),
            ("large_utf8", &[], &[], Ok("text")),
            ("timestamp", &[], &[], Ok("timestamp")),
            ("timestamp_ns", &[], &[], Ok("timestamp_ns")),
            ("timestamp_tz", &["Europe/Oslo"], &[], Ok("timestamp_tz(\"Europe/Oslo\")")),
            ("date", &["%d/%m/%Y"], &[], Ok("date(\"%d/%m/%Y\")")),
            ("decimal", &[], &[10, 2], Ok("decimal(10, 2)")),
            ("decimal", &[], &[50, 2], Ok("decimal(50, 2)")),
            ("category", &["No", "Y\"es"], &[], Ok("category(\"No\", \"Y\\\"es\")")),
            ("strnig", &[], &[], Err("there is no type `strnig`")),
            ("int", &[], &[8], Err("the type `int` takes no arguments")),
            ("date", &["dd/mm"], &[], Err("the format `dd/mm` has no part such as `%Y`")),
            ("category", &["A", "B", "A"], &[], Err("the category `A` stands twice")),
            ("category", &[], &[1, 2], Err("`category` is written `category(\"A\", \"B\")`")),
            ("category", &[], &[], Err("`category` is written `category(\"A\", \"B\")`")),
            ("decimal", &[], &[3], Err("`decimal` is written `decimal(precision, scale)`")),
            (
                "decimal",
                &[],
                &[77, 2],
                Err(
                    "a decimal has 1 to 76 digits, of which at most all stand after the point, not `decimal(77, 2)`",
                ),
            ),
        ];
        for (word, texts, numbers, expected) in cases {
            let found = ColumnType::from_parts(word, texts, numbers);
            let shown = found.as_ref().map(ToString::to_string).map_err(ToString::to_string);
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(shown, expected, "{word}");
            if let Ok(found) = found {
                assert_eq!(found.to_string().parse(), Ok(found), "{word}");
            }
        }
    }

    #[test]
    fn every_word_without_arguments_is_a_type_that_reads_back() {
        for (word, arrow) in WORDS {
            let read = ColumnType::from_parts(word, &[], &[]).unwrap();
            assert_eq!(&read.arrow, arrow);
            assert_eq!(read.to_string().parse::<ColumnType>().unwrap(), read);
        }
        assert_eq!(ColumnType::words().count(), WORDS.len() + CALLS.len());
        assert_eq!(ColumnType::words().nth(6), Some("duration"));
    }

    #[test]
    fn nested_types_read_back() {
        for text in [
            "list(list(int32))",
            "struct(\"a b\": int, \"c\": list(text))",
            "struct()",
            "map(text, struct(\"x\": timestamp_tz_ns(\"UTC\")))",
        ] {
            assert_eq!(text.parse::<ColumnType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn broken_texts_are_errors() {
        let deep = format!("{}int{}", "list(".repeat(5000), ")".repeat(5000));
        for text in ["", "(", "list(", "list()", "struct(a: int)", "int)", "decimal(1,", "é", &deep]
        {
            assert!(text.parse::<ColumnType>().is_err(), "{text}");
        }
    }

    #[test]
    fn categories_live_in_the_field() {
        let read = ColumnType::from_parts("category", &["No", "Yes"], &[]).unwrap();
        let field = read.to_field("churned");
        assert_eq!(field.metadata()["mlp.categories"], "[\"No\",\"Yes\"]");
        assert_eq!(ColumnType::of_field(&field), read);
    }
}
