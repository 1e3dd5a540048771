//! One regressor for each kind of fused kernel, summed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Baseline, StaticRow, check, non_negative};
use crate::{Error, Result};

/// Networks of the training data that a kind of kernel must occur in to have a regressor of its own.
const LEAST: usize = 10;
/// Kind of all kernels without a regressor of their own.
const REST: &str = "";

/// t = t₀ + Σ over kernels of (a_k + b_k·FLOPs + c_k·bytes), k the kind of the kernel, all coefficients at least 0.
///
/// As nn-Meter (Zhang et al., "nn-Meter: towards accurate latency prediction of deep-learning model inference on diverse
/// edge devices", MobiSys 2021) it cuts a network into the kernels that a compiler makes (here
/// [`BoundGraph::fuse`](tachograph_ir::BoundGraph::fuse) with the bundled rule), has one regressor for each kind of them, and
/// adds up. nn-Meter fits its regressors on measured kernels; only whole networks are measured here, so that the
/// coefficients of all kinds are fitted together, by non-negative least squares of the relative error. A kind is its
/// operators in order; one in fewer than ten networks of the training data goes by its first operator alone, and by
/// nothing where that is as rare.
#[derive(Clone, Debug, Default)]
pub struct Kernels(Option<Fit>);

#[derive(Clone, Debug)]
struct Fit {
    /// Column of the first of the three coefficients of each kind.
    columns: BTreeMap<String, usize>,
    coefficients: Vec<f64>,
}

impl Fit {
    /// Count, FLOPs and bytes of each kind, and 1.
    fn features(&self, row: &StaticRow) -> Vec<f64> {
        let mut features = vec![0.0; self.coefficients.len()];
        features[0] = 1.0;
        for (kind, sums) in &row.kernels {
            let column = [kind.as_str(), anchor(kind), REST].into_iter().find_map(|kind| self.columns.get(kind));
            if let Some(&column) = column {
                features.iter_mut().skip(column).zip(sums).for_each(|(feature, sum)| *feature += sum);
            }
        }
        features
    }
}

/// The first operator of a kind.
fn anchor(kind: &str) -> &str {
    kind.split('+').next().unwrap_or(kind)
}

impl Baseline for Kernels {
    fn name(&self) -> &'static str {
        "kernels"
    }

    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()> {
        check("regressors of kernels", rows, latencies, 2)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            let kinds: BTreeSet<&str> = row.kernels.keys().flat_map(|kind| [kind.as_str(), anchor(kind)]).collect();
            kinds.into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
        }
        let known = counts.into_iter().filter(|(_, n)| *n >= LEAST).map(|(kind, _)| kind).chain([REST]);
        let columns: BTreeMap<String, usize> =
            known.enumerate().map(|(i, kind)| (kind.to_owned(), 1 + 3 * i)).collect();
        let width = 1 + 3 * columns.len();
        let mut fit = Fit { columns, coefficients: vec![0.0; width] };
        let relative = |(row, t): (&StaticRow, &f64)| fit.features(row).iter().map(|x| x / t).collect::<Vec<f64>>();
        let samples: Vec<Vec<f64>> = rows.iter().zip(latencies).map(relative).collect();
        fit.coefficients = non_negative::solve(&samples);
        self.0 = Some(fit);
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        let fit = self.0.as_ref().ok_or(Error::NotFitted("regressors of kernels"))?;
        let sum: f64 = fit.features(row).iter().zip(&fit.coefficients).map(|(x, w)| x * w).sum();
        Ok(sum.max(f64::MIN_POSITIVE))
    }
}
