//! Batches of featurised networks.

use std::borrow::Cow;

use ndarray::Array2;
use tachograph_features::FeatureGraph;
use tachograph_gnn::{BatchOptions, GraphBatch, GraphRef};
use tch::Device;

use crate::Result;

/// The batch of `graphs` for a network that needs `options`.
///
/// # Errors
/// Features of different widths.
pub fn collate(graphs: &[&FeatureGraph], options: &BatchOptions, device: Device) -> Result<GraphBatch> {
    let rows: Vec<_> = graphs.iter().map(|f| (row_by_row(&f.nodes), row_by_row(&f.edge_features))).collect();
    let graphs: Vec<GraphRef<'_>> = graphs
        .iter()
        .zip(&rows)
        .map(|(f, (nodes, edge_features))| GraphRef {
            nodes,
            width: f.nodes.ncols(),
            edges: &f.edges,
            edge_features,
            globals: &f.globals,
            groups: &f.groups,
        })
        .collect();
    Ok(GraphBatch::build(&graphs, options, device)?)
}

/// The numbers of an array row by row. An array that someone transposed or cut out of another lies otherwise in memory
/// and is copied; a featuriser's is borrowed.
fn row_by_row(array: &Array2<f32>) -> Cow<'_, [f32]> {
    array.as_slice().map_or_else(|| array.iter().copied().collect(), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn features_that_do_not_lie_row_by_row_are_not_lost() {
        let straight = Array2::from_shape_fn((3, 2), |(row, column)| (10 * row + column) as f32);
        let transposed = straight.t().as_standard_layout().into_owned().reversed_axes();
        let wide = Array2::from_shape_fn((3, 4), |(row, column)| (10 * row + column) as f32);
        let cut = wide.slice_move(s![.., ..2]);
        assert!(transposed.as_slice().is_none() && cut.as_slice().is_none());
        let numbers = |nodes: Array2<f32>| {
            let graph = FeatureGraph { nodes, edges: vec![(0, 1), (1, 2)], ..FeatureGraph::default() };
            let batch = collate(&[&graph], &BatchOptions::default(), Device::Cpu).unwrap();
            Vec::<f32>::try_from(batch.nodes.flatten(0, -1)).unwrap()
        };
        assert_eq!(numbers(straight), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        assert_eq!(numbers(transposed), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        assert_eq!(numbers(cut), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
    }
}
