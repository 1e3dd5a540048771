//! `Softmax` (key 0 axis) and `Reduction` (0 operation, 1 over everything, 3 axes, 4 keep them). Axes count from the
//! outermost of the blob, without the leading 1.

use tachograph_ir::{Attr, attrs};

use super::{Blob, Layer, Net, Result};

/// Axis of the tensor for axis `axis` of the blob.
pub(super) fn axis(axis: i64, x: Blob) -> Result<i64> {
    let rank = x.rank as i64 - 1;
    let from_outermost = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&from_outermost) { Ok(1 + from_outermost) } else { Err(format!("no axis {axis} of {rank}")) }
}

pub(super) fn softmax(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let attrs = attrs([("axis", Attr::Int(axis(layer.int(0, 0)?, x)?))]);
    Ok(Blob { id: net.node(layer, "Softmax", &[x.id], attrs), ..x })
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
    let axes: Vec<i64> = match (layer.int(1, 1)?, layer.ints(3)?) {
        (0, Some(axes)) => axes.into_iter().map(|a| axis(a, x)).collect::<Result<_>>()?,
        _ => (1..x.rank as i64).collect(),
    };
    let keep = layer.int(4, 0)?;
    let rank = if keep != 0 { x.rank } else { (x.rank - axes.len().min(x.rank)).max(2) };
    if keep == 0 && axes.len() + 1 >= x.rank {
        return Err("a reduction to one number without axes is not read".into());
    }
    let operand = net.ints(layer, "axes", axes);
    let id = net.node(layer, op, &[x.id, operand], attrs([("keepdims", Attr::Int(keep))]));
    Ok(Blob { id, rank })
}
