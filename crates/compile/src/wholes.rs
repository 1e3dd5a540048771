//! Plans of a network timed as wholes, in turns.

use std::path::Path;

use serde::Serialize;
use tachograph_metrics::median;
use tachograph_program::Compiler;

use crate::{Bench, Network, Result, Took, Way, Ways, chosen, elements::Weights};

/// What a plan takes as a whole.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Whole {
    /// Milliseconds that its kernels and copies were thought to take.
    pub predicted_ms: f64,
    /// Milliseconds that it took, the median of runs on one thread.
    pub ms: f64,
}

/// What takes least of each of these ways, run as a whole; `None` where the compiler refuses a kernel. Object files are kept in
/// `folder`.
///
/// # Errors
/// As [`Bench::new`].
pub fn wholes(
    network: &Network<'_>,
    ways: &[&Ways],
    weights: &Weights<'_>,
    compiler: &Compiler,
    folder: &Path,
) -> Result<Vec<Option<Whole>>> {
    let plans: Vec<_> = ways.iter().map(|ways| chosen(network, ways)).collect();
    let mut bench = Bench::new(network, &plans, weights, compiler, folder)?;
    let mut runs = vec![Vec::new(); plans.len()];
    bench.in_turns(|bench, plan| runs[plan].extend(bench.run(plan)));
    let whole = |plan: usize| {
        let ms = median(&runs[plan])?;
        let steps = bench.steps(plan)?;
        let step = |took: &Took| match took.copied {
            Some(copy) => ways[plan].copies.of(&bench.copied()[copy]),
            None => plans[plan][took.part].as_ref().map_or(0.0, Way::ms),
        };
        Some(Whole { predicted_ms: steps.iter().map(step).sum(), ms })
    };
    Ok((0..plans.len()).map(whole).collect())
}
