//! The tree of one `.mlp` file: blocks, fields and values, each with its place.
//!
//! The tree knows the shapes that the grammar knows and nothing else: no stage kind, no
//! estimator, no type name. What a bare word means is told by the field that takes it, later.

use crate::text::{Span, Spanned};

/// A name as it was written.
pub type Name = Spanned<String>;

/// One parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// What stands at the top level, in the order of the text.
    pub items: Vec<Item>,
    /// The names of the blocks and parameters that could not be read, so that what refers to them
    /// is not reported as unknown.
    pub broken: Vec<Name>,
}

impl File {
    /// Gives the blocks that are not the header, in the order of the text.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.items.iter().filter_map(|item| match item {
            Item::Block(block) => Some(block),
            Item::Header(_) | Item::Param(_) | Item::Import(_) => None,
        })
    }
}

/// One thing at the top level.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `pipeline NAME { … }`.
    Header(Block),
    /// `param NAME: TYPE = DEFAULT "doc"`.
    Param(Param),
    /// `import "file.mlp" as name`.
    Import(Import),
    /// `kind name { … }`.
    Block(Block),
}

/// A block: `kind name { field: value }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The `##` lines directly above, without the marks, joined by line ends.
    pub doc: String,
    /// The first word.
    pub kind: Name,
    /// The second word.
    pub name: Name,
    /// What stands between the braces.
    pub fields: Vec<Field>,
    /// From the first word to the closing brace.
    pub span: Span,
}

/// One `key: value`, of a block or of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key.
    pub key: Spanned<Key>,
    /// The value.
    pub value: Spanned<Value>,
}

/// The key of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// A name or a dotted path: `data`, `estimator.learning_rate`.
    Path(Vec<String>),
    /// A string: a column that is no name.
    Text(String),
    /// A number: the class of a class weight.
    Number(Number),
    /// `true` or `false`: the class of a class weight.
    Bool(bool),
}

impl Key {
    /// Writes the key as a user would say it, without quotes.
    #[must_use]
    pub fn spoken(&self) -> String {
        match self {
            Self::Path(parts) => parts.join("."),
            Self::Text(text) => text.clone(),
            Self::Number(Number::Int(number)) => number.to_string(),
            Self::Number(Number::Float(number)) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
        }
    }
}

/// A number: whole where it was written whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Written without a point or exponent, and in the range of 64 bits.
    Int(i64),
    /// Everything else, `inf` and `-inf` too.
    Float(f64),
}

impl Number {
    /// Gives the value as a float.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// A value of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// `1`, `0.5`, `-inf`.
    Number(Number),
    /// `20%`, as a share: 0.2.
    Percent(f64),
    /// `30s`, in nanoseconds.
    Duration(i64),
    /// `4GiB`, in bytes.
    Size(u64),
    /// `"…"` or `"""…"""`.
    Text(Text),
    /// A bare word or a dotted path: a stage, a column, a choice.
    Path(Vec<Name>),
    /// `$name`, `$c.name`.
    Param(Vec<Name>),
    /// `[a, b]`.
    List(Vec<Spanned<Value>>),
    /// `{ key: value }`.
    Map(Vec<Field>),
    /// `name(arg, key: value)`.
    Call(Call),
    /// `a .. b`, both ends included.
    Range(Box<Spanned<Value>>, Box<Spanned<Value>>),
    /// `left >= right`.
    Compare(Box<Spanned<Value>>, Spanned<Comparison>, Box<Spanned<Value>>),
}

/// A call: `stratified_k_fold(5, shuffle: true)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name, dotted where a model's metric is meant: `boost.f1(average: macro)`.
    pub name: Vec<Name>,
    /// The arguments in order.
    pub args: Vec<Argument>,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name, where one was written.
    pub name: Option<Name>,
    /// The value.
    pub value: Spanned<Value>,
}

/// The sign of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Gives the sign as it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Tells whether the comparison holds; with a NaN only `!=` does.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the user asked for exact equality")]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

/// A string's value, and where each part of it stands in the file.
///
/// Escapes and the indentation taken off a raw string make value and file differ, so an error at
/// some byte of a SQL text is mapped back through [`Text::source_offset`].
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The value.
    pub value: String,
    /// Pairs of (byte of the value, byte of the file), ascending: from each on, the two run in
    /// step until the next.
    pub anchors: Vec<(u32, u32)>,
}

impl Text {
    /// Gives the byte of the file at which a byte of the value stands.
    #[must_use]
    pub fn source_offset(&self, offset: usize) -> usize {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let after = self.anchors.partition_point(|(value, _)| *value <= offset);
        match after.checked_sub(1).and_then(|index| self.anchors.get(index)) {
            Some((value, source)) => (source + (offset - value)) as usize,
            None => offset as usize,
        }
    }
}

/// `param NAME: TYPE = DEFAULT "what it is"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The `##` lines directly above.
    pub doc: String,
    /// The name.
    pub name: Name,
    /// The type: a word, a call such as `category("A", "B")`, or a list of one type.
    pub kind: Spanned<Value>,
    /// The default, where one was written.
    pub default: Option<Spanned<Value>>,
    /// The string behind it that says what the parameter is.
    pub description: Option<Spanned<String>>,
    /// The whole item.
    pub span: Span,
}

/// `import "clean.mlp" as c`.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The path as written.
    pub path: Spanned<String>,
    /// The name behind `as`.
    pub alias: Option<Name>,
    /// The whole item.
    pub span: Span,
}
