//! `conv2d`: the same weighted sums at each position of an image.

use super::super::net::{Activation, Op, Window};
use super::super::shape::Shape;
use super::{Layer, Laying, Trouble, moved};
use crate::params;
use crate::params::{Choice, Kind, Limits, Setting};

/// A number of zeros, or `same`.
pub(super) const PADDING: Kind = Kind::OneOf(&[
    Kind::Int,
    Kind::Choice(&[Choice { word: "same", doc: "As many as keep the size." }]),
]);

params! {
    /// Weighted sums of what lies below a window, the same at each position of an image.
    ///
    /// `input_shape: [channels, height, width]` says how the columns are read.
    pub(super) struct Conv2d("conv2d", 2) {
        /// How many sums at each position.
        out_channels: usize => Limits::between(1.0, 100_000.0),
        /// How many positions the window covers, down and across.
        kernel_size: usize => Limits::between(1.0, 10_000.0),
        /// How far the window moves.
        stride: usize = 1 => Limits::between(1.0, 10_000.0),
        /// How many zeros are put on each side; `same` keeps the size.
        padding: Setting as (PADDING) = Setting::Int(0) => Limits::between(0.0, 10_000.0),
        /// What is done with each sum.
        activation: Activation = Activation::Relu,
        /// Whether a number is added to each sum.
        bias: bool = true,
    }
}

impl Layer for Conv2d {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let Shape::Image { channels, height, width } = laying.shape else {
            return Err(no_image(laying.shape));
        };
        let padding = padding(&self.padding, self.kernel_size, self.stride)?;
        let window = Window {
            channels,
            size: [height, width],
            kernel: [self.kernel_size; 2],
            stride: [self.stride; 2],
            padding: [padding; 2],
        };
        let [height, width] = moved(&window, &format!("{0} × {0}", self.kernel_size))?;
        laying.push(Op::Convolve { window, outputs: self.out_channels, bias: self.bias });
        laying.shape = Shape::Image { channels: self.out_channels, height, width };
        laying.activate(self.activation);
        Ok(())
    }
}

/// Says that what comes in is no image.
pub(super) fn no_image(shape: Shape) -> Trouble {
    Trouble::new(format!(
        "it takes channels of some height and width, but {} come in",
        shape.spoken()
    ))
    .help("say how the columns are read with `input_shape: [channels, height, width]`")
}

/// Settles how many zeros are put on each side.
pub(super) fn padding(setting: &Setting, kernel: usize, stride: usize) -> Result<usize, Trouble> {
    match setting {
        Setting::Int(zeros) => usize::try_from(*zeros).ok().filter(|zeros| *zeros < kernel).ok_or_else(
            || {
                Trouble::new(format!(
                    "its `padding` of {zeros} is not smaller than its `kernel_size` of {kernel}, so that the window would see nothing but zeros"
                ))
                .at("padding")
            },
        ),
        _ if stride != 1 => Err(Trouble::new("`padding: same` needs a `stride` of 1").at("padding")),
        _ if kernel.is_multiple_of(2) => {
            Err(Trouble::new("`padding: same` needs an odd `kernel_size`").at("kernel_size"))
        }
        _ => Ok(kernel / 2),
    }
}
