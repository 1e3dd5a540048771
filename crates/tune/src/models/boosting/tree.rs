//! One tree: grown on gradients, level by level.

use super::{
    BoostingOptions,
    bins::{BINS, Bins},
};

/// A node: rows with `column` at most `threshold` go to `left`, others to the one behind it; a leaf is its own.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    column: u32,
    threshold: f32,
    left: u32,
    value: f32,
}

/// A regression tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree(Vec<Node>);

/// Sums of gradients and curvatures of the rows of each bin of a column.
type Histogram = [[f32; 2]; BINS];

/// A node that may be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    sums: [f64; 2],
}

struct Split {
    gain: f64,
    column: usize,
    bin: usize,
    left: [f64; 2],
}

impl Tree {
    /// Grows a tree on some rows and columns.
    pub fn grow(
        bins: &Bins,
        gradients: &[[f32; 2]],
        (rows, columns): (Vec<u32>, &[usize]),
        options: &BoostingOptions,
    ) -> Self {
        let root = Open { node: 0, sums: sums(&rows, gradients), rows };
        let mut nodes = vec![leaf(root.sums, options)];
        let mut open = vec![root];
        for _ in 0..options.depth {
            let mut next = Vec::new();
            for Open { node, rows, sums } in open {
                let Some(split) = best(bins, gradients, &rows, columns, sums, options) else { continue };
                let column = bins.column(split.column);
                let (left, right): (Vec<u32>, Vec<u32>) =
                    rows.into_iter().partition(|&row| column[row as usize] as usize <= split.bin);
                let others = [sums[0] - split.left[0], sums[1] - split.left[1]];
                let at = nodes.len();
                nodes[node] = Node {
                    column: split.column as u32,
                    threshold: bins.edges[split.column][split.bin],
                    left: at as u32,
                    value: 0.0,
                };
                nodes.push(leaf(split.left, options));
                nodes.push(leaf(others, options));
                next.push(Open { node: at, rows: left, sums: split.left });
                next.push(Open { node: at + 1, rows: right, sums: others });
            }
            open = next;
        }
        Self(nodes)
    }

    /// What it says of a row.
    pub fn value(&self, row: &[f32]) -> f32 {
        let mut node = &self.0[0];
        while node.left > 0 {
            let right = u32::from(row[node.column as usize] > node.threshold);
            node = &self.0[(node.left + right) as usize];
        }
        node.value
    }
}

fn leaf(sums: [f64; 2], options: &BoostingOptions) -> Node {
    let value = -sums[0] / (sums[1] + options.lambda) * options.learning_rate;
    Node { column: 0, threshold: 0.0, left: 0, value: value as f32 }
}

fn sums(rows: &[u32], gradients: &[[f32; 2]]) -> [f64; 2] {
    rows.iter().fold([0.0; 2], |[g, h], &row| {
        let [own, curvature] = gradients[row as usize];
        [g + f64::from(own), h + f64::from(curvature)]
    })
}

/// The split that gains most, if any gains enough.
fn best(
    bins: &Bins,
    gradients: &[[f32; 2]],
    rows: &[u32],
    columns: &[usize],
    sums: [f64; 2],
    options: &BoostingOptions,
) -> Option<Split> {
    if rows.len() < 2 || sums[1] < 2.0 * options.min_leaf_weight {
        return None;
    }
    // Packed, so that columns read them one after the other.
    let packed: Vec<[f32; 2]> = rows.iter().map(|&row| gradients[row as usize]).collect();
    let worth = |[g, h]: [f64; 2]| g * g / (h + options.lambda);
    let whole = worth(sums);
    let mut best: Option<Split> = None;
    let mut histogram: Histogram = [[0.0; 2]; BINS];
    for &c in columns {
        let used = bins.edges[c].len();
        if used == 0 {
            continue;
        }
        histogram[..=used].fill([0.0; 2]);
        let column = bins.column(c);
        for (&row, &[g, h]) in rows.iter().zip(&packed) {
            let bin = &mut histogram[column[row as usize] as usize % BINS];
            bin[0] += g;
            bin[1] += h;
        }
        let mut left = [0.0; 2];
        for (bin, &[g, h]) in histogram[..used].iter().enumerate() {
            left = [left[0] + f64::from(g), left[1] + f64::from(h)];
            let right = [sums[0] - left[0], sums[1] - left[1]];
            let least = options.min_leaf_weight.max(1e-6);
            if left[1] < least || right[1] < least {
                continue;
            }
            let gain = worth(left) + worth(right) - whole;
            if gain > options.gamma && best.as_ref().is_none_or(|best| gain > best.gain) {
                best = Some(Split { gain, column: c, bin, left });
            }
        }
    }
    best
}
