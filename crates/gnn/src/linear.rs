//! Affine map.

use std::cell::RefCell;

use tch::{Tensor, nn};

use crate::{Result, error::torch, init, native};

/// y = x·Wᵀ + b, with W and b drawn uniformly from ±1/√in, as NNLP, DIPPM and PyTorch do.
///
/// # Shapes
/// (n, in) → (n, out)
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    /// The weight packed for the matrix unit, and the version of the weight that it was made from.
    packed: RefCell<Option<(Version, Tensor)>>,
}

/// Address and number of changes.
type Version = (usize, i64);

/// Rows from which packing the weight anew in every step is repaid.
const MANY: i64 = 512;

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
        Ok(Self { weight, bias, packed: RefCell::default() })
    }

    /// Without bias, as graph convolutions of PyTorch Geometric draw it.
    pub(crate) fn glorot(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Self> {
        Ok(Self { weight: init::glorot(vs, "weight", &[outputs, inputs])?, bias: None, packed: RefCell::default() })
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
        if y.is_contiguous() && y.kind() == x.kind() && native::multiplies(x, &self.weight) {
            if let Some(packed) = self.packed()? {
                return native::add_linear_packed(&y, x, &packed);
            }
            if x.size()[0] >= MANY {
                return native::add_linear(&y, x, &self.weight);
            }
        }
        self.weight.f_tr().and_then(|w| y.f_addmm_(x, &w)).map_err(torch("linear"))
    }

    fn affine(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        if native::multiplies(x, &self.weight) {
            if let Some(packed) = self.packed()? {
                return native::linear_packed(x, &packed, self.weight.size()[0], bias);
            }
            if x.size()[0] >= MANY {
                return native::linear(x, &self.weight, bias);
            }
        }
        x.f_linear(&self.weight, bias).map_err(torch("linear"))
    }

    /// The packed weight, kept for as long as the weight does not change; `None` while gradients are recorded.
    fn packed(&self) -> Result<Option<Tensor>> {
        if !native::inference() {
            return Ok(None);
        }
        let version = (self.weight.data_ptr() as usize, self.weight.f_internal_version().map_err(torch("linear"))?);
        let mut kept = self.packed.borrow_mut();
        if kept.as_ref().is_none_or(|(v, _)| *v != version) {
            *kept = Some((version, native::pack(&self.weight)?));
        }
        Ok(kept.as_ref().map(|(_, packed)| packed.shallow_clone()))
    }
}
