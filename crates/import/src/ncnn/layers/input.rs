//! `Input` and `MemoryData`: keys 0, 1, 11, 2 are width, height, depth and channels. What an `Input` leaves open is
//! decided by what reads it.

use tachograph_ir::DType;

use super::{Blob, Layer, Net, Result, attention::Places, conv, dense, elementwise::is_activation, recurrent::Cells};
use crate::ncnn::graph::Extent::{self, Fixed, Free, Like, Shared};

/// Extents, outermost first, with the leading 1; `None` without any.
fn extents(layer: &Layer) -> Result<Option<Vec<u64>>> {
    let mut shape = vec![1];
    for key in [2, 11, 1, 0] {
        // -233 stands for an axis that is not there.
        if !matches!(layer.int(key, 0)?, 0 | -233) {
            shape.push(layer.size(key, 0)?);
        }
    }
    Ok((shape.len() > 1).then_some(shape))
}

pub(super) fn input(net: &mut Net, layer: &Layer) -> Result<()> {
    let shape = extents(layer)?;
    (0..layer.outputs.len()).try_for_each(|slot| net.input(layer, slot, shape.clone()))
}

pub(super) fn memory(net: &mut Net, layer: &Layer) -> Result<()> {
    let shape = extents(layer)?.ok_or("has no extents")?;
    let dtype = match layer.int(21, 1)? {
        0 | 1 => DType::F32,
        code => return Err(format!("type {code} of data is unknown")),
    };
    let id = net.weight(layer, "data", dtype, &shape);
    net.define(layer, 0, Blob { id, rank: shape.len() })
}

/// Decides the axes of open operands of `layer`, the first of `rest`: as it needs them, else as the next layers do, else
/// as those of an image.
pub(super) fn settle(net: &mut Net, layer: &Layer, rest: &[Layer], operands: &mut [Blob]) {
    for place in 0..operands.len() {
        if operands[place].rank > 0 {
            continue;
        }
        let shapes: Vec<Option<Vec<u64>>> =
            operands.iter().map(|x| net.shape(*x).and_then(|shape| shape.get(1..)).map(<[u64]>::to_vec)).collect();
        let wanted = wants(layer, place, &shapes).or_else(|| passes(layer).then(|| ahead(rest, layer)).flatten());
        let dtype = if layer.kind == "Embed" { DType::I32 } else { DType::F32 };
        let id = operands[place].id;
        let wanted = wanted.unwrap_or_else(|| image(channels(layer).map(Fixed)));
        let blob = net.settle(id, dtype, &wanted);
        operands.iter_mut().filter(|operand| operand.id == id).for_each(|operand| *operand = blob);
    }
}

/// Decides the axes of inputs that nothing reads.
pub(in crate::ncnn) fn settle_rest(net: &mut Net) {
    for (id, _) in net.open() {
        net.settle(id, DType::F32, &image(None));
    }
}

fn image(channels: Option<Extent>) -> Vec<Extent> {
    vec![channels.unwrap_or(Free("channels")), Free("height"), Free("width")]
}

/// What follows the results of `layer`, through layers that keep what they read.
fn ahead(rest: &[Layer], layer: &Layer) -> Option<Vec<Extent>> {
    let (mut names, mut known) = (layer.outputs.clone(), channels(layer));
    for next in rest {
        let Some(place) = next.inputs.iter().position(|name| names.contains(name)) else { continue };
        if let Some(wanted) = wants(next, place, &vec![None; next.inputs.len()]) {
            return Some(wanted);
        }
        known = known.or(channels(next));
        if passes(next) {
            names.extend(&next.outputs);
        }
    }
    known.map(|channels| image(Some(Fixed(channels))))
}

/// True for layers whose result has as many axes and channels as what they read.
fn passes(layer: &Layer) -> bool {
    const KINDS: [&str; 22] = [
        "BatchNorm",
        "Bias",
        "BinaryOp",
        "Cast",
        "DeepCopy",
        "Dropout",
        "Eltwise",
        "GroupNorm",
        "InstanceNorm",
        "Interp",
        "LRN",
        "MVN",
        "Noop",
        "Normalize",
        "Packing",
        "Padding",
        "Pooling",
        "Quantize",
        "Scale",
        "Softmax",
        "Split",
        "Requantize",
    ];
    KINDS.contains(&layer.kind) || is_activation(layer.kind)
}

