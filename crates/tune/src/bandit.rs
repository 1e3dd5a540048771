//! Bandits: which of several arms to pull next.

use rand_chacha::ChaCha8Rng;

use crate::strategies::normal;

/// How an arm is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Mean reward and this many times √(2 ln T / n) (Auer et al., 2002); each arm once first.
    Ucb1(f64),
    /// A draw of the mean from a Normal-Gamma posterior of each arm's rewards.
    Thompson,
}

#[derive(Clone, Copy, Debug, Default)]
struct Arm {
    pulls: f64,
    sum: f64,
    squares: f64,
}

/// A bandit; rewards count the less the older they are.
#[derive(Clone, Debug)]
pub struct Bandit {
    rule: Rule,
    discount: f64,
    arms: Vec<Arm>,
}

impl Bandit {
    /// So many arms that nobody pulled; each reward multiplies what was before by the discount (1 for none).
    pub fn new(rule: Rule, arms: usize, discount: f64) -> Self {
        Self { rule, discount, arms: vec![Arm::default(); arms] }
    }

    /// The arm to pull among those that are open; the first of equal ones. `None` if none is.
    pub fn choose(&self, open: &[bool], rng: &mut ChaCha8Rng) -> Option<usize> {
        let all: f64 = self.arms.iter().map(|arm| arm.pulls).sum();
        let mut best: Option<(f64, usize)> = None;
        for (i, arm) in self.arms.iter().enumerate().filter(|(i, _)| open.get(*i).copied().unwrap_or(false)) {
            let mean = arm.sum / arm.pulls.max(1e-12);
            let value = match self.rule {
                _ if arm.pulls == 0.0 => f64::INFINITY,
                Rule::Ucb1(width) => mean + width * (2.0 * all.max(1.0).ln() / arm.pulls).sqrt(),
                Rule::Thompson => {
                    // One pseudo-observation of variance 0.1 keeps the posterior proper; the draw of the precision is
                    // replaced by its mean.
                    let variance = (arm.squares - arm.sum * mean + 0.1).max(1e-9) / (arm.pulls + 1.0);
                    mean + normal(rng) * (variance / (arm.pulls + 1.0)).sqrt()
                }
            };
            if best.is_none_or(|(other, _)| value > other) {
                best = Some((value, i));
            }
        }
        best.map(|(_, i)| i)
    }

    /// What a pull gave.
    pub fn reward(&mut self, arm: usize, reward: f64) {
        for arm in &mut self.arms {
            arm.pulls *= self.discount;
            arm.sum *= self.discount;
            arm.squares *= self.discount;
        }
        if let Some(arm) = self.arms.get_mut(arm) {
            arm.pulls += 1.0;
            arm.sum += reward;
            arm.squares += reward * reward;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn ucb1_by_hand() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut bandit = Bandit::new(Rule::Ucb1(0.5), 2, 1.0);
        let open = [true, true];
        assert_eq!(bandit.choose(&open, &mut rng), Some(0));
        bandit.reward(0, 0.9);
        assert_eq!(bandit.choose(&open, &mut rng), Some(1));
        bandit.reward(1, 0.4);
        // 0.9 + 0.5 √(2 ln 2) against 0.4 + the same.
        assert_eq!(bandit.choose(&open, &mut rng), Some(0));
        bandit.reward(0, 0.1);
        bandit.reward(0, 0.1);
        // T = 4: 0.3667 + 0.5 √(2 ln 4 / 3) = 0.847 against 0.4 + 0.5 √(2 ln 4) = 1.233.
        assert_eq!(bandit.choose(&open, &mut rng), Some(1));
        assert_eq!(bandit.choose(&[true, false], &mut rng), Some(0));
        assert_eq!(bandit.choose(&[false, false], &mut rng), None);
    }

    #[test]
    fn thompson_comes_to_prefer_the_better() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut bandit = Bandit::new(Rule::Thompson, 2, 1.0);
        let mut pulls = [0, 0];
        for _ in 0..200 {
            let arm = bandit.choose(&[true, true], &mut rng).unwrap();
            pulls[arm] += 1;
            bandit.reward(arm, if arm == 0 { 0.3 } else { 0.6 } + 0.1 * normal(&mut rng));
        }
        assert!(pulls[1] > 150, "{pulls:?}");
    }
}
