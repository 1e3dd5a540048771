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

/// A product of random extents, and a schedule of it by tensor cores: warps along threadIdx.y, tiles of 16 × 16 in their
/// registers, factors from shared memory or from where they are, either of them transposed or not.
pub fn tensorized(rng: &mut ChaCha8Rng, intrinsic: &str) -> (Workload, Schedule) {
    use tachograph_ir::DType;
    use tachograph_program::{Builder, Expr, Reducer};
    let (dtype, depth) = match intrinsic {
        "wmma_m16n16k16_f16" => (DType::F16, 16),
        "wmma_m16n16k16_bf16" => (DType::BF16, 16),
        _ => (DType::F32, 8),
    };
    let mut few = |most: u64| rng.random_range(1..=most);
    let [blocks, warps, rows, block_columns, columns, outer, inner] =
        [few(2), few(3), few(2), few(2), few(2), few(3), few(2)];
    let (m, n, k) = (16 * blocks * warps * rows, 16 * block_columns * columns, depth * outer * inner);
    let [x_turned, w_turned, shared] = [0; 3].map(|_: i32| rng.random_bool(0.5));
    let mut b = Builder::new("tensorized");
    let x = b.input("x", dtype, &if x_turned { [k, m] } else { [m, k] }).unwrap();
    let w = b.input("w", dtype, &if w_turned { [n, k] } else { [k, n] }).unwrap();
    let y = b
        .reduce("y", &[("i", m), ("j", n)], &[("k", k)], Reducer::Sum, |s, r| {
            let element = |id: BufferId, turned: bool, a: &tachograph_program::Index, b: &tachograph_program::Index| {
                let index = if turned { vec![b.clone(), a.clone()] } else { vec![a.clone(), b.clone()] };
                let load = Expr::Load(id, index);
                if dtype == DType::F32 { load } else { Expr::Cast(DType::F32, Box::new(load)) }
            };
            element(x, x_turned, &s[0], &r[0]) * element(w, w_turned, &r[0], &s[1])
        })
        .unwrap();
    b.set_dtype(y, DType::F32);
    let workload = b.finish(&[y]).unwrap();
    let mut schedule = Schedule::new()
        .cache_write("y")
        .split("y.local", "i", &[warps, rows, 16])
        .split("y.local", "j", &[columns, 16])
        .split("y.local", "k", &[inner, depth])
        .reorder("y.local", &["i.0", "j.0", "i.1", "k.0", "k.1", "i.2", "j.1", "i.3", "j.2", "k.2"])
        .fuse("y.local", &["i.0", "j.0"])
        .bind("y.local", "i.0*j.0", Binding::Block(Dim::X))
        .bind("y.local", "i.1", Binding::Thread(Dim::Y))
        .reverse_compute_at("y", "y.local", "i.1")
        .registers("y.local")
        .layout("y.local", "i/16 j/16 i%16 j%16")
        .tensorize("y.local", "i.3", intrinsic)
        .split("y", "i.2", &[16])
        .split("y", "j.1", &[16])
        .reorder("y", &["i.2.0", "j.1.0", "i.2.1", "j.1.1"])
        .tensorize("y", "i.2.1", "wmma_store_f32");
    for buffer in ["x", "w"].into_iter().filter(|_| shared) {
        let copy = format!("{buffer}.read");
        let word = *[1, 2, 4, 8].choose(rng).unwrap();
        schedule = schedule
            .cache_read(buffer)
            .compute_at(&copy, "y.local", "k.0")
            .shared(&copy)
            .fuse(&copy, &["d0", "d1"])
            .split(&copy, "d0*d1", &[warps, 32, word])
            .bind(&copy, "d0*d1.1", Binding::Thread(Dim::Y))
            .bind(&copy, "d0*d1.2", Binding::Thread(Dim::X))
            .vectorize(&copy, "d0*d1.3");
    }
    (workload, schedule)
}
