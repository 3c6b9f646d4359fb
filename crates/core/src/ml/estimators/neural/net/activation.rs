//! Activations: functions of one number, as PyTorch defines them, and their slopes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::math::{erf, exp, sigmoid, tanh, wide};
use crate::params;
use crate::params::{Declared, Setting};

/// How steep `leaky_relu` is below 0.
pub(in crate::ml::estimators::neural) const LEAK: f32 = 0.01;

params! {
    /// What a layer does with each of its sums.
    pub(in crate::ml::estimators::neural) enum Activation {
        /// Leaves it as it is.
        Identity = "identity",
        /// 0 below 0, above it the sum.
        Relu = "relu",
        /// Like `relu`, but a hundredth of the sum below 0.
        LeakyRelu = "leaky_relu",
        /// Like `relu`, but eˣ − 1 below 0.
        Elu = "elu",
        /// The sum times the share of a normal distribution below it.
        Gelu = "gelu",
        /// The sum times its `sigmoid`.
        Silu = "silu",
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// 1 / (1 + e⁻ˣ).
        Sigmoid = "sigmoid",
    }
}

/// Written as its word, so that the order of the words means nothing.
impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_setting().spoken().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("there is no activation `{word}`"));
        Self::from_setting(&Setting::Word(word.clone())).ok_or_else(unknown)
    }
}

impl Activation {
    /// Computes the function of each number.
    pub(super) fn forward(self, input: &[f32], output: &mut [f32]) {
        match self {
            Self::Identity => output.copy_from_slice(input),
            // Written so that a number that is none stays none.
            Self::Relu => output
                .iter_mut()
                .zip(input)
                .for_each(|(out, x)| *out = if *x < 0.0 { 0.0 } else { *x }),
            Self::LeakyRelu => map(input, output, |x| if x < 0.0 { LEAK * x } else { x }),
            Self::Elu => map(
                input,
                output,
                #[inline(always)]
                |x| if x < 0.0 { exp(x) - 1.0 } else { x },
            ),
            Self::Gelu => map(
                input,
                output,
                #[inline(always)]
                |x| x * below(x),
            ),
            Self::Silu => map(
                input,
                output,
                #[inline(always)]
                |x| x * sigmoid(x),
            ),
            Self::Tanh => map(input, output, tanh),
            Self::Sigmoid => map(input, output, sigmoid),
        }
    }

    /// Multiplies slopes with those of the function.
    pub(super) fn backward(self, input: &[f32], output: &[f32], slopes: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Relu => slopes.iter_mut().zip(input).for_each(|(own, x)| {
                *own = if *x > 0.0 { *own } else { 0.0 };
            }),
            Self::LeakyRelu => times(slopes, input, |x| if x > 0.0 { 1.0 } else { LEAK }),
            Self::Elu => times(slopes, output, |y| if y > 0.0 { 1.0 } else { y + 1.0 }),
            Self::Gelu => times(
                slopes,
                input,
                #[inline(always)]
                |x| {
                    let density = exp(-0.5 * x * x)
                        * (0.5 * std::f32::consts::FRAC_2_SQRT_PI)
                        * std::f32::consts::FRAC_1_SQRT_2;
                    x.mul_add(density, below(x))
                },
            ),
            Self::Silu => times(
                slopes,
                input,
                #[inline(always)]
                |x| {
                    let share = sigmoid(x);
                    share * (1.0 + x * (1.0 - share))
                },
            ),
            Self::Tanh => times(slopes, output, |y| 1.0 - y * y),
            Self::Sigmoid => times(slopes, output, |y| y * (1.0 - y)),
        }
    }
}

fn map(input: &[f32], output: &mut [f32], function: impl Fn(f32) -> f32) {
    wide(
        #[inline(always)]
        || {
            for (out, x) in output.iter_mut().zip(input) {
                *out = function(*x);
            }
        },
    );
}

/// Multiplies slopes with those at some numbers.
fn times(slopes: &mut [f32], at: &[f32], slope: impl Fn(f32) -> f32) {
    wide(
        #[inline(always)]
        || {
            for (own, x) in slopes.iter_mut().zip(at) {
                *own *= slope(*x);
            }
        },
    );
}

/// Gives the share of the standard normal distribution below a number.
#[expect(clippy::inline_always, reason = "what isn't inlined is not compiled for wide vectors")]
#[inline(always)]
fn below(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}
