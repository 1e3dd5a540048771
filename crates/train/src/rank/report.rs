//! How good an order is.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use tachograph_metrics as metrics;

use crate::Metric;

/// The order of one graph's configurations beside their run times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphRanking {
    /// Number of configurations.
    pub n: usize,
    /// Ordered-pair accuracy; `None` where all run times are equal. So below.
    pub opa: Option<f64>,
    /// Kendall's τ-b.
    pub kendall: Option<f64>,
    /// (concordant − discordant) / pairs, over those that are further apart than 0.2 %.
    pub kendall_apart: Option<f64>,
    /// Spearman's ρ.
    pub spearman: Option<f64>,
    /// What the configuration ranked first takes longer than the best: 0.01 is 1 %.
    pub top_1: Option<f64>,
    /// The best of the first five.
    pub top_5: Option<f64>,
    /// The best of the first ten.
    pub top_10: Option<f64>,
    /// The best of the first hundred.
    pub top_100: Option<f64>,
}

/// Run times closer than this are taken for equal: what repeats of one configuration differ by.
const NOISE: f64 = 0.002;

impl GraphRanking {
    /// Of scores, which are larger where a configuration is expected to take longer.
    pub fn new(scores: &[f64], times: &[f64]) -> Self {
        let top = |k: usize| metrics::top_k_error(scores, times, k).ok();
        Self {
            n: times.len(),
            opa: metrics::ordered_pair_accuracy(scores, times).ok(),
            kendall: metrics::kendall(scores, times).ok(),
            kendall_apart: kendall_apart(scores, times, NOISE),
            spearman: metrics::spearman(scores, times).ok(),
            top_1: top(1),
            top_5: top(5),
            top_10: top(10),
            top_100: top(100),
        }
    }

    /// The value of a metric of order; of any other, ordered-pair accuracy.
    pub(crate) fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Kendall => self.kendall,
            Metric::Spearman => self.spearman,
            Metric::Top1 => self.top_1,
            Metric::Top5 => self.top_5,
            Metric::Top10 => self.top_10,
            _ => self.opa,
        }
    }

    fn columns(&self) -> [Option<f64>; 8] {
        let Self { opa, kendall, kendall_apart, spearman, top_1, top_5, top_10, top_100, .. } = *self;
        [opa, kendall, kendall_apart, spearman, top_1, top_5, top_10, top_100]
    }
}

/// τ over pairs whose run times differ by more than `noise` of the smaller; scores that tie count for neither side.
fn kendall_apart(scores: &[f64], times: &[f64], noise: f64) -> Option<f64> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_unstable_by(|&a, &b| times[a].total_cmp(&times[b]));
    // Those well before each, by rank of score, in a tree of counts: O(n log n).
    let mut ranks: Vec<f64> = scores.to_vec();
    ranks.sort_unstable_by(f64::total_cmp);
    ranks.dedup();
    let rank = |i: usize| ranks.partition_point(|&s| s < scores[i]);
    let mut tree = vec![0u64; ranks.len() + 1];
    let (mut before, mut counted, mut pairs, mut sum) = (0, 0u64, 0u64, 0i64);
    for &i in &order {
        while times[order[before]] * (1.0 + noise) < times[i] {
            let mut at = rank(order[before]) + 1;
            while at < tree.len() {
                tree[at] += 1;
                at += at & at.wrapping_neg();
            }
            (before, counted) = (before + 1, counted + 1);
        }
        let below = |rank: usize| {
            let (mut at, mut total) = (rank, 0u64);
            while at > 0 {
                total += tree[at];
                at -= at & at.wrapping_neg();
            }
            total
        };
        let own = rank(i);
        let (less, not_above) = (below(own), below(own + 1));
        sum += less as i64 - (counted - not_above) as i64;
        pairs += counted;
    }
    (pairs > 0).then(|| sum as f64 / pairs as f64)
}

/// The orders of graphs, and their mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RankingReport {
    /// Graph by graph.
    pub graphs: BTreeMap<String, GraphRanking>,
    /// The mean of each number over the graphs that have it; `n` is the sum.
    pub mean: GraphRanking,
}

impl RankingReport {
    /// Of graphs.
    pub fn new(graphs: BTreeMap<String, GraphRanking>) -> Self {
        let columns: Vec<[Option<f64>; 8]> = graphs.values().map(GraphRanking::columns).collect();
        let mean = |c: usize| {
            let known: Vec<f64> = columns.iter().filter_map(|row| row[c]).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let mean = GraphRanking {
            n: graphs.values().map(|graph| graph.n).sum(),
            opa: mean(0),
            kendall: mean(1),
            kendall_apart: mean(2),
            spearman: mean(3),
            top_1: mean(4),
            top_5: mean(5),
            top_10: mean(6),
            top_100: mean(7),
        };
        Self { graphs, mean }
    }
}

impl fmt::Display for RankingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GraphRanking { n, .. } = self.mean;
        let number = |value: Option<f64>| value.map_or("–".into(), |v| format!("{v:.4}"));
        let percent = |value: Option<f64>| value.map_or("–".into(), |v| format!("{:.3} %", 100.0 * v));
        let [opa, kendall, apart, spearman, one, five, ten, hundred] = self.mean.columns();
        writeln!(f, "{} graphs, {n} configurations", self.graphs.len())?;
        writeln!(
            f,
            "ordered pairs {}, τ {} ({} where further apart than 0.2 %), ρ {}",
            number(opa),
            number(kendall),
            number(apart),
            number(spearman)
        )?;
        write!(
            f,
            "slower than the best: first {}, best of 5 {}, of 10 {}, of 100 {}",
            percent(one),
            percent(five),
            percent(ten),
            percent(hundred)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_apart_are_those_of_the_definition() {
        let number = |i: usize| ((i * 2_654_435_761) >> 9 & 63) as f64;
        let times: Vec<f64> = (0..200).map(|i| 1000.0 + number(i)).collect();
        let scores: Vec<f64> = (0..200).map(|i| number(i + 1000) + 0.5 * number(i)).collect();
        for noise in [0.0, 0.002, 0.02] {
            let (mut pairs, mut sum) = (0.0, 0.0);
            for i in 0..200 {
                for j in 0..200 {
                    if times[j] * (1.0 + noise) < times[i] {
                        pairs += 1.0;
                        sum += (scores[i] - scores[j]).partial_cmp(&0.0).unwrap() as i8 as f64;
                    }
                }
            }
            assert!((kendall_apart(&scores, &times, noise).unwrap() - sum / pairs).abs() < 1e-12);
        }
        assert_eq!(kendall_apart(&scores, &times, 1.0), None);
    }

    #[test]
    fn means_are_over_those_that_have_a_value() {
        let right = GraphRanking::new(&[1.0, 2.0], &[10.0, 20.0]);
        let flat = GraphRanking::new(&[1.0, 2.0], &[10.0, 10.0]);
        assert_eq!((right.opa, right.kendall, flat.opa, flat.top_1), (Some(1.0), Some(1.0), None, Some(0.0)));
        let wrong = GraphRanking::new(&[2.0, 1.0], &[10.0, 20.0]);
        assert_eq!((wrong.kendall_apart, wrong.top_1, wrong.top_5), (Some(-1.0), Some(1.0), Some(0.0)));
        let report = RankingReport::new([("a", right), ("b", flat), ("c", wrong)].map(|(n, g)| (n.into(), g)).into());
        assert_eq!((report.mean.opa, report.mean.kendall, report.mean.n), (Some(0.5), Some(0.0), 6));
    }
}
