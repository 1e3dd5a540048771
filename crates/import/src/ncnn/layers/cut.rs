//! Layers that put parts together or take them out: `Concat`, `Slice`, `Crop`, `CopyTo`, `Padding`, `Interp`,
//! `GridSample`.

use tachograph_ir::{Attr, OpType, TensorId, attrs};

use super::{
    Blob, Layer, Net, Result,
    move_::REST,
    none,
    reduce::axis,
    size::{self, Size, axis_of},
};

pub(super) fn concat(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[first, ..] = operands else { return Err("has no operand".into()) };
    let inputs: Vec<TensorId> = operands.iter().map(|blob| blob.id).collect();
    let attrs = attrs([("axis", Attr::Int(axis(layer.int(0, 0)?, first)?))]);
    Ok(Blob { id: net.node(layer, "Concat", &inputs, attrs), ..first })
}

/// Keys: 0 extents of the parts, an even share for -233; or 2 where they begin, past the first; 1 axis.
pub(super) fn slice(net: &mut Net, layer: &Layer, x: Blob) -> Result<()> {
    let axis = axis(layer.int(1, 0)?, x)?;
    let count = layer.outputs.len();
    if let Some(begins) = layer.ints(2)?.filter(|begins| !begins.is_empty()) {
        if begins.len() + 1 != count {
            return Err(format!("{} parts, and {begins:?} where they begin", count));
        }
        let bounds: Vec<i64> = std::iter::once(0).chain(begins).chain([i64::MAX]).collect();
        return bounds.windows(2).enumerate().try_for_each(|(slot, bounds)| part(net, layer, x, axis, slot, bounds));
    }
    let sizes = layer.ints(0)?.ok_or("has no extents")?;
    if sizes.len() != count {
        return Err(format!("{} extents for {count} results", sizes.len()));
    }
    let extent = net.shape(x).and_then(|shape| shape.get(axis as usize).copied());
    // Shares of an extent that is a multiple of their number stay shares whatever it becomes.
    if sizes.iter().all(|&n| n == REST) && extent.is_none_or(|n| n.is_multiple_of(count as u64)) {
        let attrs = attrs([("axis", Attr::Int(axis)), ("num_outputs", Attr::Int(count as i64))]);
        let parts = net.nodes(layer, OpType::new("Split"), vec![Some(x.id)], attrs, count);
        return parts.into_iter().enumerate().try_for_each(|(slot, id)| net.define(layer, slot, Blob { id, ..x }));
    }
    let mut start = 0i64;
    for (slot, &size) in sizes.iter().enumerate() {
        let left = (count - slot) as i64;
        let size = match (size, extent.and_then(|n| i64::try_from(n).ok())) {
            (REST, _) if left == 1 => i64::MAX,
            (REST, Some(extent)) => (extent - start).max(0) / left,
            (size, _) if size >= 1 => size,
            _ => return Err(format!("extents {sizes:?} of the parts are not read")),
        };
        let end = start.saturating_add(size);
        part(net, layer, x, axis, slot, &[start, end])?;
        start = end;
    }
    Ok(())
}

fn part(net: &mut Net, layer: &Layer, x: Blob, axis: i64, slot: usize, bounds: &[i64]) -> Result<()> {
    let &[start, end] = bounds else { return Ok(()) };
    let id = cut(net, layer, x, &[(axis, Size::Int(start), Size::Int(end))]);
    net.define(layer, slot, Blob { id, ..x })
}

/// Ranges along axes of the tensor.
fn cut(net: &mut Net, layer: &Layer, x: Blob, ranges: &[(i64, Size, Size)]) -> TensorId {
    let starts: Vec<Size> = ranges.iter().map(|r| r.1).collect();
    let ends: Vec<Size> = ranges.iter().map(|r| r.2).collect();
    let starts = size::vector(net, layer, "starts", &starts);
    let ends = size::vector(net, layer, "ends", &ends);
    let axes = net.ints(layer, "axes", ranges.iter().map(|r| r.0).collect());
    net.node(layer, "Slice", &[x.id, starts, ends, axes], none())
}

