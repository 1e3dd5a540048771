//! RankNet.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{LossFunction, RankedLists, function::Torch};
use crate::{Result, error::torch};

/// Cross entropy of the order of every pair (Burges et al., "Learning to rank using gradient descent", ICML
/// 2005), mean over pairs, then over lists:
///
/// log(1 + exp(−d)) + (1 − P̄)·d, d = ŷᵢ − ŷⱼ, P̄ = 1, ½ or 0 as yᵢ is above, equal to or below yⱼ.
///
/// Unlike [`PairwiseLogistic`](super::PairwiseLogistic) it draws predictions of equal targets together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankNet {}

impl LossFunction for RankNet {
    fn name(&self) -> &'static str {
        "rank-net"
    }

    fn formula(&self) -> &'static str {
        "mean over pairs log(1 + exp(−d)) + (1 − P)·d, d = ŷᵢ − ŷⱼ, P = 1, ½, 0 where yᵢ >, =, < yⱼ"
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        rank_net(prediction, target, RankedLists::required(lists, self.name(), target)?).map_err(torch("loss"))
    }
}

fn rank_net(prediction: &Tensor, target: &Tensor, lists: &RankedLists) -> Torch {
    let d = lists.differences(prediction)?;
    // 1 − P̄ = (1 − sign(yᵢ − yⱼ))/2.
    let below = lists.differences(target)?.f_sign()?.f_neg()?.f_add_scalar(1.0)?.f_div_scalar(2.0)?;
    let costs = d.f_neg()?.f_softplus()?.f_add(&below.f_mul(&d)?)?;
    lists.mean_over_pairs(&costs, &lists.upper()?)
}
