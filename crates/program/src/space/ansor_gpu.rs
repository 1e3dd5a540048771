//! Sketches by Ansor's rules for GPUs ("Ansor", Zheng et al., OSDI 2020, and its code in TVM), from the last stage to
//! the first: inline whatever reduces nothing, share reductions that are longer than their result out among threads,
//! cache what is written in registers, tile in the order SSSRRSRS with the first three levels as blocks, virtual threads
//! and threads, and fetch what a tile reads into shared memory together.

use serde::{Deserialize, Serialize};

use super::{
    Decision, Open, Sketch, across,
    ansor::{Partial, derived, loop_names},
    constant, predicate,
    sketch::fetch,
};
use crate::{Binding, BufferId, Dim, Expr, Kind, Mark, Place, Result, Scope, Step, Workload};

/// What the rules suppose of the device, and limits of the annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuRules {
    /// Threads that run in step.
    pub warp: u64,
    /// Most threads of a block.
    pub max_threads: u64,
    /// Longest innermost part of a tile.
    pub max_innermost: u64,
    /// Most trips that are written out.
    pub max_unroll: u64,
    /// Whether MetaSchedule's rules make sketches for tensor cores, besides, of products that they fit. Factors of f32 are
    /// rounded to 10 bits of mantissa there.
    #[serde(default)]
    pub tensor_cores: bool,
}

impl Default for GpuRules {
    fn default() -> Self {
        Self { warp: 32, max_threads: 1024, max_innermost: 64, max_unroll: 1024, tensor_cores: false }
    }
}

const SPATIAL: usize = 5;
const REDUCTION: usize = 3;
/// The levels, outermost first: which part of the spatial or of the reduction axes.
const LEVELS: [(bool, usize); SPATIAL + REDUCTION] =
    [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1), (true, 3), (false, 2), (true, 4)];
/// Elements of a word that a thread fetches.
const WORDS: [u64; 3] = [1, 2, 4];
/// What the first levels are bound to.
const BOUND: [Binding; 3] = [Binding::Block(Dim::X), Binding::Vthread, Binding::Thread(Dim::X)];

/// Every sketch that the rules derive.
pub(super) fn sketches(workload: &Workload, rules: GpuRules) -> Result<Vec<Sketch>> {
    derived(workload, &|partial| derive(partial, rules), &|partial| annotated(partial, rules))
}

/// What the rules make of the stage before `next`.
fn derive(partial: Partial, rules: GpuRules) -> Result<Vec<Partial>> {
    let i = partial.next - 1;
    let workload = partial.state.workload();
    let Some(stage) = workload.stages().get(i) else { return Ok(Vec::new()) };
    let (id, reduces, lengths) = (stage.buffer, stage.reduces(), predicate::lengths(stage));
    let name = partial.name(id);
    // What is made beforehand needs no speed.
    if workload.is_constant(id) {
        return Ok(vec![partial.noted(format!("prepare {name}"), i)]);
    }
    if let Some(next) = constant::placed(&partial, id)? {
        return Ok(vec![next.noted(format!("place {name} beside tables"), i)]);
    }
    if !reduces {
        let mut next = partial.clone();
        let step = Step::Inline { stage: name.clone() };
        if next.state.clone().apply(&step).is_ok() {
            next.take(step)?;
            return Ok(vec![next.noted(format!("inline {name}"), i)]);
        }
    }
    if let Some(next) = constant::simplified(&partial, id, rules.max_innermost)? {
        return Ok(vec![next.noted(format!("write tables of {name} out"), i)]);
    }
    let pristine = partial.state.loops(id).is_some_and(crate::Loops::is_pristine);
    let tiling = pristine && predicate::needs_tiling(workload, id) && lengths.0 > 0;
    let consumer = predicate::elementwise_consumer(workload, id)
        .filter(|&reader| partial.state.loops(reader).is_some_and(crate::Loops::is_pristine));
    let cached = name.ends_with(".local");
    let mut found = Vec::new();
    let across = match tiling {
        true => lengths.0 <= rules.max_threads && lengths.0 < lengths.1,
        false => lengths.1 > rules.warp,
    };
    if reduces && pristine && across && !cached && !name.ends_with(".rf") {
        found.extend(across::alone(&partial, id, i, rules)?);
        found.extend(across::inside(&partial, id, i, rules)?);
    }
    let mut next = partial.clone();
    match consumer {
        Some(consumer) if tiling => {
            tile(&mut next, id, consumer, rules, &WORDS)?;
            let note = format!("tile {name} and fuse {}", partial.name(consumer));
            // The copies that it reads stand before it now, and are done.
            found.push(next.noted(note, i));
        }
        None if tiling && !cached => {
            next.take(Step::CacheWrite { stage: name.clone() })?;
            // The new stage has taken this place, and its copy follows.
            found.push(next.noted(format!("cache {name}"), i + 1));
        }
        _ => found.push(partial.noted(format!("keep {name}"), i)),
    }
    Ok(found)
}

