//! Layers that move elements and compute nothing.

use tachograph_ir::{Attr, OpType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, none, reduce::axis};

/// Stands for “the rest” in sizes and for “to the end” in offsets.
const REST: i64 = -233;

pub(super) fn flatten(net: &mut Net, layer: &Layer, x: Blob) -> Blob {
    Blob { id: net.node(layer, "Flatten", &[x.id], attrs([("axis", Attr::Int(1))])), rank: 2 }
}

pub(super) fn concat(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[first, ..] = operands else { return Err("has no operand".into()) };
    let inputs: Vec<TensorId> = operands.iter().map(|blob| blob.id).collect();
    let attrs = attrs([("axis", Attr::Int(axis(layer.int(0, 0)?, first)?))]);
    Ok(Blob { id: net.node(layer, "Concat", &inputs, attrs), ..first })
}

/// Keys: 0 extents of the parts, 1 axis.
pub(super) fn slice(net: &mut Net, layer: &Layer, x: Blob) -> Result<()> {
    let axis = axis(layer.int(1, 0)?, x)?;
    let sizes = layer.ints(0)?.ok_or("has no extents")?;
    if sizes.len() != layer.outputs.len() {
        return Err(format!("{} extents for {} results", sizes.len(), layer.outputs.len()));
    }
    if sizes.iter().all(|&n| n == REST) {
        let attrs = attrs([("axis", Attr::Int(axis)), ("num_outputs", Attr::Int(sizes.len() as i64))]);
        let parts = net.nodes(layer, OpType::new("Split"), vec![Some(x.id)], attrs, sizes.len());
        return parts.into_iter().enumerate().try_for_each(|(slot, id)| net.define(layer, slot, Blob { id, ..x }));
    }
    let mut start = 0i64;
    for (slot, &size) in sizes.iter().enumerate() {
        let last = slot + 1 == sizes.len();
        let end = if size == REST && last { i64::MAX } else { start.saturating_add(size) };
        if size == REST && !last || size != REST && size < 1 {
            return Err(format!("extents {sizes:?} of the parts are not read"));
        }
        let id = cut(net, layer, x, &[(axis, start, end)]);
        net.define(layer, slot, Blob { id, ..x })?;
        start = end;
    }
    Ok(())
}

/// Ranges along axes of the tensor.
fn cut(net: &mut Net, layer: &Layer, x: Blob, ranges: &[(i64, i64, i64)]) -> TensorId {
    let starts = net.ints(layer, "starts", ranges.iter().map(|r| r.1).collect());
    let ends = net.ints(layer, "ends", ranges.iter().map(|r| r.2).collect());
    let axes = net.ints(layer, "axes", ranges.iter().map(|r| r.0).collect());
    net.node(layer, "Slice", &[x.id, starts, ends, axes], none())
}

/// Keys: 9, 10, 11 starts, ends and axes; or 0, 1, 2 offsets and 3, 4, 5 extents of width, height and channels.
pub(super) fn crop(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut ranges = Vec::new();
    if let (Some(starts), Some(ends)) = (layer.ints(9)?, layer.ints(10)?) {
        let axes = layer.ints(11)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        if starts.len() != ends.len() || starts.len() != axes.len() {
            return Err(format!("starts {starts:?}, ends {ends:?} and axes {axes:?} differ in number"));
        }
        for ((start, end), a) in starts.into_iter().zip(ends).zip(axes) {
            let start = if start == REST { 0 } else { start };
            ranges.push((axis(a, x)?, start, if end == REST { i64::MAX } else { end }));
        }
    } else {
        for (a, key) in (1..x.rank as i64).rev().zip(0..3) {
            let (start, extent) = (layer.int(key, 0)?, layer.int(key + 3, REST)?);
            let end = if extent == REST || extent == 0 { i64::MAX } else { start.saturating_add(extent) };
            if (start, end) != (0, i64::MAX) {
                ranges.push((a, start, end));
            }
        }
    }
    Ok(Blob { id: cut(net, layer, x, &ranges), ..x })
}

