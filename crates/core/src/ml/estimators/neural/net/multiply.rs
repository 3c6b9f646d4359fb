//! Products of matrices whose every element is one chain of fused multiply-adds, in the order of the
//! inner dimension.
//!
//! So the bits of an element depend on its row and its column alone: not on how the work is cut, on
//! the number of threads, on the width of the machine's vectors, or on the rows beside it.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined isn't compiled for the machine's own vectors"
)]

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Rows of the result that are worked on at once.
const HIGH: usize = 6;

/// Columns of the result, in vectors, that are worked on at once.
const WIDE: usize = 2;

/// The widest vector, in numbers.
const MOST_LANES: usize = 16;

/// Steps of the inner dimension for which the right side is laid out at once.
const DEEP: usize = 256;

/// Columns of the right side that are laid out at once.
const BROAD: usize = 512;

/// With fewer rows than this, laying out the right side costs more than it brings.
const FEW_ROWS: usize = 8 * HIGH;

/// So many multiply-adds are worth a thread.
const WORTH_A_THREAD: usize = 1 << 20;

/// A matrix that lies row by row, or one that is read as if turned over.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    at: &'a [f32],
    /// How many numbers lie in one stored row.
    stride: usize,
    turned: bool,
}

impl<'a> Matrix<'a> {
    /// Reads numbers as rows of so many columns.
    pub(super) fn new(at: &'a [f32], columns: usize) -> Self {
        Self { at, stride: columns, turned: false }
    }

    /// Reads rows as columns.
    pub(super) fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }

    /// Gives rows and columns.
    fn shape(self) -> (usize, usize) {
        let stored = self.at.len() / self.stride.max(1);
        if self.turned { (self.stride, stored) } else { (stored, self.stride) }
    }
}

/// What becomes of the numbers that the result holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    /// They are written over.
    Nothing,
    /// The product is added to them.
    Held,
}

/// Multiplies two matrices into a third, which lies row by row; large ones on several threads.
pub(super) fn multiply(result: &mut [f32], left: Matrix<'_>, right: Matrix<'_>, onto: Onto) {
    let ((rows, depth), columns) = (left.shape(), right.shape().1);
    debug_assert_eq!(depth, right.shape().0, "the inner dimensions differ");
    debug_assert_eq!(result.len(), rows * columns, "the result has another size");
    debug_assert!(depth > 0 && columns > 0, "nothing to multiply with");
    let threads = rayon::current_num_threads().min(rows * columns * depth / WORTH_A_THREAD);
    let share = rows.div_ceil(threads.max(1)).next_multiple_of(HIGH);
    if share >= rows {
        return Product { result, left, right, first: 0, onto }.compute();
    }
    result.par_chunks_mut(share * columns).enumerate().for_each(|(part, result)| {
        Product { result, left, right, first: part * share, onto }.compute();
    });
}

/// Some rows of a product.
struct Product<'a> {
    result: &'a mut [f32],
    left: Matrix<'a>,
    right: Matrix<'a>,
    /// The first row of `left` that belongs to the result.
    first: usize,
    onto: Onto,
}

/// Room for the sides as they are laid out, kept by each thread.
#[derive(Default)]
struct Room {
    left: Vec<f32>,
    right: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl Product<'_> {
    fn compute(self) {
        ROOM.with_borrow_mut(|room| Arch::new().dispatch(Laid { product: self, room }));
    }
}

/// A product and the room to compute it in.
struct Laid<'a, 'r> {
    product: Product<'a>,
    room: &'r mut Room,
}

impl WithSimd for Laid<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { product: Product { result, left, right, first, onto }, room } = self;
        let (depth, columns) = right.shape();
        let rows = result.len() / columns;
        let wide = WIDE * S::F32_LANES;
        for broad in (0..columns).step_by(BROAD) {
            let panels = broad..columns.min(broad + BROAD);
            for deep in (0..depth).step_by(DEEP) {
                let inner = deep..depth.min(deep + DEEP);
                let onto = if deep == 0 { onto } else { Onto::Held };
                // Few rows read the whole panels of the right side where they lie.
                let in_place =
                    if right.turned || rows > FEW_ROWS { 0 } else { panels.len() / wide };
                let laid = panels.start + in_place * wide..panels.end;
                lay_right(right, &inner, &laid, wide, &mut room.right);
                for row in (0..rows).step_by(HIGH) {
                    let high = HIGH.min(rows - row);
                    let left = lay_left(left, first + row, high, &inner, &mut room.left);
                    for (panel, column) in panels.clone().step_by(wide).enumerate() {
                        let broad = wide.min(panels.end - column);
                        let size = inner.len() * wide;
                        let right = if panel < in_place {
                            Right::InPlace(
                                &right.at[inner.start * right.stride + column..],
                                right.stride,
                            )
                        } else {
                            Right::Laid(&room.right[(panel - in_place) * size..][..size])
                        };
                        let place = Place { row, column, high, broad, columns };
                        place.compute(simd, result, left, right, onto);
                    }
                }
            }
        }
    }
}

