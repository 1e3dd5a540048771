//! Boosted trees.

use forust_ml::{Matrix, gradientbooster::GradientBooster, objective::ObjectiveType};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Estimate, RowModel};
use crate::{Error, Result};

/// Settings of the trees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreesOptions {
    /// How deep.
    pub depth: usize,
    /// How much of its correction a tree makes.
    pub learning_rate: f32,
    /// What a split has to gain.
    pub gamma: f32,
    /// The least sum of weights in a leaf.
    pub min_leaf_weight: f32,
    /// How many trees. The published tuners stop early on training rows; we take a fixed number that gets as far.
    pub trees: usize,
}

impl TreesOptions {
    /// AutoTVM's (XGBoost: depth 3, η 0.3, γ 1e-4, min_child_weight 1).
    pub const AUTOTVM: Self = Self { depth: 3, learning_rate: 0.3, gamma: 1e-4, min_leaf_weight: 1.0, trees: 100 };
    /// Ansor's and MetaSchedule's (depth 10, η 0.2, γ 0.001, min_child_weight 0).
    pub const ANSOR: Self = Self { depth: 10, learning_rate: 0.2, gamma: 1e-3, min_leaf_weight: 0.0, trees: 60 };
}

/// Boosted regression trees, squared error. AutoTVM's default objective is a pairwise rank loss, which the library has not.
pub struct Trees {
    options: TreesOptions,
    booster: Option<GradientBooster>,
}

impl Trees {
    /// Nothing learned yet.
    pub fn new(options: TreesOptions) -> Self {
        Self { options, booster: None }
    }
}

/// Column after column, as the library wants it.
fn columns(rows: &[Vec<f64>], width: usize) -> Vec<f64> {
    (0..width).flat_map(|c| rows.iter().map(move |row| row[c])).collect()
}

impl RowModel for Trees {
    const NAME: &'static str = "trees";

    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        let width = rows.first().map_or(0, Vec::len);
        // Fewer rows, or none to split by: all are alike.
        if rows.len() < 4 || width == 0 {
            return Ok(());
        }
        let mut booster = GradientBooster::default()
            .set_objective_type(ObjectiveType::SquaredLoss)
            .set_iterations(self.options.trees)
            .set_learning_rate(self.options.learning_rate)
            .set_max_depth(self.options.depth)
            .set_gamma(self.options.gamma)
            .set_min_leaf_weight(self.options.min_leaf_weight)
            .set_seed(rng.random())
            .set_parallel(false);
        let fitted = booster.fit_unweighted(&Matrix::new(&columns(rows, width), rows.len(), width), scores, None);
        fitted.map_err(|error| Error::Model { model: Self::NAME, message: error.to_string() })?;
        self.booster = Some(booster);
        Ok(())
    }

    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate> {
        let width = rows.first().map_or(0, Vec::len);
        let means = match &self.booster {
            Some(booster) if width > 0 => {
                booster.predict(&Matrix::new(&columns(rows, width), rows.len(), width), false)
            }
            _ => vec![0.0; rows.len()],
        };
        means.into_iter().map(|mean| Estimate { mean, deviation: 0.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_step_is_learned() {
        let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i) / 40.0, f64::from(i % 3)]).collect();
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row[0] > 0.5))).collect();
        let mut trees = Trees::new(TreesOptions::AUTOTVM);
        assert_eq!(trees.predict_rows(&rows)[0].mean, 0.0);
        trees.fit_rows(&rows, &scores, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        let found = trees.predict_rows(&[vec![0.1, 0.0], vec![0.9, 1.0]]);
        assert!(found[0].mean < 0.1 && found[1].mean > 0.9, "{found:?}");
    }
}
