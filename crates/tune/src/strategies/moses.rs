//! Moses: Ansor's evolution on a cost model that learned on another device and is adapted to this one (Zhao et al., 2022).

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::{
    evolution::{Evolution, EvolutionOptions},
    surface::scored,
};
use crate::{Domain, Result, Situation, Source, Strategy, models::Moses as Model};

/// Small rounds, since few trials are what transfer is for (ours).
const OPTIONS: EvolutionOptions = EvolutionOptions { batch: 16, ..EvolutionOptions::ANSOR };

/// The strategy. Without sources it starts from random points and a network that knows nothing.
pub struct Moses(Evolution);

impl Moses {
    /// Nothing learned yet.
    pub fn new() -> Self {
        Self(Evolution::new(OPTIONS, Box::new(Model::new(Vec::new(), Vec::new()))))
    }
}

impl Default for Moses {
    fn default() -> Self {
        Self::new()
    }
}

impl Strategy for Moses {
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        let (rows, scores): (Vec<Vec<f64>>, Vec<f64>) =
            sources.iter().flat_map(|source| scored(domain, source)).unzip();
        if rows.is_empty() {
            return Ok(false);
        }
        // What it learned elsewhere is trusted from the first trial.
        let options = EvolutionOptions { warm_up: 0, ..OPTIONS };
        self.0 = Evolution::new(options, Box::new(Model::new(rows, scores)));
        Ok(true)
    }

    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        self.0.ask(now, n, rng)
    }
}