/// Tiles a stage, binds its first three levels, lets what reads it follow them, and fetches what it reads.
pub(super) fn tile(p: &mut Partial, id: BufferId, consumer: BufferId, rules: GpuRules, words: &[u64]) -> Result<()> {
    let stage = p.name(id);
    let Some(own) = p.state.workload().stage(id).cloned() else { return Ok(()) };
    let mut tiles = Vec::new();
    for (i, axis) in own.axes().enumerate() {
        let parts = if i < own.spatial.len() { SPATIAL } else { REDUCTION };
        let max_innermost = Some(rules.max_innermost);
        tiles.push(p.decide(Decision::Tile { extent: axis.extent.max(1), parts, max_innermost }));
        // Names do not depend on the factors: ones stand for them until they are decided.
        let step = Step::Split { stage: stage.clone(), axis: axis.name.clone(), factors: vec![1; parts - 1] };
        p.try_on(&step)?;
        let (axis, tile) = (axis.name.clone(), tiles[i]);
        p.sketch.steps.push(Open::Split { stage: stage.clone(), axis, tile });
    }
    let level = |(spatial, part): (bool, usize)| -> Vec<String> {
        let axes = if spatial { &own.spatial } else { &own.reduction };
        axes.iter().map(|axis| format!("{}.{part}", axis.name)).collect()
    };
    p.take(Step::Reorder { stage: stage.clone(), order: LEVELS.into_iter().flat_map(level).collect() })?;
    let mut last = String::new();
    for (part, to) in BOUND.into_iter().enumerate() {
        last = fused(p, &stage, level((true, part)))?;
        p.take(Step::Bind { stage: stage.clone(), axis: last.clone(), to })?;
    }
    let reader = p.name(consumer);
    p.take(Step::ReverseComputeAt { stage: reader, target: stage.clone(), axis: last })?;
    p.take(Step::Scope { buffer: stage.clone(), scope: Scope::Register })?;
    p.tiled.push(id);
    let Some(outer) = own.reduction.last().map(|axis| format!("{}.0", axis.name)) else { return Ok(()) };
    let threads = &tiles[..own.spatial.len()];
    for buffer in own.value.reads() {
        let mut looked_up = false;
        let mut visit = |expr: &Expr| looked_up |= matches!(expr, Expr::Lookup { buffer: b, .. } if *b == buffer);
        own.value.visit(&mut visit, &mut |_| {});
        if !looked_up {
            cooperative(p, buffer, &stage, (&outer, threads), words)?;
        }
    }
    Ok(())
}

/// Copies what a trip of the outermost reduction loops reads of a buffer into shared memory, all threads together.
fn cooperative(
    p: &mut Partial,
    buffer: BufferId,
    reader: &str,
    (axis, tiles): (&str, &[usize]),
    words: &[u64],
) -> Result<()> {
    let rank = p.state.workload().buffer(buffer).shape.len();
    if rank == 0 {
        return Ok(());
    }
    let name = p.name(buffer);
    p.take(Step::CacheRead { buffer: name, readers: vec![reader.to_owned()] })?;
    let copy = BufferId(p.state.workload().buffers().len() as u32 - 1);
    let stage = p.name(copy);
    p.take(Step::ComputeAt { stage: stage.clone(), target: reader.to_owned(), axis: axis.to_owned() })?;
    p.take(Step::Scope { buffer: stage.clone(), scope: Scope::Shared })?;
    let loops = p.state.loops(copy).map(loop_names).unwrap_or_default();
    let axis = fused(p, &stage, loops)?;
    let words = words.to_vec();
    let options = words.iter().map(u64::to_string).collect();
    let word = p.decide(Decision::Category { name: format!("word of {stage}"), options });
    for step in fetch(&stage, &axis, 1, 1) {
        p.try_on(&step)?;
    }
    p.sketch.steps.push(Open::Fetch { stage, axis, tiles: tiles.to_vec(), part: 2, word, words });
    Ok(())
}

