//! A deep Gaussian process of two layers, learned by doubly stochastic variational inference (Salimbeni and Deisenroth, NeurIPS
//! 2017), and adapted to a few values of another function (DGP-TL; Sun et al., ICCV 2021).
//!
//! Of DGP-TL known are the deep process, its history and that the adaptation is one of maximum a posteriori. The rest is our
//! choice: five hidden functions about the principal components, covariances exp(−r²/2) with a length for each column, posteriors
//! of inducing values that are independent in whitened coordinates.

use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::tape::{Matrix, Tape, Var};
use crate::{
    Result,
    models::{Estimate, RowModel, gp::standard},
    strategies::normal,
};

/// How it is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeepOptions {
    /// Hidden functions.
    pub hidden: usize,
    /// Inducing points of each layer.
    pub inducing: usize,
    /// Rows of a step, each with one sample of the hidden functions.
    pub batch: usize,
    /// Steps of learning, and of adapting.
    pub steps: (usize, usize),
    /// Adam's rate.
    pub rate: f64,
}

impl DeepOptions {
    /// Smaller than is usual (128 inducing points, 3,000 steps): it is learned anew in each run.
    pub const SMALL: Self = Self { hidden: 5, inducing: 32, batch: 64, steps: (800, 100), rate: 0.01 };
}

const JITTER: f64 = 1e-6;

/// Places of the parameters.
const LENGTHS: [usize; 2] = [0, 5];
const SIGNAL: [usize; 2] = [1, 6];
const PLACES: [usize; 2] = [2, 7];
const MEANS: [usize; 2] = [3, 8];
const DOUBTS: [usize; 2] = [4, 9];
const NOISE: usize = 10;

/// The process.
pub struct DeepGp {
    options: DeepOptions,
    history: (Vec<Vec<f64>>, Vec<f64>),
    fitted: Option<Fitted>,
}

struct Fitted {
    /// The linear map below the hidden functions.
    map: Matrix,
    /// As the history has it, and adapted.
    before: Vec<Matrix>,
    now: Vec<Matrix>,
    mean: f64,
    deviation: f64,
}

/// Means and variances of a layer's functions, a row for each input.
struct Layer {
    mean: Var,
    variance: Var,
}

impl DeepGp {
    /// One that learns this history before its first fit.
    pub fn new(options: DeepOptions, rows: Vec<Vec<f64>>, values: Vec<f64>) -> Self {
        Self { options, history: (rows, values), fitted: None }
    }

    /// Learns the history, if that was not done.
    pub(crate) fn start(&mut self, rng: &mut ChaCha8Rng) {
        if self.fitted.is_none() && !self.history.0.is_empty() {
            let (rows, values) = std::mem::take(&mut self.history);
            self.fitted = Some(learn(self.options, &rows, &values, rng));
        }
    }

    /// Means of the hidden functions over their lengths in the second layer, as coordinates of its covariance; nothing before
    /// [`DeepGp::start`].
    pub(crate) fn hidden(&self, rows: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
        let fitted = self.fitted.as_ref()?;
        let mut tape = Tape::default();
        let vars = leaves(&mut tape, &fitted.now);
        let layer = first(&mut tape, &vars, &fitted.map, &Matrix::of(rows));
        let scale = tape.line(vars[LENGTHS[1]], -1.0, 0.0);
        let scale = tape.exp(scale);
        let scaled = tape.columns(layer.mean, scale);
        let value = tape.value(scaled);
        Some((0..value.rows).map(|i| value.row(i).to_vec()).collect())
    }
}

fn leaves(tape: &mut Tape, parameters: &[Matrix]) -> Vec<Var> {
    parameters.iter().map(|parameter| tape.leaf(parameter.clone())).collect()
}

/// A layer at inputs, without its mean function.
fn layer(tape: &mut Tape, vars: &[Var], which: usize, inputs: Var) -> Layer {
    let scale = tape.line(vars[LENGTHS[which]], -1.0, 0.0);
    let scale = tape.exp(scale);
    let inputs = tape.columns(inputs, scale);
    let places = tape.columns(vars[PLACES[which]], scale);
    let own = tape.rbf(places, places, JITTER);
    let l = tape.cholesky(own);
    let cross = tape.rbf(places, inputs, 0.0);
    let a = tape.solved(l, cross);
    let signal = tape.exp(vars[SIGNAL[which]]);
    let square = tape.times(signal, signal);
    let mean = tape.product(a, vars[MEANS[which]]);
    let mean = tape.scaled(mean, signal);
    // σ² (1 + Σ a² (s² − 1)).
    let squares = tape.times(a, a);
    let doubts = tape.line(vars[DOUBTS[which]], 2.0, 0.0);
    let doubts = tape.exp(doubts);
    let less = tape.line(doubts, 1.0, -1.0);
    let variance = tape.product(squares, less);
    let variance = tape.line(variance, 1.0, 1.0 + 1e-9);
    let variance = tape.scaled(variance, square);
    Layer { mean, variance }
}