/// One panel of the right side.
#[derive(Clone, Copy)]
enum Right<'a> {
    /// Laid out, vector after vector.
    Laid(&'a [f32]),
    /// Where it lies, in rows of so many numbers.
    InPlace(&'a [f32], usize),
}

/// A tile of the result: where it begins, and how much of it there is.
struct Place {
    row: usize,
    column: usize,
    high: usize,
    broad: usize,
    columns: usize,
}

impl Place {
    #[inline(always)]
    fn compute<S: Simd>(
        &self,
        simd: S,
        result: &mut [f32],
        left: &[[f32; HIGH]],
        right: Right<'_>,
        onto: Onto,
    ) {
        let wide = WIDE * S::F32_LANES;
        if self.high == HIGH && self.broad == wide {
            let tile = &mut result[self.row * self.columns + self.column..];
            return compute_tile(simd, tile, self.columns, left, right, onto);
        }
        let mut edge = [0.0; HIGH * WIDE * MOST_LANES];
        let edge = &mut edge[..HIGH * wide];
        let at = |row: usize| (self.row + row) * self.columns + self.column;
        if onto == Onto::Held {
            for (row, edge) in edge.chunks_exact_mut(wide).take(self.high).enumerate() {
                edge[..self.broad].copy_from_slice(&result[at(row)..][..self.broad]);
            }
        }
        compute_tile(simd, edge, wide, left, right, onto);
        for (row, edge) in edge.chunks_exact(wide).take(self.high).enumerate() {
            result[at(row)..][..self.broad].copy_from_slice(&edge[..self.broad]);
        }
    }
}

/// Computes a whole tile, whose rows lie `stride` numbers apart.
#[inline(always)]
fn compute_tile<S: Simd>(
    simd: S,
    tile: &mut [f32],
    stride: usize,
    left: &[[f32; HIGH]],
    right: Right<'_>,
    onto: Onto,
) {
    let wide = WIDE * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); WIDE]; HIGH];
    if onto == Onto::Held {
        for (row, sums) in sums.iter_mut().enumerate() {
            let (held, _) = S::as_simd_f32s(&tile[row * stride..][..wide]);
            *sums = [held[0], held[1]];
        }
    }
    match right {
        Right::Laid(panel) => {
            let (vectors, _) = S::as_simd_f32s(panel);
            let (vectors, _) = vectors.as_chunks::<WIDE>();
            for (left, right) in left.iter().zip(vectors) {
                add_product(simd, left, *right, &mut sums);
            }
        }
        Right::InPlace(panel, stride) => {
            for (left, row) in left.iter().zip(panel.chunks(stride)) {
                let (vectors, _) = S::as_simd_f32s(&row[..wide]);
                add_product(simd, left, [vectors[0], vectors[1]], &mut sums);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let (held, _) = S::as_mut_simd_f32s(&mut tile[row * stride..][..wide]);
        (held[0], held[1]) = (sums[0], sums[1]);
    }
}

/// Adds one step of the inner dimension to a tile's sums.
#[inline(always)]
fn add_product<S: Simd>(
    simd: S,
    left: &[f32; HIGH],
    right: [S::f32s; WIDE],
    sums: &mut [[S::f32s; WIDE]; HIGH],
) {
    for (left, sums) in left.iter().zip(sums) {
        let left = simd.splat_f32s(*left);
        sums[0] = simd.mul_add_f32s(left, right[0], sums[0]);
        sums[1] = simd.mul_add_f32s(left, right[1], sums[1]);
    }
}

/// Lays out columns of the right side panel by panel, the last one filled up with zeros.
#[inline(always)]
fn lay_right(
    right: Matrix<'_>,
    inner: &std::ops::Range<usize>,
    columns: &std::ops::Range<usize>,
    wide: usize,
    room: &mut Vec<f32>,
) {
    let size = inner.len() * wide;
    room.resize(columns.len().div_ceil(wide) * size, 0.0);
    for (column, panel) in columns.clone().step_by(wide).zip(room.chunks_exact_mut(size)) {
        let broad = wide.min(columns.end - column);
        if broad < wide {
            panel.fill(0.0);
        }
        if right.turned {
            for place in 0..broad {
                let from = &right.at[(column + place) * right.stride..][inner.clone()];
                for (row, value) in panel.chunks_exact_mut(wide).zip(from) {
                    row[place] = *value;
                }
            }
        } else {
            for (step, row) in inner.clone().zip(panel.chunks_exact_mut(wide)) {
                row[..broad].copy_from_slice(&right.at[step * right.stride + column..][..broad]);
            }
        }
    }
}

/// Lays out rows of the left side step by step, filled up with zeros.
#[inline(always)]
fn lay_left<'a>(
    left: Matrix<'_>,
    row: usize,
    high: usize,
    inner: &std::ops::Range<usize>,
    room: &'a mut Vec<f32>,
) -> &'a [[f32; HIGH]] {
    room.resize(inner.len() * HIGH, 0.0);
    let (steps, _) = room.as_chunks_mut::<HIGH>();
    if high < HIGH {
        steps.fill([0.0; HIGH]);
    }
    let of = |place: usize| &left.at[(row + place) * left.stride..][inner.clone()];
    if left.turned {
        for (step, out) in inner.clone().zip(steps.iter_mut()) {
            out[..high].copy_from_slice(&left.at[step * left.stride + row..][..high]);
        }
    } else if high == HIGH {
        let rows = of(0).iter().zip(of(1)).zip(of(2)).zip(of(3)).zip(of(4)).zip(of(5));
        for (out, (((((a, b), c), d), e), f)) in steps.iter_mut().zip(rows) {
            *out = [*a, *b, *c, *d, *e, *f];
        }
    } else {
        for place in 0..high {
            for (out, value) in steps.iter_mut().zip(of(place)) {
                out[place] = *value;
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;
    use crate::ml::Seed;

    fn noise(seed: u64, count: usize) -> Vec<f32> {
        let mut generator = Seed::new(seed).generator();
        (0..count).map(|_| generator.random::<f32>() - 0.5).collect()
    }

    fn turned_over(values: &[f32], columns: usize) -> Vec<f32> {
        let rows = values.len() / columns;
        (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
    }

    /// Multiplies by the definition.
    fn chained(
        left: &[f32],
        right: &[f32],
        depth: usize,
        columns: usize,
        held: &[f32],
    ) -> Vec<f32> {
        let mut result = held.to_vec();
        for (at, sum) in result.iter_mut().enumerate() {
            let (row, column) = (at / columns, at % columns);
            for step in 0..depth {
                *sum = left[row * depth + step].mul_add(right[step * columns + column], *sum);
            }
        }
        result
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_element_is_one_chain_of_fused_multiply_adds(
            rows in 1_usize..90,
            depth in 1_usize..300,
            columns in 1_usize..70,
            held in any::<bool>(),
            turned in any::<(bool, bool)>(),
            seed in any::<u64>(),
        ) {
            let (left, right) = (noise(seed, rows * depth), noise(!seed, depth * columns));
            let before = noise(seed ^ 7, rows * columns);
            let zeros = vec![0.0; rows * columns];
            let onto = if held { Onto::Held } else { Onto::Nothing };
            let expected =
                chained(&left, &right, depth, columns, if held { &before } else { &zeros });
            let mut found = before;
            let (over, across) = (turned_over(&left, depth), turned_over(&right, columns));
            let left = if turned.0 {
                Matrix::new(&over, rows).turned()
            } else {
                Matrix::new(&left, depth)
            };
            let right = if turned.1 {
                Matrix::new(&across, depth).turned()
            } else {
                Matrix::new(&right, columns)
            };
            multiply(&mut found, left, right, onto);
            prop_assert_eq!(bits(&found), bits(&expected));
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (rows, depth, columns) = (301, 333, 77);
        let (left, right) = (noise(1, rows * depth), noise(2, depth * columns));
        let expected = chained(&left, &right, depth, columns, &vec![0.0; rows * columns]);
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut found = vec![f32::NAN; rows * columns];
            pool.install(|| {
                let (left, right) = (Matrix::new(&left, depth), Matrix::new(&right, columns));
                multiply(&mut found, left, right, Onto::Nothing);
            });
            assert_eq!(bits(&found), bits(&expected), "{threads} threads");
        }
    }
}
