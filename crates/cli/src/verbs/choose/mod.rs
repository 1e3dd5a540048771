//! `tachograph choose`.

mod said;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, ensure};
use tachograph_ir::{Bytes, Graph, Millis};
use tachograph_predict::{Budget, Catalog, Choices, choose};

use crate::{
    device::{Devices, Target},
    exit, models, table,
};

/// Search the configurations of models for those that do most samples a second within a memory and a time
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Model files.
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// Values to try of an open dimension or attribute, such as `batch=1,2,4`; give it again for several.
    #[arg(long, required = true, value_name = "NAME=VALUE,…", value_parser = axis)]
    over: Vec<(String, Vec<u64>)>,
    /// Memory of the device, 10⁹ bytes.
    #[arg(long)]
    memory_gb: Option<f64>,
    /// Most time of a batch.
    #[arg(long)]
    time_ms: Option<f64>,
    #[command(flatten)]
    devices: Devices,
    /// Configurations within the budget to list.
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// One JSON object for each model and device, each on a line.
    #[arg(long)]
    json: bool,
}

fn axis(text: &str) -> Result<(String, Vec<u64>)> {
    let (name, values) = text.rsplit_once('=').context("expected NAME=VALUE,VALUE,…")?;
    ensure!(!name.is_empty(), "no name before `=`");
    Ok((name.into(), values.split(',').map(|v| v.trim().parse()).collect::<Result<_, _>>()?))
}

pub fn run(args: &Args) -> Result<()> {
    let catalog = args.devices.catalog()?;
    let targets = args.devices.targets(&catalog)?;
    exit::each(&args.models, |path| {
        let graph = models::read(path)?.graph;
        let name = path.display().to_string();
        exit::each(&targets, |target| {
            let (found, predicted) = search(args, &catalog, &graph, target).with_context(|| name.clone())?;
            let memory_from = if predicted { "prediction" } else { "weights and activations" };
            match args.json {
                true => table::json(&said::machine(args, &name, target, &found, memory_from)),
                false => said::show(args, &name, target, &found, memory_from),
            }
        })
    })
}

/// What was found, and whether its memory was predicted.
fn search(args: &Args, catalog: &Catalog, graph: &Graph, target: &Target) -> Result<(Choices, bool)> {
    let budget = Budget { memory: args.memory_gb.map(|gb| Bytes((1e9 * gb) as u64)), time: args.time_ms.map(Millis) };
    let axes: BTreeMap<String, Vec<u64>> = args.over.iter().cloned().collect();
    let mut predicted = false;
    let choices = choose(graph, &axes, &budget, |bound| {
        let forecast = catalog.forecast(bound, Some(&target.name))?;
        let memory = forecast.memory.map(|memory| Bytes((1e6 * memory.value.value()).round() as u64));
        predicted = memory.is_some();
        Ok((Millis(forecast.latency.value.value()), memory.map_or_else(|| bound.peak_memory(), Ok)?))
    })?;
    Ok((choices, predicted))
}
