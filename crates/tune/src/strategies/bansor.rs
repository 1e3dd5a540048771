//! Bansor: Ansor's evolution, with a bandit that says which sketch to search in.
//!
//! No text of it was found: only the idea is attributed. The reward is the best throughput of the round relative to the
//! best so far (our choice, as is everything else). Where the space has a single sketch, the options of the decision with
//! the fewest of them stand for sketches.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::{
    evolution::{Evolution, EvolutionOptions},
    plan::Queue,
};
use crate::{
    Domain, Result, Situation, Strategy, Trial,
    bandit::{Bandit, Rule},
    models::CostModel,
};

/// Points of a round, all of one arm.
const ROUND: usize = 16;

/// The strategy.
pub struct Bansor {
    rule: Rule,
    evolution: Evolution,
    bandit: Option<Bandit>,
    arms: usize,
    /// The decision whose options are arms, where there is one sketch.
    decision: Option<usize>,
    empty: Vec<bool>,
    pulled: Option<usize>,
    round: Vec<Trial>,
    queue: Queue,
}

impl Bansor {
    /// Nothing learned yet.
    pub fn new(rule: Rule, options: EvolutionOptions, model: Box<dyn CostModel>) -> Self {
        let evolution = Evolution::new(options, model);
        let (empty, round, queue) = Default::default();
        Self { rule, evolution, bandit: None, arms: 0, decision: None, empty, pulled: None, round, queue }
    }

    fn start(&mut self, domain: &Domain) {
        let sketches = domain.space().sketches.len();
        self.arms = sketches.max(1);
        if sketches == 1 {
            let counts = domain.knobs(0);
            self.decision = (0..counts.len()).filter(|&i| counts[i] > 1).min_by_key(|&i| counts[i]);
            self.arms = self.decision.map_or(1, |i| counts[i]);
        }
        self.empty = vec![false; self.arms];
        self.bandit = Some(Bandit::new(self.rule, self.arms, 1.0));
    }
}

impl Strategy for Bansor {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if self.bandit.is_none() {
            self.start(domain);
        }
        let best = history.best_ms();
        let reached = |trial: &Trial| match (&trial.outcome, best) {
            (Ok(time), Some(best)) => best / time,
            _ => 0.0,
        };
        if let (Some(bandit), Some(arm)) = (&mut self.bandit, self.pulled.take())
            && !self.round.is_empty()
        {
            bandit.reward(arm, self.round.drain(..).map(|trial| reached(&trial)).fold(0.0, f64::max));
        }
        let decision = self.decision;
        loop {
            let open: Vec<bool> = self.empty.iter().map(|empty| !empty).collect();
            let arm = self.bandit.as_ref().and_then(|bandit| bandit.choose(&open, rng));
            let Some(arm) = arm else { return Ok(Vec::new()) };
            let wanted = |point: &Point| match decision {
                Some(i) => domain.levels(point).get(i) == Some(&arm),
                None => point.sketch == arm || domain.space().sketches.len() < 2,
            };
            let batch = self.evolution.batch(domain, history, ROUND, &wanted, rng)?;
            if batch.is_empty() {
                // All of this arm is measured.
                self.empty[arm] = true;
                continue;
            }
            self.pulled = Some(arm);
            self.queue.fill(batch);
            return Ok(self.queue.take(n, history));
        }
    }

    fn tell(&mut self, _: &Domain, results: &[Trial]) -> Result<()> {
        self.round.extend_from_slice(results);
        Ok(())
    }
}
