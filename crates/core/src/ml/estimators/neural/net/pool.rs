//! Pooling: the largest number below a window, channel by channel; the first of equal ones.

use super::window::Window;

/// Finds the largest numbers of one row, and where they lie.
pub(super) fn forward(window: &Window, input: &[f32], output: &mut [f32], places: &mut [u32]) {
    let channels = window.channels;
    let patch = window.kernel[0] * window.kernel[1] * channels;
    output.fill(f32::NEG_INFINITY);
    window.each_line(|to, from, count| {
        let first = to / patch * channels;
        for (from, line) in
            (from..).step_by(channels).zip(input[from..][..count].chunks_exact(channels))
        {
            let best = output[first..][..channels].iter_mut();
            let places = places[first..][..channels].iter_mut();
            for (at, (value, (best, place))) in (from..).zip(line.iter().zip(best.zip(places))) {
                // A value that is no number is kept, so that it is noticed.
                if *value > *best || value.is_nan() || *best == f32::NEG_INFINITY {
                    (*best, *place) = (*value, at as u32);
                }
            }
        }
    });
}

/// Hands the slopes of one row back to where the largest numbers lay.
pub(super) fn backward(places: &[u32], slopes: &[f32], input_slopes: &mut [f32]) {
    input_slopes.fill(0.0);
    for (place, slope) in places.iter().zip(slopes) {
        input_slopes[*place as usize] += slope;
    }
}
