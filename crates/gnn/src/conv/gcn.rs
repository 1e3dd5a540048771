//! Graph convolution of Kipf and Welling.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::aggregate_first;
use crate::{Error, LayerEdges, Linear, Result, check, error::torch, init};

const LAYER: &str = "GCN";

/// Settings of [`Gcn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcnConfig {
    /// A bias after the aggregation.
    pub bias: bool,
}

impl Default for GcnConfig {
    fn default() -> Self {
        Self { bias: true }
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
/// (sources of the hop, in) → (destinations of the hop, out); weights (edges)
#[derive(Debug)]
pub struct Gcn {
    linear: Linear,
    bias: Option<Tensor>,
    inputs: i64,
    outputs: i64,
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
        })
    }

    /// One round of messages. `weights` weighs the edges of the hop in their order; without, all weigh 1.
    ///
    /// # Errors
    /// `x` is not (sources, in), weights are not (edges), or weights come with a compressed batch.
    pub fn forward(&self, x: &Tensor, hop: &LayerEdges, weights: Option<&Tensor>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let edges = &hop.edges;
        let weights = match weights {
            Some(weights) => normalized(hop, weights)?,
            None => edges.gcn_weights(x.kind())?,
        };
        let sum = |x: &Tensor| edges.sum(x, Some(&weights));
        if aggregate_first(edges, x, self.inputs, self.outputs) {
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
fn normalized(hop: &LayerEdges, weights: &Tensor) -> Result<Tensor> {
    let edges = &hop.edges;
    check::shape(LAYER, "edge weights", weights, &[edges.len()])?;
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
