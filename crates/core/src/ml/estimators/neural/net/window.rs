//! A window that is moved over the positions of a row.

use serde::{Deserialize, Serialize};

/// A window over channels × height × width, moved in two directions.
///
/// Numbers lie position by position, the channels of one side by side. Positions outside hold 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ml::estimators::neural) struct Window {
    /// How many channels come in.
    pub(in crate::ml::estimators::neural) channels: usize,
    /// How high and wide what comes in is.
    pub(in crate::ml::estimators::neural) size: [usize; 2],
    /// How high and wide the window is.
    pub(in crate::ml::estimators::neural) kernel: [usize; 2],
    /// How far it moves.
    pub(in crate::ml::estimators::neural) stride: [usize; 2],
    /// How many positions outside it reaches, on each side.
    pub(in crate::ml::estimators::neural) padding: [usize; 2],
}

impl Window {
    /// Counts the positions that the window takes down and across; none if it doesn't fit.
    pub(in crate::ml::estimators::neural) fn steps(&self) -> Option<[usize; 2]> {
        let steps = |side: usize| {
            let whole = self.size[side].checked_add(self.padding[side].checked_mul(2)?)?;
            Some(whole.checked_sub(self.kernel[side])? / self.stride[side].max(1) + 1)
        };
        Some([steps(0)?, steps(1)?])
    }

    /// Counts the positions that the window takes.
    pub(super) fn positions(&self) -> Option<usize> {
        let [down, across] = self.steps()?;
        down.checked_mul(across)
    }

    /// Counts the numbers of a row that comes in.
    pub(super) fn inputs(&self) -> Option<usize> {
        self.channels.checked_mul(self.size[0])?.checked_mul(self.size[1])
    }

    /// Counts the numbers below the window.
    pub(in crate::ml::estimators::neural) fn patch(&self) -> Option<usize> {
        self.channels.checked_mul(self.kernel[0])?.checked_mul(self.kernel[1])
    }

    /// Tells whether the window has a size, moves, and never lies outside as a whole.
    pub(super) fn is_sound(&self) -> bool {
        let side = |side: usize| {
            self.size[side] > 0
                && self.kernel[side] > 0
                && self.stride[side] > 0
                && self.padding[side] < self.kernel[side]
        };
        self.channels > 0 && side(0) && side(1) && self.steps().is_some()
    }

    /// Tells whether the window never reaches outside.
    pub(super) fn is_unpadded(&self) -> bool {
        self.padding == [0, 0]
    }

    /// Calls for each line of the window at each of its positions: where the numbers of the line
    /// that lie inside begin in the patches, where they begin in the row, and how many there are.
    pub(super) fn each_line(&self, mut call: impl FnMut(usize, usize, usize)) {
        let [down, across] = self.steps().unwrap_or([0, 0]);
        let line = self.kernel[1] * self.channels;
        let mut patches = 0;
        for top in 0..down {
            for left in 0..across {
                let left = left * self.stride[1];
                // What lies inside of the line, counted from its left end.
                let first = self.padding[1].saturating_sub(left).min(self.kernel[1]);
                let end = (self.size[1] + self.padding[1]).saturating_sub(left).min(self.kernel[1]);
                for height in 0..self.kernel[0] {
                    let row = (top * self.stride[0] + height).wrapping_sub(self.padding[0]);
                    if row < self.size[0] && first < end {
                        let column = left + first - self.padding[1];
                        call(
                            patches + first * self.channels,
                            (row * self.size[1] + column) * self.channels,
                            (end - first) * self.channels,
                        );
                    }
                    patches += line;
                }
            }
        }
    }
}
