//! What MetaSchedule's rules ask of stages.

use super::super::predicate::{lengths, reads};
use crate::{BufferId, Workload};

/// True for a reduction with something to reuse: a buffer, each of which is read once, that some axis of the result does
/// not index.
pub(super) fn needs_tiling(workload: &Workload, id: BufferId) -> bool {
    let Some(stage) = workload.stage(id).filter(|stage| stage.reduces()) else { return false };
    let reads = reads(stage);
    let twice = |(i, (read, _)): (usize, &(BufferId, _))| reads[..i].iter().any(|(other, _)| other == read);
    if reads.is_empty() || reads.iter().enumerate().any(twice) || reads.iter().any(|(_, index)| index.is_none()) {
        return false;
    }
    let unused = |index: &[crate::Index]| {
        let absent = |(axis, a): (usize, &crate::Axis)| a.extent > 1 && !index.iter().any(|i| i.has(axis as u32));
        stage.spatial.iter().enumerate().any(absent)
    };
    reads.iter().any(|(_, index)| index.is_some_and(unused))
}

/// True for a reduction whose result is too small to keep so many busy.
pub(super) fn needs_factoring(workload: &Workload, id: BufferId, jobs: u64) -> bool {
    let Some(stage) = workload.stage(id).filter(|stage| stage.reduces()) else { return false };
    let (spatial, reduction) = lengths(stage);
    match needs_tiling(workload, id) {
        true => spatial < reduction && spatial <= jobs,
        false => reduction > 1,
    }
}
