//! From a prediction to the page that shows it.

use tachograph_ir::{Assignment, BoundGraph, Dim, Graph, Quantity};
use tachograph_report::{DeviceEstimate, DrawnNetwork, Latency, Page};

use crate::{Forecast, OutputId, Prediction, Predictor, Result, Shares};

/// The page of a forecast: the network, each power of two up to 256 that its batch can be, each device of the checkpoint.
/// `graph` has its hyperparameters free, `shares` are those of [`Predictor::shares`].
///
/// # Errors
/// The graph cannot be featurised.
pub fn page(
    predictor: &Predictor,
    graph: &Graph,
    bound: &BoundGraph,
    forecast: &Forecast,
    shares: &Shares,
) -> Result<Page> {
    let powers = batched(graph, bound.config());
    let predictions = predictor.predict_batches(&powers.iter().collect::<Vec<_>>(), &[forecast.output])?;
    let batches =
        powers.iter().zip(predictions.iter().flatten()).map(|(at, prediction)| (at.batch(), latency(prediction)));
    let latencies = || predictor.manifest().ids().filter(|(_, output)| output.quantity == Quantity::Latency);
    let outputs: Vec<OutputId> = latencies().map(|(id, _)| id).collect();
    let predictions = predictor.predict_outputs(bound, &outputs)?;
    let device = |((id, output), prediction): ((OutputId, &crate::Output), Prediction)| {
        Ok(DeviceEstimate {
            name: output.name.clone(),
            detail: output.ran_on(),
            latency: latency(&prediction),
            chosen: id == forecast.output,
        })
    };
    let of_other = forecast.memory_as_on.as_ref().map_or(String::new(), |device| format!(", as on {device}"));
    let mut facts = vec![("device", format!("{} ({})", forecast.device, forecast.ran_on))];
    facts.extend(forecast.memory.as_ref().map(|memory| ("memory", format!("{}{of_other}", memory.value))));
    facts.extend(forecast.energy.as_ref().map(|energy| ("energy", energy.value.to_string())));
    facts.push(("checkpoint", forecast.checkpoint.clone()));
    facts.push(("trained on", predictor.manifest().training.to_string()));
    Ok(Page {
        title: bound.graph().name().to_owned(),
        latency: latency(&forecast.latency),
        nominal: forecast.latency.bounds.as_ref().and_then(|bounds| bounds.nominal),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        warnings: Vec::new(),
        shares_of: shares.of.into(),
        network: DrawnNetwork::new(bound, &shares.times)?,
        batches: batches.collect(),
        devices: latencies().zip(predictions).map(device).collect::<Result<_>>()?,
    })
}

/// An interval is drawn where a share of measurements is promised.
fn latency(prediction: &Prediction) -> Latency {
    let bounds = prediction.bounds.as_ref().filter(|bounds| bounds.nominal.is_some());
    Latency { ms: prediction.value.value(), interval: bounds.map(|bounds| (bounds.low.value(), bounds.high.value())) }
}

/// The graph at each power of two of its batch, the first extent of the first input, where that is free.
fn batched(graph: &Graph, config: &Assignment) -> Vec<BoundGraph> {
    let dims = graph.inputs().first().and_then(|&id| graph.tensor(id).dims.as_ref());
    let Some(Dim::Free(batch)) = dims.and_then(|dims| dims.first()) else { return Vec::new() };
    let at = |power: u32| {
        let config = config.iter().map(|(name, &value)| (name.clone(), value));
        graph.bind(&config.chain([(batch.clone(), 1 << power)]).collect()).ok()
    };
    (0..=8).filter_map(at).collect()
}
