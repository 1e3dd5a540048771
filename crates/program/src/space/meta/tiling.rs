//! Tiles at several levels, with what they write, and on GPUs what they read, kept close.

use super::{
    super::{
        CpuRules, GpuRules,
        ansor::Partial,
        ansor_gpu,
        predicate::{elementwise_consumer, lengths},
    },
    Made,
    predicate::needs_tiling,
};
use crate::{BufferId, Step};

fn untouched(p: &Partial, id: BufferId) -> bool {
    p.state.loops(id).is_some_and(crate::Loops::is_pristine)
}

/// True for what rules are to leave as it is: a factored reduction, and its parts.
fn is_factored(p: &Partial, id: BufferId) -> bool {
    let name = p.name(id);
    name.ends_with(".rf") || p.state.workload().find(&format!("{name}.rf")).is_some()
}

/// What reads the stage element by element, and may follow its tiles.
fn follower(p: &Partial, id: BufferId) -> Option<BufferId> {
    elementwise_consumer(p.state.workload(), id).filter(|&reader| untouched(p, reader))
}

/// SSRSRS; the result straight to memory, or in a buffer of its own that is written out after the first or the second
/// level.
pub(super) fn on_cpu(p: &Partial, id: BufferId, rules: CpuRules) -> Made {
    if !untouched(p, id) || is_factored(p, id) || !needs_tiling(p.state.workload(), id) {
        return Ok(None);
    }
    let name = p.name(id);
    let mut plain = p.clone();
    plain.tile(id, rules)?;
    let mut made = vec![plain.noted(format!("tile {name}"), 0)];
    for levels in [1, 2] {
        let mut next = p.clone();
        let (tiled, consumer) = match follower(p, id) {
            Some(consumer) => (id, consumer),
            None => (cached(&mut next, id)?, id),
        };
        next.tile(tiled, rules)?;
        next.fuse(tiled, consumer, levels, rules)?;
        let note = format!("tile {} and write {} at {levels}", next.name(tiled), next.name(consumer));
        made.push(next.noted(note, 0));
    }
    Ok(Some(made))
}

/// SSSRRSRS: blocks, virtual threads and threads; the result in registers, what is read in shared memory.
pub(super) fn on_gpu(p: &Partial, id: BufferId, rules: GpuRules) -> Made {
    let workload = p.state.workload();
    let empty = workload.stage(id).is_none_or(|stage| lengths(stage).0 == 0);
    if empty || !untouched(p, id) || !needs_tiling(workload, id) {
        return Ok(None);
    }
    let mut next = p.clone();
    let (tiled, consumer) = match follower(p, id) {
        Some(consumer) => (id, consumer),
        None => (cached(&mut next, id)?, id),
    };
    ansor_gpu::tile(&mut next, tiled, consumer, rules, &[1, 2, 3, 4])?;
    let note = format!("tile {} and write {}", next.name(tiled), next.name(consumer));
    Ok(Some(vec![next.noted(note, 0)]))
}

/// The stage now computes a buffer of its own, which is copied to the old one.
pub(super) fn cached(p: &mut Partial, id: BufferId) -> crate::Result<BufferId> {
    let stage = p.name(id);
    p.take(Step::CacheWrite { stage })?;
    Ok(BufferId(p.state.workload().buffers().len() as u32 - 1))
}
