//! What goes over memory once, row by row: softmax, normalisations, sums along the last axes, and chains of element-wise
//! functions. Everything that a row needs is computed while the row is in the first cache.

use super::Machine;
use crate::{
    Axis, BufferId, Result, Scope, Stage, Step, Workload,
    space::{Sketch, draft::Draft, predicate},
};

/// Results of this size may be written past the caches, which would not keep them.
const STREAM_BYTES: u64 = 8 << 20;

pub(super) fn sketch(workload: &Workload, machine: Machine) -> Result<Option<Sketch>> {
    let &[output] = workload.outputs() else { return Ok(None) };
    let mut draft = Draft::new("rows", workload);
    inline(&mut draft, output)?;
    let Some(rows) = rows(draft.state.workload(), output) else { return Ok(None) };
    // Readers before what they read, which can then go inside of them.
    let workload = draft.state.workload();
    let varying = workload.stages().iter().rev().filter(|stage| !workload.is_constant(stage.buffer));
    let stages: Vec<Stage> = varying.cloned().collect();
    let loops = stages.iter().map(|stage| inner(&mut draft, stage, rows)).collect::<Result<Vec<_>>>()?;
    vectors(&mut draft, &stages, &loops, machine)?;
    let target = draft.name(output);
    let last = draft.state.workload().stage(output);
    let reduces = last.is_some_and(Stage::reduces);
    let axis = last.and_then(|stage| stage.spatial.get(rows.checked_sub(1)?).cloned());
    if let Some(axis) = axis {
        for id in stages.iter().map(|stage| stage.buffer).filter(|id| *id != output) {
            draft.take(Step::ComputeAt { stage: draft.name(id), target: target.clone(), axis: axis.name.clone() })?;
        }
        if machine.cores > 1 {
            draft.take(Step::Parallel { stage: target.clone(), axis: axis.name })?;
        }
    } else if let Some(Some((axis, _))) = loops.first().filter(|_| machine.cores > 1 && !reduces) {
        draft.take(Step::Parallel { stage: target.clone(), axis: format!("{axis}.0") })?;
    }
    if draft.state.workload().buffer(output).bytes() >= STREAM_BYTES {
        let past = vec![Step::Scope { buffer: target, scope: Scope::Streamed }];
        draft.either("stores", vec![("through the caches".into(), vec![]), ("past the caches".into(), past)]);
    }
    Ok(Some(draft.sketch))
}

/// Inlines what one other stage alone reads; what two read, such as the exponentials of a softmax, is computed once.
fn inline(draft: &mut Draft, output: BufferId) -> Result<()> {
    let ids: Vec<BufferId> = draft.state.workload().stages().iter().map(|stage| stage.buffer).collect();
    for id in ids.into_iter().filter(|id| *id != output) {
        let workload = draft.state.workload();
        let Some(stage) = workload.stage(id).filter(|stage| !stage.reduces() && !workload.is_constant(id)) else {
            continue;
        };
        let &[reader] = workload.readers(id).as_slice() else { continue };
        // Not what is once a row into what is for each of its elements.
        let again = workload.stage(reader).is_some_and(|reader| reader.points() > stage.points());
        if !again {
            draft.take(Step::Inline { stage: draft.name(id) })?;
        }
    }
    Ok(())
}

/// How many axes of the last stage, outermost, are rows: those that no reduction goes over. `None` where the workload is
/// of another kind.
fn rows(workload: &Workload, output: BufferId) -> Option<usize> {
    let last = workload.stage(output)?;
    let varies = |stage: &&Stage| !workload.is_constant(stage.buffer);
    let mut rows = last.spatial.len();
    for stage in workload.stages().iter().filter(varies).filter(|stage| stage.reduces()) {
        // What reads something more than once is for tiles.
        if predicate::needs_tiling(workload, stage.buffer) {
            return None;
        }
        let kept = kept(stage, last);
        if stage.spatial.iter().skip(kept).any(|axis| axis.extent > 1) {
            return None;
        }
        rows = rows.min(kept);
        // Vectors go along what lies together.
        let innermost = (stage.axes().len() - 1) as u32;
        let reads = predicate::reads(stage);
        let along = |index: &[crate::Index]| {
            index.last().is_some_and(|i| i.as_var() == Some(innermost)) || !index.iter().any(|i| i.has(innermost))
        };
        if !reads.into_iter().all(|(_, index)| index.is_some_and(along)) {
            return None;
        }
    }
    let own = |stage: &Stage| stage.reduces() || kept(stage, last) >= rows;
    if !workload.stages().iter().filter(varies).all(own) {
        return None;
    }
    // Without a reduction a row is as much as lies together.
    if !last.reduces() && rows == last.spatial.len() {
        rows = (0..rows).find(|&first| together(workload, last, first..rows))?;
    }
    Some(rows)
}

