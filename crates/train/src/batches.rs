//! Which examples go into which step.

use std::collections::BTreeMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Example, RunConfig};

/// Steps' worth of examples that are sorted by size together: similar sizes in a batch, and still a random mix.
const POOL: usize = 32;

/// The batches of an epoch, as positions in `training`: a function of the config's seed and the epoch alone, so that
/// a checkpoint need not hold more of the sampler than the epoch and the number of batches done.
pub(crate) fn plan(config: &RunConfig, epoch: u32, training: &[Example]) -> Vec<Vec<usize>> {
    // The factor keeps epoch 1 of seed 0 apart from epoch 0 of seed 1.
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed.wrapping_mul(1_000_003).wrapping_add(epoch.into()));
    let order = order(config.runs, training, &mut rng);
    let nodes = |i: usize| training.get(i).map_or(0, |s| s.features.nodes.nrows());
    if config.nodes == 0 {
        return order.chunks(config.batch.max(1)).map(<[usize]>::to_vec).collect();
    }
    let mut batches = Vec::new();
    for pool in order.chunks(config.batch.saturating_mul(POOL).max(1)) {
        let mut pool = pool.to_vec();
        // Stable: configurations of one network stay side by side.
        pool.sort_by_key(|&i| nodes(i));
        let (mut batch, mut total) = (Vec::new(), 0);
        for i in pool {
            // A batch is never empty: a network above the budget of nodes makes one alone.
            if !batch.is_empty() && (batch.len() >= config.batch || total + nodes(i) > config.nodes) {
                batches.push(std::mem::take(&mut batch));
                total = 0;
            }
            total += nodes(i);
            batch.push(i);
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
    }
    // Sorting has put small networks into the first batches of each pool; steps must not see them in that order.
    batches.shuffle(&mut rng);
    batches
}

/// All examples in random order; with `runs` above 0, the networks in random order and of each that many of its examples.
fn order(runs: usize, training: &[Example], rng: &mut ChaCha8Rng) -> Vec<usize> {
    if runs == 0 {
        let mut order: Vec<usize> = (0..training.len()).collect();
        order.shuffle(rng);
        return order;
    }
    let mut networks: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, example) in training.iter().enumerate() {
        networks.entry(&example.name).or_default().push(i);
    }
    let mut networks: Vec<Vec<usize>> = networks.into_values().collect();
    networks.shuffle(rng);
    let draw = |mut examples: Vec<usize>| {
        examples.shuffle(rng);
        examples.truncate(runs);
        examples
    };
    networks.into_iter().flat_map(draw).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ndarray::Array2;
    use tachograph_features::FeatureGraph;

    use super::*;

    /// Networks of 1 to 40 nodes with three configurations each.
    fn examples() -> Vec<Example> {
        let features = |n| FeatureGraph { nodes: Array2::zeros((n, 1)), ..FeatureGraph::default() };
        let example = |i: usize| Example {
            name: format!("network {}", i % 40),
            family: "any".into(),
            batch: 1,
            features: features(1 + i % 40),
            targets: vec![1.0],
        };
        (0..120).map(example).collect()
    }

    fn config(batch: usize, nodes: usize, runs: usize) -> RunConfig {
        RunConfig { batch, nodes, runs, ..toml::from_str("data = \".\"\ndevice = \"any\"").unwrap() }
    }

    #[test]
    fn every_sample_comes_once_and_epochs_differ() {
        let examples = examples();
        for config in [config(7, 0, 0), config(7, 50, 0), config(7, 50, 3), config(500, 1, 0)] {
            let first = plan(&config, 0, &examples);
            let members: BTreeSet<usize> = first.iter().flatten().copied().collect();
            assert_eq!((members.len(), first.iter().flatten().count()), (120, 120));
            assert_eq!(plan(&config, 0, &examples), first);
            assert_ne!(plan(&config, 1, &examples), first);
            assert_ne!(plan(&RunConfig { seed: 1, ..config }, 0, &examples), first);
        }
    }

    #[test]
    fn batches_keep_to_the_node_budget_and_to_similar_sizes() {
        let examples = examples();
        let sizes = |batch: &[usize]| batch.iter().map(|&i| examples[i].features.nodes.nrows()).collect::<Vec<_>>();
        let batches = plan(&config(8, 60, 0), 3, &examples);
        for batch in batches.iter().map(|b| sizes(b)) {
            assert!(batch.len() <= 8 && (batch.iter().sum::<usize>() <= 60 || batch.len() == 1), "{batch:?}");
        }
        let spread = |batches: &[Vec<usize>]| -> usize {
            batches.iter().map(|b| sizes(b)).map(|s| s.iter().max().unwrap() - s.iter().min().unwrap()).sum()
        };
        assert!(4 * spread(&batches) < spread(&plan(&config(8, 0, 0), 3, &examples)));
    }

    #[test]
    fn a_number_of_runs_of_each_network_is_drawn_side_by_side() {
        let examples = examples();
        let config = config(4, 0, 2);
        let drawn: Vec<usize> = plan(&config, 0, &examples).into_iter().flatten().collect();
        assert_eq!(drawn.len(), 80);
        for pair in drawn.chunks(2) {
            assert!(pair[0] != pair[1] && examples[pair[0]].name == examples[pair[1]].name);
        }
        let ever: BTreeSet<usize> = (0..20).flat_map(|e| plan(&config, e, &examples)).flatten().collect();
        assert_eq!(ever.len(), 120, "over epochs, every configuration has its turn");
    }
}
