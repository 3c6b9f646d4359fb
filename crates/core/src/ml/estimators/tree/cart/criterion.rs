//! Criteria: how pure the rows of a node are.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a packed weight is whole and below 2^16"
)]

/// A measure of purity, worked out from a tally of items.
pub(in crate::ml::estimators) trait Criterion:
    Copy + Send + Sync
{
    /// What a row holds: a class or a number.
    type Item: Copy + PartialEq + Send + Sync;
    /// What is kept of some rows.
    type Tally: Clone + Send;
    /// What is kept while rows pass from right to left.
    type Sides;
    /// Whether scores are read from a table, which [`Criterion::tabulate`] makes of each order.
    const TABLED: bool = false;

    /// Starts a tally.
    fn empty(&self) -> Self::Tally;
    /// Adds a row.
    fn add(&self, tally: &mut Self::Tally, item: Self::Item, weight: f64);
    /// Takes away all rows of a tally.
    fn clear(&self, tally: &mut Self::Tally) {
        *tally = self.empty();
    }
    /// Hears that all rows are added.
    fn complete(&self, _: &mut Self::Tally) {}
    /// Gets ready to pass the rows of a complete tally in this order, by their number when added.
    fn tabulate(&self, _: &mut Self::Tally, _: impl Iterator<Item = u32>) {}
    /// Gives the sum of weights.
    fn weight(&self, tally: &Self::Tally) -> f64;
    /// Starts to pass rows from right to left; all are right.
    fn start(&self, total: &Self::Tally) -> Self::Sides;
    /// Passes a row to the left.
    fn pass(&self, sides: &mut Self::Sides, item: Self::Item, weight: f64);
    /// Gives the weight on the left.
    fn left(&self, sides: &Self::Sides) -> f64;
    /// Gives what a split makes large: up to a constant, the weighted purity of both sides.
    fn score(&self, sides: &Self::Sides, total: &Self::Tally) -> f64;
    /// Gives what both sides would say: a number, or the share of the second of two classes. Nothing
    /// asks a criterion of more classes.
    fn answers(&self, _: &Self::Sides, _: &Self::Tally) -> [f64; 2] {
        [0.0; 2]
    }
    /// Writes a row into 32 bits, if it fits.
    fn pack(item: Self::Item, weight: f64) -> Option<u32>;
    /// Reads a row back.
    fn unpack(packed: u32) -> (Self::Item, f64);
    /// Gives the impurity.
    fn impurity(&self, tally: &Self::Tally) -> f64;
    /// Writes what a leaf says.
    fn write(&self, tally: &Self::Tally, values: &mut Vec<f64>);
    /// Gives how many numbers a leaf says.
    fn width(&self) -> usize;
}

/// Writes a class and a whole weight into 32 bits.
#[inline]
fn pack_class(class: u32, weight: f64) -> Option<u32> {
    let fits = class < 1 << 16 && weight < 65_536.0 && weight.fract() == 0.0;
    fits.then_some(class << 16 | weight as u32)
}

/// Reads a class and its weight back.
#[inline]
fn unpack_class(packed: u32) -> (u32, f64) {
    (packed >> 16, f64::from(packed & 0xFFFF))
}

/// The Gini index of two classes.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Gini2;

impl Criterion for Gini2 {
    type Item = u32;
    type Tally = [f64; 2];
    type Sides = [f64; 2];

    fn empty(&self) -> [f64; 2] {
        [0.0; 2]
    }

    #[inline]
    fn add(&self, tally: &mut [f64; 2], item: u32, weight: f64) {
        self.pass(tally, item, weight);
    }

    #[inline]
    fn weight(&self, tally: &[f64; 2]) -> f64 {
        tally[0] + tally[1]
    }

    fn start(&self, _: &[f64; 2]) -> [f64; 2] {
        [0.0; 2]
    }

