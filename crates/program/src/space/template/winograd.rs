//! Convolutions by Winograd's minimal filtering, as [`crate::operator::winograd`] writes them: transforms in vectors of
//! channels, for one tile at a time, and between them products of matrices with accumulators in registers.

use super::{Machine, beside, block, blocked_layout, loads, stored};
use crate::{
    BufferId, Result, Scope, Step, Workload,
    space::{Sketch, draft::Draft, predicate},
};

/// The stages, whose names the operator gives.
const STAGES: [&str; 5] = ["input_rows", "input_tiles", "weight_tiles", "products", "output_rows"];

pub(super) fn sketch(workload: &Workload, machine: Machine) -> Result<Option<Sketch>> {
    let stages = STAGES.map(|name| workload.find(name).filter(|id| workload.stage(*id).is_some()));
    let [Some(rows), Some(_), Some(_), Some(products), Some(_)] = stages else { return Ok(None) };
    let (Some(rows), Some(products)) = (workload.stage(rows), workload.stage(products)) else { return Ok(None) };
    let reads = predicate::reads(rows);
    let image = reads.iter().map(|(id, _)| *id).find(|id| workload.buffer(*id).shape.len() == 4);
    let Some((image, out)) = image.zip(workload.find("conv")) else { return Ok(None) };
    let (channels, results) = (rows.spatial[1].extent, products.spatial[5].extent);
    let (tile_rows, tile_columns) = (products.spatial[3].extent, products.spatial[4].extent);
    let tile = rows.spatial[3].extent.saturating_sub(2);
    let (c, o) = (block(channels, machine.lanes), block(results, machine.lanes));
    let mut draft = Draft::new("winograd", workload);
    let Some(last) = stored(&mut draft, out)? else { return Ok(None) };
    input(&mut draft, image, c)?;
    // Weights that the second cache does not hold are better read once.
    let once = (tile + 2).pow(2) * channels * results * 4 > 1 << 20;
    multiply(&mut draft, (results, tile_rows, tile_columns), [o, tile], (out, once), machine)?;
    output(&mut draft, [out, last], [o, tile], machine)?;
    Ok(Some(draft.sketch))
}

fn split(draft: &mut Draft, stage: &str, axis: &str, factors: &[u64]) -> Result<()> {
    draft.take(Step::Split { stage: stage.into(), axis: axis.into(), factors: factors.to_vec() })
}

fn reorder(draft: &mut Draft, stage: &str, order: &str) -> Result<()> {
    draft.take(Step::Reorder { stage: stage.into(), order: order.split(' ').map(String::from).collect() })
}

fn layout(draft: &mut Draft, buffer: &str, layout: String) -> Result<()> {
    draft.take(Step::Layout { buffer: buffer.into(), layout })
}

/// The innermost loop in vectors, and others written out.
fn marks(draft: &mut Draft, stage: &str, vector: &str, unrolled: &[&str]) -> Result<()> {
    draft.take(Step::Vectorize { stage: stage.into(), axis: vector.into() })?;
    unrolled.iter().try_for_each(|axis| draft.take(Step::Unroll { stage: stage.into(), axis: (*axis).into() }))
}

/// Both halves of the input's transform for one tile and one vector of channels at a time.
fn input(draft: &mut Draft, image: BufferId, c: u64) -> Result<()> {
    let mut at = Some(image);
    while let Some(id) = at {
        let name = draft.name(id);
        if let Some(blocked) = blocked_layout(4, 1, c) {
            layout(draft, &name, blocked)?;
        }
        let Some(stage) = draft.state.workload().stage(id).cloned() else { break };
        let [n, channel, y, x] = [0, 1, 2, 3].map(|axis| stage.spatial[axis].name.clone());
        split(draft, &name, &channel, &[c])?;
        reorder(draft, &name, &format!("{n} {channel}.0 {y} {x} {channel}.1"))?;
        marks(draft, &name, &format!("{channel}.1"), &[])?;
        let reads = predicate::reads(&stage);
        at = reads.first().map(|(read, _)| *read).filter(|_| reads.len() == 1 && !stage.reduces());
    }
    layout(draft, "input_rows", format!("n c/{c} ty e x c%{c}"))?;
    split(draft, "input_tiles", "c", &[c])?;
    reorder(draft, "input_tiles", "n ty tx c.0 e f r c.1")?;
    marks(draft, "input_tiles", "c.1", &["f", "r"])?;
    let (stage, target, axis) = ("input_rows".into(), "input_tiles".into(), "c.0".into());
    draft.take(Step::ComputeAt { stage, target, axis })?;
    split(draft, "input_rows", "c", &[c])?;
    reorder(draft, "input_rows", "n c.0 ty x e r c.1")?;
    marks(draft, "input_rows", "c.1", &["e", "r"])
}

