//! The comparison: one set of trees for all operators and GPUs.

use forust_ml::{Matrix, gradientbooster::GradientBooster, objective::ObjectiveType, sampler::SampleMethod};
use tachograph_ir::{Device, Millis};

use super::{Machine, Measurement, Operator};
use crate::{Error, Result};

/// Boosted trees from the logarithms of an operator's extents, operations and bytes and of the GPU's peak, bandwidth,
/// multiprocessors and cache to ln t: 500 trees of depth 6 with learning rate 0.1, not tuned.
pub struct OperatorTrees(GradientBooster);

impl OperatorTrees {
    /// Fits on all measurements together.
    ///
    /// # Errors
    /// Nothing to fit on; a device file that lacks a figure.
    pub fn fit(measurements: &[Measurement], seed: u64) -> Result<Self> {
        let rows = measurements.iter().map(|m| row(&m.operator, m.device)).collect::<Result<Vec<_>>>()?;
        let width = rows.first().map_or(0, Vec::len);
        let column = |c: usize| rows.iter().map(move |row| row[c]);
        let columns: Vec<f64> = (0..width).flat_map(column).collect();
        let targets: Vec<f64> = measurements.iter().map(|m| m.latency.0.ln()).collect();
        let mut trees = GradientBooster::default()
            .set_objective_type(ObjectiveType::SquaredLoss)
            .set_iterations(500)
            .set_learning_rate(0.1)
            .set_max_depth(6)
            .set_sample_method(SampleMethod::Random)
            .set_subsample(0.8)
            .set_seed(seed)
            .set_parallel(false);
        let fitted = trees.fit_unweighted(&Matrix::new(&columns, rows.len(), width), &targets, None);
        fitted.map_err(|error| Error::Library { library: "forust-ml", message: error.to_string() })?;
        Ok(Self(trees))
    }

    /// Time on an idle GPU.
    ///
    /// # Errors
    /// The device file lacks a figure.
    pub fn predict(&self, operator: &Operator, device: &Device) -> Result<Millis> {
        let row = row(operator, device)?;
        let ln = self.0.predict(&Matrix::new(&row, 1, row.len()), false);
        Ok(Millis(ln.first().map_or(0.0, |ln| ln.exp())))
    }
}

fn row(operator: &Operator, device: &Device) -> Result<Vec<f64>> {
    let machine = Machine::new(device, 0.0)?;
    let Operator { class, batch, rows, columns, depth, bytes } = *operator;
    let logs = [batch, rows, columns, depth, operator.flops(), bytes, machine.peak, machine.bandwidth, machine.units];
    let mut row: Vec<f64> = logs.iter().chain([&machine.l2]).map(|x| x.max(1e-3).ln()).collect();
    row.push(f64::from(class as u8));
    Ok(row)
}
