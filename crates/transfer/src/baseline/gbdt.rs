//! Gradient-boosted trees over graph columns.

use forust_ml::{Matrix, gradientbooster::GradientBooster, objective::ObjectiveType};

use super::{Baseline, StaticRow, check};
use crate::{Error, Result};

/// Boosted regression trees on the graph columns of [`FeatureSet::COSTS`](tachograph_features::FeatureSet::COSTS), squared error of
/// ln t: 500 trees of depth 6 with learning rate 0.05, the usual settings, not tuned.
#[derive(Default)]
pub struct Gbdt(Option<GradientBooster>);

impl Baseline for Gbdt {
    fn name(&self) -> &'static str {
        "boosted trees"
    }

    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()> {
        check("boosted trees", rows, latencies, 10)?;
        let (columns, width) = matrix(rows)?;
        let logs: Vec<f64> = latencies.iter().map(|t| t.ln()).collect();
        let mut booster = GradientBooster::default()
            .set_objective_type(ObjectiveType::SquaredLoss)
            .set_iterations(500)
            .set_learning_rate(0.05)
            .set_max_depth(6)
            .set_parallel(false);
        let fitted = booster.fit_unweighted(&Matrix::new(&columns, rows.len(), width), &logs, None);
        fitted.map_err(|error| Error::Library { library: "forust-ml", message: error.to_string() })?;
        self.0 = Some(booster);
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        let booster = self.0.as_ref().ok_or(Error::NotFitted("boosted trees"))?;
        let logs = booster.predict(&Matrix::new(&row.columns, 1, row.columns.len()), false);
        logs.first().map(|log| log.exp()).ok_or(Error::NotFitted("boosted trees"))
    }
}

/// Column-major, with the number of columns.
fn matrix(rows: &[StaticRow]) -> Result<(Vec<f64>, usize)> {
    let width = rows.first().map_or(0, |row| row.columns.len());
    if let Some(row) = rows.iter().find(|row| row.columns.len() != width) {
        return Err(Error::Mismatch { what: "columns", found: row.columns.len(), expected: width });
    }
    let column = |c: usize| rows.iter().map(move |row| row.columns[c]);
    Ok(((0..width).flat_map(column).collect(), width))
}
