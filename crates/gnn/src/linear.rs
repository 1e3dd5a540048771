//! Affine map.

use tachograph_gnn_kernels::MatrixUnit;
use tch::{Tensor, nn};

use crate::{Result, error::torch, init};

/// y = x·Wᵀ + b, with W and b drawn uniformly from ±1/√in, as NNLP, DIPPM and PyTorch do.
///
/// # Shapes
/// (n, in) → (n, out)
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    unit: MatrixUnit,
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
        Ok(Self { weight, bias, unit: MatrixUnit::default() })
    }

    /// Without bias, as graph convolutions of PyTorch Geometric draw it.
    pub(crate) fn glorot(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Self> {
        Ok(Self { weight: init::glorot(vs, "weight", &[outputs, inputs])?, bias: None, unit: MatrixUnit::default() })
    }

    /// W, (out, in).
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Applies the map: (n, in) → (n, out).
    ///
    /// # Errors
    /// `x` has another width.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.affine(x, self.bias.as_ref())
    }

    /// x·Wᵀ, without the bias.
    pub(crate) fn project(&self, x: &Tensor) -> Result<Tensor> {
        self.affine(x, None)
    }

    /// x + b.
    pub(crate) fn shift(&self, x: Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => x.f_add(bias).map_err(torch("linear")),
            None => Ok(x),
        }
    }

    /// x·Wᵀ + `bias` instead of its own.
    pub(crate) fn with_bias(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        self.affine(x, bias)
    }

    /// y + x·Wᵀ in place of y; its own bias is left out.
    pub(crate) fn add_to(&self, mut y: Tensor, x: &Tensor) -> Result<Tensor> {
        if let Some(sum) = self.unit.add_linear(&y, x, &self.weight).map_err(torch("linear"))? {
            return Ok(sum);
        }
        self.weight.f_tr().and_then(|w| y.f_addmm_(x, &w)).map_err(torch("linear"))
    }

    fn affine(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        match self.unit.linear(x, &self.weight, bias).map_err(torch("linear"))? {
            Some(y) => Ok(y),
            None => x.f_linear(&self.weight, bias).map_err(torch("linear")),
        }
    }
}
