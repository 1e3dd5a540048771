//! Reductions that the threads of a block share out, by Ansor's rule for GPUs.
//!
//! Where Ansor lets the threads of a warp add up by shuffles, partial sums go through shared memory here, and the first
//! thread adds them.

use super::{GpuRules, Open, ansor::Partial, ansor_gpu::fused, predicate::reads};
use crate::{Binding, BufferId, Dim, Loops, Mark, Place, Result, Scope, Step};

/// The longest reduction axis of a stage, and how many threads may share it out.
fn shared_out(p: &Partial, id: BufferId, rules: GpuRules) -> Option<(String, Vec<u64>)> {
    let axis = p.state.workload().stage(id)?.reduction.iter().max_by_key(|axis| axis.extent)?;
    let threads: Vec<u64> = (2..=10).map(|n| 1 << n).filter(|&n| n < axis.extent && n <= rules.max_threads).collect();
    (!threads.is_empty()).then(|| (axis.name.clone(), threads))
}

/// Computes a stage and its partial sums at a loop, where threads share them.
fn place(p: &mut Partial, stage: &str, axis: &str, target: &str, at: &str) -> Result<()> {
    let sums = format!("{stage}.rf");
    let stages = if stage == target { vec![sums.clone()] } else { vec![stage.to_owned(), sums.clone()] };
    for stage in stages {
        p.take(Step::ComputeAt { stage: stage.clone(), target: target.to_owned(), axis: at.to_owned() })?;
        p.take(Step::Scope { buffer: stage, scope: Scope::Shared })?;
    }
    p.take(Step::Bind { stage: sums, axis: format!("{axis}.rf"), to: Binding::Thread(Dim::X) })
}

fn factored(stage: &str, axis: &str, factor: u64) -> Step {
    Step::RFactor { stage: stage.into(), axis: axis.into(), factor, outer: false }
}

/// Partial sums by the threads of a block, one block for each element of the result.
pub(super) fn alone(partial: &Partial, id: BufferId, i: usize, rules: GpuRules) -> Result<Option<Partial>> {
    let Some((axis, threads)) = shared_out(partial, id, rules) else { return Ok(None) };
    let name = partial.name(id);
    let spatial: Vec<String> = partial
        .state
        .workload()
        .stage(id)
        .map(|stage| stage.spatial.iter().map(|axis| axis.name.clone()).collect())
        .unwrap_or_default();
    let mut next = partial.clone();
    next.try_on(&factored(&name, &axis, threads[0]))?;
    let options = threads.iter().map(|&n| (n.to_string(), vec![factored(&name, &axis, n)])).collect();
    next.either(format!("threads of {name}"), options);
    // Without an axis there is one element, and one block.
    if !spatial.is_empty() {
        let block = fused(&mut next, &name, spatial)?;
        next.take(Step::Bind { stage: name.clone(), axis: block.clone(), to: Binding::Block(Dim::X) })?;
        place(&mut next, &name, &axis, &name, &block)?;
    }
    // Its partial sums stand before it, and are done.
    Ok(Some(next.noted(format!("reduce {name} across threads"), i)))
}

/// The same in the loops of the stage that reads the result, which has a block for each element of its outer axes; its
/// other axes are shared out among the same threads.
pub(super) fn inside(partial: &Partial, id: BufferId, i: usize, rules: GpuRules) -> Result<Option<Partial>> {
    let Some((axis, threads)) = shared_out(partial, id, rules) else { return Ok(None) };
    let workload = partial.state.workload();
    let Some(&target) = workload.readers(id).last() else { return Ok(None) };
    let (Some(stage), Some(loops)) = (workload.stage(target), partial.state.loops(target)) else { return Ok(None) };
    // Axes at which every read of the result is at the reader's own.
    let outer = reads(stage).into_iter().filter(|(read, _)| *read == id).map(|(_, index)| {
        let own = |(axis, index): (usize, &crate::Index)| index.as_var() == Some(axis as u32);
        index.map_or(0, |index| index.iter().enumerate().take_while(|&pair| own(pair)).count())
    });
    let outer = outer.min().unwrap_or(0);
    let names: Vec<String> = stage.spatial.iter().map(|axis| axis.name.clone()).collect();
    if outer == 0 || outer >= names.len() || stage.reduces() || loops.place != Place::Root {
        return Ok(None);
    }
    let (name, reader) = (partial.name(id), partial.name(target));
    let (block, inner) = (names[..outer].join("*"), names[outer..].join("*"));
    let category = format!("threads of {reader}");
    let mut next = partial.clone();
    next.try_on(&factored(&name, &axis, threads[0]))?;
    if loops.is_pristine() {
        fused(&mut next, &reader, names[..outer].to_vec())?;
        fused(&mut next, &reader, names[outer..].to_vec())?;
        let split = |n| Step::Split { stage: reader.clone(), axis: inner.clone(), factors: vec![n] };
        next.try_on(&split(threads[0]))?;
        let option = |&n: &u64| (n.to_string(), vec![factored(&name, &axis, n), split(n)]);
        next.either(category, threads.iter().map(option).collect());
        next.take(Step::Bind { stage: reader.clone(), axis: block.clone(), to: Binding::Block(Dim::X) })?;
        next.take(Step::Bind { stage: reader.clone(), axis: format!("{inner}.1"), to: Binding::Thread(Dim::X) })?;
    } else {
        // As many threads as were decided for the reduction before.
        let words: Vec<String> = threads.iter().map(u64::to_string).collect();
        let same = next.sketch.decisions.iter().position(|decision| {
            matches!(decision, super::Decision::Category { name, options } if *name == category && *options == words)
        });
        let Some(category) = same.filter(|_| is_bound(loops, &block)) else { return Ok(None) };
        let options = threads.iter().map(|&n| vec![factored(&name, &axis, n)]).collect();
        next.sketch.steps.push(Open::Either { category, options });
    }
    // Something else may read it elsewhere.
    let at = Step::ComputeAt { stage: name.clone(), target: reader.clone(), axis: block.clone() };
    if next.state.clone().apply(&at).is_err() {
        return Ok(None);
    }
    place(&mut next, &name, &axis, &reader, &block)?;
    Ok(Some(next.noted(format!("reduce {name} across threads at {reader}"), i)))
}

/// True if a loop of this name is bound to blocks.
fn is_bound(loops: &Loops, name: &str) -> bool {
    let mark = Mark::Bind(Binding::Block(Dim::X));
    loops.leaves.iter().any(|&leaf| loops.nodes[leaf].name == name && loops.nodes[leaf].mark == mark)
}
