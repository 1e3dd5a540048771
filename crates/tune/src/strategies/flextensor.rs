//! FlexTensor: Q-learning over sub-spaces (Zheng et al., ASPLOS 2020; the numbers are those of the released code unless they
//! are marked as ours).

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;
use tachograph_program::{Choice, Decision, Point};

use super::plan::Queue;
use crate::{
    Domain, Result, Situation, Strategy, Trial,
    nn::{Activation, Network},
};

/// Random points first.
const WARM_UP: usize = 20;
/// Hidden layers of a walker.
const WIDTH: usize = 64;
/// Memory of transitions, how many trials lie between trainings, and how often the memory is gone through in each. The
/// code goes 20 times every fifth of all trials; ours goes less often through it, more often.
const MEMORY: usize = 1000;
const EVERY: usize = 25;
const PASSES: usize = 4;
/// A step of the optimiser after so many transitions.
const STEP: usize = 32;
/// Weight of what comes after, and how choosy the start is.
const DISCOUNT: f64 = 0.9;
const GAMMA: f64 = 0.5;

/// What a walker saw: where it stood, the direction, the reward, where it came.
struct Transition {
    /// Sketch, and decision of it.
    walker: (usize, usize),
    from: Vec<f64>,
    direction: usize,
    reward: f64,
    to: Vec<f64>,
}

/// The strategy: a walker for each decision of each sketch moves the point in one direction at a time.
pub struct FlexTensor {
    walkers: FxHashMap<(usize, usize), (Network, Network)>,
    memory: Vec<Transition>,
    pending: Vec<(Point, Point, usize, usize)>,
    times: FxHashMap<Point, f64>,
    queue: Queue,
    trained: usize,
}

impl FlexTensor {
    /// Nothing learned yet.
    pub fn new() -> Self {
        let (walkers, memory, pending, times, queue) = Default::default();
        Self { walkers, memory, pending, times, queue, trained: 0 }
    }

    fn gain(&self, from: &Point, time: f64) -> f64 {
        self.times.get(from).map_or(0.0, |before| (before - time) / time)
    }

    fn train(&mut self) {
        for _ in 0..PASSES {
            for (i, seen) in self.memory.iter().enumerate() {
                let Some((network, target)) = self.walkers.get_mut(&seen.walker) else { continue };
                let ahead = target.output(&seen.to).into_iter().fold(f64::NEG_INFINITY, f64::max);
                let pass = network.forward(&seen.from);
                let value = pass.last().map_or(0.0, |output| output[seen.direction]);
                let mut slopes = vec![0.0; pass.last().map_or(0, Vec::len)];
                slopes[seen.direction] = 2.0 * (value - (seen.reward + DISCOUNT * ahead)) / STEP as f64;
                network.backward(&pass, &slopes);
                if i % STEP == STEP - 1 {
                    // The code has Adadelta; ours is Adam.
                    self.walkers.values_mut().for_each(|(network, _)| network.step(1e-3, 1e-8));
                }
            }
        }
        for (network, target) in self.walkers.values_mut() {
            *target = network.clone();
        }
    }
}

impl Default for FlexTensor {
    fn default() -> Self {
        Self::new()
    }
}

/// How many directions a decision has: one part of a tile grows by what another shrinks; others go up and down.
fn directions(decision: &Decision) -> usize {
    match decision {
        _ if decision.count() < 2 => 0,
        Decision::Tile { parts, .. } => parts * (parts - 1),
        _ => 2,
    }
}

/// The point in a direction; `None` at the edge.
fn moved(domain: &Domain, point: &Point, decision: usize, direction: usize) -> Option<Point> {
    if let Some(Choice::Tile(factors)) = point.choices.get(decision) {
        let parts = factors.len();
        let (grows, shrinks) = (direction / (parts - 1), direction % (parts - 1));
        let shrinks = shrinks + usize::from(shrinks >= grows);
        let prime = (2..=factors[shrinks]).find(|p| factors[shrinks] % p == 0)?;
        let mut next = point.clone();
        let mut factors = factors.clone();
        factors[shrinks] /= prime;
        factors[grows] *= prime;
        next.choices[decision] = Choice::Tile(factors);
        return domain.contains(&next).then_some(next);
    }
    let counts = domain.knobs(point.sketch);
    let level = domain.levels(point)[decision];
    // Over what is not in the list, to the next that is.
    let levels: Vec<usize> =
        if direction == 0 { (0..level).rev().collect() } else { (level + 1..counts[decision]).collect() };
    levels.into_iter().find_map(|level| domain.with_level(point, decision, level))
}

impl Strategy for FlexTensor {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if history.len() < WARM_UP || history.best().is_none() {
            return Ok(domain.sample_new(n, |point| history.has(point), rng));
        }
        if history.len() >= self.trained + EVERY {
            self.trained = history.len();
            self.train();
        }
        // A start like that of annealing: the nearer to the best, the likelier.
        let best = history.best_ms().unwrap_or(1.0);
        let fine: Vec<(&Point, f64)> =
            history.trials().iter().filter_map(|t| Some((&t.point, *t.outcome.as_ref().ok()?))).collect();
        let start = loop {
            let (point, time) = fine[rng.random_range(0..fine.len())];
            if rng.random::<f64>() < (-GAMMA * (time - best) / best).exp() {
                break point.clone();
            }
        };
        let row = domain.row(&start);
        let decisions = &domain.space().sketches[start.sketch].decisions;
        let share = (0.8 * (-0.01 * history.len() as f64).exp()).max(0.1);
        let mut next = Vec::new();
        for (i, decision) in decisions.iter().enumerate() {
            let count = directions(decision);
            if count == 0 {
                continue;
            }
            let widths = [row.len(), WIDTH, WIDTH, WIDTH, count];
            let (network, _) = self.walkers.entry((start.sketch, i)).or_insert_with(|| {
                let network = Network::new(&widths, Activation::Relu, true, rng);
                (network.clone(), network)
            });
            let values = network.output(&row);
            let direction = match rng.random::<f64>() < share || values.len() != count {
                true => rng.random_range(0..count),
                false => (0..count).reduce(|a, b| if values[b] > values[a] { b } else { a }).unwrap_or(0),
            };
            if let Some(point) = moved(domain, &start, i, direction)
                && !history.has(&point)
            {
                self.pending.push((start.clone(), point.clone(), i, direction));
                next.push(point);
            }
        }
        if next.is_empty() {
            next = domain.sample_new(1, |point| history.has(point), rng);
        }
        self.queue.fill(next);
        Ok(self.queue.take(n, history))
    }

    fn tell(&mut self, domain: &Domain, results: &[Trial]) -> Result<()> {
        for trial in results {
            let Some(at) = self.pending.iter().position(|(_, to, ..)| *to == trial.point) else { continue };
            let (from, to, decision, direction) = self.pending.swap_remove(at);
            // Failures never enter the memory.
            if let Ok(time) = trial.outcome {
                // Relative to the time reached, so that a unit means nothing; the code takes seconds as they are.
                let reward = self.gain(&from, time).max(0.0).tanh();
                let walker = (from.sketch, decision);
                let (from, to) = (domain.row(&from), domain.row(&to));
                self.memory.push(Transition { walker, from, direction, reward, to });
                if self.memory.len() > MEMORY {
                    self.memory.remove(0);
                }
            }
        }
        self.times.extend(results.iter().filter_map(|t| Some((t.point.clone(), *t.outcome.as_ref().ok()?))));
        Ok(())
    }
}
