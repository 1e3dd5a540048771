//! Decisions: what a sketch leaves open. Sampling, counting, neighbours and the rest are written here once, for every
//! space that is made of them.

use std::fmt;

use rand::{Rng, seq::SliceRandom};
use serde::{Deserialize, Serialize};

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Factors whose product is the extent, in order.
    Tile {
        /// The extent.
        extent: u64,
        /// How many factors.
        parts: usize,
        /// The largest last factor, if there is a limit.
        max_innermost: Option<u64>,
    },
    /// One of so many options.
    Category {
        /// What it is about.
        name: String,
        /// The options, in words.
        options: Vec<String>,
    },
    /// An order of so many things.
    Order {
        /// How many.
        count: usize,
    },
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Factors, outermost first.
    Tile(Vec<u64>),
    /// Position of the option.
    Category(usize),
    /// What comes first, second, ….
    Order(Vec<usize>),
}

/// Prime factors with their powers.
fn primes(mut n: u64) -> Vec<(u64, u32)> {
    let mut found = Vec::new();
    let mut p = 2;
    while p * p <= n {
        let mut power = 0;
        while n.is_multiple_of(p) {
            n /= p;
            power += 1;
        }
        if power > 0 {
            found.push((p, power));
        }
        p += 1;
    }
    if n > 1 {
        found.push((n, 1));
    }
    found
}

fn binomial(n: u64, k: u64) -> u128 {
    (0..k.min(n - k.min(n))).fold(1, |c, i| c * u128::from(n - i) / u128::from(i + 1))
}

fn divisors(n: u64) -> Vec<u64> {
    let mut all = vec![1];
    for (p, power) in primes(n) {
        let before = all.clone();
        let mut factor = 1;
        for _ in 0..power {
            factor *= p;
            all.extend(before.iter().map(|d| d * factor));
        }
    }
    all.sort_unstable();
    all
}

/// Ordered factorisations of `n` into `parts`, without a limit: compositions of each power, by stars and bars.
fn factorizations(n: u64, parts: usize) -> u128 {
    match parts {
        0 => u128::from(n <= 1),
        _ => primes(n).into_iter().map(|(_, e)| binomial(u64::from(e) + parts as u64 - 1, parts as u64 - 1)).product(),
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tile { extent, parts, .. } => write!(f, "{extent} in {parts}"),
            Self::Category { name, options } => write!(f, "{name}: {}", options.len()),
            Self::Order { count } => write!(f, "order of {count}"),
        }
    }
}

impl Decision {
    /// How many choices there are.
    pub fn count(&self) -> u128 {
        match self {
            Self::Tile { extent, parts, max_innermost } => match max_innermost {
                Some(most) if *parts > 0 => {
                    let last = divisors(*extent).into_iter().filter(|d| d <= most);
                    last.map(|d| factorizations(extent / d, parts - 1)).sum()
                }
                _ => factorizations(*extent, *parts),
            },
            Self::Category { options, .. } => options.len() as u128,
            Self::Order { count } => (1..=*count as u128).product(),
        }
    }

    /// The choice with this number, from 0 to [`Decision::count`].
    pub fn nth(&self, mut n: u128) -> Option<Choice> {
        if n >= self.count() {
            return None;
        }
        match self {
            Self::Tile { extent, parts, max_innermost } => {
                let mut factors = Vec::new();
                let mut rest = *extent;
                for left in (0..*parts).rev() {
                    let limit = max_innermost.filter(|_| factors.is_empty()).unwrap_or(u64::MAX);
                    // From the innermost out; the last to be chosen takes what is left.
                    for d in divisors(rest).into_iter().filter(|&d| d <= limit) {
                        let below = factorizations(rest / d, left);
                        if n < below {
                            factors.push(d);
                            rest /= d;
                            break;
                        }
                        n -= below;
                    }
                }
                factors.reverse();
                Some(Choice::Tile(factors))
            }
            Self::Category { .. } => Some(Choice::Category(n as usize)),
            Self::Order { count } => {
                let mut left: Vec<usize> = (0..*count).collect();
                let mut order = Vec::new();
                while !left.is_empty() {
                    let below: u128 = (1..left.len() as u128).product();
                    order.push(left.remove((n / below) as usize));
                    n %= below;
                }
                Some(Choice::Order(order))
            }
        }
    }

