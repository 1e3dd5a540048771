//! Utilisation of one machine by one class of operators.

use std::sync::Arc;

use forust_ml::{Matrix, gradientbooster::GradientBooster, objective::ObjectiveType, sampler::SampleMethod};

use super::{Machine, Operator, Settings};
use crate::{Error, Result};

/// Boosted trees that give ln u from the features of an operator.
#[derive(Clone)]
pub(super) struct Curve {
    trees: Arc<GradientBooster>,
    /// What launching costs on an idle GPU, ms.
    pub launch: f64,
}

impl Curve {
    /// From operators and their times in ms; `launch` is the part of each that is no kernel.
    pub fn fit(machine: &Machine, samples: &[(Operator, f64)], launch: f64, settings: &Settings) -> Result<Self> {
        let features: Vec<Vec<f64>> = samples.iter().map(|(operator, _)| operator.features(machine)).collect();
        let width = features.first().map_or(0, Vec::len);
        let column = |c: usize| features.iter().map(move |row| row[c]);
        let columns: Vec<f64> = (0..width).flat_map(column).collect();
        let utilisation = |(operator, ms): &(Operator, f64)| (machine.roofline_ms(operator) / (ms - launch)).ln();
        let targets: Vec<f64> = samples.iter().map(utilisation).map(|ln| ln.min(0.0)).collect();
        // A long operator is known better and counts more in a network.
        let weights: Vec<f64> = samples.iter().map(|(_, ms)| (ms / launch).ln().clamp(0.1, 4.0)).collect();
        let mut trees = GradientBooster::default()
            .set_objective_type(ObjectiveType::SquaredLoss)
            .set_iterations(settings.trees)
            .set_learning_rate(0.1)
            .set_max_depth(6)
            .set_sample_method(SampleMethod::Random)
            .set_subsample(0.8)
            .set_seed(settings.seed)
            .set_parallel(false);
        let fitted = trees.fit(&Matrix::new(&columns, samples.len(), width), &targets, &weights, None);
        fitted.map_err(|error| Error::Library { library: "forust-ml", message: error.to_string() })?;
        Ok(Self { trees: Arc::new(trees), launch })
    }

    /// ln u ≤ 0.
    pub fn utilisation(&self, features: &[f64]) -> f64 {
        let ln = self.trees.predict(&Matrix::new(features, 1, features.len()), false);
        ln.first().map_or(0.0, |ln| ln.min(0.0))
    }
}
