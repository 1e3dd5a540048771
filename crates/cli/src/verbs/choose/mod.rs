//! `tachograph choose`.

mod said;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context, Result, ensure};
use tachograph_ir::{Bytes, Graph, Millis};
use tachograph_predict::{Budget, Catalog, Choices, choose};

use crate::{
    args,
    device::{Devices, Target},
    exit::{self, Usage},
    models::{self, Bind},
    table,
};

/// Search the configurations of models for those that do most samples a second within a memory and a time
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Model files.
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// Values to try of an open dimension or attribute, such as `batch=1,2,4` or `batch=1..=8`; give it again for several.
    #[arg(long, required = true, value_name = "NAME=VALUE,…", value_parser = args::axis)]
    over: Vec<(String, Vec<u64>)>,
    #[command(flatten)]
    bind: Bind,
    /// Memory of the device, 10⁹ bytes; what its device file says, if absent.
    #[arg(long, value_parser = args::positive)]
    memory_gb: Option<f64>,
    /// Most time of a batch.
    #[arg(long, value_parser = args::positive)]
    time_ms: Option<f64>,
    #[command(flatten)]
    devices: Devices,
    /// Configurations within the budget to list.
    #[arg(long, default_value_t = 20, value_parser = args::count)]
    top: usize,
    /// One JSON object for each model and device, each on a line.
    #[arg(long)]
    json: bool,
}

/// What was found for a model on a device.
struct Found {
    choices: Choices,
    /// Where the memory comes from.
    memory_from: &'static str,
    /// What was assumed, and what to know before trusting any number.
    warnings: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let (over, bind) = (models::once("--over", &args.over)?, args.bind.config()?);
    if let Some(name) = over.keys().find(|name| bind.contains_key(*name)) {
        return Err(Usage(format!("`{name}` is given to both --over and --bind")).into());
    }
    let catalog = args.devices.catalog()?;
    let targets = args.devices.targets(&catalog)?;
    exit::each(&args.models, |path| {
        let (imported, name) = (models::read(path)?, path.display().to_string());
        // Any value of an axis does here, where only what else is open matters; what is no axis becomes one of one value.
        let any = over.iter().filter_map(|(name, values)| Some((name.clone(), *values.first()?))).collect();
        let bind = args.bind.config_for(&imported, &args.models)?;
        let (config, mut warnings) = models::complete(&name, &imported, &bind, &any)?;
        let mut axes = over.clone();
        for (name, value) in config {
            axes.entry(name).or_insert(vec![value]);
        }
        warnings.extend(imported.warnings.iter().cloned());
        exit::each(&targets, |target| {
            let mut found = search(args, &catalog, &imported.graph, &axes, target).with_context(|| name.clone())?;
            found.warnings.splice(..0, warnings.iter().cloned());
            match args.json {
                true => table::json(&said::machine(args, &name, target, &found))?,
                false => said::show(args, &name, target, &found),
            }
            let refused = &found.choices.refused;
            let all = found.choices.feasible.is_empty() && found.choices.beyond.is_empty();
            ensure!(
                !all,
                "{name}: all {} configurations are refused, such as {}",
                refused.len(),
                said::refused(refused)
            );
            Ok(())
        })
    })
}

fn search(
    args: &Args,
    catalog: &Catalog,
    graph: &Graph,
    axes: &BTreeMap<String, Vec<u64>>,
    target: &Target,
) -> Result<Found> {
    let own = target.file.and_then(|device| device.memory);
    let memory = args.memory_gb.map(|gb| Bytes((1e9 * gb) as u64)).or(own);
    let budget = Budget { memory, time: args.time_ms.map(Millis) };
    let (mut predicted, mut warnings, mut said) = (false, Vec::new(), BTreeSet::new());
    let choices = choose(graph, axes, &budget, |bound| {
        let forecast = catalog.forecast(bound, Some(&target.name))?;
        let uncounted = bound.uncounted()?;
        let uncounted = (!uncounted.is_empty()).then(|| uncounted.to_string());
        // What another configuration differs in by its numbers alone is said of the first.
        let without = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        warnings
            .extend(uncounted.into_iter().chain(target.warnings(&forecast)).filter(|text| said.insert(without(text))));
        let memory = forecast.memory.map(|memory| Bytes((1e6 * memory.value.value()).round() as u64));
        predicted = memory.is_some();
        Ok((Millis(forecast.latency.value.value()), memory.map_or_else(|| bound.peak_memory(), Ok)?))
    })?;
    Ok(Found { choices, memory_from: if predicted { "prediction" } else { "weights and activations" }, warnings })
}
