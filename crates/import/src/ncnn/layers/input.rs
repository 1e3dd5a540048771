//! `Input` and `MemoryData`: keys 0, 1, 2 are width, height and channels.

use tachograph_ir::{DType, Dim};

use super::{Blob, Layer, Net, Result};

/// Extents, outermost first, with the leading 1; `None` without any.
fn extents(layer: &Layer) -> Result<Option<Vec<u64>>> {
    let mut shape = vec![1];
    for key in [2, 1, 0] {
        if layer.int(key, 0)? != 0 {
            shape.push(layer.size(key, 0)?);
        }
    }
    Ok((shape.len() > 1).then_some(shape))
}

pub(super) fn input(net: &mut Net, layer: &Layer) -> Result<()> {
    let dims = match extents(layer)? {
        Some(shape) => shape.into_iter().map(Dim::Fixed).collect(),
        None => vec![Dim::Fixed(1), "channels".into(), "height".into(), "width".into()],
    };
    net.input(layer, dims)
}

pub(super) fn memory(net: &mut Net, layer: &Layer) -> Result<()> {
    let shape = extents(layer)?.ok_or("has no extents")?;
    let id = net.weight(layer, "data", DType::F32, &shape);
    net.define(layer, 0, Blob { id, rank: shape.len() })
}
