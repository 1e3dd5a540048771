//! Where what lives through a part of a run lies, so that little memory is enough.

use crate::pool::ALIGN;

/// A block of memory that is needed from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Size.
    pub bytes: u64,
    /// The first step.
    pub first: usize,
    /// The last step.
    pub last: usize,
}

/// Offsets of blocks, so that none overlaps another that is needed at the same time, and bytes of all. The largest come first,
/// each at the smallest gap where it fits (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
/// 2020).
pub fn offsets(blocks: &[Block]) -> (Vec<u64>, u64) {
    let mut order: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i].bytes > 0).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(blocks[i].bytes), blocks[i].first, i));
    let mut placed: Vec<(u64, u64, usize)> = Vec::new();
    let mut offsets = vec![0; blocks.len()];
    let mut end = 0;
    for i in order {
        let own = blocks[i];
        let size = own.bytes.next_multiple_of(ALIGN);
        let mut at = 0;
        let mut best: Option<(u64, u64)> = None;
        // In the order of offsets.
        for &(start, stop, other) in &placed {
            if blocks[other].last < own.first || own.last < blocks[other].first {
                continue;
            }
            if start >= at + size && best.is_none_or(|(gap, _)| start - at < gap) {
                best = Some((start - at, at));
            }
            at = at.max(stop);
        }
        let at = best.map_or(at, |(_, at)| at);
        offsets[i] = at;
        end = end.max(at + size);
        let place = placed.partition_point(|&(start, ..)| start <= at);
        placed.insert(place, (at, at + size, i));
    }
    (offsets, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_one_time_do_not_overlap() {
        let block = |bytes, first, last| Block { bytes, first, last };
        // A chain needs its two largest neighbours.
        let chain = [block(640, 0, 1), block(1280, 1, 2), block(64, 2, 3), block(0, 0, 3)];
        assert_eq!(offsets(&chain).1, 1920);
        let many: Vec<Block> = (0..60u64)
            .map(|i| block(1 + i * 7919 % 1000, (i * 31 % 40) as usize, (i * 31 % 40 + i % 9) as usize))
            .collect();
        let (offsets, end) = offsets(&many);
        for (i, a) in many.iter().enumerate() {
            assert!(offsets[i].is_multiple_of(ALIGN) && offsets[i] + a.bytes <= end);
            for (j, b) in many.iter().enumerate().take(i) {
                let apart = a.last < b.first || b.last < a.first;
                let clear = offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i];
                assert!(apart || clear, "{i} {j}");
            }
        }
        let live = |step: usize| {
            many.iter()
                .filter(|b| (b.first..=b.last).contains(&step))
                .map(|b| b.bytes.next_multiple_of(64))
                .sum::<u64>()
        };
        let least = (0..60).map(live).max().unwrap();
        assert!(end <= least * 5 / 4, "{end} for {least}");
    }
}
