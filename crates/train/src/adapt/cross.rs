//! Cross-validation on the measurements alone.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Candidate, tune::Start};
use crate::{Error, Predictor, Result};

/// Every method at every number of steps.
pub(super) fn validate(start: &Start<'_>) -> Result<Vec<Candidate>> {
    let (config, n) = (start.config, start.samples.len());
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(config.seed));
    let folds = config.folds.min(n);

    let mut candidates = vec![];
    for method in &config.methods {
        let grid = if method.trains() { stops(config.steps) } else { vec![0] };
        // Sum of errors of the samples left out; not finite once a fold is lost.
        let mut sums = vec![0.0; grid.len()];
        for fold in 0..folds {
            let (out, kept): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| i % folds == fold);
            let [out, kept] = [out, kept].map(|part| part.into_iter().map(|i| order[i]).collect::<Vec<_>>());
            let watch = |step: u64, predictor: &Predictor| {
                if let Some(at) = grid.iter().position(|&s| s == step) {
                    sums[at] += error(start, predictor, &out)?;
                }
                Ok(())
            };
            match start.fit(method, &kept, *grid.last().unwrap_or(&0), watch) {
                Err(Error::NotFinite { .. }) => sums.fill(f64::NAN),
                other => drop(other?),
            }
        }
        for (&steps, sum) in grid.iter().zip(sums) {
            let mape = Some(sum / n as f64).filter(|m| m.is_finite());
            candidates.push(Candidate { method: method.clone(), steps, mape });
        }
    }
    Ok(candidates)
}

/// The one of lowest error, with it; among equals the first. `None` when none has one.
pub(super) fn best(candidates: &[Candidate]) -> Option<(Candidate, f64)> {
    let known = candidates.iter().filter_map(|c| c.mape.map(|m| (c.clone(), m)));
    known.min_by(|a, b| a.1.total_cmp(&b.1))
}

fn stops(steps: u64) -> Vec<u64> {
    let mut stops: Vec<u64> = [8, 4, 2, 1].map(|part| (steps / part).max(1)).into();
    stops.dedup();
    stops
}

fn error(start: &Start<'_>, predictor: &Predictor, members: &[usize]) -> Result<f64> {
    let (graphs, measured): (Vec<_>, Vec<f64>) =
        members.iter().map(|&i| (start.samples[i].0, start.samples[i].1.0)).unzip();
    let predicted = predictor.predict_all(&graphs, 0)?;
    Ok(predicted.iter().zip(measured).map(|(p, m)| (p / m - 1.0).abs()).sum())
}
