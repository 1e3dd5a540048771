//! Convolutions over one to three axes. Keys: 0 channels of the result, 1, 11 and 21 kernel width, height and depth
//! (that of the width by default, as for all of them), 2, 12, 22 dilations, 3, 13, 23 strides, 4, 15, 14, 16, 24, 17
//! pads left, right, top, bottom, front, behind, 5 bias, 6 elements of the weight, 7 groups, 8 int8, 9 and 10
//! activation, 19 weight and bias among the operands. Transposed ones keep other things from 18 on.

use tachograph_ir::{Attr, Attrs, DType, OpType, TensorId, attrs};

use super::{
    Blob, Layer, Net, Result, dense,
    elementwise::{FUSED, fused},
    none,
};

/// Pads that stand for ONNX's SAME_UPPER and SAME_LOWER.
const SAME: [i64; 2] = [-233, -234];

struct Window {
    /// Outermost axis first.
    kernel: Vec<u64>,
    attrs: Attrs,
}

/// Number of axes that the window slides along.
pub(super) fn axes(layer: &Layer) -> usize {
    match layer.kind.as_bytes() {
        [.., b'1', b'D'] => 1,
        [.., b'3', b'D'] => 3,
        _ => 2,
    }
}

/// Sizes under `key` for the width, `key` + 10 for the height, `key` + 20 for the depth, as many as there are axes,
/// outermost first.
pub(super) fn sizes(layer: &Layer, key: i64, default: i64) -> Result<Vec<u64>> {
    let width = layer.size(key, default)?;
    let mut sizes = Vec::new();
    for place in (0..axes(layer) as i64).rev() {
        sizes.push(layer.size(key + 10 * place, width as i64)?);
    }
    Ok(sizes)
}

/// Pads before, then after, each outermost axis first, from the keys of left, right, top, bottom, front, behind.
pub(super) fn pads(layer: &Layer, keys: [i64; 6]) -> Result<Vec<i64>> {
    let [left, right, top, bottom, front, behind] = keys;
    let left = layer.int(left, 0)?;
    let (top, front) = (layer.int(top, left)?, layer.int(front, left)?);
    let before = [front, top, left];
    let after = [layer.int(behind, front)?, layer.int(bottom, top)?, layer.int(right, left)?];
    let skip = 3 - axes(layer);
    Ok([&before[skip..], &after[skip..]].concat())
}

pub(super) fn list(sizes: &[u64]) -> Attr {
    Attr::Ints(sizes.iter().map(|&n| n as i64).collect())
}

fn window(layer: &Layer) -> Result<Window> {
    let kernel = sizes(layer, 1, 0)?;
    let mut attrs = attrs([
        ("dilations", list(&sizes(layer, 2, 1)?)),
        ("group", Attr::Int(groups(layer)? as i64)),
        ("kernel_shape", list(&kernel)),
        ("strides", list(&sizes(layer, 3, 1)?)),
    ]);
    let pads = pads(layer, [4, 15, 14, 16, 24, 17])?;
    let (name, value) = match SAME.iter().position(|code| pads.iter().all(|pad| pad == code)) {
        Some(lower) => ("auto_pad", Attr::from(["SAME_UPPER", "SAME_LOWER"][lower])),
        None => ("pads", Attr::Ints(pads)),
    };
    attrs.insert(name.into(), value);
    Ok(Window { kernel, attrs })
}

fn groups(layer: &Layer) -> Result<u64> {
    if layer.kind.contains("DepthWise") { layer.size(7, 1) } else { Ok(1) }
}

/// Input channels of a group, from the number of weights.
fn channels(layer: &Layer, kernel: &[u64]) -> Result<u64> {
    let (weights, out) = (layer.size(6, 0)?, layer.size(0, 0)?);
    let filters = kernel.iter().try_fold(out, |n, k| n.checked_mul(*k));
    let channels = filters.filter(|&n| weights.is_multiple_of(n)).map(|n| weights / n);
    channels.ok_or_else(|| format!("{weights} weights do not make {out} filters of {kernel:?}"))
}

