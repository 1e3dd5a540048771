//! Latency from FLOPs alone.

use serde::{Deserialize, Serialize};

use super::{Baseline, StaticRow, check, least_squares::solve};
use crate::{Error, Result};

/// A line in FLOPs, at its best: of a straight line, t = a·FLOPs + b with a, b ≥ 0, and a line in logarithms,
/// t = c·FLOPsᵃ, both fitted in relative error, the one with the smaller mean relative error on the training data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlopsLine(Option<Line>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Line {
    /// t = slope·FLOPs + offset.
    Straight { slope: f64, offset: f64 },
    /// t = factor·(1 + FLOPs)^power.
    Power { power: f64, log_factor: f64 },
}

impl Line {
    fn at(&self, flops: f64) -> f64 {
        match self {
            Self::Straight { slope, offset } => slope * flops + offset,
            Self::Power { power, log_factor } => (power * flops.ln_1p() + log_factor).exp(),
        }
    }
}

impl Baseline for FlopsLine {
    fn name(&self) -> &'static str {
        "FLOPs line"
    }

    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()> {
        check("a line in FLOPs", rows, latencies, 2)?;
        let samples = rows.iter().map(|r| r.total.flops as f64).zip(latencies.iter().copied());
        let error = |line: &Line| samples.clone().map(|(flops, t)| (line.at(flops) / t - 1.0).abs()).sum::<f64>();
        let power = solve(samples.clone().map(|(flops, t)| ([flops.ln_1p(), 1.0], t.ln())));
        let power = power.map(|[power, log_factor]| Line::Power { power, log_factor });
        let lines = [straight(samples.clone()), power];
        self.0 = lines.into_iter().flatten().min_by(|a, b| error(a).total_cmp(&error(b)));
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        let line = self.0.ok_or(Error::NotFitted("FLOPs line"))?;
        Ok(line.at(row.total.flops as f64))
    }
}

/// Least relative squares: Σ ((a·FLOPs + b)/t − 1)². Where a or b would be negative it is 0.
fn straight(samples: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Line> {
    let [slope, offset] = solve(samples.clone().map(|(flops, t)| ([flops / t, 1.0 / t], 1.0)))?;
    if slope < 0.0 {
        let [offset] = solve(samples.map(|(_, t)| ([1.0 / t], 1.0)))?;
        return Some(Line::Straight { slope: 0.0, offset });
    }
    if offset < 0.0 {
        let [slope] = solve(samples.map(|(flops, t)| ([flops / t], 1.0)))?;
        return Some(Line::Straight { slope, offset: 0.0 });
    }
    Some(Line::Straight { slope, offset })
}
