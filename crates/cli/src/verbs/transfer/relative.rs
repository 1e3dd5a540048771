//! By way of a device like the new one.

use anyhow::{Result, bail};
use tachograph_datasets::TimedNetwork;
use tachograph_features::transfer::{Relative, Sample};

use super::{
    Args, Start, all_costs, read,
    said::{Predicted, Transferred},
};
use crate::exit;

pub fn run(args: &Args, like: &str) -> Result<()> {
    let devices: Vec<&str> = [like].into_iter().chain(args.device.iter().map(String::as_str)).collect();
    let mut times = read(args, &devices)?;
    times.networks.retain(|network| network.ms[0].is_some());
    let costs = all_costs(&times)?;
    let known: Vec<f64> = times.networks.iter().filter_map(|network| network.ms[0]).collect();
    let relative = Relative::new(&args.start.unwrap_or(Start::Gpu).prior(), &known, &costs)?;
    if let Some(count) = args.plan {
        let chosen = relative.select(count)?;
        chosen.into_iter().for_each(|network| println!("{}", title(&times.networks[network])));
        return Ok(());
    }
    exit::each(args.device.iter().enumerate(), |(place, device)| {
        let time = |(network, timed): (usize, &TimedNetwork)| Some(Sample { network, ms: timed.ms[place + 1]? });
        let samples: Vec<Sample> = times.networks.iter().enumerate().filter_map(time).collect();
        if samples.is_empty() {
            bail!("no network was measured on both `{like}` and `{device}`");
        }
        let mut said = Transferred::new(device, "relative", samples.len());
        if samples.len() > 1 {
            let (own, scaled) = relative.cross_validate(&samples)?;
            said.validated(&own);
            said.scaled_mape_percent = Some(100.0 * scaled.mape);
        }
        for (network, ms) in times.networks.iter().zip(relative.adapt(&samples)?) {
            if network.ms[place + 1].is_none() {
                said.predictions.push(Predicted {
                    model: network.name.clone(),
                    batch: network.batch,
                    latency_ms: ms,
                    interval_low_ms: None,
                    interval_high_ms: None,
                    shares_percent: Vec::new(),
                });
            }
        }
        said.print(args.json)
    })
}

fn title(network: &TimedNetwork) -> String {
    format!("{} at batch {}", network.name, network.batch)
}
