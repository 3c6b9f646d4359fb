//! The registry of layers: one file each, one line each; and how they are laid one on another.
//!
//! A layer is told the shape that comes in, adds its operations to the network, and says the shape
//! that goes out. Before a run not every size is known; then it checks what can be checked.

mod attention_pool;
mod batch_norm;
mod conv1d;
mod conv2d;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod gru;
mod layer_norm;
mod lstm;
mod max_pool2d;
mod transformer;

pub(super) use dense::Dense;

use super::net::{Activation, Embedding, MOST_NUMBERS, MOST_WEIGHTS, Net, Op, Window};
use super::shape::Shape;
use super::words::{Made, Makes, Word, made};
use crate::params::{Bound, Call, Params, Setting};
use crate::text::Span;

/// Every registered layer, in the order in which the docs list them.
pub(super) static LAYERS: &[&dyn Made<Box<dyn Layer>>] = &[
    &Word::<Dense>::new(),
    &Word::<dropout::Dropout>::new(),
    &Word::<batch_norm::BatchNorm>::new(),
    &Word::<layer_norm::LayerNorm>::new(),
    &Word::<embedding::Embed>::new(),
    &Word::<conv1d::Conv1d>::new(),
    &Word::<conv2d::Conv2d>::new(),
    &Word::<max_pool2d::MaxPool2d>::new(),
    &Word::<lstm::Lstm>::new(),
    &Word::<gru::Gru>::new(),
    &Word::<transformer::Transformer>::new(),
    &Word::<attention_pool::AttentionPool>::new(),
    &Word::<flatten::Flatten>::new(),
];

/// A layer with its settings.
pub(super) trait Layer {
    /// Lays the layer on a network.
    ///
    /// # Errors
    /// The layer can't take what comes in, or its settings don't go together.
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble>;
}

impl<P: Params + Layer + 'static> Makes<Box<dyn Layer>> for P {
    fn make(self) -> Box<dyn Layer> {
        Box::new(self)
    }
}

/// Why a layer can't be laid.
#[derive(Debug, PartialEq)]
pub(super) struct Trouble {
    /// The parameter to mend, if one is to blame.
    pub(super) param: Option<&'static str>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: Option<String>,
}

impl Trouble {
    fn new(message: impl Into<String>) -> Self {
        Self { param: None, message: message.into(), help: None }
    }

