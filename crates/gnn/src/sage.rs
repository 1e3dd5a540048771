//! GraphSAGE.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use crate::{Error, Hop, Linear, Result, error::torch};

/// Settings of [`Sage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SageConfig {
    /// Divide every output row by its L2 norm.
    pub normalize: bool,
}

/// GraphSAGE with the mean aggregator (Hamilton, Ying, Leskovec, NeurIPS 2017; `SAGEConv` of PyTorch Geometric):
///
/// x'ᵢ = W_l · mean_{j→i} xⱼ + b_l + W_r · xᵢ
///
/// Nodes without in-edges have mean 0. W_r has no bias.
///
/// # Shapes
/// (sources of the hop, in) → (destinations of the hop, out)
#[derive(Debug)]
pub struct Sage {
    neighbours: Linear,
    own: Linear,
    inputs: i64,
    outputs: i64,
    config: SageConfig,
}

impl Sage {
    /// Adds `lin_l` and `lin_r` under `vs`, the names of PyTorch Geometric.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: SageConfig) -> Result<Self> {
        Ok(Self {
            neighbours: Linear::new(&(vs / "lin_l"), inputs, outputs, true)?,
            own: Linear::new(&(vs / "lin_r"), inputs, outputs, false)?,
            inputs,
            outputs,
            config,
        })
    }

    /// One round of messages.
    ///
    /// # Errors
    /// `x` is not (sources, in).
    pub fn forward(&self, x: &Tensor, hop: &Hop) -> Result<Tensor> {
        if x.size().get(1) != Some(&self.inputs) {
            let message = format!("input {:?}, expected (nodes, {})", x.size(), self.inputs);
            return Err(Error::Shape { layer: "GraphSAGE", message });
        }
        // The mean of projections is the projection of the mean: project the fewer rows, unless that widens them.
        let edges = &hop.edges;
        let y = if edges.columns() < edges.rows() && self.outputs <= self.inputs {
            self.neighbours.shift(edges.mean(&self.neighbours.project(x)?)?)?
        } else {
            self.neighbours.forward(&edges.mean(x)?)?
        };
        let own = hop.own(&self.own.forward(x)?)?;
        let y = y.f_add(&own).map_err(torch("GraphSAGE"))?;
        if !self.config.normalize {
            return Ok(y);
        }
        let norm = || y.f_norm_scalaropt_dim(2.0, [1i64], true)?.f_clamp_min(1e-12);
        norm().and_then(|n| y.f_div(&n)).map_err(torch("GraphSAGE"))
    }
}
