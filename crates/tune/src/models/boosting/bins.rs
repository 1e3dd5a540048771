//! Columns cut into bins of about as many rows each.

/// A matrix of numbers as bins, column after column.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    /// Bin of each row: those of the first column, then those of the second.
    pub values: Vec<u8>,
    /// What lies below or at `edges[c][b]` is in bin b of column c, or in one before it.
    pub edges: Vec<Vec<f32>>,
    pub rows: usize,
}

/// Bins of a column, at most.
pub(super) const BINS: usize = 64;

impl Bins {
    /// Of rows of numbers, one after the other.
    pub fn new(rows: &[f32], width: usize) -> Self {
        let n = rows.len() / width.max(1);
        let (mut values, mut edges) = (Vec::with_capacity(n * width), Vec::with_capacity(width));
        let mut column = Vec::with_capacity(n);
        for c in 0..width {
            column.clear();
            column.extend((0..n).map(|i| rows[i * width + c]));
            let mut sorted = column.clone();
            sorted.sort_unstable_by(f32::total_cmp);
            let mut distinct = sorted.clone();
            distinct.dedup();
            // Halfway between values that are next to each other, so that rows unseen go to the nearer side.
            let cut = |low: f32, high: f32| low + (high - low) / 2.0;
            let own: Vec<f32> = if distinct.len() <= BINS {
                distinct.windows(2).map(|pair| cut(pair[0], pair[1])).collect()
            } else {
                let mut own: Vec<f32> = (1..BINS)
                    .filter_map(|b| {
                        let value = sorted[b * n / BINS];
                        let next = distinct.partition_point(|&x| x <= value);
                        distinct.get(next).map(|&high| cut(value, high))
                    })
                    .collect();
                own.dedup();
                own
            };
            values.extend(column.iter().map(|&x| own.partition_point(|&edge| edge < x) as u8));
            edges.push(own);
        }
        Self { values, edges, rows: n }
    }

    pub fn column(&self, c: usize) -> &[u8] {
        &self.values[c * self.rows..(c + 1) * self.rows]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_many_share_them() {
        let few = Bins::new(&[1.0, 5.0, 1.0, 3.0], 1);
        assert_eq!((few.values, few.edges), (vec![0, 2, 0, 1], vec![vec![2.0, 4.0]]));
        let many: Vec<f32> = (0..1000).map(|i| (i * 7 % 1000) as f32).collect();
        let many = Bins::new(&many, 1);
        let mut counts = vec![0; BINS];
        many.values.iter().for_each(|&b| counts[b as usize] += 1);
        assert!(counts.iter().all(|&n| (10..25).contains(&n)), "{counts:?}");
    }
}
