//! A predictor for a new device from few measurements.

mod cross;
mod method;
mod report;
mod select;
mod tune;

use serde::{Deserialize, Serialize};
use tachograph_features::FeatureGraph;
use tachograph_ir::Millis;

pub use method::Method;
pub use report::{AdaptReport, Candidate};
pub use select::{Selection, select};

use crate::{Error, Loss, Output, Result, TorchPredictor, error::setting, loss::LogSquared};
use tune::Start;

/// Settings of [`adapt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptConfig {
    /// Device of the predictor to start from; without one, the one whose predictions a log-linear law fits best.
    pub source: Option<String>,
    /// The methods that cross-validation chooses from; among those that do about equally well, the first.
    pub methods: Vec<Method>,
    /// Folds of the cross-validation; with fewer measurements, each is left out once.
    pub folds: usize,
    /// Most optimiser steps; an eighth, a quarter and half of it are tried as well.
    pub steps: u64,
    /// Learning rate (Adam).
    pub rate: f64,
    /// Measurements per step.
    pub batch: usize,
    /// What fine-tuning minimises, on milliseconds.
    pub loss: Loss,
    /// Seed of folds, order, dropout and fresh weights.
    pub seed: u64,
}

impl Default for AdaptConfig {
    fn default() -> Self {
        Self {
            source: None,
            methods: Method::all(),
            folds: 5,
            steps: 160,
            rate: 1e-3,
            batch: 32,
            loss: LogSquared {}.into(),
            seed: 0,
        }
    }
}

/// Adapts `predictor` to `device` with `samples`, featurised by its own featuriser and measured there. The result
/// predicts for `device` only.
///
/// Every method at every number of steps is cross-validated on the samples alone. Of those within one standard error of
/// the lowest MAPE (Breiman et al., "Classification and Regression Trees", 1984; the error of the paired difference)
/// the first of `config.methods` with the fewest steps is applied to all samples.
///
/// # Errors
/// Fewer than two samples, or one whose latency is no positive number; a source that the predictor does not know; settings that
/// make no sense; a fit that ends in numbers that are not finite.
pub fn adapt(
    predictor: &TorchPredictor,
    device: Output,
    samples: &[(&FeatureGraph, Millis)],
    config: &AdaptConfig,
) -> Result<(TorchPredictor, AdaptReport)> {
    check(samples, config)?;
    let start = Start::new(predictor, device, samples, config)?;
    let validated = cross::validate(&start)?;
    let (best, mape, errors) =
        cross::choose(&validated).ok_or_else(|| measurements("no method stays finite on them".into()))?;
    let everything: Vec<usize> = (0..samples.len()).collect();
    let mut adapted = start.fit(&best.method, &everything, best.steps, |_, _| Ok(()))?;
    start.describe(&mut adapted, &best.method, mape, &errors);
    let report = AdaptReport {
        source: start.source_name().into(),
        samples: samples.len(),
        seed: config.seed,
        method: best.method,
        steps: best.steps,
        calibration: adapted.manifest().outputs.first().map(|d| d.calibration).unwrap_or_default(),
        candidates: validated.into_iter().map(|(candidate, _)| candidate).collect(),
    };
    Ok((adapted, report))
}

fn check(samples: &[(&FeatureGraph, Millis)], config: &AdaptConfig) -> Result<()> {
    if samples.len() < 2 {
        return Err(measurements(format!("{} measurements; cross-validation needs two", samples.len())));
    }
    if let Some((i, (_, ms))) = samples.iter().enumerate().find(|(_, (_, ms))| !(ms.0 > 0.0 && ms.0.is_finite())) {
        return Err(measurements(format!("measurement {i} is {} ms", ms.0)));
    }
    match config {
        c if c.methods.is_empty() => Err(setting("methods", "none")),
        c if c.folds < 2 => Err(setting("folds", format!("{} is not 2 or above", c.folds))),
        c if c.batch == 0 => Err(setting("batch", "0 is not above 0")),
        c if c.steps == 0 => Err(setting("steps", "0 is not above 0")),
        c if !(c.rate > 0.0 && c.rate.is_finite()) => Err(setting("rate", format!("{} is not above 0", c.rate))),
        c => c.loss.check(),
    }
}

fn measurements(message: String) -> Error {
    Error::Measurements { message }
}
