//! From a prediction to the page that shows it.

use anyhow::Result;
use tachograph_ir::{Assignment, BoundGraph, Dim, Graph, NodeId};
use tachograph_report::{DeviceEstimate, Estimate, Network, Report};
use tachograph_train::{Output, Prediction, Predictor};

/// What a page is about.
pub struct Subject<'a> {
    /// The network with its hyperparameters free.
    pub graph: &'a Graph,
    /// The same, bound.
    pub bound: &'a BoundGraph,
    /// The output of the predictor.
    pub output: usize,
    /// What it predicted.
    pub prediction: &'a Prediction,
    /// Time, or a substitute for it, of each operator.
    pub times: &'a [(NodeId, f64)],
    /// What `times` are, such as `predicted time`.
    pub shares_of: &'a str,
}

/// A page without facts and warnings: the network, each power of two up to 256 that its batch can be, each device.
///
/// # Errors
/// The graph cannot be featurised.
pub fn page(predictor: &Predictor, subject: &Subject<'_>) -> Result<Report> {
    let Subject { graph, bound, output, prediction, times, shares_of } = *subject;
    let manifest = predictor.manifest();
    let estimate = |output: usize, ms: f64| Estimate { ms, interval: predictor.interval(output, ms) };

    let mut batches = Vec::new();
    for bound in batched(graph, bound.config()) {
        batches.push((bound.batch(), estimate(output, predictor.predict(&bound, output)?.latency_ms)));
    }
    let features = manifest.featurizer.featurize(bound)?;
    let latencies: Vec<(usize, &Output)> =
        manifest.outputs.iter().enumerate().filter(|(_, device)| device.quantity.is_latency()).collect();
    let outputs: Vec<usize> = latencies.iter().map(|(i, _)| *i).collect();
    let predicted = predictor.predict_outputs(&[&features], &outputs)?.into_iter().flatten();
    let devices = latencies.into_iter().zip(predicted).map(|((i, device), ms)| DeviceEstimate {
        name: device.name.clone(),
        detail: device.ran_on(),
        latency: estimate(i, ms),
        chosen: i == output,
    });
    let interval = manifest.outputs.get(output).and_then(|device| device.interval.as_ref());
    Ok(Report {
        title: bound.graph().name().to_owned(),
        latency: Estimate { ms: prediction.latency_ms, interval: prediction.interval_ms },
        nominal: interval.map(|interval| interval.nominal),
        facts: Vec::new(),
        warnings: Vec::new(),
        shares_of: shares_of.into(),
        network: Network::new(bound, times)?,
        batches,
        devices: devices.collect(),
    })
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
