//! What an adaptation chose, and from what.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Method;
use crate::DeviceScale;

/// A method with a number of steps, cross-validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The method.
    pub method: Method,
    /// Optimiser steps; 0 for methods without.
    pub steps: u64,
    /// Cross-validated mean absolute percentage error on the measurements, as a fraction; `None` where
    /// the fit did not stay finite.
    pub mape: Option<f64>,
}

/// What [`adapt`](super::adapt()) did. Prints as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaptReport {
    /// Device whose head it started from.
    pub source: String,
    /// Number of measurements.
    pub samples: usize,
    /// Seed.
    pub seed: u64,
    /// The method chosen.
    pub method: Method,
    /// Its steps.
    pub steps: u64,
    /// From the output of the network to milliseconds on the new device.
    pub calibration: DeviceScale,
    /// What was tried.
    pub candidates: Vec<Candidate>,
}

impl fmt::Display for AdaptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "adapted from {} with {} measurements, seed {}", self.source, self.samples, self.seed)?;
        writeln!(f, "{:>12}  {:>5}  method", "CV MAPE", "steps")?;
        for Candidate { method, steps, mape } in &self.candidates {
            let mape = mape.map_or("–".into(), |m| format!("{:.2} %", 100.0 * m));
            let mark = if (method, steps) == (&self.method, &self.steps) { "  ← chosen" } else { "" };
            writeln!(f, "{mape:>12}  {steps:>5}  {method}{mark}")?;
        }
        let DeviceScale { scale, exponent } = self.calibration;
        write!(f, "ms = {scale:.4} · output^{exponent:.4}")
    }
}
