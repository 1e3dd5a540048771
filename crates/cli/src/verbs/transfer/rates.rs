//! By rates of kernels: times as sums over kinds of kernels, at rates that start from those of other machines.

use anyhow::{Result, bail};
use tachograph_transfer::{
    Observation,
    rates::{Column, Rates, costs},
};

use super::{
    Args, Start, all_costs, read,
    said::{Predicted, Transferred},
    validate,
};
use crate::{device::doubts, exit, models::Model};

pub fn run(args: &Args, device: &str) -> Result<()> {
    let times = read(args, &[device])?;
    let costs = all_costs(&times)?;
    let time =
        |(network, timed): (usize, &tachograph_datasets::TimedNetwork)| Some(Observation { network, ms: timed.ms[0]? });
    let samples: Vec<Observation> = times.networks.iter().enumerate().filter_map(time).collect();
    if samples.is_empty() {
        bail!("no measurement of `{device}` that has a graph");
    }
    let prior = args.start.unwrap_or(Start::Cpu).prior();
    let mut said = Transferred::new(device, "rates", samples.len());
    if let Some(validation) = validate(&prior.clone().over(&costs)?, &samples)? {
        said.validated(&validation);
    }
    let rates = prior.adapt(&samples, &costs)?;
    let times = samples.iter().map(|sample| sample.ms);
    let range = times.fold((f64::INFINITY, 0.0f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    let several = args.models.len() > 1;
    let done = exit::each(&args.models, |path| {
        let model = Model::among(path, &args.models, &args.bind)?;
        model.warn(several);
        let mut predicted = predict(&model, &rates, args.top)?;
        predicted.warnings = doubts(device, &model.bound, predicted.latency_ms, range)?;
        said.predictions.push(predicted);
        Ok(())
    });
    said.print(args.json)?;
    done
}

fn predict(model: &Model, rates: &Rates, top: usize) -> Result<Predicted> {
    let costs = costs(&model.bound)?;
    let time = rates.predict(&costs)?;
    let mut terms: Vec<(f64, Column)> = rates.terms(&costs)?.into_iter().zip(Column::all()).collect();
    terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    let terms = terms.into_iter().take(top).filter(|(ms, _)| *ms > 0.0);
    Ok(Predicted {
        model: model.path.clone(),
        batch: model.bound.batch(),
        latency_ms: time.ms,
        interval_low_ms: Some(time.low),
        interval_high_ms: Some(time.high),
        warnings: Vec::new(),
        shares_percent: terms.map(|(ms, column)| (column.to_string(), 100.0 * ms / time.ms)).collect(),
    })
}
