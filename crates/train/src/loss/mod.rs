//! What training minimises, one loss or one small family a file.
//!
//! Every loss is a mean that does not grow with the batch: pointwise losses are means over samples, ranking
//! losses means over lists.

mod check;
mod differential;
mod lambda_rank;
mod list_mle;
mod list_net;
mod mixed;
mod pairwise;
mod pointwise;
mod quantile;
mod relative;
mod segments;

use serde::{Deserialize, Serialize};
use tch::Tensor;

pub use mixed::Mixed;
pub use segments::Segments;

use crate::{Error, Result, error::torch};

/// What training minimises. ŷ is the prediction, y the target; both have n values.
///
/// In a TOML file a loss without settings is its name, one with settings a table, whose missing keys have
/// defaults:
///
/// ```toml
/// loss = "relative-squared"
/// loss = { huber = { delta = 0.5 } }
/// loss = { sum = [{ weight = 1.0, loss = { list-mle = { temperature = 10.0 } } }, { weight = 0.02, loss = "squared" }] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Loss {
    /// mean((ŷ − y)²), the mean squared error.
    #[serde(alias = "mse")]
    Squared,
    /// mean |ŷ − y|, the mean absolute error.
    #[serde(alias = "mae")]
    Absolute,
    /// mean of ½d² where |d| ≤ δ and δ(|d| − ½δ) elsewhere, d = ŷ − y (Huber, 1964; `torch.nn.HuberLoss`).
    Huber {
        /// δ > 0: where the parabola becomes a line, in the unit of the target.
        #[serde(default = "one")]
        delta: f64,
    },
    /// mean((ŷ/y − 1)²), NNLP's (Liu et al., ICPP 2022).
    #[default]
    RelativeSquared,
    /// mean |ŷ/y − 1|, the mean absolute percentage error as a fraction.
    #[serde(alias = "mape")]
    RelativeAbsolute,
    /// mean((ln ŷ − ln y)²). Targets must be positive; the model must predict positive values.
    LogSquared,
    /// The Huber loss of ln ŷ − ln y. Targets must be positive; the model must predict positive values.
    LogHuber {
        /// δ > 0: where the parabola becomes a line.
        #[serde(default = "one")]
        delta: f64,
    },
    /// Differences within a list, for a model that should tell what a change of a network costs (after Li et al.,
    /// Journal of Beihang University 48(12), 2022; the form is ours), with a weak hold on the times themselves:
    ///
    /// [mean over pairs i < j of ((ŷᵢ − ŷⱼ) − (yᵢ − yⱼ))² + anchor · mean((ŷ − y)²)] / σ², σ² the variance of the
    /// batch's targets, at least 10⁻⁶ of their mean square
    Differential {
        /// Weight of the times themselves, not below 0.
        #[serde(default = "tenth")]
        anchor: f64,
    },
    /// Likelihood of the true order under the Plackett–Luce model of the scores s = ŷ/T (Xia et al.,
    /// "Listwise approach to learning to rank", ICML 2008; the temperature T is TensorFlow Ranking's, 10 in
    /// TpuGraphs' models):
    ///
    /// Σᵢ [ log Σ_{k: yₖ ≤ yᵢ} exp sₖ − sᵢ ], mean over lists.
    ///
    /// Equal targets share one denominator (Breslow's rule for tied times), so that the order within a batch
    /// does not matter. Without ties this is the published loss.
    ListMle {
        /// T > 0.
        #[serde(default = "one")]
        temperature: f64,
    },
    /// Cross entropy between the softmax of targets and of predictions within a list (Cao et al., "Learning to
    /// rank: from pairwise approach to listwise approach", ICML 2007; one of TenSet's losses):
    ///
    /// −Σᵢ softmax(y)ᵢ log softmax(ŷ)ᵢ, mean over lists.
    ListNet,
    /// Σ_{i,j: yᵢ > yⱼ} max(0, margin − (ŷᵢ − ŷⱼ)) / (m(m − 1)/2) for a list of m, mean over lists (Kaufman et al.,
    /// "A learned performance model for tensor processing units", MLSys 2021, with margin 1; GST with 0.1).
    /// A list of one counts 0.
    PairwiseHinge {
        /// Difference that costs nothing, in the unit of the prediction.
        #[serde(default = "one")]
        margin: f64,
    },
    /// Σ_{i,j: yᵢ > yⱼ} log(1 + exp(ŷⱼ − ŷᵢ)) / (m(m − 1)/2) for a list of m, mean over lists (Kaufman et al., as
    /// above). Pairs with equal targets and lists of one count 0.
    PairwiseLogistic,
    /// Cross entropy of the order of every pair (Burges et al., "Learning to rank using gradient descent", ICML
    /// 2005), mean over pairs, then over lists:
    ///
    /// log(1 + exp(−d)) + (1 − P̄)·d, d = ŷᵢ − ŷⱼ, P̄ = 1, ½ or 0 as yᵢ is above, equal to or below yⱼ.
    ///
    /// Unlike [`Loss::PairwiseLogistic`] it draws predictions of equal targets together.
    RankNet,
    /// Pairwise logistic loss weighted by what swapping the pair changes in NDCG, as TenSet and TLP use it
    /// (allRank's formula; Burges et al., "Learning to rank with nonsmooth cost functions", NIPS 2006):
    ///
    /// −Σ_{i,j: yᵢ > yⱼ} w_ij log₂ σ(ŷᵢ − ŷⱼ), w_ij = |1/Dᵢ − 1/Dⱼ|·|Gᵢ − Gⱼ|, D = log₂(1 + rank by ŷ),
    /// G = (2^y − 1)/max DCG; mean over lists. σ and σ^w are kept above 10⁻¹⁰.
    ///
    /// Targets are relevances, best first, in TenSet and TLP `min cost / cost` of the program within its task;
    /// negative ones count 0. Equal predictions are ranked least relevant first. No gradient flows through w.
    LambdaRank,
    /// mean over pairs i < j of max(0, margin − sign(yᵢ − yⱼ)(ŷᵢ − ŷⱼ)), mean over lists: the margin ranking loss on
    /// the upper triangle of the matrix of differences (the 2nd place of Kaggle's "Google – Fast or Slow?",
    /// `Obs01ete/kaggle_latenciaga`). Equal targets add the constant margin; a list of one counts 0.
    DiffMat {
        /// Difference that costs nothing, in the unit of the prediction.
        #[serde(default = "hundredth")]
        margin: f64,
    },
    /// Pinball loss of several quantiles (Koenker and Bassett, "Regression quantiles", 1978), for predicted
    /// intervals; predictions are (n, quantiles):
    ///
    /// mean over samples and quantiles of max(τu, (τ − 1)u), u = y − ŷ_τ.
    Quantile {
        /// τ in (0, 1), rising; one column of the prediction each.
        quantiles: Vec<f64>,
    },
    /// Σ weight · loss.
    Sum(Vec<Weighted>),
}

