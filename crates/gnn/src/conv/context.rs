//! What a layer may read beside its nodes and edges.

use tch::{Kind, Tensor};

use crate::{LayerEdges, Result, check, error::torch};

/// What a layer may read beside its nodes and edges. The default is prediction, with the edge features of the batch.
///
/// A layer refuses edge features of another width than it was built for. Layers that know no edge features, or no columns
/// beside the nodes, pass over them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Features of the edges in place of [`LayerEdges::features`], in their order: those that a layer before has
    /// computed, or weights that are learned. (edges, width)
    pub edges: Option<&'a Tensor>,
    /// Columns beside those of the nodes, which the layer reads and does not change: (sources, width).
    pub nodes: Option<&'a Tensor>,
    /// Dropout is on.
    pub train: bool,
}

impl Context<'_> {
    /// The features of `edges` for a layer that reads `width` of them, as numbers of `kind`: (edges, width). `None`
    /// where it reads none; then none may be handed to it.
    pub(super) fn edge_features(
        &self,
        layer: &'static str,
        edges: &LayerEdges,
        width: i64,
        kind: Kind,
    ) -> Result<Option<Tensor>> {
        let count = edges.edges.len();
        let given = if width == 0 { self.edges } else { self.edges.or(edges.features.as_ref()) };
        match given {
            Some(features) => check::shape(layer, "edge features", features, &[count, width])?,
            None if width > 0 && count > 0 => check::absent(layer, "edge features", &[count, width])?,
            None => {}
        }
        // A batch without edges has no features either, and a layer that reads them must still run.
        let empty = || Tensor::f_zeros([0, width], (kind, edges.edges.sources().device()));
        let features = given.map(|e| e.f_to_kind(kind)).or_else(|| (width > 0).then(empty));
        features.transpose().map_err(torch(layer))
    }

    /// The columns beside the nodes `x`, which must come exactly when the layer reads a `width` of them that is not 0.
    pub(super) fn beside(&self, layer: &'static str, x: &Tensor, width: i64) -> Result<Option<&Tensor>> {
        let rows = x.size().first().copied().unwrap_or(0);
        match self.nodes {
            Some(nodes) => check::shape(layer, "context", nodes, &[rows, width])?,
            None if width > 0 => check::absent(layer, "context", &[rows, width])?,
            None => {}
        }
        Ok(self.nodes)
    }
}
