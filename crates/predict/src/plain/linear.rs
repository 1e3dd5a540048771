//! Linear layers.

use ndarray::{Array1, Array2, Axis};

use super::weights::Weights;
use crate::Result;

/// y = W·x + b.
pub(super) struct Linear {
    /// (out, in)
    weight: Array2<f32>,
    bias: Option<Array1<f32>>,
}

impl Linear {
    /// `name.weight`, and `name.bias` where there is one, for inputs of a width.
    pub fn new(weights: &Weights<'_>, name: &str, inputs: usize) -> Result<Self> {
        let weight = weights.matrix(&format!("{name}.weight"), inputs)?;
        let bias = format!("{name}.bias");
        let bias = if weights.has(&bias) { Some(weights.vector(&bias)?) } else { None };
        match &bias {
            Some(b) if b.len() != weight.nrows() => {
                let (found, expected) = (b.len(), weight.nrows());
                Err(weights.refuse(name, format!("has {found} biases for {expected} outputs")))
            }
            _ => Ok(Self { weight, bias }),
        }
    }

    /// Width of what it puts out.
    pub fn outputs(&self) -> usize {
        self.weight.nrows()
    }

    /// (n, in) → (n, out)
    pub fn apply(&self, x: &Array2<f32>) -> Array2<f32> {
        let mut y = x.dot(&self.weight.t());
        if let Some(bias) = &self.bias {
            y.axis_iter_mut(Axis(0)).for_each(|mut row| row += bias);
        }
        y
    }
}

/// Linear layers with ReLU between them, the heads of [`NNLP`](super::nnlp) and of sums over operators.
pub(super) struct Mlp(Vec<Linear>);

impl Mlp {
    /// `name.0`, `name.1`, … as far as there are.
    pub fn new(weights: &Weights<'_>, name: &str, inputs: usize) -> Result<Self> {
        let mut layers: Vec<Linear> = vec![Linear::new(weights, &format!("{name}.0"), inputs)?];
        while weights.has(&format!("{name}.{}.weight", layers.len())) {
            let width = layers.last().map_or(inputs, Linear::outputs);
            layers.push(Linear::new(weights, &format!("{name}.{}", layers.len()), width)?);
        }
        Ok(Self(layers))
    }

    /// (n, in) → (n, out)
    pub fn apply(&self, x: &Array2<f32>) -> Array2<f32> {
        let mut layers = self.0.iter();
        let mut y = layers.next().map_or_else(|| x.clone(), |first| first.apply(x));
        for layer in layers {
            y.mapv_inplace(|v| v.max(0.0));
            y = layer.apply(&y);
        }
        y
    }
}
