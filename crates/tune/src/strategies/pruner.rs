//! Pruner: a formula drafts, a model that learns verifies (Qiao et al., ASPLOS 2025; the numbers are those of the released code
//! where nothing else is said).

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::{
    evolution::{EvolutionOptions, evolve},
    plan::{Heap, Queue, Scorer, fit, with_random},
};
use crate::{
    Result, Situation, Strategy,
    models::{CostModel, Formula},
};

/// Points that the formula keeps, and of how many rounds they are the draft.
const DRAFTS: usize = 512;
const ROUNDS: usize = 2;
/// Two generations by the formula (their size is ours), one of 1,536 by the model.
const DRAFT: EvolutionOptions = EvolutionOptions { population: 1024, generations: 2, ..EvolutionOptions::ANSOR };
const VERIFY: EvolutionOptions = EvolutionOptions { population: 1536, generations: 1, ..EvolutionOptions::ANSOR };

/// The strategy. The first batch is the draft alone. In a table of configurations, which are no programs, drafts are random.
pub struct Pruner {
    model: Box<dyn CostModel>,
    drafts: Vec<Point>,
    rounds: usize,
    queue: Queue,
}

impl Pruner {
    /// Verifies by a model that knows nothing yet.
    pub fn new(model: Box<dyn CostModel>) -> Self {
        Self { model, drafts: Vec::new(), rounds: 0, queue: Queue::default() }
    }

    /// What the formula likes best of what was not measured, best first.
    fn draft(now: Situation<'_>, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        if !domain.has_programs() {
            return Ok(domain.sample_new(DRAFTS, |point| history.has(point), rng));
        }
        let mut scorer = Scorer::new(domain, &Formula::Pruner, 0.0)?;
        let mut heap = Heap::new(DRAFTS);
        let population = domain.sample_new(DRAFT.population, |_| false, rng);
        evolve(now, &mut scorer, &mut heap, population, &DRAFT, &|_| true, rng)?;
        Ok(heap.into_points())
    }

    /// The next batch.
    fn batch(&mut self, now: Situation<'_>, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        if self.rounds.is_multiple_of(ROUNDS) || self.drafts.iter().all(|point| history.has(point)) {
            self.drafts = Self::draft(now, rng)?;
        }
        self.rounds += 1;
        let mut best = self.drafts.clone();
        if self.model.is_trained() || (history.len() >= VERIFY.warm_up && history.best().is_some()) {
            fit(self.model.as_mut(), domain, history, rng)?;
            let mut scorer = Scorer::new(domain, self.model.as_ref(), 0.0)?;
            let mut heap = Heap::new(VERIFY.batch);
            evolve(now, &mut scorer, &mut heap, best, &VERIFY, &|_| true, rng)?;
            best = heap.into_points();
        }
        best.retain(|point| !history.has(point));
        Ok(with_random(best, VERIFY.batch, VERIFY.random, domain, history, rng))
    }
}

impl Strategy for Pruner {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let waiting = self.queue.take(n, now.history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        let batch = self.batch(now, rng)?;
        self.queue.fill(batch);
        Ok(self.queue.take(n, now.history))
    }
}
