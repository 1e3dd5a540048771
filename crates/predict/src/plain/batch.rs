//! Featurised graphs side by side, each different node once.

use std::borrow::Cow;

use ndarray::{Array2, Axis};
use tachograph_batch::{Colours, Edges, GraphError, GraphRef, Union, offsets};
use tachograph_features::FeatureGraph;

use crate::Result;

/// What a network reads. See [`Colours`] for the rows of each layer.
pub(super) struct Batch {
    /// Features of the rows of the first layer: (rows, width).
    pub nodes: Array2<f32>,
    /// Features of the graphs: (graphs, width).
    pub globals: Array2<f32>,
    /// From the rows of the last layer to the graphs that they are in.
    pub graph_of_row: Edges,
    /// Edges of each layer, and the row of each destination among the sources.
    pub layers: Vec<(Edges, Vec<usize>)>,
}

impl Batch {
    /// Of graphs for `layers` message-passing layers; `compressed` to compute equal nodes once.
    pub fn new(graphs: &[&FeatureGraph], layers: usize, compressed: bool) -> Result<Self> {
        // A view may lie in memory in any order; a graph of a featuriser is in the one that is wanted.
        let nodes: Vec<Cow<'_, [f32]>> = graphs.iter().map(|graph| row_major(&graph.nodes)).collect();
        let refs: Vec<GraphRef<'_>> = graphs.iter().zip(&nodes).map(|(graph, nodes)| by_ref(graph, nodes)).collect();
        let union = Union::new(&refs, false, false)?;
        let rows = union.rows();
        let matrix = |rows: &[&[f32]]| Array2::from_shape_vec((rows.len(), union.width), rows.concat());
        let globals = Array2::from_shape_vec((graphs.len(), union.global_width), union.globals.clone());
        let ragged = |e: ndarray::ShapeError| GraphError { index: 0, message: e.to_string() };
        let globals = globals.map_err(ragged)?;
        if !compressed {
            let n = union.len() as i64;
            let wide = |list: &[u32]| list.iter().map(|&x| i64::from(x)).collect();
            let edges =
                || Edges { offsets: wide(&union.edges.offsets), sources: wide(&union.edges.items), ..Edges::default() };
            let graph_of_row = Edges { offsets: offsets(&union.sizes), sources: (0..n).collect(), ..Edges::default() };
            let layers = (0..layers).map(|_| (edges(), (0..union.len()).collect())).collect();
            return Ok(Self { nodes: matrix(&rows).map_err(ragged)?, globals, graph_of_row, layers });
        }
        let colours = Colours::new(&union, &rows, layers, false);
        let layer = |l: usize| {
            let residual = colours.residual_rows(l).into_iter().map(|row| row as usize);
            (colours.edges(&union, l, false, false).0, residual.collect())
        };
        let different: Vec<&[f32]> =
            colours.rounds[0].representatives.iter().map(|&node| rows[node as usize]).collect();
        Ok(Self {
            nodes: matrix(&different).map_err(ragged)?,
            globals,
            graph_of_row: colours.graph_of_row(&union),
            layers: (0..layers).map(layer).collect(),
        })
    }
}

fn row_major(nodes: &Array2<f32>) -> Cow<'_, [f32]> {
    nodes.as_slice().map_or_else(|| Cow::Owned(nodes.iter().copied().collect()), Cow::Borrowed)
}

fn by_ref<'a>(graph: &'a FeatureGraph, nodes: &'a [f32]) -> GraphRef<'a> {
    GraphRef { nodes, width: graph.nodes.ncols(), edges: &graph.edges, globals: &graph.globals, ..GraphRef::default() }
}

/// How rows with the same destination are put together.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reduce {
    Sum,
    Mean,
    Max,
}

/// Rows of `x` put together by destination, each as often as its edge counts: (sources, d) → (destinations, d). A
/// destination without edges gets 0.
pub(super) fn reduce(edges: &Edges, x: &Array2<f32>, how: Reduce) -> Array2<f32> {
    let mut y = Array2::zeros((edges.offsets.len() - 1, x.ncols()));
    for (mut row, bounds) in y.axis_iter_mut(Axis(0)).zip(edges.offsets.windows(2)) {
        let mut total = 0.0;
        for (place, e) in (bounds[0] as usize..bounds[1] as usize).enumerate() {
            let source = x.row(edges.sources[e] as usize);
            let count = edges.counts.get(e).copied().unwrap_or(1.0);
            total += count;
            match how {
                Reduce::Max if place == 0 => row.assign(&source),
                Reduce::Max => row.zip_mut_with(&source, |a, &b| *a = a.max(b)),
                Reduce::Sum | Reduce::Mean => row.scaled_add(count, &source),
            }
        }
        if how == Reduce::Mean && total > 0.0 {
            row /= total;
        }
    }
    y
}
