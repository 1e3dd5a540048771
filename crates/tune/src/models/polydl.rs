//! PolyDL's rankers: which program is better, from how much data each cache has to hold ("PolyDL", Tavarageri et al., TACO 2021;
//! IITH-Compilers/polydl).
//!
//! They read the feature set `working-sets`: bytes that are placed in three caches and in memory, P₁, P₂, P₃, P₄.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{CostModel, Estimate, Reading};
use crate::{
    Error, Result,
    nn::{Activation, Network},
};

/// Bytes by where they are placed.
type Placed = [f64; 4];

/// Cycles until they come, and how many come in one.
const LATENCIES: Placed = [4.0, 14.0, 60.0, 84.0];
const BANDWIDTHS: Placed = [192.0, 96.0, 16.0, 55.0];

/// How programs are ranked.
pub struct PolyDl(Ranker);

enum Ranker {
    Cost,
    Tree,
    Network(Box<Option<Pairs>>),
}

impl PolyDl {
    /// By 4 P₁ + 14 P₂ + 60 P₃ + 84 P₄, ties by Σ Pᵢ over bandwidths.
    pub fn cost() -> Self {
        Self(Ranker::Cost)
    }

    /// By a tournament of a decision tree: half as much again in all loses, else 5 % more in memory, else in the third cache, and
    /// so on inwards.
    pub fn tree() -> Self {
        Self(Ranker::Tree)
    }

    /// By a tournament of a network that learns which of two is better.
    pub fn network() -> Self {
        Self(Ranker::Network(Box::new(None)))
    }
}

fn placed(points: &[Reading]) -> Result<Vec<Placed>> {
    // Sums over stores, then the largest of each column.
    let one = |point: &Reading| match point {
        Reading::Row(row) => <[f64; 8]>::try_from(row.as_slice()).ok().map(|[a, b, c, d, ..]| [a, b, c, d]),
        Reading::Program(_) => None,
    };
    let message = || "reads the features `working-sets` of programs, and these are others".into();
    points.iter().map(|point| one(point).ok_or_else(|| Error::Model { model: "polydl", message: message() })).collect()
}

/// The more the better. Bytes are whole numbers, and so are cycles: what decides among equal ones is less than one.
fn by_cost(of: &Placed) -> f64 {
    let cycles: f64 = of.iter().zip(LATENCIES).map(|(bytes, latency)| bytes * latency).sum();
    let ties: f64 = of.iter().zip(BANDWIDTHS).map(|(bytes, bandwidth)| bytes / bandwidth).sum();
    1.0 / (1.0 + cycles + 0.5 * ties / (1.0 + ties))
}

/// Whether the tree has the first win.
fn wins(a: &Placed, b: &Placed) -> bool {
    let loses = |a: f64, b: f64, margin: f64| a > margin * b;
    let total = |of: &Placed| of.iter().sum::<f64>();
    let inwards = a.iter().zip(b).rev().map(|(&a, &b)| (a, b, 1.05));
    let rules = std::iter::once((total(a), total(b), 1.5)).chain(inwards);
    for (a, b, margin) in rules {
        if loses(a, b, margin) {
            return false;
        }
        if loses(b, a, margin) {
            return true;
        }
    }
    false
}

/// Passes, pairs of one (ours: the published ones go through all), of a batch.
const EPOCHS: usize = 100;
const PAIRS: usize = 1000;
const BATCH: usize = 200;
/// From this probability on a pair is a win.
const SURE: f64 = 0.7;
/// So many measured programs are the others of a tournament (ours: published is all against all).
const OTHERS: usize = 32;

/// 8 inputs, 64, 32, 20, 16 (softsign), 8, 2 outputs: softmax, cross-entropy, Adam.
struct Pairs {
    network: Network,
    least: Placed,
    span: Placed,
    others: Vec<Placed>,
}

impl Pairs {
    /// `None` where all measured ones are as good, or alike.
    fn learn(known: &[Placed], scores: &[f64], rng: &mut ChaCha8Rng) -> Option<Self> {
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (first, last) = (order.first()?, order.last()?);
        if scores[*first] == scores[*last] {
            return None;
        }
        let end = |of: fn(f64, f64) -> f64, k: usize| known.iter().map(|row| row[k]).reduce(of).unwrap_or(0.0);
        let least: Placed = std::array::from_fn(|k| end(f64::min, k));
        let span: Placed = std::array::from_fn(|k| (end(f64::max, k) - least[k]).max(1.0));
        let others = order.iter().step_by(known.len().div_ceil(OTHERS)).map(|&i| known[i]).collect();
        let mut network = Network::new(&[8, 64, 32, 20, 16, 8, 2], Activation::Relu, true, rng);
        network.set_activation(3, Activation::Softsign);
        let mut pairs = Self { network, least, span, others };
        for step in 0..EPOCHS * PAIRS.min(known.len() * known.len()) {
            let (a, b) = (rng.random_range(0..known.len()), rng.random_range(0..known.len()));
            if scores[a] != scores[b] {
                let pass = pairs.network.forward(&pairs.input(&known[a], &known[b]));
                let first = first_wins(pass.last().map_or(&[], Vec::as_slice));
                let better = f64::from(u8::from(scores[a] > scores[b]));
                let slope = (first - better) / BATCH as f64;
                pairs.network.backward(&pass, &[slope, -slope]);
            }
            if step % BATCH == BATCH - 1 {
                pairs.network.step(1e-3, 1e-7);
            }
        }
        Some(pairs)
    }

