//! Ansor's rules for stages that read tables of numbers, as Winograd's transforms do: loops over the axes of a table are
//! written out, so that its zeros and ones cost nothing.

use super::{Decision, Open, ansor::Partial};
use crate::{Atom, BufferId, Expr, Loops, Mark, Result, Stage, Step, Workload};

/// Longest loop that is written out, as lowering has it.
const LONGEST: u64 = 16;

/// The axes at which a stage reads tables; none unless each is a variable of its own, and all of a reduction are there.
fn table_axes(stage: &Stage) -> Vec<usize> {
    let (mut axes, mut plain) = (Vec::new(), true);
    let mut visit = |expr: &Expr| {
        let Expr::Table(_, index) = expr else { return };
        for (atom, _) in index.terms() {
            match atom {
                Atom::Var(var) => axes.push(*var as usize),
                Atom::Div(..) | Atom::Mod(..) => plain = false,
            }
        }
    };
    stage.value.visit(&mut visit, &mut |_| {});
    axes.sort_unstable();
    axes.dedup();
    let short = axes.iter().all(|&axis| stage.axis(axis).is_some_and(|axis| axis.extent <= LONGEST));
    let reduced = (stage.spatial.len()..stage.rank()).all(|axis| axes.contains(&axis));
    if plain && short && reduced { axes } else { Vec::new() }
}

/// True for a stage to which [`simplified`] applies.
pub(super) fn reads_tables(workload: &Workload, id: BufferId) -> bool {
    workload.stage(id).is_some_and(|stage| !table_axes(stage).is_empty())
}

/// The axes of tables innermost and written out, the others in tiles of two levels.
pub(super) fn simplified(p: &Partial, id: BufferId, max_innermost: u64) -> Result<Option<Partial>> {
    let Some(stage) = p.state.workload().stage(id).cloned() else { return Ok(None) };
    let written_out = table_axes(&stage);
    if written_out.is_empty() || !p.state.loops(id).is_some_and(Loops::is_pristine) {
        return Ok(None);
    }
    let (mut next, name) = (p.clone(), p.name(id));
    let (mut levels, mut inner) = ([Vec::new(), Vec::new()], Vec::new());
    for (i, axis) in stage.axes().enumerate() {
        let own = axis.name.clone();
        if written_out.contains(&i) {
            next.take(Step::Unroll { stage: name.clone(), axis: own.clone() })?;
            inner.push(own);
            continue;
        }
        let max_innermost = Some(max_innermost);
        let tile = next.decide(Decision::Tile { extent: axis.extent.max(1), parts: 2, max_innermost });
        next.try_on(&Step::Split { stage: name.clone(), axis: own.clone(), factors: vec![1] })?;
        for (part, level) in levels.iter_mut().enumerate() {
            level.push(format!("{own}.{part}"));
        }
        next.sketch.steps.push(Open::Split { stage: name.clone(), axis: own, tile });
    }
    let [outer, middle] = levels;
    let order = outer.into_iter().chain(middle).chain(inner).collect();
    next.take(Step::Reorder { stage: name, order })?;
    Ok(Some(next))
}

/// For GPUs: what would be inlined into a stage with tables is computed just outside of the loops that are written out
/// there, once for all of them.
pub(super) fn placed(p: &Partial, id: BufferId) -> Result<Option<Partial>> {
    let workload = p.state.workload();
    let (Some(stage), &[reader]) = (workload.stage(id), workload.readers(id).as_slice()) else { return Ok(None) };
    if stage.reduces() || workload.outputs().contains(&id) || stage.value.reads().is_empty() {
        return Ok(None);
    }
    let Some(loops) = p.state.loops(reader).filter(|_| reads_tables(workload, reader)) else { return Ok(None) };
    let first = loops.leaves.iter().position(|&leaf| loops.nodes[leaf].mark == Mark::Unroll);
    let Some(&leaf) = first.and_then(|first| first.checked_sub(1)).and_then(|at| loops.leaves.get(at)) else {
        return Ok(None);
    };
    let axis = loops.nodes[leaf].name.clone();
    let step = Step::ComputeAt { stage: p.name(id), target: p.name(reader), axis };
    let mut next = p.clone();
    Ok(next.take(step).is_ok().then_some(next))
}
