//! Reductions that the threads of a block share out.

use super::{
    super::{GpuRules, across, ansor::Partial},
    Made,
    predicate::needs_factoring,
};
use crate::BufferId;

/// The most threads that share a reduction out.
const MOST: u64 = 512;

/// Within the blocks of its reader where it can be, else in blocks of its own; and the reduction as it is.
pub(super) fn reduced(p: &Partial, id: BufferId, rules: GpuRules) -> Made {
    let untouched = p.state.loops(id).is_some_and(crate::Loops::is_pristine);
    if !untouched || p.name(id).ends_with(".rf") || !needs_factoring(p.state.workload(), id, rules.max_threads) {
        return Ok(None);
    }
    let threads = GpuRules { max_threads: MOST.min(rules.max_threads), ..rules };
    let shared = match across::inside(p, id, 0, threads)? {
        Some(inside) => Some(inside),
        None => across::alone(p, id, 0, threads)?,
    };
    Ok(shared.map(|shared| vec![p.clone(), shared]))
}
