//! `max_pool2d`: the largest number below a window.

use super::super::net::{Op, Window};
use super::super::shape::Shape;
use super::conv2d::no_image;
use super::{Layer, Laying, Trouble, moved};
use crate::params;
use crate::params::Limits;

params! {
    /// The largest number below a window, channel by channel: makes an image smaller.
    pub(super) struct MaxPool2d("max_pool2d", 1) {
        /// How many positions the window covers, down and across.
        kernel_size: usize => Limits::between(1.0, 10_000.0),
        /// How far the window moves; left out, as far as it is wide.
        stride: Option<usize> = None => Limits::between(1.0, 10_000.0),
    }
}

impl Layer for MaxPool2d {
    fn lay(&self, laying: &mut Laying) -> Result<(), Trouble> {
        let Shape::Image { channels, height, width } = laying.shape else {
            return Err(no_image(laying.shape));
        };
        let window = Window {
            channels,
            size: [height, width],
            kernel: [self.kernel_size; 2],
            stride: [self.stride.unwrap_or(self.kernel_size); 2],
            padding: [0, 0],
        };
        let [height, width] = moved(&window, &format!("{0} × {0}", self.kernel_size))?;
        laying.push(Op::Pool(window));
        laying.shape = Shape::Image { channels, height, width };
        Ok(())
    }
}
