//! No search at all: the points of other devices in the order of their times there. What a tuner that starts from records
//! has to beat.

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use crate::{Domain, Result, Situation, Source, Strategy, Trial};

/// The strategy. Without sources, and after what they say, points are random.
#[derive(Default)]
pub struct Order(VecDeque<Point>);

/// The points of a source that ran, fastest first, as far as they are here, with their times relative to the best.
fn ranked(domain: &Domain, source: &Source) -> Vec<(f64, Point)> {
    let time = |trial: &Trial| Some((*trial.outcome.as_ref().ok()?, trial.point.clone()));
    let mut timed: Vec<(f64, Point)> = source.trials.iter().filter_map(time).collect();
    timed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best = timed.first().map_or(1.0, |(ms, _)| *ms);
    let here = |(ms, point): (f64, Point)| Some((ms / best, domain.moved(source.domain.space(), &point)?));
    timed.into_iter().filter_map(here).collect()
}

impl Strategy for Order {
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        // Of several sources the point that is nearest to the best of its own comes first.
        let mut all: Vec<(f64, Point)> = sources.iter().flat_map(|source| ranked(domain, source)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.0 = all.into_iter().map(|(_, point)| point).collect();
        Ok(!self.0.is_empty())
    }

    fn ask(&mut self, now: Situation<'_>, n: usize, _: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let mut found: Vec<Point> = Vec::new();
        while found.len() < n
            && let Some(point) = self.0.pop_front()
        {
            if !now.history.has(&point) && !found.contains(&point) {
                found.push(point);
            }
        }
        Ok(found)
    }
}
