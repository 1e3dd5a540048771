//! Reductions in two, where the result alone is too small for the cores.

use super::{
    super::{CpuRules, Decision, Open, ansor::Partial},
    Made,
    predicate::needs_factoring,
};
use crate::{BufferId, Step};

/// Jobs for each core.
pub(super) const JOBS: u64 = 16;

/// Partial sums along the outer or the inner part of all reduction axes as one; and the reduction as it is.
pub(super) fn factored(p: &Partial, id: BufferId, rules: CpuRules) -> Made {
    let workload = p.state.workload();
    let untouched = p.state.loops(id).is_some_and(crate::Loops::is_pristine);
    if !untouched || !needs_factoring(workload, id, JOBS * rules.cores) {
        return Ok(None);
    }
    let Some(stage) = workload.stage(id) else { return Ok(None) };
    let extent = stage.reduction.iter().fold(1u64, |n, axis| n.saturating_mul(axis.extent));
    let axis = stage.reduction.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join("*");
    let spatial: Vec<String> = stage.spatial.iter().map(|axis| axis.name.clone()).collect();
    let name = p.name(id);
    let (sums, kept) = (format!("{name}.rf"), format!("{axis}.rf"));
    let mut made = Vec::new();
    for outer in [true, false] {
        let mut next = p.clone();
        let tile = next.decide(Decision::Tile { extent, parts: 2, max_innermost: Some(rules.max_innermost) });
        // Names do not depend on the factor.
        next.try_on(&Step::RFactor { stage: name.clone(), axis: axis.clone(), factor: 1, outer })?;
        next.sketch.steps.push(Open::Factor { stage: name.clone(), axis: axis.clone(), tile, outer });
        if !outer {
            // Partial sums side by side, as the inner part lies.
            let order = spatial.iter().cloned().chain([axis.clone(), kept.clone()]).collect();
            next.take(Step::Reorder { stage: sums.clone(), order })?;
        }
        let part = if outer { "outer" } else { "inner" };
        made.push(next.noted(format!("factor {name} by the {part} part"), 0));
    }
    made.push(p.clone());
    Ok(Some(made))
}
