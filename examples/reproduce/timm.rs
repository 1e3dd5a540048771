//! timm's benchmark results: vision models on GPUs and CPUs, latency an image.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tachograph_datasets::{
    Phase, data_root,
    sets::{Setting, Timm},
};
use tachograph_features::baseline::{self, Baseline, Roofline};
use tachograph_ir::{DType, Device};
use tachograph_train::{Choice, Corpus, SplitConfig, fit_baseline, static_rows};

use crate::{
    Args, networks,
    rows::{Rows, per_item},
};

const FOLDS: usize = 5;

/// Every GPU inference file.
pub fn gpu(args: &Args) -> Result<()> {
    table(args, "timm-gpu", 256, |setting| setting.phase == Phase::Inference && setting.platform != "cpu")
}

/// The CPU files.
pub fn cpu(args: &Args) -> Result<()> {
    table(args, "timm-cpu", 1, |setting| setting.phase == Phase::Inference && setting.platform == "cpu")
}

/// The training steps.
pub fn training(args: &Args) -> Result<()> {
    table(args, "timm-train", 128, |setting| setting.phase == Phase::Training)
}

/// The table of the settings that are `wanted`, all latencies scaled to the same `batch`: files differ in it, and within a
/// file it was halved until it fitted.
fn table(args: &Args, title: &str, batch: u64, wanted: impl Fn(&Setting) -> bool) -> Result<()> {
    let source = Timm::open(&data_root(args.data.as_deref()))?;
    let settings: BTreeMap<String, Setting> =
        source.settings().filter(|s| wanted(s)).map(|s| (s.name.clone(), s.clone())).collect();
    let choice = Choice { batch: Some(batch), ..Choice::latency(settings.keys()) };
    let corpus = Corpus::read(&source, &choice)?;
    let networks = corpus.entries.iter().map(|entry| &entry.network).collect::<std::collections::BTreeSet<_>>().len();
    eprintln!("{title}: {networks} networks, {} settings, {} left out", settings.len(), corpus.left_out.len());
    for (name, why) in corpus.left_out.iter().filter(|(_, why)| !why.contains("is not there")) {
        eprintln!("left out: {name}: {why}");
    }
    let statics = static_rows(&corpus)?;
    for families in [false, true] {
        let split = if families { "families held out" } else { "random" };
        let mut rows = Rows::new(format!("{title}, {split}, {FOLDS} folds"), "ms an image");
        rows.note(format!(
            "{networks} networks, bound at batch {batch}, {} settings; {} networks have no graph here.",
            settings.len(),
            corpus.left_out.len()
        ));
        for fold in 0..FOLDS.min(args.folds) {
            let config = SplitConfig::Fold { folds: FOLDS, fold, families, seed: 0 };
            let division = config.divide(&corpus)?;
            rows.split(format!("{split}, fold {}", fold + 1), &division.hash);
            for (output, document) in corpus.outputs.iter().enumerate() {
                let setting = settings.get(&document.name).context("a setting without a file")?;
                for mut model in models(setting)?.into_iter().filter(|model| args.wants(model.name())) {
                    let predictions = fit_baseline(&mut *model, &corpus, &statics, &division, output)?;
                    rows.add(model.name(), 0, &document.name, predictions.into_iter().map(per_item));
                }
            }
            networks::fold(args, &corpus, &config, |name, seed, prediction| {
                rows.add(name, seed, &corpus.outputs[prediction.output].name, [per_item(prediction)]);
            })?;
        }
        rows.print()?;
        if args.columns {
            rows.print_each_column()?;
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
