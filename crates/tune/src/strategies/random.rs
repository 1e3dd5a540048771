//! Random points: the baseline of every table.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use crate::{Result, Situation, Strategy};

/// Different points in random order.
pub struct Random;

impl Strategy for Random {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        Ok(now.domain.sample_new(n, |point| now.history.has(point), rng))
    }
}
