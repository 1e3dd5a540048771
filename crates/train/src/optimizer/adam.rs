//! Adam and AdamW.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

use super::Slot;
use crate::{Error, Result};

/// Settings of Adam, as `torch.optim.Adam` means them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Weight decay, as a term of the gradient.
    pub decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.0 }
    }
}

/// Settings of AdamW, as `torch.optim.AdamW` means them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Weight decay: each step shortens a parameter by this share times the rate.
    pub decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.01 }
    }
}

impl From<AdamWConfig> for AdamConfig {
    fn from(AdamWConfig { beta1, beta2, eps, decay }: AdamWConfig) -> Self {
        Self { beta1, beta2, eps, decay }
    }
}

impl AdamConfig {
    /// # Errors
    /// A β outside [0, 1), or an ε or decay that is negative or no number.
    pub(super) fn check(&self) -> Result<()> {
        let sound = [self.beta1, self.beta2].iter().all(|b| (0.0..1.0).contains(b))
            && [self.eps, self.decay].iter().all(|x| *x >= 0.0 && x.is_finite());
        if sound { Ok(()) } else { Err(Error::Config(format!("optimiser: {self:?} makes no sense"))) }
    }

    pub(super) fn update(&self, slot: &mut Slot, gradient: Tensor, rate: f64, step: u64) -> Result<(), TchError> {
        let gradient = match self.decay {
            0.0 => gradient,
            decay => gradient.f_add(&slot.parameter.f_mul_scalar(decay)?)?,
        };
        self.moments(slot, &gradient, rate, step)
    }

    fn moments(&self, slot: &mut Slot, gradient: &Tensor, rate: f64, step: u64) -> Result<(), TchError> {
        let Self { beta1, beta2, eps, .. } = *self;
        let (correct1, correct2) = (1.0 - beta1.powf(step as f64), 1.0 - beta2.powf(step as f64));
        let Some(second) = &mut slot.second else { return Ok(()) };
        let tensors = [&slot.parameter, gradient, &slot.first, second];
        if tensors.iter().all(|t| t.device() == Device::Cpu && t.kind() == Kind::Float && t.is_contiguous()) {
            let one = Fused { beta1, beta2, eps, rate: rate / correct1, root: correct2.sqrt() };
            one.pass(&mut slot.parameter, gradient, &mut slot.first, second);
            // Writing to memory passes libtorch by: an empty change raises the version by which what is derived from a
            // parameter (a packed weight) is known to be out of date.
            return slot.parameter.f_flatten(0, -1)?.f_narrow(0, 0, 0)?.f_zero_().map(|_| ());
        }
        let _ = slot.first.f_lerp_(gradient, 1.0 - beta1)?;
        let _ = second.f_mul_scalar_(beta2)?.f_addcmul_(&gradient.f_mul_scalar(1.0 - beta2)?, gradient)?;
        let root = second.f_sqrt()?.f_div_scalar_(correct2.sqrt())?.f_add_scalar_(eps)?;
        slot.parameter.f_addcdiv_(&slot.first.f_mul_scalar(-rate / correct1)?, &root).map(|_| ())
    }
}

impl AdamWConfig {
    pub(super) fn update(&self, slot: &mut Slot, gradient: Tensor, rate: f64, step: u64) -> Result<(), TchError> {
        if self.decay != 0.0 {
            let _ = slot.parameter.f_mul_scalar_(1.0 - rate * self.decay)?;
        }
        AdamConfig::from(*self).moments(slot, &gradient, rate, step)
    }
}

/// The update in one pass over memory; libtorch's fused kernel is not among what `tch` binds.
struct Fused {
    beta1: f64,
    beta2: f64,
    eps: f64,
    /// Rate over the correction of the first moment.
    rate: f64,
    /// Root of the correction of the second moment.
    root: f64,
}

impl Fused {
    /// All four are contiguous, in f32, on the CPU, and of one size.
    fn pass(&self, parameter: &mut Tensor, gradient: &Tensor, first: &mut Tensor, second: &mut Tensor) {
        let n = [gradient, first, second].iter().map(|t| t.numel()).fold(parameter.numel(), usize::min);
        let at = |t: &Tensor| t.data_ptr().cast::<f32>();
        // SAFETY: each tensor holds at least n contiguous numbers of f32 in memory of its own; n = 0 is left out, where
        // there may be no memory. Nothing else reads or writes them meanwhile: the optimiser is borrowed mutably, and
        // gradients have been computed.
        let (p, g, m, v) = unsafe {
            if n == 0 {
                return;
            }
            (
                std::slice::from_raw_parts_mut(at(parameter), n),
                std::slice::from_raw_parts(at(gradient), n),
                std::slice::from_raw_parts_mut(at(first), n),
                std::slice::from_raw_parts_mut(at(second), n),
            )
        };
        let [keep1, keep2, eps, rate, root] =
            [self.beta1, self.beta2, self.eps, self.rate, 1.0 / self.root].map(|x| x as f32);
        let [take1, take2] = [1.0 - self.beta1, 1.0 - self.beta2].map(|x| x as f32);
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            *m = keep1 * *m + take1 * g;
            *v = keep2 * *v + take2 * g * g;
            *p -= rate * *m / (v.sqrt() * root + eps);
        }
    }
}