fn first(tape: &mut Tape, vars: &[Var], map: &Matrix, rows: &Matrix) -> Layer {
    let inputs = tape.leaf(rows.clone());
    let linear = tape.leaf(rows.times(map));
    let layer = layer(tape, vars, 0, inputs);
    Layer { mean: tape.add(layer.mean, linear), ..layer }
}

/// Σ −log N(y | mean, variance + noise) without its constant, if noise is all of the doubt; with the variance added to the squares.
fn misfit(tape: &mut Tape, layer: &Layer, values: &[f64], noise: Var) -> Var {
    let values = tape.leaf(Matrix::new(values.len(), 1, values.to_vec()));
    let error = tape.sub(values, layer.mean);
    let square = tape.times(error, error);
    let square = tape.add(square, layer.variance);
    let sum = tape.sum(square);
    let precision = tape.line(noise, -1.0, 0.0);
    let precision = tape.exp(precision);
    let fit = tape.times(sum, precision);
    let fit = tape.line(fit, 0.5, 0.0);
    let own = tape.line(noise, 0.5 * tape.value(values).rows as f64, 0.0);
    tape.add(fit, own)
}

/// KL(q || p) of whitened inducing values, without its constant.
fn divergence(tape: &mut Tape, means: Var, doubts: Var) -> Var {
    let squares = tape.times(means, means);
    let twice = tape.line(doubts, 2.0, 0.0);
    let variances = tape.exp(twice);
    let both = tape.add(squares, variances);
    let all = tape.sub(both, twice);
    let sum = tape.sum(all);
    tape.line(sum, 0.5, 0.0)
}

/// Adam on several matrices.
struct Adam {
    moments: Vec<(Matrix, Matrix)>,
    steps: i32,
}

impl Adam {
    fn new(parameters: &[Matrix]) -> Self {
        let zero = |m: &Matrix| Matrix::full(m.rows, m.columns, 0.0);
        Self { moments: parameters.iter().map(|m| (zero(m), zero(m))).collect(), steps: 0 }
    }

    fn step(&mut self, parameters: &mut [Matrix], slopes: &[Matrix], rate: f64) {
        if slopes.iter().any(|slope| slope.data.iter().any(|s| !s.is_finite())) {
            return;
        }
        self.steps += 1;
        let (a, b) = (1.0 - 0.9f64.powi(self.steps), 1.0 - 0.999f64.powi(self.steps));
        for ((parameter, slope), (first, second)) in parameters.iter_mut().zip(slopes).zip(&mut self.moments) {
            for (k, slope) in slope.data.iter().enumerate() {
                first.data[k] += 0.1 * (slope - first.data[k]);
                second.data[k] += 0.001 * (slope * slope - second.data[k]);
                parameter.data[k] -= rate * (first.data[k] / a) / ((second.data[k] / b).sqrt() + 1e-8);
            }
        }
    }
}

/// Principal components of rows, a column each, by iteration of powers; scaled so that the first has deviation 1.
fn components(rows: &[Vec<f64>], count: usize, rng: &mut ChaCha8Rng) -> Matrix {
    let width = rows.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width).map(|c| rows.iter().map(|row| row[c]).sum::<f64>() / rows.len() as f64).collect();
    let mut covariance = vec![vec![0.0; width]; width];
    for row in rows {
        for i in 0..width {
            for j in 0..width {
                covariance[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]) / rows.len() as f64;
            }
        }
    }
    let mut found: Vec<Vec<f64>> = Vec::new();
    let mut largest = 0.0f64;
    for _ in 0..count {
        let mut v: Vec<f64> = (0..width).map(|_| normal(rng)).collect();
        let mut value = 0.0;
        for _ in 0..100 {
            let mut next: Vec<f64> =
                covariance.iter().map(|row| row.iter().zip(&v).map(|(a, b)| a * b).sum()).collect();
            for other in &found {
                let along: f64 = next.iter().zip(other).map(|(a, b)| a * b).sum();
                next.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
            value = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            if value < 1e-12 {
                next.fill(0.0);
                v = next;
                break;
            }
            v = next.into_iter().map(|x| x / value).collect();
        }
        largest = largest.max(value);
        found.push(v);
    }
    let scale = if largest > 0.0 { 1.0 / largest.sqrt() } else { 1.0 };
    let data = (0..width).flat_map(|i| found.iter().map(move |v| v[i] * scale)).collect();
    Matrix::new(width, count, data)
}

