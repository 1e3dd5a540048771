//! All points, in the order of their numbers.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use crate::{Result, Situation, Strategy};

/// Point after point (AutoTVM's `gridsearch`).
#[derive(Default)]
pub struct Exhaustive(u128);

impl Strategy for Exhaustive {
    fn ask(&mut self, now: Situation<'_>, n: usize, _: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let mut found = Vec::new();
        while found.len() < n
            && let Some(point) = now.domain.nth(self.0)
        {
            self.0 += 1;
            if !now.history.has(&point) {
                found.push(point);
            }
        }
        Ok(found)
    }
}
