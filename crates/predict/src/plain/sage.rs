//! GraphSAGE layers: means over in-neighbours.

use ndarray::{Array2, Axis};

use super::{
    batch::{Batch, Reduce, reduce},
    linear::Linear,
    weights::Weights,
};
use crate::Result;

/// xᵢ' = W_l · mean_{j→i} xⱼ + b + W_r · xᵢ, divided by its L2 norm where `normalize`.
pub(super) struct Sage {
    neighbours: Linear,
    own: Linear,
    normalize: bool,
}

impl Sage {
    /// `graph.0`, `graph.1`, … as far as there are, for inputs of a width; and the width of what the last puts out.
    pub fn stack(weights: &Weights<'_>, inputs: usize, normalize: bool) -> Result<(Vec<Self>, usize)> {
        let (mut layers, mut width) = (Vec::new(), inputs);
        while weights.has(&format!("graph.{}.lin_l.weight", layers.len())) {
            let linear = |part| Linear::new(weights, &format!("graph.{}.{part}", layers.len()), width);
            let layer = Self { neighbours: linear("lin_l")?, own: linear("lin_r")?, normalize };
            width = layer.own.outputs();
            layers.push(layer);
        }
        Ok((layers, width))
    }

    /// Rows of layer `l` of the batch: (sources, in) → (destinations, out).
    pub fn apply(&self, batch: &Batch, l: usize, x: &Array2<f32>) -> Array2<f32> {
        let (edges, residual) = &batch.layers[l];
        let mut y = self.neighbours.apply(&reduce(edges, x, Reduce::Mean));
        y += &self.own.apply(&x.select(Axis(0), residual));
        if self.normalize {
            for mut row in y.axis_iter_mut(Axis(0)) {
                let norm = row.dot(&row).sqrt().max(1e-12);
                row /= norm;
            }
        }
        y
    }
}
