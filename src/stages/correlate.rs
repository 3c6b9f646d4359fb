//! `correlate`: says how strongly columns of a table go together, pair by pair.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use serde_json::json;

use super::learning;
use super::tables::{self, FLOAT, INT, Named, TEXT};
use crate::data::{Column, Frame, Ranks, Sort, Table};
use crate::diag::Diagnostic;
use crate::ml::association::{
    Association, Method, NO_LEVEL, Values, associate, benjamini_hochberg,
};
use crate::ml::columns::{Columns, Pick};
use crate::params;
use crate::params::{Args, Declared, Kind, Params, Setting, Signature};
use crate::plan::{
    Artifact, Caching, Checked, Checking, Failure, Output, Produced, Reads, Running, Source,
    StageKind, TableType, Task, Work,
};
use crate::text::Span;

/// More pairs than this are refused.
const MOST_PAIRS: usize = 1_000_000;

params! {
    /// Says how strongly columns go together, a row a pair.
    ///
    /// A row of the data counts for a pair where both columns have a value; `rows` says how many do.
    /// Coefficients and `p` are those of scipy and scikit-learn; both are nothing where they are not
    /// defined, as for a constant column.
    pub(super) struct Correlate("correlate", 0) {
        /// The table.
        data: Setting as (Kind::Stage),
        /// The columns; left out, all that the method suits: numbers and bools, or for `cramers_v` bools,
        /// categories and texts (whole numbers by name), or for `mutual_info` all of these. By name,
        /// dates count as numbers.
        columns: Option<Columns> = None,
        /// The columns to hold them against; left out, each column is held against each other one.
        against: Option<Columns> = None,
        /// What is measured.
        method: Method = Method::Pearson,
        /// How p-values are adjusted, in `p_adjusted`, for being many.
        correction: Correction = Correction::BenjaminiHochberg,
    }
}

params! {
    /// How p-values are adjusted for being many.
    pub(super) enum Correction {
        /// Of the pairs whose `p_adjusted` is below a level, about that share is found by accident.
        BenjaminiHochberg = "benjamini_hochberg",
        /// Not at all.
        None = "none",
    }
}

/// The columns of the table.
const COLUMNS: &[Named<'_>] = &[
    ("left", TEXT),
    ("right", TEXT),
    ("method", TEXT),
    ("coefficient", FLOAT),
    ("p", FLOAT),
    ("p_adjusted", FLOAT),
    ("rows", INT),
];

/// The registered kind.
pub(super) struct CorrelateKind;

impl StageKind for CorrelateKind {
    fn signature(&self) -> &'static Signature {
        const { &Correlate::SIGNATURE }
    }

    fn check(&self, args: &Args, checking: &mut Checking<'_>) -> Option<Checked> {
        let mut fields = Correlate::from_args(args)?;
        for (name, pick) in [("columns", &mut fields.columns), ("against", &mut fields.against)] {
            if let (Some(bound), Some(columns)) = (args.given(name), pick) {
                place(columns, bound.span);
            }
        }
        let data = checking.table(args.get("data")?)?;
        let pairs = known_pairs(&fields, args, &data, checking)?;
        let reads = match &pairs {
            Some(pairs) if !data.kind.open => Reads::Columns(pairs.names().collect()),
            _ => Reads::All,
        };
        let seed = (fields.method == Method::MutualInfo).then_some(checking.seed);
        let pick = |columns: &Option<Columns>| columns.as_ref().map(Columns::canonical);
        let columns = match &pairs {
            // The rows come in the order of these columns.
            Some(pairs) => json!({ "left": pairs.left, "right": pairs.right }),
            None => json!({ "columns": pick(&fields.columns), "against": pick(&fields.against) }),
        };
        let settings = json!({
            "columns": columns,
            "method": fields.method.to_setting().canonical(),
            "correction": fields.correction.to_setting().canonical(),
            "seed": seed,
        });
        let task = Task {
            inputs: vec![data.input(reads)],
            settings,
            files: Vec::new(),
            writes: Vec::new(),
            work: Arc::new(Correlating { fields }),
            caching: Caching::Keyed,
        };
        let table = tables::plain(tables::schema(COLUMNS));
        Some(Checked { outputs: vec![("", Output::Table(table))], task: Some(task) })
    }
}

