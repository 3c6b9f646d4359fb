//! `polynomial`: products of columns.
//!
//! Follows scikit-learn's `PolynomialFeatures`, in its order of the products.

use serde::{Deserialize, Serialize};

use super::kind::{Declaration, Learnt, saved};
use super::picked::{Picking, applied, is_number, joined, numbers_of, places, reshaped};
use crate::data::{Column, Frame, Sort, Target};
use crate::ml::columns::{Columns, Shape};
use crate::ml::estimator::{FitContext, FitError};
use crate::ml::step::{FittedStep, Misfit, Step};
use crate::params;
use crate::params::Limits;

/// The most products that are made.
const MOST_PRODUCTS: usize = 20_000;

/// The most cells that are made: 4 GiB of numbers.
const MOST_CELLS: usize = 1 << 29;

params! {
    /// Makes all products of columns up to a degree: `a`, `b`, `a^2`, `a*b`, `b^2`.
    ///
    /// A product with a missing value is missing.
    pub struct Polynomial("polynomial", 1) {
        /// The columns; left out, all numbers.
        columns: Option<Columns> = None,
        /// How many columns are multiplied at most.
        degree: usize = 2 => Limits::between(1.0, 10.0),
        /// Multiplies no column with itself.
        interaction_only: bool = false,
        /// Adds a column `bias` of ones.
        include_bias: bool = true,
    }
}

/// The products that are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Products {
    columns: Vec<String>,
    degree: usize,
    interaction_only: bool,
    include_bias: bool,
}

impl Polynomial {
    fn picking(&self) -> Picking<'_> {
        Picking {
            step: "polynomial",
            columns: self.columns.as_ref(),
            takes: is_number,
            suits: |sort| sort == Sort::Number,
            expected: "numbers",
        }
    }

    fn products(&self, columns: Vec<String>) -> Products {
        let (degree, interaction_only) = (self.degree, self.interaction_only);
        Products { columns, degree, interaction_only, include_bias: self.include_bias }
    }
}

impl Step for Polynomial {
    fn fit(
        &self,
        frame: &Frame,
        _: &Target,
        _: Option<&[f64]>,
        _: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedStep>, Frame), FitError> {
        let picked = self.picking().of(frame)?;
        let fitted =
            self.products(picked.iter().map(|at| frame.names()[*at].to_string()).collect());
        applied(fitted, frame)
    }

    fn reshape(&self, before: &Shape) -> Result<Shape, Misfit> {
        let picked = self.picking().known(before)?;
        let names = picked.iter().map(|at| before.columns[*at].0.to_string()).collect();
        let fitted = self.products(names);
        let too_many =
            |message| Misfit { step: "polynomial", column: None, span: None, message, help: None };
        let products = fitted.products().map_err(too_many)?;
        let mut after = reshaped(before, &picked, |_, _| Vec::new());
        let names = products.iter().map(|product| fitted.name(product));
        after.columns.extend(names.map(|name| (name.as_str().into(), Sort::Number)));
        Ok(after)
    }
}

impl Declaration for Polynomial {
    type Learnt = Products;
}

impl Products {
    /// Lists the products, each as the columns in it, in ascending order.
    fn products(&self) -> Result<Vec<Vec<usize>>, String> {
        let mut all: Vec<Vec<usize>> =
            if self.include_bias { vec![Vec::new()] } else { Vec::new() };
        let mut last: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..self.degree {
            let mut longer = Vec::new();
            for product in &last {
                let first = product.last().map_or(0, |at| at + usize::from(self.interaction_only));
                longer.extend(
                    (first..self.columns.len())
                        .map(|at| product.iter().copied().chain([at]).collect::<Vec<_>>()),
                );
                if all.len() + longer.len() > MOST_PRODUCTS {
                    return Err(format!(
                        "`polynomial` of {} columns to degree {} makes more than {MOST_PRODUCTS} products; pick fewer columns or a lower degree",
                        self.columns.len(),
                        self.degree
                    ));
                }
            }
            all.extend(longer.iter().cloned());
            last = longer;
        }
        Ok(all)
    }

    /// Names a product: `a^2*b`.
    fn name(&self, product: &[usize]) -> String {
        if product.is_empty() {
            return "bias".to_owned();
        }
        let power = |same: &[usize]| {
            let name = same.first().and_then(|at| self.columns.get(*at)).map_or("", String::as_str);
            if same.len() == 1 { name.to_owned() } else { format!("{name}^{}", same.len()) }
        };
        product.chunk_by(|a, b| a == b).map(power).collect::<Vec<_>>().join("*")
    }
}

impl FittedStep for Products {
    fn transform(&self, frame: &Frame) -> Result<Frame, FitError> {
        let places = places(frame, self.columns.iter().map(String::as_str))?;
        let products = self.products().map_err(FitError::Other)?;
        if products.len().saturating_mul(frame.rows()) > MOST_CELLS {
            return Err(FitError::Other(format!(
                "`polynomial` would make {} columns of {} rows; pick fewer columns or a lower degree",
                products.len(),
                frame.rows()
            )));
        }
        let columns =
            places.iter().map(|at| numbers_of(&frame.names()[*at], &frame.columns()[*at]));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let product = |own: &Vec<usize>| {
            let mut values = vec![1.0; frame.rows()];
            for at in own {
                values.iter_mut().zip(columns[*at]).for_each(|(value, own)| *value *= own);
            }
            (self.name(own), Column::Number(values.into()))
        };
        Ok(joined(frame, &places, products.iter().map(product).collect()))
    }

    fn save(&self) -> Vec<u8> {
        saved(self)
    }

    fn summary(&self) -> String {
        let count = self.products().map_or(0, |products| products.len());
        format!("{count} products of {} columns", self.columns.len())
    }
}

impl Learnt for Products {
    fn sound(&self) -> bool {
        self.degree <= 10 && self.products().is_ok()
    }
}
