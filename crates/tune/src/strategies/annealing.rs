//! AutoTVM: simulated annealing on a cost model (Chen et al., NeurIPS 2018; the numbers are those of the released code).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::plan::{Heap, Queue, Scorer, fit, with_random};
use crate::{Domain, History, Result, Situation, Strategy, models::CostModel};

/// Settings of the annealing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnnealingOptions {
    /// Points that are measured between two fits.
    pub plan: usize,
    /// Chains side by side, which go on from plan to plan.
    pub chains: usize,
    /// Moves of each chain for a plan.
    pub moves: usize,
    /// Moves without a change of the best after which a plan is done.
    pub patience: usize,
    /// Share of random points in a plan.
    pub random: f64,
}

impl AnnealingOptions {
    /// AutoTVM's.
    pub const AUTOTVM: Self = Self { plan: 64, chains: 128, moves: 500, patience: 50, random: 0.05 };
}

/// The strategy: measures a plan, fits the model, anneals on it for the next plan. The first plan is random.
pub struct Annealing {
    options: AnnealingOptions,
    model: Box<dyn CostModel>,
    chains: Vec<Point>,
    queue: Queue,
}

impl Annealing {
    /// Nothing learned yet.
    pub fn new(options: AnnealingOptions, model: Box<dyn CostModel>) -> Self {
        Self { options, model, chains: Vec::new(), queue: Queue::default() }
    }
}

/// Anneals: the best points met that were not measured. Temperature falls from 1 to 0 in a line; a move changes one
/// decision; it is taken with probability exp(min(Δ/(T + 1e-5), 1)), as the released code has it.
pub(super) fn anneal(
    domain: &Domain,
    history: &History,
    scorer: &mut Scorer<'_>,
    chains: &mut Vec<Point>,
    options: AnnealingOptions,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Point>> {
    if chains.is_empty() {
        chains.extend((0..options.chains).filter_map(|_| domain.sample(rng)));
    }
    let mut heap = Heap::new(options.plan);
    let mut scores = scorer.score(chains)?;
    chains.iter().zip(&scores).for_each(|(point, &score)| heap.offer(score, point, history));
    let (mut idle, mut changes) = (0, heap.changes());
    for step in 0..options.moves {
        let temperature = 1.0 - step as f64 / options.moves as f64;
        let moved: Vec<Point> = chains.iter().map(|point| domain.mutate(point, rng)).collect();
        let reached = scorer.score(&moved)?;
        for (i, point) in moved.into_iter().enumerate() {
            heap.offer(reached[i], &point, history);
            let accept = ((reached[i] - scores[i]) / (temperature + 1e-5)).min(1.0).exp();
            if rng.random::<f64>() < accept {
                chains[i] = point;
                scores[i] = reached[i];
            }
        }
        idle = if heap.changes() == changes { idle + 1 } else { 0 };
        changes = heap.changes();
        if idle >= options.patience {
            break;
        }
    }
    Ok(heap.into_points())
}

impl Strategy for Annealing {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        let plan = self.options.plan;
        if history.len() < plan {
            // What is known from elsewhere is part of the first plan.
            self.queue.fill(domain.sample_new(plan - history.len(), |point| history.has(point), rng));
        } else {
            fit(self.model.as_mut(), domain, history, rng)?;
            let mut scorer = Scorer::new(domain, self.model.as_ref(), 0.0)?;
            let best = anneal(domain, history, &mut scorer, &mut self.chains, self.options, rng)?;
            self.queue.fill(with_random(best, plan, self.options.random, domain, history, rng));
        }
        Ok(self.queue.take(n, history))
    }
}
