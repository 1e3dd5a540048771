//! Convolutions. Keys: 0 channels of the result, 1 and 11 kernel width and height (that of the width by default, as
//! for all pairs), 2 and 12 dilations, 3 and 13 strides, 4, 15, 14, 16 pads left, right, top, bottom, 5 bias, 6
//! elements of the weight, 7 groups, 8 int8, 9 and 10 activation.

use tachograph_ir::{Attr, Attrs, DType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, elementwise::fused};

/// Pads that stand for ONNX's SAME_UPPER and SAME_LOWER.
const SAME: [i64; 2] = [-233, -234];

struct Window {
    /// Height, width.
    kernel: [u64; 2],
    attrs: Attrs,
}

fn pair(layer: &Layer, width: i64, height: i64, default: i64) -> Result<[u64; 2]> {
    let width = layer.size(width, default)?;
    Ok([layer.size(height, width as i64)?, width])
}

fn window(layer: &Layer) -> Result<Window> {
    let list = |sizes: [u64; 2]| Attr::Ints(sizes.map(|n| n as i64).to_vec());
    let kernel = pair(layer, 1, 11, 0)?;
    let mut attrs = attrs([
        ("dilations", list(pair(layer, 2, 12, 1)?)),
        ("group", Attr::Int(groups(layer)? as i64)),
        ("kernel_shape", list(kernel)),
        ("strides", list(pair(layer, 3, 13, 1)?)),
    ]);
    let left = layer.int(4, 0)?;
    let (right, top) = (layer.int(15, left)?, layer.int(14, left)?);
    let pads = [top, left, layer.int(16, top)?, right];
    let (name, value) = match SAME.iter().position(|code| pads == [*code; 4]) {
        Some(lower) => ("auto_pad", Attr::from(["SAME_UPPER", "SAME_LOWER"][lower])),
        None => ("pads", Attr::Ints(pads.to_vec())),
    };
    attrs.insert(name.into(), value);
    Ok(Window { kernel, attrs })
}

fn groups(layer: &Layer) -> Result<u64> {
    if layer.kind.ends_with("DepthWise") { layer.size(7, 1) } else { Ok(1) }
}

/// Input channels of a group, from the number of weights.
fn channels(layer: &Layer, kernel: [u64; 2]) -> Result<u64> {
    let (weights, out) = (layer.size(6, 0)?, layer.size(0, 0)?);
    let filters = out.checked_mul(kernel[0]).and_then(|n| n.checked_mul(kernel[1]));
    let channels = filters.filter(|&n| weights.is_multiple_of(n)).map(|n| weights / n);
    channels.ok_or_else(|| format!("{weights} weights do not make {out} filters of {kernel:?}"))
}

/// Type of the weights of `layer`.
pub(super) fn weight_type(layer: &Layer) -> Result<DType> {
    Ok(if layer.int(8, 0)? != 0 { DType::I8 } else { DType::F32 })
}

/// Appends a bias of `out` elements if key `key` says so.
pub(super) fn bias(net: &mut Net, layer: &Layer, key: i64, out: u64, inputs: &mut Vec<TensorId>) -> Result<()> {
    if layer.int(key, 0)? != 0 {
        inputs.push(net.weight(layer, "bias", DType::F32, &[out]));
    }
    Ok(())
}

pub(super) fn conv(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let Window { kernel, attrs } = window(layer)?;
    let out = layer.size(0, 0)?;
    let shape = [out, channels(layer, kernel)?, kernel[0], kernel[1]];
    let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &shape)];
    bias(net, layer, 5, out, &mut inputs)?;
    let id = net.node(layer, "Conv", &inputs, attrs);
    fused(net, layer, Blob { id, rank: 4 })
}

pub(super) fn transposed(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let Window { kernel, mut attrs } = window(layer)?;
    let (out, groups) = (layer.size(0, 0)?, groups(layer)?);
    if out % groups != 0 {
        return Err(format!("{groups} groups do not divide {out} channels"));
    }
    let (right, bottom) = (layer.int(18, 0)?, layer.int(19, layer.int(18, 0)?)?);
    attrs.insert("output_padding".into(), Attr::Ints(vec![bottom, right]));
    // Stored by result channel: `channels` are those that a group reads.
    let read = channels(layer, kernel)?.checked_mul(groups).ok_or("too many channels")?;
    let shape = [read, out / groups, kernel[0], kernel[1]];
    let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &shape)];
    bias(net, layer, 5, out, &mut inputs)?;
    let id = net.node(layer, "ConvTranspose", &inputs, attrs);
    fused(net, layer, Blob { id, rank: 4 })
}
