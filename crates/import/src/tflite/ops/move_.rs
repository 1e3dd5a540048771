//! Operators that move elements and compute nothing.

use tachograph_ir::{Attr, Attrs, OpType, attrs};

use super::{Importer, Op, Read, before, finish, id, plain};
use crate::tflite::graph::{CHANNELS_FIRST, CHANNELS_LAST, permuted};

pub(super) fn transpose(net: &mut Importer, op: &Op, order: Option<Vec<i64>>) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let Some(order) = order else { return Ok(false) };
    let rank = net.rank(x);
    let axis = |&axis: &i64| usize::try_from(axis).ok().filter(|&a| a < rank);
    let order: Option<Vec<usize>> = order.iter().map(axis).collect();
    let order = order.filter(|order| order.len() == rank).ok_or_else(|| format!("order of {rank} axes"))?;
    // Our axis j of the result is the file's axis CHANNELS_FIRST[j].
    let order = if rank == 4 { CHANNELS_FIRST.iter().map(|&a| CHANNELS_LAST[order[a]]).collect() } else { order };
    let order = order.into_iter().map(|a| a as i64).collect();
    net.emit("Transpose", &[id(x)], attrs([("perm", Attr::Ints(order))]), id(output));
    Ok(true)
}

pub(super) fn concat(net: &mut Importer, op: &Op, axis: i64, act: i8) -> Read {
    let output = op.output(0)?;
    let inputs = (0..op.inputs.len()).map(|i| op.input(i).map(id)).collect::<Result<Vec<_>, _>>()?;
    let axis = net.axis(axis, output)?;
    let y = before(net, act, output);
    net.emit("Concat", &inputs, attrs([("axis", Attr::Int(axis))]), y);
    finish(net, act, y, output)
}

/// Positions of the operands: `x`, `axis` and, where they differ, `sizes` of the parts.
pub(super) fn split(net: &mut Importer, op: &Op, x: usize, axis: usize, sizes: Option<usize>) -> Read {
    let x = op.input(x)?;
    let Some(axis) = net.known(op.input(axis)?).and_then(|axis| axis.first().copied()) else { return Ok(false) };
    let mut attrs = attrs([("axis", Attr::Int(net.axis(axis, x)?))]);
    let mut inputs = vec![Some(id(x))];
    match sizes {
        Some(sizes) => inputs.push(Some(id(op.input(sizes)?))),
        None => drop(attrs.insert("num_outputs".into(), Attr::Int(op.outputs.len() as i64))),
    }
    net.node(OpType::new("Split"), inputs, attrs, op.outputs.iter().map(|&i| id(i)).collect());
    Ok(true)
}

pub(super) fn pad(net: &mut Importer, op: &Op, kind: &str) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let mode = match (kind, op.options.byte(4)) {
        ("MIRROR_PAD", 0) => "reflect",
        // The edge is mirrored as well, which ONNX has no word for.
        ("MIRROR_PAD", _) => "symmetric",
        _ => "constant",
    };
    let settings = attrs([("mode", Attr::from(mode))]);
    let fill = if kind == "PADV2" { Some(id(op.input(2)?)) } else { None };
    let Some(pads) = net.known(op.input(1)?) else {
        // Pairs by axis become begins, then ends.
        let pairs = net.derive("Transpose", &[id(op.input(1)?)], attrs([("perm", Attr::Ints(vec![1, 0]))]));
        let all = net.ints(vec![-1]);
        let pads = net.derive("Reshape", &[pairs, all], Attrs::new());
        let inputs: Vec<_> = [net.file_order(x), pads].into_iter().chain(fill).collect();
        let y = net.file_result(output);
        net.emit("Pad", &inputs, settings, y);
        net.our_order(output, y);
        return Ok(true);
    };
    let pairs: Vec<[i64; 2]> = pads.as_chunks().0.to_vec();
    if pairs.len() != net.rank(x) {
        return Err(format!("{} pads for shape {:?}", pads.len(), net.info(x).shape));
    }
    let pairs = permuted(pairs);
    let pads = net.ints(pairs.iter().map(|p| p[0]).chain(pairs.iter().map(|p| p[1])).collect());
    let inputs: Vec<_> = [id(x), pads].into_iter().chain(fill).collect();
    net.emit("Pad", &inputs, settings, id(output));
    Ok(true)
}

pub(super) fn tile(net: &mut Importer, op: &Op) -> Read {
    let x = op.input(0)?;
    let Some(repeats) = net.known(op.input(1)?).filter(|r| r.len() == net.rank(x)) else {
        return plain(net, op, "Tile", &[0, 1], Attrs::new());
    };
    let repeats = net.ints(permuted(repeats));
    net.emit("Tile", &[id(x), repeats], Attrs::new(), id(op.output(0)?));
    Ok(true)
}

pub(super) fn resize(net: &mut Importer, op: &Op, mode: &str) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let &[_, height, width, _] = net.info(output).shape.as_slice() else { return Ok(false) };
    let open = net.info(output).open_beyond();
    let (corners, half) = if mode == "linear" { (8, 10) } else { (4, 6) };
    let coordinates = match (op.options.flag(corners), op.options.flag(half)) {
        (true, _) => "align_corners",
        (false, true) => "half_pixel",
        (false, false) => "asymmetric",
    };
    let sizes = if open { id(op.input(1)?) } else { net.ints(vec![height as i64, width as i64]) };
    let attrs = attrs([
        ("axes", Attr::Ints(vec![2, 3])),
        ("coordinate_transformation_mode", Attr::from(coordinates)),
        ("mode", Attr::from(mode)),
    ]);
    net.node(OpType::new("Resize"), vec![Some(id(x)), None, None, Some(sizes)], attrs, vec![id(output)]);
    Ok(true)
}