/// The process of a history.
fn learn(options: DeepOptions, rows: &[Vec<f64>], values: &[f64], rng: &mut ChaCha8Rng) -> Fitted {
    let (mean, deviation) = standard(values);
    let values: Vec<f64> = values.iter().map(|value| (value - mean) / deviation).collect();
    let (hidden, width) = (options.hidden, rows.first().map_or(0, Vec::len));
    let map = components(rows, hidden, rng);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.shuffle(rng);
    let places: Vec<Vec<f64>> = order.iter().take(options.inducing).map(|&i| rows[i].clone()).collect();
    let inducing = places.len();
    let places = Matrix::of(&places);
    let middle = places.times(&map);
    let mut parameters = vec![
        Matrix::full(1, width, (width as f64).sqrt().max(1.0).ln() - 0.7),
        Matrix::full(1, 1, -1.0),
        places,
        Matrix::full(inducing, hidden, 0.0),
        Matrix::full(inducing, hidden, -2.0),
        Matrix::full(1, hidden, (hidden as f64).sqrt().ln()),
        Matrix::full(1, 1, 0.0),
        middle,
        Matrix::full(inducing, 1, 0.0),
        Matrix::full(inducing, 1, -1.0),
        Matrix::full(1, 1, -2.0),
    ];
    let mut adam = Adam::new(&parameters);
    for _ in 0..options.steps.0 {
        let batch: Vec<usize> = (0..options.batch.min(rows.len())).map(|_| rng.random_range(0..rows.len())).collect();
        let mut tape = Tape::default();
        let vars = leaves(&mut tape, &parameters);
        let here = Matrix::of(&batch.iter().map(|&i| rows[i].clone()).collect::<Vec<_>>());
        let below = first(&mut tape, &vars, &map, &here);
        let draws = (0..batch.len() * hidden).map(|_| normal(rng)).collect();
        let draws = tape.leaf(Matrix::new(batch.len(), hidden, draws));
        let spread = tape.root(below.variance);
        let spread = tape.times(spread, draws);
        let sample = tape.add(below.mean, spread);
        let above = layer(&mut tape, &vars, 1, sample);
        let wanted: Vec<f64> = batch.iter().map(|&i| values[i]).collect();
        let data = misfit(&mut tape, &above, &wanted, vars[NOISE]);
        let mut loss = tape.line(data, rows.len() as f64 / batch.len() as f64, 0.0);
        for which in [0, 1] {
            let cost = divergence(&mut tape, vars[MEANS[which]], vars[DOUBTS[which]]);
            loss = tape.add(loss, cost);
        }
        let slopes = tape.slopes(loss, &vars);
        adam.step(&mut parameters, &slopes, options.rate);
    }
    Fitted { map, before: parameters.clone(), now: parameters, mean, deviation }
}

impl Fitted {
    /// Maximum a posteriori on values of another function: means of inducing values, noise and output scale move from where the
    /// history left them, each with a normal prior of deviation 0.1 |θ₀| + 0.01; lengths and places stay.
    fn adapt(&mut self, rows: &[Vec<f64>], values: &[f64], options: DeepOptions) {
        let values: Vec<f64> = values.iter().map(|value| (value - self.mean) / self.deviation).collect();
        const MOVING: [usize; 4] = [MEANS[0], MEANS[1], SIGNAL[1], NOISE];
        let inputs = Matrix::of(rows);
        let mut moving: Vec<Matrix> = MOVING.iter().map(|&k| self.now[k].clone()).collect();
        let mut adam = Adam::new(&moving);
        for _ in 0..options.steps.1 {
            for (&k, parameter) in MOVING.iter().zip(&moving) {
                self.now[k].clone_from(parameter);
            }
            let mut tape = Tape::default();
            let vars = leaves(&mut tape, &self.now);
            let below = first(&mut tape, &vars, &self.map, &inputs);
            let above = layer(&mut tape, &vars, 1, below.mean);
            let mut loss = misfit(&mut tape, &above, &values, vars[NOISE]);
            for &k in &MOVING {
                let before = &self.before[k];
                let start = tape.leaf(before.clone());
                let weights = before.data.iter().map(|x| 0.5 / (0.1 * x.abs() + 0.01).powi(2)).collect();
                let weights = tape.leaf(Matrix::new(before.rows, before.columns, weights));
                let moved = tape.sub(vars[k], start);
                let square = tape.times(moved, moved);
                let cost = tape.times(square, weights);
                let cost = tape.sum(cost);
                loss = tape.add(loss, cost);
            }
            let wanted: Vec<Var> = MOVING.iter().map(|&k| vars[k]).collect();
            let slopes = tape.slopes(loss, &wanted);
            adam.step(&mut moving, &slopes, options.rate);
        }
        for (&k, parameter) in MOVING.iter().zip(moving) {
            self.now[k] = parameter;
        }
    }
}

