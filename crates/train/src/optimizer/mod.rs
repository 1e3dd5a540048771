//! Optimisers whose state can be saved.

mod adam;
mod sgd;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor, nn};

use crate::{
    Error, Result,
    error::{setting, torch},
};

pub use adam::{AdamConfig, AdamWConfig};
pub use sgd::SgdConfig;

/// Which optimiser, and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba, ICLR 2015).
    Adam(AdamConfig),
    /// AdamW (Loshchilov and Hutter, ICLR 2019): weight decay apart from the gradient.
    AdamW(AdamWConfig),
    /// Stochastic gradient descent, with momentum.
    Sgd(SgdConfig),
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam(AdamConfig::default())
    }
}

/// An optimiser over the trainable variables of a store; it computes what `torch.optim` does.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    slots: BTreeMap<String, Slot>,
}

/// A parameter and what the optimiser remembers of it.
#[derive(Debug)]
struct Slot {
    parameter: Tensor,
    /// First moment, or momentum.
    first: Tensor,
    /// Second moment; Adam only.
    second: Option<Tensor>,
}

impl Optimizer {
    /// Over all variables of `vs` that require a gradient.
    ///
    /// # Errors
    /// Settings that make no sense; libtorch cannot allocate the state.
    pub fn new(vs: &nn::VarStore, config: OptimizerConfig) -> Result<Self> {
        match &config {
            OptimizerConfig::Adam(c) => c.check()?,
            OptimizerConfig::AdamW(c) => AdamConfig::from(*c).check()?,
            OptimizerConfig::Sgd(c) => c.check()?,
        }
        let two = !matches!(config, OptimizerConfig::Sgd(_));
        let slot = |(name, parameter): (String, Tensor)| -> Result<_> {
            let zeros = || parameter.f_zeros_like().and_then(|t| t.f_detach()).map_err(torch("optimiser"));
            let (first, second) = (zeros()?, two.then(zeros).transpose()?);
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

    /// Shortens gradients to a Euclidean norm of at most `each` one by one, then of at most `all` together (0: no
    /// limit), as `torch.nn.utils.clip_grad_norm_` does. Returns the norm of all before; gradients stay as they are
    /// when it is not finite.
    ///
    /// # Errors
    /// libtorch refuses a call.
    pub fn clip(&mut self, all: f64, each: f64) -> Result<f64> {
        let _guard = tch::no_grad_guard();
        let gradients = self.slots.values().map(|s| s.parameter.grad()).filter(Tensor::defined);
        clip(&mut gradients.collect::<Vec<_>>(), all, each).map_err(torch("gradient norm"))
    }

    /// One update with learning rate `rate`. Parameters without a gradient stay.
    ///
    /// # Errors
    /// libtorch refuses a call.
    pub fn step(&mut self, rate: f64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        for slot in self.slots.values_mut() {
            let gradient = slot.parameter.grad();
            if gradient.defined() {
                let update = match &self.config {
                    OptimizerConfig::Adam(c) => c.update(slot, gradient, rate, self.steps),
                    OptimizerConfig::AdamW(c) => c.update(slot, gradient, rate, self.steps),
                    OptimizerConfig::Sgd(c) => c.update(slot, gradient, rate),
                };
                update.map_err(torch("optimiser"))?;
            }
        }
        Ok(())
    }

    /// Moments by name of the parameter, as `NAME.first` and `NAME.second`; the number of steps is
    /// [`Optimizer::steps`].
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let both = |(name, s): (&String, &Slot)| {
            let first = Some((format!("{name}.first"), s.first.shallow_clone()));
            first.into_iter().chain(s.second.as_ref().map(|t| (format!("{name}.second"), t.shallow_clone())))
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
            let moments = [Some((&mut slot.first, "first")), slot.second.as_mut().map(|t| (t, "second"))];
            for (moment, kind) in moments.into_iter().flatten() {
                let saved = state.get(&format!("{name}.{kind}")).filter(|t| t.size() == moment.size());
                let lacking = || Error::State { name: format!("{name}.{kind}"), shape: moment.size() };
                let saved = saved.ok_or_else(lacking)?;
                moment.f_copy_(saved).map_err(torch("optimiser"))?;
            }
        }
        Ok(())
    }
}

/// Refuses a setting of the optimiser that is not `expected`.
fn sound(key: &str, value: f64, expected: &str, holds: impl Fn(f64) -> bool) -> Result<()> {
    if holds(value) { Ok(()) } else { Err(setting(format!("optimizer.{key}"), format!("{value} is not {expected}"))) }
}

fn clip(gradients: &mut [Tensor], all: f64, each: f64) -> Result<f64, TchError> {
    if gradients.is_empty() {
        return Ok(0.0);
    }
    let norms = gradients.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
    let mut norms = Vec::<f64>::try_from(Tensor::f_stack(&norms, 0)?.f_to_kind(tch::Kind::Double)?)?;
    let length = |norms: &[f64]| norms.iter().map(|n| n * n).sum::<f64>().sqrt();
    let before = length(&norms);
    if !before.is_finite() {
        return Ok(before);
    }
    if each > 0.0 {
        for (gradient, norm) in gradients.iter_mut().zip(&mut norms).filter(|(_, norm)| **norm > each) {
            let _ = gradient.f_mul_scalar_(each / *norm)?;
            *norm = each;
        }
    }
    let now = length(&norms);
    if all > 0.0 && now > all {
        for gradient in gradients {
            let _ = gradient.f_mul_scalar_(all / now)?;
        }
    }
    Ok(before)
}
