//! Linear layers with an activation between them, of any widths.

use tachograph_gnn::{Linear, leaky_relu, torch};
use tch::{Tensor, nn};

use crate::Result;

/// What stands between linear layers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Activation {
    /// max(x, slope · x)
    Leaky(f64),
    /// max(x, 0)
    Relu,
    /// x · Φ(x)
    Gelu,
}

/// TensorFlow's leaky ReLU.
pub(crate) const LEAKY: Activation = Activation::Leaky(0.2);

impl Activation {
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Leaky(slope) => leaky_relu(x, slope)?,
            Self::Relu => x.f_relu().map_err(torch("ReLU"))?,
            Self::Gelu => x.f_gelu("none").map_err(torch("GELU"))?,
        })
    }
}

/// Linear layers named 0, 1, …; the activation between them, none after the last.
#[derive(Debug)]
pub(crate) struct Stack {
    layers: Vec<Linear>,
    activation: Activation,
}

impl Stack {
    /// From `inputs` by way of each of `widths` to the last.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, widths: &[i64], activation: Activation) -> Result<Self> {
        Self::build(vs, inputs, widths, activation, true)
    }

    /// The same, without biases.
    pub fn unbiased(vs: &nn::Path<'_>, inputs: i64, widths: &[i64], activation: Activation) -> Result<Self> {
        Self::build(vs, inputs, widths, activation, false)
    }

    fn build(vs: &nn::Path<'_>, inputs: i64, widths: &[i64], activation: Activation, bias: bool) -> Result<Self> {
        let widths: Vec<i64> = [inputs].iter().chain(widths).copied().collect();
        let layer = |(l, w): (usize, &[i64])| Linear::new(&(vs / l), w[0], w[1], bias);
        Ok(Self { layers: widths.windows(2).enumerate().map(layer).collect::<Result<_, _>>()?, activation })
    }

    /// (n, inputs) → (n, last width)
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = x.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            y = layer.forward(&if l == 0 { y } else { self.activation.apply(&y)? })?;
        }
        Ok(y)
    }
}
