//! `Softmax` (key 0 axis), `Reduction` (0 operation, 1 over everything, 2 factor, 3 axes, 4 keep them),
//! `CumulativeSum` (0 axis), `ArgMax` (0 values too, 1 how many) and `GLU` (0 axis). Axes count from the outermost of
//! the blob, without the leading 1.

use tachograph_ir::{Attr, OpType, attrs};

use super::{Blob, Layer, Net, Result, move_, none};

/// Axis of the tensor for axis `axis` of the blob.
pub(super) fn axis(axis: i64, x: Blob) -> Result<i64> {
    let rank = x.rank as i64 - 1;
    let from_outermost = if axis < 0 { axis.saturating_add(rank) } else { axis };
    if (0..rank).contains(&from_outermost) { Ok(1 + from_outermost) } else { Err(format!("no axis {axis} of {rank}")) }
}

pub(super) fn softmax(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    Ok(net.like(layer, "Softmax", x, &[], attrs([("axis", Attr::Int(axis(layer.int(0, 0)?, x)?))])))
}

pub(super) fn reduction(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let op = match layer.int(0, 0)? {
        0 => "ReduceSum",
        2 => "ReduceSumSquare",
        3 => "ReduceMean",
        4 => "ReduceMax",
        5 => "ReduceMin",
        6 => "ReduceProd",
        1 | 7 => "ReduceL1",
        8 => "ReduceL2",
        9 => "ReduceLogSum",
        10 => "ReduceLogSumExp",
        op => return Err(format!("operation {op} is unknown")),
    };
    let mut axes: Vec<i64> = match (layer.int(1, 1)?, layer.ints(3)?) {
        (0, Some(axes)) => axes.into_iter().map(|a| axis(a, x)).collect::<Result<_>>()?,
        _ => (1..x.rank as i64).collect(),
    };
    axes.sort_unstable();
    axes.dedup();
    // A number is a blob of one element, so the innermost axis stays where all are reduced.
    let (keep, all) = (layer.int(4, 0)? != 0, axes.len() + 1 >= x.rank);
    let rank = if keep { x.rank } else { (x.rank - axes.len().min(x.rank)).max(2) };
    let operand = net.ints(layer, "axes", axes.clone());
    let keepdims = attrs([("keepdims", Attr::Int(i64::from(keep || all)))]);
    let mut id = net.node(layer, op, &[x.id, operand], keepdims);
    if all && !keep && x.rank > 2 {
        let outer = net.ints(layer, "outer", (1..x.rank as i64 - 1).collect());
        id = net.node(layer, "Squeeze", &[id, outer], none());
    }
    let factor = layer.float(2, 1.0)?;
    if factor != 1.0 {
        let factor = net.floats(layer, "factor", vec![factor]);
        id = net.node(layer, "Mul", &[id, factor], none());
    }
    Ok(Blob { id, rank })
}

pub(super) fn cumulative_sum(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let axis = net.ints(layer, "axis", vec![axis(layer.int(0, 0)?, x)?]);
    Ok(net.like(layer, "CumSum", x, &[axis], none()))
}

/// Places of the largest elements of the whole blob in one row, under their values where these are wanted.
pub(super) fn arg_max(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let x = if x.rank == 2 { x } else { move_::flatten(net, layer, x) };
    let count = net.ints(layer, "count", vec![layer.size(1, 1)? as i64]);
    let row = net.ints(layer, "axes", vec![1]);
    let found = net.nodes(layer, OpType::new("TopK"), vec![Some(x.id), Some(count)], none(), 2);
    let places = net.node(layer, "Cast", &found[1..], attrs([("to", Attr::Int(1))]));
    let places = net.node(layer, "Unsqueeze", &[places, row], none());
    if layer.int(0, 0)? == 0 {
        return Ok(Blob { id: places, rank: 3 });
    }
    let values = net.node(layer, "Unsqueeze", &[found[0], row], none());
    let id = net.node(layer, "Concat", &[values, places], attrs([("axis", Attr::Int(1))]));
    Ok(Blob { id, rank: 3 })
}

/// One half times the sigmoid of the other.
pub(super) fn gated(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let halves = attrs([("axis", Attr::Int(axis(layer.int(0, 0)?, x)?)), ("num_outputs", Attr::Int(2))]);
    let halves = net.nodes(layer, OpType::new("Split"), vec![Some(x.id)], halves, 2);
    let gate = net.node(layer, "Sigmoid", &halves[1..], none());
    Ok(Blob { id: net.node(layer, "Mul", &[halves[0], gate], none()), ..x })
}
