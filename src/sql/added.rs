//! Functions that a program adds to SQL.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::error::SqlError;
use super::session::base;

/// A function over the values of one row.
///
/// The same arguments must give the same result: what it gives is kept.
pub trait ScalarFunction: Send + Sync {
    /// Gives its name, as queries write it: in small letters.
    fn name(&self) -> &'static str;

    /// Says what it does, in Markdown; the first line is one short sentence.
    fn doc(&self) -> &'static str;

    /// Counts up when the same arguments give another result than before.
    fn version(&self) -> u32 {
        1
    }

    /// Gives the name and type of each argument; what is near to the type is cast to it.
    fn arguments(&self) -> Vec<(&'static str, DataType)>;

    /// Gives the type of the result.
    fn result(&self) -> DataType;

    /// Computes so many rows; there is an array an argument, each of its type and with a value a row.
    ///
    /// # Errors
    /// Says what is wrong with which value.
    fn call(&self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef, String>;
}

/// The functions that a query may call beside the built-in ones.
#[derive(Clone, Default)]
pub struct Functions {
    added: Vec<&'static dyn ScalarFunction>,
}

impl Functions {
    /// Adds a function; its name must not be taken.
    #[must_use]
    pub fn with(mut self, function: &'static dyn ScalarFunction) -> Self {
        self.added.push(function);
        self
    }

    /// Gives those that were added.
    #[must_use]
    pub fn added(&self) -> &[&'static dyn ScalarFunction] {
        &self.added
    }

    /// Tells whether there is a function of a name, built in or added.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        base().is_function(name) || self.named(name).is_some()
    }

    /// Finds one that was added.
    pub(super) fn named(&self, name: &str) -> Option<&'static dyn ScalarFunction> {
        self.added.iter().find(|own| own.name() == name).copied()
    }

    /// Makes what the planner takes for an added function.
    pub(super) fn planned(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.named(name).map(|own| Arc::new(ScalarUDF::from(Added::new(own))))
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.added.iter().map(|own| own.name())).finish()
    }
}

/// How a function is called: `distance(a, b)`.
pub(super) fn usage(function: &dyn ScalarFunction) -> String {
    let arguments: Vec<&str> = function.arguments().iter().map(|(name, _)| *name).collect();
    format!("{}({})", function.name(), arguments.join(", "))
}

/// An added function as DataFusion calls it.
struct Added {
    function: &'static dyn ScalarFunction,
    signature: Signature,
}

impl Added {
    fn new(function: &'static dyn ScalarFunction) -> Self {
        let types: Vec<DataType> = function.arguments().into_iter().map(|(_, kind)| kind).collect();
        let signature = if types.is_empty() {
            Signature::nullary(Volatility::Immutable)
        } else {
            Signature::exact(types, Volatility::Immutable)
        };
        Self { function, signature }
    }

    fn wrong(&self, message: String) -> DataFusionError {
        let message = format!("`{}`: {message}", self.function.name());
        DataFusionError::External(Box::new(SqlError::new("sql-runtime", message)))
    }
}

impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())
    }
}

impl PartialEq for Added {
    fn eq(&self, other: &Self) -> bool {
        self.function.name() == other.function.name()
    }
}

impl Eq for Added {}

impl Hash for Added {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
    }
}

impl ScalarUDFImpl for Added {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.function.result())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.into_iter().map(|value| value.into_array(rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let made = self.function.call(&arrays, rows).map_err(|message| self.wrong(message))?;
        if made.len() != rows || *made.data_type() != self.function.result() {
            let (found, kind) = (made.len(), made.data_type());
            return Err(self.wrong(format!(
                "it gave {found} values of type {kind}, and promised {rows} of type {}",
                self.function.result()
            )));
        }
        Ok(ColumnarValue::Array(made))
    }
}
