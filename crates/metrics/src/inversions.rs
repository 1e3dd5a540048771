//! Counting inversions.

/// Bits that one word counts at once.
const LEAF: u32 = 6;

/// Pairs of a permutation of 0..n that stand in descending order, in O(n log n).
///
/// The permutation is divided by its highest bit, then each half by the next one, and so on; each division
/// counts the ones that stand before zeros. Since every value occurs once, the halves' sizes are known
/// beforehand. The last six bits are counted with one word as the set of the values seen.
pub fn inversions(mut values: Vec<u32>) -> u64 {
    let mut count = 0;
    let mut divided = vec![0; values.len()];
    let bits = u32::BITS - u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX).leading_zeros();
    for bit in (LEAF..bits).rev() {
        let (half, block) = (1 << bit, 2 << bit);
        for (from, into) in values.chunks(block).zip(divided.chunks_mut(block)) {
            let mut ones = 0;
            for (i, &value) in from.iter().enumerate() {
                let one = (value >> bit) as usize & 1;
                // A zero goes behind the zeros before it; every one before it makes a pair.
                count += (ones & one.wrapping_sub(1)) as u64;
                into[if one == 1 { half + ones } else { i - ones }] = value;
                ones += one;
            }
        }
        std::mem::swap(&mut values, &mut divided);
    }
    for block in values.chunks(1 << LEAF) {
        let mut seen = 0_u64;
        for value in block {
            let one = 1 << (value & ((1 << LEAF) - 1));
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
        fn as_by_definition(values in (1..700_u32).prop_flat_map(|n| Just((0..n).collect::<Vec<_>>()).prop_shuffle())) {
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
