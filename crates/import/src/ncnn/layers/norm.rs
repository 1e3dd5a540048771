//! Normalisation: `BatchNorm` (key 0 channels), `LayerNorm` (0 features, 1 epsilon, 2 affine), `LRN` (1 window,
//! 2 alpha, 3 beta, 4 bias), and `Scale` (0 channels, 1 bias).

use tachograph_ir::{Attr, DType, attrs};

use super::{Blob, Layer, Net, Result, none};

pub(super) fn batch(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let channels = layer.size(0, 0)?;
    if layer.kind == "BatchNorm" {
        let weights =
            ["scale", "shift", "mean", "variance"].map(|what| net.weight(layer, what, DType::F32, &[channels]));
        let inputs: Vec<_> = std::iter::once(x.id).chain(weights).collect();
        let epsilon = attrs([("epsilon", Attr::Float(layer.float(1, 0.0)?))]);
        return Ok(Blob { id: net.node(layer, "BatchNormalization", &inputs, epsilon), ..x });
    }
    let mut shape = vec![1; x.rank];
    if let Some(extent) = shape.get_mut(1) {
        *extent = channels;
    }
    let scale = net.weight(layer, "scale", DType::F32, &shape);
    let mut id = net.node(layer, "Mul", &[x.id, scale], none());
    if layer.int(1, 0)? != 0 {
        let bias = net.weight(layer, "bias", DType::F32, &shape);
        id = net.node(layer, "Add", &[id, bias], none());
    }
    Ok(Blob { id, ..x })
}

pub(super) fn layer_norm(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let features = layer.size(0, 0)?;
    let attrs = attrs([("axis", Attr::Int(-1)), ("epsilon", Attr::Float(layer.float(1, 0.001)?))]);
    // ONNX requires a scale; without an affine part it is one number.
    let shape: &[u64] = if layer.int(2, 1)? != 0 { &[features] } else { &[1] };
    let mut inputs = vec![x.id, net.weight(layer, "scale", DType::F32, shape)];
    if layer.int(2, 1)? != 0 {
        inputs.push(net.weight(layer, "shift", DType::F32, shape));
    }
    Ok(Blob { id: net.node(layer, "LayerNormalization", &inputs, attrs), ..x })
}

pub(super) fn local_response(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    if layer.int(0, 0)? != 0 {
        return Err("normalisation within a channel is not read".into());
    }
    let attrs = attrs([
        ("alpha", Attr::Float(layer.float(2, 1.0)?)),
        ("beta", Attr::Float(layer.float(3, 0.75)?)),
        ("bias", Attr::Float(layer.float(4, 1.0)?)),
        ("size", Attr::Int(layer.size(1, 5)? as i64)),
    ]);
    Ok(Blob { id: net.node(layer, "LRN", &[x.id], attrs), ..x })
}