    /// A choice, every one as likely: tiles as MetaSchedule's `SamplePerfectTile` draws them, by a composition for each
    /// prime power, drawn again until the last factor is small enough.
    pub fn sample(&self, rng: &mut impl Rng) -> Choice {
        match self {
            Self::Tile { extent, parts, max_innermost } => {
                let powers = primes(*extent);
                for _ in 0..1000 {
                    let mut factors = vec![1u64; *parts];
                    for &(p, e) in &powers {
                        composition(e, *parts, rng).into_iter().zip(&mut factors).for_each(|(k, f)| *f *= p.pow(k));
                    }
                    if max_innermost.is_none_or(|most| factors.last().is_none_or(|&last| last <= most)) {
                        return Choice::Tile(factors);
                    }
                }
                // A limit that nearly nothing meets.
                let mut factors = vec![1; *parts];
                if let Some(first) = factors.first_mut() {
                    *first = *extent;
                }
                Choice::Tile(factors)
            }
            Self::Category { options, .. } => Choice::Category(rng.random_range(0..options.len().max(1))),
            Self::Order { count } => {
                let mut order: Vec<usize> = (0..*count).collect();
                order.shuffle(rng);
                Choice::Order(order)
            }
        }
    }

    /// True if the choice is one of this decision.
    pub fn allows(&self, choice: &Choice) -> bool {
        match (self, choice) {
            (Self::Tile { extent, parts, max_innermost }, Choice::Tile(factors)) => {
                let product = factors.iter().try_fold(1u64, |n, &f| n.checked_mul(f));
                let last = factors.last().copied().unwrap_or(1);
                product == Some(*extent) && factors.len() == *parts && max_innermost.is_none_or(|most| last <= most)
            }
            (Self::Category { options, .. }, Choice::Category(i)) => *i < options.len(),
            (Self::Order { count }, Choice::Order(order)) => {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                sorted.into_iter().eq(0..*count)
            }
            _ => false,
        }
    }

    /// Choices one small move away: one prime from a factor to another, another option, two neighbours in an order
    /// exchanged.
    pub fn neighbours(&self, choice: &Choice) -> Vec<Choice> {
        let mut found = Vec::new();
        match (self, choice) {
            (Self::Tile { .. }, Choice::Tile(factors)) => {
                for (from, &factor) in factors.iter().enumerate() {
                    for (p, _) in primes(factor) {
                        for to in (0..factors.len()).filter(|&to| to != from) {
                            let mut next = factors.clone();
                            next[from] /= p;
                            next[to] *= p;
                            found.push(Choice::Tile(next));
                        }
                    }
                }
            }
            (Self::Category { options, .. }, Choice::Category(i)) => {
                found.extend((0..options.len()).filter(|other| other != i).map(Choice::Category));
            }
            (Self::Order { .. }, Choice::Order(order)) => {
                for i in 1..order.len() {
                    let mut next = order.clone();
                    next.swap(i - 1, i);
                    found.push(Choice::Order(next));
                }
            }
            _ => {}
        }
        found.retain(|choice| self.allows(choice));
        found
    }

    /// Another choice, as MetaSchedule's and Ansor's mutators make it: a random divisor moves from a factor to another.
    /// `None` where there is no other.
    pub fn mutate(&self, choice: &Choice, rng: &mut impl Rng) -> Option<Choice> {
        match (self, choice) {
            (Self::Tile { parts, .. }, Choice::Tile(factors)) if *parts > 1 => {
                let large: Vec<usize> = (0..factors.len()).filter(|&i| factors[i] > 1).collect();
                for _ in 0..20 {
                    let from = *large.get(rng.random_range(0..large.len().max(1)))?;
                    let to = rng.random_range(0..factors.len());
                    let moved = divisors(factors[from]);
                    let d = moved[rng.random_range(1..moved.len())];
                    let mut next = factors.clone();
                    next[from] /= d;
                    next[to] *= d;
                    let next = Choice::Tile(next);
                    if next != *choice && self.allows(&next) {
                        return Some(next);
                    }
                }
                None
            }
            (Self::Tile { .. }, _) => None,
            _ => {
                let others = self.neighbours(choice);
                others.get(rng.random_range(0..others.len().max(1))).cloned()
            }
        }
    }

    /// The nearest choice to one that was made for another extent or another number of options: from the innermost
    /// factor out, one that does not divide what remains becomes all of it, and the first takes the rest.
    pub fn repair(&self, choice: &Choice) -> Choice {
        match (self, choice) {
            (Self::Tile { extent, parts, max_innermost }, Choice::Tile(factors)) if factors.len() == *parts => {
                let mut next = vec![1; *parts];
                let mut rest = *extent;
                for i in (0..*parts).rev() {
                    let most = max_innermost.filter(|_| i + 1 == *parts).unwrap_or(u64::MAX);
                    let wanted =
                        if i == 0 || factors[i] == 0 || !rest.is_multiple_of(factors[i]) { rest } else { factors[i] };
                    let factor = if wanted <= most {
                        wanted
                    } else {
                        divisors(rest).into_iter().rfind(|&d| d <= most).unwrap_or(1)
                    };
                    next[i] = factor;
                    rest /= factor;
                }
                Choice::Tile(next)
            }
            _ if self.allows(choice) => choice.clone(),
            _ => self.nth(0).unwrap_or(Choice::Category(0)),
        }
    }

