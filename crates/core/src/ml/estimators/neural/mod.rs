//! Neural networks: layers, optimisers and schedules as words, and the estimator that trains them.
//!
//! The words are laid out as a [`net`] once, whose operations know sizes and no words. On the
//! processor it is computed by kernels of ours, whose every element is one chain of operations, so
//! that bits depend neither on threads nor on batches; on other [`devices`] by candle.

mod answers;
#[cfg(feature = "candle")]
mod card;
#[cfg(test)]
mod cases;
mod devices;
mod engine;
mod fitted;
mod layers;
mod net;
mod neural_network;
mod optimize;
mod optimizers;
mod rows;
mod schedules;
mod shape;
mod stopping;
#[cfg(test)]
mod tests;
mod train;
mod words;

pub use devices::Device;
pub(super) use neural_network::NeuralNetwork;
pub use words::words;
