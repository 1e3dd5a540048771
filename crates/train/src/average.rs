//! Averaged weights.

use std::collections::BTreeMap;

use tch::{TchError, Tensor, nn};

use crate::{Error, Result, error::torch};

/// An exponential moving average of the weights, for validation and for the weights that are kept:
///
/// a ← d·a + (1 − d)·θ, d = min(decay, (1 + step) / (10 + step))
///
/// The second bound lets the first steps be forgotten quickly (as TensorFlow's `ExponentialMovingAverage` does).
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    pairs: BTreeMap<String, (Tensor, Tensor)>,
}

const SUFFIX: &str = "average";

impl Average {
    /// Starts at the weights of `vs`.
    pub fn new(vs: &nn::VarStore, decay: f64) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let pair = |(name, weight): (String, Tensor)| {
            let copy = weight.f_detach_copy().map_err(torch("weight average"))?;
            Ok((name, (weight, copy)))
        };
        Ok(Self { decay, pairs: vs.variables().into_iter().map(pair).collect::<Result<_>>()? })
    }

    /// Takes the weights after step `step`, counted from 1, into account.
    pub fn update(&mut self, step: u64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        let mut update = || {
            self.pairs.values_mut().try_for_each(|(weight, average)| average.f_lerp_(weight, 1.0 - decay).map(|_| ()))
        };
        update().map_err(torch("weight average"))
    }

    /// Exchanges the weights and their averages; a second call restores both.
    pub fn swap(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let mut swap = || {
            self.pairs.values_mut().try_for_each(|(weight, average)| -> Result<(), TchError> {
                // Values change places, not tensors: the model and the optimiser hold on to theirs.
                let kept = weight.f_detach_copy()?;
                weight.f_copy_(average)?;
                average.f_copy_(&kept)
            })
        };
        swap().map_err(torch("weight average"))
    }

    /// Averages as `NAME.average`.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.pairs.iter().map(|(name, (_, average))| (format!("{name}.{SUFFIX}"), average.shallow_clone())).collect()
    }

    /// Puts saved averages back.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (name, (_, average)) in &mut self.pairs {
            let name = format!("{name}.{SUFFIX}");
            let saved = state.get(&name).filter(|t| t.size() == average.size());
            let saved = saved.ok_or_else(|| Error::State { name, shape: average.size() })?;
            average.f_copy_(saved).map_err(torch("weight average"))?;
        }
        Ok(())
    }
}
