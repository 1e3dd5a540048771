//! timm's benchmark results: vision models on GPUs and CPUs, latency an image.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use tachograph_datasets::{
    Mode, data_root,
    sets::{Setting, Timm},
};
use tachograph_ir::{DType, Device};
use tachograph_train::{Corpus, Query, SplitConfig, fit_baseline, static_rows};
use tachograph_transfer::baseline::{self, Baseline, Roofline};

use super::{Args, intervals::HeldOut, networks, own, rows::Rows};

const FOLDS: usize = 5;

/// A table, and the settings that are its columns.
type Table = (&'static str, fn(&Setting) -> bool);

const TABLES: [Table; 3] = [
    ("timm-gpu", |s| s.phase == Mode::Inference && s.platform != "cpu"),
    ("timm-cpu", |s| s.phase == Mode::Inference && s.platform == "cpu"),
    ("timm-train", |s| s.phase == Mode::Training),
];

/// The table `name`, or all three. Networks learn all settings at once, whichever are printed; they
/// are bound at batch 1 and latencies scaled to it, since batches differ between files and were halved until they fitted.
/// They learn the networks that this project measured beside them.
pub fn tables(args: &Args, name: Option<&str>) -> Result<()> {
    ensure!(args.intervals.is_none() || args.seeds > 1, "--intervals are those of an ensemble, which needs --seeds");
    let source = Timm::open(&data_root(args.data.as_deref())?)?;
    let settings: BTreeMap<String, Setting> = source.settings().map(|s| (s.name.clone(), s.clone())).collect();
    let corpus = Corpus::read(&source, &Query { batch: Some(1), ..Query::all() })?
        .extend(own::corpus("cpu")?)
        .extend(own::corpus("gpu")?);
    let measured = corpus.entries.iter().filter(|entry| !entry.extra);
    let networks = measured.map(|entry| &entry.network).collect::<BTreeSet<_>>().len();
    eprintln!("{networks} networks, {} settings, {} left out", settings.len(), corpus.left_out.len());
    for (name, why) in corpus.left_out.iter().filter(|(_, why)| !why.contains("is not there")) {
        eprintln!("left out: {name}: {why}");
    }
    let statics = static_rows(&corpus)?;
    let wanted: Vec<Table> = TABLES.into_iter().filter(|(table, _)| name.is_none_or(|name| name == *table)).collect();
    for families in [false, true] {
        let split = if families { "families held out" } else { "random" };
        let mut tables: Vec<Rows> = wanted
            .iter()
            .map(|(table, _)| Rows::new(format!("{table}, {split}, {FOLDS} folds"), "ms an image"))
            .collect();
        // The table and the setting of each output.
        let place = |output: usize| -> Option<(usize, &Setting)> {
            let setting = settings.get(&corpus.outputs.get(output)?.name)?;
            Some((wanted.iter().position(|(_, member)| member(setting))?, setting))
        };
        let mut held_out = HeldOut::default();
        for fold in 0..FOLDS.min(args.folds) {
            let config = SplitConfig::Fold { folds: FOLDS, fold, families, seed: args.division };
            let division = config.divide(&corpus)?;
            tables.iter_mut().for_each(|rows| rows.split(format!("{split}, fold {}", fold + 1), &division.hash));
            for output in 0..corpus.outputs.len() {
                let Some((table, setting)) = place(output) else { continue };
                for mut model in models(setting)?.into_iter().filter(|model| args.wants(model.name())) {
                    let predictions = fit_baseline(&mut *model, &corpus, &statics, &division, output)?;
                    tables[table].add(model.name(), 0, &setting.name, predictions);
                }
            }
            networks::fold(args, networks::published()?, &corpus, &config, |name, seed, prediction| {
                if let Some((table, setting)) = place(prediction.output) {
                    tables[table].add(name, seed, &setting.name, [prediction.clone()]);
                    held_out.add(name, seed, fold, prediction);
                }
            })?;
        }
        for (name, coverage) in held_out.coverage() {
            let text =
                format!("80 % intervals of {name}, from the other folds, hold {:.1} % of these.", 100.0 * coverage);
            tables.iter_mut().for_each(|rows| rows.note(&text));
        }
        if let Some(checkpoint) = args.intervals.as_ref().filter(|_| families) {
            held_out.calibrate(networks::ENSEMBLE, &corpus.outputs, checkpoint)?;
        }
        for rows in &mut tables {
            rows.note(format!("{networks} networks; {} have no graph here.", corpus.left_out.len()));
            rows.print()?;
            if args.columns {
                rows.print_each_column()?;
            }
        }
    }
    Ok(())
}

/// The baselines, with the roofline of the setting's device at its precision.
fn models(setting: &Setting) -> Result<Vec<Box<dyn Baseline>>> {
    let device = Device::builtin(&setting.device)?;
    let dtype = match setting.precision.as_str() {
        "fp32" => DType::F32,
        "bf16" | "amp_bf16" => DType::BF16,
        _ => DType::F16,
    };
    let mut models = baseline::all();
    models.insert(0, Box::new(Roofline::new(device, dtype).context("the device file lacks a figure")?));
    Ok(models)
}
