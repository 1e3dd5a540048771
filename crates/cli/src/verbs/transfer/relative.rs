//! By way of a device like the new one.

use anyhow::{Result, bail};
use tachograph_datasets::TimedNetwork;
use tachograph_ir::Plain;
use tachograph_transfer::{MedianRatio, Observation, Transfer, rates::Relative};

use super::{
    Args, Start, all_costs, enough, read,
    said::{Predicted, Transferred},
    validate,
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
        enough(count, known.len())?;
        let chosen = relative.select(&(0..known.len()).collect::<Vec<_>>(), count)?;
        chosen.into_iter().for_each(|network| out!("{}", title(&times.networks[network])));
        return Ok(());
    }
    if !args.models.is_empty() {
        exit::warn("relative predicts the networks of the measurements alone, not the models given");
    }
    exit::each(args.device.iter().enumerate(), |(place, device)| {
        let time = |(network, timed): (usize, &TimedNetwork)| Some(Observation { network, ms: timed.ms[place + 1]? });
        let samples: Vec<Observation> = times.networks.iter().enumerate().filter_map(time).collect();
        if samples.is_empty() {
            bail!("no network was measured on both `{like}` and `{device}`");
        }
        let mut said = Transferred::new(device, "relative", samples.len());
        if let Some(validation) = validate(&relative, &samples)? {
            said.validated(&validation);
        }
        let scaled = validate(&MedianRatio::new(known.clone())?, &samples)?;
        said.scaled_mape_percent = scaled.map(|scaled| 100.0 * scaled.mape);
        let on_device = relative.adapt(&samples)?;
        for (number, network) in times.networks.iter().enumerate() {
            if network.ms[place + 1].is_none() {
                let estimate = on_device.predict(number)?;
                said.predictions.push(Predicted {
                    model: network.name.clone(),
                    batch: network.batch,
                    latency_ms: estimate.ms,
                    interval_low_ms: Some(estimate.low),
                    interval_high_ms: Some(estimate.high),
                    warnings: Vec::new(),
                    shares_percent: Vec::new(),
                });
            }
        }
        if said.predictions.is_empty() {
            exit::warn(&format!("no network is left to predict: all were measured on `{device}`"));
        }
        said.print(args.json)
    })
}

fn title(network: &TimedNetwork) -> String {
    format!("{} at batch {}", Plain(&network.name), network.batch)
}
