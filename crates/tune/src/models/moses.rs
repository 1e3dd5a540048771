//! Moses: a cost model that learned on another device is adapted, and only the weights that matter here are (Zhao et al., 2022).
//!
//! Known are the ideas: a lottery ticket of weights that carry what holds for all devices, told by weight times gradient, and
//! domain adaptation; its base is TenSet's network. No code is known, and every number here is our choice.

use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Estimate, RowModel,
    mlp::{Mlp, lambda_rank},
};
use crate::Result;

/// TenSet has 256 for 164 columns of features; rows of decisions have about ten.
const WIDTH: usize = 64;
/// Share of the weights that are trained further, and what the others lose in each step.
const KEPT: f64 = 0.5;
const SHRINK: f32 = 1e-2;
/// How much of the classifier's gradient is reversed into the network.
const REVERSED: f32 = 0.1;
/// Before: epochs, rows of a list, and most rows of the other device, half of them its best (ours, for the time it takes).
const EPOCHS: usize = 30;
const LIST: usize = 128;
const ROWS: usize = 1024;
/// Steps of an adaptation.
const STEPS: usize = 30;

/// The model.
pub struct Moses {
    /// Rows and scores of the other device.
    source: (Vec<Vec<f64>>, Vec<f64>),
    network: Option<Mlp>,
}

impl Moses {
    /// One that learns from these rows and scores before its first fit; from nothing where there are none.
    pub fn new(rows: Vec<Vec<f64>>, scores: Vec<f64>) -> Self {
        Self { source: (rows, scores), network: None }
    }

    /// Learns the source.
    fn start(&mut self, width: usize, rng: &mut ChaCha8Rng) -> Mlp {
        let mut network = Mlp::new(width, WIDTH, rng);
        let (rows, scores) = &mut self.source;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        if order.len() > ROWS {
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
            order[ROWS / 2..].shuffle(rng);
            order.truncate(ROWS);
            *rows = order.iter().map(|&i| rows[i].clone()).collect();
            *scores = order.iter().map(|&i| scores[i]).collect();
            order = (0..rows.len()).collect();
        }
        for _ in 0..EPOCHS {
            order.shuffle(rng);
            for list in order.chunks(LIST) {
                let pass = network.forward(gathered(rows, list.iter().copied()), list.len());
                let labels: Vec<f32> = list.iter().map(|&i| scores[i] as f32).collect();
                network.backward(&pass, &lambda_rank(&pass.scores, &labels), None, 0.0);
                network.step(None, 0.0);
            }
        }
        network
    }
}

fn gathered(rows: &[Vec<f64>], which: impl Iterator<Item = usize>) -> Vec<f32> {
    which.flat_map(|i| rows[i].iter().map(|&x| x as f32)).collect()
}

/// Which weights matter most: |weight × slope|, the given share of all.
fn ticket(network: &Mlp, share: f64) -> Vec<Vec<bool>> {
    let saliency = |l: usize| {
        let layer = &network.layers[l];
        layer.weights.iter().zip(&layer.slopes).map(|(w, s)| (w * s).abs()).collect::<Vec<f32>>()
    };
    let all: Vec<Vec<f32>> = (0..network.layers.len()).map(saliency).collect();
    let mut sorted: Vec<f32> = all.concat();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    all.into_iter().map(|layer| layer.into_iter().map(|s| s > least).collect()).collect()
}

