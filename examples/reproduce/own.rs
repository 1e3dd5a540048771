//! The networks measured by this project.

use std::path::Path;

use anyhow::{Context, Result};
use tachograph_features::baseline::{self, Baseline, Resident, Roofline};
use tachograph_ir::{DType, Device};
use tachograph_train::{Choice, Corpus, DeviceDocument, Quantity, SplitConfig, fit_baseline, static_rows};

use crate::{Args, networks, rows::Rows};

const FOLDS: usize = 5;

/// `datasets/cpu`.
const CPU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/cpu");

/// Latency and peak memory in [`CPU`].
pub fn corpus() -> Result<Corpus> {
    let choice = Choice { quantities: vec![Quantity::Latency, Quantity::Memory], ..Choice::all() };
    Ok(Corpus::open(Path::new(CPU), None, &choice)?)
}

/// The tables of [`corpus`], one an output.
pub fn cpu(args: &Args) -> Result<()> {
    let corpus = corpus()?;
    let statics = static_rows(&corpus)?;
    for families in [false, true] {
        let split = if families { "families held out" } else { "random" };
        let title = |o: usize| format!("own-cpu, {}, {split}, {FOLDS} folds", corpus.outputs[o].title());
        let unit = |o: usize| corpus.outputs[o].quantity.unit();
        let mut tables: Vec<Rows> = (0..corpus.outputs.len()).map(|o| Rows::new(title(o), unit(o))).collect();
        for fold in 0..FOLDS.min(args.folds) {
            let config = SplitConfig::Fold { folds: FOLDS, fold, families, seed: 0 };
            let division = config.divide(&corpus)?;
            for (output, rows) in tables.iter_mut().enumerate() {
                rows.split(format!("{split}, fold {}", fold + 1), &division.hash);
                for mut model in models(&corpus.outputs[output])?.into_iter().filter(|m| args.wants(m.name())) {
                    let predictions = fit_baseline(&mut *model, &corpus, &statics, &division, output)?;
                    rows.add(model.name(), 0, &corpus.outputs[output].title(), predictions);
                }
            }
            // Our own predictor adds its predictions on this fold here, as the published ones do.
            networks::fold(args, &corpus, &config, |name, seed, prediction| {
                let output = prediction.output;
                tables[output].add(name, seed, &corpus.outputs[output].title(), [prediction]);
            })?;
        }
        tables.iter().try_for_each(Rows::print)?;
    }
    Ok(())
}

/// The baselines of an output: the roofline says nothing of memory, and resident bytes nothing of time.
fn models(output: &DeviceDocument) -> Result<Vec<Box<dyn Baseline>>> {
    let mut models = baseline::all();
    match output.quantity {
        Quantity::Memory => models.push(Box::new(Resident::default())),
        _ => {
            // `xeon-spr-1t` is one thread of `xeon-spr-2c`.
            let machine = output.name.replace("-1t", "-2c");
            let roofline =
                Roofline::new(Device::builtin(&machine)?, DType::F32).context("a device without f32 peak")?;
            models.insert(0, Box::new(roofline));
        }
    }
    Ok(models)
}
