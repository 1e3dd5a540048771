//! Products by tensor cores: blocks of warps, each with tiles of 16 × 16 in its registers; factors in shared memory, which all
//! warps of a block fill together.

use tachograph_ir::DType;

use super::{
    super::{Decision, GpuRules, Open, ansor::Partial, sketch::fetch_by_warps},
    Made, tiling,
};
use crate::{
    Binary, Binding, BufferId, Dim, Expr, Reducer, Result, Scope, Step, Workload,
    intrinsic::{Intrinsic, named, wmma_for},
};

/// Rows and columns of a tile.
const TILE: u64 = 16;
/// Elements of a word that a thread copies.
const WORDS: [u64; 4] = [1, 2, 4, 8];

/// A product whose extents tiles divide: on tensor cores, or as others are.
pub(super) fn on_tensor_cores(p: &Partial, id: BufferId, rules: GpuRules) -> Made {
    let Some((intrinsic, factors)) = fits(p.state.workload(), id).filter(|_| rules.tensor_cores) else {
        return Ok(None);
    };
    let Some(mut made) = tiling::on_gpu(p, id, rules)? else { return Ok(None) };
    let mut next = p.clone();
    let local = tiling::cached(&mut next, id)?;
    tiled(&mut next, [local, id], intrinsic)?;
    for factor in factors {
        copied(&mut next, factor, local)?;
    }
    let note = format!("tile {} for {}", next.name(local), intrinsic.name);
    made.insert(0, next.noted(note, 0));
    Ok(Some(made))
}

/// The instruction, and what is multiplied.
fn fits(workload: &Workload, id: BufferId) -> Option<(&'static Intrinsic, [BufferId; 2])> {
    let stage = workload.stage(id).filter(|stage| stage.reducer == Some(Reducer::Sum))?;
    let ([rows, columns], [depth]) = (stage.spatial.as_slice(), stage.reduction.as_slice()) else { return None };
    let Expr::Binary(Binary::Mul, a, b) = &stage.value else { return None };
    let read = |expr: &Expr| match expr {
        Expr::Load(id, index) => Some((*id, index.clone())),
        Expr::Cast(DType::F32, inner) => match inner.as_ref() {
            Expr::Load(id, index) => Some((*id, index.clone())),
            _ => None,
        },
        _ => None,
    };
    let ((a, ai), (b, bi)) = (read(a)?, read(b)?);
    let dtype = workload.buffer(a).dtype;
    // Rows of one, columns of the other, both over what is reduced.
    let over = |index: &[crate::Index], axis: u32| {
        let mut vars: Vec<u32> = index.iter().filter_map(crate::Index::as_var).collect();
        vars.sort_unstable();
        index.len() == 2 && vars == [axis, 2]
    };
    let plain = (over(&ai, 0) && over(&bi, 1)) || (over(&ai, 1) && over(&bi, 0));
    if a == b || !plain || workload.buffer(b).dtype != dtype || workload.buffer(id).dtype != DType::F32 {
        return None;
    }
    let intrinsic = named(wmma_for(dtype)?)?;
    let whole = rows.extent.is_multiple_of(TILE)
        && columns.extent.is_multiple_of(TILE)
        && depth.extent.is_multiple_of(*intrinsic.extents.last()?)
        && rows.extent * columns.extent * depth.extent > 0;
    whole.then_some((intrinsic, [a, b]))
}

