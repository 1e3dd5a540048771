//! How well a checkpoint adapts to a measured device, by number of measurements and by how they are chosen, and what rates
//! of kernels reach there (`tachograph transfer --by rates`): mean and range over seeds of the error on the networks that were not
//! used.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin few_shot -- --csv measured.csv --device my-phone --k 5,10,20,50 --seeds 5
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use tachograph_ir::{Millis, Quantity};
use tachograph_metrics::Report;
use tachograph_predict::{Bundled, torch::TorchPredictor};
use tachograph_train::{AdaptConfig, Method, Selection, adapt, select};
use tachograph_transfer::{Observation, rates::RatePrior};
use tch::Device;

use crate::measured::Measured;

/// How well a checkpoint adapts to a measured device, and what rates of kernels reach there.
#[derive(Parser)]
pub struct Args {
    /// Without one, the bundled `cpu`.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Measurements as CSV; see `tachograph transfer`.
    #[arg(long, required_unless_present = "data")]
    csv: Option<PathBuf>,
    /// Measurements as a data set: a folder of `collect`, or a published set by name.
    #[arg(long, conflicts_with = "csv")]
    data: Option<PathBuf>,
    /// Folder of published sets.
    #[arg(long)]
    root: Option<PathBuf>,
    #[arg(long)]
    device: String,
    #[arg(long, value_delimiter = ',', default_value = "5,10,20,50")]
    k: Vec<usize>,
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Try each method alone as well, with stratified samples.
    #[arg(long)]
    methods: bool,
    /// Only the lines whose methods begin so (`all`, `rates`, `scale`, …); give it several times for several.
    #[arg(long)]
    only: Vec<String>,
    #[arg(long, default_value_t = 1)]
    threads: i32,
}

fn data(args: &Args) -> Result<&Path> {
    args.csv.as_deref().or(args.data.as_deref()).context("give --csv or --data")
}

/// Does what the command line says.
///
/// # Errors
/// What cannot be read, or makes no sense.
pub fn run(args: &Args) -> Result<()> {
    tch::set_num_threads(args.threads);
    let predictor = match &args.checkpoint {
        Some(path) => TorchPredictor::load(path, Device::Cpu)?,
        None => TorchPredictor::new(Bundled::named("cpu")?.checkpoint()?, Device::Cpu)?,
    };
    let measured = Measured::read(data(args)?, args.root.as_deref(), &args.device, &predictor.manifest().featurizer)?;
    println!(
        "{} measurements on {}, seeds 0 to {}",
        measured.latencies.len(),
        args.device,
        args.seeds.saturating_sub(1)
    );
    println!("{:>5}  {:10}  {:30}  MAPE (least to most)  Acc@10 %  Spearman  chosen", "k", "selection", "methods");
    for &k in &args.k {
        for selection in [Selection::Random, Selection::Diverse, Selection::Stratified] {
            line(args, &predictor, &measured, k, selection, How::Methods(Method::all()), "all, by cross-validation")?;
            line(args, &predictor, &measured, k, selection, How::Rates, "rates")?;
        }
        for method in Method::all().into_iter().filter(|_| args.methods) {
            let name = method.to_string();
            line(args, &predictor, &measured, k, Selection::Stratified, How::Methods(vec![method]), &name)?;
        }
    }
    Ok(())
}

enum How {
    /// The checkpoint is adapted by the best of these.
    Methods(Vec<Method>),
    /// From the rates of other CPUs, without the checkpoint.
    Rates,
}

fn line(
    args: &Args,
    predictor: &TorchPredictor,
    measured: &Measured,
    k: usize,
    selection: Selection,
    how: How,
    name: &str,
) -> Result<()> {
    if !args.only.is_empty() && !args.only.iter().any(|start| name.starts_with(start.as_str())) {
        return Ok(());
    }
    let graphs: Vec<_> = measured.graphs.iter().collect();
    let source = predictor.manifest().output(None, Quantity::Latency)?;
    let (mut reports, mut chosen) = (vec![], vec![]);
    for seed in 0..args.seeds {
        let used = select(predictor, source, &graphs, k, selection, seed)?;
        let rest: Vec<usize> = (0..graphs.len()).filter(|i| !used.contains(i)).collect();
        let predicted = match &how {
            How::Methods(methods) => {
                let samples: Vec<_> = used.iter().map(|&i| (graphs[i], Millis(measured.latencies[i]))).collect();
                let config = AdaptConfig { methods: methods.clone(), seed, ..AdaptConfig::default() };
                let (adapted, report) = adapt(predictor, measured.device.clone(), &samples, &config)?;
                chosen.push(format!("{} ({})", report.method, report.steps));
                let latency = adapted.manifest().output(None, Quantity::Latency)?;
                adapted.predict_all(&rest.iter().map(|&i| graphs[i]).collect::<Vec<_>>(), latency)?
            }
            How::Rates => {
                let samples: Vec<_> =
                    used.iter().map(|&network| Observation { network, ms: measured.latencies[network] }).collect();
                let rates = RatePrior::cpu().adapt(&samples, &measured.costs)?;
                rest.iter().map(|&i| Ok(rates.predict(&measured.costs[i])?.ms)).collect::<Result<_>>()?
            }
        };
        let latencies: Vec<f64> = rest.iter().map(|&i| measured.latencies[i]).collect();
        reports.push(Report::new(&predicted[..], &latencies[..], "ms")?);
    }
    let mean = |f: &dyn Fn(&Report) -> f64| reports.iter().map(f).sum::<f64>() / reports.len() as f64;
    let mapes = || reports.iter().map(|r| 100.0 * r.mape);
    let (least, most) = (mapes().fold(f64::MAX, f64::min), mapes().fold(0.0, f64::max));
    println!(
        "{k:5}  {:10}  {name:30}  {:5.1} % ({least:.1} to {most:.1})  {:5.1} %  {:.3}  {}",
        format!("{selection:?}").to_lowercase(),
        100.0 * mean(&|r| r.mape),
        100.0 * mean(&|r| r.acc_10),
        mean(&|r| r.spearman.unwrap_or(f64::NAN)),
        chosen.join(", ")
    );
    Ok(())
}
