//! What a loss refuses.

use tch::{Kind, TchError, Tensor};

use super::Loss;
use crate::{Error, Result, error::torch};

type Condition<'a> = dyn Fn(&Tensor) -> Result<Tensor, TchError> + 'a;

impl Loss {
    /// Checks the settings: δ and temperature above 0, margins not below 0, quantiles rising within (0, 1), a sum
    /// of at least one term with finite weights.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::Config(format!("loss `{}`: {what}", self.name())));
        match self {
            Self::Huber { delta: x } | Self::LogHuber { delta: x } | Self::ListMle { temperature: x }
                if !(*x > 0.0 && x.is_finite()) =>
            {
                refuse(format!("{x} is not above 0"))
            }
            Self::Differential { anchor } if !(*anchor >= 0.0 && anchor.is_finite()) => {
                refuse(format!("anchor {anchor} is below 0"))
            }
            Self::PairwiseHinge { margin } | Self::DiffMat { margin } if !(*margin >= 0.0 && margin.is_finite()) => {
                refuse(format!("margin {margin} is below 0"))
            }
            Self::Quantile { quantiles: q } => {
                let inside = q.iter().all(|&t| t > 0.0 && t < 1.0);
                if q.is_empty() || !inside || !q.is_sorted_by(|a, b| a < b) {
                    return refuse(format!("{q:?} are not quantiles rising within (0, 1)"));
                }
                Ok(())
            }
            Self::Sum(terms) if terms.is_empty() => refuse("no terms".into()),
            Self::Sum(terms) => terms.iter().try_for_each(|t| match t.weight.is_finite() {
                true => t.loss.check(),
                false => refuse(format!("weight {}", t.weight)),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_shapes(&self, prediction: &Tensor, target: &Tensor) -> Result<()> {
        let refuse = |what, found, expected| Err(Error::LossShape { loss: self.name(), what, found, expected });
        let (found, shape) = (prediction.size(), target.size());
        if shape.len() != 1 || shape[0] == 0 {
            return refuse("target", shape, vec![found.first().copied().unwrap_or(0).max(1)]);
        }
        let expected = match self.quantiles() {
            Some(quantiles) => vec![shape[0], quantiles.len() as i64],
            None => shape,
        };
        if found == expected { Ok(()) } else { refuse("prediction", found, expected) }
    }

    pub(super) fn check_targets(&self, y: &Tensor, what: &'static str, good: &Condition<'_>) -> Result<()> {
        let first = || -> Result<Option<(i64, f64)>, TchError> {
            let good = good(y)?;
            if bool::try_from(good.f_all()?)? {
                return Ok(None);
            }
            let index = good.f_to_kind(Kind::Int64)?.f_argmin(0, false)?;
            let value = f64::try_from(y.f_index_select(0, &index.f_reshape([1])?)?.f_reshape([0i64; 0])?)?;
            Ok(Some((i64::try_from(index)?, value)))
        };
        match first().map_err(torch("loss"))? {
            None => Ok(()),
            Some((index, value)) => Err(Error::LossTarget { loss: self.name(), index, value, what }),
        }
    }
}
