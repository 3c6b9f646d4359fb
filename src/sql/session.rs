//! What all queries share: the functions, the rules and the settings of DataFusion, made once.
//!
//! Building DataFusion's default session costs milliseconds; here it is built once a process and
//! without files, catalogs and formats. Names keep their case, and one partition makes the order of
//! rows and of float sums a matter of the query alone (see `docs/design/sql-same-bits.md`).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::alias::AliasGenerator;
use datafusion::common::datatype::DataTypeExt;
use datafusion::common::{Result, config::ConfigOptions};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{FunctionRegistry, SessionStateDefaults};
use datafusion::functions_aggregate::all_default_aggregate_functions;
use datafusion::logical_expr::planner::{ExprPlanner, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};
use datafusion::optimizer::{OptimizerConfig, OptimizerContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

use super::ordered::KeepOrder;
use super::sides::Sides;
use super::spread::Spread;
use crate::data::BATCH_ROWS;

/// Names what changes the meaning of a query: this module's own rules and DataFusion's release.
///
/// Whoever remembers an [`Analysis`](super::Analysis) or a result keys it by this.
pub const VERSION: &str = "sql 5, datafusion 55.2";

/// Functions that look at where rows were read from, or differ with each call.
const UNFIT: &[&str] = &["input_file_name", "file_row_index"];

/// Words that the planner takes for functions though no registry has them.
const BUILT_IN: &[&str] = &["unnest", "unnest_outer", "make_map"];

/// What all queries share.
pub(super) struct Base {
    pub(super) state: SessionState,
    pub(super) planners: Vec<Arc<dyn ExprPlanner>>,
    pub(super) types: Arc<dyn TypePlanner>,
    pub(super) scalars: BTreeMap<String, Arc<ScalarUDF>>,
    pub(super) higher: BTreeMap<String, Arc<HigherOrderUDF>>,
    pub(super) aggregates: BTreeMap<String, Arc<AggregateUDF>>,
    pub(super) windows: BTreeMap<String, Arc<WindowUDF>>,
}

static BASE: LazyLock<Base> = LazyLock::new(Base::new);

/// Gives what all queries share.
pub(super) fn base() -> &'static Base {
    &BASE
}

impl Base {
    fn new() -> Self {
        let scalars = SessionStateDefaults::default_scalar_functions();
        let fit = |function: &Arc<ScalarUDF>| !UNFIT.contains(&function.name());
        let scalars: Vec<_> = scalars.into_iter().filter(fit).collect();
        let higher = SessionStateDefaults::default_higher_order_functions();
        let aggregates = all_default_aggregate_functions();
        let windows = SessionStateDefaults::default_window_functions();
        let named = |name: &str, aliases: &[String]| {
            std::iter::once(name.to_owned()).chain(aliases.iter().cloned()).collect::<Vec<_>>()
        };
        Self {
            scalars: by_name(&scalars, |one| named(one.name(), one.aliases())),
            higher: by_name(&higher, |one| named(one.name(), one.aliases())),
            aggregates: by_name(&aggregates, |one| named(one.name(), one.aliases())),
            windows: by_name(&windows, |one| named(one.name(), one.aliases())),
            planners: SessionStateDefaults::default_expr_planners(),
            types: Arc::new(Types),
            state: SessionStateBuilder::new()
                .with_session_id("mlp".to_owned())
                .with_config(config())
                .with_scalar_functions(scalars)
                .with_higher_order_functions(higher)
                .with_aggregate_functions(aggregates)
                .with_window_functions(windows)
                .with_physical_optimizer_rules(physical_rules())
                .build(),
        }
    }

    /// Gives the name of every function that can be called.
    pub(super) fn function_names(&self) -> impl Iterator<Item = &str> {
        let names = self.scalars.keys().chain(self.higher.keys());
        let names = names.chain(self.aggregates.keys()).chain(self.windows.keys());
        names.map(String::as_str).chain(BUILT_IN.iter().copied())
    }

    /// Tells whether a function can be called by this name.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.scalars.contains_key(name)
            || self.higher.contains_key(name)
            || self.aggregates.contains_key(name)
            || self.windows.contains_key(name)
            || BUILT_IN.contains(&name)
    }
}

/// What the optimiser asks for while it works on one query: DataFusion's own context knows no
/// function, and some rules put `first_value` into a plan.
pub(super) struct Optimising(OptimizerContext);

impl Optimising {
    /// Begins with the settings of all queries.
    pub(super) fn begin() -> Self {
        let options = Arc::clone(base().state.config_options());
        Self(OptimizerContext::new_with_config_options(options))
    }
}

impl OptimizerConfig for Optimising {
    fn query_execution_start_time(&self) -> Option<DateTime<Utc>> {
        self.0.query_execution_start_time()
    }

    fn alias_generator(&self) -> &Arc<AliasGenerator> {
        self.0.alias_generator()
    }

    fn options(&self) -> Arc<ConfigOptions> {
        self.0.options()
    }

    fn function_registry(&self) -> Option<&dyn FunctionRegistry> {
        Some(&base().state)
    }
}

/// Gives DataFusion's rules for operators, with ours where the order of rows is at stake.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    for rule in &mut rules {
        if rule.name() == Sides.name() {
            *rule = Arc::new(Sides);
        }
    }
    rules.push(Arc::new(KeepOrder));
    rules.push(Arc::new(Spread));
    rules
}

fn by_name<T>(list: &[Arc<T>], names: impl Fn(&T) -> Vec<String>) -> BTreeMap<String, Arc<T>> {
    let pairs = list.iter().flat_map(|one| {
        names(one).into_iter().map(|name| (name, Arc::clone(one))).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Gives the settings of all queries.
///
/// Batches have the size of a table's: a result that keeps or fills them is a table without a copy.
fn config() -> SessionConfig {
    let mut options = ConfigOptions::new();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.catalog.create_default_catalog_and_schema = false;
    options.catalog.information_schema = false;
    options.execution.target_partitions = 1;
    options.execution.time_zone = None;
    options.optimizer.enable_round_robin_repartition = false;
    // Filters that a join or a limit builds while it runs cut batches by timing.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    options.optimizer.skip_failed_rules = false;
    SessionConfig::from(options).with_batch_size(BATCH_ROWS)
}

/// Makes SQL's `TIMESTAMP` the language's `timestamp`, in microseconds.
///
/// DataFusion's own has nanoseconds, which end in the year 2262: a column of `9999-12-31` could not
/// be compared with it.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let plain = match sql_type {
            SqlType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => true,
            SqlType::Datetime(None) => true,
            _ => false,
        };
        let micros = || DataType::Timestamp(TimeUnit::Microsecond, None).into_nullable_field_ref();
        Ok(plain.then(micros))
    }
}
