//! The plans that have a chance, run as wholes.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use tachograph_compile::{Measured, Network, Ways, Weights, Whole, in_network, ways, wholes};
use tachograph_program::Compiler;

use crate::table;

/// What the default plan's choices are by.
const FORMULA: &str = "formula";

/// A plan that was run as a whole.
#[derive(Serialize)]
pub struct Ran {
    /// What its choices are by, and what was predicted of it.
    pub by: &'static str,
    #[serde(flatten)]
    pub whole: Whole,
}

/// What is compiled in the end.
pub struct Plans {
    /// The fastest.
    pub best: Ways,
    /// What is taken where nothing is known.
    pub default: Ways,
    /// Whether these are the same.
    pub best_is_default: bool,
    /// Those that were run.
    pub ran: Vec<Ran>,
}

impl Plans {
    /// By what was measured of kernels by themselves; nothing is run.
    pub fn known(network: &Network<'_>, measured: &Measured) -> Result<Self> {
        let best = ways(network, measured)?;
        let default = ways(network, &Measured::new())?.taken(network, &best);
        Ok(Self { best, default, best_is_default: measured.is_empty(), ran: Vec::new() })
    }

    /// Times the kernels that have a chance in the network, those that are fastest again in other layouts; what is best by each of these
    /// is run as a whole beside the others, and the fastest is kept.
    pub fn timed(
        network: &Network<'_>,
        measured: &Measured,
        weights: &Weights<'_>,
        compiler: &Compiler,
        folder: &Path,
    ) -> Result<Self> {
        let (alone, formula) = (ways(network, measured)?, ways(network, &Measured::new())?);
        let timed = in_network(network, &alone, &formula, weights, compiler, folder)?;
        let relaid = in_network(network, &timed.relaid(network), &timed, weights, compiler, folder)?;
        // With what is known best of each one's kernels.
        let plans = [
            ("kernels by themselves", &alone, &timed),
            ("kernels in the network", &timed, &timed),
            ("the same in other layouts", &relaid, &relaid),
            (FORMULA, &formula, &timed),
        ];
        let took = wholes(network, &plans.map(|(_, ways, _)| ways), weights, compiler, folder)?;
        let (mut ran, mut best) = (Vec::<Ran>::new(), plans[3]);
        for (plan, whole) in plans.into_iter().zip(took) {
            // None where the compiler refuses one of its kernels.
            let Some(whole) = whole else { continue };
            if ran.iter().all(|other| whole.ms < other.whole.ms) {
                best = plan;
            }
            ran.push(Ran { by: plan.0, whole });
        }
        let (by, ways, known) = best;
        let default = formula.taken(network, &timed);
        Ok(Self { best: ways.taken(network, known), default, best_is_default: by == FORMULA, ran })
    }

    /// A table of the plans that were run, if any were.
    pub fn say(&self) {
        if !self.ran.is_empty() {
            let ms = |ms: f64| format!("{ms:.3}");
            let row = |ran: &Ran| [ran.by.into(), ms(ran.whole.predicted_ms), ms(ran.whole.ms)];
            table::table(&["plan by", "predicted ms", "ms"], &self.ran.iter().map(row).collect::<Vec<_>>());
            out!("");
        }
    }
}
