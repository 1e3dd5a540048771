//! Sorting numbers by radix: what the rank metrics spend their time on.

use std::ops::Range;

use ndarray::ArrayView1;

use crate::{Error, Result};

/// Bits of a digit, and how many digits are sorted by.
const DIGIT: u32 = 9;
const DIGITS: u32 = 3;

/// Below this, a comparison sort is faster.
const SMALL: usize = 512;

/// A sorted order.
pub struct Order {
    /// Positions in ascending order of key; equal keys keep their order.
    pub positions: Vec<u32>,
    /// Where two or more keys are equal: ranges of `positions`, ascending.
    pub ties: Vec<Range<usize>>,
}

/// Integers that order as the numbers do; −0 and 0 are equal, NaN is behind all.
pub fn keys(values: ArrayView1<'_, f64>) -> Vec<u64> {
    values.iter().map(|&v| sortable(v)).collect()
}

/// Sorts positions by `keys`: by radix on the leading bits in which the keys differ, with the position packed
/// beside them into one word; what is equal there by comparison.
///
/// # Errors
/// More keys than 32 bits count.
pub fn order(keys: &[u64]) -> Result<Order> {
    let Ok(n) = u32::try_from(keys.len()) else {
        return Err(Error::Undefined { metric: "the order", reason: "there are more than 2³² samples" });
    };
    let least = keys.iter().copied().min().unwrap_or(0);
    let range = keys.iter().copied().max().unwrap_or(0) - least;
    let shift = u32::BITS.saturating_sub(range.leading_zeros());
    // With bits to spare, the keys stay as far to the left as they go, where the digits are.
    let spare = range.leading_zeros().saturating_sub(u32::BITS).min(u32::BITS - 1);
    let pack = |(&key, i): (&u64, u32)| ((key - least) >> shift << spare) << u32::BITS | u64::from(i);
    let words: Vec<u64> = keys.iter().zip(0..n).map(pack).collect();
    // A short list is one run, to be sorted by comparison.
    let (words, sorted) = if keys.len() < SMALL { (words, 0) } else { (radix_sort(words), DIGIT * DIGITS) };

    let mut positions: Vec<u32> = words.iter().map(|&word| word as u32).collect();
    let mut ties = Vec::new();
    let key = |&position: &u32| keys[position as usize];
    let mut start = 0;
    let alike = |a: &u64, b: &u64| (a ^ b).checked_shr(u64::BITS - sorted).unwrap_or(0) == 0;
    for run in words.chunk_by(alike) {
        let end = start + run.len();
        if run.len() > 1 {
            let run = &mut positions[start..end];
            let first = key(&run[0]);
            if !run.iter().all(|position| key(position) == first) {
                run.sort_unstable_by_key(|position| (key(position), *position));
            }
            let mut start = start;
            for tied in run.chunk_by(|a, b| key(a) == key(b)) {
                let end = start + tied.len();
                ties.extend((tied.len() > 1).then_some(start..end));
                start = end;
            }
        }
        start = end;
    }
    Ok(Order { positions, ties })
}

/// Sorts by the leading digits, the last of them first.
fn radix_sort(mut words: Vec<u64>) -> Vec<u64> {
    let digit = |word: u64, pass: u32| (word >> (u64::BITS - DIGIT * (DIGITS - pass))) as usize & ((1 << DIGIT) - 1);
    let mut counts = [[0_u32; 1 << DIGIT]; DIGITS as usize];
    for &word in &words {
        (0..DIGITS).zip(&mut counts).for_each(|(pass, count)| count[digit(word, pass)] += 1);
    }
    let mut sorted = vec![0; words.len()];
    for (pass, places) in (0..DIGITS).zip(&mut counts) {
        let mut next = 0;
        places.iter_mut().for_each(|place| next += std::mem::replace(place, next));
        for &word in &words {
            let place = &mut places[digit(word, pass)];
            sorted[*place as usize] = word;
            *place += 1;
        }
        std::mem::swap(&mut words, &mut sorted);
    }
    words
}

/// An integer that orders as the number does; −0 and 0 are equal, NaN is behind all.
fn sortable(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_order_as_numbers_do(a in -1e300f64..1e300, b in -1e-300f64..1e300) {
            prop_assert_eq!(sortable(a).cmp(&sortable(b)), a.partial_cmp(&b).unwrap());
        }

        #[test]
        fn order_is_a_stable_sort(
            values in prop::collection::vec(prop_oneof![any::<u64>(), 0..9_u64, (1_u64 << 40)..(1 << 40) + 9], 0..3 * SMALL),
        ) {
            let mut expected: Vec<u32> = (0..values.len() as u32).collect();
            expected.sort_by_key(|&i| values[i as usize]);
            let found = order(&values).unwrap();
            prop_assert_eq!(&found.positions, &expected);
            for (i, pair) in expected.windows(2).enumerate() {
                let equal = values[pair[0] as usize] == values[pair[1] as usize];
                prop_assert_eq!(equal, found.ties.iter().any(|range| range.contains(&i) && range.contains(&(i + 1))));
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_are_equal() {
        assert_eq!(sortable(-0.0), sortable(0.0));
    }

    #[test]
    fn close_keys_beside_a_far_one() {
        let mut values: Vec<u64> = (0..2000).rev().collect();
        values.push(u64::MAX);
        let sorted: Vec<u64> = order(&values).unwrap().positions.iter().map(|&i| values[i as usize]).collect();
        assert!(sorted.is_sorted());
    }
}
