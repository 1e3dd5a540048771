//! LambdaRank.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{LossFunction, RankedLists, function::Torch};
use crate::{Result, error::torch};

/// Least σ and least σ^w.
const LEAST: f64 = 1e-10;
/// Stands for −∞ where there is no sample.
const ABSENT: f64 = -1e30;

/// Pairwise logistic loss weighted by what swapping the pair changes in NDCG, as TenSet and TLP use it
/// (allRank's formula; Burges et al., "Learning to rank with nonsmooth cost functions", NIPS 2006):
///
/// −Σ_{i,j: yᵢ > yⱼ} w_ij log₂ σ(ŷᵢ − ŷⱼ), w_ij = |1/Dᵢ − 1/Dⱼ|·|Gᵢ − Gⱼ|, D = log₂(1 + rank by ŷ),
/// G = (2^y − 1)/max DCG; mean over lists. σ and σ^w are kept above 10⁻¹⁰.
///
/// Targets are relevances, best first, in TenSet and TLP `min cost / cost` of the program within its task;
/// negative ones count 0. Equal predictions are ranked least relevant first. No gradient flows through w.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LambdaRank {}

impl LossFunction for LambdaRank {
    fn name(&self) -> &'static str {
        "lambda-rank"
    }

    fn formula(&self) -> &'static str {
        "−Σ(i,j: yᵢ > yⱼ) w log₂ σ(ŷᵢ − ŷⱼ), w what swapping the two changes in NDCG"
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        lambda_rank(prediction, target, RankedLists::required(lists, self.name(), target)?).map_err(torch("loss"))
    }
}

fn lambda_rank(prediction: &Tensor, target: &Tensor, lists: &RankedLists) -> Torch {
    let weights = {
        let _guard = tch::no_grad_guard();
        weights(&prediction.f_detach()?, target, lists)?
    };
    let log = lists.differences(prediction)?.f_log_sigmoid()?.f_clamp_min(LEAST.ln())?;
    let costs = log.f_mul(&weights)?.f_clamp_min(LEAST.ln())?.f_div_scalar(-LN_2)?;
    let chosen = lists.differences(target)?.f_gt(0.0)?.f_logical_and(&lists.pairs()?)?;
    costs.f_mul(&chosen.f_to_kind(costs.kind())?)?.f_sum(None)?.f_div_scalar(lists.lists() as f64)
}

/// |1/Dᵢ − 1/Dⱼ|·|Gᵢ − Gⱼ|: (L, M, M). Places without a sample have gain 0 and the last ranks.
fn weights(prediction: &Tensor, target: &Tensor, lists: &RankedLists) -> Torch {
    let gains = target.f_clamp_min(0.0)?.f_exp2()?.f_sub_scalar(1.0)?;
    let gains = lists.pad(&gains, 0.0)?;
    let places = Tensor::f_arange_start(2.0, (gains.size()[1] + 2) as f64, (gains.kind(), gains.device()))?;
    let discounts = places.f_log2()?.f_reciprocal()?;

    let (best, _) = gains.f_sort(1, true)?;
    let ideal = best.f_mul(&discounts)?.f_sum_dim_intlist(&[1i64][..], true, None)?.f_clamp_min(LEAST)?;
    let gains = gains.f_div(&ideal)?;

    // Ranks by prediction, and by falling relevance from the end among equals.
    let (_, by_target) = lists.pad(target, ABSENT)?.f_sort_stable(true, 1, false)?;
    let scores = lists.pad(prediction, ABSENT)?.f_gather(1, &by_target, false)?;
    let (_, by_score) = scores.f_sort_stable(true, 1, true)?;
    let order = by_target.f_gather(1, &by_score, false)?;
    let ranks = order.f_argsort(1, false)?.f_to_kind(Kind::Int64)?;
    let discounts = discounts.f_expand_as(&ranks)?.f_gather(1, &ranks, false)?;

    let across = |x: &Tensor| x.f_unsqueeze(2)?.f_sub(&x.f_unsqueeze(1)?)?.f_abs();
    across(&discounts)?.f_mul(&across(&gains)?)
}