impl RowModel for Moses {
    const NAME: &'static str = "moses";

    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        let width = rows.first().or(self.source.0.first()).map_or(0, Vec::len);
        if width == 0 {
            return Ok(());
        }
        let mut network = match self.network.take() {
            Some(network) => network,
            None => self.start(width, rng),
        };
        if !rows.is_empty() {
            let labels: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
            let mine = gathered(rows, 0..rows.len());
            let others = self.source.0.len();
            let mut open = None;
            for step in 0..STEPS {
                let pass = network.forward(mine.clone(), rows.len());
                // This device is 1: the slope of −log σ(x), shared among the rows.
                let device: Vec<f32> =
                    pass.devices.iter().map(|x| -1.0 / (1.0 + x.exp()) / rows.len() as f32).collect();
                let device = (others > 0).then_some(device.as_slice());
                network.backward(&pass, &lambda_rank(&pass.scores, &labels), device, REVERSED);
                if step == 0 && others > 0 {
                    open = Some(ticket(&network, KEPT));
                    // The classifier knows nothing yet, whatever its slopes.
                    if let Some(classifier) = open.as_mut().and_then(|open: &mut Vec<Vec<bool>>| open.last_mut()) {
                        classifier.fill(true);
                    }
                }
                if others > 0 {
                    let n = rows.len().clamp(16, LIST);
                    let sample: Vec<usize> = (0..n).map(|_| rng.random_range(0..others)).collect();
                    let pass = network.forward(gathered(&self.source.0, sample.into_iter()), n);
                    let device: Vec<f32> = pass.devices.iter().map(|x| 1.0 / (1.0 + (-x).exp()) / n as f32).collect();
                    network.backward(&pass, &vec![0.0; n], Some(&device), REVERSED);
                }
                network.step(open.as_deref(), SHRINK);
            }
        }
        self.network = Some(network);
        Ok(())
    }

    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate> {
        let scores = match &self.network {
            // In pieces that stay in the caches.
            Some(network) => {
                let pieces = rows.chunks(LIST);
                pieces.flat_map(|rows| network.forward(gathered(rows, 0..rows.len()), rows.len()).scores).collect()
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

    /// Share of pairs in the right order.
    fn pairs(model: &Moses, rows: &[Vec<f64>], scores: &[f64]) -> f64 {
        let found = model.predict_rows(rows);
        let all = (0..rows.len()).flat_map(|i| (0..i).map(move |j| (i, j))).filter(|&(i, j)| scores[i] != scores[j]);
        let right = |&(i, j): &(usize, usize)| (scores[i] > scores[j]) == (found[i].mean > found[j].mean);
        let (right, wrong): (Vec<_>, Vec<_>) = all.partition(right);
        right.len() as f64 / (right.len() + wrong.len()) as f64
    }

    #[test]
    fn what_the_source_said_holds_until_this_device_says_otherwise() {
        let rows: Vec<Vec<f64>> = (0..225).map(|i| vec![f64::from(i % 15) / 14.0, f64::from(i / 15) / 14.0]).collect();
        let there: Vec<f64> = rows.iter().map(|row| (-3.0 * (row[0] - 0.8).powi(2) - 0.5 * row[1]).exp()).collect();
        // Here the first decision does the same, the second the opposite.
        let here: Vec<f64> = rows.iter().map(|row| (-3.0 * (row[0] - 0.8).powi(2) + 0.5 * row[1]).exp()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut moses = Moses::new(rows.clone(), there.clone());
        moses.fit_rows(&[], &[], &mut rng).unwrap();
        assert!(pairs(&moses, &rows, &there) > 0.8, "{}", pairs(&moses, &rows, &there));
        let before = pairs(&moses, &rows, &here);
        let few: Vec<usize> = (0..225).step_by(9).collect();
        let some = |values: &[f64]| few.iter().map(|&i| values[i]).collect::<Vec<f64>>();
        let mine: Vec<Vec<f64>> = few.iter().map(|&i| rows[i].clone()).collect();
        for _ in 0..8 {
            moses.fit_rows(&mine, &some(&here), &mut rng).unwrap();
        }
        let after = pairs(&moses, &rows, &here);
        assert!(after > before + 0.05, "{before} {after}");
    }

    #[test]
    fn half_of_the_weights_are_open() {
        let mut network = Mlp::new(2, 8, &mut ChaCha8Rng::seed_from_u64(0));
        let mut n = 0.0;
        for slope in network.layers.iter_mut().flat_map(|layer| &mut layer.slopes) {
            n += 1.0;
            *slope = n;
        }
        let open = ticket(&network, 0.5).concat();
        let share = open.iter().filter(|open| **open).count() as f64 / open.len() as f64;
        assert!((share - 0.5).abs() < 0.02, "{share}");
    }
}
