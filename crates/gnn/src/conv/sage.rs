//! GraphSAGE.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{
    Aggregate, Context, Conv, ConvConfig,
    parts::{add_own, aggregate_first, normalize},
};
use crate::{Adjacency, BatchOptions, LayerEdges, Linear, Result, check, error::torch};

const LAYER: &str = "GraphSAGE";

/// Settings of [`Sage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SageConfig {
    /// How in-neighbours are put together.
    pub aggregate: Aggregate,
    /// Divide every output row by its L2 norm.
    pub normalize: bool,
    /// Pass the neighbours through a linear layer and ReLU first.
    pub project: bool,
    /// Hear the out-neighbours too, through weights of their own. The batch must be built with `reverse`.
    pub directed: bool,
}

impl ConvConfig for SageConfig {
    const KIND: &'static str = "sage";

    type Layer = Sage;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Sage> {
        Sage::new(vs, inputs, outputs, *self)
    }

    fn batch_options(&self) -> BatchOptions {
        BatchOptions { compressed: true, reverse: self.directed, ..BatchOptions::default() }
    }

    fn variants(_: i64) -> Vec<Self> {
        let plain = Self::default();
        vec![
            Self { normalize: true, ..plain },
            Self { aggregate: Aggregate::Sum, project: true, ..plain },
            Self { aggregate: Aggregate::Max, ..plain },
            Self { directed: true, ..plain },
        ]
    }
}

/// GraphSAGE (Hamilton, Ying, Leskovec, NeurIPS 2017; `SAGEConv` of PyTorch Geometric):
///
/// x'ᵢ = W_l · agg_{j→i} xⱼ + b_l + W_r · xᵢ
///
/// Nodes without in-edges have the aggregate 0. W_r has no bias. With `project`, xⱼ under the aggregate is
/// ReLU(W·xⱼ + b). With `directed`, W_t · agg_{i→j} xⱼ is added: `SAGEConv` in both directions (Rossi et al.,
/// "Edge directionality improves learning on heterophilic graphs", 2023).
///
/// # Shapes
/// (sources, in) → (destinations, out)
#[derive(Debug)]
pub struct Sage {
    neighbours: Linear,
    own: Linear,
    project: Option<Linear>,
    reverse: Option<Linear>,
    inputs: i64,
    outputs: i64,
    config: SageConfig,
}

impl Sage {
    /// Adds `lin_l`, `lin_r` and, if asked for, `lin` (projection) under `vs`, the names of PyTorch Geometric;
    /// `lin_t` for the other direction.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: SageConfig) -> Result<Self> {
        let project = || Linear::new(&(vs / "lin"), inputs, inputs, true);
        let reverse = || Linear::new(&(vs / "lin_t"), inputs, outputs, false);
        Ok(Self {
            project: config.project.then(project).transpose()?,
            neighbours: Linear::new(&(vs / "lin_l"), inputs, outputs, true)?,
            own: Linear::new(&(vs / "lin_r"), inputs, outputs, false)?,
            reverse: config.directed.then(reverse).transpose()?,
            inputs,
            outputs,
            config,
        })
    }

    /// W · agg + b; a projected mean is the mean of projections.
    fn aggregate(&self, edges: &Adjacency, x: &Tensor, linear: &Linear) -> Result<Tensor> {
        let aggregate = |x: &Tensor| self.config.aggregate.apply(edges, x);
        if self.config.aggregate == Aggregate::Max || aggregate_first(edges, x, self.inputs, self.outputs) {
            linear.forward(&aggregate(x)?)
        } else {
            linear.shift(aggregate(&linear.project(x)?)?)
        }
    }
}

impl Conv for Sage {
    fn width(&self) -> i64 {
        self.outputs
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, _: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let projected = match &self.project {
            Some(linear) => Some(linear.forward(x)?.f_relu().map_err(torch(LAYER))?),
            None => None,
        };
        let messages = projected.as_ref().unwrap_or(x);
        let mut y = self.aggregate(&edges.edges, messages, &self.neighbours)?;
        if let Some(linear) = &self.reverse {
            let reverse = edges.reversed()?;
            y = y.f_add_(&self.aggregate(reverse, messages, linear)?).map_err(torch(LAYER))?;
        }
        y = add_own(y, edges, x, &self.own)?;
        if self.config.normalize { normalize(&y) } else { Ok(y) }
    }
}