/// Decisions of what Ansor annotates at random, and stages that no rule has bound.
fn annotated(mut p: Partial, rules: GpuRules) -> Result<Sketch> {
    let order: Vec<BufferId> = p.state.workload().stages().iter().map(|stage| stage.buffer).collect();
    for id in order {
        let name = p.name(id);
        if p.tiled.contains(&id) {
            let option = |max: u64| (max.to_string(), vec![Step::AutoUnroll { stage: name.clone(), max }]);
            let steps = [0, 16, 64, 512, 1024].into_iter().filter(|&max| max <= rules.max_unroll);
            p.either(format!("unroll {name}"), steps.map(option).collect());
        }
        bound(&mut p, id, rules, None)?;
    }
    Ok(p.named())
}

/// Binds the loops of a stage at the root that no rule has bound: all of the result's as one, in blocks of threads; as
/// many blocks as there are, or no more than `most`, which then go round.
pub(super) fn bound(p: &mut Partial, id: BufferId, rules: GpuRules, most: Option<u64>) -> Result<()> {
    let Some(loops) = p.state.loops(id).filter(|loops| loops.place == Place::Root) else { return Ok(()) };
    if loops.nodes.iter().any(|node| matches!(node.mark, crate::Mark::Bind(_))) {
        return Ok(());
    }
    let free = |leaf: usize| loops.nodes[leaf].kind == Kind::Spatial && loops.nodes[leaf].mark == Mark::Serial;
    let spatial: Vec<String> =
        loops.leaves.iter().take_while(|&&leaf| free(leaf)).map(|&leaf| loops.nodes[leaf].name.clone()).collect();
    if spatial.is_empty() {
        return Ok(());
    }
    let name = p.name(id);
    let total = p.state.workload().stage(id).map_or(1, |stage| predicate::lengths(stage).0);
    let axis = fused(p, &name, spatial)?;
    let bind = |axis: String, to| Step::Bind { stage: name.clone(), axis, to };
    if total <= rules.warp {
        return p.take(bind(axis, Binding::Thread(Dim::X)));
    }
    let option = |threads: u64| {
        let part = |i: u8| format!("{axis}.{i}");
        let split = |factors| Step::Split { stage: name.clone(), axis: axis.clone(), factors };
        let steps = match most.filter(|&blocks| total > blocks.saturating_mul(rules.max_threads)) {
            Some(blocks) => vec![
                split(vec![blocks, threads]),
                Step::Reorder { stage: name.clone(), order: vec![part(1), part(2), part(0)] },
                bind(part(1), Binding::Block(Dim::X)),
                bind(part(2), Binding::Thread(Dim::X)),
            ],
            None => {
                let block = bind(part(0), Binding::Block(Dim::X));
                vec![split(vec![threads]), block, bind(part(1), Binding::Thread(Dim::X))]
            }
        };
        (threads.to_string(), steps)
    };
    let threads = (0..6).map(|n| rules.warp << n).filter(|&n| n <= rules.max_threads);
    let threads: Vec<_> = threads.map(option).collect();
    p.either(format!("threads of {name}"), threads);
    Ok(())
}

/// One loop of several; gives its name.
pub(super) fn fused(p: &mut Partial, stage: &str, axes: Vec<String>) -> Result<String> {
    let name = axes.join("*");
    if axes.len() > 1 {
        p.take(Step::Fuse { stage: stage.to_owned(), axes })?;
    }
    Ok(name)
}
