//! A device that nobody measured before: ten networks measured on it, and what others will take there. Needs no libtorch.
//!
//!     cargo run -p tachograph-examples --example new_device

use std::path::Path;

use anyhow::{Context, Result};
use tachograph_datasets::{CsvSet, DeviceTimes};
use tachograph_transfer::{Observation, Transfer, cross_validate, rates};

/// Ten of the networks in this table count as measured; the other four are predicted, and compared.
const MEASURED: usize = 10;

/// Predicts one core of a Xeon from ten networks.
pub fn main() -> Result<()> {
    // A table beside model files: file, device, latency_ms and, if it is not 1, batch.
    let set = CsvSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("measured.csv"))?;
    let times = DeviceTimes::read(&set, &["xeon-spr-1t"], None)?;
    let mut latencies = vec![];
    for network in &times.networks {
        latencies.push(network.ms[0].with_context(|| network.name.clone())?);
    }

    // What each network uses up: operations, bytes and launches by kind of kernel. Nothing of it is measured.
    let costs = times.networks.iter().map(|network| rates::costs(&network.graph)).collect::<Result<Vec<_>, _>>()?;

    // A time is the sum of costs at the rates of the device. Ten numbers cannot say forty rates: what they leave open is
    // taken from the 194 settings of CPUs in ncnn's benchmark.
    let prior = rates::RatePrior::cpu().over(&costs)?;
    let known: Vec<Observation> =
        latencies[..MEASURED].iter().enumerate().map(|(network, &ms)| Observation { network, ms }).collect();

    // How good is it here? The ten predicted from each other tell, before the first real prediction.
    let check = cross_validate(&prior, &known, 5)?;
    println!("predicted from each other, the ten are {:.0} % off in the median", 100.0 * check.median_ape);

    let device = prior.adapt(&known)?;
    println!("{:40}  predicted  80 % within        measured", "network");
    for (network, &measured) in latencies.iter().enumerate().skip(MEASURED) {
        let time = device.predict(network)?;
        let name = Path::new(&times.networks[network].name).file_name().unwrap_or_default().to_string_lossy();
        println!("{name:40}  {:6.1} ms  {:5.1} to {:5.1} ms  {measured:6.1} ms", time.ms, time.low, time.high);
    }
    // Where a device like the new one was measured on many networks, `rates::Relative` starts from its times and needs
    // fewer measurements; `tachograph transfer` compares the ways.
    Ok(())
}
