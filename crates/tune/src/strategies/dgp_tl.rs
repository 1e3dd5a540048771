//! DGP-TL: a Gaussian process guides annealing after a start of maximum entropy (Sun et al., ICCV 2021).
//!
//! No code of it is known: of the published method the tuning set and the guided search stand here, on a process with one
//! layer. The second layer, and its adaptation from other tasks, are not here; the numbers are our choice.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::{
    annealing::{AnnealingOptions, anneal},
    plan::{Queue, Scorer, fit},
};
use crate::{
    Domain, Result, Situation, Strategy,
    models::{
        Gp, Kernel,
        gp::{Hyper, Pool},
    },
};

/// The tuning set, and how many candidates it is drawn from.
const START: usize = 64;
const CANDIDATES: usize = 2000;
/// κ falls from 1 to 0 over so many trials.
const BUDGET: f64 = 512.0;

/// The strategy.
pub struct DgpTl {
    model: Gp,
    chains: Vec<Point>,
    queue: Queue,
}

impl DgpTl {
    /// Nothing learned yet.
    pub fn new() -> Self {
        Self { model: Gp::new(Kernel::RBF, 20), chains: Vec::new(), queue: Queue::default() }
    }
}

impl Default for DgpTl {
    fn default() -> Self {
        Self::new()
    }
}

/// Points of large joint entropy ½ log det(2πe (K + σ²I)): again and again the candidate of which least is known given those
/// before.
pub fn maximum_entropy(domain: &Domain, n: usize, candidates: usize, rng: &mut ChaCha8Rng) -> Vec<Point> {
    let points = domain.sample_new(candidates, |_| false, rng);
    let rows: Vec<Vec<f64>> = points.iter().map(|point| domain.row(point)).collect();
    let mut pool = Pool::new(Kernel::RBF, Hyper::prior(domain.width()), &rows);
    let mut taken = vec![false; points.len()];
    let mut chosen = Vec::new();
    while chosen.len() < n.min(points.len()) {
        let variances = pool.variances();
        let left = (0..points.len()).filter(|&i| !taken[i]);
        let Some(i) = left.reduce(|a, b| if variances[b] > variances[a] { b } else { a }) else { break };
        taken[i] = true;
        pool.observe(&rows[i]);
        chosen.push(points[i].clone());
    }
    chosen
}

impl Strategy for DgpTl {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if history.len() < START {
            self.queue.fill(maximum_entropy(domain, START - history.len(), CANDIDATES, rng));
        } else {
            fit(&mut self.model, domain, history, rng)?;
            let doubt = (1.0 - history.len() as f64 / BUDGET).max(0.0);
            let mut scorer = Scorer::new(domain, &self.model, doubt)?;
            let options = AnnealingOptions { random: 0.0, ..AnnealingOptions::AUTOTVM };
            self.queue.fill(anneal(domain, history, &mut scorer, &mut self.chains, options, rng)?);
        }
        Ok(self.queue.take(n, history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use tachograph_program::{Choice, Decision, Sketch, Space};

    #[test]
    fn what_is_farthest_carries_most_entropy() {
        let options = (8..17).map(|i: u32| i.to_string()).collect();
        let decisions = vec![Decision::Category { name: "x".into(), options }];
        let space = Space { sketches: vec![Sketch { name: "line".into(), decisions, steps: Vec::new() }] };
        let domain = Domain::new(space);
        for seed in 0..5 {
            let found = maximum_entropy(&domain, 2, 9, &mut ChaCha8Rng::seed_from_u64(seed));
            let at = |point: &Point| match point.choices[0] {
                Choice::Category(i) => i,
                _ => usize::MAX,
            };
            // Whatever comes first, the end that is farther follows.
            let (first, second) = (at(&found[0]), at(&found[1]));
            assert!(second == if first > 4 { 0 } else { 8 } || (first, second) == (4, 0), "{first} {second}");
        }
    }
}
