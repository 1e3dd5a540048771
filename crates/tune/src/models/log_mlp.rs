//! TenSet's network with the squared error of the logarithm, as Felix has it, and its slopes by what it reads.

use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Estimate, RowModel, mlp::Mlp};
use crate::Result;

/// Our choices: columns are few; rows of a step; epochs on what was measured elsewhere, on so many rows; steps of a fit.
const WIDTH: usize = 64;
const BATCH: usize = 64;
const EPOCHS: usize = 30;
const ROWS: usize = 1024;
const STEPS: usize = 200;
/// The least throughput, relative to the best, whose logarithm is taken; failures have it too.
const LEAST: f64 = 0.02;

/// The model: the more, the faster.
#[derive(Default)]
pub struct LogMlp {
    source: (Vec<Vec<f64>>, Vec<f64>),
    network: Option<Mlp>,
}

fn flat<'a>(rows: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f32> {
    rows.flat_map(|row| row.iter().map(|&x| x as f32)).collect()
}

impl LogMlp {
    /// One that learns these rows and scores (relative throughput) before its first fit.
    pub fn new(rows: Vec<Vec<f64>>, scores: Vec<f64>) -> Self {
        Self { source: (rows, scores), network: None }
    }

    fn learn(network: &mut Mlp, rows: &[Vec<f64>], scores: &[f64], batch: &[usize]) {
        let pass = network.forward(flat(batch.iter().map(|&i| &rows[i])), batch.len());
        let error = |(&i, found): (&usize, &f32)| 2.0 * (found - scores[i].max(LEAST).ln() as f32) / batch.len() as f32;
        let slopes: Vec<f32> = batch.iter().zip(&pass.scores).map(error).collect();
        network.backward(&pass, &slopes, None, 0.0);
        network.step(None, 0.0);
    }

    /// Slopes of the cost, which is minus the score, by the numbers of each row.
    pub(crate) fn slopes(&self, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let Some(network) = &self.network else { return rows.iter().map(|row| vec![0.0; row.len()]).collect() };
        let mut network = network.clone();
        let pass = network.forward(flat(rows.iter()), rows.len());
        let below = network.backward(&pass, &vec![-1.0; rows.len()], None, 0.0);
        let width = rows.first().map_or(1, Vec::len).max(1);
        below.chunks(width).map(|row| row.iter().map(|&x| x.into()).collect()).collect()
    }
}

impl RowModel for LogMlp {
    const NAME: &'static str = "log-mlp";

    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        let width = rows.first().or(self.source.0.first()).map_or(0, Vec::len);
        if width == 0 {
            return Ok(());
        }
        let mut network = match self.network.take() {
            Some(network) => network,
            None => {
                let mut network = Mlp::new(width, WIDTH, rng);
                let (rows, scores) = std::mem::take(&mut self.source);
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.shuffle(rng);
                order.truncate(ROWS);
                for _ in 0..EPOCHS {
                    order.shuffle(rng);
                    order.chunks(BATCH).for_each(|batch| Self::learn(&mut network, &rows, &scores, batch));
                }
                network
            }
        };
        for _ in 0..if rows.is_empty() { 0 } else { STEPS } {
            let batch: Vec<usize> = (0..rows.len().min(BATCH)).map(|_| rng.random_range(0..rows.len())).collect();
            Self::learn(&mut network, rows, scores, &batch);
        }
        self.network = Some(network);
        Ok(())
    }

    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate> {
        let scores = match &self.network {
            Some(network) => {
                rows.chunks(128).flat_map(|rows| network.forward(flat(rows.iter()), rows.len()).scores).collect()
            }
            None => vec![0.0; rows.len()],
        };
        scores.into_iter().map(|score| Estimate { mean: score.into(), deviation: 0.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn slopes_are_those_of_the_cost() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let rows: Vec<Vec<f64>> = (0..60).map(|i| vec![f64::from(i % 10) / 9.0, f64::from(i / 10) / 5.0]).collect();
        let scores: Vec<f64> = rows.iter().map(|row| (-row[0] - 0.3 * row[1]).exp()).collect();
        let mut model = LogMlp::default();
        for _ in 0..5 {
            model.fit_rows(&rows, &scores, &mut rng).unwrap();
        }
        let row = vec![0.4, 0.6];
        let slopes = model.slopes(std::slice::from_ref(&row));
        for c in 0..2 {
            let cost = |by: f64| {
                let mut row = row.clone();
                row[c] += by;
                -model.predict_rows(&[row])[0].mean
            };
            let expected = (cost(1e-2) - cost(-1e-2)) / 2e-2;
            assert!((slopes[0][c] - expected).abs() < 0.05, "{c}: {} {expected}", slopes[0][c]);
        }
        assert!((slopes[0][0] - 1.0).abs() < 0.3 && (slopes[0][1] - 0.3).abs() < 0.3, "{slopes:?}");
    }
}
