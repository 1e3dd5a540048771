//! What else is known of an operator where a compiler lays tensors out: Arm's for its Ethos-U, and others of this kind.
//!
//! | columns | what |
//! |---|---|
//! | `own_weights` | as `resident`, for the weights that no operator before it reads; left as it is |
//! | `held` | `alive` once more, as what is known of the operator: beyond the size of an SRAM things go another way |
//! | `compute_before`, `compute_after`, … | `compute`, `traffic` and `own_weights` of all producers, and of all readers: neighbours that run in stripes share the SRAM, and weights are fetched while the operator before runs |
//! | `padding_in8` …, `padding_out32` | ln of how many times larger the channels of the first operand, and of the first result, are where they are padded to multiples of 8, 16 and 32 |
//! | `padding_height2` …, `padding_width8` | the same for rows and columns of the first result, to multiples of 2, 4 and 8 |
//! | `upscaling`, `uneven`, `linear` | log₂ of rows of the first result for one of the first operand; how far that is from a whole number; 1 for a resize between pixels: what an accelerator does not resize, the CPU does |

use std::collections::BTreeSet;

use tachograph_ir::BoundGraph;

use super::{
    LEAST, logarithm,
    rows::{Rows, channels},
};
use crate::{
    Result, Schema,
    attributes::{operand_shape, result_shape},
};

/// Left as they are.
pub const KEPT: [&str; 1] = ["own_weights"];

pub const SCALED: [&str; 22] = [
    "held",
    "compute_before",
    "traffic_before",
    "own_weights_before",
    "compute_after",
    "traffic_after",
    "own_weights_after",
    "padding_in8",
    "padding_in16",
    "padding_in32",
    "padding_out8",
    "padding_out16",
    "padding_out32",
    "padding_height2",
    "padding_height4",
    "padding_height8",
    "padding_width2",
    "padding_width4",
    "padding_width8",
    "upscaling",
    "uneven",
    "linear",
];

/// Fills them in rows that have all other columns. `own_weights` are times of one image, in ms, and `links` pairs of a
/// producer and a reader.
pub fn fill(
    rows: &mut Rows,
    schema: &Schema,
    bound: &BoundGraph,
    own_weights: &[f64],
    links: &BTreeSet<(usize, usize)>,
) -> Result<()> {
    let [compute, traffic, _, alive] = rows.places.times;
    let own = schema.place(KEPT[0])?;
    let places = SCALED.iter().map(|name| schema.place(name)).collect::<Result<Vec<_>>>()?;
    for (row, &id) in bound.live().iter().enumerate() {
        rows.nodes[[row, own]] = logarithm(own_weights[row]);
        let node = bound.graph().node(id);
        let (operand, result) = (operand_shape(bound, node, 0), result_shape(bound, node, 0));
        let of_image = |shape: Option<&[u64]>, axis: usize| shape.filter(|s| s.len() == 4).map(|s| s[axis]);
        let extents = [
            (channels(operand), [8, 16, 32]),
            (channels(result), [8, 16, 32]),
            (of_image(result, 2), [2, 4, 8]),
            (of_image(result, 3), [2, 4, 8]),
        ];
        let paddings = extents.into_iter().flat_map(|(extent, all)| all.map(|multiple| padding(extent, multiple)));
        let held = rows.nodes[[row, alive]];
        let upscaling = upscaling(of_image(operand, 2), of_image(result, 2));
        let linear = node.text("mode") == Some("linear");
        let resize = [upscaling, (upscaling - upscaling.round()).abs(), f32::from(u8::from(linear))];
        // Neighbours come below.
        let values = [held].into_iter().chain([0.0; 6]).chain(paddings).chain(resize);
        places.iter().zip(values).for_each(|(&place, value)| rows.nodes[[row, place]] = value);
    }
    // In double precision, so that it does not tell in which order neighbours come.
    let mut sums = vec![[LEAST; 6]; own_weights.len()];
    for &(from, to) in links {
        for (k, column) in [compute, traffic, own].into_iter().enumerate() {
            let time = |row: usize| f64::from(rows.nodes[[row, column]]).exp();
            sums[to][k] += time(from);
            sums[from][3 + k] += time(to);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        places[1..7].iter().zip(sums).for_each(|(&place, &sum)| rows.nodes[[row, place]] = sum.ln() as f32);
    }
    Ok(())
}

/// log₂ of rows after for one before.
fn upscaling(before: Option<u64>, after: Option<u64>) -> f32 {
    match (before, after) {
        (Some(before @ 1..), Some(after @ 1..)) => (after as f32 / before as f32).log2(),
        _ => 0.0,
    }
}

/// ln of how many times larger an extent is as a multiple.
fn padding(extent: Option<u64>, multiple: u64) -> f32 {
    match extent {
        Some(extent @ 1..) => (extent.next_multiple_of(multiple) as f32 / extent as f32).ln(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::super::{BANDWIDTH, logarithm};
    use super::{padding, upscaling};
    use crate::{FeatureSet, Featurizer};

    #[test]
    fn weights_are_of_the_operator_that_reads_them_first() {
        let mut b = Builder::new("twice");
        let x = b.input("x", DType::F32, [1, 4, 8, 9].map(Into::into).to_vec());
        let shared = b.parameter(&[4, 4, 1, 1]);
        let y = b.op("Conv", &[x, shared]).unwrap();
        let y = b.op("Conv", &[y, shared]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let featurizer = Featurizer::fit(FeatureSet::LEARNED_ROOFLINE_NPU, &[&bound]).unwrap();
        // As they are before any column is scaled.
        let features = featurizer.schema().set.featurize(featurizer.schema(), &bound).unwrap();
        let of = |name: &str| features.nodes.column(featurizer.schema().node_column(name).unwrap()).to_vec();
        let (some, none) = (logarithm(64e3 / BANDWIDTH), logarithm(0.0));
        assert_eq!(of("own_weights"), [some, none]);
        let close =
            |a: Vec<f32>, b: [f32; 2]| a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 0.02, "{a} {b}"));
        close(of("own_weights_before"), [none, some]);
        close(of("traffic_after"), [of("traffic")[1], none]);
        close(of("held"), [of("alive")[0], of("alive")[1]]);
        close(of("padding_in16"), [4f32.ln(); 2]);
        close(of("padding_height4"), [0.0; 2]);
        close(of("padding_width4"), [(12f32 / 9.0).ln(); 2]);
    }

    #[test]
    fn nothing_is_padded_to_a_multiple_of_nothing() {
        assert_eq!([padding(None, 8), padding(Some(0), 8), padding(Some(24), 8)], [0.0; 3]);
        assert_eq!(
            [upscaling(None, Some(8)), upscaling(Some(0), Some(8)), upscaling(Some(2), Some(8))],
            [0.0, 0.0, 2.0]
        );
    }
}
