//! What MetaSchedule notes of the whole program and does in the end: loops shared among cores, in vectors, written out;
//! on GPUs, bound.

use super::{
    super::{CpuRules, GpuRules, Sketch, ansor::Partial, ansor::share, ansor_gpu},
    location,
};
use crate::{BufferId, Place, Result, Step};

/// A place for each stage that is not tiled; then loops shared, in vectors, and written out.
pub(super) fn for_cpu(mut p: Partial, rules: CpuRules) -> Result<Sketch> {
    unrolled(&mut p, &[0, 16, 64, 512], rules.max_unroll);
    let (located, hosts) = location::decided(&mut p, rules);
    for id in stages(&p) {
        if located.contains(&id) || p.state.workload().is_constant(id) {
            continue;
        }
        if let Some(step) = location::vector(&p, id) {
            p.take(step)?;
        }
        if rules.cores > 1 && p.state.loops(id).is_some_and(|loops| loops.place == Place::Root) {
            let most = if hosts.contains(&id) { location::first_place(&p, id) + 1 } else { 4 };
            share(&mut p, id, most);
        }
    }
    Ok(p.named())
}

/// Loops written out, and bound where no rule has bound them: no more than 256 blocks for what is longer than as many
/// blocks of most threads.
pub(super) fn for_gpu(mut p: Partial, rules: GpuRules) -> Result<Sketch> {
    unrolled(&mut p, &[0, 16, 32, 64, 128, 256, 512, 1024], rules.max_unroll);
    for id in stages(&p) {
        ansor_gpu::bound(&mut p, id, rules, Some(256))?;
    }
    Ok(p.named())
}

fn stages(p: &Partial) -> Vec<BufferId> {
    p.state.workload().stages().iter().map(|stage| stage.buffer).collect()
}

/// How far inner loops are written out: one decision for all stages, since MetaSchedule makes it for the program. None
/// where nothing is reduced.
fn unrolled(p: &mut Partial, lengths: &[u64], most: u64) {
    let workload = p.state.workload();
    let reducing = workload.stages().iter().filter(|stage| stage.reduces() && !workload.is_constant(stage.buffer));
    let names: Vec<String> = reducing.map(|stage| p.name(stage.buffer)).collect();
    if names.is_empty() {
        return;
    }
    let option = |max: u64| {
        let steps = names.iter().map(|stage| Step::AutoUnroll { stage: stage.clone(), max }).collect();
        (max.to_string(), steps)
    };
    let options = lengths.iter().copied().filter(|&max| max <= most).map(option).collect();
    p.either("unroll", options);
}
