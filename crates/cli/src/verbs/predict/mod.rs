//! `tachograph predict`.

mod line;
#[cfg_attr(not(feature = "torch"), path = "no_measure.rs")]
mod measure;
mod said;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tachograph_predict::{Catalog, page};
use tachograph_report::Page;

use crate::{
    device::{Devices, Target},
    exit,
    models::{Model, Models},
    store::Record,
};
use line::{Line, Operator};

/// Predict latency, memory and energy of model files on devices
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    models: Models,
    #[command(flatten)]
    devices: Devices,
    /// Operators to list.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Write a page that shows the prediction, such as `report.html`; for one model on one device.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Measure the models on this machine too, on one thread (needs libtorch). The measurement is compared with a
    /// prediction for this machine: a checkpoint's, if one knows it, else that of `transfer` by rates from a quick look at six
    /// other networks here.
    #[arg(long)]
    measure: bool,
    #[command(flatten)]
    record: Record,
    /// One JSON object for each model and device, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let catalog = args.devices.catalog()?;
    let targets = args.devices.targets(&catalog)?;
    let pairs = args.models.models.len() * targets.len();
    ensure!(args.html.is_none() || pairs == 1, "--html is for one model on one device");
    let bench = if args.measure { Some(measure::Bench::new(&targets, &args.record)?) } else { None };
    let mut lines = Vec::new();
    let done = exit::each(&args.models.models, |path| {
        let model = Model::among(path, &args.models.models, &args.models.bind)?;
        exit::each(&targets, |target| {
            let mut line = predict(args, &catalog, &model, target)?;
            if let Some(bench) = &bench {
                line.measured = Some(bench.measure(&model.bound, target, line.latency_ms)?);
            }
            lines.push(line);
            Ok(())
        })
    });
    said::print(&lines, &targets, pairs, args.json)?;
    done
}

fn predict(args: &Args, catalog: &Catalog, model: &Model, target: &Target) -> Result<Line> {
    let forecast = catalog.forecast(&model.bound, Some(&target.name))?;
    let (predictor, output) = catalog.find(Some(&target.name))?;
    let shares = predictor.shares(&model.bound, output, forecast.latency.value.value())?;
    let mut line = Line::new(&model.path, &model.bound, target, &forecast);
    line.warnings.extend(model.warnings.iter().cloned());
    line.warnings.splice(..0, target.warnings(&forecast));
    line.uncounted = Some(model.bound.uncounted()?).filter(|uncounted| !uncounted.is_empty());
    line.warnings.extend(line.uncounted.iter().map(ToString::to_string));
    line.trained_on = predictor.manifest().training.to_string();
    line.shares_of = shares.of;
    for (id, share) in shares.largest().into_iter().take(args.top) {
        let node = model.bound.graph().node(id);
        line.operators.push(Operator {
            operator: node.op.to_string(),
            name: node.name.clone(),
            share_percent: 100.0 * share,
        });
    }
    if let Some(path) = &args.html {
        let page = page(predictor, &model.imported.graph, &model.bound, &forecast, &shares)?;
        let html = Page { warnings: line.warnings.clone(), ..page }.to_html()?;
        std::fs::write(path, html).with_context(|| path.display().to_string())?;
    }
    Ok(line)
}
