//! Measurements predicted from each other.

use serde::Serialize;

use super::{Sample, median};
use crate::{Error, Result};

/// Parts of the measurements, each predicted from the others.
const FOLDS: usize = 10;

/// How far off measurements are that were predicted from the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossValidation {
    /// Parts, of which each was left out once.
    pub folds: usize,
    /// Mean of |predicted / measured − 1|.
    pub mape: f64,
    /// Its median.
    pub median_ape: f64,
}

/// Leaves each tenth of `samples` out in turn (each sample where there are fewer than ten): `predict` gets those that are
/// known and those that are held out, and returns a time in ms for each of the latter.
///
/// # Errors
/// Fewer than two samples; what `predict` returns.
pub fn cross_validate(
    samples: &[Sample],
    mut predict: impl FnMut(&[Sample], &[Sample]) -> Result<Vec<f64>>,
) -> Result<CrossValidation> {
    if samples.len() < 2 {
        return Err(Error::TooFew { what: "cross-validation", samples: samples.len(), needed: 2 });
    }
    let folds = FOLDS.min(samples.len());
    let mut errors = Vec::with_capacity(samples.len());
    for fold in 0..folds {
        let part = |held: bool| {
            let members = samples.iter().enumerate().filter(move |(i, _)| (i % folds == fold) == held);
            members.map(|(_, sample)| *sample).collect::<Vec<_>>()
        };
        let held = part(true);
        let predicted = predict(&part(false), &held)?;
        errors.extend(predicted.iter().zip(&held).map(|(ms, sample)| (ms / sample.ms - 1.0).abs()));
    }
    let mape = errors.iter().sum::<f64>() / errors.len() as f64;
    Ok(CrossValidation { folds, mape, median_ape: median(errors) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_predicted_from_itself() {
        let samples: Vec<Sample> = (0..25).map(|network| Sample { network, ms: 1.0 + network as f64 }).collect();
        let mut seen = 0;
        let validation = cross_validate(&samples, |known, held| {
            assert_eq!(known.len() + held.len(), 25);
            assert!(held.iter().all(|h| known.iter().all(|k| k.network != h.network)));
            seen += held.len();
            Ok(held.iter().map(|sample| if sample.network == 0 { 3.0 } else { 1.5 * sample.ms }).collect())
        });
        let validation = validation.unwrap();
        assert_eq!((seen, validation.folds, validation.median_ape), (25, 10, 0.5));
        assert!((validation.mape - (24.0 * 0.5 + 2.0) / 25.0).abs() < 1e-12, "{validation:?}");
        assert!(cross_validate(&samples[..1], |_, _| Ok(vec![])).is_err());
    }
}
