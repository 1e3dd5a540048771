//! Stages that are computed wherever they are read.

use super::{
    super::{ansor::Partial, predicate::strictly_inlineable},
    Made,
    predicate::needs_tiling,
};
use crate::{BufferId, Step};

fn inlined(p: &Partial, id: BufferId) -> Made {
    let step = Step::Inline { stage: p.name(id) };
    if p.state.clone().apply(&step).is_err() {
        return Ok(None);
    }
    let note = format!("inline {}", p.name(id));
    let mut next = p.clone();
    next.take(step)?;
    Ok(Some(vec![next.noted(note, 0)]))
}

/// For processors: what costs nothing; everything, where nothing is reduced.
pub(super) fn costless(p: &Partial, id: BufferId) -> Made {
    let workload = p.state.workload();
    let spatial = workload.stages().iter().all(|stage| !stage.reduces());
    if spatial || strictly_inlineable(workload, id) { inlined(p, id) } else { Ok(None) }
}

/// For GPUs: whatever no stage reads that is to be tiled.
pub(super) fn beside_tiles(p: &Partial, id: BufferId) -> Made {
    let workload = p.state.workload();
    if workload.readers(id).into_iter().any(|reader| needs_tiling(workload, reader)) {
        return Ok(None);
    }
    inlined(p, id)
}

/// For GPUs: everything that can be.
pub(super) fn every(p: &Partial, id: BufferId) -> Made {
    inlined(p, id)
}