/// Channels that the layer reads, where its weights tell.
pub(super) fn reads(layer: &Layer) -> Option<u64> {
    channels(layer, &sizes(layer, 1, 0).ok()?).ok()?.checked_mul(groups(layer).ok()?)
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

/// A weight, and a bias, among the operands: the leading 1 of the weight goes.
fn given(net: &mut Net, layer: &Layer, operands: &[Blob], attrs: &mut Attrs) -> Result<Vec<TensorId>> {
    let &[x, weight, ref rest @ ..] = operands else { return Err("has no weight among its operands".into()) };
    attrs.remove("kernel_shape");
    let first = net.ints(layer, "axes", vec![0]);
    let mut inputs = vec![x.id, net.node(layer, "Squeeze", &[weight.id, first], none())];
    if let (Some(bias), true) = (rest.first(), layer.int(5, 0)? != 0) {
        let flat = net.ints(layer, "flat", vec![-1]);
        inputs.push(net.node(layer, "Reshape", &[bias.id, flat], none()));
    }
    Ok(inputs)
}

/// The attributes where the operands bring the weight, which has the kernel's extents.
fn open_window(net: &Net, layer: &Layer, operands: &[Blob]) -> Result<Window> {
    let shape = operands.get(1).and_then(|w| net.shape(*w)).map(<[u64]>::to_vec).unwrap_or_default();
    let kernel = shape.get(shape.len().saturating_sub(axes(layer))..).unwrap_or_default().to_vec();
    let mut attrs = attrs([
        ("dilations", list(&sizes(layer, 2, 1)?)),
        ("group", Attr::Int(groups(layer)? as i64)),
        ("strides", list(&sizes(layer, 3, 1)?)),
    ]);
    attrs.insert("pads".into(), Attr::Ints(pads(layer, [4, 15, 14, 16, 24, 17])?));
    Ok(Window { kernel, attrs })
}

pub(super) fn conv(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ..] = operands else { return Err("has no operand".into()) };
    let rank = axes(layer) + 2;
    if layer.int(19, 0)? != 0 {
        let Window { mut attrs, .. } = open_window(net, layer, operands)?;
        let inputs = given(net, layer, operands, &mut attrs)?;
        let id = net.node(layer, "Conv", &inputs, attrs);
        return fused(net, layer, Blob { id, rank }, FUSED);
    }
    let Window { kernel, attrs } = window(layer)?;
    // A flattened blob under a kernel of one pixel is a vector to multiply.
    if x.rank == 2 && rank == 4 && kernel == [1, 1] {
        return dense::vector(net, layer, x, 5, layer.size(6, 0)?);
    }
    let out = layer.size(0, 0)?;
    let shape = [&[out, channels(layer, &kernel)?], kernel.as_slice()].concat();
    let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &shape)];
    bias(net, layer, 5, out, &mut inputs)?;
    let id = net.node(layer, "Conv", &inputs, attrs);
    fused(net, layer, Blob { id, rank }, FUSED)
}

/// Further keys: 18 to 20 output pads right, bottom, behind, and the extents of the result from 20 (25 in three
/// axes) on, width first, which hold where nothing is padded; 28 weight and bias among the operands.
pub(super) fn transposed(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ..] = operands else { return Err("has no operand".into()) };
    let dynamic = layer.int(28, 0)? != 0;
    let Window { kernel, mut attrs } = if dynamic { open_window(net, layer, operands)? } else { window(layer)? };
    let count = axes(layer);
    let right = layer.int(18, 0)?;
    let extra = [if count == 3 { layer.int(20, right)? } else { 0 }, layer.int(19, right)?, right];
    attrs.insert("output_padding".into(), Attr::Ints(extra[3 - count..].to_vec()));
    let first = if count == 3 { 25 } else { 20 };
    let width = layer.int(first, 0)?;
    let wanted: Vec<i64> =
        (0..count as i64).rev().map(|place| layer.int(first + place, width)).collect::<Result<_>>()?;
    let padded = attrs.get("pads").is_some_and(|pads| matches!(pads, Attr::Ints(pads) if pads.iter().any(|&n| n > 0)));
    if attrs.remove("auto_pad").is_some() {
        // Without extents ncnn cuts nothing.
        attrs.insert("pads".into(), Attr::Ints(vec![0; 2 * count]));
    }
    if wanted.iter().all(|&n| n > 0) && !padded {
        attrs.insert("output_shape".into(), Attr::Ints(wanted));
    }
    let inputs = if dynamic {
        given(net, layer, operands, &mut attrs)?
    } else {
        let (out, groups) = (layer.size(0, 0)?, groups(layer)?);
        if out % groups != 0 {
            return Err(format!("{groups} groups do not divide {out} channels"));
        }
        // Stored by result channel: `channels` are those that a group reads.
        let read = channels(layer, &kernel)?.checked_mul(groups).ok_or("too many channels")?;
        let shape = [&[read, out / groups], kernel.as_slice()].concat();
        let mut inputs = vec![x.id, net.weight(layer, "weight", weight_type(layer)?, &shape)];
        bias(net, layer, 5, out, &mut inputs)?;
        inputs
    };
    let id = net.node(layer, "ConvTranspose", &inputs, attrs);
    fused(net, layer, Blob { id, rank: count + 2 }, FUSED)
}

/// Operands: data, offsets, mask or none.
pub(super) fn deformable(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let (&[x, offset], mask) = operands.split_first_chunk().ok_or("has no offsets")?;
    let Window { kernel, mut attrs } = window(layer)?;
    attrs.insert("offset_group".into(), Attr::Int(1));
    let out = layer.size(0, 0)?;
    let shape = [&[out, channels(layer, &kernel)?], kernel.as_slice()].concat();
    let weight = net.weight(layer, "weight", DType::F32, &shape);
    let mut weights = vec![weight];
    bias(net, layer, 5, out, &mut weights)?;
    let mut inputs = vec![Some(x.id), Some(weight), Some(offset.id), weights.get(1).copied()];
    inputs.extend(mask.first().map(|mask| Some(mask.id)));
    let id = net.nodes(layer, OpType::new("DeformConv"), inputs, attrs, 1)[0];
    fused(net, layer, Blob { id, rank: 4 }, FUSED)
}
