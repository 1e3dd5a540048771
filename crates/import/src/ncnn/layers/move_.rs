//! Layers that change axes and compute nothing: `Flatten`, `Reshape`, `Permute`, `Squeeze`, `ExpandDims`, `Tile`,
//! `Flip`, `ShuffleChannel`, `PixelShuffle`, `Reorg`, `Diag`, `Fold`, `Unfold`.

use tachograph_ir::{Attr, OpType, TensorId, attrs};

use super::{
    Blob, Layer, Net, Result, conv, none,
    reduce::axis,
    size::{self, Size, axis_of},
};

/// Stands for “no such axis” in shapes, for “the rest” in sizes and for “to the end” in offsets.
pub(super) const REST: i64 = -233;

pub(super) fn flatten(net: &mut Net, layer: &Layer, x: Blob) -> Blob {
    Blob { id: net.node(layer, "Flatten", &[x.id], attrs([("axis", Attr::Int(1))])), rank: 2 }
}

/// Key 0: the order of the axes of the result, by the number of its line here, innermost first.
pub(super) fn permute(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    const MATRICES: &str = "wh hw";
    const IMAGES: &str = "whc hwc wch cwh hcw chw";
    const VOLUMES: &str = "whdc hwdc wdhc dwhc hdwc dhwc whcd hwcd wchd cwhd hcwd chwd wdch dwch wcdh cwdh dcwh cdwh \
        hdcw dhcw hcdw chdw dchw cdhw";
    let code = layer.int(0, 0)?;
    let orders = match x.rank {
        2 => "w",
        3 => MATRICES,
        4 => IMAGES,
        5 => VOLUMES,
        _ => "",
    };
    let order = usize::try_from(code).ok().and_then(|code| orders.split_whitespace().nth(code));
    let order = order.ok_or_else(|| format!("order {code} of {} axes is unknown", x.rank - 1))?;
    let axes = order.chars().rev().filter_map(|letter| axis_of(letter, x.rank));
    let order = std::iter::once(0).chain(axes.map(|axis| axis as i64)).collect();
    Ok(net.like(layer, "Transpose", x, &[], attrs([("perm", Attr::Ints(order))])))
}

/// Keys 0, 1, 11, 2: width, height, depth, channels, as far as the result has them; -1 for what is left, 0 to keep;
/// or a text in key 6, which may speak of several operands.
pub(super) fn reshape(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let &[x, ..] = operands else { return Err("has no operand".into()) };
    if layer.int(12, 233)? != 233 || layer.int(13, 233)? != 233 {
        return Err("a batch is not read".into());
    }
    let mut target = vec![Size::Int(1)];
    if !layer.text(6).is_empty() {
        // Innermost first.
        let extents = size::list(net, layer, layer.text(6), operands)?;
        target.extend(extents.into_iter().rev());
    } else {
        let mut given = Vec::new();
        for (key, letter) in [(2, 'c'), (11, 'd'), (1, 'h'), (0, 'w')] {
            let extent = layer.int(key, REST)?;
            if extent != REST {
                given.push((extent, letter));
            }
        }
        let rank = given.len() + 1;
        for (extent, letter) in given {
            target.push(match extent {
                // That of the same letter, which is the same axis only where there are as many.
                0 if rank != x.rank => size::extent(net, layer, x, letter),
                extent => Size::Int(extent),
            });
        }
    }
    let rank = target.len();
    if !(2..=5).contains(&rank) {
        return Err(format!("a target of {} axes is not read", rank - 1));
    }
    let target = size::vector(net, layer, "shape", &target);
    Ok(Blob { id: net.node(layer, "Reshape", &[x.id, target], none()), rank })
}

/// Keys 3: axes; or 0, 1, 11, 2 whether width, height, depth, channels go. Only extents of 1 do, and one axis stays.
pub(super) fn squeeze(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut axes: Vec<i64> = match layer.ints(3)? {
        Some(axes) => axes.into_iter().map(|a| axis(a, x)).collect::<Result<_>>()?,
        None => {
            let mut axes = Vec::new();
            for (key, letter) in [(2, 'c'), (11, 'd'), (1, 'h'), (0, 'w')] {
                if let Some(axis) = axis_of(letter, x.rank)
                    && layer.int(key, 0)? != 0
                {
                    axes.push(axis as i64);
                }
            }
            axes
        }
    };
    if let Some(shape) = net.shape(x) {
        axes.retain(|&a| shape.get(a as usize).is_none_or(|&n| n == 1));
    }
    axes.sort_unstable();
    axes.dedup();
    if axes.len() + 1 >= x.rank {
        axes.truncate(x.rank.saturating_sub(2));
    }
    if axes.is_empty() {
        return Ok(x);
    }
    let rank = x.rank - axes.len();
    let axes = net.ints(layer, "axes", axes);
    Ok(Blob { id: net.node(layer, "Squeeze", &[x.id, axes], none()), rank })
}

/// Key 3: axes of the result.
pub(super) fn expand_dims(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let axes = layer.ints(3)?.unwrap_or_default();
    let rank = x.rank + axes.len();
    let result = Blob { rank, ..x };
    let mut axes: Vec<i64> = axes.into_iter().map(|a| axis(a, result)).collect::<Result<_>>()?;
    axes.sort_unstable();
    let axes = net.ints(layer, "axes", axes);
    Ok(Blob { id: net.node(layer, "Unsqueeze", &[x.id, axes], none()), rank })
}

