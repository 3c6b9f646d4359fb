//! Sorting the rows of a node by rank.

/// Rows from which sorting by digits is faster than by comparison.
const MANY: usize = 256;

/// Bits of a digit.
const DIGIT: u32 = 9;

/// Room to sort in.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorter {
    /// The keys: a rank above a place; sorted by [`Sorter::sort`].
    pub(super) keys: Vec<u64>,
    swap: Vec<u64>,
    counts: Vec<u32>,
}

impl Sorter {
    /// Sorts the keys, whose ranks are below `distinct` and whose places ascend.
    pub(super) fn sort(&mut self, distinct: usize) {
        if self.keys.len() < MANY {
            self.keys.sort_unstable();
        } else if distinct <= self.keys.len() {
            // One digit as wide as all ranks: a row is moved once.
            self.pass(0, distinct);
        } else {
            let bits = usize::BITS - distinct.leading_zeros();
            let passes = bits.div_ceil(DIGIT);
            let width = bits.div_ceil(passes);
            for pass in 0..passes {
                self.pass(pass * width, 1 << width);
            }
        }
    }

    /// Sorts stably by one digit of the rank.
    fn pass(&mut self, shift: u32, size: usize) {
        let digit = |key: u64| {
            let rank = (key >> 32 >> shift) as usize;
            if size.is_power_of_two() { rank & (size - 1) } else { rank }
        };
        self.counts.clear();
        self.counts.resize(size, 0);
        for key in &self.keys {
            self.counts[digit(*key)] += 1;
        }
        let mut start = 0;
        for count in &mut self.counts {
            (start, *count) = (start + *count, start);
        }
        self.swap.clear();
        self.swap.resize(self.keys.len(), 0);
        for key in &self.keys {
            let place = &mut self.counts[digit(*key)];
            self.swap[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(&mut self.keys, &mut self.swap);
    }
}

#[cfg(test)]
mod tests {
    use super::Sorter;

    #[test]
    fn every_way_of_sorting_sorts() {
        for (rows, distinct) in
            [(10, 4), (300, 7), (300, 64), (5000, 4999), (400, 100_000), (300, 1)]
        {
            let key = |row: u64| ((row * 7919 + row * row) % distinct) << 32 | row;
            let mut sorter = Sorter { keys: (0..rows).map(key).collect(), ..Sorter::default() };
            let mut expected = sorter.keys.clone();
            expected.sort_unstable();
            sorter.sort(usize::try_from(distinct).unwrap());
            assert_eq!(sorter.keys, expected, "{rows} rows, {distinct} values");
        }
    }
}
