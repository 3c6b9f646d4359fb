//! Declarations: parameters, signatures, and the macro that makes both from a struct.

use super::setting::{Args, Bound, Call, Setting};

/// A group of registered words that a call may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Stage kinds: the first word of a block.
    Stage,
    /// Learning algorithms.
    Estimator,
    /// Fitted transformations in a model.
    Step,
    /// Ways to cut rows into folds.
    Fold,
    /// Scores.
    Metric,
    /// Ways to search for good values.
    Search,
    /// Rules for giving a trial of a search up early.
    Pruner,
    /// Readers of data.
    Source,
    /// Conditions on a table that either hold or don't.
    Check,
    /// Figures of a table that a check compares with a number.
    Measure,
    /// Ways to pick columns.
    Selector,
    /// Spaces of values that a search draws from.
    Space,
    /// Rules for assigning rows to the parts of a split.
    Assignment,
    /// Layers of a neural network.
    Layer,
    /// Optimisers of a neural network.
    Optimizer,
    /// Learning-rate schedules of a neural network.
    Schedule,
    /// Rules for ending training early.
    Stopping,
    /// Fitted models in files.
    Stored,
}

impl Family {
    /// Gives the words of the language that no registry holds yet.
    #[must_use]
    pub const fn planned(self) -> &'static [&'static str] {
        match self {
            Self::Source => &["sqlite", "postgres", "mysql", "rudderstack"],
            _ => &[],
        }
    }

    /// Names the family as a user would: `an estimator`.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Stage => "a stage kind",
            Self::Estimator => "an estimator",
            Self::Step => "a step",
            Self::Fold => "a splitter",
            Self::Metric => "a metric",
            Self::Search => "a search",
            Self::Pruner => "a pruner",
            Self::Source => "a source",
            Self::Check => "a check",
            Self::Measure => "a measure of a table",
            Self::Selector => "a column selector",
            Self::Space => "a search space",
            Self::Assignment => "an assignment rule",
            Self::Layer => "a layer",
            Self::Optimizer => "an optimizer",
            Self::Schedule => "a schedule",
            Self::Stopping => "a stopping rule",
            Self::Stored => "a model file such as `load(\"NAME.mlpmodel\")`",
        }
    }
}

/// The words of every family, as the registries hold them.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    families: &'a [(Family, &'a [&'static Signature])],
    added: &'a [(Family, &'static Signature)],
}

impl<'a> Vocabulary<'a> {
    /// Holds the words of some families.
    #[must_use]
    pub const fn new(families: &'a [(Family, &'a [&'static Signature])]) -> Self {
        Self { families, added: &[] }
    }

    /// Holds more words, each behind those of its family.
    #[must_use]
    pub const fn with(self, added: &'a [(Family, &'static Signature)]) -> Self {
        Self { added, ..self }
    }

    /// Gives the families that have a registry.
    pub fn families(self) -> impl Iterator<Item = Family> + 'a {
        self.families.iter().map(|(family, _)| *family)
    }

    /// Gives the signatures of a family, in the order of the registry.
    pub fn signatures(self, family: Family) -> impl Iterator<Item = &'static Signature> + 'a {
        let built_in = self.families.iter().filter(move |(own, _)| *own == family);
        let added = self.added.iter().filter(move |(own, _)| *own == family);
        let added = added.map(|(_, signature)| *signature);
        built_in.flat_map(|(_, list)| list.iter().copied()).chain(added)
    }

    /// Finds a word in a family.
    #[must_use]
    pub fn find(self, family: Family, name: &str) -> Option<&'static Signature> {
        self.signatures(family).find(|signature| signature.name == name)
    }

    /// Gives the first family that has a word.
    #[must_use]
    pub fn family_of(self, name: &str) -> Option<Family> {
        let has = |family: &Family| self.find(*family, name).is_some();
        self.families().find(has)
    }
}

/// A word that can be called, and its parameters.
#[derive(Debug)]
pub struct Signature {
    /// The word.
    pub name: &'static str,
    /// What it is, in Markdown; the first line is one short sentence.
    pub doc: &'static str,
    /// How many leading parameters may be given by position alone.
    pub positional: usize,
    /// The parameters, in order.
    pub params: &'static [Param],
}

impl Signature {
    /// Finds a parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Gives the first line of the doc.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.doc.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
    }
}

