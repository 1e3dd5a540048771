//! What a strategy is.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use crate::{Domain, History, Result, Source, Trial};

/// What is known when a strategy is asked.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// Where it searches.
    pub domain: &'a Domain,
    /// What was measured.
    pub history: &'a History,
}

/// A search: asked for points, told results. It keeps what it learned between calls; all chance comes from the generator
/// that it is given, so that a seed says everything.
pub trait Strategy: Send {
    /// Up to so many points to measure next, different ones that were not measured. Where it returns none, or only such
    /// as are known, the [`Search`](crate::Search) takes a random point.
    ///
    /// # Errors
    /// A model that cannot be fitted.
    fn ask(&mut self, situation: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>>;

    /// Trials of other devices or tasks, before the first [`Strategy::ask`]: what to start from. False for a strategy that
    /// makes nothing of them, or where they say nothing.
    ///
    /// # Errors
    /// A model that cannot be fitted.
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        let _ = (domain, sources);
        Ok(false)
    }

    /// Results, in the order in which they came; they are in the history of the next [`Strategy::ask`] too.
    ///
    /// # Errors
    /// A model that cannot be fitted.
    fn tell(&mut self, domain: &Domain, results: &[Trial]) -> Result<()> {
        let _ = (domain, results);
        Ok(())
    }
}
