//! TenSet's network for programs of one row: two layers, two residual ones, a score (Zheng et al., NeurIPS 2021 D&B). In single
//! precision and in batches, since it has some ten thousand weights.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// TenSet's settings: learning rate, decay of weights, the longest gradient.
const RATE: f32 = 7e-4;
const DECAY: f32 = 1e-6;
const LONGEST: f32 = 0.5;

/// A linear layer with its gradient and Adam's moments.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    inputs: usize,
    outputs: usize,
    /// A row for each input, then the bias.
    pub weights: Vec<f32>,
    pub slopes: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn add(to: &mut [f32], by: f32, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += by * what);
}

impl Dense {
    fn new(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng) -> Self {
        // PyTorch's start, as TenSet's code has it.
        let bound = 1.0 / (inputs.max(1) as f32).sqrt();
        let weights: Vec<f32> =
            (0..(inputs + 1) * outputs).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect();
        let zero = vec![0.0; weights.len()];
        Self { inputs, outputs, weights, slopes: zero.clone(), first: zero.clone(), second: zero }
    }

    fn forward(&self, x: &[f32], n: usize) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut y = Vec::with_capacity(n * outputs);
        for r in 0..n {
            let at = y.len();
            y.extend_from_slice(&self.weights[inputs * outputs..]);
            for (x, row) in x[r * inputs..(r + 1) * inputs].iter().zip(self.weights.chunks_exact(outputs)) {
                if *x != 0.0 {
                    add(&mut y[at..], *x, row);
                }
            }
        }
        y
    }

    /// Adds to the slopes; those of the inputs.
    fn backward(&mut self, x: &[f32], slopes: &[f32], n: usize) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut below = Vec::with_capacity(n * inputs);
        for r in 0..n {
            let slope = &slopes[r * outputs..(r + 1) * outputs];
            let rows = self.weights.chunks_exact(outputs).zip(self.slopes.chunks_exact_mut(outputs));
            for (x, (row, sums)) in x[r * inputs..(r + 1) * inputs].iter().zip(rows) {
                if *x != 0.0 {
                    add(sums, *x, slope);
                }
                below.push(dot(row, slope));
            }
            add(&mut self.slopes[inputs * outputs..], 1.0, slope);
        }
        below
    }
}

/// The network, and a classifier of devices on what it makes of a program.
#[derive(Clone, Debug)]
pub(super) struct Mlp {
    /// Two layers, two residual ones, the score; the classifier is last.
    pub layers: Vec<Dense>,
    steps: i32,
}

/// What each layer was given, and the outputs.
pub(super) struct Pass {
    n: usize,
    given: Vec<Vec<f32>>,
    /// Outputs of the layers before and including their activations, where they have one.
    active: Vec<Vec<f32>>,
    /// Scores.
    pub scores: Vec<f32>,
    /// Of the classifier, before its sigmoid.
    pub devices: Vec<f32>,
}

const SCORE: usize = 4;
const DEVICE: usize = 5;

fn relu(mut x: Vec<f32>) -> Vec<f32> {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
    x
}

fn masked(mut slopes: Vec<f32>, active: &[f32]) -> Vec<f32> {
    slopes.iter_mut().zip(active).for_each(|(slope, y)| *slope = if *y > 0.0 { *slope } else { 0.0 });
    slopes
}

impl Mlp {
    pub fn new(inputs: usize, width: usize, rng: &mut ChaCha8Rng) -> Self {
        let shapes = [(inputs, width), (width, width), (width, width), (width, width), (width, 1), (width, 1)];
        Self { layers: shapes.into_iter().map(|(i, o)| Dense::new(i, o, rng)).collect(), steps: 0 }
    }

    /// Of `n` rows one after another.
    pub fn forward(&self, rows: Vec<f32>, n: usize) -> Pass {
        let a = relu(self.layers[0].forward(&rows, n));
        // A program is the sum over its statements; ours have one.
        let pooled = relu(self.layers[1].forward(&a, n));
        let (mut given, mut active) = (vec![rows, a.clone()], vec![a, pooled.clone()]);
        let mut x = pooled.clone();
        for layer in &self.layers[2..SCORE] {
            let y = relu(layer.forward(&x, n));
            given.push(x.clone());
            x.iter_mut().zip(&y).for_each(|(x, y)| *x += y);
            active.push(y);
        }
        let scores = self.layers[SCORE].forward(&x, n);
        let devices = self.layers[DEVICE].forward(&pooled, n);
        given.extend([x, pooled]);
        Pass { n, given, active, scores, devices }
    }

    /// Adds slopes of the weights. Those of the classifier go on reversed, times `reversed`: the program's vector is to tell
    /// nothing of the device (Ganin and Lempitsky, ICML 2015). The slopes of what was read.
    pub fn backward(&mut self, pass: &Pass, scores: &[f32], devices: Option<&[f32]>, reversed: f32) -> Vec<f32> {
        let n = pass.n;
        let mut slopes = self.layers[SCORE].backward(&pass.given[SCORE], scores, n);
        for k in (2..SCORE).rev() {
            let inner = masked(slopes.clone(), &pass.active[k]);
            let below = self.layers[k].backward(&pass.given[k], &inner, n);
            add(&mut slopes, 1.0, &below);
        }
        if let Some(devices) = devices {
            let below = self.layers[DEVICE].backward(&pass.given[DEVICE], devices, n);
            add(&mut slopes, -reversed, &below);
        }
        let slopes = self.layers[1].backward(&pass.given[1], &masked(slopes, &pass.active[1]), n);
        self.layers[0].backward(&pass.given[0], &masked(slopes, &pass.active[0]), n)
    }