/// A declared parameter.
#[derive(Debug)]
pub struct Param {
    /// The name that a user writes.
    pub name: &'static str,
    /// What it does, for someone who edits a `.mlp` file.
    pub doc: &'static str,
    /// What a value may be.
    pub kind: Kind,
    /// The range of a number.
    pub limits: Limits,
    /// The value when left out; a parameter without one must be given.
    pub default: Option<fn() -> Setting>,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A share, `20%` or `0.2`.
    Share,
    /// A string.
    Text,
    /// A string that is a path; `{$name}` inside it is put in.
    Path,
    /// SQL: a string, or `file("q.sql")`.
    Code,
    /// A time span.
    Duration,
    /// A number of bytes.
    Size,
    /// One of some words.
    Choice(&'static [Choice]),
    /// A column: a bare word or a string.
    Column,
    /// A type of the language.
    Type,
    /// A class of the target: a string, number, or bool.
    Label,
    /// An output of a stage.
    Stage,
    /// A call of a registered word.
    Call(Family),
    /// A call held against a number.
    Compare(Family),
    /// A list.
    List(&'static Kind),
    /// The rest of the positional arguments.
    Rest(&'static Kind),
    /// Values under keys that the user picks.
    Map(&'static Kind),
    /// The kind, or `null`.
    Optional(&'static Kind),
    /// The first of these that the value's shape fits.
    OneOf(&'static [Kind]),
    /// Two numbers of one kind, `a .. b`.
    Range,
    /// Any bool, number, percent or string.
    Literal,
    /// A bare word or path, whose meaning is told by what it is given to.
    Word,
}

impl Kind {
    /// Says what is expected, as a user would: `a number`.
    #[must_use]
    pub fn spoken(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Float => "a number".to_owned(),
            Self::Share => "a share such as `20%`".to_owned(),
            Self::Text => "a string".to_owned(),
            Self::Path => "a path in quotes".to_owned(),
            Self::Code => "SQL in quotes, or `file(\"query.sql\")`".to_owned(),
            Self::Duration => "a time span such as `30s`".to_owned(),
            Self::Size => "a size such as `512MiB`".to_owned(),
            Self::Choice(choices) => {
                let words: Vec<String> =
                    choices.iter().map(|choice| format!("`{}`", choice.word)).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Column => "a column".to_owned(),
            Self::Type => "a type such as `int`".to_owned(),
            Self::Label => "a class: a string, a whole number or a bool".to_owned(),
            Self::Stage => "the name of a stage".to_owned(),
            Self::Call(family) => family.spoken().to_owned(),
            Self::Compare(family) => format!("{} compared with a number", family.spoken()),
            Self::List(item) => format!("a list, each {}", item.spoken()),
            Self::Rest(item) => item.spoken(),
            Self::Map(item) => format!("a map `{{ key: value }}`, each value {}", item.spoken()),
            Self::Optional(inner) => format!("{} or `null`", inner.spoken()),
            Self::OneOf(kinds) => alternatives(kinds, Self::spoken),
            Self::Range => "a range `a .. b`".to_owned(),
            Self::Literal => "a bool, a number or a string".to_owned(),
            Self::Word => "a word".to_owned(),
        }
    }

    /// Says what is expected without what may stand inside it: `a list`.
    #[must_use]
    pub fn shape(&self) -> String {
        match self {
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map `{ key: value }`".to_owned(),
            Self::Optional(inner) => format!("{} or `null`", inner.shape()),
            Self::OneOf(kinds) => alternatives(kinds, Self::shape),
            other => other.spoken(),
        }
    }
}

/// Says what is expected where there are several ways; a list of the others is told as that.
fn alternatives(kinds: &[Kind], spoken: impl Fn(&Kind) -> String) -> String {
    const OR: &str = ", or ";
    let is_list = |kind: &&Kind| matches!(kind, Kind::List(_));
    let singles: Vec<String> =
        kinds.iter().filter(|kind| !is_list(kind)).map(Kind::spoken).collect();
    let mut parts: Vec<String> = Vec::new();
    for kind in kinds {
        match kind {
            Kind::List(item) if parts.last() == Some(&item.spoken()) => {
                parts.push("a list of these".to_owned());
            }
            Kind::List(item) if singles.join(OR) == item.spoken() => {}
            _ => parts.push(spoken(kind)),
        }
    }
    let of_all =
        |kind: &Kind| matches!(kind, Kind::List(item) if singles.join(OR) == item.spoken());
    if kinds.iter().any(of_all) && parts.len() == singles.len() {
        parts.push("a list of these".to_owned());
    }
    parts.join(OR)
}

/// One word of a fixed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// What it picks.
    pub doc: &'static str,
}

/// The range that a number must lie in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The lower end, and whether it belongs to the range.
    pub low: Option<(f64, bool)>,
    /// The upper end, and whether it belongs to the range.
    pub high: Option<(f64, bool)>,
}

impl Limits {
    /// Allows every number.
    pub const ANY: Self = Self { low: None, high: None };

    /// Allows `low` and more.
    #[must_use]
    pub const fn at_least(low: f64) -> Self {
        Self { low: Some((low, true)), high: None }
    }

    /// Allows more than `low`.
    #[must_use]
    pub const fn above(low: f64) -> Self {
        Self { low: Some((low, false)), high: None }
    }

    /// Allows `low` to `high`, both included.
    #[must_use]
    pub const fn between(low: f64, high: f64) -> Self {
        Self { low: Some((low, true)), high: Some((high, true)) }
    }

    /// Allows more than `low`, up to `high`.
    #[must_use]
    pub const fn above_to(low: f64, high: f64) -> Self {
        Self { low: Some((low, false)), high: Some((high, true)) }
    }

    /// Allows more than `low` and less than `high`.
    #[must_use]
    pub const fn inside(low: f64, high: f64) -> Self {
        Self { low: Some((low, false)), high: Some((high, false)) }
    }

    /// Tells whether a number lies in the range; NaN never does.
    #[must_use]
    pub fn allow(&self, number: f64) -> bool {
        let above = self.low.is_none_or(|(low, own)| number > low || (own && number >= low));
        let below = self.high.is_none_or(|(high, own)| number < high || (own && number <= high));
        above && below && !number.is_nan()
    }

    /// Says the range as a user would: `above 0, at most 1`.
    #[must_use]
    pub fn spoken(&self) -> String {
        let low = self
            .low
            .map(|(low, own)| if own { format!("at least {low}") } else { format!("above {low}") });
        let high =
            self.high.map(
                |(high, own)| {
                    if own { format!("at most {high}") } else { format!("below {high}") }
                },
            );
        [low, high].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// A Rust type that a declared parameter can have.
pub trait Declared: Sized {
    /// What a user may write for it.
    const KIND: Kind;

    /// The range that it can hold, if that is narrower than what a user may write.
    const LIMITS: Limits = Limits::ANY;

    /// Reads it from a bound setting; `None` only where binding would have refused the value.
    fn from_setting(setting: &Setting) -> Option<Self>;

    /// Writes it as a setting; for defaults.
    fn to_setting(&self) -> Setting;
}

impl Declared for bool {
    const KIND: Kind = Kind::Bool;

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    fn to_setting(&self) -> Setting {
        Setting::Bool(*self)
    }
}

impl Declared for f64 {
    const KIND: Kind = Kind::Float;

    fn from_setting(setting: &Setting) -> Option<Self> {
        setting.as_f64()
    }

    fn to_setting(&self) -> Setting {
        Setting::Float(*self)
    }
}

impl Declared for String {
    const KIND: Kind = Kind::Text;

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Text(text) | Setting::Word(text) | Setting::Column(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn to_setting(&self) -> Setting {
        Setting::Text(self.clone())
    }
}

impl Declared for Call {
    const KIND: Kind = Kind::Call(Family::Estimator);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Call(call) => Some(call.clone()),
            _ => None,
        }
    }

    fn to_setting(&self) -> Setting {
        Setting::Call(self.clone())
    }
}

/// A setting taken as it is, for parameters of several shapes.
impl Declared for Setting {
    const KIND: Kind = Kind::Literal;

    fn from_setting(setting: &Setting) -> Option<Self> {
        Some(setting.clone())
    }

    fn to_setting(&self) -> Setting {
        self.clone()
    }
}

impl<T: Declared> Declared for Option<T> {
    const KIND: Kind = Kind::Optional(&T::KIND);
    const LIMITS: Limits = T::LIMITS;

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::Null => Some(None),
            other => T::from_setting(other).map(Some),
        }
    }

    fn to_setting(&self) -> Setting {
        self.as_ref().map_or(Setting::Null, T::to_setting)
    }
}

impl<T: Declared> Declared for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
    const LIMITS: Limits = T::LIMITS;

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::List(items) => {
                items.iter().map(|item| T::from_setting(&item.setting)).collect()
            }
            single => T::from_setting(single).map(|value| vec![value]),
        }
    }

