//! Random schedules that bind loops to a grid.

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_program::{Binding, BufferId, Dim, Kind, Mark, Place, Schedule, Scope, State, Step, Workload};

/// Up to `steps` steps, a third of them binding loops or sharing buffers; those that cannot be taken, or lowered, are
/// left out. Whatever is not bound in the end is bound where it can be.
pub fn schedule(workload: &Workload, rng: &mut ChaCha8Rng, steps: usize) -> Schedule {
    let mut schedule = Schedule::new();
    let try_step = |schedule: &mut Schedule, step: Step| {
        let next = schedule.clone().step(step);
        if next.lower(workload).is_ok() {
            *schedule = next;
        }
    };
    for _ in 0..steps {
        let state = schedule.apply(workload).unwrap();
        let step = match rng.random_range(0..3) {
            0 => bound(&state, rng),
            _ => super::step(&state, rng),
        };
        try_step(&mut schedule, step);
    }
    // What lies inside of others' loops may need to be shared before more can be bound.
    let state = schedule.apply(workload).unwrap();
    for stage in state.workload().stages() {
        let loops = state.loops(stage.buffer).unwrap();
        if matches!(loops.place, Place::At(..)) && rng.random_bool(0.5) {
            let buffer = state.workload().buffer(stage.buffer).name.clone();
            try_step(&mut schedule, Step::Scope { buffer, scope: Scope::Shared });
        }
    }
    let ids: Vec<BufferId> = state.workload().stages().iter().map(|stage| stage.buffer).collect();
    for id in ids {
        let name = state.workload().buffer(id).name.clone();
        let loops = state.loops(id).unwrap();
        let free =
            |leaf: &&usize| loops.nodes[**leaf].kind == Kind::Spatial && loops.nodes[**leaf].mark == Mark::Serial;
        let axes: Vec<String> = loops.leaves.iter().filter(free).map(|&leaf| loops.nodes[leaf].name.clone()).collect();
        for (i, axis) in axes.into_iter().enumerate() {
            let to = match (i, rng.random_range(0..4)) {
                (0, 0..2) => Binding::Block(Dim::X),
                (_, 2) => Binding::Vthread,
                _ => Binding::Thread(if rng.random_bool(0.7) { Dim::X } else { Dim::Y }),
            };
            try_step(&mut schedule, Step::Bind { stage: name.clone(), axis, to });
        }
    }
    schedule
}

fn bound(state: &State, rng: &mut ChaCha8Rng) -> Step {
    let workload = state.workload();
    let id = workload.stages().choose(rng).unwrap().buffer;
    let stage = workload.buffer(id).name.clone();
    let loops = state.loops(id).unwrap();
    if loops.place != Place::Root && rng.random_bool(0.3) {
        return Step::Scope { buffer: stage, scope: Scope::Shared };
    }
    let axis = loops.leaves.choose(rng).map(|&leaf| loops.nodes[leaf].name.clone()).unwrap_or_default();
    Step::Bind { stage, axis, to: *Binding::ALL.choose(rng).unwrap() }
}