/// Gives a column that stands alone, without a list around it, the place of its field.
fn place(columns: &mut Columns, field: Span) {
    if let [Pick::Named(name)] = columns.0.as_mut_slice()
        && name.span.start == name.span.end
    {
        name.span = field;
    }
}

/// Finds the pairs as far as the columns are known before the run; reports what doesn't fit.
fn known_pairs(
    fields: &Correlate,
    args: &Args,
    data: &Source<TableType>,
    checking: &mut Checking<'_>,
) -> Option<Option<Pairs>> {
    let picks = || [&fields.columns, &fields.against].into_iter().flatten();
    let names: Vec<&str> =
        picks().flat_map(Columns::names).map(|name| name.node.as_str()).collect();
    let Some(schema) = data.kind.planned(names) else { return Some(None) };
    for pick in picks() {
        learning::kept(pick, &schema, &data.name, checking)?;
        for name in pick.names() {
            checking.count_on(&name.node, data, name.span);
        }
    }
    match Pairs::of(fields, &schema) {
        Ok(pairs) => Some(Some(pairs)),
        // What is known only once the data are there may bring a second column.
        Err(Unfit { span: None, .. }) if data.kind.open => Some(None),
        Err(unfit) => {
            let columns = args.given("columns").or_else(|| args.given("against"));
            let place = columns.map_or(data.span, |bound| bound.span);
            let span = unfit.span.unwrap_or(place);
            let finding = Diagnostic::error("column-misfit", span, unfit.message);
            checking.report(unfit.help.into_iter().fold(finding, Diagnostic::help));
            None
        }
    }
}

/// The pairs of columns, in the order in which the table has them.
struct Pairs {
    left: Vec<String>,
    /// The columns to hold them against; none means each other.
    right: Option<Vec<String>>,
}

/// Why columns can't be correlated.
struct Unfit {
    message: String,
    span: Option<Span>,
    help: Option<String>,
}

impl Pairs {
    fn of(fields: &Correlate, schema: &Schema) -> Result<Self, Unfit> {
        let right = fields.against.as_ref().map(|own| picked(own, fields.method, schema));
        let right = right.transpose()?;
        let left = match &fields.columns {
            Some(columns) => picked(columns, fields.method, schema)?,
            None => {
                let all = picked(&Columns::all(), fields.method, schema)?;
                let other = |name: &String| !right.iter().flatten().any(|own| own == name);
                all.into_iter().filter(other).collect()
            }
        };
        let pairs = Self { left, right };
        let method = fields.method.to_setting().spoken();
        let (message, help) = match (pairs.list().take(MOST_PAIRS + 1).count(), &pairs.left[..]) {
            (0, [alone]) => (
                format!("`{alone}` has no other column to be compared with"),
                format!("name another one; `{method}` takes {}", taken(fields.method)),
            ),
            (0, _) => (
                format!("there are no columns for `{method}` to compare"),
                format!("it takes {}", taken(fields.method)),
            ),
            (count, _) if count > MOST_PAIRS => (
                format!("these are more than {MOST_PAIRS} pairs"),
                "name fewer `columns`, or hold them `against` a few".to_owned(),
            ),
            _ => return Ok(pairs),
        };
        Err(Unfit { message, span: None, help: Some(help) })
    }

