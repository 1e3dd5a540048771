//! What is learned from, what validates, and what is tested.

use std::collections::BTreeSet;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    By,
    data::{Data, Task},
};

/// Tasks by their position.
pub struct Fold {
    pub training: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

impl Fold {
    /// Every other unit is reported; of the others a fifth validates, by the seed. Where networks are held out, so is every
    /// task that any of them has.
    pub fn new(data: &Data, by: By, choose: bool, seed: u64) -> Self {
        let units = |task: &Task| match by {
            By::Task => vec![task.name.clone()],
            By::Network => task.head.networks.clone(),
        };
        let all: BTreeSet<String> = data.tasks.iter().flat_map(units).collect();
        let mut chosen: Vec<&String> = all.iter().step_by(2).collect();
        let reported: BTreeSet<&String> = all.iter().skip(1).step_by(2).collect();
        chosen.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let validating: BTreeSet<&String> = chosen.iter().copied().take(chosen.len().div_ceil(5)).collect();
        let has = |i: &usize, set: &BTreeSet<&String>| {
            data.tasks.get(*i).is_some_and(|task| units(task).iter().any(|unit| set.contains(unit)))
        };
        let (test, rest): (Vec<usize>, Vec<usize>) = (0..data.tasks.len()).partition(|i| has(i, &reported));
        let (validation, training): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|i| has(i, &validating));
        let test = if choose { validation.clone() } else { test };
        Self { training, validation, test }
    }
}
