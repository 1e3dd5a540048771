//! Latency as a product of powers of total costs.

use serde::{Deserialize, Serialize};

use super::{Baseline, StaticRow, check, least_squares::solve};
use crate::{Error, Result};

/// ln t = w·(ln FLOPs, ln bytes, ln parameters, ln nodes, 1), by least squares, each cost plus one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLinear(Option<[f64; 5]>);

impl Baseline for LogLinear {
    fn name(&self) -> &'static str {
        "log-linear"
    }

    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()> {
        check("a log-linear model", rows, latencies, 5)?;
        self.0 = solve(rows.iter().map(columns).zip(latencies.iter().map(|t| t.ln())));
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        let weights = self.0.ok_or(Error::NotFitted("log-linear model"))?;
        Ok(columns(row).iter().zip(weights).map(|(x, w)| x * w).sum::<f64>().exp())
    }
}

fn columns(row: &StaticRow) -> [f64; 5] {
    let total = row.total;
    let [flops, bytes, parameters, nodes] =
        [total.flops, total.bytes(), total.parameters, row.nodes.len() as u64].map(|v| (v as f64).ln_1p());
    [flops, bytes, parameters, nodes, 1.0]
}
