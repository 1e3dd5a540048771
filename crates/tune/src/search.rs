//! The loop that every tuner shares: ask, measure, tell; nothing twice.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;
use tachograph_program::Point;

use crate::{Domain, History, Result, Situation, Source, Strategy, Trial};

/// One run of a strategy on a domain.
pub struct Search<'a> {
    domain: &'a Domain,
    strategy: Box<dyn Strategy>,
    history: History,
    rng: ChaCha8Rng,
}

impl<'a> Search<'a> {
    /// A run that depends on the seed alone.
    pub fn new(domain: &'a Domain, strategy: Box<dyn Strategy>, seed: u64) -> Self {
        Self { domain, strategy, history: History::default(), rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Says what was measured elsewhere, before anything is asked. False where the strategy makes nothing of it.
    ///
    /// # Errors
    /// As [`Strategy::remember`].
    pub fn remember(&mut self, sources: &[Source]) -> Result<bool> {
        self.strategy.remember(self.domain, sources)
    }

    /// Adds what was measured before.
    ///
    /// # Errors
    /// As [`Strategy::tell`].
    pub fn resume(&mut self, trials: Vec<Trial>) -> Result<()> {
        let known = |trial: &Trial| self.domain.contains(&trial.point) && !self.history.has(&trial.point);
        let trials: Vec<Trial> = trials.into_iter().filter(known).collect();
        self.tell(trials)
    }

    /// Up to so many points to measure next; none if all are measured.
    ///
    /// # Errors
    /// As [`Strategy::ask`].
    pub fn ask(&mut self, n: usize) -> Result<Vec<Point>> {
        let (domain, history) = (self.domain, &self.history);
        let asked = self.strategy.ask(Situation { domain, history }, n, &mut self.rng)?;
        let mut seen = FxHashSet::default();
        let mut points: Vec<Point> = asked
            .into_iter()
            .filter(|point| domain.contains(point) && !history.has(point) && seen.insert(point.clone()))
            .take(n)
            .collect();
        if points.is_empty() {
            points = domain.sample_new(n.min(1), |point| history.has(point), &mut self.rng);
        }
        Ok(points)
    }

    /// Adds results.
    ///
    /// # Errors
    /// As [`Strategy::tell`].
    pub fn tell(&mut self, trials: Vec<Trial>) -> Result<()> {
        trials.iter().for_each(|trial| self.history.push(trial.clone()));
        self.strategy.tell(self.domain, &trials)
    }

    /// One round: asks for up to `n` points, measures each, tells. The trials; none at the end of the space.
    ///
    /// # Errors
    /// As [`Strategy::ask`] and [`Strategy::tell`].
    pub fn round(&mut self, n: usize, mut measure: impl FnMut(&Point) -> Result<f64, String>) -> Result<&[Trial]> {
        let before = self.history.len();
        let points = self.ask(n)?;
        let trials = points.into_iter().map(|point| Trial { outcome: measure(&point), point }).collect();
        self.tell(trials)?;
        Ok(&self.history.trials()[before..])
    }

    /// What was measured.
    pub fn history(&self) -> &History {
        &self.history
    }
}
