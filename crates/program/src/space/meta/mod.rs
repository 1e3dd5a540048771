//! Sketches by MetaSchedule's rules ("Tensor Program Optimization with Probabilistic Programs", Shao et al., NeurIPS
//! 2022, and its code in TVM): rule after rule, each over every stage from the last to the first, and each may make
//! several sketches of one.
//!
//! What MetaSchedule draws when it replays a trace are decisions here, and so is how many loops are shared among
//! cores, which it computes, and changes when it mutates. Left out: pipelines of asynchronous copies, and intrinsics on
//! processors in place of inner loops. A reduction that was factored is not tiled again, and a stage with several readers has no place
//! inside of a loop of one of them: both would depend on other decisions.

mod annotate;
mod cross;
mod factor;
mod inline;
mod location;
mod predicate;
mod tensor;
mod tiling;

use serde::{Deserialize, Serialize};

use super::{CpuRules, GpuRules, Sketch, ansor::Partial};
use crate::{BufferId, Result, Workload};

/// What MetaSchedule's rules are to make sketches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetaSchedule {
    /// A processor.
    Cpu(CpuRules),
    /// A GPU.
    Gpu(GpuRules),
}

/// What a rule makes of a stage; `None` where it has nothing to say.
type Made = Result<Option<Vec<Partial>>>;

/// Every sketch that the rules make.
pub(super) fn sketches(workload: &Workload, target: MetaSchedule) -> Result<Vec<Sketch>> {
    let mut all = vec![Partial::new(workload)];
    let mut apply = |rule: &dyn Fn(&Partial, BufferId) -> Made| -> Result<()> {
        let before = std::mem::take(&mut all);
        before.into_iter().try_for_each(|partial| each_stage(partial, rule, &mut all))
    };
    match target {
        MetaSchedule::Cpu(rules) => {
            apply(&|p, id| inline::costless(p, id))?;
            apply(&|p, id| factor::factored(p, id, rules))?;
            apply(&|p, id| tiling::on_cpu(p, id, rules))?;
            all.into_iter().map(|partial| annotate::for_cpu(partial, rules)).collect()
        }
        MetaSchedule::Gpu(rules) => {
            // What is read by a stage with tiles goes into the copies that its threads share, which tiling makes.
            apply(&|p, id| inline::beside_tiles(p, id))?;
            apply(&|p, id| match tensor::on_tensor_cores(p, id, rules)? {
                Some(made) => Ok(Some(made)),
                None => tiling::on_gpu(p, id, rules),
            })?;
            apply(&|p, id| inline::every(p, id))?;
            apply(&|p, id| cross::reduced(p, id, rules))?;
            all.into_iter().map(|partial| annotate::for_gpu(partial, rules)).collect()
        }
    }
}

/// What a rule makes of a sketch, stage after stage, from the last to the first.
fn each_stage(partial: Partial, rule: &dyn Fn(&Partial, BufferId) -> Made, into: &mut Vec<Partial>) -> Result<()> {
    let stages: Vec<BufferId> = partial.state.workload().stages().iter().map(|stage| stage.buffer).collect();
    let mut open = vec![(partial, stages)];
    while let Some((partial, mut left)) = open.pop() {
        let Some(id) = left.pop() else {
            into.push(partial);
            continue;
        };
        // What is made beforehand needs no speed; what an earlier alternative has inlined is gone.
        let workload = partial.state.workload();
        let made = match workload.stage(id).is_some() && !workload.is_constant(id) {
            true => rule(&partial, id)?,
            false => None,
        };
        match made {
            // Depth first: the first alternative comes out first.
            Some(made) => open.extend(made.into_iter().rev().map(|next| (next, left.clone()))),
            None => open.push((partial, left)),
        }
    }
    Ok(())
}
