//! What strategies with a cost model share: the model, the points that are planned, and scores at need.

use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;
use tachograph_program::Point;

use crate::{
    Domain, History, Result, Trial,
    models::{CostModel, Reading},
};

/// Listed spaces up to this size are scored whole.
const WHOLE: usize = 40_000;

/// Scores of points by a model, each computed once.
pub(super) struct Scorer<'a> {
    domain: &'a Domain,
    model: &'a dyn CostModel,
    /// How much a deviation adds to a mean.
    doubt: f64,
    whole: Option<Vec<f64>>,
    known: FxHashMap<Point, f64>,
}

impl<'a> Scorer<'a> {
    pub fn new(domain: &'a Domain, model: &'a dyn CostModel, doubt: f64) -> Result<Self> {
        let mut scorer = Self { domain, model, doubt, whole: None, known: FxHashMap::default() };
        if let Some(points) = domain.points().filter(|points| points.len() <= WHOLE) {
            scorer.whole = Some(scorer.ask(points)?);
        }
        Ok(scorer)
    }

    fn ask(&self, points: &[Point]) -> Result<Vec<f64>> {
        let readings: Vec<Option<Reading>> = points.iter().map(|point| self.domain.reading(point)).collect();
        let there: Vec<bool> = readings.iter().map(Option::is_some).collect();
        let readings: Vec<Reading> = readings.into_iter().flatten().collect();
        let estimates = self.model.predict(&readings)?;
        let mut scores = estimates.into_iter().map(|estimate| estimate.mean + self.doubt * estimate.deviation);
        // What makes no loops is worth nothing.
        let score = |there| if there { scores.next() } else { None };
        Ok(there.into_iter().map(score).map(|score| score.unwrap_or(f64::NEG_INFINITY)).collect())
    }

    pub fn score(&mut self, points: &[Point]) -> Result<Vec<f64>> {
        if let Some(whole) = &self.whole {
            return Ok(points.iter().map(|point| self.domain.position(point).map_or(0.0, |i| whole[i])).collect());
        }
        let new: Vec<Point> = points.iter().filter(|point| !self.known.contains_key(*point)).cloned().collect();
        let scores = self.ask(&new)?;
        self.known.extend(new.into_iter().zip(scores));
        Ok(points.iter().map(|point| self.known[point]).collect())
    }
}

/// The best points seen that were not measured, a fixed number of them. Of equal ones the first stays.
pub(super) struct Heap {
    size: usize,
    kept: Vec<(f64, Point)>,
    known: rustc_hash::FxHashSet<Point>,
    changes: usize,
}

impl Heap {
    pub fn new(size: usize) -> Self {
        Self { size, kept: Vec::with_capacity(size + 1), known: rustc_hash::FxHashSet::default(), changes: 0 }
    }

    pub fn offer(&mut self, score: f64, point: &Point, history: &History) {
        let full = self.kept.len() >= self.size;
        if full && self.kept.last().is_some_and(|(worst, _)| score <= *worst) {
            return;
        }
        if score == f64::NEG_INFINITY || history.has(point) || !self.known.insert(point.clone()) {
            return;
        }
        let at = self.kept.partition_point(|(other, _)| *other >= score);
        self.kept.insert(at, (score, point.clone()));
        self.kept.truncate(self.size);
        self.changes += 1;
    }

    /// How often it changed.
    pub fn changes(&self) -> usize {
        self.changes
    }

    /// Best first.
    pub fn into_points(self) -> Vec<Point> {
        self.kept.into_iter().map(|(_, point)| point).collect()
    }
}

/// Points that wait to be measured.
#[derive(Default)]
pub(super) struct Queue(std::collections::VecDeque<Point>);

impl Queue {
    /// Replaces what waits.
    pub fn fill(&mut self, points: Vec<Point>) {
        self.0 = points.into();
    }

    /// Up to so many that are not measured yet.
    pub fn take(&mut self, n: usize, history: &History) -> Vec<Point> {
        let mut taken = Vec::new();
        while taken.len() < n
            && let Some(point) = self.0.pop_front()
        {
            if !history.has(&point) {
                taken.push(point);
            }
        }
        taken
    }
}

/// Fits a model to all that was measured: throughput relative to the best, 0 for failures.
pub(super) fn fit(model: &mut dyn CostModel, domain: &Domain, history: &History, rng: &mut ChaCha8Rng) -> Result<()> {
    let known = |trial: &Trial| Some((domain.reading(&trial.point)?, history.score(trial)));
    let (points, scores): (Vec<Reading>, Vec<f64>) = history.trials().iter().filter_map(known).unzip();
    model.fit(&points, &scores, rng)
}

/// A plan in which a share of the points, the last ones, is random (ε-greedy).
pub(super) fn with_random(
    mut plan: Vec<Point>,
    size: usize,
    share: f64,
    domain: &Domain,
    history: &History,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    let random = ((size as f64 * share).round() as usize).min(size);
    plan.truncate(size - random);
    let more = size - plan.len();
    let others = domain.sample_new(more, |point| history.has(point) || plan.contains(point), rng);
    plan.extend(others);
    plan
}
