//! FlexBuffers, in which custom operators keep their settings: just enough to find a number in a map.
//!
//! A buffer ends with its root, the root's type and the width of the root. Types are `kind << 2 | log2(width)`; offsets
//! count backwards from where they stand. A map is a vector of values, then their types; three slots before its first
//! value are the offset of its keys, their width, and its length.

const INT: u8 = 1;
const UINT: u8 = 2;
const MAP: u8 = 9;

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let slot = bytes.get(at..at.checked_add(width)?)?;
    match width {
        1 | 2 | 4 | 8 => Some(slot.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))),
        _ => None,
    }
}

/// Where the offset at `at` leads.
fn follow(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    at.checked_sub(usize::try_from(number(bytes, at, width)?).ok()?)
}

/// The integer under `key` in a buffer whose root is a map.
pub(super) fn int(bytes: &[u8], key: &str) -> Option<i64> {
    let [.., kind, width] = *bytes else { return None };
    if kind >> 2 != MAP {
        return None;
    }
    let map = follow(bytes, bytes.len().checked_sub(2)?.checked_sub(width.into())?, width.into())?;
    let width = 1 << (kind & 3);
    let slot = |i: usize| map.checked_sub(i * width);
    let count = usize::try_from(number(bytes, slot(1)?, width)?).ok()?;
    let keys = follow(bytes, slot(3)?, width)?;
    let key_width = usize::try_from(number(bytes, slot(2)?, width)?).ok()?;
    let named = |i: &usize| {
        let start = keys.checked_add(i.checked_mul(key_width)?).and_then(|at| follow(bytes, at, key_width));
        let rest = bytes.get(start?..)?;
        Some(rest.strip_prefix(key.as_bytes())?.first() == Some(&0))
    };
    let i = (0..count.min(bytes.len())).find(|i| named(i) == Some(true))?;
    let kind = *bytes.get(map.checked_add(count.checked_mul(width)?)?.checked_add(i)?)?;
    let value = number(bytes, map.checked_add(i.checked_mul(width)?)?, width)?;
    match kind >> 2 {
        UINT => i64::try_from(value).ok(),
        // The sign is in the highest bit of the slot.
        INT => Some((value << (64 - 8 * width)) as i64 >> (64 - 8 * width)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::int;

    /// `{"a": 300, "ab": -2}` as the reference implementation writes it.
    const MAP: [u8; 23] =
        [b'a', 0, b'a', b'b', 0, 2, 6, 5, 2, 0, 1, 0, 2, 0, 44, 1, 254, 255, 5, 5, 6, 37, 1];

    #[test]
    fn numbers_by_their_keys() {
        assert_eq!((int(&MAP, "a"), int(&MAP, "ab"), int(&MAP, "b")), (Some(300), Some(-2), None));
        for length in 0..MAP.len() {
            let _ = int(&MAP[..length], "a");
        }
    }
}
