//! What Ansor's rules ask of stages ("Ansor", Zheng et al., OSDI 2020, and its code in TVM).

use crate::{BufferId, Expr, Index, Stage, Unary, Workload};

/// Every read of a stage: the buffer, and its indices where they are all indices.
pub(super) fn reads(stage: &Stage) -> Vec<(BufferId, Option<&[Index]>)> {
    let mut found = Vec::new();
    let mut visit = |expr: &'_ Expr| match expr {
        Expr::Load(buffer, _) | Expr::Lookup { buffer, .. } => found.push(*buffer),
        _ => {}
    };
    stage.value.visit(&mut visit, &mut |_| {});
    // Again for the indices, whose life is the stage's.
    let mut indices = Vec::new();
    collect(&stage.value, &mut indices);
    found.into_iter().zip(indices).collect()
}

fn collect<'a>(expr: &'a Expr, into: &mut Vec<Option<&'a [Index]>>) {
    let mut visit = |expr: &'a Expr| match expr {
        Expr::Load(_, index) => into.push(Some(index.as_slice())),
        Expr::Lookup { .. } => into.push(None),
        _ => {}
    };
    expr.visit(&mut visit, &mut |_| {});
}

/// The variable of an index that is one plus a constant; `Some(None)` for a constant.
fn simple(index: &Index) -> Option<Option<u32>> {
    match index.terms() {
        [] => Some(None),
        [(crate::Atom::Var(var), 1)] => Some(Some(*var)),
        _ => None,
    }
}

/// +1 for each buffer that is read where some axis of the result, of an extent above 1, is in none of its indices: at
/// two, or at one with a reduction, there is something to reuse.
pub(super) fn needs_tiling(workload: &Workload, id: BufferId) -> bool {
    let Some(stage) = workload.stage(id) else { return false };
    let mut missing: Vec<BufferId> = Vec::new();
    for (read, index) in reads(stage) {
        let Some(index) = index else { continue };
        let absent = |(axis, a): (usize, &crate::Axis)| a.extent > 1 && !index.iter().any(|i| i.has(axis as u32));
        if stage.spatial.iter().enumerate().any(absent) && !missing.contains(&read) {
            missing.push(read);
        }
    }
    missing.len() >= 2 || (!missing.is_empty() && stage.reduces())
}

/// True if nothing is lost by computing it wherever it is read: axes in order, each once, no function that costs, no
/// branch.
pub(super) fn strictly_inlineable(workload: &Workload, id: BufferId) -> bool {
    let Some(stage) = workload.stage(id) else { return false };
    if stage.reduces() || workload.outputs().contains(&id) {
        return false;
    }
    let mut plain = true;
    let mut visit = |expr: &Expr| match expr {
        Expr::Unary(f, _) => plain &= matches!(f, Unary::Neg | Unary::Abs | Unary::Floor | Unary::Ceil | Unary::Sign),
        Expr::Select(..) | Expr::Lookup { .. } => plain = false,
        _ => {}
    };
    stage.value.visit(&mut visit, &mut |_| {});
    let ordered = |index: Option<&[Index]>| {
        let vars: Option<Vec<Option<u32>>> = index.map(|index| index.iter().map(simple).collect()).unwrap_or(None);
        vars.is_some_and(|vars| vars.into_iter().flatten().collect::<Vec<_>>().windows(2).all(|pair| pair[0] < pair[1]))
    };
    plain && reads(stage).into_iter().all(|(_, index)| ordered(index))
}

/// The one stage that reads this one, element by element at the same index.
pub(super) fn elementwise_consumer(workload: &Workload, id: BufferId) -> Option<BufferId> {
    let readers = workload.readers(id);
    let [reader] = readers.as_slice() else { return None };
    let stage = workload.stage(*reader)?;
    let shape = &workload.buffer(id).shape;
    let same = |index: Option<&[Index]>| {
        index.is_some_and(|index| index.iter().zip(shape).enumerate().all(|(axis, (i, &n))| i.is_axis(axis, n)))
    };
    let shapes = workload.buffer(*reader).shape == *shape;
    let matched = reads(stage).into_iter().filter(|(read, _)| *read == id).all(|(_, index)| same(index));
    (shapes && matched && !stage.reduces() && !workload.outputs().contains(&id)).then_some(*reader)
}

/// Elements of the result, and length of the reduction.
pub(super) fn lengths(stage: &Stage) -> (u64, u64) {
    let product = |axes: &[crate::Axis]| axes.iter().fold(1u64, |n, axis| n.saturating_mul(axis.extent));
    (product(&stage.spatial), product(&stage.reduction))
}

/// True if the result is too small to keep the cores busy, and the reduction is long.
pub(super) fn needs_rfactor(workload: &Workload, id: BufferId, cores: u64) -> bool {
    let Some(stage) = workload.stage(id).filter(|stage| stage.reduces()) else { return false };
    let (spatial, reduction) = lengths(stage);
    match needs_tiling(workload, id) {
        true => spatial <= reduction && spatial <= 16 * cores,
        false => reduction > cores,
    }
}