/// Channels of what the layer reads, where a number of it tells.
fn channels(layer: &Layer) -> Option<u64> {
    let key = match layer.kind {
        "BatchNorm" | "Bias" | "InstanceNorm" | "Scale" => 0,
        "GroupNorm" => 1,
        _ => return None,
    };
    layer.size(key, 0).ok()
}

/// Axes of operand `place`, outermost first, where the layer cannot do with others. `shapes` are those of the operands,
/// as far as they are known.
fn wants(layer: &Layer, place: usize, shapes: &[Option<Vec<u64>>]) -> Option<Vec<Extent>> {
    let fixed = |n: Result<u64>| n.ok().map(Fixed);
    let known = |operand: usize, from_inner: usize, otherwise| {
        let shape = shapes.get(operand).and_then(Option::as_ref);
        shape.and_then(|shape| shape.iter().rev().nth(from_inner)).map_or(otherwise, |&n| Like(n))
    };
    let length = Free("length");
    match layer.kind {
        kind if kind.contains("onvolution") && place == 0 => {
            let channels = conv::reads(layer).map_or(Free("channels"), Fixed);
            Some(match conv::axes(layer) {
                1 => vec![channels, length],
                3 => vec![channels, Free("depth"), Free("height"), Free("width")],
                _ => image(Some(channels)),
            })
        }
        "DeformableConv2D" if place == 0 => Some(image(conv::reads(layer).map(Fixed))),
        "Pooling1D" => Some(vec![Free("channels"), length]),
        "Pooling3D" => Some(vec![Free("channels"), Free("depth"), Free("height"), Free("width")]),
        // Four pixels become one of four times the channels.
        "InnerProduct" => Some(vec![fixed(dense::features(layer))?]),
        "Gemm" if place == 0 && layer.int(5, 0) == Ok(1) => {
            let width = fixed(layer.size(9, 0))?;
            Some(if layer.int(2, 0) == Ok(1) { vec![width, length] } else { vec![length, width] })
        }
        "Embed" | "Spectrogram" => Some(vec![length]),
        "LayerNorm" | "RMSNorm" => Some(vec![length, fixed(layer.size(0, 0))?]),
        "RNN" | "GRU" | "LSTM" => {
            let cells = Cells::new(layer).ok()?;
            Some(match place {
                0 => vec![length, Fixed(cells.inputs)],
                1 => vec![Fixed(cells.directions), Fixed(cells.results)],
                _ => vec![Fixed(cells.directions), Fixed(cells.hidden)],
            })
        }
        "MultiHeadAttention" => {
            let places = Places::new(layer).ok()?;
            let features = layer.size(0, 0).ok()?;
            if places.mask == Some(place) {
                return Some(vec![known(0, 1, length), Shared("keys")]);
            }
            if places.cache.is_some_and(|cache| place >= cache) {
                let heads = layer.size(1, 1).ok()?;
                return Some(vec![Fixed(heads), Shared("past"), Fixed(features / heads)]);
            }
            let query = fixed(layer.size(2, 0).map(|n| n / features));
            let width = match place {
                0 => query,
                _ if place == places.key => fixed(layer.size(3, features as i64)),
                _ => fixed(layer.size(4, features as i64)),
            };
            Some(vec![if place == places.value { known(places.key, 1, length) } else { length }, width?])
        }
        "SDPA" => {
            let places = Places::new(layer).ok()?;
            if places.mask == Some(place) {
                return Some(vec![known(0, 1, length), Shared("keys")]);
            }
            if let Some(cache) = places.cache.filter(|&cache| place >= cache) {
                let of = if place == cache { places.key } else { places.value };
                return Some(vec![known(of, 2, Free("heads")), Shared("past"), known(of, 0, Free("width"))]);
            }
            Some(vec![known(0, 2, Free("heads")), length, known(0, 0, Free("width"))])
        }
        "RotaryEmbed" => {
            let half = shapes.first().and_then(Option::as_ref).and_then(|shape| shape.last()).map(|n| n / 2);
            Some(match place {
                0 => vec![Free("heads"), length, Free("width")],
                _ => vec![known(0, 1, length), half.map_or(Free("width"), Fixed)],
            })
        }
        // One of the others is known, and it is like it.
        "BinaryOp" | "Eltwise" => {
            let other = shapes.iter().flatten().next()?;
            Some(other.iter().map(|&n| Like(n)).collect())
        }
        _ => None,
    }
}
