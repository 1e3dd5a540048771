//! Picking, joining and describing parts of tensors.

use tachograph_ir::{Attr, Attrs, OpType, TensorId, attrs};

use super::{Importer, Op, Read, id};
use crate::tflite::graph::CHANNELS_LAST;

/// Ranges of a Slice, by axis.
#[derive(Default)]
struct Ranges {
    starts: Vec<i64>,
    ends: Vec<i64>,
    axes: Vec<i64>,
    steps: Vec<i64>,
}

impl Ranges {
    fn emit(self, net: &mut Importer, x: TensorId, output: TensorId) {
        let operands = [self.starts, self.ends, self.axes, self.steps].map(|list| net.ints(list));
        let [starts, ends, axes, steps] = operands;
        net.emit("Slice", &[x, starts, ends, axes, steps], Attrs::new(), output);
    }
}

pub(super) fn slice(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let (Some(begins), Some(sizes)) = (net.known(op.input(1)?), net.known(op.input(2)?)) else { return Ok(false) };
    if begins.len() != net.rank(x) || sizes.len() != net.rank(x) {
        return Err(format!("begin {begins:?} and size {sizes:?} of shape {:?}", net.info(x).shape));
    }
    let mut ranges = Ranges::default();
    for (axis, (begin, size)) in begins.into_iter().zip(sizes).enumerate() {
        ranges.starts.push(begin);
        ranges.ends.push(if size == -1 { i64::MAX } else { begin.saturating_add(size) });
        ranges.axes.push(net.axis(axis as i64, x)?);
        ranges.steps.push(1);
    }
    ranges.emit(net, id(x), id(output));
    Ok(true)
}

pub(super) fn strided_slice(net: &mut Importer, op: &Op) -> Read {
    let (x, output, o) = (op.input(0)?, op.output(0)?, op.options);
    let list = |net: &Importer, i| op.input(i).map(|i| net.known(i));
    let (Some(begins), Some(ends), Some(strides)) = (list(net, 1)?, list(net, 2)?, list(net, 3)?) else {
        return Ok(false);
    };
    if o.int(8, 0) != 0 || o.int(10, 0) != 0 || o.flag(14) {
        return Ok(false);
    }
    if begins.len() > net.rank(x).min(31) || begins.len() != ends.len() || begins.len() != strides.len() {
        return Err(format!("{} begins, {} ends, {} strides", begins.len(), ends.len(), strides.len()));
    }
    let dropped = o.int(12, 0);
    let (mut ranges, mut squeezed) = (Ranges::default(), Vec::new());
    for (i, ((begin, end), stride)) in begins.into_iter().zip(ends).zip(strides).enumerate() {
        let set = |mask: i64| mask & (1 << i) != 0;
        let drop = set(dropped);
        let (low, high) = if stride > 0 { (0, i64::MAX) } else { (i64::MAX, i64::MIN) };
        ranges.starts.push(if set(o.int(4, 0)) && !drop { low } else { begin });
        ranges.ends.push(match begin {
            -1 if drop => i64::MAX,
            _ if drop => begin.saturating_add(1),
            _ if set(o.int(6, 0)) => high,
            _ => end,
        });
        ranges.axes.push(if dropped == 0 { net.axis(i as i64, x)? } else { i as i64 });
        ranges.steps.push(if drop { 1 } else { stride });
        if drop {
            squeezed.push(i as i64);
        }
    }
    if squeezed.is_empty() {
        ranges.emit(net, id(x), id(output));
        return Ok(true);
    }
    let operand = net.file_order(x);
    let part = net.temporary();
    ranges.emit(net, operand, part);
    let axes = net.ints(squeezed);
    let y = net.file_result(output);
    net.emit("Squeeze", &[part, axes], Attrs::new(), y);
    net.our_order(output, y);
    Ok(true)
}

pub(super) fn gather(net: &mut Importer, op: &Op) -> Read {
    let (x, indices, output) = (op.input(0)?, op.input(1)?, op.output(0)?);
    if op.options.int(6, 0) != 0 {
        return Ok(false);
    }
    let x = net.file_order(x);
    let indices = net.file_order(indices);
    let y = net.file_result(output);
    net.emit("Gather", &[x, indices], attrs([("axis", Attr::Int(op.options.int(4, 0)))]), y);
    net.our_order(output, y);
    Ok(true)
}

pub(super) fn pack(net: &mut Importer, op: &Op) -> Read {
    let (output, axis) = (op.output(0)?, op.options.int(6, 0));
    let axes = net.ints(vec![axis]);
    let mut parts = Vec::new();
    for i in 0..op.inputs.len() {
        let part = net.file_order(op.input(i)?);
        parts.push(net.derive("Unsqueeze", &[part, axes], Attrs::new()));
    }
    let y = net.file_result(output);
    net.emit("Concat", &parts, attrs([("axis", Attr::Int(axis))]), y);
    net.our_order(output, y);
    Ok(true)
}

pub(super) fn unpack(net: &mut Importer, op: &Op) -> Read {
    let axis = op.options.int(6, 0);
    let x = net.file_order(op.input(0)?);
    let parts: Vec<TensorId> = op.outputs.iter().map(|_| net.temporary()).collect();
    let split = attrs([("axis", Attr::Int(axis)), ("num_outputs", Attr::Int(parts.len() as i64))]);
    net.node(OpType::new("Split"), vec![Some(x)], split, parts.clone());
    for (part, &output) in parts.into_iter().zip(&op.outputs) {
        let axes = net.ints(vec![axis]);
        let y = net.file_result(output);
        net.emit("Squeeze", &[part, axes], Attrs::new(), y);
        net.our_order(output, y);
    }
    Ok(true)
}

/// Extents in the order of the file.
pub(super) fn shape(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    if net.rank(x) != 4 {
        net.emit("Shape", &[id(x)], Attrs::new(), id(output));
        return Ok(true);
    }
    let shape = net.derive("Shape", &[id(x)], Attrs::new());
    let order = net.ints(CHANNELS_LAST.map(|axis| axis as i64).to_vec());
    net.emit("Gather", &[shape, order], attrs([("axis", Attr::Int(0))]), id(output));
    Ok(true)
}
