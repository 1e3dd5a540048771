//! Convolutions of volumes (n, d, h, w, c), which keep this order: transpositions stand around them.

use tachograph_ir::{Attr, Attrs, TensorId, attrs};

use super::{Importer, Op, Read, finish, id};

fn volume(net: &Importer, i: usize) -> Result<[u64; 5], String> {
    let shape = &net.info(i).shape;
    shape.as_slice().try_into().map_err(|_| format!("operand of shape {shape:?}"))
}

fn transposed_by(net: &mut Importer, x: TensorId, order: [i64; 5]) -> TensorId {
    net.derive("Transpose", &[x], attrs([("perm", Attr::Ints(order.to_vec()))]))
}

/// Weight (d, h, w, a, b) in the order (b, a, d, h, w).
fn weight(net: &mut Importer, i: usize) -> Result<(TensorId, [u64; 5]), String> {
    let shape = volume(net, i)?;
    let [d, h, w, a, b] = shape;
    if net.is_constant(i) {
        return Ok((net.weight(i, Some(&[b, a, d, h, w])), shape));
    }
    Ok((transposed_by(net, id(i), [4, 3, 0, 1, 2]), shape))
}

fn window(op: &Op, [d, h, w, ..]: [u64; 5], groups: u64) -> Attrs {
    let o = op.options;
    let list = |list: [i64; 3]| Attr::Ints(list.to_vec());
    attrs([
        ("auto_pad", Attr::from(if o.byte(4) == 0 { "SAME_UPPER" } else { "VALID" })),
        ("dilations", list([o.int(14, 1), o.int(18, 1), o.int(16, 1)])),
        ("group", Attr::Int(groups as i64)),
        ("kernel_shape", list([d as i64, h as i64, w as i64])),
        ("strides", list([o.int(6, 0), o.int(10, 0), o.int(8, 0)])),
    ])
}

/// Emits `name` on the image at `x`, and brings the result back.
fn emit(net: &mut Importer, op: &Op, name: &str, [x, bias]: [usize; 2], weight: TensorId, window: Attrs) -> Read {
    let image = id(op.input(x)?);
    let mut inputs = vec![transposed_by(net, image, [0, 4, 1, 2, 3]), weight];
    inputs.extend(op.optional(bias).map(|bias| net.weight(bias, None)));
    let (act, output) = (op.options.byte(12), op.output(0)?);
    let result = net.derive(name, &inputs, window);
    let y = super::before(net, act, output);
    net.emit("Transpose", &[result], attrs([("perm", Attr::Ints(vec![0, 2, 3, 4, 1]))]), y);
    finish(net, act, y, output)
}

pub(super) fn conv(net: &mut Importer, op: &Op) -> Read {
    let channels = volume(net, op.input(0)?)?[4];
    let (weight, shape) = weight(net, op.input(1)?)?;
    let groups = channels.checked_div(shape[3]).unwrap_or(0);
    emit(net, op, "Conv", [0, 2], weight, window(op, shape, groups))
}

/// Operands: shape of the result, weight, image, bias.
pub(super) fn transposed(net: &mut Importer, op: &Op) -> Read {
    let (weight, shape) = weight(net, op.input(1)?)?;
    let output = net.info(op.output(0)?);
    let mut window = window(op, shape, 1);
    if !output.open_beyond() {
        let extents = output.shape.get(1..4).unwrap_or_default();
        window.insert("output_shape".into(), Attr::Ints(extents.iter().map(|&n| n as i64).collect()));
    }
    emit(net, op, "ConvTranspose", [2, 3], weight, window)
}
