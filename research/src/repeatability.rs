//! Compares two data sets of the same networks on the same device: how well a measurement repeats.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin repeatability -- first-set second-set
//! ```

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, ensure};
use clap::Parser;
use tachograph_datasets::{DataSet, Key, Record};
use tachograph_metrics::quantile;

/// Compares two data sets of the same networks on the same device.
#[derive(Parser)]
pub struct Args {
    first: PathBuf,
    second: PathBuf,
}

/// Does what the command line says.
///
/// # Errors
/// What cannot be read, or makes no sense.
pub fn run(args: &Args) -> Result<()> {
    let (first, second) = (DataSet::open(&args.first)?, DataSet::open(&args.second)?);
    let latencies = compare("medians", &first, &second, |r| r.median_ms);
    compare("energies", &first, &second, |r| r.energy_j);
    compare("peak memories", &first, &second, |r| Some(r.peak_bytes? as f64));
    ensure!(latencies, "the sets have no measurement in common");
    Ok(())
}

/// Prints by how much values differ, and returns false where no network has both.
fn compare(what: &str, first: &DataSet, second: &DataSet, value: impl Fn(&Record) -> Option<f64>) -> bool {
    let named = |r: &Record| Some(((r.device.clone(), r.key()), value(r)?));
    let before: BTreeMap<(String, Key), f64> = first.records().iter().filter_map(named).collect();
    let pairs = second.records().iter().filter_map(named).filter_map(|(key, b)| Some((before.get(&key)?, b)));
    let apart: Vec<f64> = pairs.map(|(a, b)| (b / a - 1.0).abs()).collect();
    if apart.is_empty() {
        return false;
    }
    let at = |q: f64| 100.0 * quantile(&apart, q).unwrap_or_default();
    let within = |limit: f64| 100.0 * apart.iter().filter(|&&a| a < limit).count() as f64 / apart.len() as f64;
    println!("{} networks measured twice; {what} differ by", apart.len());
    println!(
        "  {:.1} % (median), {:.1} % (mean), {:.1} % (90th percentile), {:.1} % (largest)",
        at(0.5),
        100.0 * apart.iter().sum::<f64>() / apart.len() as f64,
        at(0.9),
        at(1.0)
    );
    println!("  less than 5 % for {:.0} % of networks, less than 10 % for {:.0} %", within(0.05), within(0.1));
    true
}
