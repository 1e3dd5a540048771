//! Affine map.

use tch::{Tensor, nn};

use crate::{Result, error::torch};

/// y = x·Wᵀ + b, with W and b drawn uniformly from ±1/√in, as NNLP, DIPPM and PyTorch do.
///
/// # Shapes
/// (n, in) → (n, out)
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Adds `weight` and, if asked, `bias` under `vs`.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, bias: bool) -> Result<Self> {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        let init = nn::Init::Uniform { lo: -bound, up: bound };
        let weight = vs.f_var("weight", &[outputs, inputs], init).map_err(torch("linear"))?;
        let bias = bias.then(|| vs.f_var("bias", &[outputs], init)).transpose().map_err(torch("linear"))?;
        Ok(Self { weight, bias })
    }

    /// Applies the map: (n, in) → (n, out).
    ///
    /// # Errors
    /// `x` has another width.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.f_linear(&self.weight, self.bias.as_ref()).map_err(torch("linear"))
    }

    /// x·Wᵀ, without the bias.
    pub(crate) fn project(&self, x: &Tensor) -> Result<Tensor> {
        x.f_linear(&self.weight, None::<&Tensor>).map_err(torch("linear"))
    }

    /// x + b.
    pub(crate) fn shift(&self, x: Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => x.f_add(bias).map_err(torch("linear")),
            None => Ok(x),
        }
    }
}
