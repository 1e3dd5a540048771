//! Graph convolution of Morris et al., WL-GCN.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

use super::{
    Aggregate, Context, Conv, ConvConfig,
    parts::{add_own, aggregate_first},
};
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
    /// Features per edge, of which the first is its weight; 0: every edge weighs 1.
    pub edge_features: i64,
}

impl Default for GraphConvConfig {
    fn default() -> Self {
        Self { aggregate: Aggregate::Sum, bias: true, edge_features: 0 }
    }
}

impl ConvConfig for GraphConvConfig {
    const KIND: &'static str = "graph-conv";

    type Layer = GraphConv;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<GraphConv> {
        GraphConv::new(vs, inputs, outputs, *self)
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        let weighted = |aggregate| Self { aggregate, edge_features, ..Self::default() };
        vec![Self::default(), weighted(Aggregate::Sum), weighted(Aggregate::Mean), weighted(Aggregate::Max)]
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
/// (sources, in) → (destinations, out); edge features (edges, `edge_features`)
#[derive(Debug)]
pub struct GraphConv {
    neighbours: Linear,
    own: Linear,
    inputs: i64,
    outputs: i64,
    config: GraphConvConfig,
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
            config,
        })
    }
}

impl Conv for GraphConv {
    fn width(&self) -> i64 {
        self.outputs
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let adjacency = &edges.edges;
        let features = context.edge_features(LAYER, edges, self.config.edge_features, x.kind())?;
        let weights = features.map(|e| e.f_select(1, 0)).transpose().map_err(torch(LAYER))?;
        let aggregate = |x: &Tensor| match &weights {
            Some(weights) => weighted(self.config.aggregate, adjacency, x, weights),
            None => self.config.aggregate.apply(adjacency, x),
        };
        let last = self.config.aggregate != Aggregate::Max && !aggregate_first(adjacency, x, self.inputs, self.outputs);
        let y = if last {
            self.neighbours.shift(aggregate(&self.neighbours.project(x)?)?)?
        } else {
            self.neighbours.forward(&aggregate(x)?)?
        };
        add_own(y, edges, x, &self.own)
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
