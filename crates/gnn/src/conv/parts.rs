//! Arithmetic that several layers share.

use serde::{Deserialize, Serialize};
use tch::{Kind, TchError, Tensor};

use crate::{Adjacency, LayerEdges, Linear, Result, error::torch};

/// What a node keeps of its in-neighbours. A node without any gets 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their maximum, channel by channel.
    Max,
}

impl Aggregate {
    pub(super) fn apply(self, edges: &Adjacency, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Mean => edges.mean(x),
            Self::Sum => edges.sum(x, None),
            Self::Max => edges.max(x),
        }
    }
}

/// Cost of moving one number along an edge, in multiplications of a dense product.
const EDGE_COST: i64 = 8;

/// Whether to aggregate `inputs` channels and project the result, rather than project to `outputs` channels and
/// aggregate those. The results are equal for sums. Aggregating first needs no backward pass along the edges
/// where the input needs no gradient.
pub(super) fn aggregate_first(edges: &Adjacency, x: &Tensor, inputs: i64, outputs: i64) -> bool {
    let along = |width: i64, passes: i64| EDGE_COST * edges.len() * width * passes;
    let first = along(inputs, if x.requires_grad() { 2 } else { 1 }) + edges.rows() * inputs * outputs;
    let last = along(outputs, 2) + edges.columns() * inputs * outputs;
    first <= last
}

/// W·xᵢ of the destinations, from the rows of the sources: projects whichever are fewer.
pub(super) fn own(edges: &LayerEdges, x: &Tensor, linear: &Linear) -> Result<Tensor> {
    if edges.edges.columns() < edges.edges.rows() {
        edges.residual_rows(&linear.forward(x)?)
    } else {
        linear.forward(&edges.residual_rows(x)?)
    }
}

/// y + W·xᵢ of the destinations, in place where that saves a pass.
pub(super) fn add_own(y: Tensor, edges: &LayerEdges, x: &Tensor, linear: &Linear) -> Result<Tensor> {
    if edges.edges.columns() < edges.edges.rows() {
        let mut y = y;
        return y.f_add_(&edges.residual_rows(&linear.forward(x)?)?).map_err(torch("own rows"));
    }
    linear.add_to(y, &edges.residual_rows(x)?)
}

/// max(x, slope · x) of a slope below 1.
///
/// # Errors
/// libtorch refuses the call.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    let slope = Tensor::f_from_slice(&[slope]).and_then(|t| t.f_to_device(x.device())?.f_to_kind(x.kind()));
    slope.and_then(|s| x.f_prelu(&s)).map_err(torch("leaky ReLU"))
}

/// a·W·x of every head and every one of `attention`'s vectors a, (1, heads, out) each, as one skinny product
/// x·(Wᵀa): x (n, in) → (n, heads) for each.
pub(super) fn scores<const K: usize>(x: &Tensor, attention: [&Tensor; K], linear: &Linear) -> Result<[Tensor; K]> {
    let run = || {
        let vectors = Tensor::f_cat(&attention, 0)?;
        let (_, heads, outputs) = vectors.size3()?;
        let weight = linear.weight().f_view([heads, outputs, -1])?;
        let folded = vectors.f_transpose(0, 1)?.f_bmm(&weight)?.f_transpose(0, 1)?;
        let all = x.f_linear(&folded.f_flatten(0, 1)?, None::<&Tensor>)?;
        let parts = all.f_split(heads, 1)?;
        <[Tensor; K]>::try_from(parts).map_err(|p| TchError::Shape(format!("{} scores of {K}", p.len())))
    };
    run().map_err(torch("attention scores"))
}

/// Heads side by side, or their mean, and the bias: (n, heads · d) → (n, heads · d) or (n, d).
pub(super) fn heads_out(y: Tensor, heads: i64, concat: bool, bias: Option<&Tensor>) -> Result<Tensor, TchError> {
    let y = match concat {
        true => y,
        false => {
            let (n, width) = y.size2()?;
            y.f_view([n, heads, width / heads])?.f_mean_dim([1i64].as_slice(), false, None::<Kind>)?
        }
    };
    match bias {
        Some(bias) => y.f_add(bias),
        None => Ok(y),
    }
}

/// Dropout of attention coefficients.
pub(super) fn drop_out(alpha: Tensor, p: f64, train: bool) -> Result<Tensor, TchError> {
    if train && p > 0.0 { alpha.f_dropout(p, true) } else { Ok(alpha) }
}

/// Rows divided by their L2 norms.
///
/// # Errors
/// libtorch refuses the call.
pub fn normalize(x: &Tensor) -> Result<Tensor> {
    let norm = x.f_norm_scalaropt_dim(2.0, [1i64], true).and_then(|n| n.f_clamp_min(1e-12));
    norm.and_then(|n| x.f_div(&n)).map_err(torch("L2 norm"))
}