    fn at(self, param: &'static str) -> Self {
        Self { param: Some(param), ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A layer that can't be laid, or the head behind them all.
#[derive(Debug, PartialEq)]
pub(super) struct Misplaced {
    /// The layer's place in the list, counted from 0, and its word; none for what comes in.
    pub(super) layer: Option<(usize, &'static str)>,
    /// Where the user wrote what is to mend.
    pub(super) span: Option<Span>,
    /// What is wrong, and what to do.
    pub(super) trouble: Trouble,
}

/// The columns that come in, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    /// How many columns of numbers there are.
    pub(super) numbers: usize,
    /// How many levels each column of categories has, if that is known.
    pub(super) categories: Vec<Option<usize>>,
}

/// A network that is being laid.
pub(super) struct Laying {
    /// What goes out so far.
    shape: Shape,
    /// What is laid so far; sizes that aren't known are 0.
    net: Net,
    given: Option<Given>,
    /// Whether a layer was laid already.
    begun: bool,
}

impl Laying {
    /// Begins with the columns, read in a shape if the user says so.
    fn begin(given: Option<Given>, shape: Option<&[usize]>) -> Result<Self, Trouble> {
        let numbers = given.as_ref().map_or(0, |given| given.numbers);
        let net = Net { numbers, embeddings: Vec::new(), ops: Vec::new() };
        let mut laying = Self { shape: Shape::Row(None), net, given, begun: false };
        match shape {
            None => laying.embed(None),
            Some(sizes) => laying.shape = laying.shaped(sizes)?,
        }
        Ok(laying)
    }

    /// Reads the columns as a sequence or an image.
    fn shaped(&self, sizes: &[usize]) -> Result<Shape, Trouble> {
        let shape = match *sizes {
            [channels, length] => Shape::Sequence { channels, length },
            [channels, height, width] => Shape::Image { channels, height, width },
            _ => {
                return Err(Trouble::new(format!(
                    "`input_shape` has {} {}, but a shape has two or three",
                    sizes.len(),
                    if sizes.len() == 1 { "size" } else { "sizes" }
                ))
                .help("write `[channels, length]` for `conv1d`, `[channels, height, width]` for `conv2d`"));
            }
        };
        let Some(given) = &self.given else { return Ok(shape) };
        if !given.categories.is_empty() {
            return Err(Trouble::new(match given.categories.len() {
                1 => "`input_shape` is for columns of numbers, but one of categories comes in"
                    .to_owned(),
                more => format!(
                    "`input_shape` is for columns of numbers, but {more} of categories come in"
                ),
            })
            .help("leave such columns out of `features`, or encode them in `steps`"));
        }
        if shape.size() != Some(given.numbers) {
            let size = shape.size().map_or_else(|| "too many".to_owned(), |size| size.to_string());
            return Err(Trouble::new(format!(
                "`input_shape` asks for {size} columns, {}, but {} come in",
                shape.spoken(),
                given.numbers
            ))
            .help("`steps: auto` may drop and add columns; write `steps` out, such as `steps: [scale()]`"));
        }
        Ok(shape)
    }

    /// Puts embeddings of so many numbers behind the columns of numbers; without a size, each gets
    /// one by its levels.
    fn embed(&mut self, dimension: Option<usize>) {
        let Some(given) = &self.given else { return };
        let of = |levels: &Option<usize>| {
            let levels = (*levels)?;
            Some(Embedding { levels, dimension: dimension.unwrap_or_else(|| suggested(levels)) })
        };
        let width = match given.categories.iter().map(of).collect::<Option<Vec<_>>>() {
            Some(embeddings) => {
                self.net.embeddings = embeddings;
                self.net.width()
            }
            None => dimension
                .and_then(|own| own.checked_mul(given.categories.len()))
                .and_then(|own| own.checked_add(given.numbers)),
        };
        self.shape = Shape::Row(width);
    }

    /// Gives the row of numbers that comes in; other shapes are refused.
    fn row(&self, layer: &str) -> Result<Option<usize>, Trouble> {
        match self.shape {
            Shape::Row(width) => Ok(width),
            other => Err(Trouble::new(format!(
                "{layer} takes a row of numbers, but {} come in",
                other.spoken()
            ))
            .help("put `flatten` in front of it")),
        }
    }

    /// Gives channels and length of the sequence that comes in; other shapes are refused.
    fn sequence(&self) -> Result<(usize, usize), Trouble> {
        match self.shape {
            Shape::Sequence { channels, length } => Ok((channels, length)),
            other => Err(Trouble::new(format!(
                "it takes channels of some length, but {} come in",
                other.spoken()
            ))
            .help("say how the columns are read with `input_shape: [channels, length]`")),
        }
    }

    /// Gives how many numbers of a row come in; 0 if that isn't known.
    fn width(&self) -> usize {
        self.shape.size().unwrap_or(0)
    }

    fn push(&mut self, op: Op) {
        self.net.ops.push(op);
    }

    /// Leaves out a share of so many numbers by chance, while training.
    fn drop_out(&mut self, width: usize, share: f64) {
        // A share just below 1 is 1 with fewer digits.
        self.push(Op::Dropout { width, share: (share as f32).min(1.0 - f32::EPSILON) });
    }

    /// Adds what a layer does with each of its numbers.
    fn activate(&mut self, activation: Activation) {
        if activation != Activation::Identity {
            self.push(Op::Activate { width: self.width(), activation });
        }
    }

    /// Refuses what takes more room than is allowed.
    fn check_room(&self) -> Result<(), Trouble> {
        if self.net.weights().is_none_or(|count| count > MOST_WEIGHTS) {
            return Err(Trouble::new(format!(
                "with this layer the network has more than {MOST_WEIGHTS} weights"
            ))
            .help("make it, or the layer in front of it, smaller"));
        }
        if self.net.numbers_a_row().is_none_or(|count| count > MOST_NUMBERS) {
            return Err(Trouble::new(format!(
                "with this layer each row takes more than {MOST_NUMBERS} numbers"
            ))
            .help("make it, or the layer in front of it, smaller"));
        }
        Ok(())
    }
}

/// Gives how many numbers should stand for a level of so many: 1.6 · levels^0.56, the rule of
/// thumb of Howard and Gugger (fastai, 2020).
fn suggested(levels: usize) -> usize {
    let size = (1.6 * (levels as f64).powf(0.56)).round();
    (size as usize).clamp(1, 600)
}

/// Moves a window over what comes in, and gives how often it fits down and across.
fn moved(window: &Window, what: &str) -> Result<[usize; 2], Trouble> {
    window.steps().filter(|steps| !steps.contains(&0)).ok_or_else(|| {
        let [height, width] = window.size;
        let size = if height == 1 && window.kernel[0] == 1 {
            format!("a length of {width}")
        } else {
            format!("{height} × {width} positions")
        };
        Trouble::new(format!("its window of {what} doesn't fit into {size}"))
            .at("kernel_size")
            .help("take a smaller `kernel_size`, or shrink less in the layers in front of it")
    })
}

/// Lays layers one on another, and the head that gives so many answers on top.
///
/// # Errors
/// Names the layer that can't take what comes in.
pub(super) fn lay(
    layers: &[Bound],
    shape: Option<&[usize]>,
    given: Option<Given>,
    answers: usize,
) -> Result<Net, Misplaced> {
    let before = |trouble| Misplaced { layer: None, span: None, trouble };
    let mut laying = Laying::begin(given, shape).map_err(before)?;
    let mut last = None;
    for (place, bound) in layers.iter().enumerate() {
        let Setting::Call(call) = &bound.setting else { continue };
        let misplaced = |trouble: Trouble| {
            let param = trouble.param.and_then(|param| call.args.get(param));
            let span = param.filter(|own| own.written).map_or(bound.span, |own| own.span);
            Misplaced { layer: Some((place, call.name)), span: Some(span), trouble }
        };
        lay_one(call, &mut laying).map_err(misplaced)?;
        last = Some((place, call.name, bound.span));
    }
    let width = laying.row("the head behind the last layer").map_err(|trouble| Misplaced {
        layer: last.map(|(place, name, _)| (place, name)),
        span: last.map(|(_, _, span)| span),
        trouble: match last {
            Some(_) => trouble.help("end with `flatten`"),
            None => trouble.help("add `flatten` as a layer"),
        },
    })?;
    laying.push(Op::Dense { inputs: width.unwrap_or(0), outputs: answers, bias: true });
    laying.check_room().map_err(|trouble| Misplaced {
        layer: last.map(|(place, name, _)| (place, name)),
        span: last.map(|(_, _, span)| span),
        trouble,
    })?;
    Ok(laying.net)
}

fn lay_one(call: &Call, laying: &mut Laying) -> Result<(), Trouble> {
    let unknown = || Trouble::new("its settings don't have the types that it declares");
    made(LAYERS, call).ok_or_else(unknown)?.lay(laying)?;
    laying.begun = true;
    laying.check_room()
}