    #[inline]
    fn pass(&self, [a, b]: &mut [f64; 2], item: u32, weight: f64) {
        // Multiplied, not picked: the sums stay in registers and no branch is guessed wrong.
        let second = f64::from(item & 1) * weight;
        *a += weight - second;
        *b += second;
    }

    #[inline]
    fn left(&self, sides: &[f64; 2]) -> f64 {
        sides[0] + sides[1]
    }

    #[inline]
    fn score(&self, [a, b]: &[f64; 2], total: &[f64; 2]) -> f64 {
        let (c, d) = (total[0] - a, total[1] - b);
        (a * a + b * b) / (a + b) + (c * c + d * d) / (c + d)
    }

    fn answers(&self, [a, b]: &[f64; 2], total: &[f64; 2]) -> [f64; 2] {
        let (c, d) = (total[0] - a, total[1] - b);
        [b / (a + b), d / (c + d)]
    }

    fn impurity(&self, [a, b]: &[f64; 2]) -> f64 {
        1.0 - (a * a + b * b) / ((a + b) * (a + b))
    }

    fn write(&self, [a, b]: &[f64; 2], values: &mut Vec<f64>) {
        values.extend([a / (a + b), b / (a + b)]);
    }

    fn width(&self) -> usize {
        2
    }

    #[inline]
    fn pack(item: u32, weight: f64) -> Option<u32> {
        pack_class(item, weight)
    }

    #[inline]
    fn unpack(packed: u32) -> (u32, f64) {
        unpack_class(packed)
    }
}

/// The weights of several classes, and the sum of a function of each.
#[derive(Clone, Debug)]
pub(in crate::ml::estimators) struct Counts {
    classes: Vec<f64>,
    weight: f64,
    sum: f64,
}

impl Counts {
    fn new(classes: usize) -> Self {
        Self { classes: vec![0.0; classes], weight: 0.0, sum: 0.0 }
    }

    #[inline]
    fn change(&mut self, item: u32, weight: f64, part: impl Fn(f64) -> f64) {
        let count = &mut self.classes[item as usize];
        let changed = *count + weight;
        self.sum += part(changed) - part(*count);
        *count = changed;
        self.weight += weight;
    }

    fn write(&self, values: &mut Vec<f64>) {
        values.extend(self.classes.iter().map(|count| count / self.weight));
    }
}

/// The Gini index of several classes.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Gini(pub(in crate::ml::estimators) usize);

impl Criterion for Gini {
    type Item = u32;
    type Tally = Counts;
    type Sides = [Counts; 2];

    fn empty(&self) -> Counts {
        Counts::new(self.0)
    }

    #[inline]
    fn add(&self, tally: &mut Counts, item: u32, weight: f64) {
        tally.change(item, weight, |count| count * count);
    }

    #[inline]
    fn weight(&self, tally: &Counts) -> f64 {
        tally.weight
    }

    fn start(&self, total: &Counts) -> [Counts; 2] {
        [self.empty(), total.clone()]
    }

    #[inline]
    fn pass(&self, [left, right]: &mut [Counts; 2], item: u32, weight: f64) {
        left.change(item, weight, |count| count * count);
        right.change(item, -weight, |count| count * count);
    }

    #[inline]
    fn left(&self, sides: &[Counts; 2]) -> f64 {
        sides[0].weight
    }

    #[inline]
    fn score(&self, sides: &[Counts; 2], _: &Counts) -> f64 {
        let score = |tally: &Counts| tally.sum / tally.weight;
        score(&sides[0]) + score(&sides[1])
    }

    #[inline]
    fn pack(item: u32, weight: f64) -> Option<u32> {
        pack_class(item, weight)
    }

    #[inline]
    fn unpack(packed: u32) -> (u32, f64) {
        unpack_class(packed)
    }

    fn impurity(&self, tally: &Counts) -> f64 {
        1.0 - tally.sum / (tally.weight * tally.weight)
    }

    fn write(&self, tally: &Counts, values: &mut Vec<f64>) {
        tally.write(values);
    }

    fn width(&self) -> usize {
        self.0
    }
}

