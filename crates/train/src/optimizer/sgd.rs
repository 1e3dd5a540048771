//! Stochastic gradient descent.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::{Slot, sound};
use crate::Result;

/// Settings of SGD, as `torch.optim.SGD` means them: v ← μ·v + g, θ ← θ − rate·v.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdConfig {
    /// μ.
    pub momentum: f64,
    /// Nesterov's: θ ← θ − rate·(g + μ·v).
    pub nesterov: bool,
    /// Weight decay, as a term of the gradient.
    pub decay: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: false, decay: 0.0 }
    }
}

impl SgdConfig {
    /// # Errors
    /// A momentum outside [0, 1), a decay that is negative or no number.
    pub(super) fn check(&self) -> Result<()> {
        sound("momentum", self.momentum, "within [0, 1)", |momentum| (0.0..1.0).contains(&momentum))?;
        sound("decay", self.decay, "0 or above", |decay| decay >= 0.0 && decay.is_finite())
    }

    pub(super) fn update(&self, slot: &mut Slot, gradient: Tensor, rate: f64) -> Result<(), TchError> {
        let gradient = match self.decay {
            0.0 => gradient,
            decay => gradient.f_add(&slot.parameter.f_mul_scalar(decay)?)?,
        };
        let _ = slot.first.f_mul_scalar_(self.momentum)?.f_add_(&gradient)?;
        let direction = if self.nesterov {
            gradient.f_add(&slot.first.f_mul_scalar(self.momentum)?)?
        } else {
            slot.first.shallow_clone()
        };
        slot.parameter.f_sub_(&direction.f_mul_scalar(rate)?).map(|_| ())
    }
}
