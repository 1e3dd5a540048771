//! Which networks to measure on a new device.

use ndarray::{Array2, Axis};
use rand::{Rng, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tachograph_features::FeatureGraph;
use tachograph_predict::OutputId;

use crate::{Error, Result, TorchPredictor};

/// How the networks to measure are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// At random.
    Random,
    /// Far apart in the model's embedding, by k-means++ seeding (Arthur and Vassilvitskii, SODA 2007): each next one is
    /// drawn in proportion to its squared distance from the nearest chosen. Embeddings are taken as sign(e)·ln(1 + |e|)
    /// and standardised.
    Diverse,
    /// One at random from each of k equal groups by predicted latency.
    #[default]
    Stratified,
}

/// Chooses `k` of `candidates`, featurised by the predictor's featuriser: their positions, rising. `output` is
/// the one whose predictions stratify.
///
/// # Errors
/// `k` is 0 or more than there are candidates; features of another schema.
pub fn select(
    predictor: &TorchPredictor,
    output: OutputId,
    candidates: &[&FeatureGraph],
    k: usize,
    selection: Selection,
    seed: u64,
) -> Result<Vec<usize>> {
    let n = candidates.len();
    if k == 0 || k > n {
        return Err(Error::Selection { wanted: k, candidates: n });
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = match selection {
        Selection::Random => index::sample(&mut random, n, k).into_vec(),
        Selection::Diverse => diverse(predictor.embed(candidates)?, k, &mut random),
        Selection::Stratified => stratified(&predictor.predict_all(candidates, output)?, k, &mut random),
    };
    chosen.sort_unstable();
    Ok(chosen)
}

fn stratified(predicted: &[f64], k: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let n = predicted.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]));
    (0..k).map(|i| order[random.random_range(i * n / k..(i + 1) * n / k)]).collect()
}

fn diverse(mut e: Array2<f64>, k: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    e.mapv_inplace(|x| x.abs().ln_1p().copysign(x));
    for mut column in e.axis_iter_mut(Axis(1)) {
        let mean = column.mean().unwrap_or_default();
        column -= mean;
        let spread = column.iter().map(|x| x * x).sum::<f64>() / column.len() as f64;
        column /= spread.sqrt().max(1e-6);
    }
    let n = e.nrows();
    let mut chosen = vec![random.random_range(0..n)];
    let mut nearest = vec![f64::INFINITY; n];
    while let Some(&last) = chosen.last().filter(|_| chosen.len() < k) {
        for (near, row) in nearest.iter_mut().zip(e.rows()) {
            *near = near.min(row.iter().zip(e.row(last)).map(|(a, b)| (a - b).powi(2)).sum());
        }
        chosen.iter().for_each(|&i| nearest[i] = 0.0);
        chosen.push(draw(&nearest, &chosen, random));
    }
    chosen
}

/// A position in proportion to its weight; when all weights are 0, one not yet chosen.
fn draw(weights: &[f64], chosen: &[usize], random: &mut ChaCha8Rng) -> usize {
    let mut rest = random.random::<f64>() * weights.iter().sum::<f64>();
    let mut found = None;
    for (i, &weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        found = Some(i);
        rest -= weight;
        if rest < 0.0 {
            break;
        }
    }
    found.or_else(|| (0..weights.len()).find(|i| !chosen.contains(i))).unwrap_or(0)
}
