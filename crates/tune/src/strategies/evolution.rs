//! Evolutionary search on a cost model: Ansor (Zheng et al., OSDI 2020) and MetaSchedule (Shao et al., NeurIPS 2022).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::plan::{Heap, Queue, Scorer, fit, with_random};
use crate::{Domain, History, Result, Situation, Strategy, models::CostModel};

/// Settings of the evolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvolutionOptions {
    /// Points in a generation.
    pub population: usize,
    /// How many generations for a batch.
    pub generations: usize,
    /// Probability that a parent is changed, and not copied.
    pub mutation: f64,
    /// Share of the first generation that comes from the best measured, at most.
    pub measured: f64,
    /// Points that are measured between two fits.
    pub batch: usize,
    /// Share of random points in a batch.
    pub random: f64,
    /// Trials before the model is trusted.
    pub warm_up: usize,
}

impl EvolutionOptions {
    /// Ansor's. Its model is random until 100 samples; in batches of 64 that is the second.
    pub const ANSOR: Self =
        Self { population: 2048, generations: 4, mutation: 0.85, measured: 0.2, batch: 64, random: 0.05, warm_up: 64 };
    /// MetaSchedule's.
    pub const META_SCHEDULE: Self = Self { population: 512, warm_up: 100, ..Self::ANSOR };
}

/// The strategy.
pub struct Evolution {
    options: EvolutionOptions,
    model: Box<dyn CostModel>,
    queue: Queue,
}

impl Evolution {
    /// Nothing learned yet.
    pub fn new(options: EvolutionOptions, model: Box<dyn CostModel>) -> Self {
        Self { options, model, queue: Queue::default() }
    }

    /// The next batch, of points that are wanted.
    pub(super) fn batch(
        &mut self,
        domain: &Domain,
        history: &History,
        size: usize,
        wanted: &dyn Fn(&Point) -> bool,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Point>> {
        let options = self.options;
        let taken = |point: &Point| history.has(point) || !wanted(point);
        if history.len() < options.warm_up && !self.model.is_trained() {
            return Ok(domain.sample_new(size, taken, rng));
        }
        fit(self.model.as_mut(), domain, history, rng)?;
        let mut scorer = Scorer::new(domain, self.model.as_ref(), 0.0)?;
        let most = (options.population as f64 * options.measured) as usize;
        let ranked = history.ranked().into_iter().map(|trial| &trial.point).filter(|point| wanted(point));
        let mut population: Vec<Point> = ranked.take(most).cloned().collect();
        let more = options.population - population.len();
        population.extend(domain.sample_new(more, |point| !wanted(point), rng));
        if population.is_empty() {
            return Ok(Vec::new());
        }
        let mut heap = Heap::new(size);
        let now = Situation { domain, history };
        evolve(now, &mut scorer, &mut heap, population, &options, wanted, rng)?;
        let best = heap.into_points();
        let mut batch = with_random(best, size, options.random, domain, history, rng);
        batch.retain(|point| wanted(point));
        Ok(batch)
    }
}

/// Generations of a population, whose best the heap keeps: parents in proportion to their scores, as far as these are positive.
pub(super) fn evolve(
    now: Situation<'_>,
    scorer: &mut Scorer<'_>,
    heap: &mut Heap,
    mut population: Vec<Point>,
    options: &EvolutionOptions,
    wanted: &dyn Fn(&Point) -> bool,
    rng: &mut ChaCha8Rng,
) -> Result<()> {
    for generation in 0..=options.generations {
        let scores = scorer.score(&population)?;
        population.iter().zip(&scores).for_each(|(point, &score)| heap.offer(score, point, now.history));
        if generation == options.generations || population.is_empty() {
            break;
        }
        let mut sums = Vec::with_capacity(scores.len());
        let mut total = 0.0;
        for score in &scores {
            total += score.max(1e-9);
            sums.push(total);
        }
        let child = |_| {
            let at = rng.random::<f64>() * total;
            let parent = &population[sums.partition_point(|&sum| sum < at).min(population.len() - 1)];
            if !rng.random_bool(options.mutation) {
                return parent.clone();
            }
            let changed = now.domain.mutate(parent, rng);
            if wanted(&changed) { changed } else { parent.clone() }
        };
        population = (0..options.population).map(child).collect();
    }
    Ok(())
}

impl Strategy for Evolution {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let waiting = self.queue.take(n, now.history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        let batch = self.batch(now.domain, now.history, self.options.batch, &|_| true, rng)?;
        self.queue.fill(batch);
        Ok(self.queue.take(n, now.history))
    }
}
