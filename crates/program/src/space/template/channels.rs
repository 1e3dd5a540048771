//! What has no weight and keeps channels apart: functions by element, sums, means and maxima over windows. Channels lie in
//! blocks of a vector, as the template of convolutions has them, so that a network keeps one layout from one to the next.

use super::{Machine, block, blocked_layout, epilogue};
use crate::{
    Axis, BufferId, Result, Scope, Stage, Step, Workload,
    space::{Sketch, draft::Draft, predicate},
};

/// Pixels that are summed up in registers at a time, at most.
const PIXELS: u64 = 8;

pub(super) fn sketch(workload: &Workload, machine: Machine) -> Result<Option<Sketch>> {
    let &[output] = workload.outputs() else { return Ok(None) };
    let varying = |stage: &&Stage| !workload.is_constant(stage.buffer);
    let mut sums = workload.stages().iter().filter(varying).filter(|stage| stage.reduces());
    let sum = sums.next().map(|stage| stage.buffer);
    let Some(last) = workload.stage(output).filter(|last| sums.next().is_none() && last.spatial.len() >= 3) else {
        return Ok(None);
    };
    let lanes = block(last.spatial[1].extent, machine.lanes);
    if lanes <= 1 {
        return Ok(None);
    }
    let mut draft = Draft::new("channels", workload);
    let first = sum.unwrap_or(output);
    let before: Vec<BufferId> = workload.stages().iter().filter(varying).map(|stage| stage.buffer).collect();
    for id in before.into_iter().take_while(|id| *id != first) {
        draft.take(Step::Inline { stage: draft.name(id) })?;
    }
    let Some((sum, last)) = (match sum {
        Some(sum) => epilogue(&mut draft, sum)?,
        None => Some((output, output)),
    }) else {
        return Ok(None);
    };
    let workload = draft.state.workload();
    let (Some(stage), Some(stored)) = (workload.stage(sum).cloned(), workload.stage(last).cloned()) else {
        return Ok(None);
    };
    let Some(blocked) = reads(workload, &[&stage, &stored]) else { return Ok(None) };
    for id in [sum, last].into_iter().chain(blocked) {
        let rank = draft.state.workload().buffer(id).shape.len();
        if let Some(layout) = blocked_layout(rank, 1, lanes) {
            draft.take(Step::Layout { buffer: draft.name(id), layout })?;
        }
    }
    match sum == last {
        true => by_element(&mut draft, &stored, lanes, machine)?,
        false => by_window(&mut draft, [&stage, &stored], lanes, machine)?,
    }
    Ok(Some(draft.sketch))
}

/// What these read that has channels as their result has; `None` where channels are mixed.
fn reads(workload: &Workload, stages: &[&Stage]) -> Option<Vec<BufferId>> {
    let mut found = Vec::new();
    for stage in stages {
        for (id, index) in predicate::reads(stage) {
            let shape = &workload.buffer(id).shape;
            if found.contains(&id) || stages.iter().any(|stage| stage.buffer == id) || workload.is_constant(id) {
                continue;
            }
            let channel = index?.get(1).and_then(|index| index.as_var());
            match (shape.get(1), channel) {
                (Some(&n), Some(1)) if n == stage.spatial.get(1)?.extent && shape.len() >= 3 => found.push(id),
                // Broadcast along channels, and everything else that has none; what sums over channels is of another kind.
                _ if !stage.reduces() && !index?.iter().any(|index| index.has(1)) => {}
                _ => return None,
            }
        }
    }
    Some(found)
}

/// Blocks of channels outermost, the channels of a block innermost.
fn by_element(draft: &mut Draft, stage: &Stage, lanes: u64, machine: Machine) -> Result<()> {
    let name = draft.name(stage.buffer);
    let axes: Vec<String> = stage.spatial.iter().map(|axis| axis.name.clone()).collect();
    let [outer, inner] = [0, 1].map(|part| format!("{}.{part}", axes[1]));
    draft.take(Step::Split { stage: name.clone(), axis: axes[1].clone(), factors: vec![lanes] })?;
    let order = [&[axes[0].clone(), outer.clone()], &axes[2..], &[inner.clone()]].concat();
    draft.take(Step::Reorder { stage: name.clone(), order })?;
    draft.take(Step::Vectorize { stage: name.clone(), axis: inner })?;
    if machine.cores > 1 {
        draft.take(Step::Parallel { stage: name, axis: outer })?;
    }
    Ok(())
}

/// Some pixels × a vector of channels in registers over the whole window.
fn by_window(draft: &mut Draft, [stage, stored]: [&Stage; 2], lanes: u64, machine: Machine) -> Result<()> {
    let (name, target) = (draft.name(stage.buffer), draft.name(stored.buffer));
    let pixels = stage.spatial.last().map_or(1, |axis| block(axis.extent, PIXELS));
    let loops = |axes: &[Axis]| -> Option<[Vec<String>; 2]> {
        let [image, channel, rest @ .., pixel] = axes else { return None };
        let part = |axis: &Axis, part: u64| format!("{}.{part}", axis.name);
        let outer = [image.name.clone(), part(channel, 0)].into_iter();
        let outer = outer.chain(rest.iter().map(|axis| axis.name.clone())).chain([part(pixel, 0)]).collect();
        Some([outer, vec![part(pixel, 1), part(channel, 1)]])
    };
    let (Some([outer, inner]), Some([stored_outer, stored_inner])) = (loops(&stage.spatial), loops(&stored.spatial)) else {
        return Ok(());
    };
    let (channel, pixel) = (&stage.spatial[1], &stage.spatial[stage.spatial.len() - 1]);
    for (axis, factor) in [(channel, lanes), (pixel, pixels)] {
        draft.take(Step::Split { stage: name.clone(), axis: axis.name.clone(), factors: vec![factor] })?;
    }
    let window: Vec<String> = stage.reduction.iter().map(|axis| axis.name.clone()).collect();
    draft.take(Step::Reorder { stage: name.clone(), order: [&outer[..], &window, &inner].concat() })?;
    let Some(at) = outer.last().cloned() else { return Ok(()) };
    draft.take(Step::Scope { buffer: name.clone(), scope: Scope::Register })?;
    draft.take(Step::ReverseComputeAt { stage: target.clone(), target: name.clone(), axis: at })?;
    draft.take(Step::Reorder { stage: target.clone(), order: [&stored_outer[..], &stored_inner].concat() })?;
    for (stage, [pixel, channel]) in [(&name, [&inner[0], &inner[1]]), (&target, [&stored_inner[0], &stored_inner[1]])] {
        draft.take(Step::Vectorize { stage: stage.clone(), axis: channel.clone() })?;
        draft.take(Step::Unroll { stage: stage.clone(), axis: pixel.clone() })?;
    }
    if machine.cores > 1 {
        draft.take(Step::Parallel { stage: target, axis: stored_outer[1].clone() })?;
    }
    Ok(())
}
