//! Sorting numbers by radix: what the rank metrics spend their time on.

use ndarray::ArrayView1;

use crate::{Error, Result};

/// Bits of a digit, and how many digits cover the 32 leading bits of a key.
const DIGIT: u32 = 11;
const DIGITS: usize = 3;

/// Below this, a comparison sort is faster.
const SMALL: usize = 512;

/// Integers that order as the numbers do; −0 and 0 are equal, NaN is behind all.
pub fn keys(values: ArrayView1<'_, f64>) -> Vec<u64> {
    values.iter().map(|&v| sortable(v)).collect()
}

/// Positions of `keys` in ascending order of key; equal keys keep their order.
///
/// The 32 leading bits in which the keys differ are sorted by radix, with the position packed beside them into
/// one word; what is equal there is sorted by comparison.
///
/// # Errors
/// More keys than 32 bits count.
pub fn order(keys: &[u64]) -> Result<Vec<u32>> {
    let Ok(n) = u32::try_from(keys.len()) else {
        return Err(Error::Undefined { metric: "the order", reason: "there are more than 2³² samples" });
    };
    let by_key = |&a: &u32, &b: &u32| (keys[a as usize], a).cmp(&(keys[b as usize], b));
    if keys.len() < SMALL {
        let mut order: Vec<u32> = (0..n).collect();
        order.sort_unstable_by(by_key);
        return Ok(order);
    }
    let least = keys.iter().copied().min().unwrap_or(0);
    let range = keys.iter().copied().max().unwrap_or(0) - least;
    let shift = 32_u32.saturating_sub(range.leading_zeros());
    let packed = keys.iter().zip(0..n).map(|(&key, i)| (key - least) >> shift << 32 | u64::from(i)).collect();
    let packed = radix_sort(packed);
    let mut order: Vec<u32> = packed.iter().map(|&word| word as u32).collect();
    if shift > 0 {
        let mut done = 0;
        for alike in packed.chunk_by(|a, b| a >> 32 == b >> 32) {
            if alike.len() > 1 {
                order[done..done + alike.len()].sort_unstable_by(by_key);
            }
            done += alike.len();
        }
    }
    Ok(order)
}

/// Sorts by the upper 32 bits, least significant digit first.
fn radix_sort(mut words: Vec<u64>) -> Vec<u64> {
    let digit = |word: u64, pass: usize| (word >> (32 + DIGIT * pass as u32)) as usize & ((1 << DIGIT) - 1);
    let mut counts = vec![[0_u32; 1 << DIGIT]; DIGITS];
    for &word in &words {
        counts.iter_mut().enumerate().for_each(|(pass, count)| count[digit(word, pass)] += 1);
    }
    let mut sorted = vec![0; words.len()];
    for (pass, places) in counts.iter_mut().enumerate() {
        if places.iter().any(|&count| count as usize == words.len()) {
            continue; // All alike in this digit.
        }
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
            prop_assert_eq!(order(&values).unwrap(), expected);
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
        let sorted: Vec<u64> = order(&values).unwrap().iter().map(|&i| values[i as usize]).collect();
        assert!(sorted.is_sorted());
    }
}
