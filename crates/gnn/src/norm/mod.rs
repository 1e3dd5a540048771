//! Normalisation, one file each.

mod batch;
mod graph;
mod instance;
mod layer;

use tch::{TchError, Tensor, nn};

pub use batch::{BatchNorm, BatchNormConfig};
pub use graph::{GraphNorm, GraphNormConfig};
pub use instance::{InstanceNorm, InstanceNormConfig};
pub use layer::{LayerNorm, LayerNormConfig, LayerNormMode};

use crate::{Adjacency, Result, error::torch};

/// `weight` of ones and `bias` of zeros.
#[derive(Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

impl Affine {
    fn new(vs: &nn::Path<'_>, width: i64) -> Result<Self> {
        let make = || Ok(Self { weight: vs.f_ones("weight", &[width])?, bias: vs.f_zeros("bias", &[width])? });
        make().map_err(torch("normalisation"))
    }

    /// weight · x + bias
    fn apply(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.bias.f_addcmul(x, &self.weight)
    }
}

/// (x − scale · mean) / √(var + eps), where each node has the mean and variance of its graph, channel by channel.
fn per_graph(x: &Tensor, members: &Adjacency, scale: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let place = "normalisation";
    let mean = members.mean(x)?;
    let mean = match scale {
        Some(scale) => mean.f_mul(scale).map_err(torch(place))?,
        None => mean,
    };
    let centred = x.f_sub(&members.from_destinations(&mean)?).map_err(torch(place))?;
    let variance = members.mean(&centred.f_square().map_err(torch(place))?)?;
    let scale = variance.f_add_scalar(eps).and_then(|v| v.f_rsqrt()).map_err(torch(place))?;
    centred.f_mul(&members.from_destinations(&scale)?).map_err(torch(place))
}
