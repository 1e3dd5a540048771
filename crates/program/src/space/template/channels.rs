//! Functions by element that keep channels apart, in blocks of a vector, as the template of convolutions has them: so a network
//! keeps one layout from one to the next. Where all lies plainly, rows are for them.

use super::{Machine, block, blocked_layout};
use crate::{
    BufferId, Index, Result, Stage, Step, Var, Workload,
    space::{Sketch, draft::Draft, predicate},
};

pub(super) fn sketch(workload: &Workload, machine: Machine) -> Result<Option<Sketch>> {
    let &[output] = workload.outputs() else { return Ok(None) };
    let varying: Vec<&Stage> = workload.stages().iter().filter(|stage| !workload.is_constant(stage.buffer)).collect();
    if varying.iter().any(|stage| stage.reduces() || stage.spatial.len() < 3) {
        return Ok(None);
    }
    let mut draft = Draft::new("channels", workload);
    for id in varying.iter().map(|stage| stage.buffer).filter(|id| *id != output) {
        draft.take(Step::Inline { stage: draft.name(id) })?;
    }
    let Some(stage) = draft.state.workload().stage(output).cloned() else { return Ok(None) };
    let lanes = block(stage.spatial[1].extent, machine.lanes);
    let Some(blocked) = reads(draft.state.workload(), &stage).filter(|_| lanes > 1) else { return Ok(None) };
    for id in [output].into_iter().chain(blocked) {
        let rank = draft.state.workload().buffer(id).shape.len();
        if let Some(layout) = blocked_layout(rank, 1, lanes) {
            draft.take(Step::Layout { buffer: draft.name(id), layout })?;
        }
    }
    // Blocks of channels outermost, the channels of a block innermost.
    let name = draft.name(output);
    let axes: Vec<String> = stage.spatial.iter().map(|axis| axis.name.clone()).collect();
    let [outer, inner] = [0, 1].map(|part| format!("{}.{part}", axes[1]));
    draft.take(Step::Split { stage: name.clone(), axis: axes[1].clone(), factors: vec![lanes] })?;
    let order = [&axes[..1], std::slice::from_ref(&outer), &axes[2..], std::slice::from_ref(&inner)].concat();
    draft.take(Step::Reorder { stage: name.clone(), order })?;
    draft.take(Step::Vectorize { stage: name.clone(), axis: inner })?;
    if machine.cores > 1 {
        draft.take(Step::Parallel { stage: name, axis: outer })?;
    }
    Ok(Some(draft.sketch))
}

/// What a stage reads that has channels as its result has; `None` where channels are mixed, or other axes change places: attention
/// has heads where others have channels, and transposes what is in them.
fn reads(workload: &Workload, stage: &Stage) -> Option<Vec<BufferId>> {
    let (mut found, rank) = (Vec::new(), stage.spatial.len());
    for (id, index) in predicate::reads(stage) {
        let (index, shape) = (index?, &workload.buffer(id).shape);
        let elsewhere = |(at, index): (usize, &Index)| (2..rank).any(|axis| axis != at && index.has(axis as Var));
        if index.len() == rank && index.iter().enumerate().any(elsewhere) {
            return None;
        }
        if found.contains(&id) || workload.is_constant(id) {
            continue;
        }
        match (shape.get(1), index.get(1).and_then(|index| index.as_var())) {
            (Some(&n), Some(1)) if n == stage.spatial.get(1)?.extent && shape.len() >= 3 => found.push(id),
            // The same for all channels, or without any.
            _ if !index.iter().any(|index| index.has(1)) => {}
            _ => return None,
        }
    }
    Some(found)
}
