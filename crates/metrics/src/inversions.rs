//! Counting inversions.

/// Bits that one word counts at once, and bits of a digit.
const LEAF: u32 = 6;
const DIGIT: u32 = 4;
const DIGITS: usize = 1 << DIGIT;

/// Row d adds one to the count of every digit below d.
const BELOW: [[u32; DIGITS]; DIGITS] = {
    let mut rows = [[0; DIGITS]; DIGITS];
    let mut i = 0;
    while i < DIGITS * DIGITS {
        rows[i / DIGITS][i % DIGITS] = (i % DIGITS < i / DIGITS) as u32;
        i += 1;
    }
    rows
};

/// Pairs of a permutation of 0..n that stand in descending order, in O(n log n).
///
/// The permutation is divided by its highest digit, then each part by the next one, and so on; each division
/// counts the greater digits that stand before each. Since every value occurs once, the parts' places are known
/// beforehand. The last six bits are counted with one word as the set of the values seen.
pub fn inversions(mut values: Vec<u32>) -> u64 {
    let mut count = 0;
    let mut divided = vec![0; values.len()];
    let shifts = (LEAF..u32::BITS).step_by(DIGIT as usize).filter(|&shift| values.len() >> shift > 0);
    for shift in shifts.collect::<Vec<_>>().into_iter().rev() {
        let block = DIGITS << shift;
        for (from, into) in values.chunks(block).zip(divided.chunks_mut(block)) {
            let mut greater = [0_u32; DIGITS];
            let mut place: [usize; DIGITS] = std::array::from_fn(|digit| digit << shift);
            for &value in from {
                let digit = (value >> shift) as usize % DIGITS;
                count += u64::from(greater[digit]);
                greater.iter_mut().zip(&BELOW[digit]).for_each(|(count, below)| *count += below);
                into[place[digit]] = value;
                place[digit] += 1;
            }
        }
        std::mem::swap(&mut values, &mut divided);
    }
    for block in values.chunks(1 << LEAF) {
        let mut seen = 0_u64;
        for value in block {
            let one = 1 << (value % (1 << LEAF));
            count += u64::from((seen & !(one - 1)).count_ones());
            seen |= one;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::inversions;

    proptest! {
        #[test]
        fn as_by_definition(values in (1..2500_u32).prop_flat_map(|n| Just((0..n).collect::<Vec<_>>()).prop_shuffle())) {
            let pairs = (0..values.len()).flat_map(|i| (0..i).map(move |j| (j, i)));
            let expected = pairs.filter(|&(j, i)| values[j] > values[i]).count() as u64;
            prop_assert_eq!(inversions(values), expected);
        }
    }

    #[test]
    fn none_and_all() {
        assert_eq!(inversions(Vec::new()), 0);
        assert_eq!(inversions((0..1000).collect()), 0);
        assert_eq!(inversions((0..1000).rev().collect()), 1000 * 999 / 2);
    }
}
