//! Genetic search: TVM's GA tuner, and GGA, which measures only what a model trained on the history lets through (Mu et
//! al., DAC 2020).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::plan::{Queue, Scorer, fit};
use crate::{Domain, History, Result, Situation, Strategy, models::CostModel};

/// Size of a generation, and how many of the best are parents of every generation (TVM's numbers).
const POPULATION: usize = 100;
const ELITES: usize = 3;
/// Probability that a decision is drawn anew (TVM's number).
const MUTATION: f64 = 0.1;
/// GGA, of which no code is known, our choice: offspring for each that is measured; share measured whatever the model says.
const OFFSPRING: usize = 10;
const RANDOM: f64 = 0.1;

/// The strategy. Every gene of TVM's GA is measured; with a model ten times as many are bred and the best of them measured.
pub struct Genetic {
    generation: Vec<Point>,
    model: Option<Box<dyn CostModel>>,
    queue: Queue,
}

impl Genetic {
    /// TVM's.
    pub fn new() -> Self {
        Self { generation: Vec::new(), model: None, queue: Queue::default() }
    }

    /// GGA on a task whose operator has no history elsewhere: the model learns from this task's own.
    pub fn guided(model: Box<dyn CostModel>) -> Self {
        Self { model: Some(model), ..Self::new() }
    }
}

impl Default for Genetic {
    fn default() -> Self {
        Self::new()
    }
}

/// Children of a generation and of the best that are known, which were not measured.
fn breed(generation: &[Point], domain: &Domain, history: &History, count: usize, rng: &mut ChaCha8Rng) -> Vec<Point> {
    let elites = history.ranked().into_iter().take(ELITES).map(|trial| &trial.point);
    let parents: Vec<&Point> = elites.chain(generation).collect();
    // In proportion to throughput, which is 0 for failures.
    let weight = |point: &&Point| history.of(point).map_or(0.0, |trial| history.score(trial)) + 1e-8;
    let weights: Vec<f64> = parents.iter().map(weight).collect();
    let total: f64 = weights.iter().sum();
    let draw = |rng: &mut ChaCha8Rng| {
        let mut at = rng.random::<f64>() * total;
        let chosen = weights.iter().position(|w| {
            at -= w;
            at <= 0.0
        });
        chosen.unwrap_or(weights.len() - 1)
    };
    let mut children = Vec::with_capacity(count);
    let mut known = rustc_hash::FxHashSet::default();
    for _ in 0..count {
        let a = draw(rng);
        let b = (0..10).map(|_| draw(rng)).find(|&b| b != a).unwrap_or(a);
        let mut child = mutate(domain, &one_point(domain, parents[a], parents[b], rng), rng);
        for _ in 0..50 {
            if !history.has(&child) && !known.contains(&child) {
                break;
            }
            child = domain.mutate(&child, rng);
        }
        if !history.has(&child) && known.insert(child.clone()) {
            children.push(child);
        }
    }
    children
}

/// The first decisions of one, the others of the other; where that is no point, a mixture.
fn one_point(domain: &Domain, a: &Point, b: &Point, rng: &mut ChaCha8Rng) -> Point {
    let n = a.choices.len();
    if a.sketch == b.sketch && n > 1 {
        let cut = rng.random_range(1..n);
        let choices = a.choices[..cut].iter().chain(&b.choices[cut..]).cloned().collect();
        let child = Point { sketch: a.sketch, choices };
        if domain.contains(&child) {
            return child;
        }
    }
    domain.cross(a, b, rng)
}

/// Each decision drawn anew with a small probability; what is no point is left as it was.
fn mutate(domain: &Domain, point: &Point, rng: &mut ChaCha8Rng) -> Point {
    let Some(sketch) = domain.space().sketches.get(point.sketch) else { return point.clone() };
    let mut child = point.clone();
    for (i, decision) in sketch.decisions.iter().enumerate() {
        if rng.random_bool(MUTATION) {
            let before = std::mem::replace(&mut child.choices[i], decision.sample(rng));
            if !domain.contains(&child) {
                child.choices[i] = before;
            }
        }
    }
    child
}

impl Strategy for Genetic {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if self.generation.is_empty() && history.len() >= POPULATION {
            // Known from elsewhere: its best are the first generation.
            self.generation = history.ranked().into_iter().take(POPULATION).map(|trial| trial.point.clone()).collect();
        }
        let next = if self.generation.is_empty() {
            domain.sample_new(POPULATION - history.len(), |point| history.has(point), rng)
        } else if let Some(model) = &mut self.model {
            let children = breed(&self.generation, domain, history, POPULATION * OFFSPRING, rng);
            fit(model.as_mut(), domain, history, rng)?;
            let scores = Scorer::new(domain, model.as_ref(), 0.0)?.score(&children)?;
            let mut order: Vec<usize> = (0..children.len()).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
            let best = order.iter().take(POPULATION).map(|&i| children[i].clone()).collect();
            super::plan::with_random(best, POPULATION, RANDOM, domain, history, rng)
        } else {
            breed(&self.generation, domain, history, POPULATION, rng)
        };
        self.generation = next.clone();
        self.queue.fill(next);
        Ok(self.queue.take(n, history))
    }
}
