//! ListNet.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{LossFunction, RankedLists, function::Torch};
use crate::{Result, error::torch};

/// Stands for −∞ where there is no sample, without its NaN gradients.
const ABSENT: f64 = -1e30;

/// Cross entropy between the softmax of targets and of predictions within a list (Cao et al., "Learning to
/// rank: from pairwise approach to listwise approach", ICML 2007; one of TenSet's losses):
///
/// −Σᵢ softmax(y)ᵢ log softmax(ŷ)ᵢ, mean over lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListNet {}

impl LossFunction for ListNet {
    fn name(&self) -> &'static str {
        "list-net"
    }

    fn formula(&self) -> &'static str {
        "−Σᵢ softmax(y)ᵢ log softmax(ŷ)ᵢ"
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        list_net(prediction, target, RankedLists::required(lists, self.name(), target)?).map_err(torch("loss"))
    }
}

fn list_net(prediction: &Tensor, target: &Tensor, lists: &RankedLists) -> Torch {
    let wanted = lists.pad(target, ABSENT)?.f_softmax(1, None)?;
    let log = lists.pad(prediction, ABSENT)?.f_log_softmax(1, None)?;
    // The logarithm is −10³⁰ at places without a sample; times a share of 0 it would be no number in a gradient.
    let log = log.f_masked_fill(&lists.mask().f_logical_not()?, 0.0)?;
    wanted.f_mul(&log)?.f_sum(None)?.f_div_scalar(-lists.lists() as f64)
}