    fn input(&self, a: &Placed, b: &Placed) -> Vec<f64> {
        let scaled = |of: &Placed| std::array::from_fn::<f64, 4, _>(|k| (of[k] - self.least[k]) / self.span[k]);
        [scaled(a), scaled(b)].concat()
    }

    /// The share of the others that it wins against; of as many wins, the mean probability.
    fn score(&self, of: &Placed) -> f64 {
        let chances: Vec<f64> =
            self.others.iter().map(|other| first_wins(&self.network.output(&self.input(of, other)))).collect();
        let wins = chances.iter().filter(|chance| **chance > SURE).count() as f64;
        (wins + chances.iter().sum::<f64>() / (1.0 + chances.len() as f64)) / chances.len() as f64
    }
}

/// The softmax of two.
fn first_wins(outputs: &[f64]) -> f64 {
    match outputs {
        [a, b] => 1.0 / (1.0 + (b - a).exp()),
        _ => 0.5,
    }
}

impl CostModel for PolyDl {
    fn fit(&mut self, points: &[Reading], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        if let Ranker::Network(pairs) = &mut self.0 {
            **pairs = Pairs::learn(&placed(points)?, scores, rng);
        }
        Ok(())
    }

    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>> {
        let placed = placed(points)?;
        let won = |a: &Placed| placed.iter().filter(|b| wins(a, b)).count() as f64 / placed.len() as f64;
        let score = |of: &Placed| match &self.0 {
            Ranker::Cost => by_cost(of),
            Ranker::Tree => won(of),
            Ranker::Network(pairs) => pairs.as_ref().as_ref().map_or(0.0, |pairs| pairs.score(of)),
        };
        Ok(placed.iter().map(|of| Estimate { mean: score(of), deviation: 0.0 }).collect())
    }

    fn is_trained(&self) -> bool {
        !matches!(self.0, Ranker::Network(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn reading(of: Placed) -> Reading {
        [of, of].concat().into()
    }

    fn scores(model: &PolyDl, of: &[Placed]) -> Vec<f64> {
        let readings: Vec<Reading> = of.iter().copied().map(reading).collect();
        model.predict(&readings).unwrap().iter().map(|found| found.mean).collect()
    }

    #[test]
    fn cycles_and_then_bandwidths() {
        // 84 · 1 = 60 · 1.4 = 14 · 6 cycles: the second cache, with 96 bytes a cycle, is the best of them, the third the worst.
        let found = scores(&PolyDl::cost(), &[[0.0, 0.0, 0.0, 1e3], [0.0, 0.0, 1.4e3, 0.0], [0.0, 6e3, 0.0, 0.0]]);
        let ties = [1e3 / 55.0, 1.4e3 / 16.0, 6e3 / 96.0];
        let expected = ties.map(|t| 1.0 / (1.0 + 84e3 + 0.5 * t / (1.0 + t)));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-18), "{found:?}");
        assert!(found[0] > found[2] && found[2] > found[1]);
        let less = scores(&PolyDl::cost(), &[[4.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]]);
        assert!(less[0] > less[1]);
    }

    #[test]
    fn the_tree_looks_at_the_total_and_then_from_memory_inwards() {
        // Half as much again loses, however near it is.
        assert!(wins(&[0.0, 0.0, 0.0, 100.0], &[151.0, 0.0, 0.0, 0.0]));
        // Within that the one with less from memory wins; within 5 % of it the third cache decides.
        assert!(!wins(&[0.0, 0.0, 0.0, 100.0], &[149.0, 0.0, 0.0, 0.0]));
        assert!(wins(&[50.0, 0.0, 20.0, 100.0], &[0.0, 0.0, 40.0, 104.0]));
        assert!(!wins(&[1.0, 1.0, 1.0, 1.0], &[1.0, 1.0, 1.0, 1.0]));
        let found = scores(&PolyDl::tree(), &[[1.0; 4], [2.0; 4], [4.0; 4]]);
        assert_eq!(found, [2.0 / 3.0, 1.0 / 3.0, 0.0]);
    }

    #[test]
    fn the_network_learns_what_slows() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut draw = || -> Placed { std::array::from_fn(|_| rng.random_range(0..1000) as f64) };
        let (known, other): (Vec<Placed>, Vec<Placed>) =
            ((0..80).map(|_| draw()).collect(), (0..60).map(|_| draw()).collect());
        // On this machine only the second cache matters.
        let time = |of: &Placed| 1.0 + of[1];
        let readings: Vec<Reading> = known.iter().copied().map(reading).collect();
        let throughput: Vec<f64> = known.iter().map(|of| 1.0 / time(of)).collect();
        let mut model = PolyDl::network();
        assert!(!model.is_trained() && PolyDl::tree().is_trained());
        assert_eq!(scores(&model, &other[..2]), [0.0, 0.0]);
        model.fit(&readings, &throughput, &mut rng).unwrap();
        let slow: Vec<f64> = scores(&model, &other).iter().map(|score| -score).collect();
        let times: Vec<f64> = other.iter().map(time).collect();
        let order = tachograph_metrics::ordered_pair_accuracy(&slow, &times).unwrap();
        assert!(order > 0.9, "{order}");
        // Rows of a table are not working sets.
        assert!(model.predict(&[vec![1.0, 2.0].into()]).unwrap_err().to_string().contains("working-sets"));
    }
}
