//! What holding predictions to what was seen ([`Predictor::predict`]) changes where nothing is strange: errors of a bundled
//! checkpoint on measurements that it learned from, as its networks say and as it predicts. The difference is what counts.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin held -- timm --data datasets/cpu --data datasets/gpu --every 3
//! ```

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use rayon::prelude::*;
use tachograph_ir::Quantity;
use tachograph_metrics::mape;
use tachograph_predict::{Bundled, OutputId, Predictor};
use tachograph_research::exit;
use tachograph_train::{Corpus, Entry, Query};

/// Compare predictions with what the networks of a checkpoint say
#[derive(Parser)]
struct Args {
    /// A bundled checkpoint.
    checkpoint: String,
    /// Sets that it learned from: `timm`, or a folder.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// Of so many networks one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

/// Measured, as the networks say, as predicted.
type Sample = [f64; 3];

fn main() -> ExitCode {
    exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let predictor = Bundled::named(&args.checkpoint)?.load()?;
    let quantities = vec![Quantity::Latency, Quantity::Memory, Quantity::Energy];
    println!("| set | quantity | measurements | MAPE of the networks | MAPE as predicted | changed by over 1 % |");
    println!("|---|---|--:|--:|--:|--:|");
    for set in &args.data {
        let corpus = Corpus::open(set, None, &Query { quantities: quantities.clone(), ..Query::all() })?;
        let outputs: Vec<Option<OutputId>> =
            corpus.outputs.iter().map(|o| predictor.output(Some(&o.name), o.quantity).ok()).collect();
        let entries: Vec<&Entry> = corpus.entries.iter().step_by(args.every as usize).collect();
        let samples =
            entries.par_iter().map(|entry| samples(&predictor, &outputs, entry)).collect::<Result<Vec<_>>>()?;
        let mut by_quantity: BTreeMap<Quantity, Vec<Sample>> = BTreeMap::new();
        for (quantity, sample) in samples.into_iter().flatten() {
            by_quantity.entry(quantity).or_default().push(sample);
        }
        for (quantity, samples) in by_quantity {
            let column = |i: usize| samples.iter().map(|sample| sample[i]).collect::<Vec<f64>>();
            let (raw, held) = (100.0 * mape(&column(1), &column(0))?, 100.0 * mape(&column(2), &column(0))?);
            let changed = samples.iter().filter(|[_, raw, held]| (held / raw - 1.0).abs() > 0.01).count();
            let changed = 100.0 * changed as f64 / samples.len() as f64;
            let set = set.display();
            println!("| {set} | {quantity} | {} | {raw:.2} % | {held:.2} % | {changed:.1} % |", samples.len());
        }
    }
    Ok(())
}

fn samples(predictor: &Predictor, outputs: &[Option<OutputId>], entry: &Entry) -> Result<Vec<(Quantity, Sample)>> {
    let measured = entry.targets.iter().zip(outputs).filter(|(target, _)| target.is_finite());
    let (measured, outputs): (Vec<f64>, Vec<OutputId>) = measured.filter_map(|(t, id)| Some((*t, (*id)?))).unzip();
    let features = predictor.manifest().featurizer.featurize(&entry.bound)?;
    let raw = predictor.predict_features(&[&features], &outputs)?;
    let held = predictor.predict_outputs(&entry.bound, &outputs)?;
    let samples = measured.iter().zip(raw.iter().flatten()).zip(&held);
    Ok(samples.map(|((&y, &raw), held)| (held.value.quantity(), [y, raw, held.value.value()])).collect())
}
