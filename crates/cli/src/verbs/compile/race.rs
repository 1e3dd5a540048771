//! Whole runs of a compiled network, beside the default plan.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tachograph_compile::{Compiled, Network, Plan};
use tachograph_metrics::median;

/// How long plans are run in turns, and how often at least.
const TIME: Duration = Duration::from_secs(3);
const RUNS: usize = 9;

/// What whole runs took, medians in milliseconds.
pub struct Raced {
    pub ms: f64,
    /// The default plan, where it is another.
    pub default_ms: Option<f64>,
    /// Of each step of the default plan.
    pub default_steps: Vec<(usize, f64)>,
}

impl Raced {
    /// The plan that was run is the default one.
    pub fn default_is(&mut self, plan: &Plan) {
        self.default_ms = Some(self.ms);
        self.default_steps = by_group(plan);
    }
}

fn by_group(plan: &Plan) -> Vec<(usize, f64)> {
    plan.steps.iter().map(|step| (step.group, step.ms)).collect()
}

/// Runs the plan of a folder, and the default plan beside it, in turns; gives plans the times of their steps.
pub fn race(network: &Network<'_>, folder: &Path, plan: &mut Plan, default: Option<&mut Plan>) -> Result<Raced> {
    let inputs = network.stand_ins();
    let mut ours = Compiled::open(&folder.join("network.so"))?;
    let mut theirs = match default {
        Some(plan) => Some((Compiled::open(&folder.join("default/network.so"))?, plan)),
        None => None,
    };
    let mut times = [Vec::new(), Vec::new()];
    let start = Instant::now();
    while times[0].len() < RUNS || start.elapsed() < TIME {
        times[0].push(timed(&mut ours, &inputs)?);
        if let Some((theirs, _)) = &mut theirs {
            times[1].push(timed(theirs, &inputs)?);
        }
    }
    // The first run fills caches.
    let middle = |times: &[f64]| median(times.get(1..).unwrap_or_default());
    steps(&mut ours, &inputs, plan)?;
    let mut default_steps = Vec::new();
    if let Some((library, plan)) = &mut theirs {
        steps(library, &inputs, plan)?;
        default_steps = by_group(plan);
    }
    let ms = middle(&times[0]).context("nothing was run")?;
    Ok(Raced { ms, default_ms: middle(&times[1]), default_steps })
}

/// A run after another, which brings back to the caches what the other plan's turn put out of them.
fn timed(library: &mut Compiled, inputs: &[Vec<u8>]) -> Result<f64> {
    let given: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    library.run_bytes(&given)?;
    let start = Instant::now();
    library.run_bytes(&given)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn steps(library: &mut Compiled, inputs: &[Vec<u8>], plan: &mut Plan) -> Result<()> {
    let given: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let runs = (0..RUNS).map(|_| library.times(&given)).collect::<Result<Vec<_>, _>>()?;
    for (i, step) in plan.steps.iter_mut().enumerate() {
        let times: Vec<f64> = runs.iter().filter_map(|run| run.get(i).copied()).collect();
        step.ms = median(&times).unwrap_or(0.0);
    }
    Ok(())
}

/// Puts the default plan in the place of the other.
pub fn take_default(folder: &Path) -> Result<()> {
    let file = |name: &str| {
        let (from, to) = (folder.join("default").join(name), folder.join(name));
        std::fs::rename(&from, &to).with_context(|| to.display().to_string())
    };
    file("network.so")
}
