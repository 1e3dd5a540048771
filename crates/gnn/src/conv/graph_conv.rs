//! Graph convolution of Morris et al., WL-GCN.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

use super::{Aggregate, add_own, aggregate_first};
use crate::{Adjacency, LayerEdges, Linear, Result, check, error::torch, fallback};

const LAYER: &str = "GraphConv";

/// Settings of [`GraphConv`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphConvConfig {
    /// How in-neighbours are put together.
    pub aggregate: Aggregate,
    /// A bias.
    pub bias: bool,
}

impl Default for GraphConvConfig {
    fn default() -> Self {
        Self { aggregate: Aggregate::Sum, bias: true }
    }
}

/// As expressive as the Weisfeiler–Leman test (Morris et al., "Weisfeiler and Leman Go Neural", AAAI 2019;
/// `GraphConv` of PyTorch Geometric):
///
/// x'ᵢ = W_rel · agg_{j→i} wⱼᵢ·xⱼ + b + W_root · xᵢ
///
/// A weighted mean divides by the number of edges, not by their weight.
///
/// # Shapes
/// (sources of the hop, in) → (destinations of the hop, out); weights (edges)
#[derive(Debug)]
pub struct GraphConv {
    neighbours: Linear,
    own: Linear,
    inputs: i64,
    outputs: i64,
    aggregate: Aggregate,
}

impl GraphConv {
    /// Adds `lin_rel` and `lin_root` under `vs`, the names of PyTorch Geometric.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: GraphConvConfig) -> Result<Self> {
        Ok(Self {
            neighbours: Linear::new(&(vs / "lin_rel"), inputs, outputs, config.bias)?,
            own: Linear::new(&(vs / "lin_root"), inputs, outputs, false)?,
            inputs,
            outputs,
            aggregate: config.aggregate,
        })
    }

    /// One round of messages. `weights` weighs the edges of the hop in their order; without, all weigh 1.
    ///
    /// # Errors
    /// `x` is not (sources, in), or weights are not (edges).
    pub fn forward(&self, x: &Tensor, hop: &LayerEdges, weights: Option<&Tensor>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let edges = &hop.edges;
        if let Some(weights) = weights {
            check::shape(LAYER, "edge weights", weights, &[edges.len()])?;
        }
        let aggregate = |x: &Tensor| match weights {
            Some(weights) => weighted(self.aggregate, edges, x, weights),
            None => self.aggregate.apply(edges, x),
        };
        let y = if self.aggregate == Aggregate::Max || aggregate_first(edges, x, self.inputs, self.outputs) {
            self.neighbours.forward(&aggregate(x)?)?
        } else {
            self.neighbours.shift(aggregate(&self.neighbours.project(x)?)?)?
        };
        add_own(y, hop, x, &self.own)
    }
}

fn weighted(aggregate: Aggregate, edges: &Adjacency, x: &Tensor, weights: &Tensor) -> Result<Tensor> {
    match aggregate {
        Aggregate::Sum => edges.sum(x, Some(weights)),
        Aggregate::Mean => {
            let ones = Tensor::f_ones([edges.columns(), 1], (Kind::Double, x.device())).map_err(torch(LAYER))?;
            let degrees = edges.sum(&ones, None)?.f_clamp_min(1.0).and_then(|d| d.f_to_kind(x.kind()));
            edges.sum(x, Some(weights))?.f_div(&degrees.map_err(torch(LAYER))?).map_err(torch(LAYER))
        }
        Aggregate::Max => {
            let messages = edges.from_sources(x)?.f_mul(&weights.f_unsqueeze(1).map_err(torch(LAYER))?);
            let counts = edges.counts().map(|n| n.f_unsqueeze(1)).transpose().map_err(torch(LAYER))?;
            let max = |m: Tensor| {
                fallback::max(&m, counts.as_ref(), edges.destinations()?, edges.rows()).map_err(torch(LAYER))
            };
            max(messages.map_err(torch(LAYER))?)
        }
    }
}