/// A term of [`Loss::Sum`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Its factor.
    pub weight: f64,
    /// The loss.
    pub loss: Loss,
}

fn one() -> f64 {
    1.0
}
fn tenth() -> f64 {
    0.1
}
fn hundredth() -> f64 {
    0.01
}

impl Loss {
    /// The loss of a batch, a scalar with a gradient in `prediction`.
    ///
    /// # Shapes
    /// `prediction` and `target` are (n); for [`Loss::Quantile`] `prediction` is (n, quantiles).
    /// Ranking losses need `segments` of n samples; the others ignore them.
    ///
    /// # Errors
    /// Settings that [`Loss::check`] refuses, other shapes, a ranking loss without segments, a target that is not
    /// finite, a target of 0 in a relative loss, or not above 0 in a logarithmic one.
    pub fn value(&self, prediction: &Tensor, target: &Tensor, segments: Option<&Segments>) -> Result<Tensor> {
        self.check()?;
        self.check_shapes(prediction, target)?;
        self.check_targets(target, "finite", &|y| y.f_isfinite())?;
        self.term(prediction, target, segments)
    }

    fn term(&self, prediction: &Tensor, target: &Tensor, segments: Option<&Segments>) -> Result<Tensor> {
        self.check_shapes(prediction, target)?;
        match self {
            Self::RelativeSquared | Self::RelativeAbsolute => {
                self.check_targets(target, "other than 0", &|y| y.f_ne(0.0))?;
            }
            Self::LogSquared | Self::LogHuber { .. } => self.check_targets(target, "above 0", &|y| y.f_gt(0.0))?,
            _ => {}
        }
        let (p, y) = (prediction, target);
        let lists = || {
            let segments = segments.ok_or(Error::LossWithoutSegments { loss: self.name() })?;
            let n = target.size()[0];
            if segments.samples() == n {
                return Ok(segments);
            }
            let found = vec![segments.samples()];
            Err(Error::LossShape { loss: self.name(), what: "segments", found, expected: vec![n] })
        };
        let value = match self {
            Self::Squared => pointwise::squared(p, y),
            Self::Absolute => pointwise::absolute(p, y),
            Self::Huber { delta } => pointwise::huber(p, y, *delta),
            Self::RelativeSquared => relative::squared(p, y),
            Self::RelativeAbsolute => relative::absolute(p, y),
            Self::LogSquared => relative::log_squared(p, y),
            Self::LogHuber { delta } => relative::log_huber(p, y, *delta),
            Self::Differential { anchor } => differential::differential(p, y, lists()?, *anchor),
            Self::ListMle { temperature } => list_mle::list_mle(p, y, lists()?, *temperature),
            Self::ListNet => list_net::list_net(p, y, lists()?),
            Self::PairwiseHinge { margin } => pairwise::hinge(p, y, lists()?, *margin),
            Self::PairwiseLogistic => pairwise::logistic(p, y, lists()?),
            Self::RankNet => pairwise::rank_net(p, y, lists()?),
            Self::DiffMat { margin } => pairwise::diff_mat(p, y, lists()?, *margin),
            Self::LambdaRank => lambda_rank::lambda_rank(p, y, lists()?),
            Self::Quantile { quantiles } => quantile::pinball(p, y, quantiles),
            Self::Sum(terms) => {
                let mut sum = Tensor::f_zeros([], (p.kind(), p.device())).map_err(torch("loss"))?;
                for Weighted { weight, loss } in terms {
                    let term = loss.term(p, y, segments)?;
                    sum = term.f_mul_scalar(*weight).and_then(|t| sum.f_add(&t)).map_err(torch("loss"))?;
                }
                Ok(sum)
            }
        };
        value.map_err(torch("loss"))
    }

