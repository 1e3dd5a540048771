//! Convolutions. Weights are (out, h, w, in), of depthwise ones (1, h, w, out).

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::{Importer, Op, Read, before, finish, id};

/// Operands and kernel with the weight in the order (out, in, h, w).
struct Operands {
    inputs: Vec<TensorId>,
    kernel: [u64; 2],
    groups: u64,
}

fn image(net: &Importer, i: usize) -> Result<[u64; 4], String> {
    let shape = &net.info(i).shape;
    shape.as_slice().try_into().map_err(|_| format!("operand of shape {shape:?}"))
}

fn window(strides: [i64; 2], dilations: [i64; 2], kernel: [u64; 2], groups: u64, padding: i8) -> Attrs {
    attrs([
        ("auto_pad", Attr::from(if padding == 0 { "SAME_UPPER" } else { "VALID" })),
        ("dilations", Attr::Ints(dilations.to_vec())),
        ("group", Attr::Int(groups as i64)),
        ("kernel_shape", Attr::Ints(kernel.map(|k| k as i64).to_vec())),
        ("strides", Attr::Ints(strides.to_vec())),
    ])
}

/// The third operand, if there is one.
fn bias(net: &mut Importer, op: &Op, inputs: &mut Vec<TensorId>, i: usize) {
    if let Some(bias) = op.inputs.get(i).copied().flatten() {
        inputs.push(net.weight(bias, None));
    }
}

/// Tensor `i`, a weight of this shape. One that is computed (from half precision, from a sparse one) is turned where the
/// file's first axis is not ours.
fn weight(net: &mut Importer, i: usize, shape: [u64; 4], turned: bool) -> TensorId {
    if turned && !net.is_constant(i) {
        return net.derive("Transpose", &[id(i)], attrs([("perm", Attr::Ints(vec![1, 0, 2, 3]))]));
    }
    net.weight(i, Some(&shape))
}

fn operands(net: &mut Importer, op: &Op, depthwise: bool) -> Result<Operands, String> {
    let (x, w) = (op.input(0)?, op.input(1)?);
    let channels = image(net, x)?[3];
    let [out, height, width, inner] = image(net, w)?;
    let (shape, groups) = if depthwise {
        ([inner, 1, height, width], channels)
    } else {
        ([out, inner, height, width], channels.checked_div(inner).unwrap_or(0))
    };
    let mut inputs = vec![id(x), weight(net, w, shape, depthwise)];
    bias(net, op, &mut inputs, 2);
    Ok(Operands { inputs, kernel: [height, width], groups })
}

pub(super) fn conv(net: &mut Importer, op: &Op) -> Read {
    let Operands { inputs, kernel, groups } = operands(net, op, false)?;
    let o = op.options;
    let attrs = window([o.int(8, 0), o.int(6, 0)], [o.int(14, 1), o.int(12, 1)], kernel, groups, o.byte(4));
    let (output, act) = (op.output(0)?, o.byte(10));
    let y = before(net, act, output);
    net.emit("Conv", &inputs, attrs, y);
    finish(net, act, y, output)
}

pub(super) fn depthwise(net: &mut Importer, op: &Op) -> Read {
    let Operands { inputs, kernel, groups } = operands(net, op, true)?;
    let o = op.options;
    let attrs = window([o.int(8, 0), o.int(6, 0)], [o.int(16, 1), o.int(14, 1)], kernel, groups, o.byte(4));
    let (output, act) = (op.output(0)?, o.byte(12));
    let y = before(net, act, output);
    net.emit("Conv", &inputs, attrs, y);
    finish(net, act, y, output)
}

/// Operands: shape of the result, weight (out, h, w, in), image, bias.
pub(super) fn transposed(net: &mut Importer, op: &Op) -> Read {
    let (w, x, output, o) = (op.input(1)?, op.input(2)?, op.output(0)?, op.options);
    let [out, height, width, inner] = image(net, w)?;
    let [_, rows, columns, _] = image(net, output)?;
    let mut attrs = window([o.int(8, 0), o.int(6, 0)], [1, 1], [height, width], 1, o.byte(4));
    if !net.info(output).open_beyond() {
        attrs.insert("output_shape".into(), Attr::Ints(vec![rows as i64, columns as i64]));
    }
    let mut inputs = vec![id(x), weight(net, w, [inner, out, height, width], true)];
    bias(net, op, &mut inputs, 3);
    let act = o.byte(10);
    let y = before(net, act, output);
    net.emit("ConvTranspose", &inputs, attrs, y);
    finish(net, act, y, output)
}
