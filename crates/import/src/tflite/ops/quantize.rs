//! Conversions between numbers and their quantised form, with the scale of the tensor.

use tachograph_ir::{Attrs, DType, Value};

use super::{Importer, Op, Read, id};

pub(super) fn quantize(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let (scale, dtype) = (net.info(output).scale, net.info(output).dtype);
    let scale = net.scalar(DType::F32, Value::Floats(vec![scale]));
    let zero = net.scalar(dtype, Value::Ints(vec![0]));
    net.emit("QuantizeLinear", &[id(x), scale, zero], Attrs::new(), id(output));
    Ok(true)
}

pub(super) fn dequantize(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let scale = net.info(x).scale;
    let scale = net.scalar(DType::F32, Value::Floats(vec![scale]));
    net.emit("DequantizeLinear", &[id(x), scale], Attrs::new(), id(output));
    Ok(true)
}

/// Rounds to one of 2ⁿ numbers between two bounds.
pub(super) fn fake(net: &mut Importer, op: &Op) -> Read {
    let (x, output, o) = (op.input(0)?, op.output(0)?, op.options);
    let levels = 2f64.powi(o.int(8, 8).clamp(1, 16) as i32) - 1.0;
    let scale = net.scalar(DType::F32, Value::Floats(vec![(o.float(6) - o.float(4)) / levels]));
    let zero = net.scalar(if levels > 255.0 { DType::U16 } else { DType::U8 }, Value::Ints(vec![0]));
    let rounded = net.derive("QuantizeLinear", &[id(x), scale, zero], Attrs::new());
    net.emit("DequantizeLinear", &[rounded, scale], Attrs::new(), id(output));
    Ok(true)
}