    /// Gives each pair once, whichever column comes first.
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.left.iter().enumerate().flat_map(move |(at, left)| {
            let right: &[String] = self.right.as_deref().unwrap_or(&self.left[at + 1..]);
            let doubled = move |right: &&String| {
                *right == left
                    || (self.right.as_ref().is_some_and(|list| list.contains(left))
                        && self.left[..at].contains(right))
            };
            right.iter().filter(move |right| !doubled(right)).map(move |right| (&**left, &**right))
        })
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.left.iter().chain(self.right.iter().flatten()).cloned()
    }
}

/// Gives the picked columns that a method takes; one that was named and doesn't fit is an error.
fn picked(columns: &Columns, method: Method, schema: &Schema) -> Result<Vec<String>, Unfit> {
    let (names, missing) = columns.of_schema(schema);
    if let Some(missing) = missing.first() {
        let span = Some(missing.span);
        return Err(Unfit { message: missing.to_string(), span, help: None });
    }
    let mut fitting = Vec::new();
    for name in names {
        let Ok(field) = schema.field_with_name(&name) else { continue };
        let named = columns.named_columns().find(|own| own.node == name);
        match named {
            _ if suits(method, field) => fitting.push(name),
            Some(_) if takes(method, field) => fitting.push(name),
            Some(named) => {
                let kind = crate::data::ColumnType::of_field(field);
                let method_word = method.to_setting().spoken();
                return Err(Unfit {
                    message: format!("`{method_word}` doesn't take `{name}`, which is {kind}"),
                    span: Some(named.span),
                    help: Some(format!("it takes {}", taken(method))),
                });
            }
            None => {}
        }
    }
    Ok(fitting)
}

/// Tells whether a method takes a column without its being named.
fn suits(method: Method, field: &Field) -> bool {
    let Some(sort) = Sort::of_field(field) else { return false };
    match method {
        Method::Pearson | Method::Spearman | Method::Kendall => {
            matches!(sort, Sort::Number | Sort::Flag)
        }
        Method::CramersV => matches!(sort, Sort::Flag | Sort::Category | Sort::Text),
        Method::MutualInfo => sort != Sort::Time,
    }
}

/// Tells whether a method takes a column that is named.
fn takes(method: Method, field: &Field) -> bool {
    let Some(sort) = Sort::of_field(field) else { return false };
    match method {
        Method::CramersV => field.data_type().is_integer(),
        Method::Pearson | Method::Spearman | Method::Kendall | Method::MutualInfo => {
            sort == Sort::Time
        }
    }
}

const fn taken(method: Method) -> &'static str {
    match method {
        Method::Pearson | Method::Spearman | Method::Kendall => {
            "numbers, bools and dates; for texts there are `cramers_v` and `mutual_info`"
        }
        Method::CramersV => {
            "bools, categories, texts and whole numbers; for others there is `mutual_info`"
        }
        Method::MutualInfo => "numbers, bools, categories, texts and dates",
    }
}

/// The work of a correlation.
struct Correlating {
    fields: Correlate,
}

impl Work for Correlating {
    fn run(&self, inputs: &[Artifact], running: &dyn Running) -> Result<Produced, Failure> {
        let table = inputs.first().ok_or_else(|| Failure::new("there are no rows"))?.table()?;
        let pairs = Pairs::of(&self.fields, table.schema()).map_err(|unfit| {
            let failure = Failure { span: unfit.span, ..Failure::new(unfit.message) };
            unfit.help.into_iter().fold(failure, Failure::help)
        })?;
        let names: Vec<String> = pairs.names().collect::<BTreeSet<_>>().into_iter().collect();
        let method = self.fields.method;
        let found = running.pool().install(|| {
            let columns = names
                .iter()
                .map(|name| values(table, name, method))
                .collect::<Result<Vec<Values>, Failure>>()?;
            let place = |name: &str| names.binary_search_by(|own| own.as_str().cmp(name)).ok();
            let places: Vec<(usize, usize)> = pairs
                .list()
                .filter_map(|(left, right)| Some((place(left)?, place(right)?)))
                .collect();
            associate(method, &columns, &places, running.seed(), running.stop())
                .ok_or_else(Failure::stopped)
        })?;
        let output = self.written(&pairs, &found)?;
        Ok(Produced { outputs: vec![Artifact::Table(output)], ..Produced::default() })
    }
}

