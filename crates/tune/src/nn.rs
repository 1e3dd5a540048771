//! A small network in plain Rust, for agents whose networks have some thousand weights.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Tanh,
    Relu,
    Softsign,
}

#[derive(Clone, Debug)]
struct Layer {
    inputs: usize,
    /// Row after row; the bias follows each row.
    weights: Vec<f64>,
    slopes: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Linear layers with an activation after each, or after each but the last.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    layers: Vec<Layer>,
    /// Of each layer.
    activations: Vec<Activation>,
    last_is_linear: bool,
    steps: i32,
}

/// The input of each layer, and the output.
pub(crate) type Pass = Vec<Vec<f64>>;

impl Network {
    /// Glorot's uniform start.
    pub fn new(widths: &[usize], activation: Activation, last_is_linear: bool, rng: &mut ChaCha8Rng) -> Self {
        let layer = |pair: &[usize]| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            let bias = |k: usize| k % (inputs + 1) == inputs;
            let weight = |k: usize| if bias(k) { 0.0 } else { bound * (2.0 * rng.random::<f64>() - 1.0) };
            let weights: Vec<f64> = (0..outputs * (inputs + 1)).map(weight).collect();
            let zero = vec![0.0; weights.len()];
            Layer { inputs, weights, slopes: zero.clone(), first: zero.clone(), second: zero }
        };
        let layers: Vec<Layer> = widths.windows(2).map(layer).collect();
        let activations = vec![activation; layers.len()];
        Self { layers, activations, last_is_linear, steps: 0 }
    }

    /// Another activation after one layer.
    pub fn set_activation(&mut self, layer: usize, activation: Activation) {
        self.activations[layer] = activation;
    }

    fn linear(&self, layer: usize) -> bool {
        self.last_is_linear && layer + 1 == self.layers.len()
    }

    /// All activations; the last are the outputs.
    pub fn forward(&self, input: &[f64]) -> Pass {
        let mut pass = vec![input.to_vec()];
        for (i, layer) in self.layers.iter().enumerate() {
            let x = &pass[i];
            let output = layer.weights.chunks_exact(layer.inputs + 1).map(|row| {
                let sum: f64 = row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + row[layer.inputs];
                match self.activations[i] {
                    _ if self.linear(i) => sum,
                    Activation::Tanh => sum.tanh(),
                    Activation::Relu => sum.max(0.0),
                    Activation::Softsign => sum / (1.0 + sum.abs()),
                }
            });
            let output = output.collect();
            pass.push(output);
        }
        pass
    }

    /// The outputs.
    pub fn output(&self, input: &[f64]) -> Vec<f64> {
        self.forward(input).pop().unwrap_or_default()
    }

    /// Adds to the slopes of the weights those of a loss with these slopes of the outputs; the slopes of the inputs.
    pub fn backward(&mut self, pass: &Pass, slopes: &[f64]) -> Vec<f64> {
        let mut slopes = slopes.to_vec();
        for i in (0..self.layers.len()).rev() {
            if !self.linear(i) {
                for (slope, y) in slopes.iter_mut().zip(&pass[i + 1]) {
                    *slope *= match self.activations[i] {
                        Activation::Tanh => 1.0 - y * y,
                        Activation::Softsign => (1.0 - y.abs()).powi(2),
                        Activation::Relu => f64::from(u8::from(*y > 0.0)),
                    };
                }
            }
            let layer = &mut self.layers[i];
            let width = layer.inputs + 1;
            let mut below = vec![0.0; layer.inputs];
            for (o, &slope) in slopes.iter().enumerate().filter(|(_, slope)| **slope != 0.0) {
                let row = &layer.weights[o * width..(o + 1) * width];
                let sums = &mut layer.slopes[o * width..(o + 1) * width];
                sums.iter_mut().zip(&pass[i]).for_each(|(sum, x)| *sum += slope * x);
                sums[layer.inputs] += slope;
                below.iter_mut().zip(row).for_each(|(below, w)| *below += slope * w);
            }
            slopes = below;
        }
        slopes
    }

    /// A step of Adam down the slopes, which are then zero.
    pub fn step(&mut self, rate: f64, epsilon: f64) {
        self.steps += 1;
        let (a, b) = (1.0 - 0.9f64.powi(self.steps), 1.0 - 0.999f64.powi(self.steps));
        for layer in &mut self.layers {
            for k in 0..layer.weights.len() {
                let slope = std::mem::take(&mut layer.slopes[k]);
                layer.first[k] += 0.1 * (slope - layer.first[k]);
                layer.second[k] += 0.001 * (slope * slope - layer.second[k]);
                layer.weights[k] -= rate * (layer.first[k] / a) / ((layer.second[k] / b).sqrt() + epsilon);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn slopes_are_those_of_the_output() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        use Activation::{Relu, Softsign, Tanh};
        for (activation, linear) in [(Tanh, true), (Relu, true), (Tanh, false), (Softsign, true)] {
            let mut network = Network::new(&[3, 5, 4, 2], activation, linear, &mut rng);
            let x = [0.3, -0.8, 0.5];
            let pass = network.forward(&x);
            let found = network.backward(&pass, &[1.0, -2.0]);
            let loss = |network: &Network, x: &[f64]| network.output(x)[0] - 2.0 * network.output(x)[1];
            for i in 0..3 {
                let mut moved = x;
                moved[i] += 1e-6;
                let slope = (loss(&network, &moved) - loss(&network, &x)) / 1e-6;
                assert!((slope - found[i]).abs() < 1e-4, "{slope} {}", found[i]);
            }
            let expected = network.layers[1].slopes[2];
            let before = loss(&network, &x);
            network.layers[1].weights[2] += 1e-6;
            assert!(((loss(&network, &x) - before) / 1e-6 - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn a_line_is_learned() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut network = Network::new(&[1, 8, 1], Activation::Tanh, true, &mut rng);
        for i in 0..2000 {
            let x = f64::from(i % 11) / 10.0;
            let pass = network.forward(&[x]);
            let error = pass[2][0] - (2.0 * x - 1.0);
            network.backward(&pass, &[error]);
            network.step(1e-2, 1e-8);
        }
        assert!((network.output(&[0.25])[0] + 0.5).abs() < 0.1);
    }
}