/// Keys: 9, 10, 11 starts, ends and axes, or 19, 20, 21 the same as texts; or, for width, height, depth and channels,
/// 0, 1, 13, 2 offsets, 3, 4, 14, 5 extents and 6, 7, 15, 8 what is cut at the end; without extents, those of a second
/// operand.
pub(super) fn crop(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ref others @ ..] = operands else { return Err("has no operand".into()) };
    let texts = [19, 20, 21].map(|key| layer.text(key));
    let ranges = if !texts[0].is_empty() && !texts[1].is_empty() {
        let [starts, ends, axes] = texts;
        let starts = size::list(net, layer, starts, operands)?;
        let ends = size::list(net, layer, ends, operands)?;
        let axes = size::list(net, layer, axes, operands)?.into_iter().map(|axis| match axis {
            Size::Int(axis) => Ok(axis),
            _ => Err("axes that depend on extents are not read".to_owned()),
        });
        along(x, starts, ends, axes.collect::<Result<_>>()?)?
    } else if let (Some(starts), Some(ends)) = (layer.ints(9)?, layer.ints(10)?) {
        let sizes = |list: Vec<i64>| list.into_iter().map(Size::Int).collect();
        along(x, sizes(starts), sizes(ends), layer.ints(11)?.unwrap_or_default())?
    } else if let &[like, ..] = others {
        as_large(net, layer, x, like)?
    } else {
        letters(layer, x)?
    };
    if ranges.is_empty() {
        return Ok(x);
    }
    Ok(Blob { id: cut(net, layer, x, &ranges), ..x })
}

fn along(x: Blob, starts: Vec<Size>, ends: Vec<Size>, axes: Vec<i64>) -> Result<Vec<(i64, Size, Size)>> {
    let axes = if axes.is_empty() { (0..starts.len() as i64).collect() } else { axes };
    if starts.len() != ends.len() || starts.len() != axes.len() {
        return Err(format!("starts {starts:?}, ends {ends:?} and axes {axes:?} differ in number"));
    }
    let range = |((start, end), a): ((Size, Size), i64)| {
        let start = if start == Size::Int(REST) { Size::Int(0) } else { start };
        // An end of 0 counts from the end, as negative ones do.
        let end = if matches!(end, Size::Int(REST | 0)) { Size::Int(i64::MAX) } else { end };
        Ok((axis(a, x)?, start, end))
    };
    starts.into_iter().zip(ends).zip(axes).map(range).collect()
}

/// Keys of offset, extent and end, by letter.
const LETTERS: [(char, [i64; 3]); 4] = [('w', [0, 3, 6]), ('h', [1, 4, 7]), ('d', [13, 14, 15]), ('c', [2, 5, 8])];

fn letters(layer: &Layer, x: Blob) -> Result<Vec<(i64, Size, Size)>> {
    let mut ranges = Vec::new();
    for (letter, [offset, extent, after]) in LETTERS {
        let Some(axis) = axis_of(letter, x.rank) else { continue };
        let (start, extent, after) = (layer.int(offset, 0)?, layer.int(extent, REST)?, layer.int(after, 0)?);
        let end = match extent {
            REST | 0 if after > 0 => -after,
            REST | 0 => i64::MAX,
            extent => start.saturating_add(extent),
        };
        if (start, end) != (0, i64::MAX) {
            ranges.push((axis as i64, Size::Int(start), Size::Int(end)));
        }
    }
    Ok(ranges)
}

fn as_large(net: &mut Net, layer: &Layer, x: Blob, like: Blob) -> Result<Vec<(i64, Size, Size)>> {
    if layer.int(0, 0)? == REST {
        return Err("offsets among the data are not read".into());
    }
    let mut ranges = Vec::new();
    for (letter, [offset, ..]) in LETTERS {
        let (Some(axis), Some(_)) = (axis_of(letter, x.rank), axis_of(letter, like.rank)) else { continue };
        let start = Size::Int(layer.int(offset, 0)?);
        let extent = size::extent(net, layer, like, letter);
        ranges.push((axis as i64, start, size::add(net, layer, extent, start)?));
    }
    Ok(ranges)
}

/// Writes the second operand into the first.
pub(super) fn copy_to(net: &mut Net, layer: &Layer, [x, part]: [Blob; 2]) -> Blob {
    net.like(layer, "CopyInto", x, &[part.id], none())
}