    /// Numbers for a model: logarithms of factors, an option as one of many, positions in an order.
    pub fn encode(&self, choice: &Choice, into: &mut Vec<f64>) {
        match (self, choice) {
            (Self::Tile { .. }, Choice::Tile(factors)) => into.extend(factors.iter().map(|&f| (f as f64).log2())),
            (Self::Category { options, .. }, Choice::Category(i)) => {
                into.extend((0..options.len()).map(|option| f64::from(u8::from(option == *i))));
            }
            (Self::Order { count }, Choice::Order(order)) => {
                let place = |thing: usize| order.iter().position(|&other| other == thing).unwrap_or(0);
                into.extend((0..*count).map(|thing| place(thing) as f64));
            }
            _ => into.extend(std::iter::repeat_n(0.0, self.width())),
        }
    }

    /// How many numbers [`Decision::encode`] makes.
    pub fn width(&self) -> usize {
        match self {
            Self::Tile { parts, .. } => *parts,
            Self::Category { options, .. } => options.len(),
            Self::Order { count } => *count,
        }
    }
}

/// Uniform over the ways to write `total` as a sum of `parts`: bars among stars.
fn composition(total: u32, parts: usize, rng: &mut impl Rng) -> Vec<u32> {
    if parts == 0 {
        return Vec::new();
    }
    let places = total as usize + parts - 1;
    let mut bars = rand::seq::index::sample(rng, places, parts - 1).into_vec();
    bars.sort_unstable();
    bars.push(places);
    let mut last = 0;
    bars.iter()
        .enumerate()
        .map(|(i, &bar)| {
            let stars = bar - last;
            last = bar + usize::from(i + 1 < parts);
            stars as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashMap;

    fn tile(extent: u64, parts: usize, max_innermost: Option<u64>) -> Decision {
        Decision::Tile { extent, parts, max_innermost }
    }

    fn all(decision: &Decision) -> Vec<Choice> {
        (0..decision.count()).map(|n| decision.nth(n).unwrap()).collect()
    }

    #[test]
    fn known_counts() {
        assert_eq!(tile(512, 4, None).count(), 220);
        assert_eq!(tile(512, 4, Some(64)).count(), 210);
        assert_eq!(tile(1, 4, None).count(), 1);
        assert_eq!(tile(7, 2, Some(3)).count(), 1);
        assert_eq!(Decision::Order { count: 4 }.count(), 24);
    }

    #[test]
    fn numbers_name_every_choice_once() {
        for decision in [tile(512, 4, Some(64)), tile(360, 3, None), tile(1, 2, None), Decision::Order { count: 4 }] {
            let choices = all(&decision);
            assert!(choices.iter().all(|choice| decision.allows(choice)));
            let distinct: std::collections::HashSet<&Choice> = choices.iter().collect();
            assert_eq!(distinct.len() as u128, decision.count());
            assert_eq!(decision.nth(decision.count()), None);
        }
    }

    #[test]
    fn sampling_is_uniform() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let decision = tile(512, 4, Some(64));
        let mut counts: HashMap<Choice, u32> = HashMap::new();
        for _ in 0..210 * 200 {
            *counts.entry(decision.sample(&mut rng)).or_default() += 1;
        }
        assert_eq!(counts.len(), 210);
        // χ² with 209 degrees of freedom: 300 is beyond one in ten thousand.
        let chi: f64 = counts.values().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
        assert!(chi < 300.0, "{chi}");
    }

    #[test]
    fn moves_stay_inside_and_reach_everything() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for decision in [tile(24, 3, Some(8)), Decision::Order { count: 3 }, tile(13, 2, None)] {
            let mut reached = std::collections::HashSet::from([decision.sample(&mut rng)]);
            let mut queue: Vec<Choice> = reached.iter().cloned().collect();
            while let Some(choice) = queue.pop() {
                if let Some(next) = decision.mutate(&choice, &mut rng) {
                    assert!(decision.allows(&next) && next != choice);
                }
                for next in decision.neighbours(&choice) {
                    assert!(decision.allows(&next));
                    if reached.insert(next.clone()) {
                        queue.push(next);
                    }
                }
            }
            assert_eq!(reached.len() as u128, decision.count());
        }
    }

    #[test]
    fn stale_tiles_are_repaired() {
        let decision = tile(56, 3, None);
        assert_eq!(decision.repair(&Choice::Tile(vec![4, 2, 7])), Choice::Tile(vec![4, 2, 7]));
        assert_eq!(decision.repair(&Choice::Tile(vec![4, 3, 8])), Choice::Tile(vec![1, 7, 8]));
        assert_eq!(decision.repair(&Choice::Tile(vec![1, 1, 16])), Choice::Tile(vec![1, 1, 56]));
        assert!(tile(56, 3, Some(16)).allows(&tile(56, 3, Some(16)).repair(&Choice::Tile(vec![1, 1, 60]))));
    }
}
