//! The networks measured by this project.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tachograph_datasets::DataSet;
use tachograph_ir::{DType, Device, Quantity};
use tachograph_predict::Output;
use tachograph_train::{Corpus, Predicted, Query, SplitConfig, fit_baseline, static_rows};
use tachograph_transfer::baseline::{self, Baseline, Resident, Roofline};

use super::{Args, networks, rows::Rows};

const FOLDS: usize = 5;

/// Quartiles of a steady latency are this close, relative to the median.
const STEADY: f64 = 0.02;

/// All that was measured in a folder of `datasets`.
pub fn corpus(folder: &str) -> Result<Corpus> {
    let query = Query { quantities: Quantity::ALL.to_vec(), ..Query::all() };
    Ok(Corpus::open(&path(folder), None, &query)?)
}

/// A folder of `datasets`.
pub fn path(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets").join(folder)
}

/// The tables `own-FOLDER`: one an output, and one of steady latencies alone. Latencies of small networks on a GPU are
/// those of the host that launches their kernels, and do not repeat.
pub fn tables(args: &Args, folder: &str) -> Result<()> {
    let corpus = corpus(folder)?;
    let statics = static_rows(&corpus)?;
    let records = DataSet::open(path(folder))?;
    let steady = records.records().iter().filter(|r| r.iqr_ms.zip(r.median_ms).is_some_and(|(q, m)| q <= STEADY * m));
    let steady: BTreeSet<String> = steady.map(|record| record.network.to_string()).collect();
    let steady_rows = corpus.outputs.len();
    for families in [false, true] {
        let split = if families { "families held out" } else { "random" };
        let table = |what: &str, unit| Rows::new(format!("own-{folder}, {what}, {split}, {FOLDS} folds"), unit);
        let titles = corpus.outputs.iter().map(|output| table(&output.title(), output.quantity.unit()));
        let mut tables: Vec<Rows> = titles.chain([table("steady latencies", "ms")]).collect();
        let add = |tables: &mut Vec<Rows>, name: &str, seed, prediction: Predicted| {
            let output = &corpus.outputs[prediction.output];
            if output.quantity == Quantity::Latency && steady.contains(&prediction.name) {
                tables[steady_rows].add(name, seed, &output.title(), [prediction.clone()]);
            }
            tables[prediction.output].add(name, seed, &output.title(), [prediction]);
        };
        for fold in 0..FOLDS.min(args.folds) {
            let config = SplitConfig::Fold { folds: FOLDS, fold, families, seed: args.division };
            let division = config.divide(&corpus)?;
            tables.iter_mut().for_each(|rows| rows.split(format!("{split}, fold {}", fold + 1), &division.hash));
            for (output, manifest) in corpus.outputs.iter().enumerate() {
                for mut model in models(manifest)?.into_iter().filter(|m| args.wants(m.name())) {
                    let predictions = fit_baseline(&mut *model, &corpus, &statics, &division, output)?;
                    predictions.into_iter().for_each(|p| add(&mut tables, model.name(), 0, p));
                }
            }
            // Our own predictor adds its predictions on this fold here, as the published ones do.
            networks::fold(args, networks::published()?, &corpus, &config, |name, seed, prediction| {
                add(&mut tables, name, seed, prediction)
            })?;
        }
        tables.iter().try_for_each(Rows::print)?;
    }
    Ok(())
}

/// The baselines of an output: the roofline says nothing of memory and energy, and resident bytes nothing of time.
fn models(output: &Output) -> Result<Vec<Box<dyn Baseline>>> {
    let mut models = baseline::all();
    match output.quantity {
        Quantity::Memory => models.push(Box::new(Resident::default())),
        Quantity::Energy => {}
        Quantity::Latency => {
            // `xeon-spr-1t` is one thread of `xeon-spr-2c`.
            let machine = output.name.replace("-1t", "-2c");
            let roofline =
                Roofline::new(Device::builtin(&machine)?, DType::F32).context("a device without f32 peak")?;
            models.insert(0, Box::new(roofline));
        }
    }
    Ok(models)
}
