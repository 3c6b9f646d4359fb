//! Picking columns: by name, by what they hold, by how they are called.
//!
//! A pick is a set: its columns come in the order of the frame, however it was written. Knows
//! names and sorts of columns, never their values, so that it means the same before a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use serde_json::{Value as Json, json};

use crate::data::{Frame, Sort, sorts};
use crate::diag::nearest;
use crate::params;
use crate::params::{Args, Bound, Call, Declared, Family, Kind, Params, Setting, Signature};
use crate::text::{FileId, Span, Spanned};

/// Every way to pick columns, in the order in which the docs list them.
pub static SELECTORS: &[&Signature] = &[
    &All::SIGNATURE,
    &Numeric::SIGNATURE,
    &Categorical::SIGNATURE,
    &Text::SIGNATURE,
    &Temporal::SIGNATURE,
    &Matching::SIGNATURE,
];

params! {
    /// Every column.
    pub struct All("all", 0) {
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

params! {
    /// Columns of numbers; bools, one-hot columns, indicators and hash buckets are none.
    pub struct Numeric("numeric", 0) {
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

params! {
    /// Columns of categories and of text.
    pub struct Categorical("categorical", 0) {
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

params! {
    /// Columns of text whose values are no declared categories.
    pub struct Text("text", 0) {
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

params! {
    /// Columns of dates and timestamps.
    pub struct Temporal("temporal", 0) {
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

params! {
    /// Columns whose name fits a pattern.
    pub struct Matching("matching", 1) {
        /// The pattern: `*` stands for any characters, `?` for one.
        pattern: String,
        /// Columns to leave out, by name or by a selector.
        except: Columns = Columns::default(),
    }
}

/// A pick of columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns(pub Vec<Pick>);

/// One part of a pick.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// A column by its name.
    Named(Spanned<String>),
    /// Columns by what they are.
    Selected {
        /// What they are.
        selector: Selector,
        /// Those that are left out nevertheless.
        except: Columns,
    },
}

/// What picked columns have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Nothing.
    All,
    /// They hold numbers.
    Numeric,
    /// They hold categories or text.
    Categorical,
    /// They hold text.
    Text,
    /// They hold dates.
    Temporal,
    /// Their name fits a pattern.
    Matching(String),
}

/// A named column that isn't there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column `{name}`{}", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct NoColumn {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub span: Span,
    /// The nearest column that there is.
    pub near: Option<String>,
}

/// The columns of a frame as far as they are known before any row is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Names and sorts, in order.
    pub columns: Vec<(Arc<str>, Sort)>,
    /// There may be more columns than these, whose names depend on the rows.
    pub open: bool,
}

impl Shape {
    /// Gives the shape of a frame.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        let columns = frame.iter().map(|(name, column)| (Arc::clone(name), Sort::of(column)));
        Self { columns: columns.collect(), open: false }
    }

    /// Gives a column's sort.
    #[must_use]
    pub fn sort(&self, name: &str) -> Option<Sort> {
        self.columns.iter().find(|(own, _)| &**own == name).map(|(_, sort)| *sort)
    }
}

impl Selector {
    /// Tells whether a column is one of those meant.
    #[must_use]
    pub fn fits(&self, name: &str, sort: Sort) -> bool {
        match self {
            Self::All => true,
            Self::Numeric => sort == Sort::Number,
            Self::Categorical => matches!(sort, Sort::Category | Sort::Text),
            Self::Text => sort == Sort::Text,
            Self::Temporal => sort == Sort::Time,
            Self::Matching(pattern) => matches(pattern, name),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Text => "text",
            Self::Temporal => "temporal",
            Self::Matching(_) => "matching",
        }
    }
}

impl Columns {
    /// Picks every column.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![Pick::Selected { selector: Selector::All, except: Self::default() }])
    }

    /// Picks columns by their names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let pick = |name: &str| Pick::Named(Spanned::new(name.to_owned(), nowhere()));
        Self(names.into_iter().map(pick).collect())
    }

    /// Gives the positions of the picked columns, ascending, and the names that aren't there.
    #[must_use]
    pub fn pick(&self, columns: &[(Arc<str>, Sort)]) -> (Vec<usize>, Vec<NoColumn>) {
        let mut missing = Vec::new();
        let mut taken = vec![false; columns.len()];
        self.mark(columns, &mut taken, &mut missing);
        let picked = taken.iter().enumerate().filter(|(_, taken)| **taken).map(|(at, _)| at);
        (picked.collect(), missing)
    }

    /// Gives the names of the picked columns of a table, and the names that aren't there.
    ///
    /// Columns that no model takes, such as lists, are picked by `all()`, by their name and by a
    /// pattern alone.
    #[must_use]
    pub fn of_schema(&self, schema: &Schema) -> (Vec<String>, Vec<NoColumn>) {
        let sort = |sort: Option<Sort>| sort.unwrap_or(Sort::Flag);
        let columns: Vec<(Arc<str>, Sort)> =
            sorts(schema).map(|(name, own)| (Arc::from(name), sort(own))).collect();
        let (picked, missing) = self.pick(&columns);
        (picked.into_iter().map(|at| columns[at].0.to_string()).collect(), missing)
    }

    fn mark(&self, columns: &[(Arc<str>, Sort)], taken: &mut [bool], missing: &mut Vec<NoColumn>) {
        let named = self.0.iter().any(|pick| matches!(pick, Pick::Named(_)));
        let places = columns.iter().enumerate().filter(|_| named);
        let places: BTreeMap<&str, usize> = places.map(|(at, (name, _))| (&**name, at)).collect();
        for pick in &self.0 {
            match pick {
                Pick::Named(name) => match places.get(name.node.as_str()) {
                    Some(at) => taken[*at] = true,
                    None => missing.push(NoColumn {
                        name: name.node.clone(),
                        span: name.span,
                        near: near(&name.node, &places),
                    }),
                },
                Pick::Selected { selector, except } => {
                    let mut left_out = vec![false; columns.len()];
                    except.mark(columns, &mut left_out, missing);
                    for (at, (name, sort)) in columns.iter().enumerate() {
                        taken[at] |= !left_out[at] && selector.fits(name, *sort);
                    }
                }
            }
        }
    }

    /// Gives the names that are written out, those left out by name among them.
    #[must_use]
    pub fn names(&self) -> Vec<&Spanned<String>> {
        let mut names = Vec::new();
        for pick in &self.0 {
            match pick {
                Pick::Named(name) => names.push(name),
                Pick::Selected { except, .. } => names.extend(except.names()),
            }
        }
        names
    }

    /// Gives the columns that are picked by name.
    pub fn named_columns(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.0.iter().filter_map(|pick| match pick {
            Pick::Named(name) => Some(name),
            Pick::Selected { .. } => None,
        })
    }

    /// Gives the place where a column is named.
    #[must_use]
    pub fn span_of(&self, column: &str) -> Option<Span> {
        self.names().iter().find(|name| name.node == column).map(|name| name.span)
    }

    /// Writes the pick canonically: a set has no order.
    #[must_use]
    pub fn canonical(&self) -> Json {
        let part = |pick: &Pick| match pick {
            Pick::Named(name) => json!({ "column": name.node }),
            Pick::Selected { selector, except } => match selector {
                Selector::Matching(pattern) => {
                    json!({ "matching": pattern, "except": except.canonical() })
                }
                other => json!({ (other.word()): { "except": except.canonical() } }),
            },
        };
        let mut parts: Vec<Json> = self.0.iter().map(part).collect();
        parts.sort_by_key(ToString::to_string);
        parts.dedup();
        Json::Array(parts)
    }
}

impl Declared for Columns {
    const KIND: Kind = Kind::OneOf(&[
        Kind::List(&Kind::OneOf(&[Kind::Column, Kind::Call(Family::Selector)])),
        Kind::Column,
        Kind::Call(Family::Selector),
    ]);

    fn from_setting(setting: &Setting) -> Option<Self> {
        match setting {
            Setting::List(items) => items.iter().map(pick_of).collect::<Option<_>>().map(Self),
            single => pick_of(&bound(single.clone())).map(|pick| Self(vec![pick])),
        }
    }

    fn to_setting(&self) -> Setting {
        Setting::List(self.0.iter().map(|pick| bound(setting_of(pick))).collect())
    }
}

fn pick_of(item: &Bound) -> Option<Pick> {
    match &item.setting {
        Setting::Column(name) | Setting::Text(name) => {
            Some(Pick::Named(Spanned::new(name.clone(), item.span)))
        }
        Setting::Call(call) => {
            let except = Columns::from_setting(&call.args.get("except")?.setting)?;
            let selector = match call.name {
                "all" => Selector::All,
                "numeric" => Selector::Numeric,
                "categorical" => Selector::Categorical,
                "text" => Selector::Text,
                "temporal" => Selector::Temporal,
                "matching" => {
                    Selector::Matching(String::from_setting(&call.args.get("pattern")?.setting)?)
                }
                _ => return None,
            };
            Some(Pick::Selected { selector, except })
        }
        _ => None,
    }
}

fn setting_of(pick: &Pick) -> Setting {
    match pick {
        Pick::Named(name) => Setting::Column(name.node.clone()),
        Pick::Selected { selector, except } => {
            let mut args = Args::default();
            if let Selector::Matching(pattern) = selector {
                args.set("pattern", bound(Setting::Text(pattern.clone())));
            }
            args.set("except", bound(except.to_setting()));
            Setting::Call(Call { name: selector.word(), args })
        }
    }
}

/// Finds what was meant: a bare selector is read as a column, so it may be one without its `()`.
fn near(name: &str, places: &BTreeMap<&str, usize>) -> Option<String> {
    let selector = SELECTORS.iter().find(|signature| signature.name == name);
    match selector {
        Some(signature) => Some(format!("{}()", signature.name)),
        None => nearest(name, places.keys().copied()).map(str::to_owned),
    }
}

fn bound(setting: Setting) -> Bound {
    Bound { setting, span: nowhere(), written: false }
}

/// The place of what no user wrote.
fn nowhere() -> Span {
    Span::new(FileId(0), 0, 0)
}

/// Tells whether a name fits a pattern, in time linear in both but for backtracking to the last `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((after, at)) => {
                    star = Some((after, at + 1));
                    p = after + 1;
                    n = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<(Arc<str>, Sort)> {
        [
            ("age", Sort::Number),
            ("amt_in", Sort::Number),
            ("amt_out", Sort::Number),
            ("smoker", Sort::Flag),
            ("city", Sort::Category),
            ("größe", Sort::Text),
            ("seen", Sort::Time),
        ]
        .map(|(name, sort)| (Arc::from(name), sort))
        .to_vec()
    }

    fn picked(picks: &Columns) -> Vec<String> {
        let columns = columns();
        let (at, missing) = picks.pick(&columns);
        let names = at.iter().map(|at| columns[*at].0.to_string());
        names.chain(missing.iter().map(NoColumn::to_string)).collect()
    }

    fn selected(selector: Selector, except: Columns) -> Columns {
        Columns(vec![Pick::Selected { selector, except }])
    }

    #[test]
    fn selectors_pick_by_what_columns_hold() {
        let none = Columns::default;
        assert_eq!(picked(&selected(Selector::Numeric, none())), ["age", "amt_in", "amt_out"]);
        assert_eq!(picked(&selected(Selector::Categorical, none())), ["city", "größe"]);
        assert_eq!(picked(&selected(Selector::Text, none())), ["größe"]);
        assert_eq!(picked(&selected(Selector::Temporal, none())), ["seen"]);
        let amounts = Selector::Matching("amt_*".to_owned());
        assert_eq!(picked(&selected(amounts.clone(), none())), ["amt_in", "amt_out"]);
        assert_eq!(
            picked(&selected(
                Selector::All,
                Columns(vec![Pick::Selected {
                    selector: amounts,
                    except: Columns::named(["amt_in"]),
                }])
            )),
            ["age", "amt_in", "smoker", "city", "größe", "seen"],
        );
    }

    #[test]
    fn a_list_is_a_set_in_the_order_of_the_frame() {
        assert_eq!(picked(&Columns::named(["smoker", "age", "age"])), ["age", "smoker"]);
        assert_eq!(
            Columns::named(["smoker", "age"]).canonical(),
            Columns::named(["age", "smoker"]).canonical(),
        );
    }

    #[test]
    fn a_missing_name_offers_the_nearest() {
        assert_eq!(
            picked(&Columns::named(["agee", "q9"])),
            ["there is no column `agee`; did you mean `age`?", "there is no column `q9`"],
        );
    }

    #[test]
    fn a_pick_survives_its_setting() {
        let picks = Columns(vec![
            Pick::Named(Spanned::new("a b".to_owned(), nowhere())),
            Pick::Selected {
                selector: Selector::Matching("x?*".to_owned()),
                except: Columns::named(["x1"]),
            },
        ]);
        assert_eq!(Columns::from_setting(&picks.to_setting()), Some(picks));
    }

    #[test]
    fn patterns_know_stars_and_question_marks() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("?ö*", "größe", false),
            ("gr?ß*", "größe", true),
            ("*a*a*a*b", &"a".repeat(2000), false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