/// Keys: 2 repeats by axis, of which there may be more than the blob has; or 0 axis and 1 times.
pub(super) fn tile(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let repeats = match layer.ints(2)? {
        Some(repeats) if !repeats.is_empty() => repeats,
        _ => {
            let mut repeats = vec![1; x.rank - 1];
            let axis = if x.rank == 2 { 1 } else { axis(layer.int(0, 0)?, x)? };
            repeats[axis as usize - 1] = layer.size(1, 1)? as i64;
            repeats
        }
    };
    if repeats.iter().any(|&n| n < 1) || repeats.len() > 4 {
        return Err(format!("repeats {repeats:?} are not read"));
    }
    let rank = x.rank.max(repeats.len() + 1);
    let mut id = x.id;
    if rank > x.rank {
        // The channels of an image stay outermost when it becomes a volume.
        let first = if x.rank == 4 { 2 } else { 1 };
        let axes = net.ints(layer, "axes", (first..).take(rank - x.rank).collect());
        id = net.node(layer, "Unsqueeze", &[id, axes], none());
    }
    let ones = std::iter::repeat_n(1, rank - repeats.len());
    let repeats = net.ints(layer, "repeats", ones.chain(repeats).collect());
    Ok(Blob { id: net.node(layer, "Tile", &[id, repeats], none()), rank })
}

/// Key 0: axes.
pub(super) fn flip(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let axes: Vec<i64> = layer.ints(0)?.unwrap_or_default().into_iter().map(|a| axis(a, x)).collect::<Result<_>>()?;
    let count = axes.len();
    let lists =
        [("starts", vec![-1; count]), ("ends", vec![i64::MIN; count]), ("axes", axes), ("steps", vec![-1; count])];
    let lists: Vec<TensorId> = lists.into_iter().map(|(what, list)| net.ints(layer, what, list)).collect();
    Ok(net.like(layer, "Slice", x, &lists, none()))
}

/// Keys: 0 groups, 1 whether groups and channels of a group swap their parts.
pub(super) fn shuffle(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let groups = layer.size(0, 1)? as i64;
    let rest = vec![0; x.rank.saturating_sub(2)];
    let split = if layer.int(1, 0)? != 0 { [-1, groups] } else { [groups, -1] };
    // The leading 1 makes room for the groups, so that the other axes keep their places.
    let split = net.ints(layer, "split", [&split, rest.as_slice()].concat());
    let y = net.node(layer, "Reshape", &[x.id, split], none());
    let order = [1, 0].into_iter().chain(2..x.rank as i64).collect();
    let y = net.node(layer, "Transpose", &[y], attrs([("perm", Attr::Ints(order))]));
    let join = net.ints(layer, "join", [&[1, -1], rest.as_slice()].concat());
    Ok(Blob { id: net.node(layer, "Reshape", &[y, join], none()), ..x })
}

/// `PixelShuffle` and `Reorg`. Keys: 0 factor, 1 which channels come first.
pub(super) fn depth_space(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut attrs = attrs([("blocksize", Attr::Int(layer.size(0, 1)? as i64))]);
    if layer.kind == "Reorg" {
        return Ok(net.like(layer, "SpaceToDepth", x, &[], attrs));
    }
    attrs.insert("mode".into(), Attr::from(if layer.int(1, 0)? == 0 { "CRD" } else { "DCR" }));
    Ok(net.like(layer, "DepthToSpace", x, &[], attrs))
}

/// Key 0: which diagonal.
pub(super) fn diagonal(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let rank = match x.rank {
        2 => 3,
        3 => 2,
        rank => return Err(format!("no diagonal of {} axes", rank - 1)),
    };
    let which = attrs([("diagonal", Attr::Int(layer.int(0, 0)?))]);
    Ok(Blob { id: net.node(layer, if rank == 3 { "DiagonalMatrix" } else { "Diagonal" }, &[x.id], which), rank })
}

/// Windows as columns, (c, h, w) to (c · kernel, windows): keys as those of convolutions.
pub(super) fn unfold(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let mut attrs = window(layer)?;
    attrs.insert("kernel_shape".into(), conv::list(&conv::sizes(layer, 1, 0)?));
    let pads = conv::pads(layer, [4, 15, 14, 16, 24, 17])?;
    let auto = match pads.as_slice() {
        [-233, ..] => Some("SAME_UPPER"),
        [-234, ..] => Some("SAME_LOWER"),
        _ => None,
    };
    if let Some(auto) = auto {
        attrs.remove("pads");
        attrs.insert("auto_pad".into(), Attr::from(auto));
    }
    Ok(Blob { id: net.node(layer, "Im2Col", &[x.id], attrs), rank: 3 })
}

/// The sum of what `unfold` would cut: 20 and 21 width and height of the image.
pub(super) fn fold(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let width = layer.size(20, 0)?;
    let image = vec![layer.size(21, width as i64)? as i64, width as i64];
    let image = net.ints(layer, "image", image);
    let block = conv::sizes(layer, 1, 0)?.into_iter().map(|n| n as i64).collect();
    let block = net.ints(layer, "block", block);
    let attrs = window(layer)?;
    let id = net.nodes(layer, OpType::new("Col2Im"), [x.id, image, block].map(Some).to_vec(), attrs, 1)[0];
    Ok(Blob { id, rank: 4 })
}

fn window(layer: &Layer) -> Result<tachograph_ir::Attrs> {
    Ok(attrs([
        ("dilations", conv::list(&conv::sizes(layer, 2, 1)?)),
        ("strides", conv::list(&conv::sizes(layer, 3, 1)?)),
        ("pads", Attr::Ints(conv::pads(layer, [4, 15, 14, 16, 24, 17])?)),
    ]))
}
