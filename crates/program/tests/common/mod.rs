//! Random workloads and random schedules for them.

#![allow(dead_code)]

pub mod gpu;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    BufferId, Builder, Data, Expr, Reducer, Result, Schedule, Scope, State, Step, Workload,
    operator::{self, Activation, Pooling, Reduction, Resampling, Tile, Window},
};

pub const EXTENTS: [u64; 9] = [1, 1, 2, 3, 4, 5, 7, 8, 13];

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn extent(rng: &mut ChaCha8Rng) -> u64 {
    *EXTENTS.choose(rng).unwrap()
}

/// A small workload of any kind: prime extents, extents of 1, sometimes of 0.
pub fn workload(rng: &mut ChaCha8Rng) -> Workload {
    loop {
        if let Ok(workload) = attempt(rng) {
            return workload;
        }
    }
}

fn attempt(rng: &mut ChaCha8Rng) -> Result<Workload> {
    let mut b = Builder::new("random");
    let kind = rng.random_range(0..14);
    let e: Vec<u64> = (0..4).map(|_| extent(rng)).collect();
    let mut y = match kind {
        0 => {
            let k = if rng.random_bool(0.1) { 0 } else { e[2] };
            let (x, w) = (b.input("a", F32, &[e[0], k])?, b.weight("b", F32, &[k, e[1]])?);
            operator::matmul(&mut b, x, w)?
        }
        1 => {
            let (x, w) = (b.input("a", F32, &[2, e[0], e[2]])?, b.input("b", F32, &[2, e[2], e[1]])?);
            operator::matmul(&mut b, x, w)?
        }
        2..=4 => {
            let groups = if kind == 4 { 2 } else { 1 };
            let (kernel, stride, pad) = (rng.random_range(1..4), rng.random_range(1..3), rng.random_range(0..2));
            let x = b.input("x", F32, &[1, e[0] * groups, e[1] + 2, e[2] + 2])?;
            let w = b.weight("w", F32, &[e[3] * groups, e[0], kernel, rng.random_range(1..4)])?;
            let mut window = Window::square(2, stride, pad).grouped(groups);
            window.dilations[0] = rng.random_range(1..3);
            if kind == 3 && rng.random_bool(0.5) {
                operator::conv_as_matmul(&mut b, x, w, &window)?
            } else {
                operator::conv(&mut b, x, w, &window)?
            }
        }
        5 => {
            let x = b.input("x", F32, &[1, e[0], e[1] + 2, e[2] + 2])?;
            let w = b.weight("w", F32, &[e[0], 1, 3, 3])?;
            operator::conv(&mut b, x, w, &Window::square(2, rng.random_range(1..3), 1).grouped(e[0]))?
        }
        6 => {
            let x = b.input("x", F32, &[1, e[0].min(4), e[1].min(5) + 2, e[2].min(5) + 2])?;
            let w = b.weight("w", F32, &[e[3].min(4), e[0].min(4), 3, 3])?;
            let tile = if rng.random_bool(0.5) { Tile::F2 } else { Tile::F4 };
            operator::winograd(&mut b, x, w, &Window::square(2, 1, rng.random_range(0..2)), tile)?
        }
        7 => {
            let x = b.input("x", F32, &[1, e[0], e[1] + 3, e[2] + 3])?;
            let window = Window::square(2, rng.random_range(1..3), rng.random_range(0..2));
            let stride = window.strides[0];
            let count = |n: u64| (n + 3 + 2 * window.pads[0][0] as u64 - 3) / stride + 1;
            let what = *[Pooling::Max, Pooling::Mean, Pooling::MeanOfAll].choose(rng).unwrap();
            operator::pool(&mut b, x, &[3, 3], &window, &[count(e[1]), count(e[2])], what)?
        }
        8 => {
            let x = b.input("x", F32, &[e[0], e[1], e[2]])?;
            operator::softmax(&mut b, x, rng.random_range(0..3), rng.random_bool(0.3))?
        }
        9 => {
            let x = b.input("x", F32, &[e[0], e[1], e[2]])?;
            let scale = b.weight("scale", F32, &[e[2]])?;
            operator::layer_norm(&mut b, x, 2, 1e-5, Some(scale), None)?
        }
        10 => {
            let (x, y) = (b.input("x", F32, &[e[0], e[1]])?, b.input("y", F32, &[e[0], e[2]])?);
            let both = operator::concat(&mut b, &[x, y], 1)?;
            let all = e[0] * (e[1] + e[2]);
            operator::reshape(&mut b, both, &[all])?
        }
        11 => {
            let x = b.input("x", F32, &[1, e[0], e[1]])?;
            let how = if rng.random_bool(0.5) { Resampling::Linear } else { Resampling::Nearest };
            let y = operator::resize(&mut b, x, &[1, e[0], e[1] * 2], how)?;
            operator::transpose(&mut b, y, &[2, 0, 1])?
        }
        12 => {
            let x = b.input("x", F32, &[1, e[0], e[1] + 1])?;
            let w = b.weight("w", F32, &[e[0], e[2], 3])?;
            let (stride, n) = (rng.random_range(1..3), e[1] + 1);
            operator::conv_transpose(&mut b, x, w, &Window::square(1, stride, 1), &[(n - 1) * stride + 1])?
        }
        _ => {
            let x = b.input("x", F32, &[e[0], e[1], e[2]])?;
            let what = *[Reduction::Sum, Reduction::Max, Reduction::Mean, Reduction::L2].choose(rng).unwrap();
            operator::reduce(&mut b, x, &[rng.random_range(0..3)], rng.random_bool(0.5), what)?
        }
    };
    // An epilogue, sometimes with a second operand.
    if rng.random_bool(0.5) {
        y = operator::activation(&mut b, y, Activation::Relu)?;
    }
    if rng.random_bool(0.5) {
        let shape = b.shape(y).to_vec();
        let other = b.input("residual", F32, &shape)?;
        y = b.apply("add", y, |y, i| y + Expr::Load(other, i.to_vec()))?;
    }
    if rng.random_bool(0.1) && b.shape(y).len() == 2 {
        let axes = b.axes(y);
        let (rows, columns) = (axes[0].1, axes[1].1);
        y = b.reduce("total", &[("i", rows)], &[("j", columns)], Reducer::Sum, |s, r| {
            Expr::Load(y, vec![s[0].clone(), r[0].clone()])
        })?;
    }
    b.finish(&[y])
}

