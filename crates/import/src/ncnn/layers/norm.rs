//! Normalisation: `BatchNorm` (key 0 channels), `GroupNorm` (0 groups, 1 channels, 2 epsilon, 3 affine),
//! `InstanceNorm` (0 channels, 1 epsilon, 2 affine), `LayerNorm` and `RMSNorm` (0 features, 1 epsilon, 2 affine),
//! `LRN` (0 within a channel, 1 window, 2 alpha, 3 beta, 4 bias), `MVN`, `Normalize` (3 elements of the scale); and
//! `Bias` and `Scale` (0 channels, 1 bias).

use tachograph_ir::{Attr, DType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, elementwise::widen, none};

pub(super) fn batch(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let channels = layer.size(0, 0)?;
    let weights = ["scale", "shift", "mean", "variance"].map(|what| net.weight(layer, what, DType::F32, &[channels]));
    Ok(net.like(layer, "BatchNormalization", x, &weights, epsilon(layer, 1, 0.0)?))
}

fn epsilon(layer: &Layer, key: i64, default: f64) -> Result<tachograph_ir::Attrs> {
    Ok(attrs([("epsilon", Attr::Float(layer.float(key, default)?))]))
}

/// One number a channel is multiplied with, or added to, everything in it; or one blob with another.
pub(super) fn scale(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ref others @ ..] = operands else { return Err("has no operand".into()) };
    let weight = |net: &mut Net, what: &str, channels: u64| {
        let mut shape = vec![1; x.rank];
        if let Some(extent) = shape.get_mut(1) {
            *extent = channels;
        }
        net.weight(layer, what, DType::F32, &shape)
    };
    if layer.kind == "Bias" {
        let bias = weight(net, "bias", layer.size(0, 0)?);
        return Ok(net.like(layer, "Add", x, &[bias], none()));
    }
    let given = layer.int(0, 0)? == -233;
    let channels = match given {
        true => net.shape(x).and_then(|shape| shape.get(1).copied()),
        false => Some(layer.size(0, 0)?),
    };
    let scale = match others.first() {
        Some(other) if given => widen(net, layer, *other, x).id,
        _ => weight(net, "scale", channels.ok_or("has no scale")?),
    };
    let y = net.like(layer, "Mul", x, &[scale], none());
    if layer.int(1, 0)? == 0 {
        return Ok(y);
    }
    let bias = weight(net, "bias", channels.ok_or("has a bias of unknown extent")?);
    Ok(net.like(layer, "Add", y, &[bias], none()))
}

/// Over the innermost axes that together have as many elements as there are features.
pub(super) fn layer_norm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let features = layer.size(0, 0)?;
    let shape = net.shape(x).and_then(|shape| shape.get(1..)).unwrap_or_default().to_vec();
    let inner = |n: &usize| {
        let product = shape[shape.len() - n..].iter().try_fold(1u64, |n, extent| n.checked_mul(*extent));
        product == Some(features)
    };
    let count = (1..=shape.len()).find(inner).unwrap_or(1);
    let mut attrs = epsilon(layer, 1, 0.001)?;
    attrs.insert("axis".into(), Attr::Int(-(count as i64)));
    let affine = layer.int(2, 1)? != 0;
    let extents = if count > 1 { shape[shape.len() - count..].to_vec() } else { vec![features] };
    // ONNX requires a scale; without an affine part it is one number.
    let extents = if affine { extents } else { vec![1] };
    let mut weights = vec![net.weight(layer, "scale", DType::F32, &extents)];
    let op = if layer.kind == "RMSNorm" { "RMSNormalization" } else { "LayerNormalization" };
    if affine && layer.kind == "LayerNorm" {
        weights.push(net.weight(layer, "shift", DType::F32, &extents));
    }
    Ok(net.like(layer, op, x, &weights, attrs))
}

/// Scale and shift of one number a channel; constants without an affine part.
fn affine(net: &mut Net, layer: &Layer, key: i64, channels: u64) -> Result<[TensorId; 2]> {
    if layer.int(key, 1)? != 0 {
        return Ok(["scale", "shift"].map(|what| net.weight(layer, what, DType::F32, &[channels])));
    }
    let length = usize::try_from(channels).ok().filter(|&n| n <= 1 << 16).ok_or("has too many channels")?;
    let mut constant = |what, number| {
        let id = net.floats(layer, what, vec![number; length]);
        let shape = net.ints(layer, "shape", vec![-1]);
        if length == 1 { net.node(layer, "Reshape", &[id, shape], none()) } else { id }
    };
    Ok([constant("scale", 1.0), constant("shift", 0.0)])
}

pub(super) fn group_norm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut attrs = epsilon(layer, 2, 0.001)?;
    attrs.insert("num_groups".into(), Attr::Int(layer.size(0, 1)? as i64));
    let affine = affine(net, layer, 3, layer.size(1, 0)?)?;
    Ok(net.like(layer, "GroupNormalization", x, &affine, attrs))
}

pub(super) fn instance_norm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    if layer.int(2, 1)? == 0 {
        return Ok(net.like(layer, "MeanVarianceNormalization", x, &[], none()));
    }
    let affine = affine(net, layer, 2, layer.size(0, 0)?)?;
    Ok(net.like(layer, "InstanceNormalization", x, &affine, epsilon(layer, 1, 0.001)?))
}

pub(super) fn local_response(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let size = layer.size(1, 5)? as i64;
    let (alpha, beta, bias) = (layer.float(2, 1.0)?, layer.float(3, 0.75)?, layer.float(4, 1.0)?);
    if layer.int(0, 0)? == 0 {
        let numbers = [("alpha", alpha), ("beta", beta), ("bias", bias)].map(|(name, x)| (name, Attr::Float(x)));
        let attrs = attrs(numbers).into_iter().chain([("size".to_owned(), Attr::Int(size))]).collect();
        return Ok(net.like(layer, "LRN", x, &[], attrs));
    }
    // Within a channel: the mean square of a window around each element.
    let square = net.like(layer, "Mul", x, &[x.id], none());
    let (before, after) = (size / 2, size - 1 - size / 2);
    let window = attrs([
        ("count_include_pad", Attr::Int(1)),
        ("kernel_shape", Attr::Ints(vec![size; 2])),
        ("pads", Attr::Ints(vec![before, before, after, after])),
        ("strides", Attr::Ints(vec![1; 2])),
    ]);
    let mut y = net.like(layer, "AveragePool", square, &[], window);
    for (op, number) in [("Mul", alpha), ("Add", bias), ("Pow", beta)] {
        let number = net.floats(layer, "number", vec![number]);
        y = net.like(layer, op, y, &[number], none());
    }
    Ok(net.like(layer, "Div", x, &[y.id], none()))
}

pub(super) fn mean_variance(net: &mut Net, layer: &Layer, x: Blob) -> Blob {
    net.like(layer, "MeanVarianceNormalization", x, &[], none())
}

pub(super) fn normalize(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let y = net.like(layer, "LpNormalization", x, &[], attrs([("axis", Attr::Int(1)), ("p", Attr::Int(2))]));
    let scales = layer.size(3, 1)?;
    let mut shape = vec![1; x.rank];
    if let Some(extent) = shape.get_mut(1) {
        *extent = scales;
    }
    let scale = net.weight(layer, "scale", DType::F32, &shape);
    Ok(net.like(layer, "Mul", y, &[scale], none()))
}
