//! Ours: boosted trees of the time over a roofline's and of the order, on all that features say of a program and its task.

use anyhow::Result;
use tachograph_features::FeatureGraph;
use tachograph_tune::models::{BoostingOptions, Packed};

use super::{
    data::{Data, Task},
    fold::Fold,
    rows::Settings,
    score::Answer,
    trees::{Learned, answer, bases, fit, one},
};

/// Smaller steps than TenSet's, and each tree on part of programs and columns.
const OPTIONS: BoostingOptions = BoostingOptions {
    trees: 400,
    depth: 7,
    learning_rate: 0.07,
    gamma: 0.0,
    min_leaf_weight: 3.0,
    lambda: 1.0,
    programs: 0.7,
    columns: 0.3,
};

/// What it is made of, for its ablation.
#[derive(Clone, Copy)]
pub struct Parts {
    /// Trees of the time.
    pub time: bool,
    /// Trees of the order.
    pub order: bool,
    /// Fast programs count more in the time.
    pub weighted: bool,
    /// Columns beside those of stores.
    pub beside: bool,
    /// Columns of the C, and its formula under the time.
    pub code: bool,
}

/// All of it.
pub const ALL: Parts = Parts { time: true, order: true, weighted: true, beside: true, code: true };

/// Trains, and asks about the programs that are tested.
pub fn run((data, fold, settings): (&Data, &Fold, &Settings), parts: Parts) -> Result<Answer> {
    let training = if fold.test == fold.validation {
        fold.training.clone()
    } else {
        [fold.training.as_slice(), &fold.validation].concat()
    };
    let (known, asked) = (pack(data, &training, parts), pack(data, &fold.test, parts));
    let of = |learned: Learned, weights: &[f64]| {
        let model = fit(data, &training, &known, learned, weights, &OPTIONS, settings.seed)?;
        model.predict(&asked).map_err(anyhow::Error::from)
    };
    // What is fast has to be known best: the others only have to be known as slow.
    let speeds = || training.iter().flat_map(|&i| data.tasks[i].relative_speeds());
    let weights: Vec<f64> = if parts.weighted { speeds().map(|speed| 0.1 + speed).collect() } else { Vec::new() };
    let time = if parts.code { Learned::OverCode } else { Learned::Time };
    let times = if parts.time { Some(of(time, &weights)?) } else { None };
    let order = if parts.order { Some(of(Learned::Order, &[])?) } else { None };
    let rank = |i: usize| order.as_ref().map_or(0.0, |scores| scores[i]);
    // Times are over something of each program, which counts in their order.
    let bases: Vec<f64> = fold.test.iter().flat_map(|&i| bases(&data.tasks[i], time)).collect();
    let slow = |i: usize| times.as_ref().map_or(0.0, |times| times[i] + bases[i].ln());
    let both = (0..asked.len()).map(|i| rank(i) - slow(i)).collect();
    let rounds = (usize::from(parts.time) + usize::from(parts.order)) * OPTIONS.trees;
    let slowness = answer(data, fold, both, Learned::Order, 0).slowness;
    let ms = times.and_then(|times| answer(data, fold, times, time, 0).ms);
    Ok(Answer { slowness, ms, rounds: rounds as u32 })
}

/// Rows of the programs of tasks.
fn pack(data: &Data, tasks: &[usize], parts: Parts) -> Packed {
    let mut packed = Packed::default();
    for &i in tasks {
        let task = &data.tasks[i];
        for program in 0..task.ms.len() {
            let row = row(task, program, parts);
            if packed.starts.is_empty() {
                packed = Packed::new(row.len());
            }
            packed.push(row);
        }
    }
    packed
}

fn row(task: &Task, program: usize, parts: Parts) -> Vec<f32> {
    let of = |set: &str| task.set(set).get(program);
    let mut row: Vec<f32> = of("ansor").map(one).unwrap_or_default();
    if !parts.beside {
        return row;
    }
    row.extend(of("curve").map(one).unwrap_or_default());
    let placed: Vec<f32> = of("working-sets").map(|set| set.globals.clone()).unwrap_or_default();
    let cost: f32 = placed.iter().zip([4.0, 14.0, 60.0, 84.0]).map(|(bytes, cycles)| bytes * cycles).sum();
    row.extend(placed.iter().chain([&cost]).map(|x| x.ln_1p()));
    // How many steps of each kind.
    if let Some(steps) = of("primitives") {
        row.extend(steps.nodes.columns().into_iter().take(14).map(|column| column.sum()));
    }
    row.extend(of("nest-graph").map(kernel).unwrap_or_default());
    if parts.code {
        row.extend(of("code").into_iter().flat_map(|set| set.nodes.iter().copied()));
    }
    row.extend(TEMPLATES.map(|template| f32::from(u8::from(task.sketch(program).starts_with(template)))));
    let workload = &task.head.workload;
    let (flops, bytes, weights) = (workload.flops() as f32, workload.bytes() as f32, workload.weight_bytes() as f32);
    let about = [flops, bytes, weights, flops / bytes, cost / flops, task.head.roofline_ms() as f32];
    row.extend(about.map(|x| (1e-6 + x).ln()));
    row.push(workload.stages().len() as f32);
    row
}

/// First words of the names of sketches.
const TEMPLATES: [&str; 4] = ["blocked", "tile", "cache", "keep"];
/// Marks of loops, by their places among those of `nest-graph`.
const UNROLLED: usize = 6;
const VECTORIZED: usize = 7;
const PARALLEL: usize = 8;
/// Loops of the kernel that are looked at, the innermost first.
const LOOPS: usize = 8;

/// The loops around the reduction that runs most often, as columns: trips and marks of each, and how many steps vectors and
/// unrolled loops take together, which is what registers have to hold.
fn kernel(graph: &FeatureGraph) -> Vec<f32> {
    let nodes = &graph.nodes;
    let (width, at) = (nodes.ncols(), |node: usize, column: usize| nodes.get((node, column)).copied().unwrap_or(0.0));
    // Flags of the program, loops and stores, marks of loops (`itervar`), what a store does; then trips and depth.
    let (is_loop, vectorized, unrolled, parallel, reduces) = (1, 3 + VECTORIZED, 3 + UNROLLED, 3 + PARALLEL, width - 4);
    let depth = |node: usize| at(node, width - 1);
    let trips = |node: usize| at(node, width - 2);
    let around = |store: usize| -> Vec<usize> {
        // Nodes come in the order in which they begin.
        let mut wanted = depth(store) - 1.0;
        let mut loops = Vec::new();
        for node in (0..store).rev() {
            if at(node, is_loop) > 0.0 && depth(node) == wanted {
                loops.push(node);
                wanted -= 1.0;
            }
        }
        loops
    };
    let stores = (0..nodes.nrows()).filter(|&node| at(node, reduces) > 0.0).map(around);
    let steps = |loops: &[usize]| loops.iter().map(|&node| trips(node)).sum::<f32>();
    let loops = stores.max_by(|a, b| steps(a).total_cmp(&steps(b))).unwrap_or_default();
    let mut row = vec![loops.len() as f32, steps(&loops)];
    let held =
        |column: usize| loops.iter().filter(|&&node| at(node, column) > 0.0).map(|&node| trips(node)).sum::<f32>();
    row.extend([held(vectorized), held(unrolled), held(vectorized) + held(unrolled)]);
    for place in 0..LOOPS {
        let node = loops.get(place).copied();
        row.push(node.map_or(-1.0, trips));
        row.extend([vectorized, unrolled, parallel].map(|column| node.map_or(0.0, |node| at(node, column))));
    }
    row
}
