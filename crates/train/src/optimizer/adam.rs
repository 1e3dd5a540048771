//! Adam and AdamW.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{Slot, sound};
use crate::Result;

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
        let share = |beta: f64| (0.0..1.0).contains(&beta);
        sound("beta1", self.beta1, "within [0, 1)", share)?;
        sound("beta2", self.beta2, "within [0, 1)", share)?;
        let size = |x: f64| x >= 0.0 && x.is_finite();
        sound("eps", self.eps, "0 or above", size)?;
        sound("decay", self.decay, "0 or above", size)
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
        // In PyTorch's order: the root is corrected before ε is added. Libtorch counts its own changes in place, and
        // packed weights (`Linear`) ask for that count; whoever wrote to the memory himself would leave them stale.
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
