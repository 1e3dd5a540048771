//! `Pooling` over one to three axes. Keys: 0 max (0) or average (1), 1, 11, 21 kernel, 2, 12, 22 strides, 3, 14, 13, 15,
//! 23, 16 pads left, right, top, bottom, front, behind, 4 global, 5 rounding and padding, 6 whether averages count
//! pads, 7 adaptive, to the extents of 8, 18, 28. `SPP`: 0 max or average, 1 levels. `StatisticsPooling`: 0 deviations.

use tachograph_ir::{Attr, TensorId, attrs};

use super::{
    Blob, Layer, Net, Result,
    conv::{axes, list, pads, sizes},
    move_, none,
};

/// Stands for “as it is” among the extents of an adaptive pooling.
const KEEP: i64 = -233;

fn is_average(layer: &Layer) -> Result<bool> {
    match layer.int(0, 0)? {
        0 => Ok(false),
        1 => Ok(true),
        kind => Err(format!("kind {kind} of pooling is unknown")),
    }
}

pub(super) fn pool(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let average = is_average(layer)?;
    let rank = axes(layer) + 2;
    if layer.int(4, 0)? != 0 {
        let id = net.node(layer, if average { "GlobalAveragePool" } else { "GlobalMaxPool" }, &[x.id], none());
        return Ok(move_::flatten(net, layer, Blob { id, rank }));
    }
    if layer.int(7, 0)? != 0 {
        return adaptive(net, layer, x, average);
    }
    let (kernel, strides) = (sizes(layer, 1, 0)?, sizes(layer, 2, 1)?);
    let mut pads = pads(layer, [3, 14, 13, 15, 23, 16])?;
    let (name, value) = match layer.int(5, 0)? {
        0 if full(net, x, &kernel, &strides, &mut pads) => ("ceil_mode", Attr::Int(0)),
        0 => ("ceil_mode", Attr::Int(1)),
        1 => ("ceil_mode", Attr::Int(0)),
        2 => ("auto_pad", Attr::from("SAME_UPPER")),
        3 => ("auto_pad", Attr::from("SAME_LOWER")),
        mode => return Err(format!("padding mode {mode} is unknown")),
    };
    let mut attrs = attrs([("kernel_shape", list(&kernel)), ("strides", list(&strides)), (name, value)]);
    if name == "ceil_mode" {
        attrs.insert("pads".into(), Attr::Ints(pads));
    }
    if average {
        attrs.insert("count_include_pad".into(), Attr::Int(layer.int(6, 0)?));
    }
    let id = net.node(layer, if average { "AveragePool" } else { "MaxPool" }, &[x.id], attrs);
    Ok(Blob { id, rank })
}

/// ncnn counts a last window that starts in the trailing padding, ONNX does not. Where that makes a difference and no
/// extent is open, the pads are made long enough for it; true if so.
fn full(net: &Net, x: Blob, kernel: &[u64], strides: &[u64], pads: &mut [i64]) -> bool {
    let Some(extents) = net.shape(x).and_then(|shape| shape.get(2..)).filter(|_| net.is_fixed()) else { return false };
    let count = kernel.len();
    if extents.len() != count || pads.len() != 2 * count {
        return false;
    }
    let (mut tails, mut differs) = (Vec::with_capacity(count), false);
    for a in 0..count {
        let (Ok(n), Ok(window), Ok(stride)) =
            (i64::try_from(extents[a]), i64::try_from(kernel[a]), i64::try_from(strides[a]))
        else {
            return false;
        };
        let room = n.saturating_add(pads[a]).saturating_add(pads[count + a]).saturating_sub(window);
        let tail = if room < 0 || room % stride == 0 { 0 } else { stride - room % stride };
        differs |= tail > 0 && (room / stride + 1).saturating_mul(stride) >= n.saturating_add(pads[a]);
        tails.push(tail);
    }
    if differs {
        pads[count..].iter_mut().zip(tails).for_each(|(pad, tail)| *pad = pad.saturating_add(tail));
    }
    differs
}

/// Windows of as even extents as can be, which cover the operand.
fn adaptive(net: &mut Net, layer: &Layer, x: Blob, average: bool) -> Result<Blob> {
    let (width, count) = (layer.int(8, 0)?, axes(layer) as i64);
    let wanted: Vec<i64> = (0..count).rev().map(|place| layer.int(8 + 10 * place, width)).collect::<Result<_>>()?;
    if wanted.iter().any(|&n| n != KEEP && n < 1) {
        return Err(format!("{wanted:?} are no extents"));
    }
    if wanted.iter().all(|&n| n == 1) {
        let op = if average { "GlobalAveragePool" } else { "GlobalMaxPool" };
        return Ok(net.like(layer, op, x, &[], none()));
    }
    let op = if average { "AdaptiveAveragePool" } else { "AdaptiveMaxPool" };
    let extents = wanted.into_iter().map(|n| if n == KEEP { 0 } else { n }).collect();
    Ok(net.like(layer, op, x, &[], attrs([("output_size", Attr::Ints(extents))])))
}

/// Poolings to 1, 4, 16 … windows a channel, side by side.
pub(super) fn pyramid(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let (levels, average) = (layer.size(1, 1)?.min(16), is_average(layer)?);
    let op = if average { "AdaptiveAveragePool" } else { "AdaptiveMaxPool" };
    let mut parts: Vec<TensorId> = Vec::new();
    for level in 0..levels {
        let size = attrs([("output_size", Attr::Ints(vec![1 << level; 2]))]);
        let part = net.like(layer, op, x, &[], size);
        parts.push(move_::flatten(net, layer, part).id);
    }
    let id = net.node(layer, "Concat", &parts, attrs([("axis", Attr::Int(1))]));
    Ok(Blob { id, rank: 2 })
}

/// Means of the channels, and their deviations beside them.
pub(super) fn statistics(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let target = net.ints(layer, "rows", vec![0, 0, -1]);
    let rows = net.node(layer, "Reshape", &[x.id, target], none());
    let last = net.ints(layer, "axes", vec![2]);
    let mean = net.node(layer, "ReduceMean", &[rows, last], attrs([("keepdims", Attr::Int(1))]));
    let id = net.node(layer, "Squeeze", &[mean, last], none());
    if layer.int(0, 0)? == 0 {
        return Ok(Blob { id, rank: 2 });
    }
    let apart = net.node(layer, "Sub", &[rows, mean], none());
    let square = net.node(layer, "Mul", &[apart, apart], none());
    let variance = net.node(layer, "ReduceMean", &[square, last], attrs([("keepdims", Attr::Int(0))]));
    let deviation = net.node(layer, "Sqrt", &[variance], none());
    let id = net.node(layer, "Concat", &[id, deviation], attrs([("axis", Attr::Int(1))]));
    Ok(Blob { id, rank: 2 })
}
