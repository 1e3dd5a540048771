//! Pruner's formula as a cost model: the draft of its draft-then-verify ("Pruner", Qiao et al., ASPLOS 2025).

use rand_chacha::ChaCha8Rng;

use super::{CostModel, Estimate, Reading};
use crate::{Error, Result};

/// Numbers of a statement in the feature set `pruner`, of which the formula's time is the last.
const WIDTH: usize = 175;

/// 1 / Σ of the times that the formula has for the statements of a program. Nothing is learned.
pub struct Formula;

impl CostModel for Formula {
    fn fit(&mut self, _: &[Reading], _: &[f64], _: &mut ChaCha8Rng) -> Result<()> {
        Ok(())
    }

    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>> {
        let ms = |point: &Reading| match point {
            Reading::Program(features) if features.width == WIDTH => {
                Ok((0..features.len()).filter_map(|i| features.row(i).last()).sum::<f64>())
            }
            // Sums, then the largest of each column.
            Reading::Row(row) if row.len() == 2 * WIDTH => Ok(row[WIDTH - 1]),
            _ => {
                let message = "reads the features `pruner` of programs, and these are others".into();
                Err(Error::Model { model: "pruner-formula", message })
            }
        };
        let estimate = |ms: f64| Estimate { mean: 1.0 / ms.max(1e-9), deviation: 0.0 };
        points.iter().map(|point| ms(point).map(estimate)).collect()
    }

    fn is_trained(&self) -> bool {
        true
    }
}
