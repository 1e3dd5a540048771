//! Dense tensors from positions and elements.

use tachograph_ir::{Attr, Attrs, attrs};

use super::{Importer, Op, Read};

/// Operands: indices, updates, shape.
pub(super) fn scatter(net: &mut Importer, op: &Op) -> Read {
    let (indices, updates, shape, output) = (op.input(0)?, op.input(1)?, op.input(2)?, op.output(0)?);
    let [indices, updates, shape] = [indices, updates, shape].map(|i| net.file_order(i));
    let dtype = net.info(output).dtype;
    let zero = if dtype.is_integer() { Attr::Int(0) } else { Attr::Float(0.0) };
    let zeros = net.derive("ConstantOfShape", &[shape], attrs([("dtype", net.typed(output)), ("value", zero)]));
    let y = net.file_result(output);
    net.emit("ScatterND", &[zeros, indices, updates], attrs([("reduction", Attr::from("add"))]), y);
    net.our_order(output, y);
    Ok(true)
}

/// Operands: indices (a number, a list, or one vector an element), shape, elements (or one for all), default.
pub(super) fn dense(net: &mut Importer, op: &Op) -> Read {
    let (indices, shape, values, default) = (op.input(0)?, op.input(1)?, op.input(2)?, op.input(3)?);
    let output = op.output(0)?;
    let (count, depth) = match net.info(indices).shape[..] {
        [] => (1, 1),
        [n] => (n, 1),
        [n, depth] => (n, depth),
        ref other => return Err(format!("indices of shape {other:?}")),
    };
    let [indices, shape, values, default] = [indices, shape, values, default].map(|i| net.file_order(i));
    let rows = net.ints(vec![count as i64, depth as i64]);
    let indices = net.derive("Reshape", &[indices, rows], Attrs::new());
    let count = net.ints(vec![count as i64]);
    let values = net.derive("Expand", &[values, count], Attrs::new());
    let filled = net.derive("Expand", &[default, shape], Attrs::new());
    let y = net.file_result(output);
    net.emit("ScatterND", &[filled, indices, values], Attrs::new(), y);
    net.our_order(output, y);
    Ok(true)
}

/// Operands: indices, depth, elements where the index is and elsewhere.
pub(super) fn one_hot(net: &mut Importer, op: &Op) -> Read {
    let (indices, depth, on, off, output) = (op.input(0)?, op.input(1)?, op.input(2)?, op.input(3)?, op.output(0)?);
    let one = net.ints(vec![1]);
    let [off, on] = [off, on].map(|i| {
        let i = net.file_order(i);
        net.derive("Reshape", &[i, one], Attrs::new())
    });
    let values = net.derive("Concat", &[off, on], attrs([("axis", Attr::Int(0))]));
    let indices = net.file_order(indices);
    let depth = net.file_order(depth);
    let y = net.file_result(output);
    net.emit("OneHot", &[indices, depth, values], attrs([("axis", Attr::Int(op.options.int(4, 0)))]), y);
    net.our_order(output, y);
    Ok(true)
}