/// Data for what a workload reads.
pub fn data(workload: &Workload, rng: &mut ChaCha8Rng) -> Data {
    let elements = |id: BufferId| (0..workload.buffer(id).elements()).map(|_| rng_value()).collect::<Vec<f64>>();
    let mut data: Data = workload.inputs().map(|id| (id, elements(id))).collect();
    let mut ids: Vec<BufferId> = data.keys().copied().collect();
    ids.sort();
    for id in ids {
        for x in data.get_mut(&id).into_iter().flatten() {
            *x = f64::from(rng.random_range(-1.0f32..1.0));
        }
    }
    data
}

fn rng_value() -> f64 {
    0.0
}

/// Up to `steps` steps that the workload takes; those that it refuses are left out.
pub fn schedule(workload: &Workload, rng: &mut ChaCha8Rng, steps: usize) -> Schedule {
    let mut schedule = Schedule::new();
    for _ in 0..steps {
        let Ok(state) = schedule.apply(workload) else { panic!("steps that were taken are refused: {schedule}") };
        let step = step(&state, rng);
        let next = schedule.clone().step(step);
        if next.apply(workload).is_ok() {
            schedule = next;
        }
    }
    schedule
}

fn step(state: &State, rng: &mut ChaCha8Rng) -> Step {
    let workload = state.workload();
    let stages: Vec<BufferId> = workload.stages().iter().map(|stage| stage.buffer).collect();
    let id = *stages.choose(rng).unwrap();
    let other = *stages.choose(rng).unwrap();
    let name = |id: BufferId| workload.buffer(id).name.clone();
    let loops = |id: BufferId| -> Vec<String> {
        let loops = state.loops(id).unwrap();
        loops.leaves.iter().map(|&leaf| loops.nodes[leaf].name.clone()).collect()
    };
    let (own, others) = (loops(id), loops(other));
    let axis = own.choose(rng).cloned().unwrap_or_default();
    let stage = name(id);
    match rng.random_range(0..21) {
        0..=4 => {
            let count = rng.random_range(1..3);
            Step::Split { stage, axis, factors: (0..count).map(|_| *[1, 2, 3, 4, 8].choose(rng).unwrap()).collect() }
        }
        5 => {
            let first = rng.random_range(0..own.len().max(1));
            Step::Fuse { stage, axes: own.into_iter().skip(first).take(2).collect() }
        }
        6..=8 => {
            let mut order = own;
            rand::seq::SliceRandom::shuffle(order.as_mut_slice(), rng);
            Step::Reorder { stage, order }
        }
        9 => Step::Parallel { stage, axis },
        10 => Step::Vectorize { stage, axis: own.last().cloned().unwrap_or_default() },
        11 => Step::Unroll { stage, axis },
        12..=13 => {
            let axis = others.choose(rng).cloned().unwrap_or_default();
            Step::ComputeAt { stage, target: name(other), axis }
        }
        14 => {
            let axis = others.choose(rng).cloned().unwrap_or_default();
            Step::ReverseComputeAt { stage, target: name(other), axis }
        }
        15 => Step::Inline { stage },
        16 => {
            let all: Vec<BufferId> = (0..workload.buffers().len() as u32).map(BufferId).collect();
            Step::CacheRead { buffer: name(*all.choose(rng).unwrap()), readers: Vec::new() }
        }
        17 => Step::CacheWrite { stage },
        18 => {
            let reduction = &workload.stage(id).unwrap().reduction;
            let axis = reduction.choose(rng).map(|axis| axis.name.clone()).unwrap_or_default();
            Step::RFactor { stage, axis, factor: rng.random_range(1..5), outer: rng.random_bool(0.5) }
        }
        19 => {
            let reads = workload.stage(id).unwrap().value.reads();
            let buffer = reads.choose(rng).map(|&read| name(read)).unwrap_or_default();
            Step::Prefetch { stage, buffer, axis, ahead: rng.random_range(1..4) }
        }
        _ => {
            let all: Vec<BufferId> = (0..workload.buffers().len() as u32).map(BufferId).collect();
            let id = *all.choose(rng).unwrap();
            let mut dims: Vec<String> = (0..workload.buffer(id).shape.len()).map(|axis| format!("d{axis}")).collect();
            rand::seq::SliceRandom::shuffle(dims.as_mut_slice(), rng);
            if let Some(dim) = dims.first_mut().filter(|_| rng.random_bool(0.5)) {
                let block = rng.random_range(2..5);
                let inner = format!("{dim}%{block}");
                *dim = format!("{dim}/{block}");
                dims.push(inner);
            }
            match state.loops(id).is_some() && rng.random_bool(0.3) {
                true => Step::Scope { buffer: name(id), scope: Scope::Register },
                false => Step::Layout { buffer: name(id), layout: dims.join(" ") },
            }
        }
    }
}

/// Checks that both are the same to the rounding of f32.
pub fn close(expected: &[f64], found: &[f64]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{} elements and not {}", found.len(), expected.len()));
    }
    let scale = expected.iter().filter(|x| x.is_finite()).fold(1.0, |scale: f64, x| scale.max(x.abs()));
    for (i, (a, b)) in expected.iter().zip(found).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4 * scale;
        if !same {
            return Err(format!("{b} and not {a} at {i}"));
        }
    }
    Ok(())
}
