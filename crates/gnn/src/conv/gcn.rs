//! Graph convolution of Kipf and Welling.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Context, Conv, ConvConfig, parts::aggregate_first};
use crate::{Adjacency, BatchOptions, Error, LayerEdges, Linear, Result, check, error::torch, init};

const LAYER: &str = "GCN";

/// Settings of [`Gcn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcnConfig {
    /// A bias after the aggregation.
    pub bias: bool,
    /// Features per edge, of which the first is its weight; 0: every edge weighs 1.
    pub edge_features: i64,
}

impl Default for GcnConfig {
    fn default() -> Self {
        Self { bias: true, edge_features: 0 }
    }
}

impl ConvConfig for GcnConfig {
    const KIND: &'static str = "gcn";

    type Layer = Gcn;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Gcn> {
        Gcn::new(vs, inputs, outputs, *self)
    }

    fn batch_options(&self) -> BatchOptions {
        let plain = self.edge_features == 0;
        BatchOptions { compressed: plain, self_loops: plain, ..BatchOptions::default() }
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        vec![Self::default(), Self { edge_features, ..Self::default() }]
    }
}

/// Graph convolution (Kipf and Welling, ICLR 2017; `GCNConv` of PyTorch Geometric):
///
/// x'ᵢ = Σ_{j→i} wⱼᵢ / √(dᵢ·dⱼ) · W·xⱼ + b, dᵢ = Σ_{j→i} wⱼᵢ
///
/// The layer takes the edges as they are: for PyTorch Geometric's default, build the batch with `self_loops`.
/// With weights of its own a self-loop is an edge like others, whose weight there is 1.
///
/// # Shapes
/// (sources, in) → (destinations, out); edge features (edges, `edge_features`)
#[derive(Debug)]
pub struct Gcn {
    linear: Linear,
    bias: Option<Tensor>,
    inputs: i64,
    outputs: i64,
    config: GcnConfig,
}

impl Gcn {
    /// Adds `lin.weight` and `bias` under `vs`, the names of PyTorch Geometric.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: GcnConfig) -> Result<Self> {
        Ok(Self {
            linear: Linear::glorot(&(vs / "lin"), inputs, outputs)?,
            bias: init::bias(vs, config.bias, outputs)?,
            inputs,
            outputs,
            config,
        })
    }
}

impl Conv for Gcn {
    fn width(&self) -> i64 {
        self.outputs
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let adjacency = &edges.edges;
        let weights = match context.edge_features(LAYER, edges, self.config.edge_features, x.kind())? {
            Some(features) => normalized(adjacency, &features.f_select(1, 0).map_err(torch(LAYER))?)?,
            None => adjacency.gcn_weights(x.kind())?,
        };
        let sum = |x: &Tensor| adjacency.sum(x, Some(&weights));
        if aggregate_first(adjacency, x, self.inputs, self.outputs) {
            return self.linear.with_bias(&sum(x)?, self.bias.as_ref());
        }
        let y = sum(&self.linear.forward(x)?)?;
        match &self.bias {
            Some(bias) => y.f_add(bias).map_err(torch(LAYER)),
            None => Ok(y),
        }
    }
}
/// wⱼᵢ / √(dᵢ·dⱼ); 0 where a degree is 0.
fn normalized(edges: &Adjacency, weights: &Tensor) -> Result<Tensor> {
    if edges.rows() != edges.columns() || edges.counts().is_some() {
        let message = "weighted degrees are not known to a compressed batch".into();
        return Err(Error::Shape { layer: LAYER, message });
    }
    let run = || {
        let ones = Tensor::f_ones([edges.columns(), 1], (weights.kind(), weights.device())).map_err(torch(LAYER))?;
        let degrees = edges.sum(&ones, Some(weights))?;
        let root = degrees.f_rsqrt().and_then(|r| r.f_masked_fill(&degrees.f_le(0.0)?, 0.0)).map_err(torch(LAYER))?;
        let ends = edges.from_sources(&root)?.f_mul(&edges.from_destinations(&root)?);
        ends.and_then(|e| e.f_squeeze_dim(1)?.f_mul(weights)).map_err(torch(LAYER))
    };
    run()
}
