//! CHAMELEON: an agent walks on the cost model, and adaptive sampling says what of its harvest is measured (Ahn et al., ICLR
//! 2020; the numbers are those of the released code).

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;
use tachograph_program::Point;

use super::{
    plan::{Heap, Queue, Scorer, fit, with_random},
    ppo::Agent,
    sampling,
};
use crate::{Domain, History, Result, Situation, Strategy, models::CostModel};

const PLAN: usize = 64;
const EPISODES: usize = 128;
const STEPS: usize = 500;
const RANDOM: f64 = 0.05;

/// The strategy: AutoTVM's loop with an agent in the place of simulated annealing. Its model is to be one of squared error,
/// since what it predicts is the agent's reward.
pub struct Chameleon {
    model: Box<dyn CostModel>,
    /// With adaptive sampling, or the agent alone.
    adaptive: bool,
    /// One for each sketch.
    agents: Vec<Option<Agent>>,
    queue: Queue,
}

impl Chameleon {
    /// Nothing learned yet.
    pub fn new(model: Box<dyn CostModel>, adaptive: bool) -> Self {
        Self { model, adaptive, agents: Vec::new(), queue: Queue::default() }
    }

    /// All episodes; the best points that were met and not measured.
    fn explore(&mut self, domain: &Domain, history: &History, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let mut scorer = Scorer::new(domain, self.model.as_ref(), 0.0)?;
        let mut heap = Heap::new(PLAN);
        for _ in 0..EPISODES {
            let Some(start) = domain.sample(rng) else { break };
            let counts = domain.knobs(start.sketch);
            let open: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 1).collect();
            if open.is_empty() {
                heap.offer(0.0, &start, history);
                continue;
            }
            self.agents.resize_with(domain.space().sketches.len(), || None);
            let agent = self.agents[start.sketch].get_or_insert_with(|| Agent::new(open.len(), rng));
            let state =
                |levels: &[usize]| -> Vec<f64> { open.iter().map(|&i| levels[i] as f64 / counts[i] as f64).collect() };
            let mut at = start;
            let mut levels = domain.levels(&at);
            let (mut states, mut actions, mut points) = (vec![state(&levels)], Vec::new(), Vec::new());
            for _ in 0..STEPS {
                let moves = agent.act(&states[states.len() - 1], rng);
                let mut settled = 0;
                for (&i, &action) in open.iter().zip(&moves) {
                    let wanted = (levels[i] + action).saturating_sub(1).min(counts[i] - 1);
                    // A move to what is not in the list is not made (ours; the code's spaces have no holes).
                    if wanted != levels[i]
                        && let Some(next) = domain.with_level(&at, i, wanted)
                    {
                        at = next;
                        levels[i] = wanted;
                    }
                    settled += usize::from(action == 1 || levels[i] == 0 || levels[i] + 1 == counts[i]);
                }
                states.push(state(&levels));
                actions.push(moves);
                points.push(at.clone());
                if settled as f64 >= 0.75 * open.len() as f64 {
                    break;
                }
            }
            let rewards = scorer.score(&points)?;
            points.iter().zip(&rewards).for_each(|(point, &score)| heap.offer(score, point, history));
            // What makes no program is worth as little as a failure.
            let rewards: Vec<f64> = rewards.into_iter().map(|r| if r.is_finite() { r } else { 0.0 }).collect();
            agent.learn(&states, &actions, &rewards, rng);
        }
        Ok(heap.into_points())
    }

    /// Adaptive sampling: a point for each centroid of a clustering of the candidates.
    fn sample(&self, domain: &Domain, history: &History, found: Vec<Point>, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let Some(sketch) = found.first().map(|point| point.sketch) else { return found };
        let of_sketch: Vec<&Point> = found.iter().filter(|point| point.sketch == sketch).collect();
        let levels: Vec<Vec<usize>> = of_sketch.iter().map(|point| domain.levels(point)).collect();
        let counts = domain.knobs(sketch);
        let mut cardinal: Vec<usize> = (0..counts.len()).collect();
        cardinal.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
        cardinal.truncate(2);
        let mut chosen: Vec<Point> = Vec::new();
        let mut known: FxHashSet<Point> = FxHashSet::default();
        for centroid in sampling::centroids(&levels, PLAN, rng) {
            // The two decisions with most choices from the centroid, the others as candidates have them.
            let mut point = None;
            for _ in 0..10 {
                let mut wanted = centroid.clone();
                for i in (0..wanted.len()).filter(|i| !cardinal.contains(i)) {
                    wanted[i] = levels.choose(rng).map_or(0, |other| other[i]);
                }
                point = domain.at_levels(of_sketch[0], &wanted);
                if point.as_ref().is_some_and(|p| !history.has(p) && !known.contains(p)) {
                    break;
                }
                point = None;
            }
            // What is not in the list is replaced by the nearest candidate (ours).
            let distance =
                |i: &usize| levels[*i].iter().zip(&centroid).map(|(a, b)| a.abs_diff(*b).pow(2)).sum::<usize>();
            let near = (0..levels.len()).filter(|&i| !known.contains(of_sketch[i])).min_by_key(distance);
            if let Some(point) = point.or_else(|| near.map(|i| of_sketch[i].clone())) {
                known.insert(point.clone());
                chosen.push(point);
            }
        }
        chosen
    }
}

impl Strategy for Chameleon {
    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        if history.len() < PLAN {
            self.queue.fill(domain.sample_new(PLAN - history.len(), |point| history.has(point), rng));
        } else {
            fit(self.model.as_mut(), domain, history, rng)?;
            let mut found = self.explore(domain, history, rng)?;
            if self.adaptive {
                found = self.sample(domain, history, found, rng);
            }
            let size = if self.adaptive { found.len().max(1) } else { PLAN };
            self.queue.fill(with_random(found, size, RANDOM, domain, history, rng));
        }
        Ok(self.queue.take(n, history))
    }
}
