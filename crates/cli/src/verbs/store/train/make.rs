//! Adapting or training, on libtorch.

use anyhow::{Context, Result};
use tachograph_datasets::{NetworkId, Record, Run, Writer};
use tachograph_ir::{Millis, Quantity};
use tachograph_predict::{Bundled, Checkpoint, Output, torch::TorchPredictor};
use tachograph_store::{Setup, Store};
use tachograph_train::{AdaptConfig, BEST, RunConfig, SplitConfig, adapt, train_observed};
use tch::Device;

use super::{Args, part::Part};
use crate::{
    progress::Progress,
    wanted::{Timed, Wanted},
};

/// The sum over operators, which also runs without libtorch.
const RECIPE: &str = include_str!("recipe.toml");

/// A checkpoint, and how it was made.
pub fn checkpoint(
    args: &Args,
    wanted: &Wanted,
    store: &Store,
    name: &str,
    part: &Part,
) -> Result<(&'static str, Vec<u8>)> {
    tch::set_num_threads(args.threads);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("new.safetensors");
    let made = if part.learned.len() < args.train_from {
        adapted(args, wanted, store, name, part)?.save(&path)?;
        "adapted"
    } else {
        let run = folder.path().join("run");
        let data = folder.path().join("set");
        write(store, name, part, &data)?;
        let mut config: RunConfig = match &args.config {
            Some(path) => RunConfig::load(path)?,
            None => toml::from_str(RECIPE).context("the recipe")?,
        };
        (config.data, config.device, config.threads) = (data, name.into(), args.threads);
        (config.split, config.seed) = (SplitConfig::Random { seed: args.seed }, args.seed);
        config.epochs = args.epochs.unwrap_or(config.epochs);
        let mut progress = Progress::new(false)?;
        let outcome = train_observed(&config, &run, &mut progress);
        progress.clear();
        outcome?;
        std::fs::rename(run.join(BEST), &path)?;
        "trained"
    };
    Ok((made, std::fs::read(&path)?))
}

/// A checkpoint that knows other devices, adapted to what is learned.
fn adapted(args: &Args, wanted: &Wanted, store: &Store, name: &str, part: &Part) -> Result<TorchPredictor> {
    let source = args.checkpoint.as_deref().unwrap_or(if wanted.is_gpu() { "timm" } else { "cpu" });
    let checkpoint = match Bundled::named(source) {
        Ok(bundled) => bundled.checkpoint()?,
        Err(_) => Checkpoint::load(source.as_ref())?,
    };
    let source = TorchPredictor::new(checkpoint, Device::Cpu)?;
    let featurizer = &source.manifest().featurizer;
    let features = |timed: &Timed| -> Result<_> { Ok(featurizer.featurize(&timed.bound(store)?)?) };
    let graphs = part.learned.iter().map(features).collect::<Result<Vec<_>>>()?;
    let samples: Vec<_> = graphs.iter().zip(&part.learned).map(|(graph, timed)| (graph, Millis(timed.ms))).collect();
    let mut output = Output::new(name, Quantity::Latency);
    if let Some(setup) = &part.setup {
        (output.hardware, output.threads) = (setup.hardware.clone(), setup.threads);
        output.library.clone_from(&setup.library);
    }
    let config = AdaptConfig { seed: args.seed, ..AdaptConfig::default() };
    let (adapted, report) = adapt(&source, output, &samples, &config)?;
    eprintln!("{report}");
    Ok(adapted)
}

/// What is learned, as a data set.
fn write(store: &Store, name: &str, part: &Part, folder: &std::path::Path) -> Result<()> {
    let mut writer = Writer::resume(folder, Run { device: name.into(), protocol: "of a store".into(), seed: 0 })?;
    let Some(setup) = &part.setup else { return Ok(()) };
    for timed in &part.learned {
        let network = store.network(&timed.key)?;
        writer.append(network.graph(), &record(name, setup, timed, network.batch_name()))?;
    }
    writer.finish()?;
    Ok(())
}

/// A time as a data set holds it; how far apart runs were is not learned.
fn record(name: &str, setup: &Setup, timed: &Timed, batch: Option<&str>) -> Record {
    Record {
        network: NetworkId::file(timed.key.to_string()),
        config: batch.map(|batch| (batch.to_owned(), timed.batch)).into_iter().collect(),
        device: name.into(),
        hardware: setup.hardware.clone(),
        governor: setup.governor.clone(),
        dtype: setup.dtype,
        threads: setup.threads,
        median_ms: Some(timed.ms),
        iqr_ms: Some(0.0),
        min_ms: Some(timed.ms),
        repeats: 1,
        peak_bytes: None,
        energy_j: None,
        date: timed.date.to_string(),
        library: setup.library.clone(),
        protocol: 0,
        estimate: None,
    }
}
