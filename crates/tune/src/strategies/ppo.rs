//! Proximal policy optimisation (Schulman et al., 2017), in the form that CHAMELEON's code gives it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::nn::{Activation, Network, Pass};

const DISCOUNT: f64 = 0.9;
const LAMBDA: f64 = 0.99;
const CLIP: f64 = 0.2;
const ENTROPY: f64 = 0.3;
const EPOCHS: usize = 3;
const BATCH: usize = 32;
const RATE: f64 = 1e-3;
const EPSILON: f64 = 1e-5;
const TEMPERATURE: f64 = 0.1;

/// A trunk and a head for each decision.
#[derive(Clone)]
struct Policy {
    trunk: Network,
    heads: Vec<Network>,
}

impl Policy {
    fn forward(&self, state: &[f64]) -> (Pass, Vec<Pass>, Vec<[f64; 3]>) {
        let trunk = self.trunk.forward(state);
        let features = trunk.last().map_or(&[][..], Vec::as_slice);
        let passes: Vec<Pass> = self.heads.iter().map(|head| head.forward(features)).collect();
        let shares = passes.iter().map(|pass| softmax(pass.last().map_or(&[], Vec::as_slice))).collect();
        (trunk, passes, shares)
    }
}

/// Three shares of outputs, sharpened by the temperature.
fn softmax(outputs: &[f64]) -> [f64; 3] {
    let most = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares = [0.0; 3];
    shares.iter_mut().zip(outputs).for_each(|(share, x)| *share = ((x - most) / TEMPERATURE).exp());
    let sum: f64 = shares.iter().sum();
    shares.map(|share| share / sum)
}

/// Generalised advantages: δ = r + γ V' − V, summed with weights (γ λ)ᵏ; behind the last step the value is 0.
pub(super) fn advantages(rewards: &[f64], values: &[f64]) -> Vec<f64> {
    let mut found = vec![0.0; rewards.len()];
    let mut ahead = 0.0;
    for t in (0..rewards.len()).rev() {
        let next = values.get(t + 1).filter(|_| t + 1 < rewards.len()).copied().unwrap_or(0.0);
        ahead = rewards[t] + DISCOUNT * next - values[t] + DISCOUNT * LAMBDA * ahead;
        found[t] = ahead;
    }
    found
}

/// An agent that moves each of several decisions down, not at all, or up (0, 1, 2).
pub(super) struct Agent {
    policy: Policy,
    old: Policy,
    value: Network,
}

impl Agent {
    pub fn new(decisions: usize, rng: &mut ChaCha8Rng) -> Self {
        let trunk = Network::new(&[decisions, 20, 20], Activation::Tanh, false, rng);
        let head = |_| Network::new(&[20, 3, 3], Activation::Tanh, false, rng);
        let heads = (0..decisions).map(head).collect();
        let policy = Policy { trunk, heads };
        let value = Network::new(&[decisions, 20, 20, 20, 1], Activation::Tanh, true, rng);
        Self { old: policy.clone(), policy, value }
    }

    /// An action for each decision.
    pub fn act(&self, state: &[f64], rng: &mut ChaCha8Rng) -> Vec<usize> {
        let (.., shares) = self.policy.forward(state);
        let draw = |share: [f64; 3]| {
            let at: f64 = rng.random();
            if at < share[0] { 0 } else { 1 + usize::from(at >= share[0] + share[1]) }
        };
        shares.into_iter().map(draw).collect()
    }

    /// Learns from an episode: states (one more than actions), actions, the reward of each state reached.
    pub fn learn(&mut self, states: &[Vec<f64>], actions: &[Vec<usize>], rewards: &[f64], rng: &mut ChaCha8Rng) {
        let values: Vec<f64> = states.iter().map(|state| self.value.output(state)[0]).collect();
        let raw = advantages(rewards, &values);
        let (mean, deviation) = crate::models::gp::standard(&raw);
        self.old = self.policy.clone();
        for _ in 0..EPOCHS {
            for _ in 0..BATCH {
                let t = rng.random_range(0..actions.len());
                let next = if t + 1 < actions.len() { values[t + 1] } else { 0.0 };
                self.slope(&states[t], &actions[t], (raw[t] - mean) / deviation, rewards[t] + DISCOUNT * next);
            }
            self.policy.trunk.step(RATE, EPSILON);
            self.policy.heads.iter_mut().for_each(|head| head.step(RATE, EPSILON));
            self.value.step(RATE, EPSILON);
        }
    }

    /// Adds the slopes of one sample: minus the clipped surrogate and the entropy of each head, and the squared error of the
    /// value.
    fn slope(&mut self, state: &[f64], actions: &[usize], advantage: f64, target: f64) {
        let (trunk, passes, shares) = self.policy.forward(state);
        let (.., before) = self.old.forward(state);
        let mut below = vec![0.0; 20];
        for (d, head) in self.policy.heads.iter_mut().enumerate() {
            let (share, action) = (shares[d], actions[d]);
            let ratio = share[action] / before[d][action].max(1e-12);
            // Beyond the clip the surrogate is flat.
            let flat = if advantage > 0.0 { ratio > 1.0 + CLIP } else { ratio < 1.0 - CLIP };
            let pull = if flat { 0.0 } else { ratio * advantage };
            let entropy: f64 = -share.iter().map(|p| p * p.max(1e-12).ln()).sum::<f64>();
            let slope = |k: usize| {
                let log = pull * (f64::from(u8::from(k == action)) - share[k]);
                let spread = -share[k] * (share[k].max(1e-12).ln() + entropy);
                -(log + ENTROPY * spread) / TEMPERATURE / BATCH as f64
            };
            let slopes: Vec<f64> = (0..3).map(slope).collect();
            let back = head.backward(&passes[d], &slopes);
            below.iter_mut().zip(back).for_each(|(below, back)| *below += back);
        }
        self.policy.trunk.backward(&trunk, &below);
        let pass = self.value.forward(state);
        let error = pass.last().map_or(0.0, |output| output[0]) - target;
        self.value.backward(&pass, &[2.0 * error / BATCH as f64]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn known_advantages() {
        let found = advantages(&[1.0, 2.0, 3.0], &[0.5, 1.0, 1.5]);
        for (found, expected) in found.into_iter().zip([4.6847, 3.6865, 1.5]) {
            assert!((found - expected).abs() < 5e-5, "{found} {expected}");
        }
    }

    #[test]
    fn an_agent_learns_to_go_up() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut agent = Agent::new(1, &mut rng);
        // Its entropy keeps the agent from settling: on average over episodes it goes up more often than a third.
        let mut up = 0.0;
        for episode in 0..300 {
            let (mut states, mut actions, mut rewards) = (vec![vec![0.5]], Vec::new(), Vec::new());
            for _ in 0..20 {
                let action = agent.act(&[0.5], &mut rng);
                rewards.push(f64::from(u8::from(action[0] == 2)));
                actions.push(action);
                states.push(vec![0.5]);
            }
            if episode >= 100 {
                up += rewards.iter().sum::<f64>() / 20.0 / 200.0;
            }
            agent.learn(&states, &actions, &rewards, &mut rng);
        }
        assert!(up > 0.5, "{up}");
    }
}