/// Tiles of tiles: of rows for blocks, warps and each warp; of columns for blocks and each warp; of the depth twice.
fn tiled(p: &mut Partial, [local, out]: [BufferId; 2], intrinsic: &'static Intrinsic) -> Result<()> {
    let (stage, stored) = (p.name(local), p.name(out));
    let Some(axes) = p.state.workload().stage(local).cloned() else { return Ok(()) };
    let named: Vec<(String, u64)> = axes.axes().map(|axis| (axis.name.clone(), axis.extent)).collect();
    for (((axis, extent), &tile), parts) in named.iter().zip(intrinsic.extents).zip([3, 2, 2]) {
        p.take(Step::Split { stage: stage.clone(), axis: axis.clone(), factors: vec![tile] })?;
        let (axis, decision) =
            (format!("{axis}.0"), Decision::Tile { extent: extent / tile, parts, max_innermost: Some(4) });
        let tile = p.decide(decision);
        p.try_on(&Step::Split { stage: stage.clone(), axis: axis.clone(), factors: vec![1; parts - 1] })?;
        p.sketch.steps.push(Open::Split { stage: stage.clone(), axis, tile });
    }
    let [i, j, k] = [0, 1, 2].map(|at| named[at].0.clone());
    let part = |axis: &str, at: usize| format!("{axis}.0.{at}");
    let outer = vec![part(&i, 0), part(&j, 0)];
    let inner = [part(&i, 1), part(&k, 0), part(&k, 1), part(&i, 2), part(&j, 1)];
    let instruction = [&i, &j, &k].map(|axis| format!("{axis}.1"));
    let order = outer.iter().chain(&inner).chain(&instruction).cloned().collect();
    p.take(Step::Reorder { stage: stage.clone(), order })?;
    let blocks = outer.join("*");
    p.take(Step::Fuse { stage: stage.clone(), axes: outer })?;
    p.take(Step::Bind { stage: stage.clone(), axis: blocks, to: Binding::Block(Dim::X) })?;
    let warps = part(&i, 1);
    p.take(Step::Bind { stage: stage.clone(), axis: warps.clone(), to: Binding::Thread(Dim::Y) })?;
    p.take(Step::ReverseComputeAt { stage: stored.clone(), target: stage.clone(), axis: warps })?;
    p.take(Step::Scope { buffer: stage.clone(), scope: Scope::Register })?;
    p.take(Step::Layout { buffer: stage.clone(), layout: "d0/16 d1/16 d0%16 d1%16".into() })?;
    p.take(Step::Tensorize { stage, axis: instruction[0].clone(), intrinsic: intrinsic.name.into() })?;
    // The result tile by tile: what follows has the same parts.
    let loops = p.state.loops(out).map(super::super::ansor::loop_names).unwrap_or_default();
    let [.., rows, row, columns, column] = loops.as_slice() else { return Ok(()) };
    let order = [rows, columns, row, column].into_iter().cloned().collect();
    p.take(Step::Reorder { stage: stored.clone(), order })?;
    p.take(Step::Tensorize { stage: stored, axis: row.clone(), intrinsic: "wmma_store_f32".into() })?;
    p.tiled.push(local);
    Ok(())
}

/// A factor's part of a trip of the outer depth, in shared memory.
fn copied(p: &mut Partial, factor: BufferId, reader: BufferId) -> Result<()> {
    let (buffer, target) = (p.name(factor), p.name(reader));
    let Some(depth) = p.state.workload().stage(reader).and_then(|stage| stage.reduction.first().cloned()) else {
        return Ok(());
    };
    p.take(Step::CacheRead { buffer, readers: vec![target.clone()] })?;
    let copy = BufferId(p.state.workload().buffers().len() as u32 - 1);
    let stage = p.name(copy);
    p.take(Step::ComputeAt { stage: stage.clone(), target, axis: format!("{}.0.0", depth.name) })?;
    p.take(Step::Scope { buffer: stage.clone(), scope: Scope::Shared })?;
    let loops = p.state.loops(copy).map(super::super::ansor::loop_names).unwrap_or_default();
    let axis = super::super::ansor_gpu::fused(p, &stage, loops)?;
    let options = WORDS.iter().map(u64::to_string).collect();
    let word = p.decide(Decision::Category { name: format!("word of {stage}"), options });
    for step in fetch_by_warps(&stage, &axis, 1, 1) {
        p.try_on(&step)?;
    }
    // The first tile that was decided on is that of rows, and its second part are the warps.
    let tile = p.sketch.steps.iter().find_map(|step| match step {
        Open::Split { tile, .. } => Some(*tile),
        _ => None,
    });
    let step = Open::FetchByWarps { stage, axis, tile: tile.unwrap_or(0), part: 1, word, words: WORDS.to_vec() };
    p.sketch.steps.push(step);
    Ok(())
}