impl Correlating {
    fn written(&self, pairs: &Pairs, found: &[Association]) -> Result<Table, Failure> {
        let p: Vec<f64> = found.iter().map(|own| own.p).collect();
        let adjusted = match self.fields.correction {
            Correction::BenjaminiHochberg => benjamini_hochberg(&p),
            Correction::None => vec![f64::NAN; p.len()],
        };
        let method = self.fields.method.to_setting().spoken();
        tables::table(
            tables::schema(COLUMNS),
            vec![
                tables::texts(pairs.list().map(|(left, _)| left)),
                tables::texts(pairs.list().map(|(_, right)| right)),
                tables::texts(found.iter().map(|_| method.as_str())),
                tables::floats(found.iter().map(|own| own.coefficient)),
                tables::floats(p.into_iter()),
                tables::floats(adjusted.into_iter()),
                tables::counts(found.iter().map(|own| own.rows)),
            ],
        )
    }
}

/// Reads a column as a method wants it: as numbers or as levels.
fn values(table: &Table, name: &str, method: Method) -> Result<Values, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let sort = table.field(name).and_then(Sort::of_field);
    let levels = match method {
        Method::CramersV => true,
        Method::MutualInfo => matches!(sort, Some(Sort::Flag | Sort::Category | Sort::Text)),
        Method::Pearson | Method::Spearman | Method::Kendall => false,
    };
    if levels {
        let pieces = table.column(name).map_err(|error| failure(&error))?;
        return Ok(coded(&Ranks::of(&pieces).map_err(|error| failure(&error))?));
    }
    let frame = Frame::of_table(table, &[name.to_owned()]).map_err(|error| failure(&error))?;
    if let (Some((_, row)), Method::Pearson | Method::MutualInfo) = (frame.first_infinity(), method)
    {
        return Err(Failure::new(format!("`{name}` is infinite in row {row}"))
            .help("leave such rows out in SQL, or compare ranks: `method: spearman`"));
    }
    Ok(Values::Numbers(match frame.column(name) {
        Some(Column::Number(values) | Column::Flag(values)) => values.to_vec(),
        Some(Column::Time(times)) => times.iter().map(|time| seconds(*time)).collect(),
        Some(Column::Category { .. } | Column::Text(_)) | None => Vec::new(),
    }))
}

fn coded(ranks: &Ranks) -> Values {
    let mut codes: Vec<u32> =
        ranks.ranks.iter().map(|rank| u32::try_from(*rank).unwrap_or(NO_LEVEL)).collect();
    for row in &ranks.missing {
        if let Some(code) = codes.get_mut(*row) {
            *code = NO_LEVEL;
        }
    }
    Values::Levels { codes, count: ranks.distinct }
}

fn seconds(microseconds: i64) -> f64 {
    if microseconds == crate::data::NO_TIME { f64::NAN } else { microseconds as f64 / 1e6 }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    fn list(left: &[&str], right: Option<&[&str]>) -> Vec<String> {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let pairs = Pairs { left: own(left), right: right.map(own) };
        pairs.list().map(|(left, right)| format!("{left}{right}")).collect()
    }

    #[test]
    fn each_pair_stands_once() {
        assert_eq!(list(&["a", "b", "c"], None), ["ab", "ac", "bc"]);
        assert_eq!(list(&["a", "b"], Some(&["c", "d"])), ["ac", "ad", "bc", "bd"]);
        assert_eq!(list(&["a", "b", "c"], Some(&["a", "b"])), ["ab", "ca", "cb"]);
        assert_eq!(list(&["a"], Some(&["a"])), [""; 0]);
    }
}