/// The entropy of several classes, in bits.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Entropy(pub(in crate::ml::estimators) usize);

/// Gives x · ln x.
fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

impl Criterion for Entropy {
    type Item = u32;
    type Tally = Counts;
    type Sides = [Counts; 2];

    fn empty(&self) -> Counts {
        Counts::new(self.0)
    }

    fn add(&self, tally: &mut Counts, item: u32, weight: f64) {
        tally.change(item, weight, x_ln_x);
    }

    fn weight(&self, tally: &Counts) -> f64 {
        tally.weight
    }

    fn start(&self, total: &Counts) -> [Counts; 2] {
        [self.empty(), total.clone()]
    }

    #[inline]
    fn pass(&self, [left, right]: &mut [Counts; 2], item: u32, weight: f64) {
        left.change(item, weight, x_ln_x);
        right.change(item, -weight, x_ln_x);
    }

    #[inline]
    fn left(&self, sides: &[Counts; 2]) -> f64 {
        sides[0].weight
    }

    #[inline]
    fn score(&self, sides: &[Counts; 2], _: &Counts) -> f64 {
        let score = |tally: &Counts| tally.sum - x_ln_x(tally.weight);
        score(&sides[0]) + score(&sides[1])
    }

    fn answers(&self, sides: &[Counts; 2], _: &Counts) -> [f64; 2] {
        sides.each_ref().map(|side| side.classes[1] / side.weight)
    }

    #[inline]
    fn pack(item: u32, weight: f64) -> Option<u32> {
        pack_class(item, weight)
    }

    #[inline]
    fn unpack(packed: u32) -> (u32, f64) {
        unpack_class(packed)
    }

    fn impurity(&self, tally: &Counts) -> f64 {
        (x_ln_x(tally.weight) - tally.sum) / tally.weight / std::f64::consts::LN_2
    }

    fn write(&self, tally: &Counts, values: &mut Vec<f64>) {
        tally.write(values);
    }

    fn width(&self) -> usize {
        self.0
    }
}

/// The sums of some numbers, shifted by a common offset so that squares stay exact.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ml::estimators) struct Moments {
    weight: f64,
    sum: f64,
    squares: f64,
}

/// Gives the means left and right.
fn means([weight, sum]: &[f64; 2], total: &Moments) -> [f64; 2] {
    [sum / weight, (total.sum - sum) / (total.weight - weight)]
}

/// The squared error around the mean.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Variance {
    /// What was taken off every number; given back in leaves.
    pub(in crate::ml::estimators) offset: f64,
}

impl Criterion for Variance {
    type Item = f64;
    type Tally = Moments;
    /// The weight and the sum on the left.
    type Sides = [f64; 2];

    fn empty(&self) -> Moments {
        Moments::default()
    }

    #[inline]
    fn add(&self, tally: &mut Moments, item: f64, weight: f64) {
        tally.weight += weight;
        tally.sum += weight * item;
        tally.squares += weight * item * item;
    }

    #[inline]
    fn weight(&self, tally: &Moments) -> f64 {
        tally.weight
    }

    fn start(&self, _: &Moments) -> [f64; 2] {
        [0.0; 2]
    }

    #[inline]
    fn pass(&self, [left, sum]: &mut [f64; 2], item: f64, weight: f64) {
        *left += weight;
        *sum += weight * item;
    }

    #[inline]
    fn left(&self, sides: &[f64; 2]) -> f64 {
        sides[0]
    }

    #[inline]
    fn score(&self, sides: &[f64; 2], total: &Moments) -> f64 {
        let ([weight, sum], right) = (sides, total.sum - sides[1]);
        sum * sum / weight + right * right / (total.weight - weight)
    }

    fn answers(&self, sides: &[f64; 2], total: &Moments) -> [f64; 2] {
        means(sides, total).map(|mean| mean + self.offset)
    }

    fn pack(_: f64, _: f64) -> Option<u32> {
        None
    }

