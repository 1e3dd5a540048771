//! NNLP, the predictor of NNLQP: `Nnlp` of `tachograph-models`, without dropout.

use ndarray::{Array2, Axis, concatenate};
use tachograph_features::Schema;
use tachograph_ir::Quantity;

use super::{
    Network,
    batch::{Batch, Reduce, reduce},
    linear::{Linear, Mlp},
    sage::Sage,
    weights::Weights,
};
use crate::Result;

struct Nnlp {
    layers: Vec<Sage>,
    globals: Option<Linear>,
    heads: Vec<Mlp>,
}

pub(super) fn build(weights: &Weights<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
    // The published network normalises, so that is what a checkpoint means that does not say.
    let normalize = !weights.spec.settings.contains_key("normalize") || weights.spec.is_on("normalize");
    let (layers, hidden) = Sage::stack(weights, schema.node_columns.len(), normalize)?;
    let width = schema.global_columns.len();
    let globals = weights.spec.is_on("embed_globals").then(|| Linear::new(weights, "globals", width)).transpose()?;
    let width = hidden + globals.as_ref().map_or(width, Linear::outputs);
    let heads = (0..outputs.len()).map(|o| Mlp::new(weights, &format!("heads.{o}"), width)).collect::<Result<_>>()?;
    Ok(Box::new(Nnlp { layers, globals, heads }))
}

impl Network for Nnlp {
    fn layers(&self) -> usize {
        self.layers.len()
    }

    fn forward(&self, batch: &Batch, outputs: &[usize]) -> Array2<f32> {
        let g = self.embed(batch);
        let mut y = Array2::zeros((batch.globals.nrows(), outputs.len()));
        for (mut column, &output) in y.axis_iter_mut(Axis(1)).zip(outputs) {
            column.assign(&self.heads[output].apply(&g).mapv(|z| softplus(-z)).column(0));
        }
        y
    }

    fn operators(&self, _: &Batch, _: usize) -> Option<Vec<f32>> {
        None
    }

    fn embed(&self, batch: &Batch) -> Array2<f32> {
        let mut h = batch.nodes.clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.apply(batch, l, &h);
            h.mapv_inplace(|v| v.max(0.0));
        }
        let sum = reduce(&batch.graph_of_row, &h, Reduce::Sum);
        let globals = self.globals.as_ref().map(|linear| linear.apply(&batch.globals).mapv(|v| v.max(0.0)));
        concatenate![Axis(1), sum, globals.as_ref().unwrap_or(&batch.globals).view()]
    }
}

/// ln(1 + eˣ), which is x where eˣ is large.
fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}
