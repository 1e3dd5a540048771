//! Felix: gradient descent on decisions that are relaxed to numbers (Zhao et al., ASPLOS 2024; the numbers are those of the
//! released code where nothing else is said).
//!
//! Felix derives features of programs as formulas of its variables. Here the variables are the numbers that stand for a point
//! ([`Domain::row`]), and the model reads these.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;
use tachograph_program::Point;

use super::{plan::Queue, surface::scored};
use crate::{
    Domain, History, Result, Situation, Source, Strategy,
    models::{LogMlp, RowModel},
};

/// Points that a descent starts from.
const SEEDS: usize = 32;
/// Steps of the first descent and of the others.
const STEPS: (usize, usize) = (64, 16);
/// Adam's rate, then that from a share of the steps on. Felix has 0.5 for logarithms of sizes; ours span the scale of 0 to 1 with
/// about five of these.
const RATE: f64 = 0.1;
const LATER: f64 = 0.2;
const FROM: f64 = 0.3;
/// How much longer than the slope of the cost that of the penalty is.
const PENALTY: f64 = 5.0;
/// Points that are measured between two fits; the first are random (ours: Felix has a model that is trained before).
const ROUND: usize = 64;

/// The strategy.
pub struct Felix {
    model: LogMlp,
    /// True once the model knows something.
    trained: bool,
    rounds: usize,
    queue: Queue,
}

impl Felix {
    /// Nothing learned yet.
    pub fn new() -> Self {
        Self { model: LogMlp::default(), trained: false, rounds: 0, queue: Queue::default() }
    }

    /// What a descent met that was not measured, what the model likes best first.
    fn descend(&mut self, domain: &Domain, history: &History, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let steps = if self.rounds == 0 { STEPS.0 } else { STEPS.1 };
        self.rounds += 1;
        // Half of the seeds from the best that is known (ours), the others random.
        let mut at: Vec<Point> = history.ranked().into_iter().take(SEEDS / 2).map(|t| t.point.clone()).collect();
        at.extend(domain.sample_new(SEEDS - at.len(), |_| false, rng));
        let mut rows: Vec<Vec<f64>> = at.iter().map(|point| domain.row(point)).collect();
        let zero = vec![vec![0.0; domain.width()]; rows.len()];
        let (mut first, mut second) = (zero.clone(), zero);
        let mut met: FxHashSet<Point> = FxHashSet::default();
        let mut points = Vec::new();
        for step in 1..=steps {
            let slopes = self.model.slopes(&rows);
            let rate = if step as f64 > FROM * steps as f64 { RATE * LATER } else { RATE };
            let (a, b) = (1.0 - 0.9f64.powi(step as i32), 1.0 - 0.999f64.powi(step as i32));
            for (i, mut slope) in slopes.into_iter().enumerate() {
                // Σ relu(c)² of how far each number lies beyond its ends.
                let beyond = |x: f64| 2.0 * ((x - 1.0).max(0.0) - (-x).max(0.0));
                let penalty: Vec<f64> = rows[i].iter().map(|&x| beyond(x)).collect();
                let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
                let scale = PENALTY * length(&slope) / length(&penalty).max(1e-12);
                slope.iter_mut().zip(&penalty).for_each(|(s, p)| *s += scale * p);
                for (c, slope) in slope.into_iter().enumerate() {
                    first[i][c] += 0.1 * (slope - first[i][c]);
                    second[i][c] += 0.001 * (slope * slope - second[i][c]);
                    rows[i][c] -= rate * (first[i][c] / a) / ((second[i][c] / b).sqrt() + 1e-8);
                }
                let point = rounded(domain, &at[i], &rows[i]);
                if !history.has(&point) && met.insert(point.clone()) {
                    points.push(point.clone());
                }
                at[i] = point;
            }
        }
        let found: Vec<Vec<f64>> = points.iter().map(|point| domain.row(point)).collect();
        let scores = self.model.predict_rows(&found);
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|&a, &b| scores[b].mean.total_cmp(&scores[a].mean).then(a.cmp(&b)));
        order.into_iter().take(ROUND).map(|i| points[i].clone()).collect()
    }
}

impl Default for Felix {
    fn default() -> Self {
        Self::new()
    }
}

/// The point whose row is near to this one: from a point on, one decision after another.
fn rounded(domain: &Domain, from: &Point, row: &[f64]) -> Point {
    let distance = |point: &Point| domain.row(point).iter().zip(row).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    let mut best = (distance(from), from.clone());
    for (decision, &count) in domain.knobs(from.sketch).iter().enumerate() {
        for level in 0..count {
            if let Some(next) = domain.with_level(&best.1, decision, level) {
                let gap = distance(&next);
                if gap < best.0 {
                    best = (gap, next);
                }
            }
        }
    }
    best.1
}

impl Strategy for Felix {
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        let (rows, scores): (Vec<Vec<f64>>, Vec<f64>) =
            sources.iter().flat_map(|source| scored(domain, source)).unzip();
        self.trained = !rows.is_empty();
        self.model = LogMlp::new(rows, scores);
        Ok(self.trained)
    }

    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if !self.trained && history.len() < ROUND {
            self.queue.fill(domain.sample_new(ROUND - history.len(), |point| history.has(point), rng));
        } else {
            self.trained = true;
            let rows: Vec<Vec<f64>> = history.trials().iter().map(|trial| domain.row(&trial.point)).collect();
            self.model.fit_rows(&rows, &history.scores(), rng)?;
            let mut found = self.descend(domain, history, rng);
            if found.is_empty() {
                found = domain.sample_new(ROUND, |point| history.has(point), rng);
                found.shuffle(rng);
            }
            self.queue.fill(found);
        }
        Ok(self.queue.take(n, history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use tachograph_program::{Choice, Decision, Sketch, Space};

    fn grid() -> Domain {
        let options = || (0..16).map(|i: u32| i.to_string()).collect::<Vec<String>>();
        let decision = |name: &str| Decision::Category { name: name.into(), options: options() };
        let decisions = vec![decision("x"), decision("y")];
        Domain::new(Space { sketches: vec![Sketch { name: "grid".into(), decisions, steps: Vec::new() }] })
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_point() {
        let domain = grid();
        let point = |x: usize, y: usize| Point { sketch: 0, choices: vec![Choice::Category(x), Choice::Category(y)] };
        let wanted = point(9, 4);
        let mut row = domain.row(&wanted);
        row.iter_mut().for_each(|x| *x += 0.01);
        assert_eq!(rounded(&domain, &point(1, 15), &row), wanted);
    }

    #[test]
    fn a_descent_goes_where_the_model_points() {
        let domain = grid();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let time = |row: &[f64]| 1.0 + 6.0 * ((row[0] - 0.7).powi(2) + (row[1] - 0.7).powi(2));
        let points: Vec<Point> = (0..256).filter_map(|i| domain.nth(i)).collect();
        let rows: Vec<Vec<f64>> = points.iter().map(|point| domain.row(point)).collect();
        let mut felix = Felix::new();
        felix.model = LogMlp::new(rows.clone(), rows.iter().map(|row| 1.0 / time(row)).collect());
        felix.model.fit_rows(&[], &[], &mut rng).unwrap();
        let found = felix.descend(&domain, &History::default(), &mut rng);
        // The best of all is 1, the mean about 2.
        let mean = |points: &[Point]| points.iter().map(|p| time(&domain.row(p))).sum::<f64>() / points.len() as f64;
        assert!(mean(&found[..8]) < 1.1 && mean(&points) > 1.8, "{} {}", mean(&found[..8]), mean(&points));
    }
}
