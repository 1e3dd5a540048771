//! Cross-validation on the measurements alone.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Candidate, tune::Start};
use crate::{Error, Result, TorchPredictor};

/// A candidate with the relative error, predicted / measured − 1, of each sample when it was left out.
pub(super) type Validated = (Candidate, Vec<f64>);

/// Every method at every number of steps.
pub(super) fn validate(start: &Start<'_>) -> Result<Vec<Validated>> {
    let (config, n) = (start.config, start.samples.len());
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(config.seed));
    let folds = config.folds.min(n);

    let mut validated = vec![];
    for method in &config.methods {
        let grid = if method.trains() { stops(config.steps) } else { vec![0] };
        // Not a number where a fit was lost.
        let mut errors = vec![vec![f64::NAN; n]; grid.len()];
        for fold in 0..folds {
            let (out, kept): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| i % folds == fold);
            let [out, kept] = [out, kept].map(|part| part.into_iter().map(|i| order[i]).collect::<Vec<_>>());
            let watch = |step: u64, predictor: &TorchPredictor| {
                if let Some(at) = grid.iter().position(|&s| s == step) {
                    for (&i, error) in out.iter().zip(relative(start, predictor, &out)?) {
                        errors[at][i] = error;
                    }
                }
                Ok(())
            };
            match start.fit(method, &kept, *grid.last().unwrap_or(&0), watch) {
                Err(Error::NotFinite { .. }) => {}
                other => drop(other?),
            }
        }
        for (&steps, errors) in grid.iter().zip(errors) {
            let mape = Some(mape(&errors)).filter(|m| m.is_finite());
            validated.push((Candidate { method: method.clone(), steps, mape }, errors));
        }
    }
    Ok(validated)
}

/// The first candidate whose error is within one standard error of the least, with its error and those of the samples;
/// the standard error is that of the difference sample by sample. `None` when no candidate has an error.
pub(super) fn choose(validated: &[Validated]) -> Option<(Candidate, f64, Vec<f64>)> {
    let known = || validated.iter().filter_map(|(c, errors)| c.mape.map(|m| (c, errors, m)));
    let (_, least, _) = known().min_by(|a, b| a.2.total_cmp(&b.2))?;
    let close = |errors: &[f64]| {
        let excess: Vec<f64> = errors.iter().zip(least).map(|(e, l)| e.abs() - l.abs()).collect();
        let (m, n) = (mean(&excess), excess.len() as f64);
        let variance = excess.iter().map(|d| (d - m).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        m <= (variance / n).sqrt()
    };
    known().find(|(_, errors, _)| close(errors)).map(|(c, errors, m)| (c.clone(), m, errors.clone()))
}

fn mape(errors: &[f64]) -> f64 {
    mean(&errors.iter().map(|e| e.abs()).collect::<Vec<_>>())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn stops(steps: u64) -> Vec<u64> {
    let mut stops: Vec<u64> = [8, 4, 2, 1].map(|part| (steps / part).max(1)).into();
    stops.dedup();
    stops
}

fn relative(start: &Start<'_>, predictor: &TorchPredictor, members: &[usize]) -> Result<Vec<f64>> {
    let samples = members.iter().map(|&i| &start.samples[i]);
    let graphs: Vec<_> = samples.clone().map(|s| s.0).collect();
    let predicted = predictor.predict_all(&graphs, predictor.manifest().id(0)?)?;
    Ok(predicted.iter().zip(samples).map(|(p, s)| p / s.1.0 - 1.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;

    fn validated(steps: u64, errors: [f64; 4]) -> Validated {
        let mape = Some(mape(&errors)).filter(|m| m.is_finite());
        (Candidate { method: Method::Scale, steps, mape }, errors.into())
    }

    #[test]
    fn the_first_that_is_not_clearly_worse_is_chosen() {
        let steps = |all: &[Validated]| choose(all).map(|(c, ..)| c.steps);
        let (bad, noisy) = (validated(0, [0.9, 0.8, 0.9, 0.7]), validated(1, [0.1, -0.5, 0.1, -0.3]));
        let (best, lost) = (validated(2, [0.3, 0.2, 0.3, 0.1]), validated(3, [f64::NAN, 0.0, 0.0, 0.0]));
        assert_eq!(steps(&[bad.clone(), noisy.clone(), best.clone(), lost.clone()]), Some(1));
        assert_eq!(steps(&[bad.clone(), best, noisy]), Some(2));
        assert_eq!(steps(&[lost.clone(), bad]), Some(0));
        assert_eq!(steps(&[lost]), None);
    }
}