    /// A step of Adam down the slopes, which are then zero. Weights that are not `open` shrink by this share instead.
    pub fn step(&mut self, open: Option<&[Vec<bool>]>, shrink: f32) {
        self.steps += 1;
        let length = self.layers.iter().map(|layer| dot(&layer.slopes, &layer.slopes)).sum::<f32>().sqrt();
        let scale = if length > LONGEST { LONGEST / length } else { 1.0 };
        let (a, b) = (1.0 - 0.9f32.powi(self.steps), 1.0 - 0.999f32.powi(self.steps));
        for (l, layer) in self.layers.iter_mut().enumerate() {
            for k in 0..layer.weights.len() {
                let slope = scale * std::mem::take(&mut layer.slopes[k]) + DECAY * layer.weights[k];
                if open.is_some_and(|open| !open[l][k]) {
                    layer.weights[k] *= 1.0 - shrink;
                    continue;
                }
                layer.first[k] += 0.1 * (slope - layer.first[k]);
                layer.second[k] += 0.001 * (slope * slope - layer.second[k]);
                layer.weights[k] -= RATE * (layer.first[k] / a) / ((layer.second[k] / b).sqrt() + 1e-8);
            }
        }
    }
}

/// The slopes of LambdaRank's loss over one list, as TLP and TenSet have it: Σ over pairs of −log₂ σ(sᵢ − sⱼ) times what
/// exchanging the two does to DCG.
pub(super) fn lambda_rank(scores: &[f32], labels: &[f32]) -> Vec<f32> {
    let n = scores.len();
    let by = |values: &[f32]| {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        order
    };
    let discount = |rank: usize| (2.0 + rank as f32).log2();
    let gain = |label: f32| label.exp2() - 1.0;
    let most: f32 = by(labels).iter().enumerate().map(|(rank, &i)| gain(labels[i]) / discount(rank)).sum();
    let most = most.max(1e-9);
    let mut ranks = vec![0; n];
    by(scores).iter().enumerate().for_each(|(rank, &i)| ranks[i] = rank);
    let inverse: Vec<f32> = ranks.iter().map(|&rank| 1.0 / discount(rank)).collect();
    let gains: Vec<f32> = labels.iter().map(|&label| gain(label) / most).collect();
    let mut slopes = vec![0f32; n];
    for i in 0..n {
        for j in 0..i {
            if labels[i] == labels[j] {
                continue;
            }
            let (more, less) = if labels[i] > labels[j] { (i, j) } else { (j, i) };
            let weight = (inverse[i] - inverse[j]).abs() * (gains[i] - gains[j]).abs();
            let slope = weight / std::f32::consts::LN_2 / (1.0 + (scores[more] - scores[less]).exp());
            slopes[more] -= slope;
            slopes[less] += slope;
        }
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn slopes_are_those_of_the_outputs() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut mlp = Mlp::new(3, 6, &mut rng);
        let rows = vec![0.3f32, -0.8, 0.5, 0.9, 0.1, -0.4];
        let (by_score, by_device) = ([1.0f32, -2.0], [0.5f32, 1.5]);
        let pass = mlp.forward(rows.clone(), 2);
        // With −1 the classifier's slopes go on as they are.
        mlp.backward(&pass, &by_score, Some(&by_device), -1.0);
        let loss = |mlp: &Mlp| {
            let pass = mlp.forward(rows.clone(), 2);
            let both = pass.scores.iter().zip(by_score).chain(pass.devices.iter().zip(by_device));
            both.map(|(a, b)| f64::from(*a) * f64::from(b)).sum::<f64>()
        };
        for l in 0..6 {
            for k in [0, mlp.layers[l].weights.len() / 2, mlp.layers[l].weights.len() - 1] {
                let moved = |by: f32| {
                    let mut other = mlp.clone();
                    other.layers[l].weights[k] += by;
                    loss(&other)
                };
                let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let found = f64::from(mlp.layers[l].slopes[k]);
                assert!((found - expected).abs() < 2e-3 * expected.abs().max(1.0), "{l} {k}: {found} {expected}");
            }
        }
    }

    #[test]
    fn lambda_rank_by_hand() {
        // Labels 1 and 0, the wrong one ahead: DCG at most is 1, weight |1/log₂3 − 1| · 1, slope of −log₂ σ(−1).
        let slopes = lambda_rank(&[0.0, 1.0], &[1.0, 0.0]);
        let weight = 1.0 - 1.0 / 3f32.log2();
        let expected = weight / std::f32::consts::LN_2 / (1.0 + (-1f32).exp());
        assert!((slopes[0] + expected).abs() < 1e-6 && (slopes[1] - expected).abs() < 1e-6, "{slopes:?} {expected}");
        assert_eq!(lambda_rank(&[0.0, 1.0], &[0.5, 0.5]), [0.0, 0.0]);
    }
}
