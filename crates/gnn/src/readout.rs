//! Read-out: from the nodes of each graph to one row a graph.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use crate::{Adjacency, Error, Linear, Result, check, conv::normalize, error::torch};

const LAYER: &str = "read-out";

/// Read-outs without parameters. `members` says which rows belong to which graph: [`GraphBatch::graph_of_row`], or
/// segments of a graph. A graph without nodes becomes 0.
///
/// # Shapes
/// (nodes, d) → (graphs, d)
///
/// [`GraphBatch::graph_of_row`]: crate::GraphBatch::graph_of_row
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Σᵢ xᵢ
    #[default]
    Sum,
    /// Σᵢ xᵢ / n
    Mean,
    /// maxᵢ xᵢ, channel by channel.
    Max,
    /// Σᵢ xᵢ divided by its L2 norm.
    NormalizedSum,
}

impl Pool {
    /// Over all members.
    ///
    /// # Errors
    /// `x` is not (nodes, d).
    pub fn apply(self, members: &Adjacency, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Sum => members.sum(x, None),
            Self::Mean => members.mean(x),
            Self::Max => members.max(x),
            Self::NormalizedSum => normalize(&members.sum(x, None)?),
        }
    }

    /// Over the members that are `chosen`, a boolean row for each row of `x`: (nodes). A graph of which none is
    /// becomes 0.
    ///
    /// # Errors
    /// `x` is not (nodes, d), or `chosen` not (nodes).
    pub fn apply_to(self, members: &Adjacency, x: &Tensor, chosen: &Tensor) -> Result<Tensor> {
        check::shape(LAYER, "chosen nodes", chosen, &[members.columns()])?;
        let torch = || torch(LAYER);
        let mask = chosen.f_unsqueeze(1).map_err(torch())?;
        // Not a product: what is left out may be infinite.
        let fill = |value: f64| mask.f_logical_not().and_then(|out| x.f_masked_fill(&out, value)).map_err(torch());
        match self {
            Self::Sum => members.sum(&fill(0.0)?, None),
            Self::NormalizedSum => normalize(&members.sum(&fill(0.0)?, None)?),
            Self::Mean => {
                let count = members.sum(&mask.f_to_kind(tch::Kind::Double).map_err(torch())?, None)?;
                let count = count.f_clamp_min(1.0).and_then(|n| n.f_to_kind(x.kind())).map_err(torch())?;
                members.sum(&fill(0.0)?, None)?.f_div(&count).map_err(torch())
            }
            Self::Max => {
                let y = members.max(&fill(f64::NEG_INFINITY)?)?;
                y.f_eq(f64::NEG_INFINITY).and_then(|empty| y.f_masked_fill(&empty, 0.0)).map_err(torch())
            }
        }
    }
}

/// Settings of [`AttentionPool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttentionPoolConfig {
    /// Pass nodes through a linear layer before they are summed.
    pub project: bool,
}

/// Soft attention over the nodes of a graph (Li et al., "Graph Matching Networks", ICML 2019;
/// `AttentionalAggregation` of PyTorch Geometric with linear networks):
///
/// y = Σᵢ softmaxᵢ(g·xᵢ + c)·(W·xᵢ + b), or ·xᵢ without `project`
///
/// For models in which few operators decide, where a sum or a mean drowns them: graph matching, and GTuner's kind of cost
/// model.
///
/// # Shapes
/// (nodes, in) → (graphs, out); out = in without `project`
#[derive(Debug)]
pub struct AttentionPool {
    gate: Linear,
    project: Option<Linear>,
    inputs: i64,
}

impl AttentionPool {
    /// Adds `gate_nn` and, if asked for, `nn` under `vs`, the names of PyTorch Geometric.
    ///
    /// # Errors
    /// `outputs` differ from `inputs` without a projection.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: AttentionPoolConfig) -> Result<Self> {
        if !config.project && inputs != outputs {
            let message = format!("{inputs} channels cannot become {outputs} without a projection");
            return Err(Error::Shape { layer: LAYER, message });
        }
        let project = || Linear::new(&(vs / "nn"), inputs, outputs, true);
        Ok(Self {
            gate: Linear::new(&(vs / "gate_nn"), inputs, 1, true)?,
            project: config.project.then(project).transpose()?,
            inputs,
        })
    }

    /// (nodes, in) → (graphs, out).
    ///
    /// # Errors
    /// `x` is not (nodes, in).
    pub fn forward(&self, x: &Tensor, members: &Adjacency) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let shares = members.softmax(&members.from_sources(&self.gate.forward(x)?)?)?;
        match &self.project {
            Some(linear) => members.sum(&linear.forward(x)?, Some(&shares)),
            None => members.sum(x, Some(&shares)),
        }
    }
}
