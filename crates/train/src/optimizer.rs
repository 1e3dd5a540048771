//! Adam, with a state that can be saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use crate::{Error, Result, error::torch};

/// Settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// Adam (Kingma and Ba, ICLR 2015), as `torch.optim.Adam` computes it without weight decay.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    slots: BTreeMap<String, Slot>,
}

#[derive(Debug)]
struct Slot {
    parameter: Tensor,
    first: Tensor,
    second: Tensor,
}

impl Adam {
    /// Over all trainable variables of `vs`.
    ///
    /// # Errors
    /// libtorch cannot allocate the moments.
    pub fn new(vs: &nn::VarStore, config: AdamConfig) -> Result<Self> {
        let slot = |(name, parameter): (String, Tensor)| -> Result<_> {
            let zeros = || parameter.f_zeros_like().and_then(|t| t.f_detach()).map_err(torch("Adam"));
            let (first, second) = (zeros()?, zeros()?);
            Ok((name, Slot { parameter, first, second }))
        };
        let trainable = vs.variables().into_iter().filter(|(_, t)| t.requires_grad());
        Ok(Self { config, steps: 0, slots: trainable.map(slot).collect::<Result<_>>()? })
    }

    /// Forgets the gradients.
    pub fn zero_grad(&mut self) {
        self.slots.values_mut().for_each(|s| s.parameter.zero_grad());
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Shortens the gradients, all together, to a Euclidean norm of at most `limit` (0: no limit), as
    /// `torch.nn.utils.clip_grad_norm_` does. Returns the norm before; gradients stay as they are when it is
    /// not finite.
    ///
    /// # Errors
    /// libtorch refuses a call.
    pub fn clip(&mut self, limit: f64) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let gradients = self.slots.values().map(|s| s.parameter.grad()).filter(Tensor::defined);
        let mut gradients: Vec<Tensor> = gradients.collect();
        if gradients.is_empty() {
            return Ok(0.0);
        }
        let norm = || {
            let each = gradients.iter().map(Tensor::f_norm).collect::<std::result::Result<Vec<_>, _>>()?;
            f64::try_from(Tensor::f_stack(&each, 0)?.f_norm()?)
        };
        let norm = norm().map_err(torch("gradient norm"))?;
        if limit > 0.0 && norm > limit && norm.is_finite() {
            for gradient in &mut gradients {
                let _ = gradient.f_mul_scalar_(limit / norm).map_err(torch("gradient norm"))?;
            }
        }
        Ok(norm)
    }

    /// One update with learning rate `rate`. Parameters without a gradient stay.
    ///
    /// # Errors
    /// libtorch refuses a call.
    pub fn step(&mut self, rate: f64) -> Result<()> {
        let AdamConfig { beta1, beta2, eps } = self.config;
        self.steps += 1;
        let (correct1, correct2) = (1.0 - beta1.powf(self.steps as f64), 1.0 - beta2.powf(self.steps as f64));
        let _guard = tch::no_grad_guard();
        for slot in self.slots.values_mut() {
            let gradient = slot.parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let mut update = || {
                let _ = slot.first.f_lerp_(&gradient, 1.0 - beta1)?;
                let _ =
                    slot.second.f_mul_scalar_(beta2)?.f_addcmul_(&gradient.f_mul_scalar(1.0 - beta2)?, &gradient)?;
                let root = slot.second.f_sqrt()?.f_div_scalar_(correct2.sqrt())?.f_add_scalar_(eps)?;
                slot.parameter.f_addcdiv_(&slot.first.f_mul_scalar(-rate / correct1)?, &root).map(|_| ())
            };
            update().map_err(torch("Adam"))?;
        }
        Ok(())
    }

    /// Moments by name; the number of steps is [`Adam::steps`].
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let both = |(name, s): (&String, &Slot)| {
            [(format!("{name}.first"), s.first.shallow_clone()), (format!("{name}.second"), s.second.shallow_clone())]
        };
        self.slots.iter().flat_map(both).collect()
    }

    /// Puts a saved state back.
    ///
    /// # Errors
    /// A moment is missing or has another shape.
    pub fn restore(&mut self, steps: u64, state: &BTreeMap<String, Tensor>) -> Result<()> {
        self.steps = steps;
        let _guard = tch::no_grad_guard();
        for (name, slot) in &mut self.slots {
            for (moment, kind) in [(&mut slot.first, "first"), (&mut slot.second, "second")] {
                let saved = state.get(&format!("{name}.{kind}")).filter(|t| t.size() == moment.size());
                let saved = saved.ok_or_else(|| Error::Config(format!("optimiser state lacks `{name}.{kind}`")))?;
                moment.f_copy_(saved).map_err(torch("Adam"))?;
            }
        }
        Ok(())
    }
}
