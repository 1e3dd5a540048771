//! A table of your own measurements, and how well simple formulas explain it: what a trained network must beat. Needs no
//! libtorch.
//!
//!     cargo run -p tachograph-examples --example own_data
//!
//! The table holds fourteen networks at batch 1, measured on one core of a Xeon (Sapphire Rapids) under libtorch 2.11.0.

use std::path::Path;

use anyhow::{Context, Result};
use tachograph_datasets::{DeviceTimes, open};
use tachograph_ir::{DType, Device};
use tachograph_metrics::{Report, folds, median_ape};
use tachograph_transfer::baseline::{Baseline, FlopsLine, Kernels, LogLinear, Roofline, StaticRow};

/// Compares four formulas on the table.
pub fn main() -> Result<()> {
    // `open` takes a table, a folder that `tachograph collect` wrote, or the name of a published set.
    let set = open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("measured.csv"), None)?;
    let times = DeviceTimes::read(&*set, &["xeon-spr-1t"], None)?;
    // A file that cannot be read does not stop the others, but nobody should overlook it.
    for (network, why) in &times.left_out {
        println!("left out: {network}: {why}");
    }

    // Each network as costs on paper, beside its time.
    let (mut rows, mut latencies) = (vec![], vec![]);
    for network in &times.networks {
        rows.push(StaticRow::new(&network.graph)?);
        latencies.push(network.ms[0].with_context(|| network.name.clone())?);
    }

    println!("{:12}  MAPE     median   Spearman  ({} networks, five folds)", "", rows.len());
    let machine = Device::builtin("xeon-spr-2c")?;
    let roofline = Roofline::new(machine, DType::F32).context("no f32 peak in the device file")?;
    let models: [Box<dyn Baseline>; 4] = [
        Box::new(roofline),
        Box::new(FlopsLine::default()),
        Box::new(LogLinear::default()),
        Box::new(Kernels::default()),
    ];
    for mut model in models {
        // Every network is predicted once, by a fit that has not seen it.
        let mut predicted = vec![0.0; rows.len()];
        for fold in folds(rows.len(), 5) {
            let known: Vec<StaticRow> = fold.known.iter().map(|&i| rows[i].clone()).collect();
            model.fit(&known, &fold.known.iter().map(|&i| latencies[i]).collect::<Vec<_>>())?;
            for i in fold.held {
                predicted[i] = model.predict(&rows[i])?;
            }
        }
        let report = Report::new(&predicted[..], &latencies[..], "ms")?;
        let (mape, median) = (100.0 * report.mape, 100.0 * median_ape(&predicted[..], &latencies[..])?);
        println!("{:12}  {mape:5.1} %  {median:5.1} %  {:.3}", model.name(), report.spearman.unwrap_or(f64::NAN));
    }
    Ok(())
}
