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
