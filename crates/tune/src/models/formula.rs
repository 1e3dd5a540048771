//! Formulas of the time of a program as cost models: nothing is learned.

use rand_chacha::ChaCha8Rng;

use super::{CostModel, Estimate, Reading};
use crate::{Error, Result};

/// A formula, which a feature set computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// Of each statement a time, the draft of draft-then-verify ("Pruner", Qiao et al., ASPLOS 2025).
    Pruner,
    /// What the C of a program takes of a core, or of its caches (this project's).
    Code,
}

impl Formula {
    /// Its name among the cost models, and the features that it reads.
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Pruner => ["pruner-formula", "pruner"],
            Self::Code => ["code-formula", "code"],
        }
    }

    /// Numbers of a row of its features.
    const fn width(self) -> usize {
        match self {
            Self::Pruner => 175,
            Self::Code => 31,
        }
    }

    /// Its time, in units of its own; `None` where other features were read.
    pub fn time(self, reading: &Reading) -> Option<f64> {
        let width = self.width();
        let of_row = |row: &[f64]| match self {
            Self::Pruner => row[width - 1],
            Self::Code => row[width - 1].exp(),
        };
        match reading {
            Reading::Program(features) if features.width == width => {
                Some((0..features.len()).map(|i| of_row(features.row(i))).sum())
            }
            // Sums, then the largest of each column. A program is one row of `code`.
            Reading::Row(row) if row.len() == 2 * width => Some(of_row(row)),
            _ => None,
        }
    }
}

impl CostModel for Formula {
    fn fit(&mut self, _: &[Reading], _: &[f64], _: &mut ChaCha8Rng) -> Result<()> {
        Ok(())
    }

    /// 1 / the time.
    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>> {
        let [model, features] = self.names();
        let refuse = || {
            let message = format!("reads the features `{features}` of programs, and these are others");
            Error::Model { model, message }
        };
        let estimate = |time: f64| Estimate { mean: 1.0 / time.max(1e-9), deviation: 0.0 };
        points.iter().map(|point| self.time(point).map(estimate).ok_or_else(refuse)).collect()
    }

    fn is_trained(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_its_own() {
        let row = |width: usize, last: f64| {
            let mut row = vec![0.0; width];
            row[width - 1] = last;
            Reading::Row([row.clone(), row].concat())
        };
        assert_eq!(Formula::Pruner.time(&row(175, 3.0)), Some(3.0));
        assert_eq!(Formula::Code.time(&row(31, 2f64.ln())), Some(2f64.ln().exp()));
        assert_eq!(Formula::Code.time(&row(175, 3.0)), None);
        let error = Formula::Code.predict(&[row(175, 3.0)]).unwrap_err().to_string();
        assert!(error.contains("`code`"), "{error}");
    }
}
