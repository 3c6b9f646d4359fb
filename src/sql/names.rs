//! What the planner may ask for by name: the tables of a query, the functions, the marks.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue, TableReference, internal_err, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Expr, HigherOrderUDF, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TableSource, Volatility, WindowUDF,
};

use super::added::Functions;
use super::checked::{CheckedSum, Place};
use super::rewrite::{Site, Sites};
use super::session::base;

/// A table of which only the schema is known.
#[derive(Debug)]
pub(super) struct KnownTable {
    /// The parts of its name.
    pub(super) parts: Vec<String>,
    pub(super) schema: SchemaRef,
}

impl TableSource for KnownTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Answers the planner.
pub(super) struct Names<'a> {
    tables: BTreeMap<Vec<String>, Arc<KnownTable>>,
    sites: &'a Sites,
    functions: &'a Functions,
}

impl<'a> Names<'a> {
    /// Makes the names of a query.
    pub(super) fn new(
        tables: &[(Vec<String>, SchemaRef)],
        sites: &'a Sites,
        functions: &'a Functions,
    ) -> Self {
        let known = tables.iter().map(|(parts, schema)| {
            let table = KnownTable { parts: parts.clone(), schema: Arc::clone(schema) };
            (parts.clone(), Arc::new(table))
        });
        Self { tables: known.collect(), sites, functions }
    }

    fn place(&self, range: &Range<usize>) -> Place {
        Place::new(Arc::clone(&self.sites.source), range.clone())
    }

    fn marked(&self, name: &str, range: &Range<usize>, around: Around) -> Arc<ScalarUDF> {
        let (name, place) = (name.to_owned(), self.place(range));
        Arc::new(ScalarUDF::from(Mark { name, place, around, signature: any(1) }))
    }
}

/// Gives the parts of a table's name.
pub(super) fn parts(name: &TableReference) -> Vec<String> {
    let parts = [name.catalog(), name.schema(), Some(name.table())];
    parts.into_iter().flatten().map(str::to_owned).collect()
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.tables.get(&parts(&name)) {
            Some(table) => Ok(Arc::clone(table) as _),
            None => plan_err!("there is no table `{name}`"),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &base().planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::clone(&base().types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        match self.sites.get(name) {
            Some(Site::Expression(range)) => Some(self.marked(name, range, Around::Whole)),
            Some(Site::Operation(range)) => Some(self.marked(name, range, Around::RightSide)),
            Some(Site::Value(value)) => {
                let (name, value) = (name.to_owned(), value.clone());
                Some(Arc::new(ScalarUDF::from(Bound { name, value, signature: nullary() })))
            }
            Some(Site::Sum(_)) => None,
            None => base().scalars.get(name).cloned().or_else(|| self.functions.planned(name)),
        }
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        base().higher.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        match self.sites.get(name) {
            Some(Site::Sum(range)) => {
                Some(Arc::new(AggregateUDF::from(CheckedSum::new(self.place(range)))))
            }
            _ => base().aggregates.get(name).cloned(),
        }
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        base().windows.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        base().state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        base().scalars.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        base().higher.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        base().aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        base().windows.keys().cloned().collect()
    }
}

fn any(arguments: usize) -> Signature {
    Signature::any(arguments, Volatility::Immutable)
}

fn nullary() -> Signature {
    Signature::nullary(Volatility::Immutable)
}

/// What a mark stands around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Around {
    /// The negation or cast that it marks.
    Whole,
    /// The right side of the operation that it marks.
    RightSide,
}

/// A mark: gives what it is given, and knows where the operation stands.
#[derive(Debug)]
pub(super) struct Mark {
    name: String,
    pub(super) place: Place,
    pub(super) around: Around,
    signature: Signature,
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.around == other.around
    }
}

impl Eq for Mark {}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.around.hash(state);
    }
}

impl ScalarUDFImpl for Mark {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [inner] => Ok(inner.clone()),
            _ => internal_err!("a mark stands around one expression"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [inner] => Ok(Arc::clone(inner)),
            _ => internal_err!("a mark stands around one expression"),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.pop() {
            Some(value) => Ok(value),
            None => internal_err!("a mark stands around one expression"),
        }
    }
}

/// A parameter's value that has no literal in SQL.
#[derive(Debug)]
pub(super) struct Bound {
    name: String,
    pub(super) value: ScalarValue,
    signature: Signature,
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, _: &[Expr]) -> Result<String> {
        Ok(Expr::Literal(self.value.clone(), None).schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Field::new(&self.name, self.value.data_type(), self.value.is_null()).into())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