    fn unpack(_: u32) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn impurity(&self, tally: &Moments) -> f64 {
        let mean = tally.sum / tally.weight;
        (tally.squares / tally.weight - mean * mean).max(0.0)
    }

    fn write(&self, tally: &Moments, values: &mut Vec<f64>) {
        values.push(tally.sum / tally.weight + self.offset);
    }

    fn width(&self) -> usize {
        1
    }
}

/// Half the Poisson deviance around the mean; targets are 0 or more.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Poisson;

impl Criterion for Poisson {
    type Item = f64;
    type Tally = Moments;
    /// The weight and the sum on the left.
    type Sides = [f64; 2];

    fn empty(&self) -> Moments {
        Moments::default()
    }

    fn add(&self, tally: &mut Moments, item: f64, weight: f64) {
        tally.weight += weight;
        tally.sum += weight * item;
        tally.squares += weight * x_ln_x(item);
    }

    fn weight(&self, tally: &Moments) -> f64 {
        tally.weight
    }

    fn start(&self, _: &Moments) -> [f64; 2] {
        [0.0; 2]
    }

    #[inline]
    fn pass(&self, [left, sum]: &mut [f64; 2], item: f64, weight: f64) {
        *left += weight;
        *sum += weight * item;
    }

    #[inline]
    fn left(&self, sides: &[f64; 2]) -> f64 {
        sides[0]
    }

    #[inline]
    fn score(&self, sides: &[f64; 2], total: &Moments) -> f64 {
        // A side whose mean is 0 would say 0, which has no logarithm: such a split is refused.
        let part = |weight: f64, sum: f64| {
            if sum <= f64::EPSILON { f64::NEG_INFINITY } else { sum * (sum / weight).ln() }
        };
        part(sides[0], sides[1]) + part(total.weight - sides[0], total.sum - sides[1])
    }

    fn answers(&self, sides: &[f64; 2], total: &Moments) -> [f64; 2] {
        means(sides, total)
    }

    fn pack(_: f64, _: f64) -> Option<u32> {
        None
    }

    fn unpack(_: u32) -> (f64, f64) {
        (0.0, 0.0)
    }

    fn impurity(&self, tally: &Moments) -> f64 {
        if tally.sum <= f64::EPSILON {
            return f64::INFINITY;
        }
        let mean = tally.sum / tally.weight;
        ((tally.squares - tally.sum * mean.ln()) / tally.weight).max(0.0)
    }

    fn write(&self, tally: &Moments, values: &mut Vec<f64>) {
        values.push(tally.sum / tally.weight);
    }

    fn width(&self) -> usize {
        1
    }
}

/// Nothing but how many rows there are: every cut is as good as another.
#[derive(Clone, Copy, Debug)]
pub(in crate::ml::estimators) struct Alone;

impl Criterion for Alone {
    /// The row's own number, so that no two rows are the same.
    type Item = u32;
    type Tally = f64;
    type Sides = f64;

    fn empty(&self) -> f64 {
        0.0
    }

    fn add(&self, tally: &mut f64, _: u32, weight: f64) {
        *tally += weight;
    }

    fn weight(&self, tally: &f64) -> f64 {
        *tally
    }

    fn start(&self, _: &f64) -> f64 {
        0.0
    }

    fn pass(&self, sides: &mut f64, _: u32, weight: f64) {
        *sides += weight;
    }

    fn left(&self, sides: &f64) -> f64 {
        *sides
    }

    fn score(&self, _: &f64, _: &f64) -> f64 {
        0.0
    }

    fn impurity(&self, _: &f64) -> f64 {
        1.0
    }

    fn write(&self, tally: &f64, values: &mut Vec<f64>) {
        values.push(*tally);
    }

    fn width(&self) -> usize {
        1
    }

    fn pack(_: u32, _: f64) -> Option<u32> {
        None
    }

    fn unpack(_: u32) -> (u32, f64) {
        (0, 0.0)
    }
}