    /// True when [`Loss::value`] needs segments.
    pub fn ranks(&self) -> bool {
        match self {
            Self::Sum(terms) => terms.iter().any(|t| t.loss.ranks()),
            Self::ListMle { .. } | Self::ListNet | Self::PairwiseHinge { .. } | Self::PairwiseLogistic => true,
            Self::RankNet | Self::LambdaRank | Self::DiffMat { .. } | Self::Differential { .. } => true,
            _ => false,
        }
    }

    /// The quantiles that a model must predict for this loss, one column each.
    pub fn quantiles(&self) -> Option<&[f64]> {
        match self {
            Self::Quantile { quantiles } => Some(quantiles),
            Self::Sum(terms) => terms.iter().find_map(|t| t.loss.quantiles()),
            _ => None,
        }
    }

    /// Its name in a config.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Squared => "squared",
            Self::Absolute => "absolute",
            Self::Huber { .. } => "huber",
            Self::RelativeSquared => "relative-squared",
            Self::RelativeAbsolute => "relative-absolute",
            Self::LogSquared => "log-squared",
            Self::LogHuber { .. } => "log-huber",
            Self::Differential { .. } => "differential",
            Self::ListMle { .. } => "list-mle",
            Self::ListNet => "list-net",
            Self::PairwiseHinge { .. } => "pairwise-hinge",
            Self::PairwiseLogistic => "pairwise-logistic",
            Self::RankNet => "rank-net",
            Self::LambdaRank => "lambda-rank",
            Self::DiffMat { .. } => "diff-mat",
            Self::Quantile { .. } => "quantile",
            Self::Sum(_) => "sum",
        }
    }
}

type Torch = Result<Tensor, tch::TchError>;