/// The products. Open is which rows × columns of tiles and vectors of results are in registers, and how many rows of tiles
/// go through all stages at a time: few, and what lies between the stages stays in the second cache; all, and each weight is
/// read once.
fn multiply(
    draft: &mut Draft,
    (o, rows, columns): (u64, u64, u64),
    [lanes, tile]: [u64; 2],
    (out, once): (BufferId, bool),
    machine: Machine,
) -> Result<()> {
    let conv = draft.name(out);
    layout(draft, "products", format!("n ty tx o/{lanes} e f o%{lanes}"))?;
    draft.take(Step::CacheWrite { stage: "products".into() })?;
    layout(draft, "products.local", format!("e f n ty tx o/{lanes} o%{lanes}"))?;
    let most = machine.registers - machine.registers / 8;
    let mut options = Vec::new();
    for vectors in (1..=4).filter(|&n| o.is_multiple_of(lanes * n)) {
        for r in (1..=4).filter(|&n| n <= rows) {
            for p in (1..=columns.min(most)).filter(|&n| n * r * vectors <= most) {
                let outer = lanes * vectors;
                let weights = format!("e f o/{outer} c o%{outer}");
                for at_once in (1..=rows).filter(|&n| n == rows || (rows.is_multiple_of(n) && n.is_multiple_of(r))) {
                    let split = |stage: &str, axis: &str, factors: Vec<u64>| Step::Split {
                        stage: stage.into(),
                        axis: axis.into(),
                        factors,
                    };
                    let steps = vec![
                        Step::Layout { buffer: "weight_tiles".into(), layout: weights.clone() },
                        split("products.local", "o", vec![vectors, lanes]),
                        split("products.local", "tx", vec![p]),
                        split("products.local", "ty", vec![r]),
                        split(&conv, "y", vec![at_once, tile]),
                    ];
                    // What tiles leave has few sums, which wait for each other.
                    let rest = !rows.is_multiple_of(r) || !columns.is_multiple_of(p);
                    // A broadcast number is in the first cache; vectors of weights come from the second at best.
                    let order = (if once { rows - at_once } else { at_once }, rest, loads(r * p, 3 * vectors));
                    options.push((order, r * p * vectors, format!("{r}x{p}x{vectors}, {at_once}"), steps));
                }
            }
        }
    }
    let best = options.iter().map(|(_, filled, ..)| *filled).max().unwrap_or(0);
    options.retain(|(_, filled, ..)| 2 * filled >= best);
    options.sort_by_key(|(order, ..)| *order);
    let options: Vec<(String, Vec<Step>)> = options.into_iter().map(|(.., name, steps)| (name, steps)).collect();
    for step in options.first().map_or(&[][..], |(_, steps)| steps) {
        draft.try_on(step)?;
    }
    draft.either("rows, columns, vectors, rows at once", options);
    reorder(draft, "products.local", "n e f o.0 ty.0 tx.0 c ty.1 tx.1 o.1 o.2")?;
    let (stage, target, axis) = ("products".into(), "products.local".into(), "tx.0".into());
    draft.take(Step::ReverseComputeAt { stage, target, axis })?;
    split(draft, "products", "o.1", &[lanes])?;
    reorder(draft, "products", "ty.1 tx.1 o.1.0 o.1.1")?;
    marks(draft, "products", "o.1.1", &[])?;
    draft.take(Step::Scope { buffer: "products.local".into(), scope: Scope::Register })?;
    marks(draft, "products.local", "o.2", &["o.1", "tx.1", "ty.1"])
}

/// Both halves of the output's transform, and what follows, for one tile and one vector of results at a time.
fn output(draft: &mut Draft, [out, last]: [BufferId; 2], [lanes, tile]: [u64; 2], machine: Machine) -> Result<()> {
    let (conv, stored) = (draft.name(out), draft.name(last));
    let mut results = vec![out, last];
    results.extend(beside(draft, [out, last]));
    results.dedup();
    for id in results {
        if let Some(blocked) = blocked_layout(4, 1, lanes) {
            let name = draft.name(id);
            layout(draft, &name, blocked)?;
        }
    }
    layout(draft, "output_rows", format!("n o/{lanes} ty tx f dy o%{lanes}"))?;
    split(draft, &conv, "o", &[lanes])?;
    split(draft, &conv, "x", &[tile])?;
    reorder(draft, &conv, "n y.0 y.1 x.0 o.0 y.2 x.1 f o.1")?;
    if last != out {
        let (stage, target, axis) = (stored.clone(), conv.clone(), "o.0".into());
        draft.take(Step::ReverseComputeAt { stage, target, axis })?;
        let Some(axes) = draft.state.workload().stage(last).map(|stage| stage.spatial.clone()) else { return Ok(()) };
        let [n, _, y, x] = [0, 1, 2, 3].map(|axis| axes[axis].name.clone());
        let o = &axes[1].name;
        reorder(draft, &stored, &format!("{n} {y}.0 {y}.1 {x}.0 {o}.0 {y}.2 {x}.1 {o}.1"))?;
        marks(draft, &stored, &format!("{o}.1"), &[])?;
        draft.take(Step::Scope { buffer: conv.clone(), scope: Scope::Register })?;
    }
    marks(draft, &conv, "o.1", &["y.2", "x.1", "f"])?;
    let names = draft.state.workload().stage(last).map_or_else(Vec::new, |stage| stage.spatial.clone());
    let outer = |at: usize| names.get(at).map_or_else(String::new, |axis| format!("{}.0", axis.name));
    let axis = outer(1);
    draft.take(Step::ComputeAt { stage: "output_rows".into(), target: stored.clone(), axis })?;
    split(draft, "output_rows", "o", &[lanes])?;
    reorder(draft, "output_rows", "n o.0 ty tx f dy e o.1")?;
    marks(draft, "output_rows", "o.1", &["f", "dy", "e"])?;
    draft.take(Step::Scope { buffer: "output_rows".into(), scope: Scope::Register })?;
    for stage in ["products", "input_tiles"] {
        draft.take(Step::ComputeAt { stage: stage.into(), target: stored.clone(), axis: outer(2) })?;
    }
    if machine.cores > 1 {
        draft.take(Step::Parallel { stage: stored, axis: outer(2) })?;
    }
    Ok(())
}
