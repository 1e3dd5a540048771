//! Latency as a sum over operators, each seen in its context: `OperatorSum` of `tachograph-models`.

use ndarray::{Array2, Axis, concatenate};
use tachograph_features::Schema;
use tachograph_ir::Quantity;

use super::{
    Network,
    batch::{Batch, Reduce, reduce},
    linear::Mlp,
    sage::Sage,
    weights::Weights,
};
use crate::Result;

/// Keeps exp within f32.
const LIMIT: f32 = 20.0;

struct OperatorSum {
    layers: Vec<Sage>,
    heads: Vec<Mlp>,
}

pub(super) fn build(weights: &Weights<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
    let inputs = schema.node_columns.len();
    let (layers, hidden) = Sage::stack(weights, inputs, false)?;
    let width = if layers.is_empty() { inputs } else { hidden + inputs };
    let heads = (0..outputs.len()).map(|o| Mlp::new(weights, &format!("heads.{o}"), width)).collect::<Result<_>>()?;
    Ok(Box::new(OperatorSum { layers, heads }))
}

impl OperatorSum {
    /// hᵢ ‖ xᵢ of every operator.
    fn rows(&self, batch: &Batch) -> Array2<f32> {
        let (mut h, mut x) = (batch.nodes.clone(), batch.nodes.clone());
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.apply(batch, l, &h);
            h.mapv_inplace(|v| v.max(0.0));
            x = x.select(Axis(0), &batch.layers[l].1);
        }
        if self.layers.is_empty() { h } else { concatenate![Axis(1), h, x] }
    }

    /// Time of every row by one head: (rows, 1).
    fn times(&self, rows: &Array2<f32>, output: usize) -> Array2<f32> {
        self.heads[output].apply(rows).mapv(|z| z.clamp(-LIMIT, LIMIT).exp())
    }
}

impl Network for OperatorSum {
    fn layers(&self) -> usize {
        self.layers.len()
    }

    fn forward(&self, batch: &Batch, outputs: &[usize]) -> Array2<f32> {
        let rows = self.rows(batch);
        let mut y = Array2::zeros((batch.globals.nrows(), outputs.len()));
        for (mut column, &output) in y.axis_iter_mut(Axis(1)).zip(outputs) {
            column.assign(&reduce(&batch.graph_of_row, &self.times(&rows, output), Reduce::Sum).column(0));
        }
        y
    }

    fn operators(&self, batch: &Batch, output: usize) -> Option<Vec<f32>> {
        Some(self.times(&self.rows(batch), output).into_iter().collect())
    }

    fn embed(&self, batch: &Batch) -> Array2<f32> {
        reduce(&batch.graph_of_row, &self.rows(batch), Reduce::Sum)
    }
}
