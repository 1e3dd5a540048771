//! Several losses at once.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{Loss, LossFunction, RankedLists, Squared, list_mle::ListMle};
use crate::{
    Result,
    error::{setting, torch},
};

/// Σ weight · loss. Each term has the checks of its own loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sum(pub Vec<Weighted>);

/// A term of [`Sum`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Its factor.
    pub weight: f64,
    /// The loss.
    pub loss: Loss,
}

impl Default for Sum {
    /// The order first, and a weak hold on the values.
    fn default() -> Self {
        let order = Weighted { weight: 1.0, loss: ListMle::default().into() };
        Self(vec![order, Weighted { weight: 0.02, loss: Squared {}.into() }])
    }
}

impl LossFunction for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn formula(&self) -> &'static str {
        "Σ `weight` · `loss`"
    }

    fn check(&self) -> Result<()> {
        if self.0.is_empty() {
            return Err(setting("loss.sum", "no terms"));
        }
        self.0.iter().try_for_each(|term| match term.weight.is_finite() {
            true => term.loss.check(),
            false => Err(setting("loss.sum.weight", format!("{} is not finite", term.weight))),
        })
    }

    fn ranks(&self) -> bool {
        self.0.iter().any(|term| term.loss.ranks())
    }

    fn columns(&self) -> Option<usize> {
        self.0.iter().find_map(|term| term.loss.columns())
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let mut sum = Tensor::f_zeros([], (prediction.kind(), prediction.device())).map_err(torch("loss"))?;
        for Weighted { weight, loss } in &self.0 {
            let term = loss.term(prediction, target, lists)?;
            sum = term.f_mul_scalar(*weight).and_then(|t| sum.f_add(&t)).map_err(torch("loss"))?;
        }
        Ok(sum)
    }
}