/// Keys: 0 nearest, bilinear or bicubic, 1 and 2 scales, 3 and 4 sizes of height and width.
pub(super) fn interp(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mode = match layer.int(0, 0)? {
        1 => "nearest",
        2 => "linear",
        3 => "cubic",
        kind => return Err(format!("interpolation {kind} is unknown")),
    };
    let corners = if layer.int(6, 0)? != 0 { "align_corners" } else { "half_pixel" };
    let attrs = attrs([("coordinate_transformation_mode", Attr::from(corners)), ("mode", Attr::from(mode))]);
    let mut inputs = vec![Some(x.id), None];
    if layer.has(3) && layer.int(3, 0)? != 0 {
        let sizes = vec![layer.size(3, 0)? as i64, layer.size(4, 0)? as i64];
        let axes = Attr::Ints(vec![2, 3]);
        inputs.extend([None, Some(net.ints(layer, "sizes", sizes))]);
        let attrs = attrs.into_iter().chain([("axes".to_owned(), axes)]).collect();
        return Ok(Blob { id: net.nodes(layer, OpType::new("Resize"), inputs, attrs, 1)[0], ..x });
    }
    let scales = vec![1.0, 1.0, layer.float(1, 1.0)?, layer.float(2, 1.0)?];
    inputs.push(Some(net.floats(layer, "scales", scales)));
    Ok(Blob { id: net.nodes(layer, OpType::new("Resize"), inputs, attrs, 1)[0], ..x })
}

/// Keys: 0 to 3 pads top, bottom, left, right, 4 constant, edge or reflect, 5 the constant, 7 and 8 channels.
pub(super) fn padding(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    if x.rank != 4 {
        return Err("is read for images alone".into());
    }
    let mode = match layer.int(4, 0)? {
        0 => "constant",
        1 => "edge",
        2 => "reflect",
        kind => return Err(format!("kind {kind} of padding is unknown")),
    };
    let pad = |key| layer.int(key, 0);
    let pads = vec![0, pad(7)?, pad(0)?, pad(2)?, 0, pad(8)?, pad(1)?, pad(3)?];
    let mut inputs = vec![x.id, net.ints(layer, "pads", pads)];
    if mode == "constant" {
        inputs.push(net.floats(layer, "value", vec![layer.float(5, 0.0)?]));
    }
    Ok(Blob { id: net.node(layer, "Pad", &inputs, attrs([("mode", Attr::from(mode))])), ..x })
}

/// Key 0: the order of the axes of the result.
pub(super) fn permute(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    const IMAGES: [[i64; 4]; 6] = [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 1, 3], [0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]];
    const MATRICES: [[i64; 3]; 2] = [[0, 1, 2], [0, 2, 1]];
    let code = layer.int(0, 0)?;
    let order = usize::try_from(code).ok().and_then(|code| match x.rank {
        3 => MATRICES.get(code).map(|order| order.to_vec()),
        4 => IMAGES.get(code).map(|order| order.to_vec()),
        _ => None,
    });
    let order = order.ok_or_else(|| format!("order {code} of {} axes is unknown", x.rank - 1))?;
    Ok(Blob { id: net.node(layer, "Transpose", &[x.id], attrs([("perm", Attr::Ints(order))])), ..x })
}

/// Keys 0, 1, 2: width, height, channels, as far as the result has them; -1 for what is left, 0 to keep.
pub(super) fn reshape(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut target = vec![1];
    for key in [2, 1, 0] {
        let extent = layer.int(key, REST)?;
        if extent != REST {
            target.push(extent);
        }
    }
    let rank = target.len();
    if rank == 1 || target.contains(&0) && rank != x.rank {
        return Err(format!("target {target:?} is not read"));
    }
    let target = net.ints(layer, "shape", target);
    Ok(Blob { id: net.node(layer, "Reshape", &[x.id, target], none()), rank })
}

/// Keys: 0 groups, 1 whether groups and channels of a group swap their parts.
pub(super) fn shuffle(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let groups = layer.size(0, 1)? as i64;
    let split = if layer.int(1, 0)? != 0 { vec![-1, groups, 0, 0] } else { vec![groups, -1, 0, 0] };
    let split = net.ints(layer, "split", split);
    let y = net.node(layer, "Reshape", &[x.id, split], none());
    let y = net.node(layer, "Transpose", &[y], attrs([("perm", Attr::Ints(vec![1, 0, 2, 3]))]));
    let join = net.ints(layer, "join", vec![1, -1, 0, 0]);
    Ok(Blob { id: net.node(layer, "Reshape", &[y, join], none()), ..x })
}
