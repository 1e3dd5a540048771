//! Copies of tensors into another order.

use tachograph_ir::TensorId;
use tachograph_program::{Builder, Layout, Nest, Schedule};

use crate::{Network, Result, order};

/// Loops that copy a tensor from one order to another, in that of the result, shared among threads.
pub fn nest(network: &Network<'_>, id: TensorId, from: &Layout, to: &Layout, threads: u32) -> Result<Nest> {
    let (shape, dtype) = (network.shape(id), network.bound.fact(id).dtype);
    let names: Vec<String> = (0..shape.len()).map(|axis| format!("a{axis}")).collect();
    let axes: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(shape.iter().copied()).collect();
    let mut b = Builder::new("copy");
    let x = b.input("x", dtype, shape)?;
    let y = b.map("y", &axes, |i| tachograph_program::Expr::Load(x, i.to_vec()))?;
    let workload = b.finish(&[y])?;
    let rank = shape.len();
    let (from, to) = (order::complete(from, rank), order::complete(to, rank));
    let mut schedule = Schedule::new().layout("x", &from.to_string()).layout("y", &to.to_string());
    // Blocks of the result are loops of their own, in its order.
    let blocks = |axis: usize| {
        let mut blocks: Vec<u64> = to.dims.iter().filter(|dim| dim.axis == axis).map(|dim| dim.divide).collect();
        blocks.sort_unstable_by(|a, b| b.cmp(a));
        blocks
    };
    for (axis, name) in names.iter().enumerate() {
        let factors: Vec<u64> = blocks(axis).windows(2).map(|pair| pair[0] / pair[1].max(1)).collect();
        if !factors.is_empty() {
            schedule = schedule.split("y", name, &factors);
        }
    }
    let part = |dim: &tachograph_program::LayoutDim| match blocks(dim.axis).as_slice() {
        [_] => names[dim.axis].clone(),
        blocks => format!("{}.{}", names[dim.axis], blocks.iter().position(|&b| b == dim.divide).unwrap_or(0)),
    };
    let loops: Vec<String> = to.dims.iter().map(part).collect();
    let loops: Vec<&str> = loops.iter().map(String::as_str).collect();
    Ok(schedule.reorder("y", &loops).among(&workload, threads.into())?.schedule.lower(&workload)?)
}
