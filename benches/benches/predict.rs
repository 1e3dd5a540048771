//! Graphs predicted a second by the bundled checkpoints: distinct generated networks of 180 to 220 nodes, in batches, on
//! one thread and on two, each of which has a predictor of its own.
//!
//!     cargo bench -p tachograph-benches --bench predict

use std::{collections::BTreeMap, ops::RangeInclusive, thread, time::Instant};

use rayon::prelude::*;
use tachograph_features::FeatureGraph;
use tachograph_ir::{Assignment, BoundGraph, Quantity};
use tachograph_metrics::median;
use tachograph_networks::{Family, sample};
use tachograph_predict::{Bundled, Predictor, torch::TorchPredictor};
use tch::Device;

const NETWORKS: usize = 1024;
const NODES: RangeInclusive<usize> = 180..=220;
const RUNS: usize = 5;

fn main() {
    tch::set_num_threads(1);
    let networks = networks();
    let families = networks.iter().fold(BTreeMap::<String, usize>::new(), |mut counts, (family, _)| {
        *counts.entry(family.to_string()).or_default() += 1;
        counts
    });
    let nodes = networks.iter().map(|(_, n)| n.live().len()).sum::<usize>() as f64 / NETWORKS as f64;
    println!("{NETWORKS} networks of {nodes:.0} operators on average: {families:?}");
    for bundled in Bundled::ALL {
        for threads in [1, 2] {
            let plain: Vec<Predictor> = (0..threads).map(|_| bundled.load().unwrap()).collect();
            let torch = |_| TorchPredictor::new(bundled.checkpoint().unwrap(), Device::Cpu).unwrap().into();
            let torch: Vec<Predictor> = (0..threads).map(torch).collect();
            let featurizer = &plain[0].manifest().featurizer;
            let start = Instant::now();
            let features = featurized(&networks, threads, |network| featurizer.featurize(network).unwrap());
            let featurize = start.elapsed().as_secs_f64();
            // In turn, so that a busy minute of the machine meets both.
            let seconds: Vec<[f64; 2]> =
                (0..RUNS).map(|_| [predict(&plain, &features), predict(&torch, &features)]).collect();
            for (what, side) in [("plain Rust", 0), ("libtorch", 1)] {
                let median = median(&seconds.iter().map(|both| both[side]).collect::<Vec<_>>()).unwrap();
                println!(
                    "{}, {what}, {threads} thread(s): {:.0} graphs/s (median of {RUNS}), with featurisation {:.0}",
                    bundled.name,
                    NETWORKS as f64 / median,
                    NETWORKS as f64 / (median + featurize),
                );
            }
        }
    }
}

/// Distinct networks, family after family.
fn networks() -> Vec<(Family, BoundGraph)> {
    let batch = Assignment::from([("batch".into(), 1)]);
    let mut all = Vec::new();
    for index in 0.. {
        let bound = |family: Family| {
            let bound = sample(family, 1, index).ok()?.graph.bind(&batch).ok()?;
            NODES.contains(&bound.live().len()).then_some((family, bound))
        };
        all.extend(Family::ALL.into_par_iter().filter_map(bound).collect::<Vec<_>>());
        if all.len() >= NETWORKS {
            break;
        }
    }
    all.truncate(NETWORKS);
    all
}

fn featurized(
    networks: &[(Family, BoundGraph)],
    threads: usize,
    featurize: impl Fn(&BoundGraph) -> FeatureGraph + Sync,
) -> Vec<FeatureGraph> {
    let part = NETWORKS.div_ceil(threads);
    thread::scope(|scope| {
        let work = |part: &'_ [(Family, BoundGraph)]| part.iter().map(|(_, n)| featurize(n)).collect::<Vec<_>>();
        let workers: Vec<_> = networks.chunks(part).map(|part| scope.spawn(move || work(part))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// Seconds that the predictors together need for all graphs, each on a thread of its own.
fn predict(predictors: &[Predictor], graphs: &[FeatureGraph]) -> f64 {
    let start = Instant::now();
    let part = graphs.len().div_ceil(predictors.len());
    thread::scope(|scope| {
        for (predictor, part) in predictors.iter().zip(graphs.chunks(part)) {
            let graphs: Vec<&FeatureGraph> = part.iter().collect();
            scope.spawn(move || {
                // One thread for each: the predictor must not spread its batches over both.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                let output = predictor.output(None, Quantity::Latency).unwrap();
                let predicted = pool.install(|| predictor.predict_features(&graphs, &[output])).unwrap();
                assert_eq!(predicted[0].len(), graphs.len());
            });
        }
    });
    start.elapsed().as_secs_f64()
}
