//! Plays a stream of queries against a store, as it grows: which share is answered without measuring, and what time is saved.
//!
//! ```sh
//! cargo run --release -p tachograph-research --no-default-features --bin query_stream
//! ```
//!
//! The store is a real one, a file in a temporary folder. What a measurement takes is not waited for but reckoned, in
//! `clock.rs`; what a query takes is measured.

mod clock;
mod networks;
mod report;

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use clap::Parser;
use rand::{Rng, SeedableRng, distr::Distribution};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::Mode;
use tachograph_ir::DType;
use tachograph_store::{Answer, Moment, Network, Question, Reading, Setup, Store};

use clock::Clock;
use networks::Networks;
pub use report::Tally;

/// Plays a stream of queries against a store.
#[derive(Parser)]
pub struct Args {
    /// The measured set.
    #[arg(long, default_value = "datasets/cpu")]
    set: PathBuf,
    /// Its device.
    #[arg(long, default_value = "xeon-spr-1t")]
    device: String,
    /// A folder of timm's models as ONNX files, if they are to be asked for too.
    #[arg(long)]
    timm: Option<PathBuf>,
    /// Ask for those alone.
    #[arg(long, requires = "timm")]
    timm_alone: bool,
    /// Networks of each source that may be asked for, at most.
    #[arg(long, default_value_t = 1_000)]
    networks: usize,
    /// Queries.
    #[arg(long, default_value_t = 5_000)]
    queries: usize,
    /// The network of rank r is asked for in proportion to r to this power, negated.
    #[arg(long, default_value_t = 1.0)]
    zipf: f64,
    /// An interpolation is an answer if its interval reaches no further than this share of the value to either side.
    #[arg(long, default_value_t = 0.1)]
    within: f64,
    /// Of networks, ranks, queries and re-exports.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Batches, and how often they are asked for, of a hundred; without a batch of its own, a network is asked for at these.
const BATCHES: [(u64, u32); 8] = [(1, 45), (2, 6), (4, 9), (8, 14), (16, 10), (32, 8), (64, 4), (128, 4)];
/// Queries, of a hundred, that bring the network from another export: other names, and nodes in another order.
const EXPORTED_AGAIN: u32 = 50;

/// Does what the command line says.
///
/// # Errors
/// What cannot be read, or makes no sense.
pub fn run(args: &Args) -> Result<()> {
    let (networks, tallies) = play(args)?;
    println!("{networks}; seed {}, exponent {}, {} queries", args.seed, args.zipf, args.queries);
    report::print(&tallies);
    Ok(())
}

/// What was asked for, and the counts as the stream grows.
///
/// # Errors
/// As [`run`].
pub fn play(args: &Args) -> Result<(String, Vec<Tally>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let clock = Clock::new(&args.set, &args.device)?;
    let networks = Networks::new(args.timm.as_deref(), args.timm_alone, &clock, args.networks, &mut rng)?;
    let folder = tempfile::tempdir()?;
    let store = Store::open(&folder.path().join("store.sqlite").display().to_string())?;
    let ranks = zipf(networks.len(), args.zipf)?;
    let batches = rand::distr::weighted::WeightedIndex::new(BATCHES.map(|(_, weight)| weight))?;
    let (mut tally, mut tallies) = (Tally::default(), Vec::new());
    for query in 1..=args.queries {
        let asked = networks.get(ranks.sample(&mut rng));
        let batch = match asked.recorded_batch.filter(|_| rng.random_ratio(1, 2)) {
            Some(batch) => batch,
            None => BATCHES[batches.sample(&mut rng)].0,
        };
        let bound = match rng.random_ratio(EXPORTED_AGAIN, 100) {
            true => asked.exported_again(batch, &mut rng),
            false => asked.at(batch),
        };
        let Some(bound) = bound else { continue };
        let cost = clock.measuring(asked, &bound)?;
        let network = Network::new(&bound)?;
        let start = Instant::now();
        let answer = store.query(&network, &Question::latency(&args.device, network.batch()))?;
        let asking = start.elapsed().as_secs_f64();
        tally.queries += 1;
        tally.without_store += cost.seconds;
        tally.with_store += asking;
        match answer {
            Some(Answer::Measured(_)) => {
                tally.measured += 1;
                tally.hits.push(asking);
            }
            Some(Answer::Interpolated(between))
                if between.high <= between.value * (1.0 + args.within)
                    && between.low >= between.value * (1.0 - args.within) =>
            {
                tally.interpolated += 1;
                tally.interpolation_errors.push((between.value / cost.median_ms - 1.0).abs());
            }
            _ => {
                tally.with_store += cost.seconds;
                store.put(&network, &reading(args, network.batch(), &cost))?;
            }
        }
        if query.is_power_of_two() && query >= 128 || query == args.queries {
            tallies.push(tally.clone());
        }
    }
    Ok((networks.to_string(), tallies))
}

/// Ranks from 0, each less often than the one before.
fn zipf(ranks: usize, exponent: f64) -> Result<rand::distr::weighted::WeightedIndex<f64>> {
    let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
    Ok(rand::distr::weighted::WeightedIndex::new(weights)?)
}

fn reading(args: &Args, batch: u64, cost: &clock::Cost) -> Reading {
    Reading {
        batch,
        mode: Mode::Inference,
        setup: Setup {
            device: args.device.clone(),
            hardware: "recorded".into(),
            threads: 1,
            library: "recorded".into(),
            dtype: DType::F32,
            driver: String::new(),
            governor: String::new(),
        },
        protocol: 1,
        median_ms: Some(cost.median_ms),
        iqr_ms: Some(cost.iqr_ms),
        min_ms: Some(cost.median_ms - cost.iqr_ms / 2.0),
        repeats: cost.repeats,
        peak_bytes: None,
        energy_j: None,
        date: Moment::now(),
        who: String::new(),
    }
}