/// How many axes, outermost, a stage has in common with another.
fn kept(stage: &Stage, with: &Stage) -> usize {
    let same = |(own, other): &(&Axis, &Axis)| own.extent == other.extent;
    stage.spatial.iter().zip(&with.spatial).take_while(same).count()
}

/// True if whatever is read along any of these axes is read along all of them, as it lies in memory.
fn together(workload: &Workload, stage: &Stage, axes: std::ops::Range<usize>) -> bool {
    predicate::reads(stage).into_iter().all(|(id, index)| {
        let Some(index) = index else { return false };
        if !axes.clone().any(|axis| index.iter().any(|i| i.has(axis as u32))) {
            return true;
        }
        let shape = &workload.buffer(id).shape;
        let Some(first) = index.len().checked_sub(axes.len()) else { return false };
        let whole = |(at, axis): (usize, usize)| {
            let extent = stage.axis(axis).map(|axis| axis.extent);
            index[first + at].as_var() == Some(axis as u32) && shape.get(first + at).copied() == extent
        };
        axes.clone().enumerate().all(whole)
    })
}

/// Makes one loop of those of a stage within a row, where they lie together; gives the innermost, and its extent.
fn inner(draft: &mut Draft, stage: &Stage, rows: usize) -> Result<Option<(String, u64)>> {
    let (spatial, all) = (stage.spatial.len(), stage.axes().len());
    let axes = if stage.reduces() { spatial..all } else { rows.min(spatial)..spatial };
    let named: Vec<&Axis> = axes.clone().filter_map(|axis| stage.axis(axis)).collect();
    let Some(last) = named.last() else { return Ok(None) };
    if named.len() > 1 && together(draft.state.workload(), stage, axes) {
        let axes: Vec<String> = named.iter().map(|axis| axis.name.clone()).collect();
        let (name, extent) = (axes.join("*"), named.iter().map(|axis| axis.extent).product());
        draft.take(Step::Fuse { stage: draft.name(stage.buffer), axes })?;
        return Ok(Some((name, extent)));
    }
    Ok(Some((last.name.clone(), last.extent)))
}

/// Runs the innermost loops in vectors, and decides how many of them one trip of the loop around them has.
fn vectors(draft: &mut Draft, stages: &[Stage], loops: &[Option<(String, u64)>], machine: Machine) -> Result<()> {
    let mut open = Vec::new();
    for (stage, inner) in stages.iter().zip(loops) {
        let (Some((axis, extent)), name) = (inner.clone(), draft.name(stage.buffer)) else { continue };
        match stage.reduces() {
            true => draft.take(Step::Vectorize { stage: name, axis })?,
            false => open.push((name, axis, extent)),
        }
    }
    let longest = open.iter().map(|(.., extent)| *extent).max().unwrap_or(1);
    if open.is_empty() {
        return Ok(());
    }
    let options =
        [1, 2, 4, 8].map(|n| n * machine.lanes).into_iter().filter(|n| longest.is_multiple_of(*n) && *n < longest);
    let mut options: Vec<(String, u64)> = options.map(|n| (format!("{n} at a time"), n)).collect();
    options.push(("a row at a time".into(), longest.max(1)));
    let steps = |n: u64| {
        let split = |(stage, axis, extent): &(String, String, u64)| {
            let factors = vec![if extent.is_multiple_of(n) { n } else { (*extent).max(1) }];
            let (stage, axis) = (stage.clone(), axis.clone());
            let vector = Step::Vectorize { stage: stage.clone(), axis: format!("{axis}.1") };
            [Step::Split { stage, axis, factors }, vector]
        };
        open.iter().flat_map(split).collect::<Vec<_>>()
    };
    let options: Vec<(String, Vec<Step>)> = options.into_iter().map(|(name, n)| (name, steps(n))).collect();
    if let Some((_, first)) = options.first() {
        first.iter().try_for_each(|step| draft.try_on(step))?;
    }
    draft.either("vectors", options);
    Ok(())
}