    fn to_setting(&self) -> Setting {
        let place = crate::text::Span::new(crate::text::FileId(0), 0, 0);
        let bound = |item: &T| Bound { setting: item.to_setting(), span: place, written: false };
        Setting::List(self.iter().map(bound).collect())
    }
}

macro_rules! whole_numbers {
    ($($number:ty => $limits:expr),*) => {$(
        impl Declared for $number {
            const KIND: Kind = Kind::Int;
            const LIMITS: Limits = $limits;

            fn from_setting(setting: &Setting) -> Option<Self> {
                match setting {
                    Setting::Int(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
            }

            fn to_setting(&self) -> Setting {
                Setting::Int(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}

whole_numbers!(
    i64 => Limits::ANY,
    u64 => Limits::at_least(0.0),
    usize => Limits::at_least(0.0),
    u32 => Limits::between(0.0, 4_294_967_295.0)
);

/// A struct of parameters, made by [`params!`](crate::params!).
pub trait Params: Sized {
    /// The word and its parameters.
    const SIGNATURE: Signature;

    /// Reads the struct from settled parameters; `None` only where binding would have refused one.
    fn from_args(args: &Args) -> Option<Self>;

    /// Gives every parameter's default, or `None` where one must be given.
    #[must_use]
    fn defaults() -> Option<Self> {
        let place = crate::text::Span::new(crate::text::FileId(0), 0, 0);
        let mut args = Args::default();
        for param in Self::SIGNATURE.params {
            let setting = param.default.map(|default| default())?;
            args.set(param.name, Bound { setting, span: place, written: false });
        }
        Self::from_args(&args)
    }
}

/// Declares the parameters of a word once: docs, types, defaults, ranges.
///
/// A struct becomes a registered word; the number behind its name says how many leading parameters
/// may be given by position. `field("Name"): Type as (Kind) = default => Limits`: all but the type
/// may be left out. An enum becomes a parameter's fixed list of words.
#[macro_export]
macro_rules! params {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident($word:literal, $positional:literal) {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident $(($rename:literal))? : $ty:ty
                    $(as ($kind:expr))? $(= $default:expr)? $(=> $limits:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        #[allow(
            dead_code,
            unreachable_pub,
            reason = "a declared parameter may be read from its setting, with its place"
        )]
        $vis struct $name {
            $($(#[doc = $field_doc])* pub $field: $ty,)*
        }

        impl $crate::params::Params for $name {
            const SIGNATURE: $crate::params::Signature = $crate::params::Signature {
                name: $word,
                doc: concat!($($doc, "\n"),*),
                positional: $positional,
                params: &[$($crate::params::Param {
                    name: $crate::params!(@name $field $($rename)?),
                    doc: concat!($($field_doc, "\n"),*),
                    kind: $crate::params!(@kind $ty $(, $kind)?),
                    limits: $crate::params!(@limits $ty $(, $limits)?),
                    default: $crate::params!(@default $ty $(, $default)?),
                },)*],
            };

            fn from_args(args: &$crate::params::Args) -> Option<Self> {
                // A word without parameters reads nothing.
                let _ = args;
                Some(Self {
                    $($field: <$ty as $crate::params::Declared>::from_setting(
                        &args.get($crate::params!(@name $field $($rename)?))?.setting,
                    )?,)*
                })
            }
        }
    };
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $($(#[doc = $choice_doc:literal])* $variant:ident = $word:literal),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[doc = $choice_doc])* $variant,)*
        }

        impl $crate::params::Declared for $name {
            const KIND: $crate::params::Kind = $crate::params::Kind::Choice(&[
                $($crate::params::Choice { word: $word, doc: concat!($($choice_doc, "\n"),*) },)*
            ]);

            fn from_setting(setting: &$crate::params::Setting) -> Option<Self> {
                match setting {
                    $($crate::params::Setting::Word(word) if word == $word => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn to_setting(&self) -> $crate::params::Setting {
                $crate::params::Setting::Word(match self { $(Self::$variant => $word,)* }.to_owned())
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $rename:literal) => { $rename };
    (@kind $ty:ty) => { <$ty as $crate::params::Declared>::KIND };
    (@kind $ty:ty, $kind:expr) => { $kind };
    (@limits $ty:ty) => { <$ty as $crate::params::Declared>::LIMITS };
    (@limits $ty:ty, $limits:expr) => { $limits };
    (@default $ty:ty) => { None };
    (@default $ty:ty, $default:expr) => {
        Some(|| { let value: $ty = $default; <$ty as $crate::params::Declared>::to_setting(&value) })
    };
}
