//! Integers: `Quantize` (key 0 elements of the scale), `Dequantize` (0 of the scale, 1 of the bias), `Requantize`
//! (0 and 1 of both scales, 2 of the bias, 3 and 4 activation); and `Cast` (1 the new type).

use tachograph_ir::{Attr, DType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, elementwise::fused, none};

/// One number for everything, or one an outermost extent.
fn numbers(net: &mut Net, layer: &Layer, what: &str, count: u64) -> TensorId {
    let shape: &[u64] = if count == 1 { &[] } else { &[count] };
    net.weight(layer, what, DType::F32, shape)
}

fn axis() -> tachograph_ir::Attrs {
    attrs([("axis", Attr::Int(1))])
}

pub(super) fn quantize(net: &mut Net, layer: &Layer, x: Blob, key: i64) -> Result<Blob> {
    let scale = numbers(net, layer, "scale_out", layer.size(key, 1)?);
    let attrs = axis().into_iter().chain([("output_dtype".to_owned(), Attr::Int(3))]).collect();
    Ok(net.like(layer, "QuantizeLinear", x, &[scale], attrs))
}

pub(super) fn dequantize(net: &mut Net, layer: &Layer, x: Blob, bias: i64) -> Result<Blob> {
    let scale = numbers(net, layer, "scale_in", layer.size(0, 1)?);
    let y = net.like(layer, "DequantizeLinear", x, &[scale], axis());
    if layer.int(bias, 0)? == 0 {
        return Ok(y);
    }
    let mut shape = vec![1; x.rank];
    if let Some(extent) = shape.get_mut(1) {
        *extent = layer.size(bias, 1)?;
    }
    let bias = net.weight(layer, "bias", DType::F32, &shape);
    Ok(net.like(layer, "Add", y, &[bias], none()))
}

pub(super) fn requantize(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let y = dequantize(net, layer, x, 2)?;
    let y = fused(net, layer, y, [3, 4])?;
    quantize(net, layer, y, 1)
}

/// Types by their code; without one the blob stays as it is.
pub(super) fn cast(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let code = match layer.int(1, 0)? {
        0 => return Ok(x),
        1 => 1,
        2 => 10,
        3 => 3,
        4 => 16,
        code => return Err(format!("type {code} is unknown")),
    };
    Ok(net.like(layer, "Cast", x, &[], attrs([("to", Attr::Int(code))])))
}
