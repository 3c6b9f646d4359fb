//! Drawings of numbers: axes, lines, points, bars. Each is an SVG that takes its colours from the page.

mod axis;
mod bars;
mod dots;
mod plot;

pub(super) use axis::Axis;
pub(super) use bars::bars;
pub(super) use dots::Dots;
pub(super) use plot::{Legend, Plot, SERIES, series};