/// Keys: 0 to 3 pads top, bottom, left, right, 4 constant, edge or reflect, 5 the constant, 7 and 8 front and behind:
/// channels of an image, depth of a volume.
pub(super) fn padding(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mode = match layer.int(4, 0)? {
        0 => "constant",
        1 => "edge",
        2 => "reflect",
        kind => return Err(format!("kind {kind} of padding is unknown")),
    };
    let mut pads = vec![0; 2 * x.rank];
    let outer = if x.rank == 4 { 'c' } else { 'd' };
    for (letter, before, after) in [('h', 0, 1), ('w', 2, 3), (outer, 7, 8)] {
        if let Some(axis) = axis_of(letter, x.rank) {
            (pads[axis], pads[x.rank + axis]) = (layer.int(before, 0)?, layer.int(after, 0)?);
        }
    }
    let mut others = vec![net.ints(layer, "pads", pads)];
    if mode == "constant" {
        others.push(net.floats(layer, "value", vec![layer.float(5, 0.0)?]));
    }
    Ok(net.like(layer, "Pad", x, &others, attrs([("mode", Attr::from(mode))])))
}

/// Keys: 0 nearest, bilinear or bicubic, 1 and 2 scales, 3 and 4 sizes of height and width, 6 corners, 9 the sizes as a
/// text; with a second operand, its sizes. Of a matrix the width alone changes; a vector becomes an image, a channel a
/// number.
pub(super) fn interp(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ref others @ ..] = operands else { return Err("has no operand".into()) };
    let mode = match layer.int(0, 0)? {
        0 | 1 => "nearest",
        2 => "linear",
        3 => "cubic",
        kind => return Err(format!("interpolation {kind} is unknown")),
    };
    let corners = if layer.int(6, 0)? != 0 { "align_corners" } else { "half_pixel" };
    let mut attrs = attrs([("coordinate_transformation_mode", Attr::from(corners)), ("mode", Attr::from(mode))]);
    let x = match x.rank {
        2 => {
            let axes = net.ints(layer, "axes", vec![2, 3]);
            Blob { id: net.node(layer, "Unsqueeze", &[x.id, axes], none()), rank: 4 }
        }
        3 | 4 => x,
        rank => return Err(format!("no interpolation of {} axes", rank - 1)),
    };
    let sizes = if !layer.text(9).is_empty() {
        // Width first.
        let sizes = size::list(net, layer, layer.text(9), operands)?;
        let &[width, height] = sizes.as_slice() else { return Err(format!("{} sizes", sizes.len())) };
        Some([height, width])
    } else if let &[like, ..] = others {
        Some(['h', 'w'].map(|letter| size::extent(net, layer, like, letter)))
    } else if layer.int(3, 0)? != 0 && layer.int(4, 0)? != 0 {
        Some([Size::Int(layer.size(3, 0)? as i64), Size::Int(layer.size(4, 0)? as i64)])
    } else {
        None
    };
    let mut inputs = vec![Some(x.id), None];
    if let Some(sizes) = sizes {
        let skip = 4 - x.rank;
        attrs.insert("axes".into(), Attr::Ints((2..x.rank as i64).collect()));
        if x.rank == 3 {
            attrs.insert("axes".into(), Attr::Ints(vec![2]));
        }
        let sizes = size::vector(net, layer, "sizes", &sizes[skip..]);
        inputs.extend([None, Some(sizes)]);
    } else {
        let scales = [1.0, 1.0, layer.float(1, 1.0)?, layer.float(2, 1.0)?];
        let scales = if x.rank == 3 { vec![1.0, 1.0, scales[3]] } else { scales.to_vec() };
        inputs.push(Some(net.floats(layer, "scales", scales)));
    }
    Ok(Blob { id: net.nodes(layer, OpType::new("Resize"), inputs, attrs, 1)[0], ..x })
}

/// Keys: 0 nearest, bilinear or bicubic, 3 whether the coordinates of a point are the outermost axis of the grid.
pub(super) fn grid_sample(net: &mut Net, layer: &Layer, [x, grid]: [Blob; 2]) -> Result<Blob> {
    let mode = match layer.int(0, 1)? {
        1 => "nearest",
        2 => "linear",
        3 => "cubic",
        kind => return Err(format!("interpolation {kind} is unknown")),
    };
    let mut grid = grid.id;
    if layer.int(3, 0)? != 0 {
        let order = [0].into_iter().chain(2..x.rank as i64).chain([1]).collect();
        grid = net.node(layer, "Transpose", &[grid], attrs([("perm", Attr::Ints(order))]));
    }
    Ok(net.like(layer, "GridSample", x, &[grid], attrs([("mode", Attr::from(mode))])))
}
