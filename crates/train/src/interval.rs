//! Intervals of outputs, from networks held out.

use std::collections::BTreeSet;

use crate::{Manifest, Predicted, PredictionInterval, evaluate::columns};

/// The share of measurements that intervals of this library are to cover.
pub(crate) const NOMINAL: f64 = 0.8;

/// Fits the interval of each output on predictions of networks that were not learned from, such as those of
/// cross-validation, which `source` describes. An output with too few loses its interval.
pub fn calibrate(manifest: &mut Manifest, held_out: &[Predicted], source: &str) {
    for (output, device) in manifest.outputs.iter_mut().enumerate() {
        let (predicted, measured) = columns(held_out.iter().filter(|row| row.output == output));
        let source = format!("{source}, {} measurements", measured.len());
        device.interval = PredictionInterval::fit(&predicted, &measured, NOMINAL, source);
    }
}

/// Share of `test` within the 80 % intervals that `held_out` calibrates, output by output, as a fraction; `None` where
/// an output has too few of `held_out`, or nothing is tested.
pub fn coverage(held_out: &[Predicted], test: &[Predicted]) -> Option<f64> {
    let (mut inside, mut all) = (0usize, 0usize);
    for output in test.iter().map(|row| row.output).collect::<BTreeSet<_>>() {
        let (predicted, measured) = columns(held_out.iter().filter(|row| row.output == output));
        let interval = PredictionInterval::fit(&predicted, &measured, NOMINAL, "held out")?;
        for row in test.iter().filter(|row| row.output == output) {
            let (low, high) = interval.around(row.predicted);
            inside += usize::from((low..=high).contains(&row.measured));
            all += 1;
        }
    }
    (all > 0).then(|| inside as f64 / all as f64)
}
