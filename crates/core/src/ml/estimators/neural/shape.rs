//! Shapes: what one row is between two layers.

/// What one row is between two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Numbers without places; how many is not always known before a run.
    Row(Option<usize>),
    /// Channels over a line of positions.
    Sequence {
        /// Numbers at each position.
        channels: usize,
        /// How many positions.
        length: usize,
    },
    /// Channels over a field of positions.
    Image {
        /// Numbers at each position.
        channels: usize,
        /// Positions down.
        height: usize,
        /// Positions across.
        width: usize,
    },
}

impl Shape {
    /// Counts the numbers; none if that isn't known or they are too many to count.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::Row(width) => width,
            Self::Sequence { channels, length } => channels.checked_mul(length),
            Self::Image { channels, height, width } => {
                channels.checked_mul(height)?.checked_mul(width)
            }
        }
    }

    /// Says what it is, as a user would.
    pub(super) fn spoken(self) -> String {
        match self {
            Self::Row(Some(width)) => format!("a row of {width} numbers"),
            Self::Row(None) => "a row of numbers".to_owned(),
            Self::Sequence { channels, length } => {
                format!("{channels} {} of length {length}", plural(channels))
            }
            Self::Image { channels, height, width } => {
                format!("{channels} {} of {height} × {width}", plural(channels))
            }
        }
    }
}

fn plural(channels: usize) -> &'static str {
    if channels == 1 { "channel" } else { "channels" }
}