impl RowModel for DeepGp {
    const NAME: &'static str = "deep gp";

    /// Adapts the history's process; what has no history learns these.
    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        self.start(rng);
        match &mut self.fitted {
            _ if rows.is_empty() => {}
            Some(fitted) => fitted.adapt(rows, scores, self.options),
            None => self.history = (rows.to_vec(), scores.to_vec()),
        }
        self.start(rng);
        Ok(())
    }

    /// At the means of the hidden functions.
    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate> {
        let Some(fitted) = &self.fitted else {
            return vec![Estimate { mean: 0.0, deviation: 0.0 }; rows.len()];
        };
        let piece = |rows: &[Vec<f64>]| {
            let mut tape = Tape::default();
            let vars = leaves(&mut tape, &fitted.now);
            let below = first(&mut tape, &vars, &fitted.map, &Matrix::of(rows));
            let above = layer(&mut tape, &vars, 1, below.mean);
            let (means, variances) = (tape.value(above.mean), tape.value(above.variance));
            let pairs = means.data.iter().zip(&variances.data);
            let one = |(mean, variance): (&f64, &f64)| Estimate {
                mean: fitted.mean + fitted.deviation * mean,
                deviation: fitted.deviation * variance.max(0.0).sqrt(),
            };
            pairs.map(one).collect::<Vec<_>>()
        };
        rows.chunks(256).flat_map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn grid() -> Vec<Vec<f64>> {
        (0..225).map(|i| vec![f64::from(i % 15) / 14.0, f64::from(i / 15) / 14.0]).collect()
    }

    fn error(model: &DeepGp, rows: &[Vec<f64>], values: &[f64]) -> f64 {
        let found = model.predict_rows(rows);
        let squares = found.iter().zip(values).map(|(e, v)| (e.mean - v).powi(2)).sum::<f64>();
        (squares / values.len() as f64).sqrt() / standard(values).1
    }

    #[test]
    fn a_step_is_learned_and_another_function_is_adapted_to() {
        let rows = grid();
        // A cliff, which one smooth process of a fixed length finds hard.
        let there: Vec<f64> =
            rows.iter().map(|row| (8.0 * (row[0] - 0.5)).tanh() + 0.5 * (4.0 * row[1]).sin()).collect();
        let here: Vec<f64> = there.iter().zip(&rows).map(|(t, row)| t + 0.8 * row[1]).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut deep = DeepGp::new(DeepOptions::SMALL, rows.clone(), there.clone());
        deep.start(&mut rng);
        let learned = error(&deep, &rows, &there);
        assert!(learned < 0.2, "{learned}");
        let before = error(&deep, &rows, &here);
        let few: Vec<usize> = (0..225).step_by(9).collect();
        let mine: Vec<Vec<f64>> = few.iter().map(|&i| rows[i].clone()).collect();
        deep.fit_rows(&mine, &few.iter().map(|&i| here[i]).collect::<Vec<_>>(), &mut rng).unwrap();
        let after = error(&deep, &rows, &here);
        assert!(after < 0.8 * before, "{before} {after}");
        // Lengths are frozen, means move.
        let fitted = deep.fitted.as_ref().unwrap();
        assert_eq!(fitted.before[LENGTHS[0]], fitted.now[LENGTHS[0]]);
        assert_ne!(fitted.before[MEANS[1]], fitted.now[MEANS[1]]);
    }

    #[test]
    fn the_first_component_is_the_longest_axis() {
        let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i), 2.0 * f64::from(i), f64::from(i % 2)]).collect();
        let found = components(&rows, 2, &mut ChaCha8Rng::seed_from_u64(1));
        assert!((found.row(1)[0] / found.row(0)[0] - 2.0).abs() < 0.02, "{found:?}");
        assert!(found.row(2)[1].abs() > 10.0 * found.row(0)[1].abs(), "{found:?}");
    }
}
