//! What boosting minimises.

use std::ops::Range;

/// What is learned of each program.
#[derive(Clone, Debug)]
pub enum Objective<'a> {
    /// ½ (score − target)², by weight.
    Squared {
        /// What scores should be.
        targets: &'a [f64],
        /// How much each counts; none: all 1.
        weights: &'a [f64],
    },
    /// LambdaMART (Burges, 2010): pairs of a list by what swapping them changes in NDCG, as in TenSet's LambdaRank.
    Lambda {
        /// How good each is, from 0; `min cost / cost` in TenSet.
        relevance: &'a [f64],
        /// The lists, one after the other.
        lists: &'a [Range<usize>],
    },
}

impl Objective<'_> {
    /// How many programs.
    pub fn len(&self) -> usize {
        match self {
            Self::Squared { targets, .. } => targets.len(),
            Self::Lambda { relevance, .. } => relevance.len(),
        }
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score that all begin with.
    pub(super) fn start(&self) -> f64 {
        match self {
            Self::Squared { targets, weights } => {
                let weight = |i: usize| weights.get(i).copied().unwrap_or(1.0);
                let total: f64 = (0..targets.len()).map(weight).sum();
                targets.iter().enumerate().map(|(i, y)| weight(i) * y).sum::<f64>() / total.max(f64::MIN_POSITIVE)
            }
            Self::Lambda { .. } => 0.0,
        }
    }

    /// Gradient and curvature of each program.
    pub(super) fn gradients(&self, scores: &[f64]) -> Vec<[f32; 2]> {
        match self {
            Self::Squared { targets, weights } => {
                let one = |(i, (score, target)): (usize, (&f64, &f64))| {
                    let weight = weights.get(i).copied().unwrap_or(1.0);
                    [(weight * (score - target)) as f32, weight as f32]
                };
                scores.iter().zip(*targets).enumerate().map(one).collect()
            }
            Self::Lambda { relevance, lists } => {
                let mut all = vec![[0.0; 2]; scores.len()];
                for list in *lists {
                    lambda(&scores[list.clone()], &relevance[list.clone()], &mut all[list.clone()]);
                }
                all
            }
        }
    }
}

/// Of a list. Each is divided by the sum of all its pairs' weights, so that long lists do not drown short ones.
fn lambda(scores: &[f64], relevance: &[f64], out: &mut [[f32; 2]]) {
    let n = scores.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(relevance[a].total_cmp(&relevance[b])));
    let discount = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let gains: Vec<f64> = relevance.iter().map(|r| r.exp2() - 1.0).collect();
    let mut best = gains.clone();
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    let ideal: f64 = best.iter().enumerate().map(|(rank, gain)| gain * discount(rank)).sum();
    if ideal <= 0.0 {
        return;
    }
    let mut ranks = vec![0; n];
    order.iter().enumerate().for_each(|(rank, &i)| ranks[i] = rank);
    let discounts: Vec<f64> = ranks.iter().map(|&rank| discount(rank)).collect();
    let (mut sums, mut total) = (vec![[0.0f64; 2]; n], 0.0);
    for i in 0..n {
        for j in (0..n).filter(|&j| relevance[i] > relevance[j]) {
            let weight = (discounts[i] - discounts[j]).abs() * (gains[i] - gains[j]) / ideal;
            let wrong = 1.0 / (1.0 + (scores[i] - scores[j]).exp());
            let (slope, curvature) = (weight * wrong, weight * wrong * (1.0 - wrong));
            sums[i][0] -= slope;
            sums[j][0] += slope;
            sums[i][1] += curvature;
            sums[j][1] += curvature;
            total += weight;
        }
    }
    let scale = n as f64 / f64::max(total, f64::MIN_POSITIVE);
    out.iter_mut().zip(sums).for_each(|(out, [g, h])| *out = [(scale * g) as f32, (scale * h) as f32]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against differences of the loss Σ w·ln(1 + exp(−(sᵢ − sⱼ))) with weights as they are.
    #[test]
    fn lambdas_pull_the_better_up() {
        let (scores, relevance) = ([0.3, -0.2, 0.9], [1.0, 0.5, 0.25]);
        let objective = Objective::Lambda { relevance: &relevance, lists: std::slice::from_ref(&(0..3)) };
        let found = objective.gradients(&scores);
        assert!(found[0][0] < 0.0 && found[2][0] > 0.0, "{found:?}");
        assert!(found.iter().map(|g| g[0]).sum::<f32>().abs() < 1e-6);
        assert!(found.iter().all(|g| g[1] > 0.0));
        // The better far above: nothing is left to do.
        let done = objective.gradients(&[30.0, 0.0, -30.0]);
        assert!(done.iter().all(|g| g[0].abs() < 1e-6), "{done:?}");
    }

    #[test]
    fn squares_have_their_gradients() {
        let objective = Objective::Squared { targets: &[1.0, 4.0], weights: &[1.0, 3.0] };
        assert_eq!(objective.start(), 3.25);
        assert_eq!(objective.gradients(&[2.0, 2.0]), [[1.0, 1.0], [-6.0, 3.0]]);
    }
}
