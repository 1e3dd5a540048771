//! Peak memory from what must be resident.

use super::{Baseline, StaticRow, check, non_negative};
use crate::{Error, Result};

/// m = a·peak + b·parameters + c·largest + d, all at least 0, by least relative squares: the bytes that are resident at
/// once on paper ([`BoundGraph::peak_memory`](tachograph_ir::BoundGraph::peak_memory)), a copy of the weights in the layout
/// that kernels read, workspace in proportion to the operator that touches most, and a constant. A predictor of memory, in
/// whatever unit it is fitted in, and of nothing else.
#[derive(Clone, Debug, Default)]
pub struct Resident(Option<Vec<f64>>);

impl Baseline for Resident {
    fn name(&self) -> &'static str {
        "resident line"
    }

    fn fit(&mut self, rows: &[StaticRow], values: &[f64]) -> Result<()> {
        check("a line in resident bytes", rows, values, 4)?;
        let samples: Vec<Vec<f64>> =
            rows.iter().zip(values).map(|(row, m)| columns(row).iter().map(|x| x / m).collect()).collect();
        self.0 = Some(non_negative::solve(&samples));
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        let weights = self.0.as_ref().ok_or(Error::NotFitted("line in resident bytes"))?;
        let sum: f64 = columns(row).iter().zip(weights).map(|(x, w)| x * w).sum();
        Ok(sum.max(f64::MIN_POSITIVE))
    }
}

fn columns(row: &StaticRow) -> [f64; 4] {
    let largest = row.nodes.iter().map(tachograph_ir::Cost::bytes).max().unwrap_or(0);
    [row.peak.0 as f64, row.total.parameters as f64, largest as f64, 1.0]
}
