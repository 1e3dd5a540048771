//! Picking, joining and describing parts of tensors.

use tachograph_ir::{Attr, Attrs, DType, OpType, TensorId, Value, attrs};

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
    let (Some(begins), Some(sizes)) = (net.known(op.input(1)?), net.known(op.input(2)?)) else {
        return computed(net, op);
    };
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

/// A slice whose begins or sizes are computed. Where a size is −1, the part ends with its axis.
fn computed(net: &mut Importer, op: &Op) -> Read {
    let (x, begins, sizes, output) = (op.input(0)?, op.input(1)?, op.input(2)?, op.output(0)?);
    let operand = net.file_order(x);
    let [begins, sizes] = [begins, sizes].map(|i| net.derive("Cast", &[id(i)], attrs([("to", Attr::Int(7))])));
    let (zero, last) = (net.ints(vec![0]), net.ints(vec![i64::MAX]));
    let open = net.derive("Less", &[sizes, zero], Attrs::new());
    let ends = net.derive("Add", &[begins, sizes], Attrs::new());
    let ends = net.derive("Where", &[open, last, ends], Attrs::new());
    let y = net.file_result(output);
    net.emit("Slice", &[operand, begins, ends], Attrs::new(), y);
    net.our_order(output, y);
    Ok(true)
}

pub(super) fn gather(net: &mut Importer, op: &Op) -> Read {
    let (x, indices, output) = (op.input(0)?, op.input(1)?, op.output(0)?);
    let mut settings = attrs([("axis", Attr::Int(op.options.int(4, 0)))]);
    let shared = op.options.int(6, 0);
    if shared != 0 {
        let shared = if shared < 0 { shared + net.rank(indices) as i64 } else { shared };
        settings.insert("batch_dims".into(), Attr::Int(shared));
    }
    let x = net.file_order(x);
    let indices = net.file_order(indices);
    let y = net.file_result(output);
    net.emit("Gather", &[x, indices], settings, y);
    net.our_order(output, y);
    Ok(true)
}

/// A slice backwards.
pub(super) fn reverse(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let Some(axes) = net.known(op.input(1)?) else { return Ok(false) };
    let mut ranges = Ranges::default();
    for axis in axes {
        ranges.starts.push(-1);
        ranges.ends.push(i64::MIN);
        ranges.axes.push(net.axis(axis, x)?);
        ranges.steps.push(-1);
    }
    ranges.emit(net, id(x), id(output));
    Ok(true)
}

pub(super) fn reverse_sequence(net: &mut Importer, op: &Op) -> Read {
    let (x, lengths, output) = (op.input(0)?, op.input(1)?, op.output(0)?);
    let axis = |slot| net.axis(op.options.int(slot, 0), x).map(Attr::Int);
    let settings = attrs([("time_axis", axis(4)?), ("batch_axis", axis(6)?)]);
    net.emit("ReverseSequence", &[id(x), id(lengths)], settings, id(output));
    Ok(true)
}

/// Positions of what is not zero, one a row: ONNX has one a column. Their number depends on the data.
pub(super) fn positions(net: &mut Importer, op: &Op) -> Read {
    let x = net.file_order(op.input(0)?);
    let columns = net.derive("NonZero", &[x], Attrs::new());
    let output = op.output(0)?;
    net.emit("Transpose", &[columns], attrs([("perm", Attr::Ints(vec![1, 0]))]), id(output));
    Ok(true)
}

/// Distinct elements, and for each element the number of its own, which ONNX counts in 64 bits.
pub(super) fn unique(net: &mut Importer, op: &Op) -> Read {
    let (x, elements, numbers) = (op.input(0)?, op.output(0)?, op.output(1)?);
    let unused = net.temporary();
    let wide = net.info(numbers).dtype == DType::I64;
    let counted = if wide { id(numbers) } else { net.temporary() };
    net.state(numbers);
    net.node(OpType::new("Unique"), vec![Some(id(x))], Attrs::new(), vec![id(elements), unused, counted]);
    if !wide {
        net.emit("Cast", &[counted], attrs([("to", net.typed(numbers))]), id(numbers));
    }
    Ok(true)
}

/// The number of axes, which the file knows.
pub(super) fn rank(net: &mut Importer, op: &Op) -> Read {
    let rank = net.rank(op.input(0)?) as i64;
    let rank = net.scalar(net.info(op.output(0)?).dtype, Value::Ints(vec![rank]));
    net.emit("Identity", &[rank], Attrs::new(), id(op.output(0)?));
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
    let typed = attrs([("dtype", net.typed(output))]);
    if net.rank(x) != 4 {
        net.emit("Shape", &[id(x)], typed, id(output));
        return Ok(true);
    }
    let shape = net.derive("Shape", &[id(x)], typed);
    let order = net.ints(CHANNELS_LAST.map(|axis| axis as i64).to_vec());
    net.emit("Gather", &[shape, order], attrs([("axis", Attr::Int(0))]), id(output));
    Ok(true)
}
